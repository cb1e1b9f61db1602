//! The main job end to end: feed → lake → hotspots → answer, on the twin's simulated day.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
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
struct EndedWhenDropped(Child);

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

/// The local date of the twin's city.
fn today() -> NaiveDate {
    now().with_timezone(&Tz::Europe__Paris).date_naive()
}

/// Asks a process to end as a service manager or a terminal does.
fn send(signal: &str, process: &Child) {
    let id = process.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().expect("kill runs").success());
}

/// Waits until `done`, or fails after 30 s.
fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed().as_secs() < 30, "it never happened: {what}");
        std::thread::sleep(Duration::from_millis(50));
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
    let before = today();
    Finished::good(hotspots(&lake, &["aggregate"]));
    let is_same_day = before == today();
    let server = Serving::start(hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]));
    let (_, _, days) = server.get("/hotspots");
    let date = days["days"][0]["date"].as_str().expect("a day").to_owned();
    let (_, _, day) = server.get(&format!("/hotspots/{date}"));
    assert_eq!(day["polls"], 1);
    // Only of the day that goes on: local midnight may have come since the poll.
    assert!(!is_same_day || day["provisional"] == (date == before.to_string()), "{day}");
    assert!(!day["hotspots"].as_array().expect("cells").is_empty());
}

#[test]
fn ingest_polls_until_it_is_asked_to_stop_and_ends_well() {
    let lake = TestLake::new();
    let twin = LiveTwin::start();
    let url = twin.discovery();
    let arguments = ["ingest", "--system", "twin", "--interval", "1s", "--url", &url];
    let log = lake.folder().join("log");
    let mut command = hotspots(&lake, &arguments);
    command.args(["--log", "debug"]).stderr(std::fs::File::create(&log).expect("a file"));
    let mut child = EndedWhenDropped(command.spawn().expect("it starts"));
    eventually("the first poll and two more", || {
        let text = std::fs::read_to_string(&log).expect("a log");
        text.matches("twin station_status: unchanged").count() >= 2
    });
    send("-TERM", &child.0);
    assert!(child.0.wait().expect("it ends").success());
    // The twin stands still, so that all rounds saw the same poll: it is stored once.
    assert_eq!(lake.paths("station_status").len(), 1);
    // A version of it a local day, should midnight have come meanwhile.
    let versions = lake.paths("station_information");
    let days: BTreeSet<_> =
        versions.iter().map(|path| path.rsplit_once('/').map(|(day, _)| day)).collect();
    assert_eq!((days.len(), versions.is_empty()), (versions.len(), false), "{versions:?}");
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
    assert!(log.contains("1 day written"), "{log}");
}

#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_file() {
    let lake = TestLake::new();
    let settings = lake.folder().join("hotspots.toml");
    std::fs::write(&settings, "lake = \"from-file\"\n").expect("a file");
    // The lake that was looked for is named, and not made.
    let looked_for = |arguments: &[&str], environment: Option<&str>| {
        let mut command = hotspots(&lake, arguments);
        match environment {
            Some(location) => command.env("HOTSPOTS_LAKE", location),
            None => command.env_remove("HOTSPOTS_LAKE"),
        };
        let finished = Finished::of(command);
        let (_, after) = finished.stderr.split_once("there is no lake at `").expect("a name");
        after.split_once('`').expect("a name").0.to_owned()
    };
    assert_eq!(looked_for(&["aggregate"], None), "from-file");
    assert_eq!(looked_for(&["aggregate"], Some("from-environment")), "from-environment");
    let flag = ["aggregate", "--lake", "from-flag"];
    assert_eq!(looked_for(&flag, Some("from-environment")), "from-flag");
    assert!(!lake.folder().join("from-file").exists());

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

