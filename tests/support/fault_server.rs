//! A publisher on loopback that misbehaves as told, below HTTP where need be.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What is wrong with the answers to one feed.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The connection is cut before any answer.
    Reset,
    /// Nothing comes at all.
    StalledHeaders,
    /// The headers and a little come, then nothing.
    StalledBody,
    /// The connection ends before the body that was promised.
    EndsEarly,
    /// This status, with these header lines.
    Status(u16, &'static str),
    /// It sends the client round and round.
    RedirectLoop,
    /// 200 with this body.
    Body(Vec<u8>),
    /// 200 with this body, said to be gzip.
    Gzip(Vec<u8>),
}

/// A running server; it ends with the test.
#[derive(Debug)]
pub struct FaultServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    faults: Mutex<HashMap<String, Fault>>,
    bodies: Mutex<HashMap<String, String>>,
    requests: Mutex<Vec<Request>>,
    /// Each answer of `counting.json` has the next second as its feed time.
    second: AtomicI64,
    validates: AtomicBool,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// With the query.
    pub path: String,
    /// By name in lower case.
    pub headers: HashMap<String, String>,
}

impl FaultServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        shared.second.store(1_767_225_600, Ordering::SeqCst);
        let for_answers = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&for_answers);
                std::thread::spawn(move || shared.answer(stream));
            }
        });
        let server = Self { address, shared };
        let feeds = ["system_information", "station_information", "station_status"];
        server.list(&feeds.map(|feed| (feed, feed)));
        server.put(
            "system_information.json",
            r#"{"last_updated":1767225600,"ttl":3600,"data":{"system_id":"t","timezone":"Europe/Paris","language":"en"}}"#,
        );
        server.put(
            "station_information.json",
            r#"{"last_updated":1767225600,"ttl":3600,"data":{"stations":[
                {"station_id":"a","name":"A","lat":48.85,"lon":2.35,"capacity":20},
                {"station_id":"b","name":"B","lat":48.86,"lon":2.36,"capacity":30}]}}"#,
        );
        server
    }

    /// Discovery lists these feeds, each at a file name.
    pub fn list(&self, feeds: &[(&str, &str)]) {
        let feeds: Vec<_> = feeds
            .iter()
            .map(|(name, file)| serde_json::json!({"name": name, "url": self.url(&format!("{file}.json"))}))
            .collect();
        let gbfs = serde_json::json!({"last_updated": 1_767_225_600, "ttl": 60, "data": {"en": {"feeds": feeds}}});
        self.put("gbfs.json", &gbfs.to_string());
    }

    pub fn put(&self, file: &str, body: &str) {
        self.shared.bodies.lock().expect("no panic").insert(file.to_owned(), body.to_owned());
    }

    /// Status of the two stations with so many bikes at the first.
    pub fn put_status(&self, feed_time: i64, bikes: u32) {
        self.put("station_status.json", &status(feed_time, bikes));
    }

    pub fn set_fault(&self, file: &str, fault: Option<Fault>) {
        let mut faults = self.shared.faults.lock().expect("no panic");
        match fault {
            Some(fault) => faults.insert(file.to_owned(), fault),
            None => faults.remove(file),
        };
    }

    /// Sends an `ETag` and answers 304 to who has it.
    pub fn validate(&self) {
        self.shared.validates.store(true, Ordering::SeqCst);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().expect("no panic").clone()
    }

    pub fn url(&self, file: &str) -> String {
        format!("http://{}/{file}", self.address)
    }
}

pub fn status(feed_time: i64, bikes: u32) -> String {
    format!(
        r#"{{"last_updated":{feed_time},"ttl":60,"data":{{"stations":[
            {{"station_id":"a","num_bikes_available":{bikes},"num_docks_available":3,"is_installed":1,"is_renting":1,"is_returning":1}},
            {{"station_id":"b","num_bikes_available":5,"num_docks_available":9,"is_installed":1,"is_renting":1,"is_returning":1}}]}}}}"#
    )
}

impl Shared {
    fn answer(&self, stream: TcpStream) {
        let Ok(read_half) = stream.try_clone() else { return };
        let (mut reader, mut stream) = (BufReader::new(read_half), stream);
        let mut first = String::new();
        let _ = reader.read_line(&mut first);
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) < 3 {
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
        }
        let path = first.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
        let file = path.split('?').next().unwrap_or_default().to_owned();
        let sent_back = headers.get("if-none-match").cloned();
        self.requests.lock().expect("no panic").push(Request { path, headers });
        let fault = self.faults.lock().expect("no panic").get(&file).cloned();
        let _ = match fault {
            None => self.good(&mut stream, &file, sent_back.as_deref()),
            Some(fault) => misbehave(&mut stream, &file, fault),
        };
    }

    fn good(
        &self,
        stream: &mut TcpStream,
        file: &str,
        sent_back: Option<&str>,
    ) -> std::io::Result<()> {
        let body = if file == "counting.json" {
            let second = self.second.fetch_add(1, Ordering::SeqCst);
            Some(status(second, u32::try_from(second % 20).expect("small")))
        } else {
            self.bodies.lock().expect("no panic").get(file).cloned()
        };
        let Some(body) = body else { return head(stream, 404, "", Some(0)) };
        let tag = format!("\"{}\"", hotspots_data::ContentHash::of(body.as_bytes()));
        let validates = self.validates.load(Ordering::SeqCst);
        if validates && sent_back == Some(&tag) {
            return head(stream, 304, "", None);
        }
        let line = if validates { format!("ETag: {tag}\r\n") } else { String::new() };
        head(stream, 200, &line, Some(body.len()))?;
        stream.write_all(body.as_bytes())
    }
}

fn misbehave(stream: &mut TcpStream, file: &str, fault: Fault) -> std::io::Result<()> {
    match fault {
        Fault::Reset => Ok(()),
        Fault::StalledHeaders => {
            std::thread::sleep(Duration::from_secs(10));
            Ok(())
        }
        Fault::StalledBody => {
            head(stream, 200, "", Some(1_000))?;
            stream.write_all(b"{\"last_up")?;
            std::thread::sleep(Duration::from_secs(10));
            Ok(())
        }
        Fault::EndsEarly => {
            head(stream, 200, "", Some(1_000))?;
            stream.write_all(b"{\"last_updated\":17")
        }
        Fault::Status(status, lines) => head(stream, status, lines, Some(0)),
        Fault::RedirectLoop => head(stream, 302, &format!("Location: /{file}\r\n"), Some(0)),
        Fault::Body(body) => {
            head(stream, 200, "", Some(body.len()))?;
            stream.write_all(&body)
        }
        Fault::Gzip(body) => {
            head(stream, 200, "Content-Encoding: gzip\r\n", Some(body.len()))?;
            stream.write_all(&body)
        }
    }
}

fn head(
    stream: &mut TcpStream,
    status: u16,
    lines: &str,
    length: Option<usize>,
) -> std::io::Result<()> {
    let length = length.map(|length| format!("Content-Length: {length}\r\n")).unwrap_or_default();
    let head = format!("HTTP/1.1 {status} Told\r\nConnection: close\r\n{lines}{length}\r\n");
    stream.write_all(head.as_bytes())
}
