//! The ingest loop of one system: poll, store, note in the ledger, wait, again; whatever happens.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use hotspots_data::table::{Outcome, Poll, Row as _, SystemInformation};
use hotspots_data::{Day, Lake, LakeError, Recorded, SystemId};
use tracing::{error, warn};
use url::Url;

use crate::clock::{Clock, Stop, delta};
use crate::fetch::Fetcher;
use crate::gbfs::parse_discovery;
use crate::ledger::{self, Attempt, AttemptError};
use crate::schedule::{information_interval, next_due, status_interval};
use crate::store::{LastStatus, LastVersion, Shelf, Stored, last_version, system_row};

const DISCOVERY: &str = "gbfs";
const SYSTEM_INFORMATION: &str = "system_information";
const STATION_INFORMATION: &str = "station_information";
const STATION_STATUS: &str = "station_status";

/// Feeds move now and then: they are looked up again after this time, and after a failure.
const REDISCOVER_AFTER: TimeDelta = TimeDelta::hours(24);
/// After a failure, discovery is not asked again before this time.
const REDISCOVER_PAUSE: TimeDelta = TimeDelta::minutes(5);

/// A system to poll.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name in the lake.
    pub system: SystemId,
    /// Discovery addresses, tried in this order.
    pub discovery: Vec<Url>,
    /// Where the feeds really are, should discovery name hosts that are not there.
    pub feed_base: Option<Url>,
    /// The time zone, should the feed not give a valid one.
    pub time_zone: Option<Tz>,
    /// Pause between status polls, should the feed's `ttl` not be the measure.
    pub interval: Option<Duration>,
}

/// Polls one system and keeps what it needs to know between polls.
pub struct Collector<'a> {
    lake: &'a Lake,
    fetcher: &'a Fetcher,
    clock: &'a dyn Clock,
    target: Target,
    feeds: Feeds,
    time_zone: Option<Tz>,
    published_time_zone: Option<String>,
    language: Option<String>,
    status: Option<LastStatus>,
    status_ttl_s: Option<i64>,
    system_information: Versioned,
    station_information: Versioned,
    recalled: bool,
    /// What was odd in a feed last time: only news is a warning.
    oddities: HashMap<String, Option<String>>,
}

/// What one round of polls came to.
#[derive(Clone, Debug)]
pub struct Cycle {
    /// When it was due.
    pub due: DateTime<Utc>,
    /// The ledger's rows, in the order of the attempts.
    pub attempts: Vec<Poll>,
}

/// The feeds that discovery listed, and when.
#[derive(Debug, Default)]
struct Feeds {
    urls: BTreeMap<String, Url>,
    found_at: Option<DateTime<Utc>>,
    asked_at: Option<DateTime<Utc>>,
    doubted: bool,
}

/// An information feed: what the lake has of it, and when to look again.
#[derive(Debug, Default)]
struct Versioned {
    last: Option<LastVersion>,
    next: Option<DateTime<Utc>>,
    seen_on: Option<NaiveDate>,
}

impl Cycle {
    /// Whether every feed asked for is in the lake, and status was among them.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let ok = |poll: &Poll| {
            [Outcome::Stored, Outcome::Unchanged]
                .iter()
                .any(|outcome| outcome.name() == poll.outcome)
        };
        self.attempts.iter().any(|poll| poll.feed == STATION_STATUS) && self.attempts.iter().all(ok)
    }
}

impl<'a> Collector<'a> {
    /// A collector that has not polled yet.
    #[must_use]
    pub fn new(lake: &'a Lake, fetcher: &'a Fetcher, clock: &'a dyn Clock, target: Target) -> Self {
        Self {
            lake,
            fetcher,
            clock,
            target,
            feeds: Feeds::default(),
            time_zone: None,
            published_time_zone: None,
            language: None,
            status: None,
            status_ttl_s: None,
            system_information: Versioned::default(),
            station_information: Versioned::default(),
            recalled: false,
            oddities: HashMap::new(),
        }
    }

    /// Polls until asked to stop, and calls `on_cycle` after each round.
    pub async fn run(&mut self, stop: &Stop, mut on_cycle: impl FnMut(&Cycle)) {
        let mut due = self.clock.now();
        while !stop.is_asked() {
            let cycle = self.poll(due, stop).await;
            on_cycle(&cycle);
            due = next_due(due, self.interval(), self.clock.now());
            if !stop.sleep_until(self.clock, due).await {
                break;
            }
        }
    }

    /// One round: discovery and the information feeds where they are due, then status; then the
    /// ledger. Nothing that fails here is fatal: it is logged, noted, and the next round comes.
    pub async fn poll(&mut self, due: DateTime<Utc>, stop: &Stop) -> Cycle {
        let mut attempts = Vec::new();
        self.recall().await;
        self.discover(due, stop, &mut attempts).await;
        self.system_information(due, stop, &mut attempts).await;
        self.station_information(due, stop, &mut attempts).await;
        self.station_status(due, stop, &mut attempts).await;
        if let Err(error) = ledger::write(self.shelf(), &attempts).await {
            error!(system = %self.target.system, "{}: the ledger was not written: {error}", self.target.system);
        }
        Cycle { due, attempts }
    }