#[test]
fn the_demo_writes_into_no_lake_but_its_own_unless_a_flag_names_it() {
    let lake = TestLake::new();
    let settings = lake.folder().join("hotspots.toml");
    std::fs::write(settings, "lake = \"from-file\"\n").expect("a file");
    let folders = || -> Vec<String> {
        let entries = std::fs::read_dir(lake.folder()).expect("a folder");
        let folders = entries.map(|entry| entry.expect("an entry").path()).filter(|e| e.is_dir());
        let mut names: Vec<String> =
            folders.map(|path| path.file_name().expect("a name").display().to_string()).collect();
        names.sort();
        names
    };
    // A flag before the command keeps `hotspots` from naming the test's lake.
    let demo = |before: &[&str]| {
        let small = ["demo", "--no-serve", "--stations", "20", "--interval", "6h"];
        let mut command = hotspots(&lake, &[before, &small].concat());
        command.env("HOTSPOTS_LAKE", "from-environment");
        Finished::good(command);
    };
    demo(&["--log", "warn"]);
    assert_eq!(folders(), ["demo-lake", "lake"]);
    demo(&["--lake", "from-flag"]);
    assert_eq!(folders(), ["demo-lake", "from-flag", "lake"]);
}

#[test]
fn a_demo_that_still_polls_is_ended_by_a_signal_at_once() {
    for signal in ["-INT", "-TERM"] {
        let lake = TestLake::new();
        // Polls every second of a day take minutes.
        let mut command = hotspots(&lake, &["demo", "--no-serve", "--interval", "1s"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut child = EndedWhenDropped(child);
        eventually("the first poll", || !lake.paths("station_status").is_empty());
        let began = Instant::now();
        send(signal, &child.0);
        let status = child.0.wait().expect("it ends");
        assert!(began.elapsed() < Duration::from_secs(5), "{signal}: {:?}", began.elapsed());
        assert_eq!((status.code(), status.signal()), (Some(130), None), "{signal}");
    }
}

#[test]
fn a_lake_that_is_not_there_is_named_and_not_made() {
    let lake = TestLake::new();
    for command in ["aggregate", "compact", "verify", "serve", "doctor"] {
        let done = Finished::of(hotspots(&lake, &[command, "--lake", "nowhere"]));
        assert!(!done.success, "{command}");
        assert!(done.stderr.contains("there is no lake at `nowhere`: name another"), "{done:?}");
        assert!(!lake.folder().join("nowhere").exists(), "{command}");
    }
}

#[test]
fn a_lake_with_nothing_in_it_fails_what_needs_polls_and_is_served_with_a_warning() {
    let lake = TestLake::new();
    for command in ["aggregate", "verify"] {
        let done = Finished::of(hotspots(&lake, &[command]));
        assert!(!done.success, "{command}");
        assert!(done.stderr.contains(&format!("nothing to {command}: the lake at")), "{done:?}");
    }
    let done = Finished::good(hotspots(&lake, &["compact"]));
    assert!(done.complaints()[0].contains("nothing to compact"), "{done:?}");

    let log = lake.folder().join("log");
    let mut command = hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]);
    command.stderr(std::fs::File::create(&log).expect("a file"));
    let child = EndedWhenDropped(command.spawn().expect("it starts"));
    let text = || std::fs::read_to_string(&log).expect("a log");
    eventually("a warning", || text().contains("has no day yet: `hotspots aggregate`"));
    drop(child);
    assert_eq!(text().matches("WARN").count(), 1, "{}", text());
}

#[test]
fn a_bucket_that_does_not_answer_is_told_at_the_start_with_the_reason() {
    let lake = TestLake::new();
    let log = lake.folder().join("log");
    let arguments = ["serve", "--lake", "s3://bucket/lake", "--bind", "127.0.0.1:0"];
    let mut command = hotspots(&lake, &arguments);
    command.envs([("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")]);
    command.envs([("AWS_ENDPOINT", "http://127.0.0.1:1"), ("AWS_ALLOW_HTTP", "true")]);
    command.stderr(std::fs::File::create(&log).expect("a file"));
    let _child = EndedWhenDropped(command.spawn().expect("it starts"));
    let text = || std::fs::read_to_string(&log).expect("a log");
    eventually("the reason", || text().contains("each request tries again"));
    let said = text();
    let line = said.lines().find(|line| line.contains("each request")).expect("a line");
    assert_eq!(line.matches("Connection refused").count(), 1, "{line}");
    assert!(line.contains("the lake at `s3://bucket/lake` could not list"), "{line}");
}
