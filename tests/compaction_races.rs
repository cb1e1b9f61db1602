//! Two compactions of one lake at the same time.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use hotspots_data::codec::{Metadata, TIME_ZONE};
use hotspots_data::table::{Row as _, StationStatus, StationStatusDaily};
use hotspots_data::{Derived, Lake, Recorded, SystemId, parse_date};
use hotspots_jobs::{CompactReport, Selection, compact};

use crate::support::{Asked, FaultyStore, StoreFault};

const DATE: &str = "2026-02-10";
const TABLE: &str = "station_status_daily";

#[tokio::test]
async fn a_compaction_that_another_overtook_leaves_out_no_poll() {
    // Also where a store does not know conditions, or takes conditional puts for plain ones.
    for fault in [None, Some(StoreFault::NoConditions), Some(StoreFault::IgnoresConditions)] {
        for is_compacted_before in [false, true] {
            let (store, lake) = of_two_polls(is_compacted_before).await;
            // While the first is about to look at the lake for the last time, a poll comes late and
            // another takes in both and deletes their objects.
            let (other, its_store) = (lake.clone(), store.clone());
            let meanwhile = async move {
                its_store.set_fault(None);
                poll(&other, 2).await;
                compacted(&other).await;
                its_store.set_fault(fault);
            };
            store.let_happen_before(Asked::LookUp, TABLE, meanwhile);
            store.set_fault(fault);
            compacted(&lake).await;
            assert_eq!(minutes(&lake).await, [0, 1, 2], "{fault:?} {is_compacted_before}");
        }
    }
}

#[tokio::test]
async fn a_store_with_conditions_refuses_a_day_that_was_written_after_the_last_look() {
    for is_compacted_before in [false, true] {
        let (store, lake) = of_two_polls(is_compacted_before).await;
        let other = lake.clone();
        store.let_happen_before(Asked::Write, TABLE, async move {
            poll(&other, 2).await;
            compacted(&other).await;
        });
        compacted(&lake).await;
        assert_eq!(minutes(&lake).await, [0, 1, 2], "{is_compacted_before}");
    }
}

#[test]
fn compactions_of_a_folder_at_once_lose_no_poll() {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let location = folder.path().to_str().expect("UTF-8");
    let lake = Lake::open(location).expect("a folder is a lake");
    runtime.block_on(async {
        for round in 0..8 {
            poll(&lake, 2 * round).await;
            poll(&lake, 2 * round + 1).await;
            let one = tokio::spawn(report(lake.clone()));
            let two = tokio::spawn(report(lake.clone()));
            // One may find each of its turns taken; what is there is whole all the same.
            let _ = (one.await.expect("no panic"), two.await.expect("no panic"));
            let expected: Vec<i64> = (0..2 * round + 2).collect();
            assert_eq!(minutes(&lake).await, expected);
        }
    });
}

/// A lake of two polls, of which the first may be compacted.
async fn of_two_polls(is_first_compacted: bool) -> (FaultyStore, Lake) {
    let store = FaultyStore::default();
    let lake = Lake::over(Arc::new(store.clone()), "memory");
    poll(&lake, 0).await;
    if is_first_compacted {
        compacted(&lake).await;
    }
    poll(&lake, 1).await;
    (store, lake)
}

fn system() -> SystemId {
    "city".parse().expect("a name")
}

fn midnight() -> DateTime<Utc> {
    format!("{DATE}T00:00:00Z").parse().expect("an instant")
}

async fn poll(lake: &Lake, minute: i64) {
    let at = midnight() + TimeDelta::minutes(minute);
    let rows = [StationStatus {
        observed_at: at,
        fetched_at: at,
        last_updated: None,
        station_id: "a".to_owned(),
        station_code: None,
        num_bikes_available: Some(1),
        num_ebikes_available: None,
        num_mechanical_available: None,
        num_bikes_disabled: None,
        num_docks_available: None,
        num_docks_disabled: None,
        is_installed: None,
        is_renting: None,
        is_returning: None,
        last_reported: None,
        extra: None,
    }];
    let date = parse_date(DATE).expect("a date");
    let hash = StationStatus::content_hash(&rows);
    let key = Recorded::StationStatus.key(&system(), date, at, hash);
    let metadata = Metadata::from([(TIME_ZONE.to_owned(), "UTC".to_owned())]);
    let bytes = StationStatus::encode(&rows, &metadata).expect("a table");
    lake.put_new(&key, bytes).await.expect("it is stored");
}

async fn report(lake: Lake) -> Vec<CompactReport> {
    let now = midnight() + TimeDelta::days(30);
    let (all, retain) = (Selection::default(), Some(TimeDelta::zero()));
    compact(&lake, &all, retain, now, |_| {}).await.expect("the days are listed")
}

async fn compacted(lake: &Lake) {
    let reports = report(lake.clone()).await;
    assert!(reports.iter().all(|report| report.outcome.is_ok()), "{reports:?}");
}

/// The minutes of the polls that are in the lake, in whatever object.
async fn minutes(lake: &Lake) -> Vec<i64> {
    let date = parse_date(DATE).expect("a date");
    let mut polls: BTreeSet<DateTime<Utc>> = BTreeSet::new();
    let day = Derived::StationStatusDaily.key(&system(), date);
    let bytes: Bytes = lake.get(&day).await.expect("it was compacted").bytes;
    let (rows, _) = StationStatusDaily::decode(bytes).expect("a table");
    polls.extend(rows.iter().map(|row| row.observed_at));
    let own = lake.list_day(Recorded::StationStatus, &system(), date).await.expect("a listing");
    for key in own {
        let bytes = lake.get(&key).await.expect("it was listed").bytes;
        let (rows, _) = StationStatus::decode(bytes).expect("a table");
        polls.extend(rows.iter().map(|row| row.observed_at));
    }
    polls.into_iter().map(|at| (at - midnight()).num_minutes()).collect()
}
