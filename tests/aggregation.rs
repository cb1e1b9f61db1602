//! Aggregation, compaction and verification through the binary, on the twin's day.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hotspots_data::{Derived, Key, Lake, parse_date};
use hotspots_jobs::{Options, Selection, aggregate};

use crate::support::{Asked, FaultyStore, Finished, TestLake, hotspots, wait};

const COMPUTED: [&str; 4] = ["hotspots", "hotspots_hourly", "station_days", "quality"];
const DAILY: &str = "station_status_daily/system=demo/date=2026-09-15/station_status_daily.parquet";

/// A day of a small city, polled every half hour and aggregated.
fn twin() -> TestLake {
    let lake = TestLake::new();
    Finished::good(hotspots(
        &lake,
        &["demo", "--no-serve", "--interval", "30m", "--stations", "200"],
    ));
    lake
}

fn computed(lake: &TestLake) -> BTreeMap<String, Vec<u8>> {
    let is_computed =
        |path: &str| COMPUTED.iter().any(|table| path.starts_with(&format!("{table}/")));
    lake.objects().into_iter().filter(|(path, _)| is_computed(path)).collect()
}

/// Computes everything anew.
fn again(lake: &TestLake, threads: &str) -> BTreeMap<String, Vec<u8>> {
    for table in COMPUTED {
        std::fs::remove_dir_all(format!("{}/{table}", lake.location())).expect("a table");
    }
    let mut command = hotspots(lake, &["aggregate"]);
    command.env("RAYON_NUM_THREADS", threads).env("POLARS_MAX_THREADS", threads);
    Finished::good(command);
    computed(lake)
}

fn verify(lake: &TestLake) -> Finished {
    Finished::of(hotspots(lake, &["verify"]))
}

fn change(lake: &TestLake, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let path = format!("{}/{path}", lake.location());
    let mut bytes = std::fs::read(&path).expect("an object");
    change(&mut bytes);
    std::fs::write(&path, bytes).expect("it is written");
}

#[test]
fn the_table_by_which_a_day_is_known_is_written_last() {
    let (twin, store) = (twin(), FaultyStore::default());
    let lake = Lake::over(Arc::new(store.clone()), "memory");
    let computed: Vec<Key> = computed(&twin).keys().map(|path| path.parse().unwrap()).collect();
    let of_days = Derived::DAYS.key(&"demo".parse().unwrap(), parse_date("2026-09-15").unwrap());
    let others: Vec<Key> = computed.iter().filter(|key| **key != of_days).cloned().collect();
    assert_eq!(others.len(), 7);
    wait(async {
        for (path, bytes) in twin.objects() {
            if let Ok(key) = path.parse::<Key>()
                && !computed.contains(&key)
            {
                lake.put_new(&key, bytes.into()).await.unwrap();
            }
        }
        let missing = Arc::new(OnceLock::new());
        let (seen, while_written) = (Arc::clone(&missing), lake.clone());
        store.let_happen_before(Asked::Write, "hotspots/system=demo/resolution=10/", async move {
            let mut count = 0;
            for key in &others {
                count += u32::from(while_written.version(key).await.unwrap().is_none());
            }
            seen.set(count).unwrap();
        });
        let (all, now) = (Selection::default(), "2026-12-01T00:00:00Z".parse().unwrap());
        aggregate(&lake, &all, Options::default(), now, |_, _| {}).await.unwrap();
        assert_eq!(missing.get(), Some(&0), "tables that came after it");
        assert!(lake.version(&of_days).await.unwrap().is_some());
    });
}

#[test]
fn a_day_computed_again_is_the_same_to_the_byte_on_any_number_of_threads() {
    let lake = twin();
    // Hotspots and hours at three resolutions, stations, quality.
    let first = computed(&lake);
    assert_eq!(first.len(), 8);
    for threads in ["1", "2", "5"] {
        assert!(again(&lake, threads) == first, "with {threads} threads");
    }
    let log = Finished::good(hotspots(&lake, &["aggregate"])).log();
    assert!(log.iter().any(|line| line["up_to_date"] == 1), "{log:?}");
}

#[test]
fn resolutions_are_chosen_by_option() {
    let lake = twin();
    Finished::good(hotspots(&lake, &["aggregate", "--resolutions", "7,11"]));
    let tables = lake.paths("hotspots");
    assert_eq!(tables.len(), 5, "{tables:?}");
    assert!(verify(&lake).success);
}

#[test]
fn a_longest_gap_that_makes_no_sense_is_refused_with_what_would() {
    let lake = TestLake::new();
    let most = "above 0 and of at most a day";
    for (gap, help) in [("0s", "write 1s or more"), ("25h", most), ("9000000000000s", most)] {
        let done = Finished::of(hotspots(&lake, &["aggregate", "--max-gap", gap]));
        assert!(!done.success, "{gap}");
        assert!(done.stderr.contains(help), "{gap}: {}", done.stderr);
    }
}

