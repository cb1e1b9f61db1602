//! A day of a feed that lists what it likes: whatever way its polls are kept, the numbers are those of a
//! plain reading of its rows.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use chrono_tz::Tz;
use hotspots_data::table::{Hotspot, HotspotHour, QualityCheck, StationDay, StationStatus};
use hotspots_data::{Derived, Resolution};
use hotspots_jobs::{Selection, compact};
use proptest::prelude::*;

use crate::support::{BASTILLE, City, NATION, OPERA, minutes, status};

const DATE: &str = "2026-02-10";
const STATIONS: [&str; 3] = ["a", "b", "c"];
const GAP_MINUTES: i64 = 15;

/// What a poll says: a station, its bikes, ebikes, mechanical ones and docks (below 0 and not told there
/// are, too), and whether it stands.
type Row = (usize, [Option<i32>; 4], Option<bool>);
type Poll = Vec<Row>;

fn poll() -> impl Strategy<Value = Poll> {
    let installed = prop_oneof![Just(None), Just(Some(true)), Just(Some(true)), Just(Some(false))];
    let counts = prop::array::uniform4(prop::option::weighted(0.9, -1..4_i32));
    prop::collection::vec((0..3_usize, counts, installed), 1..5)
}

/// Polls of which most say nearly what the one before said.
fn polls() -> impl Strategy<Value = Vec<Poll>> {
    let step = (0..6_u8, poll(), 0..5_usize, 0..4_usize, 0..4_i32);
    (poll(), prop::collection::vec(step, 2..14)).prop_map(|(first, steps)| {
        let mut polls = vec![first];
        for (kind, other, row, which, count) in steps {
            let mut next = polls[polls.len() - 1].clone();
            match kind {
                0 => next = other,
                1..=3 => {
                    let row = row % next.len();
                    next[row].1[which] = Some(count);
                }
                _ => {}
            }
            polls.push(next);
        }
        polls
    })
}

/// Each station's mean number of bikes, from the rows as they stand, polls being five minutes apart.
fn plainly(polls: &[Poll]) -> BTreeMap<&'static str, f64> {
    let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for (index, poll) in polls.iter().enumerate() {
        let hold = if index + 1 == polls.len() { GAP_MINUTES } else { 5 };
        for (station, name) in STATIONS.into_iter().enumerate() {
            let Some(first) = poll.iter().find(|row| row.0 == station) else { continue };
            if let (_, [Some(bikes @ 0..), ..], None | Some(true)) = *first {
                let sum = sums.entry(name).or_default();
                *sum = (sum.0 + i64::from(bikes) * hold, sum.1 + hold);
            }
        }
    }
    sums.into_iter().map(|(name, (bikes, time))| (name, bikes as f64 / time as f64)).collect()
}

async fn put(city: &City, index: usize, poll: &Poll) {
    let at = city.day(DATE).start() + minutes(600 + 5 * index as i64);
    let row = |&(station, [bikes, ebikes, mechanical, docks], is_installed): &Row| StationStatus {
        num_bikes_available: bikes,
        num_ebikes_available: ebikes,
        num_mechanical_available: mechanical,
        num_docks_available: docks,
        is_installed,
        ..status(at, STATIONS[station], 0, 3)
    };
    city.statuses(at, &poll.iter().map(row).collect::<Vec<_>>()).await;
}

async fn pack(city: &City) {
    let now = "2040-01-01T00:00:00Z".parse().unwrap();
    let (selection, at_once) = (Selection::default(), Some(TimeDelta::zero()));
    for report in compact(&city.lake, &selection, at_once, now, |_| {}).await.unwrap() {
        report.outcome.unwrap();
    }
}

type Tables = (Vec<StationDay>, Vec<QualityCheck>, Vec<Hotspot>, Vec<HotspotHour>);

async fn tables(city: &City) -> Tables {
    city.aggregate().await;
    let finest = Resolution::HOTSPOTS;
    (
        city.table(Derived::StationDays, DATE).await.0,
        city.table(Derived::Quality, DATE).await.0,
        city.table(Derived::Hotspots(finest), DATE).await.0,
        city.table(Derived::HotspotsHourly(finest), DATE).await.0,
    )
}

async fn city() -> City {
    let city = City::new(Tz::Europe__Paris);
    let places: Vec<_> = STATIONS.into_iter().zip([OPERA, BASTILLE, NATION]).collect();
    city.information(city.day(DATE).start(), &places).await;
    city
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn numbers_are_those_of_the_rows_however_the_polls_are_kept(polls in polls(), late in prop::array::uniform16(prop::bool::weighted(0.3))) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (raw, mixed, packed) = runtime.block_on(async {
            let raw = city().await;
            for (index, poll) in polls.iter().enumerate() {
                put(&raw, index, poll).await;
            }
            let mixed = city().await;
            for is_late in [false, true] {
                for (index, poll) in polls.iter().enumerate().filter(|(i, _)| late[*i] == is_late) {
                    put(&mixed, index, poll).await;
                }
                if !is_late {
                    pack(&mixed).await;
                }
            }
            let from_both = tables(&mixed).await;
            pack(&raw).await;
            let packed = tables(&raw).await;
            let raw = city().await;
            for (index, poll) in polls.iter().enumerate() {
                put(&raw, index, poll).await;
            }
            (tables(&raw).await, from_both, packed)
        });
        let means: BTreeMap<&str, f64> = raw.0.iter().filter_map(|row| Some((row.station_id.as_str(), row.bikes?))).collect();
        prop_assert_eq!(means, plainly(&polls));
        prop_assert_eq!(&mixed, &raw, "compacted but for polls that came late");
        prop_assert_eq!(&packed, &raw, "compacted");
    }
}
