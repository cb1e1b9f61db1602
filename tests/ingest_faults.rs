//! One row per fault of a feed: what is stored, what the ledger says, and that the next good poll
//! lands.

use std::io::Read as _;

use hotspots_data::Recorded;
use hotspots_data::table::{Outcome, Poll};
use hotspots_pipeline::Intake;

use crate::support::rig::{START_S, row};
use crate::support::{Fault, FaultServer, Rig, TestLake, recorded};

/// What the ledger says of a poll that met the fault.
struct Row {
    name: &'static str,
    fault: Fault,
    outcome: Outcome,
    http_status: Option<i32>,
    /// Part of the message.
    says: &'static str,
    /// Status objects that the poll adds to the lake.
    stored: usize,
}

fn fault(name: &'static str, fault: Fault, outcome: Outcome, says: &'static str) -> Row {
    let http_status = match (&fault, outcome) {
        (Fault::Status(status, _), _) => Some(i32::from(*status)),
        (_, Outcome::Invalid | Outcome::Stored) => Some(200),
        _ => None,
    };
    let stored = usize::from(outcome == Outcome::Stored);
    Row { name, fault, outcome, http_status, says, stored }
}

fn body(name: &'static str, text: &str, outcome: Outcome, says: &'static str) -> Row {
    fault(name, Fault::Body(text.as_bytes().to_vec()), outcome, says)
}

/// A megabyte of spaces, as the 1 kB that gzip makes of it.
fn bomb() -> Vec<u8> {
    let script = "import gzip,sys; sys.stdout.buffer.write(gzip.compress(b' ' * 1000000))";
    let output = std::process::Command::new("python3").args(["-c", script]).output();
    output.map(|output| output.stdout).unwrap_or_default()
}

/// The status feed with `from` changed to `to`, at the time of the poll that meets it.
fn changed(from: &str, to: &str) -> String {
    let good = crate::support::fault_server::status(START_S + 60, 7);
    assert!(good.contains(from), "{from}");
    good.replacen(from, to, 1)
}

