//! Feeds that are not what they should be: for each, what the log and the ledger say, that nothing
//! stored is touched, and that the next good poll lands.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use hotspots_data::table::{Outcome, Poll};
use hotspots_pipeline::twin::{City, Fault, SimulatedClock, Twin};
use hotspots_pipeline::{Clock, Collector, Fetcher, Intake, Limits, Stopper, Target, Tools};

use crate::support::{FeedServer, Finished, TestLake, hotspots, wait};

/// The status attempt of a good poll, of one with the fault, and of a good one after it, a minute
/// apart; and whether the objects of the first are as they were.
struct Story {
    lake: TestLake,
    faulty: Vec<Poll>,
    after: Vec<Poll>,
    untouched: bool,
}

fn start() -> DateTime<Utc> {
    "2026-03-02T09:00:00Z".parse().expect("a time")
}

fn live(fault: Fault, time_zone: Option<chrono_tz::Tz>) -> Story {
    let lake = TestLake::new();
    let (faulty, after, untouched) = wait(async {
        let clock = Arc::new(SimulatedClock::at(start()));
        let shared: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let twin = Twin::start(City::new(3, 60), shared).await.expect("a port");
        let target = Target {
            system: "twin".parse().expect("a name"),
            discovery: vec![twin.discovery()],
            feed_base: None,
            time_zone,
            interval: None,
            key: None,
        };
        let tools = Tools {
            intake: Intake::local(lake.open()).expect("a lake in a folder"),
            fetcher: Fetcher::new(Limits::default(), None).expect("a client"),
            clock: Arc::clone(&clock) as _,
            metrics: Arc::default(),
        };
        let (_stopper, stop) = Stopper::new();
        let mut collector = Collector::new(tools, target);
        let mut poll = async |minute: i64, fault| {
            // Past the hour, so that the information feeds are due each time.
            let due = start() + TimeDelta::minutes(minute);
            clock.sleep_until(due).await;
            twin.set_fault(fault);
            collector.poll(due, &stop).await.attempts
        };
        poll(0, None).await;
        let before = lake.objects();
        let faulty = poll(61, Some(fault)).await;
        let held = lake.objects();
        let untouched = before.iter().all(|(path, bytes)| held.get(path) == Some(bytes));
        let after = poll(122, None).await;
        collector.close().await;
        (faulty, after, untouched)
    });
    Story { lake, faulty, after, untouched }
}

fn of_feed<'p>(attempts: &'p [Poll], feed: &str) -> &'p Poll {
    attempts.iter().find(|poll| poll.feed == feed).expect("an attempt")
}

fn message(poll: &Poll) -> &str {
    poll.message.as_deref().unwrap_or_default()
}

#[test]
fn a_body_that_is_no_status_feed_is_refused_with_its_reason_and_the_next_poll_lands() {
    for (fault, outcome, reason) in [
        (Fault::CutShort, Outcome::Invalid, "cut short after"),
        (Fault::Zip, Outcome::Invalid, "a ZIP archive, not JSON"),
        (Fault::Html, Outcome::Invalid, "an HTML page, not JSON"),
        (Fault::OtherFeed, Outcome::Invalid, "this is not station_status: no station has"),
        (Fault::NoStations, Outcome::Invalid, "station_status lists no station"),
        (Fault::ServerError, Outcome::HttpStatus, "HTTP status 500"),
    ] {
        let story = live(fault, None);
        let poll = of_feed(&story.faulty, "station_status");
        assert_eq!(poll.outcome, outcome.name(), "{fault:?}");
        assert!(message(poll).contains(reason), "{fault:?}: {}", message(poll));
        assert_eq!(poll.key, None, "{fault:?}");
        assert!(story.untouched, "{fault:?}");
        assert_eq!(of_feed(&story.after, "station_status").outcome, "stored", "{fault:?}");
        assert_eq!(story.lake.paths("station_status").len(), 2, "{fault:?}");
        // The lake's ledger tells the same story as the process.
        let kept = story.lake.ledger("twin");
        assert!(
            kept.iter().any(|row| row.outcome == outcome.name() && message(row).contains(reason))
        );
    }
}

