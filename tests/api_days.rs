//! What is said of many days: fresh within seconds, made once, and who is credited.

use std::time::Duration;

use hotspots_data::codec::Metadata;
use hotspots_data::table::{Row as _, SystemInformation};
use hotspots_data::{Recorded, Resolution, parse_date};

use crate::support::http::{Response, get, until};
use crate::support::{Fixture, Serving, TestLake, hotspots, wait};

const DAYS: [&str; 3] = ["2026-10-20", "2026-10-21", "2026-10-22"];

fn served(fixture: &Fixture) -> (TestLake, Serving) {
    let lake = TestLake::new();
    wait(async {
        for day in DAYS {
            let date = parse_date(day).expect("a date");
            fixture.write(&lake.open(), date).await.expect("written");
        }
        let first = parse_date(DAYS[0]).expect("a date");
        fixture.write_system(&lake.open(), first).await.expect("written");
    });
    let serving = Serving::start(hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]));
    (lake, serving)
}

#[test]
fn the_list_and_a_cells_days_follow_a_day_that_is_computed_again() {
    let fixture = Fixture::of("velib", 20);
    let (lake, serving) = served(&fixture);
    let date = parse_date(DAYS[1]).unwrap();
    let id = &fixture.hotspots(date, Resolution::HOTSPOTS)[0].hex_id;
    let series = format!("/hotspots?hex_id={id}");
    let (list, days) = (get(serving.address(), "/hotspots"), get(serving.address(), &series));
    let changed = Fixture { salt: 9, ..fixture };
    wait(changed.write(&lake.open(), date)).unwrap();
    let bikes = |response: &Response| response.json()["days"][1]["bikes"].clone();
    let list = (bikes(&list), until(serving.address(), "/hotspots", |now| now.body != list.body));
    let days = (bikes(&days), until(serving.address(), &series, |now| now.body != days.body));
    assert_ne!(bikes(&list.1), list.0);
    assert_ne!(bikes(&days.1), days.0);
    let sum: f64 = changed.hotspots(date, Resolution::HOTSPOTS).iter().map(|row| row.bikes).sum();
    assert!((bikes(&list.1).as_f64().unwrap() - sum).abs() < 1e-3);
}

#[test]
fn days_of_another_resolution_link_to_their_own_cells() {
    let (_lake, serving) = served(&Fixture::of("velib", 5));
    let list = get(serving.address(), "/hotspots?resolution=9").json();
    let link = list["days"][0]["href"].as_str().expect("a link").to_owned();
    assert_eq!(get(serving.address(), &link).json()["resolution"], 9);
}

#[test]
fn a_system_that_changes_its_licence_is_credited_anew_in_every_answer() {
    let fixture = Fixture::of("velib", 5);
    let (lake, serving) = served(&fixture);
    let path = "/hotspots/2026-10-22";
    let before = get(serving.address(), path);
    assert_eq!(before.json()["attribution"]["license_id"], "etalab-2.0");
    wait(async {
        let lake = lake.open();
        let date = parse_date(DAYS[0]).unwrap();
        let old = lake.list_day(Recorded::SystemInformation, &fixture.system, date).await.unwrap();
        let bytes = lake.get(&old[0]).await.unwrap().bytes;
        let (mut rows, _) = SystemInformation::decode(bytes).unwrap();
        rows[0].license_id = Some("CC0-1.0".to_owned());
        let hash = SystemInformation::content_hash(&rows);
        let later = rows[0].observed_at + chrono::TimeDelta::hours(1);
        let key = Recorded::SystemInformation.key(&fixture.system, date, later, hash);
        // Last-Modified is told in whole seconds.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let bytes = SystemInformation::encode(&rows, &Metadata::new()).unwrap();
        lake.put_new(&key, bytes).await.unwrap();
    });
    let after =
        until(serving.address(), path, |now| now.json()["attribution"]["license_id"] == "CC0-1.0");
    assert_ne!(after.header("last-modified"), before.header("last-modified"));
    assert_ne!(after.header("etag"), before.header("etag"));
}
