//! Clients that take too much, and a server that stops: nobody else is harmed, and nothing is lost.

use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hotspots_data::parse_date;

use crate::support::http::{Client, get};
use crate::support::{Fixture, Serving, TestLake, hotspots, wait};

const PATH: &str = "/hotspots/2026-10-20";

fn lake_of(cells: usize) -> TestLake {
    let lake = TestLake::new();
    let day = parse_date("2026-10-20").expect("a date");
    wait(Fixture::of("velib", cells).write(&lake.open(), day)).expect("written");
    lake
}

fn figure(address: &str, name: &str) -> u64 {
    let text = String::from_utf8(get(address, "/metrics").body).expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().expect("a number")
}

#[test]
fn what_is_no_proper_request_is_refused_and_leaves_no_connection_behind() {
    let lake = lake_of(5);
    let serving = Serving::start(hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]));
    for (request, status) in [
        ("GET x HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("HEAD x:443 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n", 405),
        ("GET * HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", 204),
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", 400),
        ("GET /healthz HTTP/1.0\r\n\r\n", 200),
        ("GET http://x/healthz HTTP/1.1\r\nhost: x\r\n\r\n", 200),
    ] {
        let mut client = Client::connect(serving.address());
        client.send(request).unwrap();
        let has_body = !request.starts_with("HEAD");
        let response = client.receive(has_body).unwrap_or_else(|| panic!("{request}: no answer"));
        assert_eq!(response.status, status, "{request}");
        if status >= 400 {
            assert_eq!(response.header("content-type"), "application/problem+json", "{request}");
        }
    }
    let began = Instant::now();
    while figure(serving.address(), "hotspots_http_connections") > 1 {
        assert!(began.elapsed() < Duration::from_secs(5), "a connection is counted for ever");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (ended_well, log) = serving.terminate();
    assert!(ended_well && !log.contains("panicked"), "{log}");
}

#[test]
fn clients_that_hang_up_leave_no_queue_behind() {
    let lake = lake_of(1500);
    let serving = Serving::start(hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]));
    let mut waiting = Vec::new();
    for number in 0..1000 {
        let mut client = Client::connect(serving.address());
        let east = 3.0 + f64::from(number) * 0.001;
        let target = format!("{PATH}/hours?format=csv&bbox=2,48,{east},49");
        client.send(format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n")).unwrap();
        waiting.push(client);
    }
    // By now all of them are in the queue.
    std::thread::sleep(Duration::from_millis(500));
    drop(waiting);
    // Nobody has asked for it before: it needs a turn, for which nobody waits longer than 10 s.
    assert_eq!(get(serving.address(), &format!("{PATH}?limit=7")).status, 200);
}

#[test]
fn clients_that_do_not_read_what_they_asked_for_hold_no_more_than_their_share() {
    let lake = lake_of(1500);
    let arguments = ["serve", "--bind", "127.0.0.1:0", "--memory-mb", "8"];
    let serving = Serving::start(hotspots(&lake, &arguments));
    let address: std::net::SocketAddr = serving.address().parse().expect("an address");
    // Kept ready: whoever asks for it needs no new memory.
    assert_eq!(get(serving.address(), PATH).status, 200);
    let most = Arc::new(AtomicUsize::new(0));
    let guests = wait(async {
        let mut guests = Vec::new();
        for number in 0..60 {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(4096).unwrap();
            let guest = socket.connect(address).await.unwrap();
            // Two answers of 3 MB that nobody else asks for: the system's buffers do not hold them.
            for half in 0..2 {
                let east = 3.0 + f64::from(2 * number + half) * 0.001;
                let target = format!("{PATH}/hours?format=csv&bbox=2,48,{east},49");
                let ask = format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n");
                guest.writable().await.unwrap();
                guest.try_write(ask.as_bytes()).unwrap();
            }
            guests.push(guest);
            let held = figure(serving.address(), "hotspots_answers_bytes") as usize;
            most.fetch_max(held, Ordering::Relaxed);
            assert_eq!(get(serving.address(), PATH).status, 200, "others are served");
        }
        guests
    });
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        let held = figure(serving.address(), "hotspots_answers_bytes") as usize;
        most.fetch_max(held, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(20));
    }
    let most_mb = most.load(Ordering::Relaxed) >> 20;
    // 8 MB to keep, 48 in flight, and one answer for each that was being made.
    assert!((20..80).contains(&most_mb), "{most_mb} MB");
    drop(guests);
    assert!(serving.terminate().0);
}

#[cfg(unix)]
#[test]
fn with_few_files_there_are_fewer_connections_and_newcomers_are_served_at_once() {
    let lake = lake_of(5);
    let inner = hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 256; exec \"$@\"", "sh"]).arg(inner.get_program());
    limited.args(inner.get_args()).current_dir(lake.folder()).stdin(Stdio::null());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let serving = Serving::start(limited);
    let idle: Vec<TcpStream> =
        (0..300).map(|_| TcpStream::connect(serving.address()).expect("it listens")).collect();
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(get(serving.address(), PATH).status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(idle);
    let (ended_well, log) = serving.terminate();
    assert!(ended_well && log.contains("at most 128 connections at once"), "{log}");
}

// Other systems reset who connects in the very last moment.
#[cfg(target_os = "linux")]
#[test]
fn a_stop_answers_also_those_who_come_while_it_stops() {
    let lake = lake_of(100);
    let serving = Serving::start(hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]));
    let (answered, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..32)
        .map(|number| {
            let (answered, dropped) = (Arc::clone(&answered), Arc::clone(&dropped));
            let address = serving.address().to_owned();
            std::thread::spawn(move || {
                let close = if number % 2 == 0 { "connection: close\r\n" } else { "" };
                // Until nobody listens any more.
                while let Ok(stream) = TcpStream::connect(&address) {
                    let mut client = Client::over(stream);
                    let ask = format!("GET {PATH} HTTP/1.1\r\nhost: x\r\n{close}\r\n");
                    let is_sent = client.send(ask).is_ok();
                    match client.receive(true).filter(|_| is_sent) {
                        Some(response) if response.status == 200 => &answered,
                        _ => &dropped,
                    }
                    .fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    let (ended_well, log) = serving.terminate();
    for client in clients {
        client.join().expect("a client ends");
    }
    assert!(ended_well, "{log}");
    let (answered, dropped) = (answered.load(Ordering::Relaxed), dropped.load(Ordering::Relaxed));
    assert!(answered > 100 && dropped == 0, "{answered} answered, {dropped} dropped\n{log}");
}