#[test]
fn a_time_that_cannot_be_believed_is_replaced_by_the_fetch_time_and_said() {
    let faulty_at = start() + TimeDelta::minutes(61);
    for (fault, observed_at, reason) in [
        (Fault::NoTimestamp, faulty_at, "no readable `last_updated`"),
        (Fault::Future, faulty_at, "in the future"),
        (Fault::Frozen, faulty_at, "while the data changes"),
        (Fault::Milliseconds, faulty_at, "in milliseconds"),
    ] {
        let story = live(fault, None);
        let poll = of_feed(&story.faulty, "station_status");
        assert_eq!(poll.outcome, "stored", "{fault:?}");
        assert_eq!(poll.observed_at, Some(observed_at), "{fault:?}");
        assert!(message(poll).contains(reason), "{fault:?}: {}", message(poll));
        assert_eq!(story.lake.paths("station_status").len(), 3, "{fault:?}");
    }
}

#[test]
fn counts_that_are_missing_null_or_words_leave_their_rows_and_are_reported() {
    let story = live(Fault::OddCounts, None);
    let poll = of_feed(&story.faulty, "station_status");
    assert_eq!(poll.outcome, "stored");
    assert!(message(poll).contains("3 × station without num_bikes_available"), "{}", message(poll));
    let rows = story.lake.status("twin");
    let without: Vec<_> = rows.iter().filter(|row| row.num_bikes_available.is_none()).collect();
    assert_eq!(without.len(), 3);
    // What could not be read is kept as it came.
    assert!(
        without
            .iter()
            .any(|row| row.extra.as_deref().is_some_and(|extra| extra.contains("\"many\"")))
    );
}

#[test]
fn an_unknown_time_zone_falls_back_to_the_one_in_use_or_configured() {
    let story = live(Fault::UnknownTimeZone, Some(chrono_tz::Tz::Asia__Kolkata));
    assert_eq!(of_feed(&story.faulty, "station_status").outcome, "stored");
    // It was Europe/Paris before: the fault does not move later polls into other days.
    assert!(story.lake.paths("station_status").iter().all(|path| path.contains("date=2026-03-02")));

    // From the start, the configured one is used, and said.
    let feeds = FeedServer::start();
    feeds.put("gbfs.json", discovery(&feeds));
    feeds.put("station_status.json", station_status(1_772_400_000));
    feeds.put(
        "system_information.json",
        r#"{"last_updated":1772400000,"ttl":0,"data":{"system_id":"x","timezone":"Mars/Olympus"}}"#,
    );
    let lake = TestLake::new();
    let url = feeds.url("gbfs.json");
    let arguments =
        ["ingest", "--once", "--system", "x", "--url", &url, "--time-zone", "Asia/Kolkata"];
    let done = Finished::of(hotspots(&lake, &arguments));
    let said = "time zone `Mars/Olympus` is unknown: using Asia/Kolkata";
    assert!(done.complaints().iter().any(|line| line.contains(said)), "{done:#?}");
    // 1772400000 = 2026-03-01T21:20:00Z, which is the 2nd in Kolkata.
    assert!(lake.paths("station_status")[0].contains("date=2026-03-02"), "{done:#?}");
}

#[test]
fn an_impossible_position_keeps_its_row_and_stays_out_of_the_cells() {
    let lake = TestLake::new();
    let feeds = FeedServer::start();
    feeds.put("gbfs.json", discovery(&feeds));
    feeds.put("station_status.json", station_status(1_772_400_000));
    feeds.put(
        "station_information.json",
        r#"{"last_updated":1772400000,"ttl":0,"data":{"stations":[
            {"station_id":"1","name":"A","lat":148.85,"lon":2.35,"capacity":10},
            {"station_id":"2","name":"B","lat":48.85,"lon":2.35,"capacity":10}]}}"#,
    );
    let url = feeds.url("gbfs.json");
    let arguments =
        ["ingest", "--once", "--system", "x", "--url", &url, "--time-zone", "Europe/Paris"];
    let done = Finished::of(hotspots(&lake, &arguments));
    let said = "station in no cell: 1: (148.85, 2.35) is no place";
    assert!(done.complaints().iter().any(|line| line.contains(said)), "{done:#?}");
    assert_eq!(lake.status("x").len(), 2);
    Finished::good(hotspots(&lake, &["aggregate"]));
    let (rows, day) = lake.hotspots("x", "2026-03-01");
    assert_eq!((rows.len(), day.stations, day.stations_without_position), (1, 1, 1));
    assert!((rows[0].bikes - 4.0).abs() < 1e-12);
}

