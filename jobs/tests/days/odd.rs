//! What the checks of quality find, and from where on.

use crate::support::{City, OPERA, information, minutes, status};
use chrono_tz::Tz;
use hotspots_data::table::{StationInformation, StationStatus};

const DATE: &str = "2026-02-10";

/// What a check finds in stations of these capacities, of which some are virtual.
async fn found(check: &str, stations: &[(Option<i32>, bool)]) -> u32 {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    let row =
        |(index, &(capacity, is_virtual)): (usize, &(Option<i32>, bool))| StationInformation {
            capacity,
            is_virtual_station: Some(is_virtual),
            ..information(start, &index.to_string(), OPERA.0, OPERA.1)
        };
    let rows: Vec<StationInformation> = stations.iter().enumerate().map(row).collect();
    city.informations(start, &rows).await;
    city.poll(start, &[("0", 1, 1)]).await;
    city.aggregate().await;
    city.check(DATE, check).await.0
}

#[tokio::test]
async fn one_capacity_for_twenty_stations_or_more_is_a_placeholder() {
    let check = "capacity_placeholder";
    let alike = |count| vec![(Some(30), false); count];
    assert_eq!(found(check, &alike(19)).await, 0);
    assert_eq!(found(check, &alike(20)).await, 20);
    let with = |other| [alike(20), vec![other]].concat();
    assert_eq!(found(check, &with((Some(31), false))).await, 0);
    assert_eq!(found(check, &with((Some(0), false))).await, 0);
    assert_eq!(found(check, &with((None, false))).await, 20);
    assert_eq!(found(check, &with((Some(31), true))).await, 20, "a virtual one has no docks");
}

#[tokio::test]
async fn a_capacity_below_0_or_of_500_or_more_is_no_number_of_docks() {
    for (capacity, expected) in [(-1, 1), (0, 0), (499, 0), (500, 1)] {
        let stations = [(Some(capacity), false), (Some(7), false)];
        assert_eq!(found("capacity_placeholder", &stations).await, expected, "{capacity}");
    }
}

#[tokio::test]
async fn capacities_that_fewer_than_a_fifth_of_twenty_stations_have_are_conditional() {
    let with = |docks: usize, without: usize| {
        let stations = [vec![(Some(12), false); docks], vec![(Some(0), false); without]].concat();
        async move { found("capacity_conditional", &stations).await }
    };
    // By hand: 12 ÷ (3 × 12 ÷ 20) = 6.7 is above 5; 12 ÷ (4 × 12 ÷ 20) = 5 is not.
    assert_eq!(with(3, 17).await, 3);
    assert_eq!(with(4, 16).await, 0);
    assert_eq!(with(3, 16).await, 0, "too few to say");
    assert_eq!(with(0, 20).await, 0);
}

#[tokio::test]
async fn stations_that_do_not_stand_do_not_count_or_count_too_much_are_told_apart() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    let ids = ["absent", "fine", "full", "mute", "negative"];
    city.information(start, &ids.map(|id| (id, OPERA))).await;
    for minute in [0, 15] {
        let at = start + minutes(minute);
        let rows = [
            StationStatus { is_installed: Some(false), ..status(at, "absent", 3, 3) },
            status(at, "fine", 15, 5),
            status(at, "full", 15, 6),
            StationStatus { num_bikes_available: None, ..status(at, "mute", 0, 5) },
            status(at, "negative", 2, -1),
        ];
        city.statuses(at, &rows).await;
    }
    city.aggregate().await;
    for (check, station) in [
        ("not_installed", "absent"),
        ("counts_above_capacity", "full"),
        ("count_negative", "negative"),
    ] {
        assert_eq!(city.check(DATE, check).await, (1, Some(station.to_owned())), "{check}");
    }
    assert_eq!(city.check(DATE, "bikes_above_capacity").await.0, 0);
    let (rows, day) = city.hotspots(DATE).await;
    assert_eq!((day.stations, day.stations_not_installed, day.stations_without_counts), (3, 1, 1));
    // The docks that are below 0 are not told: those of the two others are 5 and 6.
    assert_eq!((rows[0].stations, rows[0].docks), (3, Some(11.0)));
}
