//! The table of cells and hours, on days small enough to work out by hand.

use crate::support::{BASTILLE, City, NATION, OPERA, hex, information, minutes, status};
use chrono_tz::Tz;
use hotspots_data::table::{HotspotHour, StationInformation, StationStatus};

const DATE: &str = "2026-02-10";

#[tokio::test]
async fn each_hour_has_the_cells_seen_in_it_with_their_own_figures() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    let docks = |id, (lat, lon), capacity| StationInformation {
        capacity,
        ..information(start, id, lat, lon)
    };
    city.informations(
        start,
        &[docks("a", OPERA, Some(20)), docks("b", BASTILLE, None), docks("c", NATION, Some(16))],
    )
    .await;
    let kinds = |at, id, [bikes, ebikes, mechanical, docks]: [i32; 4]| StationStatus {
        num_ebikes_available: Some(ebikes),
        num_mechanical_available: Some(mechanical),
        ..status(at, id, bikes, docks)
    };
    // At midnight a and c for five minutes, then a alone until the gap ends it; at one o'clock b and c.
    let at = |minute| start + minutes(minute);
    let polls = [
        (0, vec![kinds(at(0), "a", [8, 3, 5, 0]), kinds(at(0), "c", [4, 1, 3, 12])]),
        (5, vec![kinds(at(5), "a", [0, 0, 0, 20])]),
        (60, vec![status(at(60), "b", 6, 1), kinds(at(60), "c", [2, 2, 0, 14])]),
    ];
    for (minute, rows) in &polls {
        city.statuses(at(*minute), rows).await;
    }
    city.aggregate().await;
    let rows = city.hours(DATE).await;

    // a has 8 bikes for 5 of 20 minutes; the most of any cell in any hour are b's 6.
    let row = |place, hour: u32, bikes: f64| HotspotHour {
        hex_id: hex(place),
        hour,
        hour_start: start + minutes(60 * i64::from(hour)),
        weight: bikes / 6.0,
        bikes,
        ebikes: None,
        mechanical: None,
        docks: None,
        capacity: None,
        occupancy: None,
        empty_share: 0.0,
        full_share: Some(0.0),
        stations: 1,
        coverage: 0.25,
    };
    let mut expected = vec![
        HotspotHour {
            ebikes: Some(0.75),
            mechanical: Some(1.25),
            docks: Some(15.0),
            capacity: Some(20.0),
            occupancy: Some(0.1),
            empty_share: 0.75,
            full_share: Some(0.25),
            coverage: 20.0 / 60.0,
            ..row(OPERA, 0, 2.0)
        },
        HotspotHour {
            ebikes: Some(1.0),
            mechanical: Some(3.0),
            docks: Some(12.0),
            capacity: Some(16.0),
            occupancy: Some(0.25),
            coverage: 5.0 / 60.0,
            ..row(NATION, 0, 4.0)
        },
        HotspotHour { docks: Some(1.0), ..row(BASTILLE, 1, 6.0) },
        HotspotHour {
            ebikes: Some(2.0),
            mechanical: Some(0.0),
            docks: Some(14.0),
            capacity: Some(16.0),
            occupancy: Some(0.125),
            ..row(NATION, 1, 2.0)
        },
    ];
    expected.sort_by(|a, b| (a.hour, &a.hex_id).cmp(&(b.hour, &b.hex_id)));
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn a_station_that_is_not_installed_hides_no_cell_after_its_own() {
    for hidden in ["a", "b", "c"] {
        let city = City::new(Tz::Europe__Paris);
        let start = city.day(DATE).start();
        let places = [("a", OPERA), ("b", BASTILLE), ("c", NATION)];
        city.information(start, &places).await;
        let row = |(id, _): &(&str, _)| StationStatus {
            is_installed: Some(*id != hidden),
            ..status(start, id, 3, 4)
        };
        city.statuses(start, &places.iter().map(row).collect::<Vec<_>>()).await;
        city.aggregate().await;
        let mut expected: Vec<String> =
            places.iter().filter(|(id, _)| *id != hidden).map(|&(_, place)| hex(place)).collect();
        expected.sort_unstable();
        let hours = city.hours(DATE).await;
        assert_eq!(hours.into_iter().map(|row| row.hex_id).collect::<Vec<_>>(), expected);
        let (mut rows, _) = city.hotspots(DATE).await;
        rows.sort_by(|a, b| a.hex_id.cmp(&b.hex_id));
        assert_eq!(rows.into_iter().map(|row| row.hex_id).collect::<Vec<_>>(), expected);
    }
}
