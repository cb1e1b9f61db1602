//! The main job end to end: feed → lake → hotspots → answer, on the twin's simulated day.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use hotspots_pipeline::twin::{City, SimulatedClock, Twin};
use reqwest::Method;

use crate::support::{Finished, Serving, TestLake, hotspots};

const DEMO: [&str; 6] = ["demo", "--no-serve", "--stations", "300", "--interval", "30m"];

/// The twin as it is now, served until dropped.
struct LiveTwin {
    twin: Twin,
    _runtime: tokio::runtime::Runtime,
}

impl LiveTwin {
    fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let clock = Arc::new(SimulatedClock::at(now()));
        let twin = runtime.block_on(Twin::start(City::new(1, 100), clock)).expect("a port");
        Self { twin, _runtime: runtime }
    }

    fn discovery(&self) -> String {
        self.twin.discovery().to_string()
    }
}

/// A process that does not outlive a failed test.
struct EndedWhenDropped(std::process::Child);

impl Drop for EndedWhenDropped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "the binary under test runs on the real clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Waits until `done`, or fails after 30 s.
fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !done() {
        assert!(began.elapsed().as_secs() < 30, "it never happened: {what}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn the_demo_polls_aggregates_and_serves_a_day() {
    let lake = TestLake::new();
    let done = Finished::good(hotspots(&lake, &DEMO));
    assert!(done.stdout.contains("48 polls"), "{}", done.stdout);
    assert_eq!(done.complaints(), Vec::<String>::new(), "a demo has nothing to complain of");

    let server = Serving::start(hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]));
    let (status, content_type, day) = server.get("/hotspots/2026-09-15");
    assert_eq!((status, content_type.as_str()), (200, "application/json"));
    assert_eq!(day["system"], "demo");
    assert_eq!(day["date"], "2026-09-15");
    assert_eq!(day["time_zone"], "Europe/Paris");
    assert_eq!(day["resolution"], 10);
    assert_eq!(day["metric"], "bikes");
    // By hand: 48 polls half an hour apart, each held for 15 minutes: half of the day.
    assert_eq!(day["coverage"], 0.5);
    let cells = day["hotspots"].as_array().expect("cells");
    for name in
        ["hex_id", "lat", "lng", "weight", "rank", "bikes", "capacity", "occupancy", "stations"]
    {
        assert!(!cells[0][name].is_null(), "{name} of {}", cells[0]);
    }
    assert_eq!((cells[0]["rank"].as_u64(), cells[0]["weight"].as_f64()), (Some(1), Some(1.0)));
    let ranks: Vec<_> = cells.iter().map(|cell| cell["rank"].as_u64()).collect();
    assert!(ranks.is_sorted());
    let (status, _, days) = server.get("/hotspots");
    assert_eq!((status, &days["days"][0]["date"]), (200, &"2026-09-15".into()));
    assert_eq!(server.get("/healthz").0, 200);
}

#[test]
fn a_demo_or_an_aggregation_repeated_changes_no_byte() {
    let lake = TestLake::new();
    Finished::good(hotspots(&lake, &DEMO));
    let before = lake.objects();
    Finished::good(hotspots(&lake, &DEMO));
    let again = Finished::good(hotspots(&lake, &["aggregate"]));
    assert!(again.stderr.contains("0 days written"), "{}", again.stderr);
    let after = lake.objects();
    // The twin has another port each time, which discovery tells, and the ledger notes each attempt.
    let recorded =
        |path: &&String| !path.starts_with("polls/") && !path.starts_with("other_feeds/");
    assert!(before.keys().filter(recorded).eq(after.keys().filter(recorded)));
    assert!(before.iter().all(|(path, bytes)| after.get(path) == Some(bytes)));

    // Made anew from the same polls, the table is the same to the byte.
    let table = lake.paths("hotspots").remove(0);
    std::fs::remove_file(lake.folder().join("lake").join(&table)).expect("the table is a file");
    Finished::good(hotspots(&lake, &["aggregate"]));
    assert_eq!(lake.objects()[&table], before[&table]);
}