#[test]
fn a_discovery_that_leads_nowhere_is_an_error_that_names_it() {
    let lake = TestLake::new();
    let feeds = FeedServer::start();
    let url = feeds.url("gbfs.json");
    let once = || {
        let arguments = ["ingest", "--once", "--system", "x", "--url", &url];
        let done = Finished::of(hotspots(&lake, &arguments));
        assert!(!done.success, "{done:#?}");
        done.complaints().join("\n")
    };
    assert!(once().contains(&format!("x gbfs at {url}: HTTP status 404")));
    feeds.put("gbfs.json", r#"{"last_updated":1,"ttl":0,"data":{"en":{"feeds":[]}}}"#);
    assert!(once().contains("discovery lists neither station_status"));
    let outcomes: Vec<String> = lake.ledger("x").into_iter().map(|poll| poll.outcome).collect();
    assert!(
        outcomes.contains(&"http_status".to_owned()) && outcomes.contains(&"invalid".to_owned())
    );
}

#[test]
fn wrong_words_on_the_command_line_are_named_with_what_to_do() {
    let lake = TestLake::new();
    std::fs::write(lake.folder().join("afile"), "").expect("a file");
    for (arguments, said) in [
        (vec!["ingest", "--system", "nice"], "add --url with its gbfs.json"),
        (vec!["ingest", "--url", "http://127.0.0.1:9/gbfs.json"], "add --system NAME"),
        (vec!["ingest", "--interval", "soon"], "write 90s, 15m or 2h"),
        (vec!["ingest", "--interval", "0s"], "write 1s or more"),
        (vec!["ingest", "--time-zone", "Paris"], "such as Europe/Paris"),
        (vec!["ingest", "--url", "notaurl"], "write https://…/gbfs.json"),
        (vec!["ingest", "--lake", "/proc/x"], "cannot make the folder `/proc/x` (No such file"),
        (vec!["serve", "--bind", "localhost:8080"], "write 127.0.0.1:8080"),
        (vec!["serve", "--lake", "afile"], "`afile` is a file"),
        (vec!["ingest", "--lake", "afile"], "`afile` is a file"),
        (vec!["verify", "--from", "2026-02-10", "--to", "2026-02-01"], "is after --to 2026-02-01"),
        (vec!["compact", "--from", "2026-02-10", "--to", "2026-02-01"], "--from 2026-02-10 is"),
        (vec!["aggregate", "--from", "2026-02-10", "--to", "2026-02-01"], "--from 2026-02-10"),
        (vec!["doctor", "--metrics-bind", "127.0.0.1:0"], "unexpected argument"),
        (vec!["ingest", "--system", "a/b"], "cannot name a system"),
        (vec!["aggregate", "--date", "22.11.2026"], "write it as YYYY-MM-DD"),
        (vec!["import", "--system", "velib", "nowhere"], "cannot read `nowhere`"),
        (vec!["serve", "--lake", "ftp://x/y"], "is not a lake"),
        (vec!["serve", "--log", "loud"], "is not a log level"),
    ] {
        let done = Finished::of(hotspots(&lake, &arguments));
        assert!(!done.success, "{arguments:?}");
        assert!(done.stderr.contains(said), "{arguments:?}: {}", done.stderr);
    }
}

#[test]
fn a_reason_is_said_once() {
    let lake = TestLake::new();
    let done = Finished::of(hotspots(&lake, &["import", "--system", "velib", "nowhere"]));
    assert_eq!(done.stderr.matches("No such file or directory").count(), 1, "{}", done.stderr);
}

fn discovery(feeds: &FeedServer) -> String {
    let feed = |name: &str| {
        format!(r#"{{"name":"{name}","url":"{}"}}"#, feeds.url(&format!("{name}.json")))
    };
    let feeds = ["system_information", "station_information", "station_status"].map(feed).join(",");
    format!(r#"{{"last_updated":1,"ttl":0,"data":{{"en":{{"feeds":[{feeds}]}}}}}}"#)
}

fn station_status(at: i64) -> String {
    let station = |id: &str, bikes: u32| {
        format!(
            r#"{{"station_id":"{id}","num_bikes_available":{bikes},"num_docks_available":3,"is_installed":true}}"#
        )
    };
    format!(
        r#"{{"last_updated":{at},"ttl":0,"data":{{"stations":[{},{}]}}}}"#,
        station("1", 3),
        station("2", 4)
    )
}
