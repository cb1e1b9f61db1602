//! HTTP by hand: exactly the bytes that are sent, exactly those that come back.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A response as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// By lower-case name.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("not JSON ({error}): {}", String::from_utf8_lossy(&self.body))
        })
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A connection that is kept.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub fn connect(address: &str) -> Self {
        Self::over(TcpStream::connect(address).expect("it listens"))
    }

    /// On a connection that is there.
    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        Self { stream: BufReader::new(stream) }
    }

    /// Sends bytes, whatever they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref())
    }

    /// The next response; `None` where the connection ended before one.
    pub fn receive(&mut self, has_body: bool) -> Option<Response> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok());
        let mut body = vec![0; if has_body { length.unwrap_or(0) } else { 0 }];
        self.stream.read_exact(&mut body).ok()?;
        Some(Response { status, headers, body })
    }

    /// Whether the other side closes before the timeout, whatever it sends until then.
    pub fn is_closed_within(&mut self, limit: Duration) -> bool {
        self.stream.get_ref().set_read_timeout(Some(limit)).expect("a timeout");
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }

    /// Asks for a path with further header lines.
    pub fn ask(&mut self, method: &str, path: &str, headers: &[&str]) -> Option<Response> {
        let lines: String = headers.iter().flat_map(|line| [*line, "\r\n"]).collect();
        self.send(format!("{method} {path} HTTP/1.1\r\nhost: test\r\n{lines}\r\n")).ok()?;
        self.receive(method != "HEAD")
    }
}

/// One request on a connection of its own.
pub fn ask(address: &str, method: &str, path: &str, headers: &[&str]) -> Response {
    Client::connect(address).ask(method, path, headers).expect("an answer")
}

/// GET on a connection of its own.
pub fn get(address: &str, path: &str) -> Response {
    ask(address, "GET", path, &[])
}

/// Asks until the answer is as wanted; days appear within seconds, not at once.
pub fn until(address: &str, path: &str, wanted: impl Fn(&Response) -> bool) -> Response {
    let began = Instant::now();
    loop {
        let response = get(address, path);
        if wanted(&response) {
            return response;
        }
        let body = String::from_utf8_lossy(&response.body);
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "{path} stays {}: {body}",
            response.status
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}