#[test]
fn errors_are_problem_documents_that_say_what_to_do() {
    let lake = TestLake::new();
    Finished::good(hotspots(&lake, &DEMO));
    let server = Serving::start(hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]));
    let problem = |method, path: &str| {
        let (status, content_type, body) = server.ask(method, path);
        assert_eq!(content_type, "application/problem+json", "{path}");
        assert_eq!(body["status"], status, "{path}");
        (status, body)
    };
    let (status, body) = problem(Method::GET, "/hotspots/15.09.2026");
    assert_eq!(status, 400);
    assert!(body["detail"].as_str().expect("text").contains("YYYY-MM-DD"), "{body}");
    let (status, body) = problem(Method::GET, "/hotspots/2026-09-20");
    assert_eq!(status, 404);
    assert_eq!((&body["first"], &body["last"]), (&"2026-09-15".into(), &"2026-09-15".into()));
    assert_eq!(body["nearest"], serde_json::json!(["2026-09-15"]));
    assert_eq!(problem(Method::GET, "/hotpots").0, 404);
    assert_eq!(problem(Method::POST, "/hotspots/2026-09-15").0, 405);
    assert_eq!(problem(Method::GET, "/hotspots?sytem=demo").0, 400);
    assert_eq!(problem(Method::GET, "/hotspots/2026-09-15?system=other").0, 404);
}

#[test]
fn a_lake_without_days_says_how_to_get_some() {
    let lake = TestLake::new();
    let server = Serving::start(hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]));
    let (status, _, body) = server.get("/hotspots/2026-09-15");
    assert_eq!(status, 404);
    assert!(body["detail"].as_str().expect("text").contains("hotspots aggregate"), "{body}");
}

#[test]
fn a_new_or_changed_day_is_served_without_a_restart() {
    let lake = TestLake::new();
    Finished::good(hotspots(&lake, &DEMO));
    let server = Serving::start(hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]));
    let polls = |date: &str| server.get(&format!("/hotspots/{date}")).2["polls"].as_u64();
    assert_eq!((polls("2026-09-15"), polls("2026-09-16")), (Some(48), None));
    let next: Vec<&str> = DEMO.into_iter().chain(["--date", "2026-09-16"]).collect();
    Finished::good(hotspots(&lake, &next));
    let denser = ["demo", "--no-serve", "--stations", "300", "--interval", "20m"];
    Finished::good(hotspots(&lake, &denser));
    // Polls every 20 and every 30 minutes: 72 + 48, of which the 24 on the hour are the same.
    eventually("the new and the changed day", || {
        (polls("2026-09-15"), polls("2026-09-16")) == (Some(96), Some(48))
    });
}

#[test]
fn a_live_system_is_polled_once_aggregated_and_served_as_provisional() {
    let lake = TestLake::new();
    let twin = LiveTwin::start();
    let url = twin.discovery();
    let done =
        Finished::good(hotspots(&lake, &["ingest", "--once", "--system", "twin", "--url", &url]));
    assert_eq!(done.complaints(), Vec::<String>::new());
    let feeds: Vec<(String, String)> =
        lake.ledger("twin").into_iter().map(|poll| (poll.feed, poll.outcome)).collect();
    let stored = |feed: &str| (feed.to_owned(), "stored".to_owned());
    for feed in ["system_information", "station_information", "station_status"] {
        assert!(feeds.contains(&stored(feed)), "{feeds:?}");
    }
    Finished::good(hotspots(&lake, &["aggregate"]));
    let server = Serving::start(hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]));
    let (_, _, days) = server.get("/hotspots");
    let date = days["days"][0]["date"].as_str().expect("a day").to_owned();
    let (_, _, day) = server.get(&format!("/hotspots/{date}"));
    assert_eq!((&day["polls"], &day["provisional"]), (&1.into(), &true.into()));
    assert!(!day["hotspots"].as_array().expect("cells").is_empty());
}

