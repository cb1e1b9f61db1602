//! What an operator uses beside the polls: figures, alerts, the catalogue, the doctor.

use std::io::Read as _;
use std::process::Command;
use std::sync::Arc;

use hotspots_pipeline::{Intake, Metrics, Stopper};

use crate::support::rig::START_S;
use crate::support::{Fault, FaultServer, Finished, Rig, TestLake, hotspots, recorded};

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_tell_what_the_polls_came_to() {
    let (lake, server) = (TestLake::new(), FaultServer::start());
    server.put_status(START_S, 4);
    let mut rig = Rig::new(Intake::local(lake.open()).unwrap(), &server.url("gbfs.json"));
    rig.poll_after(0).await;
    server.set_fault("station_status.json", Some(Fault::Status(500, "")));
    rig.poll_after(60).await;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_stopper, stop) = Stopper::new();
    let intake = rig.tools.intake.clone();
    Metrics::serve(Arc::clone(&rig.tools.metrics), listener, intake, rig.clock.clone(), stop);
    let text =
        reqwest::get(format!("http://{address}/metrics")).await.unwrap().text().await.unwrap();
    for line in [
        r#"hotspots_polls_total{system="rig",feed="station_status",outcome="stored"} 1"#,
        r#"hotspots_polls_total{system="rig",feed="station_status",outcome="http_status"} 1"#,
        r#"hotspots_seconds_since_stored{system="rig"} 60"#,
        r#"hotspots_feed_age_seconds{system="rig",feed="station_status"} 60"#,
        "hotspots_poll_lateness_seconds_count 2",
        "hotspots_spool_files 0",
        "hotspots_upload_failures_total 0",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    check_with_promtool(&["check", "metrics"], &text);
}

#[test]
fn the_alert_rules_are_good_and_ask_for_figures_that_exist() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/alerts.yml");
    let rules = std::fs::read_to_string(path).unwrap();
    let figures = Metrics::default().text(chrono::DateTime::UNIX_EPOCH, None);
    let mut asked = 0;
    for word in rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        if word.starts_with("hotspots_") {
            let family = word.trim_end_matches("_bucket");
            assert!(figures.contains(&format!("# TYPE {family} ")), "{word}");
            asked += 1;
        }
    }
    assert!(asked >= 5);
    check_with_promtool(&["check", "rules", path], "");
}

fn check_with_promtool(arguments: &[&str], input: &str) {
    let mut command = Command::new("promtool");
    command.args(arguments).stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        eprintln!("SKIPPED: no promtool (the prometheus package has it)");
        return;
    };
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let mut says = String::new();
    child.stderr.take().unwrap().read_to_string(&mut says).unwrap();
    assert!(child.wait().unwrap().success(), "{says}");
}

#[test]
fn what_the_catalogue_prints_is_configuration_that_polls() {
    let Some(catalogue) = recorded("systems.csv") else { return };
    let lake = TestLake::new();
    let catalogue = catalogue.display().to_string();
    let found = Finished::good(hotspots(&lake, &["systems", "--catalogue", &catalogue, "bergen"]));
    assert!(found.stdout.contains("system = \"bergen-city-bike\""), "{found:?}");
    std::fs::write(lake.folder().join("hotspots.toml"), &found.stdout).unwrap();
    // The file is understood: what fails is only that nobody answers at this address.
    let doctor = Finished::of(hotspots(
        &lake,
        &["doctor", "--system", "bergen-city-bike", "--url", "http://127.0.0.1:1/gbfs.json"],
    ));
    assert!(!doctor.success);
    assert!(doctor.stdout.contains("BAD   bergen-city-bike: discovery"), "{doctor:?}");
    let none = Finished::of(hotspots(&lake, &["systems", "--catalogue", &catalogue, "atlantis"]));
    assert!(!none.success && none.stderr.contains("0 of 15"), "{none:?}");
}

#[test]
fn the_doctor_says_in_words_what_is_odd_about_a_feed() {
    let (lake, server) = (TestLake::new(), FaultServer::start());
    server.put_status(START_S, 4);
    let url = server.url("gbfs.json");
    let doctor = Finished::good(hotspots(&lake, &["doctor", "--system", "x", "--url", &url]));
    for says in [
        "it takes writes and never replaces an object",
        "its clock and ours differ by 0 s",
        "x: GBFS 1.0 with station_information, station_status, system_information",
        "station_status: 2 rows understood",
        "odd   x: station_status: `last_updated` is",
        "polled every 60 s",
    ] {
        assert!(doctor.stdout.contains(says), "{says}\n{}", doctor.stdout);
    }
}

#[test]
fn many_systems_are_polled_by_one_process_and_a_key_stays_in_the_environment() {
    let (lake, one, other) = (TestLake::new(), FaultServer::start(), FaultServer::start());
    one.put_status(START_S, 4);
    other.put_status(START_S, 5);
    let file = format!(
        "[[systems]]\nsystem = \"one\"\nurl = [\"{}\"]\n\n[[systems]]\nsystem = \"other\"\n\
         url = [\"{}\"]\nkey = {{ env = \"OTHERS_KEY\", header = \"Authorization\" }}\n",
        one.url("gbfs.json"),
        other.url("gbfs.json")
    );
    std::fs::write(lake.folder().join("hotspots.toml"), file).unwrap();
    let unset = Finished::of(hotspots(&lake, &["ingest", "--once"]));
    assert!(!unset.success && unset.stderr.contains("OTHERS_KEY"), "{unset:?}");
    let mut command = hotspots(&lake, &["ingest", "--once", "--log", "trace"]);
    command.env("OTHERS_KEY", "s3cret");
    let finished = Finished::good(command);
    assert!(!finished.stderr.contains("s3cret"));
    assert_eq!(lake.paths("station_status").len(), 2);
    assert!(other.requests().iter().all(|request| request.headers["authorization"] == "s3cret"));
    assert!(one.requests().iter().all(|request| !request.headers.contains_key("authorization")));
}

#[test]
fn addresses_that_fail_are_told_apart_in_the_log() {
    let lake = TestLake::new();
    let addresses = ["http://127.0.0.1:1/gbfs.json", "http://127.0.0.1:1/other/gbfs.json"];
    let [first, second] = addresses;
    let arguments = ["ingest", "--once", "--system", "a", "--url", first, "--url", second];
    let done = Finished::of(hotspots(&lake, &arguments));
    assert!(!done.success);
    let complaints = done.complaints();
    for address in addresses {
        assert!(complaints.iter().any(|line| line.contains(address)), "{complaints:#?}");
    }
}
