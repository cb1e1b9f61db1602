//! Writes a lake of made-up days for benchmarks: `fixture_lake FOLDER FIRST_DATE DAYS CELLS`.

#[expect(unreachable_pub, reason = "the tests share it")]
#[path = "../../tests/support/fixture.rs"]
mod fixture;

use chrono::Days;
use fixture::Fixture;
use hotspots_data::{Lake, parse_date};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, first, days, cells] = arguments.as_slice() else {
        return Err("usage: fixture_lake FOLDER FIRST_DATE DAYS CELLS".into());
    };
    let lake = Lake::open(folder)?;
    let fixture = Fixture::of("fixture", cells.parse()?);
    let (first, days) = (parse_date(first)?, days.parse::<u64>()?);
    for day in 0..days {
        let date = first.checked_add_days(Days::new(day)).ok_or("a date beyond the calendar")?;
        // All tables of the last week; of the days before, the hotspots.
        if day + 7 >= days {
            fixture.write(&lake, date).await?;
        } else {
            fixture.write_hotspots(&lake, date).await?;
        }
    }
    fixture.write_system(&lake, first).await?;
    println!("{days} days of {cells} cells in {folder}");
    Ok(())
}
