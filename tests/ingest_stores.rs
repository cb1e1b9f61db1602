//! What fails on the way into the lake: the store, the spool's limit, a second scraper.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use hotspots_data::table::{Poll, Row, StationStatus};
use hotspots_data::{ContentHash, Key, Lake, Recorded};
use hotspots_pipeline::spool::Depth;
use hotspots_pipeline::twin::SimulatedClock;
use hotspots_pipeline::{Clock as _, Intake, Metrics, Spool, Stopper, WhenFull, ingest};
use tokio::task::JoinHandle;

use crate::support::rig::{START_S, row};
use crate::support::{FaultServer, FaultyStore, Rig, StoreFault};

const ROOMY: u64 = 100_000_000;

async fn all<R: Row>(lake: &Lake, table: Recorded) -> Vec<R> {
    let mut rows = Vec::new();
    for date in lake.dates(table, &Rig::system()).await.unwrap() {
        for key in lake.list_day(table, &Rig::system(), date).await.unwrap() {
            rows.extend(R::decode(lake.get(&key).await.unwrap().bytes).unwrap().0);
        }
    }
    rows
}

/// One start of the program: a round of polls, then its end.
async fn start(store: &FaultyStore, spool: &Path, server: &FaultServer, minute: i64) -> Intake {
    server.put_status(START_S + 60 * minute, u32::try_from(minute).unwrap());
    let lake = Lake::over(Arc::new(store.clone()), "faulty:");
    let intake = Intake::spooled(lake, spool, ROOMY, WhenFull::RefuseNew).unwrap();
    let url = server.url("gbfs.json");
    let Rig { clock, tools, .. } = Rig::new(intake, &url);
    clock.sleep_until(clock.now() + TimeDelta::minutes(minute)).await;
    let (_stopper, stop) = Stopper::new();
    ingest(&tools, vec![Rig::target(&url, None)], true, &stop, |_, cycle| {
        assert!(cycle.is_complete(), "{cycle:#?}");
    })
    .await;
    tools.intake
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_store_does_each_poll_is_in_the_lake_once_in_the_end() {
    let table = [
        (StoreFault::Refused, Some(true)),
        (StoreFault::ServerError, Some(true)),
        (StoreFault::Forbidden, Some(true)),
        (StoreFault::FullDisk, Some(true)),
        // The second try, if it comes before the end, finds the object there.
        (StoreFault::AnswerLost, None),
        (StoreFault::Slow, Some(false)),
        (StoreFault::NoConditions, Some(false)),
        (StoreFault::IgnoresConditions, Some(false)),
    ];
    for (fault, waits) in table {
        let (store, server) = (FaultyStore::default(), FaultServer::start());
        let spool = tempfile::tempdir().unwrap();
        start(&store, spool.path(), &server, 1).await;
        store.set_fault(Some(fault));
        let intake = start(&store, spool.path(), &server, 2).await;
        let waiting = intake.spool().unwrap().depth().files > 0;
        assert!(waits.is_none_or(|waits| waits == waiting), "{fault:?}: {waiting}");
        drop(intake);
        store.set_fault(None);
        let intake = start(&store, spool.path(), &server, 3).await;
        assert_eq!(intake.spool().unwrap().depth().files, 0, "{fault:?}");

        let rows: Vec<StationStatus> = all(intake.lake(), Recorded::StationStatus).await;
        let first: Vec<_> = rows
            .iter()
            .filter(|row| row.station_id == "a")
            .map(|row| (row.observed_at.timestamp() - START_S, row.num_bikes_available))
            .collect();
        assert_eq!(first, [(60, Some(1)), (120, Some(2)), (180, Some(3))], "{fault:?}");
        let ledger: Vec<Poll> = all(intake.lake(), Recorded::Polls).await;
        let outcomes: Vec<&str> = ledger
            .iter()
            .filter(|poll| poll.feed == "station_status")
            .map(|poll| poll.outcome.as_str())
            .collect();
        assert_eq!(outcomes, ["stored"; 3], "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_hours_loses_nothing_and_keeps_the_order() {
    let (store, server) = (FaultyStore::default(), FaultServer::start());
    let spool = tempfile::tempdir().unwrap();
    store.set_fault(Some(StoreFault::Refused));
    let url = server.url("gbfs.json");
    let lake = Lake::over(Arc::new(store.clone()), "faulty:");
    let intake = Intake::spooled(lake, spool.path(), ROOMY, WhenFull::RefuseNew).unwrap();
    let mut rig = Rig::new(intake, &url);
    for minute in 0..240 {
        server.put_status(START_S + 60 * minute, 4 + u32::try_from(minute % 9).unwrap());
        assert_eq!(row(&rig.poll_after(60).await, "station_status").outcome, "stored");
    }
    assert!(rig.tools.intake.spool().unwrap().depth().files >= 240);
    rig.close().await;
    store.set_fault(None);
    let intake = start(&store, spool.path(), &server, 300).await;
    assert_eq!(intake.spool().unwrap().depth().files, 0);
    let rows: Vec<StationStatus> = all(intake.lake(), Recorded::StationStatus).await;
    let minutes: Vec<i64> = rows
        .iter()
        .filter(|row| row.station_id == "a")
        .map(|row| (row.observed_at.timestamp() - START_S) / 60)
        .collect();
    assert_eq!(minutes, (0..240).chain([300]).collect::<Vec<i64>>());
}

/// An object of its own on each day.
fn object(day: i64) -> (Key, Bytes) {
    let bytes = Bytes::from(format!("object of day {day}"));
    let at = DateTime::from_timestamp(START_S, 0).unwrap() + TimeDelta::days(day);
    let hash = ContentHash::of(&bytes);
    (Recorded::StationStatus.key(&Rig::system(), at.date_naive(), at, hash), bytes)
}

/// A spool in `folder` whose objects are being brought into a lake.
fn uploading(folder: &Path) -> (Arc<Spool>, Lake, Stopper, JoinHandle<()>) {
    let spool = Arc::new(Spool::open(folder, ROOMY, WhenFull::RefuseNew).unwrap());
    let lake = Lake::over(Arc::new(FaultyStore::default()), "faulty:");
    let (stopper, stop) = Stopper::new();
    let uploads = tokio::spawn({
        let (spool, lake) = (Arc::clone(&spool), lake.clone());
        let clock = SimulatedClock::at(DateTime::UNIX_EPOCH);
        async move { spool.upload(&lake, &clock, &stop, &Metrics::default()).await }
    });
    (spool, lake, stopper, uploads)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_while_the_spool_is_searched_is_brought_into_the_lake_too() {
    // Many folders make the search long, so that days arrive whose folders it has not seen.
    const WAITING: i64 = 400;
    for round in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        for day in 0..WAITING {
            let (key, bytes) = object(day);
            let path = folder.path().join(key.to_string());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let (spool, lake, stopper, uploads) = uploading(folder.path());
        for day in WAITING..WAITING + 40 {
            let (key, bytes) = object(day);
            spool.put_new(&key, bytes).await.unwrap();
        }
        stopper.stop();
        uploads.await.unwrap();
        assert_eq!(spool.depth(), Depth::default(), "round {round}");
        for day in 0..WAITING + 40 {
            let (key, bytes) = object(day);
            assert_eq!(lake.get(&key).await.unwrap().bytes, bytes);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_of_past_days_do_not_gather_in_the_spool() {
    let folder = tempfile::tempdir().unwrap();
    let entries = |folder: &Path| std::fs::read_dir(folder).unwrap().count();
    let (spool, _lake, stopper, uploads) = uploading(folder.path());
    for day in 0..5 {
        let (key, bytes) = object(day);
        spool.put_new(&key, bytes).await.unwrap();
        while spool.depth().files > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    let days = Recorded::StationStatus.dates_folder(&Rig::system());
    assert_eq!(entries(&folder.path().join(days.as_ref())), 1);
    stopper.stop();
    uploads.await.unwrap();
    Spool::open(folder.path(), ROOMY, WhenFull::RefuseNew).unwrap();
    assert_eq!(entries(folder.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_refuses_or_drops_as_configured_and_the_ledger_says_so() {
    for (when_full, outcome) in
        [(WhenFull::RefuseNew, "spool_full"), (WhenFull::DropOldest, "stored")]
    {
        let (store, server) = (FaultyStore::default(), FaultServer::start());
        store.set_fault(Some(StoreFault::Refused));
        let spool = tempfile::tempdir().unwrap();
        let lake = Lake::over(Arc::new(store.clone()), "faulty:");
        let intake = Intake::spooled(lake, spool.path(), 60_000, when_full).unwrap();
        let mut rig = Rig::new(intake, &server.url("gbfs.json"));
        let mut last = String::new();
        for minute in 0..40 {
            server.put_status(START_S + 60 * minute, 4);
            last.clone_from(&row(&rig.poll_after(900).await, "station_status").outcome);
        }
        assert_eq!(last, outcome);
        let depth = rig.tools.intake.spool().unwrap().depth();
        assert!(depth.bytes <= 63_000 && depth.bytes > 40_000, "{depth:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_scrapers_on_one_lake_make_no_duplicate_and_one_carries_on_alone() {
    let (store, server) = (FaultyStore::default(), FaultServer::start());
    let lake = Lake::over(Arc::new(store), "faulty:");
    let rig = || Rig::new(Intake::direct(lake.clone()), &server.url("gbfs.json"));
    let (mut one, mut other) = (rig(), rig());
    for minute in 0..6 {
        server.put_status(START_S + 60 * minute, 4);
        let seconds = if minute == 0 { 0 } else { 60 };
        let first = one.poll_after(seconds).await;
        assert_eq!(row(&first, "station_status").outcome, "stored");
        if minute < 3 {
            let second = other.poll_after(seconds).await;
            assert_eq!(row(&second, "station_status").outcome, "unchanged");
        }
    }
    let day = lake.dates(Recorded::StationStatus, &Rig::system()).await.unwrap()[0];
    let listed = lake.list_day(Recorded::StationStatus, &Rig::system(), day).await.unwrap();
    assert_eq!(listed.len(), 6);
}
