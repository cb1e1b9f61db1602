//! Figures for Prometheus, kept as polls go by and written in its text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use hotspots_data::SystemId;
use hotspots_data::table::{Outcome, Poll};
use tokio::net::TcpListener;
use warp::Filter as _;
use warp::http::Response;

use crate::clock::{Clock, Stop};
use crate::intake::Intake;
use crate::spool::Depth;

/// The figures of one process.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<Figures>);

#[derive(Debug, Default)]
struct Figures {
    systems: BTreeMap<SystemId, System>,
    lateness: Lateness,
    uploads: u64,
    upload_failures: u64,
}

#[derive(Debug, Default)]
struct System {
    polls: BTreeMap<(String, &'static str), u64>,
    bytes: u64,
    feed_time: BTreeMap<String, DateTime<Utc>>,
    stored_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Default)]
struct Lateness {
    counts: [u64; LATENESS_S.len()],
    all: u64,
    sum_s: f64,
}

/// Upper ends of the lateness histogram's buckets, in seconds.
const LATENESS_S: [f64; 10] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];

impl Metrics {
    /// Counts an attempt; `is_live` says that it is one of the regular polls.
    pub(crate) fn attempt(&self, system: &SystemId, row: &Poll, is_live: bool) {
        let Some(outcome) = Outcome::ALL.into_iter().find(|known| known.name() == row.outcome)
        else {
            return;
        };
        let mut figures = self.figures();
        if is_live {
            figures.lateness.add(row.started_at - row.scheduled_at);
        }
        let entry = figures.systems.entry(system.clone()).or_default();
        *entry.polls.entry((row.feed.clone(), outcome.name())).or_default() += 1;
        entry.bytes += u64::try_from(row.bytes).unwrap_or(0);
        if let Some(time) = row.last_updated {
            entry.feed_time.insert(row.feed.clone(), time);
        }
        if is_live && outcome.is_success() {
            entry.stored_at = Some(row.started_at + TimeDelta::milliseconds(row.duration_ms));
        }
    }

    pub(crate) fn upload(&self, is_success: bool) {
        let mut figures = self.figures();
        if is_success {
            figures.uploads += 1;
        } else {
            figures.upload_failures += 1;
        }
    }

    /// All figures in Prometheus' text format.
    #[must_use]
    pub fn text(&self, now: DateTime<Utc>, spool: Option<Depth>) -> String {
        let figures = self.figures();
        let mut text = String::new();
        let out = &mut text;
        family(out, "hotspots_polls_total", "counter", "Attempts by outcome.");
        for (system, entry) in &figures.systems {
            for ((feed, outcome), count) in &entry.polls {
                let labels = format!("system=\"{system}\",feed=\"{feed}\",outcome=\"{outcome}\"");
                let _ = writeln!(out, "hotspots_polls_total{{{labels}}} {count}");
            }
        }
        family(out, "hotspots_poll_bytes_total", "counter", "Bytes of feeds, uncompressed.");
        for (system, entry) in &figures.systems {
            let _ =
                writeln!(out, "hotspots_poll_bytes_total{{system=\"{system}\"}} {}", entry.bytes);
        }
        family(out, "hotspots_feed_age_seconds", "gauge", "Age of each feed's own last_updated.");
        for (system, entry) in &figures.systems {
            for (feed, time) in &entry.feed_time {
                let age = seconds(now - *time);
                let _ = writeln!(
                    out,
                    "hotspots_feed_age_seconds{{system=\"{system}\",feed=\"{feed}\"}} {age}"
                );
            }
        }
        let help = "Time since a live feed's state was last known to be safe on disk.";
        family(out, "hotspots_seconds_since_stored", "gauge", help);
        for (system, entry) in &figures.systems {
            if let Some(at) = entry.stored_at {
                let age = seconds(now - at);
                let _ = writeln!(out, "hotspots_seconds_since_stored{{system=\"{system}\"}} {age}");
            }
        }
        figures.lateness.write(out);
        let depth = spool.unwrap_or_default();
        let age = depth.oldest.map_or(0.0, |oldest| seconds(now - oldest));
        for (name, kind, help, value) in [
            ("spool_files", "gauge", "Objects waiting for the lake.", depth.files as f64),
            ("spool_bytes", "gauge", "Bytes waiting for the lake.", depth.bytes as f64),
            ("spool_oldest_seconds", "gauge", "Age of what waits longest.", age),
            ("uploads_total", "counter", "Objects brought to the lake.", figures.uploads as f64),
            (
                "upload_failures_total",
                "counter",
                "Uploads that failed and will be tried again.",
                figures.upload_failures as f64,
            ),
        ] {
            family(out, &format!("hotspots_{name}"), kind, help);
            let _ = writeln!(out, "hotspots_{name} {value}");
        }
        text
    }

    /// Answers `GET /metrics` on `listener`, in the background, until asked to stop.
    pub fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        intake: Intake,
        clock: Arc<dyn Clock>,
        stop: Stop,
    ) {
        let route = warp::path!("metrics").and(warp::get()).map(move || {
            let depth = intake.spool().map(crate::spool::Spool::depth);
            let mut response = Response::new(self.text(clock.now(), depth));
            let kind = warp::http::HeaderValue::from_static("text/plain; version=0.0.4");
            response.headers_mut().insert("content-type", kind);
            response
        });
        let server = tokio::spawn(warp::serve(route).incoming(listener).run());
        tokio::spawn(async move {
            stop.asked().await;
            server.abort();
        });
    }

    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lateness {
    fn add(&mut self, late: TimeDelta) {
        let late_s = seconds(late).max(0.0);
        self.all += 1;
        self.sum_s += late_s;
        for (count, upper_s) in self.counts.iter_mut().zip(LATENESS_S) {
            *count += u64::from(late_s <= upper_s);
        }
    }

    fn write(&self, out: &mut String) {
        const NAME: &str = "hotspots_poll_lateness_seconds";
        family(out, NAME, "histogram", "Start of a poll against its schedule.");
        for (count, upper_s) in self.counts.iter().zip(LATENESS_S) {
            let _ = writeln!(out, "{NAME}_bucket{{le=\"{upper_s}\"}} {count}");
        }
        let _ = writeln!(out, "{NAME}_bucket{{le=\"+Inf\"}} {}", self.all);
        let _ = writeln!(out, "{NAME}_sum {}\n{NAME}_count {}", self.sum_s, self.all);
    }
}

fn family(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn seconds(delta: TimeDelta) -> f64 {
    delta.num_milliseconds() as f64 / 1000.0
}
