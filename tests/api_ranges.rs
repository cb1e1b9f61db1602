//! Parts of answers, and answers of one state only: what readers of remote files need.

use std::process::Command;

use chrono::NaiveDate;
use hotspots_data::parse_date;
use serde_json::json;

use crate::support::http::{Client, Response, ask, get};
use crate::support::{Fixture, Serving, TestLake, hotspots, wait};

const PATH: &str = "/hotspots/2026-10-20";

fn day() -> NaiveDate {
    parse_date("2026-10-20").expect("a date")
}

fn served() -> (TestLake, Serving, Fixture) {
    let (lake, fixture) = (TestLake::new(), Fixture::of("velib", 60));
    wait(async {
        fixture.write(&lake.open(), day()).await.expect("written");
        fixture.write_system(&lake.open(), day()).await.expect("written");
    });
    let serving = Serving::start(hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]));
    (lake, serving, fixture)
}

/// The headers without those that are of one response alone.
fn lasting(response: &Response) -> Vec<(&String, &String)> {
    let own = ["content-length", "content-range", "date", "x-request-id"];
    response.headers.iter().filter(|(name, _)| !own.contains(&name.as_str())).collect()
}

#[test]
fn a_part_is_cut_from_the_answer_in_the_encoding_chosen() {
    let (_lake, serving, _fixture) = served();
    // On one connection, whose thread answers what it was asked just before at once.
    let mut client = Client::connect(serving.address());
    for (path, accept) in [
        (PATH, "accept-encoding: identity"),
        (PATH, "accept-encoding: gzip"),
        ("/hotspots/2026-10-20?format=parquet", "accept-encoding: gzip"),
        ("/hotspots/latest?format=csv", "accept-encoding: br"),
        ("/openapi.json", "accept-encoding: identity"),
        ("/healthz", "accept-encoding: identity"),
    ] {
        let whole = client.ask("GET", path, &[accept]).unwrap();
        assert_eq!((whole.status, whole.header("accept-ranges")), (200, "bytes"), "{path}");
        let size = whole.body.len();
        for (range, part) in [
            ("bytes=0-".to_owned(), 0..size),
            ("bytes=3-7".to_owned(), 3..8),
            ("bytes=-8".to_owned(), size - 8..size),
            (format!("bytes={}-{}", size - 1, size + 100), size - 1..size),
        ] {
            let lines = [accept, &format!("range: {range}")];
            let partial = client.ask("GET", path, &lines).unwrap();
            let place = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            assert_eq!((partial.status, partial.header("content-range")), (206, &*place), "{path}");
            assert_eq!(partial.body, whole.body[part], "{path} {range}");
            assert_eq!(lasting(&partial), lasting(&whole), "{path} {range}");
        }
        let head = client.ask("HEAD", path, &[accept, "range: bytes=0-0"]).unwrap();
        assert_eq!((head.status, head.header("content-length")), (200, &*size.to_string()));
        assert_eq!(head.header("accept-ranges"), "bytes");
    }
}

#[test]
fn what_is_no_single_range_of_bytes_gets_the_whole_and_one_beyond_the_end_a_problem() {
    let (_lake, serving, _fixture) = served();
    let mut client = Client::connect(serving.address());
    let whole = client.ask("GET", PATH, &[]).unwrap();
    for lines in [
        &["range: bytes=0-1,4-5"][..],
        &["range: bytes=0-1", "range: bytes=4-5"],
        &["range: bytes=5-4"],
        &["range: bytes=x"],
        &["range: cells=0-1"],
    ] {
        let response = client.ask("GET", PATH, lines).unwrap();
        assert_eq!((response.status, &response.body), (200, &whole.body), "{lines:?}");
        assert_eq!(response.header("content-range"), "", "{lines:?}");
    }
    let size = whole.body.len();
    for range in [format!("bytes={size}-"), "bytes=-0".to_owned()] {
        let beyond = client.ask("GET", PATH, &[&format!("range: {range}")]).unwrap();
        assert_eq!(beyond.status, 416, "{range}");
        assert_eq!(beyond.header("content-range"), format!("bytes */{size}"));
        assert_eq!(beyond.json()["type"], "/docs#range-not-satisfiable");
    }
    let absent = get(serving.address(), "/hotspots/1999-01-01");
    assert_eq!(absent.header("accept-ranges"), "", "a problem has no parts");
    let part = ask(serving.address(), "GET", "/hotspots/1999-01-01", &["range: bytes=0-1"]);
    assert_eq!(part.status, 404);
}

