//! What the summary tells of a day as a whole.

use std::collections::BTreeMap;

use crate::support::{City, OPERA, minutes, vehicle};
use chrono_tz::Tz;
use hotspots_data::table::Hotspot;
use hotspots_data::{Derived, Resolution};

const DATE: &str = "2026-02-10";

#[tokio::test]
async fn of_a_day_not_yet_over_as_many_polls_are_expected_as_were_due() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    city.information(start, &[("a", OPERA)]).await;
    for poll in 0..11 {
        city.poll(start + minutes(10 * poll), &[("a", 1, 1)]).await;
    }
    city.aggregate_at("2026-02-10T00:45:00Z").await;
    let (_, day) = city.hotspots(DATE).await;
    // By hand: midnight, 00:10 and so on to 01:40 local time.
    assert_eq!((day.provisional, day.polls, day.polls_expected), (true, 11, 11));
    city.aggregate().await;
    let (_, day) = city.hotspots(DATE).await;
    assert_eq!((day.provisional, day.polls, day.polls_expected), (false, 11, 144));
    // Unseen from 01:55 on.
    assert_eq!(day.longest_unobserved_s, (1440.0 - 115.0) * 60.0);
}

#[tokio::test]
async fn polls_that_a_change_of_time_zone_leaves_out_of_every_day_are_counted() {
    let city = City::new(Tz::UTC);
    let start = city.day(DATE).start();
    city.information(start, &[("a", OPERA)]).await;
    city.poll(start, &[("a", 1, 1)]).await;
    let later = City { lake: city.lake.clone(), time_zone: Tz::America__Los_Angeles };
    // Los Angeles' date is the same until 08:00 UTC of the next day; the day is still UTC's.
    for hour in [10, 23, 25, 31] {
        later.poll(start + minutes(60 * hour), &[("a", 1, 1)]).await;
    }
    let at = start + minutes(60 * 26);
    later.vehicles(at, &[vehicle(at, "1", OPERA)]).await;
    city.aggregate().await;
    let (_, day) = city.hotspots(DATE).await;
    assert_eq!((day.time_zone, day.polls, day.vehicle_polls), (Tz::UTC, 3, 0));
    assert_eq!(day.polls_outside_day, 3, "of 25:00, 26:00 and 31:00");
    assert_eq!(day.last_poll.map(|poll| poll.0), Some(start + minutes(60 * 23)));
}

#[tokio::test]
async fn the_neighbourhood_of_gi_is_told_in_rings_and_in_metres() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    city.information(start, &[("a", OPERA)]).await;
    city.poll(start, &[("a", 1, 1)]).await;
    city.aggregate().await;
    // By hand: H3's mean edges of 75.864, 200.786 and 531.414 m, times √3, times the rings.
    for (resolution, rings, radius_m) in [("10", 4, 525.60), ("9", 2, 695.54), ("8", 1, 920.44)] {
        let resolution: Resolution = resolution.parse().unwrap();
        let (_, day) = city.table::<Hotspot>(Derived::Hotspots(resolution), DATE).await;
        assert_eq!(day.gi_rings, Some(rings));
        let reach_m = day.gi_radius_m.expect("of a resolution");
        assert!((reach_m - radius_m).abs() < 0.01, "{reach_m} m");
    }
}

#[tokio::test]
async fn a_day_without_any_bike_has_weights_and_shares_of_0_and_first_ranks() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    city.information(start, &[("a", OPERA), ("b", crate::support::NATION)]).await;
    city.poll(start, &[("a", 0, 20), ("b", 0, 20)]).await;
    city.aggregate().await;
    let (rows, _) = city.hotspots(DATE).await;
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!((row.rank, row.weight, row.share, row.smoothed_weight), (1, 0.0, 0.0, 0.0));
        assert_eq!((row.empty_share, row.gi_z, row.gi_class.as_str()), (1.0, None, "neither"));
    }
    assert!(city.hours(DATE).await.iter().all(|row| row.weight == 0.0));
}

#[tokio::test]
async fn the_dictionary_has_every_figure_of_the_day_and_no_other() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    city.information(start, &[("a", OPERA)]).await;
    city.poll(start, &[("a", 1, 1)]).await;
    city.aggregate().await;
    let key = Derived::DAYS.key(&City::system(), hotspots_data::parse_date(DATE).unwrap());
    let bytes = city.lake.get(&key).await.unwrap().bytes;
    let metadata = hotspots_data::codec::read_metadata(bytes).unwrap();
    let day: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&metadata["hotspots.day"]).unwrap();
    let dictionary = include_str!("../../../data/README.md");
    let (_, rest) = dictionary.split_once("## The day's figures").unwrap();
    let (section, _) = rest.split_once("\n## ").unwrap();
    let mut told: Vec<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    told.sort_unstable();
    assert_eq!(told, day.keys().map(String::as_str).collect::<Vec<_>>());
}
