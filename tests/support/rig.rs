//! A collector on a simulated clock, with limits short enough for a test.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hotspots_data::SystemId;
use hotspots_data::table::Poll;
use hotspots_pipeline::twin::SimulatedClock;
use hotspots_pipeline::{
    Clock as _, Collector, Credential, Cycle, Fetcher, Intake, Limits, Stop, Stopper, Target, Tools,
};

/// A collector and its clock.
pub struct Rig {
    pub clock: Arc<SimulatedClock>,
    pub tools: Tools,
    collector: Collector,
    stop: (Stopper, Stop),
}

/// The time of the first poll: 2026-01-01T00:00:00Z plus so many seconds is the feeds' time.
pub const START_S: i64 = 1_767_225_600;

impl Rig {
    pub const SYSTEM: &'static str = "rig";

    /// A collector of the system whose discovery is at `url`.
    pub fn new(intake: Intake, url: &str) -> Self {
        Self::with_key(intake, url, None)
    }

    pub fn with_key(intake: Intake, url: &str, key: Option<Credential>) -> Self {
        let start = DateTime::from_timestamp(START_S, 0).expect("a time");
        let clock = Arc::new(SimulatedClock::at(start));
        let limits = Limits {
            connect: Duration::from_secs(3),
            read: Duration::from_secs(2),
            whole: Duration::from_secs(4),
            body_bytes: 100_000,
            ..Limits::default()
        };
        let fetcher = Fetcher::new(limits, Some("test@example.org")).expect("a fetcher");
        let tools =
            Tools { intake, fetcher, clock: Arc::clone(&clock) as Arc<_>, metrics: Arc::default() };
        let collector = Collector::new(tools.clone(), Self::target(url, key));
        Self { clock, tools, collector, stop: Stopper::new() }
    }

    pub fn target(url: &str, key: Option<Credential>) -> Target {
        Target {
            system: Self::system(),
            discovery: vec![url.parse().expect("a URL")],
            feed_base: None,
            time_zone: None,
            interval: None,
            key,
        }
    }

    pub fn system() -> SystemId {
        Self::SYSTEM.parse().expect("a name")
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Lets time pass, then polls what is due.
    pub async fn poll_after(&mut self, seconds: i64) -> Cycle {
        let due = self.now() + TimeDelta::seconds(seconds);
        self.clock.sleep_until(due).await;
        self.collector.poll(due, &self.stop.1).await
    }

    /// Brings the ledger's rows into the lake.
    pub async fn close(mut self) {
        self.collector.close().await;
    }
}

/// The ledger's row of a feed, which must have been asked for.
pub fn row<'c>(cycle: &'c Cycle, feed: &str) -> &'c Poll {
    let found = cycle.attempts.iter().rfind(|poll| poll.feed == feed);
    found.unwrap_or_else(|| panic!("{feed} was not polled: {cycle:#?}"))
}