    fn interval(&self) -> Duration {
        status_interval(self.target.interval, self.status_ttl_s)
    }

    fn shelf(&self) -> Shelf<'_> {
        let time_zone = self.time_zone.or(self.target.time_zone).unwrap_or(Tz::UTC);
        Shelf { lake: self.lake, system: &self.target.system, time_zone }
    }

    /// Takes up where an earlier process left off.
    async fn recall(&mut self) {
        if self.recalled {
            return;
        }
        match self.try_recall().await {
            Ok(()) => self.recalled = true,
            Err(error) => warn!(system = %self.target.system, "{error}"),
        }
    }

    async fn try_recall(&mut self) -> Result<(), LakeError> {
        let (lake, system) = (self.lake, &self.target.system);
        let station = last_version(lake, Recorded::StationInformation, system).await?;
        self.station_information.last = station.map(|(version, _)| version);
        if let Some((version, key)) =
            last_version(lake, Recorded::SystemInformation, system).await?
        {
            let bytes = lake.get(&key).await?.bytes;
            let row = SystemInformation::decode(bytes).ok().and_then(|(mut rows, _)| rows.pop());
            self.time_zone = row.as_ref().and_then(|row| row.timezone.as_deref()?.parse().ok());
            self.language = row.and_then(|row| row.language);
            self.system_information.last = Some(version);
        }
        Ok(())
    }

    async fn discover(&mut self, due: DateTime<Utc>, stop: &Stop, attempts: &mut Vec<Poll>) {
        let now = self.clock.now();
        if !self.feeds.is_due(now) {
            return;
        }
        self.feeds.asked_at = Some(now);
        for url in self.target.discovery.clone() {
            let Some((attempt, body)) = self.fetch(DISCOVERY, &url, due, stop).await else {
                return;
            };
            let parsed = body.map_err(AttemptError::from).and_then(|body| {
                let found = parse_discovery(&body, &url, self.target.feed_base.as_ref())?;
                Ok((body.len(), found))
            });
            match parsed {
                Ok((bytes, found)) => {
                    let now = self.clock.now();
                    let row = attempt.understood(now, bytes, Outcome::Unchanged, &found.envelope);
                    self.note(attempts, row, true, false);
                    let (urls, found_at) = (found.feeds, Some(now));
                    self.feeds = Feeds { urls, found_at, asked_at: found_at, doubted: false };
                    return;
                }
                Err(error) => self.fail(attempts, &attempt, 0, &error),
            }
        }
    }

    async fn system_information(
        &mut self,
        due: DateTime<Utc>,
        stop: &Stop,
        attempts: &mut Vec<Poll>,
    ) {
        if let Some(url) = self.due_url(SYSTEM_INFORMATION, &self.system_information, due) {
            let Some((attempt, body)) = self.fetch(SYSTEM_INFORMATION, &url, due, stop).await
            else {
                return;
            };
            match body {
                Err(error) => self.fail(attempts, &attempt, 0, &error.into()),
                Ok(body) => {
                    let now = self.clock.now();
                    if let Some(row) = system_row(&body, now) {
                        self.take_time_zone(row.timezone);
                        self.language = row.language;
                    }
                    let mut last = self.system_information.last;
                    let stored = self.shelf().system_information(&body, now, &mut last).await;
                    self.system_information.last = last;
                    let ttl_s = stored.as_ref().ok().and_then(|stored| stored.envelope.ttl_s);
                    if self.conclude(attempts, &attempt, body.len(), stored.map_err(Into::into)) {
                        let (time_zone, pause) =
                            (self.shelf().time_zone, information_interval(ttl_s, self.interval()));
                        self.system_information.seen(now, time_zone, pause);
                    }
                }
            }
        }
        if self.time_zone.is_none() {
            self.take_time_zone(None);
        }
    }

    async fn station_information(
        &mut self,
        due: DateTime<Utc>,
        stop: &Stop,
        attempts: &mut Vec<Poll>,
    ) {
        let Some(url) = self.due_url(STATION_INFORMATION, &self.station_information, due) else {
            return;
        };
        let Some((attempt, body)) = self.fetch(STATION_INFORMATION, &url, due, stop).await else {
            return;
        };
        match body {
            Err(error) => self.fail(attempts, &attempt, 0, &error.into()),
            Ok(body) => {
                let now = self.clock.now();
                let mut last = self.station_information.last;
                let language = self.language.as_deref();
                let stored =
                    self.shelf().station_information(&body, now, language, &mut last).await;
                self.station_information.last = last;
                let ttl_s = stored.as_ref().ok().and_then(|stored| stored.envelope.ttl_s);
                if self.conclude(attempts, &attempt, body.len(), stored.map_err(Into::into)) {
                    let (time_zone, pause) =
                        (self.shelf().time_zone, information_interval(ttl_s, self.interval()));
                    self.station_information.seen(now, time_zone, pause);
                }
            }
        }
    }

    async fn station_status(&mut self, due: DateTime<Utc>, stop: &Stop, attempts: &mut Vec<Poll>) {
        let Some(url) = self.feeds.urls.get(STATION_STATUS).cloned() else {
            if self.feeds.found_at.is_some() {
                let attempt = self.attempt(STATION_STATUS, String::new(), due);
                self.fail(attempts, &attempt, 0, &AttemptError::NotListed(STATION_STATUS));
            }
            return;
        };
        let Some((attempt, body)) = self.fetch(STATION_STATUS, &url, due, stop).await else {
            return;
        };
        match body {
            Err(error) => self.fail(attempts, &attempt, 0, &error.into()),
            Ok(body) => {
                let mut last = self.status;
                let stored = self.shelf().status(&body, self.clock.now(), &mut last).await;
                self.status = last;
                if let Ok(stored) = &stored {
                    self.status_ttl_s = stored.envelope.ttl_s;
                }
                self.conclude(attempts, &attempt, body.len(), stored.map_err(Into::into));
            }
        }
    }

    /// Fetches a feed; `None` when the end was asked for before the answer was there.
    async fn fetch(
        &self,
        feed: &'static str,
        url: &Url,
        due: DateTime<Utc>,
        stop: &Stop,
    ) -> Option<(Attempt, Result<Vec<u8>, crate::fetch::FetchError>)> {
        let attempt = self.attempt(feed, ledger::public(url), due);
        tokio::select! {
            biased;
            () = stop.asked() => None,
            body = self.fetcher.get(url) => Some((attempt, body)),
        }
    }

    fn attempt(&self, feed: &'static str, url: String, scheduled_at: DateTime<Utc>) -> Attempt {
        Attempt { feed, url, scheduled_at, started_at: self.clock.now() }
    }

    /// Notes what came of a body; true when it is in the lake.
    fn conclude(
        &mut self,
        attempts: &mut Vec<Poll>,
        attempt: &Attempt,
        bytes: usize,
        result: Result<Stored, AttemptError>,
    ) -> bool {
        match result {
            Ok(stored) => {
                let row = attempt.stored(self.clock.now(), bytes, &stored);
                self.note(attempts, row, true, stored.is_odd);
                true
            }
            Err(error) => {
                self.fail(attempts, attempt, bytes, &error);
                false
            }
        }
    }

    fn fail(
        &mut self,
        attempts: &mut Vec<Poll>,
        attempt: &Attempt,
        bytes: usize,
        error: &AttemptError,
    ) {
        self.feeds.doubted = true;
        let row = attempt.failed(self.clock.now(), bytes, error);
        self.note(attempts, row, false, true);
    }

    fn note(&mut self, attempts: &mut Vec<Poll>, row: Poll, is_success: bool, is_odd: bool) {
        let before = self.oddities.insert(row.feed.clone(), row.message.clone());
        let is_odd = is_odd && before.as_ref() != Some(&row.message);
        ledger::log(self.target.system.as_str(), &row, is_success, is_odd);
        attempts.push(row);
    }

    /// The address of an information feed, if it is time to look at it.
    fn due_url(&self, feed: &str, versioned: &Versioned, due: DateTime<Utc>) -> Option<Url> {
        let url = self.feeds.urls.get(feed)?;
        let today = Day::of(due, self.shelf().time_zone).date();
        let is_due = versioned.next.is_none_or(|next| next <= due)
            || versioned.seen_on.is_some_and(|date| date < today);
        is_due.then(|| url.clone())
    }

    /// The feed's own time zone where valid, else the one in use, the configured one, or UTC.
    fn take_time_zone(&mut self, published: Option<String>) {
        let known = published.as_deref().and_then(|name| name.parse().ok());
        let fallback = self.time_zone.or(self.target.time_zone).unwrap_or(Tz::UTC);
        let is_news = published != self.published_time_zone || self.time_zone.is_none();
        if known.is_none() && is_news {
            let system = &self.target.system;
            match &published {
                Some(name) => {
                    warn!(%system, "{system}: time zone `{name}` is unknown: using {fallback}");
                }
                None if self.target.time_zone.is_none() && self.time_zone.is_none() => warn!(
                    %system,
                    "{system}: the feed gives no time zone: using UTC; --time-zone sets another"
                ),
                None => {}
            }
        }
        self.published_time_zone = published;
        self.time_zone = Some(known.unwrap_or(fallback));
    }
}

impl Feeds {
    fn is_due(&self, now: DateTime<Utc>) -> bool {
        let Some(asked_at) = self.asked_at else { return true };
        match self.found_at {
            None => true,
            Some(found_at) => {
                let doubted = self.doubted && now - asked_at >= REDISCOVER_PAUSE;
                doubted || now - found_at >= REDISCOVER_AFTER && now - asked_at >= REDISCOVER_PAUSE
            }
        }
    }
}

impl Versioned {
    fn seen(&mut self, now: DateTime<Utc>, time_zone: Tz, pause: Duration) {
        self.next = Some(now + delta(pause));
        self.seen_on = Some(Day::of(now, time_zone).date());
    }
}