fn table() -> Vec<Row> {
    use Outcome::{HttpStatus, Invalid, Refused, Stored, Timeout, TooLarge};
    let bikes = r#""num_bikes_available":7"#;
    let mut rows = vec![
        fault("reset", Fault::Reset, Refused, "connection closed"),
        fault("stalled headers", Fault::StalledHeaders, Timeout, "no complete answer"),
        fault("stalled body", Fault::StalledBody, Timeout, "no complete answer"),
        fault("ends early", Fault::EndsEarly, Refused, "end of file"),
        fault("not found", Fault::Status(404, ""), HttpStatus, "404"),
        fault("too many requests", Fault::Status(429, ""), HttpStatus, "429"),
        fault("server error", Fault::Status(500, ""), HttpStatus, "500"),
        fault(
            "unavailable",
            Fault::Status(503, "Retry-After: 120\r\n"),
            HttpStatus,
            "asked again in 120 s",
        ),
        fault("unasked 304", Fault::Status(304, ""), HttpStatus, "304"),
        fault("redirect loop", Fault::RedirectLoop, Refused, "redirect"),
        fault("oversized", Fault::Body(vec![b' '; 200_000]), TooLarge, "larger than 100000"),
        body("html", "<!DOCTYPE html><html>Maintenance</html>", Invalid, "an HTML page"),
        body("empty", "", Invalid, "empty"),
        body("truncated", &changed("", "")[..150], Invalid, "cut short"),
        body("zip", "PK\u{3}\u{4}data", Invalid, "a ZIP archive"),
        body("no JSON", "seven bikes", Invalid, "not JSON"),
        body("a list", "[1,2]", Invalid, "no GBFS feed"),
        body("no data", r#"{"last_updated":1,"ttl":0}"#, Invalid, "no `data`"),
        body(
            "wrong feed",
            r#"{"last_updated":1,"data":{"stations":[{"station_id":"a","lat":1,"lon":2}]}}"#,
            Invalid,
            "not station_status",
        ),
        body("no stations", r#"{"last_updated":1,"data":{"stations":[]}}"#, Invalid, "no station"),
        body("count absent", &changed(bikes, r#""x":1"#), Stored, "without num_bikes_available"),
        body(
            "count null",
            &changed(bikes, r#""num_bikes_available":null"#),
            Stored,
            "without num_bikes_available",
        ),
        body(
            "count a word",
            &changed(bikes, r#""num_bikes_available":"many""#),
            Stored,
            "not understood",
        ),
        body("id a number", &changed(r#""station_id":"a""#, r#""station_id":17"#), Stored, ""),
        body(
            "duplicate id",
            &changed(r#""station_id":"b""#, r#""station_id":"a""#),
            Stored,
            "duplicate station_id",
        ),
        body(
            "flags as words",
            &changed(r#""is_installed":1"#, r#""is_installed":true"#),
            Stored,
            "",
        ),
        body("no time", &changed("1767225660", "null"), Stored, "no readable `last_updated`"),
        body("milliseconds", &changed("1767225660", "1767225660000"), Stored, "milliseconds"),
        body("a day ahead", &changed("1767225660", "1767312060"), Stored, "in the future"),
        body("backwards", &changed("1767225660", "1767225500"), Stored, ""),
        body("frozen", &changed("1767225660", "1767225600"), Stored, "while the data changes"),
        body("years ago", &changed("1767225660", "1645640933"), Stored, "days old"),
    ];
    let bomb = bomb();
    if bomb.is_empty() {
        eprintln!("SKIPPED: no python3 to make a gzip bomb with");
    } else {
        assert!(bomb.len() < 2_000);
        rows.push(fault("gzip bomb", Fault::Gzip(bomb), TooLarge, "larger than 100000"));
    }
    if let Some(folder) = recorded("hostile") {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let mut bytes = Vec::new();
            std::fs::File::open(&path).unwrap().take(90_000).read_to_end(&mut bytes).unwrap();
            rows.push(fault("hostile", Fault::Body(bytes), Invalid, ""));
        }
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_feed_is_in_the_ledger_and_the_next_good_poll_lands() {
    for Row { name, fault, outcome, http_status, says, stored } in table() {
        let (lake, server) = (TestLake::new(), FaultServer::start());
        let mut rig = Rig::new(Intake::local(lake.open()).unwrap(), &server.url("gbfs.json"));
        server.put_status(START_S, 4);
        let first = rig.poll_after(0).await;
        assert!(first.is_complete(), "{name}: {first:#?}");
        assert_eq!(lake.paths("station_status").len(), 1, "{name}");

        server.put_status(START_S + 60, 7);
        server.set_fault("station_status.json", Some(fault));
        let bad = rig.poll_after(60).await;
        let poll = row(&bad, "station_status");
        let message = poll.message.clone().unwrap_or_default();
        assert_eq!(poll.outcome, outcome.name(), "{name}: {message}");
        assert_eq!(poll.http_status, http_status, "{name}: {message}");
        assert!(message.contains(says), "{name}: {message}");
        assert_eq!(lake.paths("station_status").len(), 1 + stored, "{name}");

        server.set_fault("station_status.json", None);
        server.put_status(START_S + 1260, 9);
        let next = rig.poll_after(1200).await;
        assert!(next.is_complete(), "{name}: {next:#?}");
        assert_eq!(lake.paths("station_status").len(), 2 + stored, "{name}");
        rig.close().await;

        let rows = tokio::task::spawn_blocking(move || {
            let rows: Vec<Poll> = lake.rows(Recorded::Polls, Rig::SYSTEM);
            rows
        });
        let outcomes: Vec<String> = rows
            .await
            .unwrap()
            .into_iter()
            .filter(|poll| poll.feed == "station_status")
            .map(|poll| poll.outcome)
            .collect();
        assert_eq!(outcomes, ["stored", outcome.name(), "stored"], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reached_is_refused_and_later_found() {
    // A port nobody listens on, a name nobody has, and a server that does not speak TLS.
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let closed = format!("http://{}/gbfs.json", taken.local_addr().unwrap());
    drop(taken);
    let server = FaultServer::start();
    let tls = server.url("gbfs.json").replace("http:", "https:");
    for url in [closed, "http://no-such-host.invalid/gbfs.json".to_owned(), tls] {
        let lake = TestLake::new();
        let mut rig = Rig::new(Intake::local(lake.open()).unwrap(), &url);
        let cycle = rig.poll_after(0).await;
        let [poll] = cycle.attempts.as_slice() else { panic!("{url}: {cycle:#?}") };
        assert!(["refused", "timeout"].contains(&poll.outcome.as_str()), "{url}: {poll:#?}");
        assert!(poll.message.as_ref().is_some_and(|text| !text.is_empty()), "{url}");
        rig.close().await;
        let objects = lake.objects();
        assert!(objects.keys().all(|path| path.starts_with("polls/") || path.ends_with("lock")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_moves_is_found_again_through_discovery() {
    let (lake, server) = (TestLake::new(), FaultServer::start());
    let mut rig = Rig::new(Intake::local(lake.open()).unwrap(), &server.url("gbfs.json"));
    server.put_status(START_S, 4);
    assert!(rig.poll_after(0).await.is_complete());

    server.list(&[("station_status", "moved"), ("station_information", "station_information")]);
    server.put("moved.json", &crate::support::fault_server::status(START_S + 700, 8));
    server.set_fault("station_status.json", Some(Fault::Status(404, "")));
    let lost = rig.poll_after(60).await;
    assert_eq!(row(&lost, "station_status").outcome, "http_status");
    // Discovery is asked again once it may be, and the very same round polls the new address.
    let found = rig.poll_after(640).await;
    assert_eq!(row(&found, "station_status").outcome, "stored");
    assert!(row(&found, "station_status").url.ends_with("moved.json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_discovery_drops_is_said_to_be_missing() {
    let (lake, server) = (TestLake::new(), FaultServer::start());
    server.list(&[("station_information", "station_information")]);
    let mut rig = Rig::new(Intake::local(lake.open()).unwrap(), &server.url("gbfs.json"));
    let cycle = rig.poll_after(0).await;
    let says = row(&cycle, "gbfs").message.clone().unwrap_or_default();
    assert!(says.contains("station_status"), "{says}");
    // The next round does not come at once: there is nothing to poll.
    server.list(&[("station_status", "station_status")]);
    server.put_status(START_S + 400, 4);
    assert!(rig.poll_after(400).await.attempts.iter().any(|poll| poll.outcome == "stored"));
}
