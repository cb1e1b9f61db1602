//! Clients that mean no good, and a lake that fails: everybody else is served.

use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::NaiveDate;
use hotspots_data::{Derived, Resolution, parse_date};

use crate::support::http::{Client, Response, get};
use crate::support::{Fixture, Serving, TestLake, hotspots, wait};

const PATH: &str = "/hotspots/2026-10-20";

fn day() -> NaiveDate {
    parse_date("2026-10-20").expect("a date")
}

fn served(cells: usize, more: &[&str]) -> (TestLake, Serving, Fixture) {
    let (lake, fixture) = (TestLake::new(), Fixture::of("velib", cells));
    wait(fixture.write(&lake.open(), day())).expect("written");
    let arguments = [&["serve", "--bind", "127.0.0.1:0"], more].concat();
    let serving = Serving::start(hotspots(&lake, &arguments));
    assert_eq!(get(serving.address(), PATH).status, 200);
    (lake, serving, fixture)
}

fn until(what: &str, mut wanted: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !wanted() {
        assert!(began.elapsed() < Duration::from_secs(15), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Clients that ask for `path` one after another on kept connections until told to stop; gives all
/// distinct answers, and how many requests had none.
struct Load {
    stop: Arc<AtomicBool>,
    failed: Arc<AtomicUsize>,
    threads: Vec<std::thread::JoinHandle<Vec<Response>>>,
}

impl Load {
    fn of(clients: usize, address: &str, path: &'static str) -> Self {
        let (stop, failed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let threads = (0..clients)
            .map(|_| {
                let (stop, failed) = (Arc::clone(&stop), Arc::clone(&failed));
                let address = address.to_owned();
                std::thread::spawn(move || {
                    let mut seen: Vec<Response> = Vec::new();
                    let mut client = Client::connect(&address);
                    while !stop.load(Ordering::Relaxed) {
                        let Some(mut response) = client.ask("GET", path, &[]) else {
                            failed.fetch_add(1, Ordering::Relaxed);
                            break;
                        };
                        let is_last = response.header("connection") == "close";
                        for name in ["x-request-id", "date", "connection"] {
                            response.headers.remove(name);
                        }
                        if !seen.contains(&response) {
                            seen.push(response);
                        }
                        if is_last {
                            break;
                        }
                    }
                    seen
                })
            })
            .collect();
        Self { stop, failed, threads }
    }

    fn end(self) -> (Vec<Response>, usize) {
        self.stop.store(true, Ordering::Relaxed);
        let mut all: Vec<Response> = Vec::new();
        for thread in self.threads {
            for response in thread.join().expect("a client ends") {
                if !all.contains(&response) {
                    all.push(response);
                }
            }
        }
        (all, self.failed.load(Ordering::Relaxed))
    }
}

#[test]
fn a_new_table_is_picked_up_under_load_without_a_failed_or_mixed_answer() {
    let (lake, serving, fixture) = served(200, &[]);
    let old = get(serving.address(), PATH).body;
    let load = Load::of(8, serving.address(), PATH);
    std::thread::sleep(Duration::from_millis(200));
    let changed = Fixture { salt: 7, ..fixture };
    wait(changed.write(&lake.open(), day())).expect("written");
    until("the new table is served", || get(serving.address(), PATH).body != old);
    std::thread::sleep(Duration::from_millis(200));
    let (seen, failed) = load.end();
    let new = get(serving.address(), PATH).body;
    assert_eq!(failed, 0);
    assert!(seen.iter().all(|response| response.status == 200), "{seen:?}");
    assert!(seen.iter().all(|response| response.body == old || response.body == new));
    assert!(seen.iter().any(|response| response.body == new), "the load saw the change");
}

#[test]
fn a_new_day_is_the_latest_within_seconds_under_load_without_a_failed_or_mixed_answer() {
    let (lake, serving, fixture) = served(200, &[]);
    let load = Load::of(8, serving.address(), "/hotspots/latest");
    let loads_of_others = [
        "/hotspots/latest?resolution=9",
        "/hotspots/latest/hours?resolution=9",
        "/stations/latest",
        "/quality/latest",
    ]
    .map(|path| Load::of(1, serving.address(), path));
    let is_known = || get(serving.address(), "/hotspots/2026-10-21").status == 200;
    assert!(!is_known());
    std::thread::sleep(Duration::from_millis(200));
    let next = parse_date("2026-10-21").expect("a date");
    wait(fixture.write(&lake.open(), next)).expect("written");
    let written = std::time::Instant::now();
    until("the new day is served", || {
        let latest = get(serving.address(), "/hotspots/latest");
        is_known() && latest.header("content-location") == "/hotspots/2026-10-21"
    });
    let took = written.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    std::thread::sleep(Duration::from_millis(200));
    for load in std::iter::once(load).chain(loads_of_others) {
        let (seen, failed) = load.end();
        let bad = seen.iter().find(|response| response.status != 200);
        assert!(bad.is_none(), "{:?}", bad.map(|bad| String::from_utf8_lossy(&bad.body)));
        assert_eq!((seen.len(), failed), (2, 0), "the day before, then the new one");
        for response in seen {
            let document = response.json();
            let of = document["date"].as_str().map(|date| format!("/{date}"));
            assert!(of.is_some_and(|of| response.header("content-location").contains(&of)));
        }
    }
}

#[test]
fn a_days_folder_without_its_table_is_no_day() {
    let (lake, serving, fixture) = served(30, &[]);
    let good = get(serving.address(), "/hotspots/latest");
    let next = parse_date("2026-10-21").expect("a date");
    let key = Derived::DAYS.key(&fixture.system, next).to_string();
    let table = lake.folder().join("lake").join(key);
    std::fs::create_dir_all(table.parent().expect("its day")).unwrap();
    // As a table is called that is being written, or whose writer was killed.
    std::fs::write(table.with_extension("parquet#1"), b"half a table").unwrap();
    std::thread::sleep(Duration::from_millis(1200));
    let latest = get(serving.address(), "/hotspots/latest");
    assert_eq!((latest.status, latest.body), (200, good.body));
    assert_eq!(get(serving.address(), "/hotspots/2026-10-21").status, 404);
    let days = get(serving.address(), "/hotspots").json();
    assert_eq!(days["days"].as_array().map(Vec::len), Some(1), "{days}");
    wait(fixture.write(&lake.open(), next)).expect("written");
    until("the day is there", || {
        let latest = get(serving.address(), "/hotspots/latest");
        latest.header("content-location") == "/hotspots/2026-10-21"
    });
}

#[test]
fn a_damaged_table_is_reported_and_the_last_good_one_served() {
    let (lake, serving, fixture) = served(30, &[]);
    let good = get(serving.address(), PATH);
    let key = Derived::Hotspots(Resolution::HOTSPOTS).key(&fixture.system, day());
    wait(lake.open().replace(&key, b"PAR1 no table at all PAR1".as_slice().into())).unwrap();
    std::thread::sleep(Duration::from_millis(1200));
    for _ in 0..3 {
        let served = get(serving.address(), PATH);
        assert_eq!((served.status, &served.body), (200, &good.body));
    }
    // A day that never was good is refused, not made up.
    let other = parse_date("2026-10-21").unwrap();
    let damaged = Derived::Hotspots(Resolution::HOTSPOTS).key(&fixture.system, other);
    wait(lake.open().replace(&damaged, b"nothing".as_slice().into())).unwrap();
    let mut refused = get(serving.address(), "/hotspots/2026-10-21");
    until("the damaged day is noticed", || {
        refused = get(serving.address(), "/hotspots/2026-10-21");
        refused.status == 503
    });
    assert!(refused.json()["detail"].as_str().unwrap().contains("aggregate the day again"));
    let list = get(serving.address(), "/hotspots").json();
    assert_eq!(list["days"].as_array().map(Vec::len), Some(2), "it is listed, without figures");

    let changed = Fixture { salt: 1, ..fixture };
    wait(changed.write(&lake.open(), day())).unwrap();
    until("the next good table heals it", || get(serving.address(), PATH).body != good.body);
    let (ended_well, log) = serving.terminate();
    assert!(ended_well);
    let reports = log.lines().filter(|line| line.contains("serving the last good one")).count();
    assert_eq!(reports, 1, "said once, not with every request:\n{log}");
}

#[test]
fn a_lake_that_goes_away_leaves_what_is_in_memory_and_heals() {
    let (lake, serving, _fixture) = served(30, &[]);
    let good = get(serving.address(), PATH);
    assert_eq!(get(serving.address(), "/readyz").status, 200);
    // A file where the folder of tables was: listing and reading it fail.
    let (table, aside) = (lake.folder().join("lake/hotspots"), lake.folder().join("aside"));
    std::fs::rename(&table, &aside).unwrap();
    std::fs::write(&table, b"not a folder").unwrap();
    until("readiness says so", || get(serving.address(), "/readyz").status == 503);
    for _ in 0..3 {
        let served = get(serving.address(), PATH);
        assert_eq!((served.status, &served.body), (200, &good.body));
    }
    assert_eq!(get(serving.address(), "/healthz").status, 200, "the process lives");
    std::fs::remove_file(&table).unwrap();
    std::fs::rename(&aside, &table).unwrap();
    until("it heals", || get(serving.address(), "/readyz").status == 200);
    assert_eq!(get(serving.address(), PATH).body, good.body);
    let (_, log) = serving.terminate();
    let probes = log.lines().filter(|line| line.contains("GET /readyz: 503"));
    let levels: Vec<bool> = probes.map(|line| line.contains("\"level\":\"INFO\"")).collect();
    assert!(!levels.is_empty() && levels.iter().all(|is_info| *is_info), "{log}");
}

#[test]
fn a_stop_under_load_drops_no_request() {
    let (_lake, serving, _fixture) = served(400, &[]);
    let load = Load::of(16, serving.address(), PATH);
    std::thread::sleep(Duration::from_millis(300));
    let (ended_well, log) = serving.terminate();
    let (seen, failed) = load.end();
    assert!(ended_well, "{log}");
    assert_eq!((seen.len(), failed), (1, 0), "{log}");
    assert_eq!(seen[0].status, 200);
}

#[test]
fn slow_and_silent_clients_are_closed_and_others_are_not() {
    let (_lake, serving, _fixture) = served(1500, &["--client-timeout", "1s"]);
    let address = serving.address();
    let mut silent = Client::connect(address);
    let mut slow = Client::connect(address);
    slow.send("GET /hotspots HTTP/1.1\r\nx-slow: ").unwrap();
    let mut kept = Client::connect(address);
    assert_eq!(kept.ask("GET", "/healthz", &[]).unwrap().status, 200);
    // Asks for far more than the sockets' buffers hold, and takes none of it.
    let mut lazy = Client::connect(address);
    lazy.send(format!("GET {PATH} HTTP/1.1\r\nhost: x\r\n\r\n").repeat(40)).unwrap();
    let mut bodies = Client::connect(address);
    bodies
        .send("POST /hotspots HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nabc")
        .unwrap();
    for _ in 0..10 {
        assert_eq!(get(address, PATH).status, 200, "others are served");
        let _ = slow.send("x");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(bodies.receive(true).unwrap().status, 405, "answered without waiting for its body");
    let limit = Duration::from_secs(5);
    assert!(silent.is_closed_within(limit), "a silent connection ends");
    assert!(slow.is_closed_within(limit), "an endless head ends");
    assert!(kept.is_closed_within(limit), "an idle connection ends");
    assert!(bodies.is_closed_within(limit), "an endless body ends");
    assert!(lazy.is_closed_within(limit), "an answer that nobody takes ends");
    until("all are gone", || {
        let text = String::from_utf8(get(address, "/metrics").body).unwrap();
        text.lines().any(|line| line == "hotspots_http_connections 1")
    });
}

#[test]
fn beyond_the_limit_the_connection_idle_longest_makes_room() {
    let (_lake, serving, _fixture) = served(5, &["--max-connections", "20"]);
    let address = serving.address();
    let mut idle: Vec<Client> = (0..20)
        .map(|_| {
            let mut client = Client::connect(address);
            assert_eq!(client.ask("GET", "/healthz", &[]).unwrap().status, 200);
            std::thread::sleep(Duration::from_millis(3));
            client
        })
        .collect();
    for _ in 0..5 {
        assert_eq!(get(address, PATH).status, 200, "newcomers are served");
    }
    assert!(idle[0].is_closed_within(Duration::from_secs(2)), "the first went");
    assert_eq!(idle[19].ask("GET", "/healthz", &[]).unwrap().status, 200, "the last stays");
}

// Elsewhere the system may allow fewer to wait.
#[cfg(target_os = "linux")]
#[test]
fn those_who_come_at_once_while_the_server_is_busy_are_let_in_at_once() {
    let (_lake, serving, _fixture) = served(5, &[]);
    let signal = |name: &str| {
        let id = serving.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().expect("kill runs").success());
    };
    let address = serving.address().parse().expect("an address");
    // As busy as can be.
    signal("-STOP");
    let come = |_| TcpStream::connect_timeout(&address, Duration::from_millis(900));
    let guests: Result<Vec<TcpStream>, _> = (0..500).map(come).collect();
    signal("-CONT");
    assert_eq!(guests.expect("room at the door").len(), 500);
    assert_eq!(get(serving.address(), PATH).status, 200);
}

#[test]
fn ten_thousand_idle_connections_leave_room_for_others() {
    let (_lake, serving, _fixture) = served(5, &[]);
    // As many as this machine lets a process open, up to the ten thousand.
    let mut idle = Vec::new();
    while idle.len() < 10_000 {
        if idle.len() % 100 == 0 {
            // Not faster than it takes them in: the queue of the door is short.
            assert_eq!(get(serving.address(), PATH).status, 200);
        }
        match TcpStream::connect(serving.address()) {
            Ok(stream) => idle.push(stream),
            Err(error) => {
                eprintln!("only {} connections: {error}", idle.len());
                break;
            }
        }
    }
    // One descriptor for this test's own client.
    idle.pop();
    for _ in 0..20 {
        assert_eq!(get(serving.address(), PATH).status, 200);
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", serving.id()));
    if let Ok(status) = status {
        let kb = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        };
        let resident_mb = kb("VmRSS:").expect("a size") / 1024;
        assert!(resident_mb < 256, "{resident_mb} MB with {} idle connections", idle.len());
    }
    drop(idle);
    assert!(serving.terminate().0);
}

#[test]
fn requests_that_make_no_sense_are_refused_and_harm_nobody() {
    let (_lake, serving, _fixture) = served(10, &[]);
    let address = serving.address();
    let endless = "x".repeat(100_000);
    let many = "a: b\r\n".repeat(500);
    for (request, statuses) in [
        (format!("GET /hotspots/{endless} HTTP/1.1\r\nhost: x\r\n\r\n"), &[400, 414, 431][..]),
        (format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {endless}\r\n\r\n"), &[400, 431]),
        (format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n"), &[400, 431]),
        ("\0\u{1}\u{2}garbage\r\n\r\n".to_owned(), &[400]),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), &[400, 505]),
        ("GET /../../etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &[400, 404]),
        ("GET /hotspots/../../etc HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &[400, 404]),
        ("GET /hotspots/%2e%2e%2f HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &[400]),
        ("GET /stations/latest/..%2f..%2f HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &[404]),
        ("GET /hotspots/latest?system=..%2f HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &[400]),
        ("GET /hotspots/latest?%ff%00=%c3%28 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &[400]),
        ("GET /hotspots/999999999999-01-01 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &[400]),
        ("GET /hotspots/+262142-12-31 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &[404]),
        ("GET /hotspots/-262143-01-01 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &[404]),
        ("GET /hotspots?from=-262143-01-01&to=+262142-12-31 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &[200, 400]),
        ("GET /hotspots/latest?limit=18446744073709551616 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &[400]),
        ("GET /hotspots/latest/ffffffffffffffff HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &[400]),
        ("GET /hotspots/latest HTTP/1.1\r\nhost: x\r\naccept-encoding: \u{fe}\r\n\r\n".to_owned(), &[200, 400]),
        ("GET /hotspots/latest HTTP/1.1\r\nhost: x\r\nif-none-match: \"\r\n\r\n".to_owned(), &[200]),
        ("TRACE /hotspots HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &[405]),
        ("GET /hotspots/ HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n".to_owned(), // Chunked wins (RFC 9112, 6.3).
            &[200, 400]),
    ] {
        let shown: String = request.chars().take(60).collect();
        let mut client = Client::connect(address);
        client.send(&request).unwrap_or_else(|error| panic!("{shown}: {error}"));
        let response = client.receive(true).unwrap_or_else(|| panic!("{shown}: no answer"));
        assert!(statuses.contains(&response.status), "{shown}: {}", response.status);
        if response.status >= 400 {
            assert_eq!(response.header("content-type"), "application/problem+json", "{shown}");
            let problem = response.json();
            assert_eq!(problem["status"], response.status, "{shown}");
            assert_eq!(problem["request_id"], response.header("x-request-id"), "{shown}");
        }
        assert_eq!(get(address, PATH).status, 200, "others are served");
    }
    let (ended_well, output) = serving.terminate();
    assert!(ended_well && !output.contains("panicked"), "{output}");
}

#[test]
fn who_still_sends_a_body_gets_the_whole_refusal() {
    let (_lake, serving, _fixture) = served(5, &[]);
    let mut client = Client::connect(serving.address());
    let bytes = 20_000_000;
    client
        .send(format!("POST /hotspots HTTP/1.1\r\nhost: x\r\ncontent-length: {bytes}\r\n\r\n"))
        .unwrap();
    for _ in 0..bytes / 100_000 {
        client.send(vec![b'x'; 100_000]).expect("what is sent is taken");
    }
    let response = client.receive(true).expect("an answer");
    assert_eq!((response.status, &response.json()["status"]), (405, &405.into()));
    assert!(client.is_closed_within(Duration::from_secs(5)));
}

#[test]
fn requests_sent_ahead_are_answered_in_their_order() {
    let (_lake, serving, _fixture) = served(10, &[]);
    let mut client = Client::connect(serving.address());
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    let paths = ["/healthz", PATH, "/nothing", "/readyz"];
    client.send(paths.map(ask).concat().repeat(25)).unwrap();
    for round in 0..25 {
        for status in [200, 200, 404, 200] {
            let response = client.receive(true).expect("an answer");
            assert_eq!(response.status, status, "round {round}");
        }
    }
}

#[test]
fn memory_is_bounded_with_all_encodings_counted() {
    let (_lake, serving, _fixture) = served(1500, &["--memory-mb", "2"]);
    let mut client = Client::connect(serving.address());
    // Tables and two plain answers fit; the same in every encoding do not.
    for path in [PATH, "/hotspots/2026-10-20?metric=docks"] {
        for encoding in ["identity", "gzip", "zstd", "br"] {
            let accept = format!("accept-encoding: {encoding}");
            assert_eq!(client.ask("GET", path, &[&accept]).expect("an answer").status, 200);
            let bytes = memory_bytes(serving.address());
            assert!(bytes <= 2 << 20, "{path} {encoding}: {bytes}");
        }
    }
}

fn memory_bytes(address: &str) -> u64 {
    let text = String::from_utf8(get(address, "/metrics").body).expect("text");
    let bytes = text.lines().find_map(|line| line.strip_prefix("hotspots_memory_bytes "));
    bytes.expect("a figure").parse().expect("a number")
}

#[test]
fn random_requests_get_an_answer_below_500_and_take_no_memory() {
    let (_lake, serving, _fixture) = served(50, &["--memory-mb", "8"]);
    let parts = [
        "hotspots",
        "stations",
        "quality",
        "latest",
        "2026-10-20",
        "hours",
        "8a1fb475a4dffff",
        "10003",
        "..",
        "%00",
        "metric",
        "0000-00-00",
        "",
        "docs",
        "\u{e9}",
    ];
    let names = [
        "metric",
        "hour",
        "bbox",
        "near",
        "radius_m",
        "min_weight",
        "limit",
        "smooth",
        "baseline",
        "relative_to",
        "format",
        "system",
        "from",
        "to",
        "hex_id",
        "resolution",
        "x",
    ];
    let values = [
        "bikes",
        "docks",
        "8",
        "9",
        "10",
        "-1",
        "0.5",
        "1e9",
        "48.85,2.35",
        "2,48,3,49",
        "true",
        "selection",
        "csv",
        "arrow",
        "parquet",
        "geojson",
        "velib",
        "2026-10-20",
        "",
        "%",
        "8a1fb475a4dffff",
        "NaN",
        "99999999999999999999",
    ];
    // A linear congruential generator: the same requests each time.
    let mut state = 42_u64;
    let mut pick = |from: &[&'static str]| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        from[(state >> 33) as usize % from.len()]
    };
    let mut client = Client::connect(serving.address());
    let mut answered = std::collections::BTreeMap::<u16, usize>::new();
    for _ in 0..4000 {
        let path = match pick(&["any", "known", "known", "known"]) {
            "any" => format!("/{}/{}/{}", pick(&parts), pick(&parts), pick(&parts)),
            _ => format!("/{}/{}", pick(&parts[..3]), pick(&["latest", "2026-10-20"])),
        };
        let count: usize = pick(&["0", "1", "1", "2"]).parse().unwrap();
        let query: Vec<String> =
            (0..count).map(|_| format!("{}={}", pick(&names), pick(&values))).collect();
        let target = format!("{path}?{}", query.join("&"));
        let response = client.ask("GET", &target, &[]).or_else(|| {
            client = Client::connect(serving.address());
            Some(Response {
                status: 400,
                headers: std::collections::BTreeMap::default(),
                body: Vec::new(),
            })
        });
        let status = response.expect("an answer").status;
        assert!(status < 500, "{target}: {status}");
        *answered.entry(status).or_default() += 1;
    }
    assert!(answered[&200] > 100 && answered[&400] > 100 && answered[&404] > 100, "{answered:?}");
    let bytes = memory_bytes(serving.address());
    assert!(bytes <= 8 << 20, "{bytes}");
    assert_eq!(get(serving.address(), PATH).status, 200);
}
