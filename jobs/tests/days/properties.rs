//! What must hold of any day.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use hotspots_data::table::Hotspot;
use hotspots_data::{Cell, Derived, Resolution};
use proptest::prelude::*;

use crate::support::{City, minutes};

const DATE: &str = "2026-02-10";
const STATIONS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// Bikes of each station at each of some polls, five minutes apart.
type Counts = Vec<[i32; 8]>;

fn counts() -> impl Strategy<Value = Counts> {
    prop::collection::vec(prop::array::uniform8(0..30_i32), 1..5)
}

/// Points around the Opéra, close enough that some share a cell and some do not.
fn points() -> impl Strategy<Value = [(f64, f64); 8]> {
    prop::array::uniform8((48.86..48.88_f64, 2.32..2.35_f64))
}

/// The day's cells at a resolution, from polls at the minutes given.
fn day(
    points: &[(f64, f64); 8],
    polls: &[(i64, [i32; 8])],
    resolution: Resolution,
) -> Vec<Hotspot> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let city = City::new(Tz::Europe__Paris);
        let start = city.day(DATE).start();
        let places: Vec<_> = STATIONS.into_iter().zip(*points).collect();
        city.information(start, &places).await;
        for (minute, bikes) in polls {
            let seen: Vec<_> = STATIONS.into_iter().zip(bikes).map(|(s, &b)| (s, b, 9)).collect();
            city.poll(start + minutes(*minute), &seen).await;
        }
        city.aggregate().await;
        city.table(Derived::Hotspots(resolution), DATE).await.0
    })
}

fn every(step: i64, counts: &Counts) -> Vec<(i64, [i32; 8])> {
    counts.iter().zip(0..).map(|(bikes, index)| (600 + step * index, *bikes)).collect()
}

fn without_names_of_inputs(rows: &[Hotspot]) -> Vec<(String, f64, f64, u32)> {
    rows.iter().map(|row| (row.hex_id.clone(), row.bikes, row.empty_share, row.rank)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_poll_repeated_before_the_next_one_changes_nothing(points in points(), counts in counts(), cut in 1_i64..5) {
        let polls = every(5, &counts);
        let mut split = polls.clone();
        // The last poll holds for the whole gap, which a repetition would prolong.
        split.extend(polls[..polls.len() - 1].iter().map(|(minute, bikes)| (minute + cut, *bikes)));
        split.sort_unstable();
        let [whole, split] = [polls, split].map(|polls| day(&points, &polls, Resolution::HOTSPOTS));
        prop_assert_eq!(without_names_of_inputs(&whole), without_names_of_inputs(&split));
    }

    #[test]
    fn doubling_the_cadence_of_a_constant_signal_changes_nothing(points in points(), bikes in prop::array::uniform8(0..30_i32)) {
        let [slow, fast] = [(10, 3), (5, 5)]
            .map(|(step, polls)| day(&points, &every(step, &vec![bikes; polls]), Resolution::HOTSPOTS));
        for (slow, fast) in slow.iter().zip(&fast) {
            prop_assert_eq!(&slow.hex_id, &fast.hex_id);
            prop_assert!((slow.bikes - fast.bikes).abs() < 1e-12);
        }
    }

    #[test]
    fn weights_are_up_to_one_ties_rank_alike_and_shares_are_the_whole(points in points(), counts in counts()) {
        let rows = day(&points, &every(5, &counts), Resolution::HOTSPOTS);
        prop_assume!(rows[0].bikes > 0.0);
        prop_assert!(rows.iter().all(|row| (0.0..=1.0).contains(&row.weight)));
        prop_assert!(rows.iter().all(|row| (row.weight == 1.0) == (row.rank == 1)));
        prop_assert!((rows.iter().map(|row| row.share).sum::<f64>() - 1.0).abs() < 1e-12);
        for pair in rows.windows(2) {
            prop_assert_eq!(pair[0].bikes == pair[1].bikes, pair[0].rank == pair[1].rank);
            prop_assert!(pair[0].bikes >= pair[1].bikes);
        }
    }

    #[test]
    fn a_coarser_cell_has_the_sum_of_the_cells_within_it(points in points(), counts in counts()) {
        let polls = every(5, &counts);
        let fine = day(&points, &polls, Resolution::HOTSPOTS);
        for coarser in Resolution::COARSER {
            let mut sums: BTreeMap<String, (f64, u32)> = BTreeMap::new();
            for row in &fine {
                let parent = row.hex_id.parse::<Cell>().unwrap().parent(coarser).unwrap();
                let sum = sums.entry(parent.to_string()).or_default();
                *sum = (sum.0 + row.bikes, sum.1 + row.stations);
            }
            let rows = day(&points, &polls, coarser);
            prop_assert_eq!(rows.len(), sums.len());
            for row in rows {
                let (bikes, stations) = sums[&row.hex_id];
                prop_assert!((row.bikes - bikes).abs() < 1e-9);
                prop_assert_eq!(row.stations, stations);
            }
        }
    }
}