#[test]
fn a_compacted_day_gives_the_same_tables_and_its_polls_may_go() {
    let lake = twin();
    let before = computed(&lake);
    Finished::good(hotspots(&lake, &["compact"]));
    assert_eq!(lake.paths("station_status").len(), 48);
    assert!(again(&lake, "2") == before, "from polls and the compacted day");
    Finished::good(hotspots(&lake, &["compact", "--retain-days", "0"]));
    assert_eq!(lake.paths("station_status").len(), 0);
    assert!(again(&lake, "2") == before, "from the compacted day");
    let compacted = lake.objects()[DAILY].clone();
    Finished::good(hotspots(&lake, &["compact", "--retain-days", "0"]));
    assert!(lake.objects()[DAILY] == compacted, "compacting twice changes nothing");
    let verified = verify(&lake);
    assert!(verified.success, "{verified:#?}");
}

#[test]
fn a_poll_that_comes_after_compaction_is_taken_in() {
    let lake = twin();
    let delayed = lake.paths("station_status")[20].clone();
    let bytes = lake.objects()[&delayed].clone();
    let all = computed(&lake);
    let path = format!("{}/{delayed}", lake.location());
    std::fs::remove_file(&path).expect("the poll");
    Finished::good(hotspots(&lake, &["compact", "--retain-days", "0"]));
    Finished::good(hotspots(&lake, &["aggregate"]));
    assert!(computed(&lake) != all);
    std::fs::write(&path, bytes).expect("the late poll");
    Finished::good(hotspots(&lake, &["aggregate"]));
    assert!(computed(&lake) == all, "from the compacted day and the late poll");
    Finished::good(hotspots(&lake, &["compact", "--retain-days", "0"]));
    assert_eq!(lake.paths("station_status").len(), 0);
    assert!(again(&lake, "2") == all, "from the day compacted again");
}

#[test]
fn compaction_killed_at_any_moment_loses_no_poll_and_doubles_none() {
    let lake = twin();
    let before = computed(&lake);
    for pause_ms in [5, 20, 40, 60, 80, 100, 130, 160, 200] {
        let mut compaction = hotspots(&lake, &["compact", "--retain-days", "0"])
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        std::thread::sleep(Duration::from_millis(pause_ms));
        let _ = compaction.kill();
        compaction.wait().expect("it ends");
        assert!(again(&lake, "2") == before, "killed after {pause_ms} ms");
    }
    Finished::good(hotspots(&lake, &["compact", "--retain-days", "0"]));
    assert_eq!(lake.paths("station_status").len(), 0);
    assert!(again(&lake, "2") == before, "at the end");
}

#[test]
fn a_damaged_compacted_day_deletes_nothing() {
    let lake = twin();
    Finished::good(hotspots(&lake, &["compact"]));
    change(&lake, DAILY, |bytes| bytes[2_000] ^= 1);
    let finished = Finished::of(hotspots(&lake, &["compact", "--retain-days", "0"]));
    assert!(!finished.success, "{finished:#?}");
    assert_eq!(lake.paths("station_status").len(), 48);
    assert!(finished.complaints().iter().any(|line| line.contains(DAILY)), "{finished:#?}");
}

#[test]
fn verify_names_a_flipped_byte_a_missing_poll_and_a_stale_table() {
    let lake = twin();
    assert!(verify(&lake).success);
    let polls = lake.paths("station_status");
    let complains = |path: &str, of: &str| {
        let finished = verify(&lake);
        let complaints = finished.complaints();
        let found = complaints.iter().any(|line| line.contains(path) && line.contains(of));
        assert!(!finished.success && found, "{path} {of}: {complaints:#?}");
    };
    let good = lake.objects();
    let restore = |path: &str| {
        std::fs::write(format!("{}/{path}", lake.location()), &good[path]).expect("it is written");
    };
    for at in [40, good[&polls[7]].len() / 2, good[&polls[7]].len() - 20] {
        change(&lake, &polls[7], |bytes| bytes[at] ^= 4);
        complains(&polls[7], "damaged");
        restore(&polls[7]);
    }
    for table in COMPUTED {
        let path = lake.paths(table)[0].clone();
        change(&lake, &path, |bytes| bytes[100] ^= 4);
        complains(&path, "damaged");
        restore(&path);
    }
    std::fs::remove_file(format!("{}/{}", lake.location(), polls[9])).expect("a poll");
    complains(&polls[9], "missing");
    complains("hotspots/system=demo/resolution=10", "stale");
    restore(&polls[9]);
    assert!(verify(&lake).success);
}

#[test]
#[cfg(unix)]
fn verify_goes_on_past_an_object_that_cannot_be_read() {
    let lake = twin();
    let polls = lake.paths("station_status");
    let unreadable = std::path::Path::new(&lake.location()).join(&polls[3]);
    std::fs::remove_file(&unreadable).expect("a poll");
    let itself = unreadable.file_name().expect("a name");
    std::os::unix::fs::symlink(itself, &unreadable).expect("a link to itself");
    change(&lake, &polls[7], |bytes| bytes[40] ^= 4);
    let finished = verify(&lake);
    let complaints = finished.complaints();
    let names = |path: &str| complaints.iter().any(|line| line.contains(path));
    assert!(!finished.success && names(&polls[3]) && names(&polls[7]), "{finished:#?}");
    assert!(!finished.stderr.contains("panicked"), "{finished:#?}");
}

#[test]
fn verify_of_a_system_that_is_not_there_names_those_that_are() {
    let lake = twin();
    let finished = Finished::of(hotspots(&lake, &["verify", "--system", "velib"]));
    assert!(!finished.success, "{finished:#?}");
    let text = format!("{finished:?}");
    assert!(text.contains("no system `velib`") && text.contains("demo"), "{text}");
}