#[test]
fn a_part_is_never_of_another_state_than_the_client_has() {
    let (lake, serving, fixture) = served();
    let mut client = Client::connect(serving.address());
    let old = client.ask("GET", PATH, &[]).unwrap();
    let (etag, modified) = (old.header("etag"), old.header("last-modified"));
    assert!(!modified.is_empty());
    let mut status = |lines: &[&str]| client.ask("GET", PATH, lines).unwrap().status;
    let range = "range: bytes=0-9";
    for (condition, expected) in [
        (format!("if-range: {etag}"), 206),
        (format!("if-range: {modified}"), 206),
        (format!("if-range: W/{etag}"), 200),
        ("if-range: \"other\"".to_owned(), 200),
        ("if-range: Sun, 06 Nov 1994 08:49:37 GMT".to_owned(), 200),
        (format!("if-match: \"other\", {etag}"), 206),
        ("if-match: *".to_owned(), 206),
        (format!("if-match: W/{etag}"), 412),
        ("if-match: \"other\"".to_owned(), 412),
        (format!("if-unmodified-since: {modified}"), 206),
        ("if-unmodified-since: Sun, 06 Nov 1994 08:49:37 GMT".to_owned(), 412),
        (format!("if-none-match: {etag}"), 304),
    ] {
        assert_eq!(status(&[range, &condition]), expected, "{condition}");
    }
    assert_eq!(status(&["if-match: \"other\""]), 412, "without a range, too");
    assert_eq!(status(&["if-none-match: \"other\"", &format!("if-none-match: {etag}")]), 304);

    wait(Fixture { salt: 7, ..fixture }.write(&lake.open(), day())).expect("written");
    let began = std::time::Instant::now();
    while get(serving.address(), PATH).header("etag") == etag {
        assert!(began.elapsed() < std::time::Duration::from_secs(10));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // Each thread may repeat what it answered last for a tenth of a second.
    std::thread::sleep(std::time::Duration::from_millis(150));
    let lines = [range, &format!("if-match: {etag}")];
    let failed = ask(serving.address(), "GET", PATH, &lines);
    assert_eq!((failed.status, &failed.json()["type"]), (412, &json!("/docs#precondition-failed")));
    let lines = [range, &format!("if-range: {etag}")];
    let whole = ask(serving.address(), "GET", PATH, &lines);
    assert_eq!((whole.status, whole.body), (200, get(serving.address(), PATH).body));

    let metrics = String::from_utf8(get(serving.address(), "/metrics").body).unwrap();
    for status in ["206", "412"] {
        let line = format!("total{{path=\"/hotspots/{{date}}\",status=\"{status}\"}}");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
}

#[test]
fn scripts_of_any_site_may_ask_for_parts() {
    let (_lake, serving, _fixture) = served();
    let asked = ask(serving.address(), "OPTIONS", PATH, &["origin: https://map.example"]);
    let allowed = asked.header("access-control-allow-headers").to_lowercase();
    for name in ["range", "if-range", "if-match", "if-unmodified-since"] {
        assert!(allowed.split(", ").any(|known| known == name), "{name}: {allowed}");
    }
    let part = ask(serving.address(), "GET", PATH, &["range: bytes=0-1"]);
    assert_eq!(part.header("access-control-expose-headers"), "*");
}

const READ: &str = "
import sys, polars as pl
url = sys.argv[1]
for read in (
    lambda: pl.read_parquet(f'{url}?format=parquet'),
    lambda: pl.scan_parquet(f'{url}?format=parquet').select('hex_id').collect(),
    lambda: pl.read_csv(f'{url}?format=csv'),
    lambda: pl.read_ipc(f'{url}?format=arrow'),
):
    print(','.join(read()['hex_id']))
";

#[test]
fn polars_reads_every_file_form_from_its_address() {
    let python = std::env::var("HOTSPOTS_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import polars"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: {python} has no polars (pip install polars, HOTSPOTS_PYTHON)");
        return;
    }
    let (_lake, serving, fixture) = served();
    let read = Command::new(&python).args(["-c", READ, &serving.url(PATH)]).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let expected = fixture.hotspots(day(), hotspots_data::Resolution::HOTSPOTS);
    let ids: Vec<&str> = expected.iter().map(|row| row.hex_id.as_str()).collect();
    let read = String::from_utf8(read.stdout).unwrap();
    assert_eq!(read.lines().collect::<Vec<_>>(), vec![ids.join(","); 4]);
}
