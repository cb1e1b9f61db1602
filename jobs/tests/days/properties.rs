//! What must hold of any day.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use hotspots_data::table::{Hotspot, HotspotHour, StationDay, StationInformation, StationStatus};
use hotspots_data::{Cell, Derived, Resolution};
use proptest::prelude::*;

use crate::support::{City, information, minutes, status};

const DATE: &str = "2026-02-10";
const STATIONS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// Where a station stands, and its docks as published.
type Place = ((f64, f64), Option<i32>);
/// Mechanical and electric bikes and free docks, of which the last two may not be told.
type Count = (i32, Option<i32>, Option<i32>);
/// Each station's at one poll.
type Counts = [Count; 8];

/// Points around the Opéra, close enough that some share a cell and some do not.
fn places() -> impl Strategy<Value = [Place; 8]> {
    let point = (48.86..48.88_f64, 2.32..2.35_f64);
    prop::array::uniform8((point, prop::option::weighted(0.9, 0..60_i32)))
}

fn counts() -> impl Strategy<Value = Counts> {
    let told = |most| prop::option::weighted(0.8, 0..most);
    prop::array::uniform8((0..30_i32, told(9_i32), told(4_i32)))
}

/// Polls, or now and then a day on which nowhere ever is a bike.
fn polls() -> impl Strategy<Value = Vec<Counts>> {
    let none = |polls: Vec<Counts>| {
        polls.into_iter().map(|poll| poll.map(|(_, _, docks)| (0, Some(0), docks))).collect()
    };
    let polls = || prop::collection::vec(counts(), 1..5);
    prop_oneof![7 => polls(), 1 => polls().prop_map(none)]
}

/// What is computed of a day.
#[derive(Debug, PartialEq)]
struct Tables {
    hotspots: Vec<Vec<Hotspot>>,
    hours: Vec<Vec<HotspotHour>>,
    stations: Vec<StationDay>,
}

fn resolutions() -> impl Iterator<Item = Resolution> {
    Resolution::COARSER.into_iter().chain([Resolution::HOTSPOTS])
}

/// The day's tables, from polls at the minutes given.
fn day(places: &[Place; 8], polls: &[(i64, Counts)]) -> Tables {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let city = City::new(Tz::Europe__Paris);
        let start = city.day(DATE).start();
        let place = |(id, &((lat, lon), capacity)): (&str, &Place)| StationInformation {
            capacity,
            ..information(start, id, lat, lon)
        };
        let rows: Vec<_> = STATIONS.into_iter().zip(places).map(place).collect();
        city.informations(start, &rows).await;
        for (minute, counts) in polls {
            let at = start + minutes(*minute);
            let row = |(id, &(mechanical, ebikes, docks)): (&str, &Count)| StationStatus {
                num_ebikes_available: ebikes,
                num_mechanical_available: ebikes.map(|_| mechanical),
                num_docks_available: docks,
                ..status(at, id, mechanical + ebikes.unwrap_or_default(), 0)
            };
            let rows: Vec<_> = STATIONS.into_iter().zip(counts).map(row).collect();
            city.statuses(at, &rows).await;
        }
        city.aggregate().await;
        let mut tables = Tables { hotspots: vec![], hours: vec![], stations: vec![] };
        for resolution in resolutions() {
            tables.hotspots.push(city.table(Derived::Hotspots(resolution), DATE).await.0);
            tables.hours.push(city.table(Derived::HotspotsHourly(resolution), DATE).await.0);
        }
        tables.stations = city.station_days(DATE).await;
        tables
    })
}

fn every(step: i64, counts: &[Counts]) -> Vec<(i64, Counts)> {
    // Across the full hour, and across the times at which a station's bikes are told.
    counts.iter().zip(0..).map(|(counts, index)| (470 + step * index, *counts)).collect()
}

/// What of a cell is the sum of its stations': bikes, ebikes, mechanical, docks, capacity, their number.
fn additive(row: &Hotspot) -> [f64; 6] {
    let known = |value: Option<f64>| value.unwrap_or_default();
    let kinds = [row.ebikes, row.mechanical, row.docks, row.capacity].map(known);
    [row.bikes, kinds[0], kinds[1], kinds[2], kinds[3], f64::from(row.stations)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_poll_repeated_before_the_next_one_changes_no_column(places in places(), counts in polls(), cut in 1_i64..5) {
        let polls = every(5, &counts);
        let mut split = polls.clone();
        // The last poll holds for the whole gap, which a repetition would prolong.
        split.extend(polls[..polls.len() - 1].iter().map(|(minute, counts)| (minute + cut, *counts)));
        split.sort_unstable_by_key(|poll| poll.0);
        prop_assert_eq!(day(&places, &polls), day(&places, &split));
    }

    #[test]
    fn doubling_the_cadence_of_a_constant_signal_changes_no_column(places in places(), counts in counts()) {
        let [slow, fast] = [(10, 3), (5, 5)]
            .map(|(step, polls)| day(&places, &every(step, &vec![counts; polls])));
        prop_assert_eq!(slow, fast);
    }

    #[test]
    fn weights_reach_one_ties_rank_alike_and_shares_are_the_whole(places in places(), counts in polls()) {
        let tables = day(&places, &every(5, &counts));
        for rows in &tables.hotspots {
            let is_empty = rows.iter().all(|row| row.bikes == 0.0);
            for row in rows {
                prop_assert!((0.0..=1.0).contains(&row.weight));
                prop_assert_eq!(row.weight > 0.0, row.bikes > 0.0);
                prop_assert_eq!(row.weight == 1.0, row.rank == 1 && !is_empty);
            }
            let shares: f64 = rows.iter().map(|row| row.share).sum();
            let all = if is_empty { 0.0 } else { 1.0 };
            prop_assert!((shares - all).abs() < 1e-12);
            prop_assert_eq!(rows[0].rank, 1);
            for (index, pair) in rows.windows(2).enumerate() {
                prop_assert!(pair[0].bikes >= pair[1].bikes);
                let expected = if pair[0].bikes == pair[1].bikes { pair[0].rank } else { index as u32 + 2 };
                prop_assert_eq!(pair[1].rank, expected);
            }
        }
        for rows in &tables.hours {
            let most = rows.iter().map(|row| row.weight).fold(0.0, f64::max);
            prop_assert_eq!(most, if rows.iter().all(|row| row.bikes == 0.0) { 0.0 } else { 1.0 });
        }
    }

    #[test]
    fn a_coarser_cell_has_the_sums_of_the_cells_within_it(places in places(), counts in polls()) {
        let tables = day(&places, &every(5, &counts));
        let fine = tables.hotspots.last().unwrap();
        for (resolution, rows) in resolutions().zip(&tables.hotspots) {
            let mut sums: BTreeMap<String, [f64; 6]> = BTreeMap::new();
            for row in fine {
                let parent = row.hex_id.parse::<Cell>().unwrap().parent(resolution).unwrap();
                let sum = sums.entry(parent.to_string()).or_default();
                *sum = std::array::from_fn(|at| sum[at] + additive(row)[at]);
            }
            prop_assert_eq!(rows.len(), sums.len());
            for row in rows {
                let (found, expected) = (additive(row), sums[&row.hex_id]);
                let is_near = found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9);
                prop_assert!(is_near, "{found:?} is not {expected:?}");
            }
        }
    }
}
