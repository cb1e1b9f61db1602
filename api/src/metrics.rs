//! Figures about the server itself, in Prometheus' text format.

use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use warp::http::{HeaderMap, HeaderValue, StatusCode};

use crate::making::held_bytes;
use crate::request::REQUEST_ID;
use crate::routes::Endpoint;

/// What has happened since the start.
#[derive(Debug)]
pub(crate) struct Metrics {
    began: Instant,
    /// One for each of [`Endpoint::ALL`], in that order.
    endpoints: Vec<EndpointFigures>,
    /// Makes request ids differ between starts.
    seed: u64,
    requests: AtomicU64,
    pub(crate) connections: AtomicI64,
    pub(crate) connections_accepted: AtomicU64,
    pub(crate) connections_closed_for_room: AtomicU64,
}

#[derive(Debug)]
struct EndpointFigures {
    pattern: &'static str,
    by_status: [AtomicU64; STATUSES.len()],
    by_duration: [AtomicU64; BUCKETS_US.len() + 1],
    total_us: AtomicU64,
}

/// Measures one request.
#[derive(Debug)]
pub(crate) struct Timer<'a> {
    metrics: &'a Metrics,
    began: Instant,
}

const STATUSES: [u16; 16] =
    [200, 204, 206, 304, 400, 401, 404, 405, 406, 412, 414, 416, 431, 500, 503, 0];
const BUCKETS_US: [u64; 10] =
    [100, 250, 500, 1000, 2500, 10_000, 50_000, 250_000, 1_000_000, 5_000_000];

impl Metrics {
    pub(crate) fn new() -> Self {
        let figures = |endpoint: Endpoint| EndpointFigures {
            pattern: endpoint.pattern(),
            by_status: Default::default(),
            by_duration: Default::default(),
            total_us: AtomicU64::new(0),
        };
        Self {
            began: Instant::now(),
            endpoints: Endpoint::ALL.map(figures).into(),
            seed: RandomState::new().hash_one("request ids"),
            requests: AtomicU64::new(0),
            connections: AtomicI64::new(0),
            connections_accepted: AtomicU64::new(0),
            connections_closed_for_room: AtomicU64::new(0),
        }
    }

