//! Stations whose information changes in the middle of the day.

use crate::support::{BASTILLE, City, OPERA, hex, information, minutes, status};
use chrono_tz::Tz;
use hotspots_data::table::{StationInformation, StationStatus};

const DATE: &str = "2026-02-10";

fn near(a: Option<f64>, b: f64) {
    assert!(a.is_some_and(|a| (a - b).abs() < 1e-12), "{a:?} is not {b}");
}

#[tokio::test]
async fn what_a_station_told_only_before_it_moved_is_not_known_where_it_moved_to() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    city.information(start, &[("a", OPERA)]).await;
    city.information(start + minutes(60), &[("a", BASTILLE)]).await;
    for minute in (0..120).step_by(10) {
        let at = start + minutes(minute);
        let told = |count| Some(count).filter(|_| minute < 60);
        let row = StationStatus {
            num_ebikes_available: told(2),
            num_mechanical_available: told(3),
            num_docks_available: told(4),
            ..status(at, "a", 5, 0)
        };
        city.statuses(at, &[row]).await;
    }
    city.aggregate().await;
    let (rows, _) = city.hotspots(DATE).await;
    let of = |place| rows.iter().find(|row| row.hex_id == hex(place)).expect("a cell");
    // By hand: an hour at the Opéra, then 65 minutes at Bastille; docks and kinds are told in the
    // first hour alone.
    let opera = of(OPERA);
    near(Some(opera.bikes), 5.0 * 60.0 / 125.0);
    assert_eq!((opera.ebikes, opera.mechanical, opera.docks), (Some(2.0), Some(3.0), Some(4.0)));
    near(opera.capacity, 20.0 * 60.0 / 125.0);
    let bastille = of(BASTILLE);
    near(Some(bastille.bikes), 5.0 * 65.0 / 125.0);
    assert_eq!((bastille.ebikes, bastille.mechanical, bastille.docks), (None, None, None));
    assert_eq!(bastille.full_share, None);
    near(bastille.capacity, 20.0 * 65.0 / 125.0);
}

#[tokio::test]
async fn occupancy_is_over_the_capacity_of_the_time_as_in_the_stations_cell() {
    for (last, capacity, occupancy) in
        [(Some(40), Some(12.5), Some(0.8)), (None, Some(10.0 * 22.0 / 24.0), None)]
    {
        let city = City::new(Tz::Europe__Paris);
        let start = city.day(DATE).start();
        let docks = |at, capacity| StationInformation {
            capacity,
            ..information(at, "a", OPERA.0, OPERA.1)
        };
        city.informations(start, &[docks(start, Some(10))]).await;
        let ten = start + minutes(22 * 60);
        city.informations(ten, &[docks(ten, last)]).await;
        for minute in (0..1440).step_by(15) {
            city.poll(start + minutes(minute), &[("a", 10, 1)]).await;
        }
        city.aggregate().await;
        let row = &city.station_days(DATE).await[0];
        let cell = &city.hotspots(DATE).await.0[0];
        // By hand: 10 docks for 22 hours, 40 for 2: (220 + 80) / 24 = 12.5, and 10 ÷ 12.5 = 0.8.
        assert_eq!((row.capacity, row.occupancy), (last, occupancy));
        assert_eq!((cell.capacity, cell.occupancy), (capacity, occupancy));
    }
}

#[tokio::test]
async fn a_station_first_listed_after_the_last_poll_is_listed_with_the_others() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    city.information(start, &[("a", OPERA)]).await;
    city.poll(start, &[("a", 1, 1), ("b", 1, 1)]).await;
    city.information(start + minutes(600), &[("a", OPERA), ("b", OPERA), ("c", BASTILLE)]).await;
    city.aggregate().await;
    let rows = city.station_days(DATE).await;
    let found: Vec<_> = rows.iter().map(|row| (row.station_id.as_str(), row.bikes)).collect();
    assert_eq!(found, [("a", Some(1.0)), ("b", Some(1.0)), ("c", None)]);
    // When `b` was seen, no information told of it.
    let (_, day) = city.hotspots(DATE).await;
    assert_eq!((day.stations, day.stations_without_information), (1, 1));
    assert_eq!((day.stations_without_status, day.stations_without_position), (1, 0));
}
