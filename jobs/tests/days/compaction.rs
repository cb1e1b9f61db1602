//! A compacted day has every row of its polls, every column of it, whatever they say.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use hotspots_data::codec::POLLS;
use hotspots_data::table::{Row as _, StationStatus, StationStatusDaily};
use hotspots_data::{Derived, Recorded, parse_date};
use hotspots_jobs::{Selection, compact, verify};
use proptest::prelude::*;

use crate::support::{City, minutes, status};

const DATE: &str = "2026-02-10";

/// Rows that are like those of other stations and polls in some columns and not in others.
fn row() -> impl Strategy<Value = StationStatus> {
    let text = || prop::option::of(prop::sample::select(vec!["", "a", "{\"b\":1}", "ü"]));
    let flag = || prop::option::of(any::<bool>());
    let clock = prop::option::of(prop_oneof![0..3_i64, any::<i32>().prop_map(i64::from)]);
    let count = || prop::option::of(prop_oneof![3 => 0..3_i32, 1 => any::<i32>()]);
    let told = (prop::sample::select(vec!["a", "b", "c", ""]), text(), text(), clock);
    (told, [count(), count(), count()], [flag(), flag()]).prop_map(|(told, counts, flags)| {
        let (station, code, extra, clock) = told;
        StationStatus {
            station_code: code.map(str::to_owned),
            num_bikes_available: counts[0],
            num_docks_disabled: counts[1],
            num_ebikes_available: counts[2],
            is_installed: flags[0],
            is_renting: flags[1],
            last_updated: clock.and_then(DateTime::from_timestamp_millis),
            last_reported: clock.and_then(|clock| DateTime::from_timestamp(clock, 0)),
            extra: extra.map(str::to_owned),
            ..status(DateTime::UNIX_EPOCH, station, 0, 3)
        }
    })
}

/// Polls, none or all of whose rows may be those of the one before, in all or some columns.
fn polls() -> impl Strategy<Value = Vec<Vec<StationStatus>>> {
    let poll = (prop::collection::vec(row(), 0..5), 0..4_u8, prop::option::of(0..3_i32));
    prop::collection::vec(poll, 1..8).prop_map(|polls| {
        let mut made: Vec<Vec<StationStatus>> = Vec::new();
        for (mut rows, kind, bikes) in polls {
            match made.last() {
                Some(before) if kind > 1 => rows.clone_from(before),
                _ => {}
            }
            if kind == 3 {
                for row in &mut rows {
                    row.num_bikes_available = bikes;
                }
            }
            made.push(rows);
        }
        made
    })
}

async fn pack(city: &City) {
    let now = "2040-01-01T00:00:00Z".parse().unwrap();
    let (selection, at_once) = (Selection::default(), Some(TimeDelta::zero()));
    for report in compact(&city.lake, &selection, at_once, now, |_| {}).await.unwrap() {
        report.outcome.unwrap();
    }
    let faults = verify(&city.lake, &selection, now, |_| {}).await.unwrap();
    assert!(faults.iter().all(|day| day.faults.is_empty()), "{faults:?}");
}

/// The rows of each poll, by its name, read from the table alone.
async fn packed(city: &City) -> BTreeMap<String, Vec<StationStatus>> {
    let date = parse_date(DATE).unwrap();
    let key = Derived::StationStatusDaily.key(&City::system(), date);
    let bytes = city.lake.get(&key).await.unwrap().bytes;
    let (rows, metadata) = StationStatusDaily::decode(bytes).unwrap();
    let in_order = |a: &StationStatusDaily, b: &StationStatusDaily| {
        (&a.station_id, a.poll, a.row) < (&b.station_id, b.poll, b.row)
    };
    assert!(rows.is_sorted_by(in_order));
    let mut polls: Vec<BTreeMap<u32, StationStatus>> = Vec::new();
    let names: Vec<&str> = metadata[POLLS].split(' ').collect();
    polls.resize(names.len(), BTreeMap::new());
    let told = StationStatus::from_batch(&StationStatusDaily::to_batch(&rows)).unwrap();
    for (row, told) in rows.iter().zip(told) {
        let before = polls[row.poll as usize].insert(row.row, told);
        assert_eq!(before, None, "a row is there once");
    }
    let rows = polls.into_iter().map(|rows| rows.into_values().collect());
    names.into_iter().map(str::to_owned).zip(rows).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_row_of_every_poll_comes_back(polls in polls(), late in prop::array::uniform8(any::<bool>())) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let city = City::new(Tz::Europe__Paris);
            let mut recorded = BTreeMap::new();
            for is_late in [false, true] {
                for (index, rows) in polls.iter().enumerate().filter(|(index, _)| late[*index] == is_late) {
                    let at = city.day(DATE).start() + minutes(index as i64);
                    let rows: Vec<_> = rows.iter().map(|row| StationStatus { observed_at: at, fetched_at: at, ..row.clone() }).collect();
                    let key = city.statuses(at, &rows).await;
                    recorded.insert(key.name().unwrap(), rows);
                }
                if !recorded.is_empty() {
                    pack(&city).await;
                    let (system, date) = (City::system(), parse_date(DATE).unwrap());
                    let left = city.lake.list_day(Recorded::StationStatus, &system, date).await;
                    assert_eq!(left.unwrap(), []);
                    assert_eq!(packed(&city).await, recorded);
                }
            }
        });
    }
}