#[test]
fn ingest_polls_until_it_is_asked_to_stop_and_ends_well() {
    let lake = TestLake::new();
    let twin = LiveTwin::start();
    let url = twin.discovery();
    let arguments = ["ingest", "--system", "twin", "--interval", "1s", "--url", &url];
    let mut command = hotspots(&lake, &arguments);
    let child = command.stderr(std::process::Stdio::null()).spawn().expect("it starts");
    let mut child = EndedWhenDropped(child);
    eventually("the first poll", || !lake.paths("station_status").is_empty());
    // Time for two more rounds, a second apart.
    std::thread::sleep(std::time::Duration::from_millis(2500));
    let id = child.0.id().to_string();
    assert!(
        std::process::Command::new("kill").args(["-TERM", &id]).status().expect("kill").success()
    );
    assert!(child.0.wait().expect("it ends").success());
    // The twin stands still, so that all rounds saw the same poll: it is stored once.
    assert_eq!(lake.paths("station_status").len(), 1);
    assert_eq!(lake.paths("station_information").len(), 1);
    let outcomes: Vec<String> = lake
        .ledger("twin")
        .into_iter()
        .filter(|poll| poll.feed == "station_status")
        .map(|poll| poll.outcome)
        .collect();
    assert_eq!(outcomes[0], "stored");
    assert!(outcomes.len() >= 3, "{outcomes:?}");
    assert!(outcomes[1..].iter().all(|outcome| outcome == "unchanged"), "{outcomes:?}");
}

#[test]
fn run_polls_aggregates_and_serves_in_one_process() {
    let lake = TestLake::new();
    let twin = LiveTwin::start();
    let url = twin.discovery();
    let arguments = ["run", "--system", "twin", "--url", &url, "--bind", "127.0.0.1:0"];
    let server = Serving::start(hotspots(&lake, &arguments));
    eventually("today's hotspots", || {
        let (status, _, days) = server.get("/hotspots");
        status == 200 && !days["days"][0]["date"].is_null()
    });
    let (good, log) = server.terminate();
    assert!(good, "{log}");
    assert!(log.contains("1 days written"), "{log}");
}

#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_file() {
    let lake = TestLake::new();
    let settings = lake.folder().join("hotspots.toml");
    std::fs::write(&settings, "lake = \"from-file\"\n").expect("a file");
    let made = |name: &str| lake.folder().join(name).is_dir();
    let aggregate = |arguments: &[&str], environment: Option<&str>| {
        let mut command = hotspots(&lake, arguments);
        match environment {
            Some(location) => command.env("HOTSPOTS_LAKE", location),
            None => command.env_remove("HOTSPOTS_LAKE"),
        };
        Finished::good(command);
    };
    aggregate(&["aggregate"], None);
    assert!(made("from-file"));
    aggregate(&["aggregate"], Some("from-environment"));
    assert!(made("from-environment"));
    aggregate(&["aggregate", "--lake", "from-flag"], Some("from-environment-2"));
    assert!(made("from-flag") && !made("from-environment-2"));

    std::fs::write(&settings, "lake = \"x\"\ncolour = \"red\"\n").expect("a file");
    let wrong = Finished::of(hotspots(&lake, &["aggregate"]));
    assert!(!wrong.success);
    assert!(
        wrong.stderr.contains("hotspots.toml") && wrong.stderr.contains("colour"),
        "{wrong:#?}"
    );
}

#[test]
fn a_state_that_changes_at_midnight_belongs_to_the_right_day() {
    // The twin's day begins at 22:00 UTC of the day before; nothing of it is filed elsewhere.
    let lake = TestLake::new();
    Finished::good(hotspots(&lake, &DEMO));
    let status = lake.status("demo");
    let first = status.iter().map(|row| row.observed_at).min().expect("rows");
    let last = status.iter().map(|row| row.observed_at).max().expect("rows");
    assert_eq!(first.to_rfc3339(), "2026-09-14T22:00:00+00:00");
    assert_eq!(last - first, TimeDelta::minutes(47 * 30));
    assert!(lake.paths("station_status").iter().all(|path| path.contains("/date=2026-09-15/")));
}
