//! The real binary, killed at random moments: what it reported as taken is in the lake, once.
//!
//! `HOTSPOTS_KILLS=200 cargo test -p hotspots --test end_to_end ingest_kills` is the long run.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hotspots_data::table::{Poll, Row, StationStatus};
use hotspots_data::{Lake, Recorded, SystemId};
use serde_json::Value;

use crate::support::{FaultServer, Finished, TestLake, hotspots, wait};

fn kills() -> u32 {
    std::env::var("HOTSPOTS_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(6)
}

/// A number that looks random, the same in each run.
fn random(seed: u32) -> u32 {
    seed.wrapping_add(1).wrapping_mul(2_654_435_769).rotate_left(13).wrapping_mul(2_246_822_519)
}

fn feeds() -> FaultServer {
    let server = FaultServer::start();
    server.list(&[
        ("station_information", "station_information"),
        ("station_status", "counting"),
        ("system_information", "system_information"),
    ]);
    server
}

/// Runs and kills again and again; gives the keys that were reported as stored.
fn kill_again_and_again(command: &dyn Fn() -> Command) -> BTreeSet<String> {
    let mut reported = BTreeSet::new();
    for round in 0..kills() {
        let mut command = command();
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        let reader = std::thread::spawn(move || {
            let events = lines.lines().map_while(Result::ok);
            events.filter_map(|line| stored_key(&line)).collect::<Vec<String>>()
        });
        std::thread::sleep(Duration::from_millis(u64::from(20 + random(round) % 1_400)));
        child.kill().unwrap();
        child.wait().unwrap();
        reported.extend(reader.join().unwrap());
    }
    reported
}

fn stored_key(line: &str) -> Option<String> {
    let event: Value = serde_json::from_str(line).ok()?;
    let is_poll = event["feed"] == "station_status" && event["outcome"] == "stored";
    is_poll.then(|| event["key"].as_str().map(str::to_owned))?
}

/// Every object of the lake is readable; the reported polls are there, each state once, and once
/// in the ledger.
fn check(lake: &Lake, reported: &BTreeSet<String>) {
    wait(async {
        let system: SystemId = "kills".parse().unwrap();
        let (mut keys, mut times) = (BTreeSet::new(), BTreeMap::new());
        for date in lake.dates(Recorded::StationStatus, &system).await.unwrap() {
            for key in lake.list_day(Recorded::StationStatus, &system, date).await.unwrap() {
                let bytes = lake.get(&key).await.unwrap().bytes;
                let (rows, _) = StationStatus::decode(bytes).unwrap();
                assert_eq!(rows.len(), 2, "{key}");
                *times.entry(rows[0].last_updated).or_insert(0) += 1;
                keys.insert(key.to_string());
            }
        }
        let missing: Vec<_> = reported.difference(&keys).collect();
        assert!(missing.is_empty(), "reported and not there: {missing:?}");
        assert!(times.values().all(|&count| count == 1), "{times:?}");
        let mut ledger = BTreeMap::new();
        for date in lake.dates(Recorded::Polls, &system).await.unwrap() {
            for key in lake.list_day(Recorded::Polls, &system, date).await.unwrap() {
                let bytes = lake.get(&key).await.unwrap().bytes;
                for poll in Poll::decode(bytes).unwrap().0 {
                    if let Some(key) = poll.key.filter(|_| poll.feed == "station_status") {
                        *ledger.entry(key).or_insert(0) += 1;
                    }
                }
            }
        }
        for key in reported {
            assert_eq!(ledger.get(key), Some(&1), "{key} in the ledger");
        }
        eprintln!(
            "{} kills: {} polls reported, {} in the lake, {} in the ledger",
            kills(),
            reported.len(),
            keys.len(),
            ledger.len()
        );
    });
}

#[test]
fn a_local_lake_has_every_reported_poll_after_kills_at_random_moments() {
    let (lake, server) = (TestLake::new(), feeds());
    let url = server.url("gbfs.json");
    let arguments = ["ingest", "--system", "kills", "--url", &url, "--interval", "1s"];
    let command = || hotspots(&lake, &arguments);
    let reported = kill_again_and_again(&command);
    assert!(!reported.is_empty());
    let mut last = hotspots(&lake, &arguments);
    last.arg("--once");
    Finished::good(last);
    check(&lake.open(), &reported);
}

/// A real S3 server in a process of its own: moto's, a Python package, where it is installed.
struct S3 {
    child: Child,
    port: u16,
}

impl S3 {
    fn start() -> Option<Self> {
        let program = std::env::var("HOTSPOTS_MOTO").unwrap_or_else(|_| "moto_server".to_owned());
        let port =
            std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let started = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = started else {
            eprintln!("SKIPPED: no moto_server (pip install moto[s3,server], or HOTSPOTS_MOTO)");
            return None;
        };
        let server = Self { child, port };
        for _ in 0..120 {
            if wait(server.make_bucket()) {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        panic!("the S3 server does not answer");
    }

    async fn make_bucket(&self) -> bool {
        hotspots_data::lake::use_ring_for_tls();
        let url = format!("http://127.0.0.1:{}/lake", self.port);
        // moto takes any signature, but wants one.
        let request = reqwest::Client::new().put(url).header("Authorization", SIGNATURE);
        request.send().await.is_ok_and(|answer| answer.status().is_success())
    }

    fn settings(&self) -> [(&'static str, String); 6] {
        [
            ("HOTSPOTS_LAKE", "s3://lake/a".to_owned()),
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_ACCESS_KEY_ID", "a".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "b".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
    }
}

const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_lake_on_s3_has_every_reported_poll_after_kills_at_random_moments() {
    let Some(s3) = S3::start() else { return };
    let (lake, server) = (TestLake::new(), feeds());
    let url = server.url("gbfs.json");
    let arguments = ["ingest", "--system", "kills", "--url", &url, "--interval", "1s"];
    let command = || {
        let mut command = hotspots(&lake, &arguments);
        command.envs(s3.settings());
        command
    };
    let reported = kill_again_and_again(&command);
    assert!(!reported.is_empty());
    let mut last = command();
    last.arg("--once");
    Finished::good(last);
    assert_eq!(waiting(lake.folder()), 0, "the spool is empty");
    let store = object_store::aws::AmazonS3Builder::new()
        .with_bucket_name("lake")
        .with_endpoint(format!("http://127.0.0.1:{}", s3.port))
        .with_allow_http(true)
        .with_access_key_id("a")
        .with_secret_access_key("b")
        .with_region("us-east-1")
        .build()
        .unwrap();
    let below = object_store::prefix::PrefixStore::new(store, "a");
    check(&Lake::over(std::sync::Arc::new(below), "s3://lake/a"), &reported);
}

fn waiting(folder: &std::path::Path) -> usize {
    fn parquet(folder: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| match entry.path() {
                path if path.is_dir() => parquet(&path),
                path => usize::from(path.extension().is_some_and(|end| end == "parquet")),
            })
            .sum()
    }
    parquet(&folder.join("spool"))
}