    /// Starts measuring a request.
    pub(crate) fn timer(&self) -> Timer<'_> {
        self.timer_since(Instant::now())
    }

    /// A timer of a request that came then.
    pub(crate) fn timer_since(&self, began: Instant) -> Timer<'_> {
        Timer { metrics: self, began }
    }

    /// The request's id: the client's where it sent a sensible one, else a new one.
    pub(crate) fn request_id(&self, headers: &HeaderMap) -> HeaderValue {
        let sensible = |id: &str| {
            let plain =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            (1..=64).contains(&id.len()) && id.bytes().all(plain)
        };
        let given = headers.get(REQUEST_ID);
        if let Some(id) = given.filter(|id| id.to_str().is_ok_and(sensible)) {
            return id.clone();
        }
        // An odd multiplier maps numbers to ids one to one.
        let number = self.requests.fetch_add(1, Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.seed ^ number;
        // Sixteen hexadecimal digits, without the machinery of formatting.
        let digits = [0_u8; 16].map(|_| {
            bits = bits.rotate_left(4);
            b"0123456789abcdef"[(bits & 15) as usize]
        });
        HeaderValue::from_bytes(&digits).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// All figures; `usage` is tables, bytes and evictions of the memory, `failing` the
    /// tables that cannot be read.
    pub(crate) fn text(
        &self,
        usage: (usize, usize, u64),
        failing: usize,
        is_ready: bool,
    ) -> String {
        let mut out = String::new();
        let head = |out: &mut String, name: &str, kind: &str, help: &str| {
            let _ = writeln!(out, "# HELP hotspots_{name} {help}\n# TYPE hotspots_{name} {kind}");
        };
        head(&mut out, "http_requests_total", "counter", "Requests answered.");
        for endpoint in &self.endpoints {
            for (status, count) in STATUSES.iter().zip(&endpoint.by_status) {
                let (count, status) = (count.load(Relaxed), status_name(*status));
                if count > 0 {
                    let path = endpoint.pattern;
                    let _ = writeln!(
                        out,
                        "hotspots_http_requests_total{{path=\"{path}\",status=\"{status}\"}} {count}"
                    );
                }
            }
        }
        head(
            &mut out,
            "http_request_duration_seconds",
            "histogram",
            "From the request's head to the answer being ready to send.",
        );
        for endpoint in &self.endpoints {
            let counts: Vec<u64> = endpoint.by_duration.iter().map(|c| c.load(Relaxed)).collect();
            let total: u64 = counts.iter().sum();
            if total == 0 {
                continue;
            }
            let (name, path) = ("hotspots_http_request_duration_seconds", endpoint.pattern);
            let mut below = 0;
            for (bucket_us, count) in BUCKETS_US.iter().zip(&counts) {
                below += count;
                let le = *bucket_us as f64 / 1e6;
                let _ = writeln!(out, "{name}_bucket{{path=\"{path}\",le=\"{le}\"}} {below}");
            }
            let sum = endpoint.total_us.load(Relaxed) as f64 / 1e6;
            let _ = writeln!(out, "{name}_bucket{{path=\"{path}\",le=\"+Inf\"}} {total}");
            let _ = writeln!(out, "{name}_sum{{path=\"{path}\"}} {sum}");
            let _ = writeln!(out, "{name}_count{{path=\"{path}\"}} {total}");
        }
        let (tables, bytes, evictions) = usage;
        let connections = self.connections.load(Relaxed).max(0);
        for (name, kind, help, value) in [
            ("uptime_seconds", "gauge", "Time since the start.", self.began.elapsed().as_secs()),
            ("lake_up", "gauge", "1 while the lake answers.", u64::from(is_ready)),
            (
                "answers_bytes",
                "gauge",
                "Bytes of all answers, kept or still being sent.",
                held_bytes() as u64,
            ),
            (
                "tables_failing",
                "gauge",
                "Tables that could not be read when last looked at.",
                failing as u64,
            ),
            ("memory_tables", "gauge", "Tables in memory.", tables as u64),
            ("memory_bytes", "gauge", "Bytes of tables and answers in memory.", bytes as u64),
            ("memory_evictions_total", "counter", "Tables let go for others.", evictions),
            ("http_connections", "gauge", "Open connections.", connections as u64),
            (
                "http_connections_total",
                "counter",
                "Connections accepted.",
                self.connections_accepted.load(Relaxed),
            ),
            (
                "http_connections_closed_for_room_total",
                "counter",
                "Connections closed because there were too many.",
                self.connections_closed_for_room.load(Relaxed),
            ),
        ] {
            head(&mut out, name, kind, help);
            let _ = writeln!(out, "hotspots_{name} {value}");
        }
        out
    }
}

impl Timer<'_> {
    /// Counts the request under its endpoint and status.
    pub(crate) fn stop(&self, endpoint: Endpoint, status: StatusCode) -> Duration {
        let duration = self.began.elapsed();
        let us = duration.as_micros() as u64;
        if let Some(figures) = self.metrics.endpoints.get(endpoint as usize) {
            let at = STATUSES.iter().position(|known| *known == status.as_u16());
            figures.by_status[at.unwrap_or(STATUSES.len() - 1)].fetch_add(1, Relaxed);
            let bucket = BUCKETS_US.iter().position(|most| us <= *most);
            figures.by_duration[bucket.unwrap_or(BUCKETS_US.len())].fetch_add(1, Relaxed);
            figures.total_us.fetch_add(us, Relaxed);
        }
        duration
    }
}

fn status_name(status: u16) -> String {
    if status == 0 { "other".to_owned() } else { status.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::Route;

    #[test]
    fn every_endpoint_is_counted_under_its_own_pattern() {
        let metrics = Metrics::new();
        for endpoint in Endpoint::ALL {
            metrics.timer().stop(endpoint, StatusCode::OK);
        }
        metrics.timer().stop(Endpoint::Days, StatusCode::IM_A_TEAPOT);
        let text = metrics.text((0, 0, 0), 0, true);
        let total = "hotspots_http_requests_total";
        for pattern in Route::examples().iter().map(Route::pattern).chain(["/page/{file}", "other"])
        {
            let line = format!("{total}{{path=\"{pattern}\",status=\"200\"}} 1\n");
            assert!(text.contains(&line), "{line} is not in\n{text}");
        }
        let line = format!("{total}{{path=\"/hotspots\",status=\"other\"}} 1\n");
        assert!(text.contains(&line), "{text}");
    }
}
