//! The collector of one system: one round of polls after another, whatever happens.

mod recall;
mod report;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use hotspots_data::Day;
use hotspots_data::table::{Outcome, Poll};
use tracing::warn;
use url::Url;

use self::recall::Recall;
use crate::clock::{Stop, delta};
use crate::feeds::{Feed, Kind, Listing};
use crate::fetch::{Answer, FetchError, Validators};
use crate::gbfs::{VehicleTypes, parse_discovery, parse_vehicle_types};
use crate::ingest::{Cycle, Target, Tools};
use crate::journal::Journal;
use crate::ledger::{self, Attempt, AttemptError};
use crate::schedule::{information_interval, status_interval};
use crate::store::{Shelf, StoreError, Stored, system_row};

const DISCOVERY: &str = "gbfs";

/// Polls one system and keeps what it needs to know between polls.
pub struct Collector {
    tools: Tools,
    target: Target,
    listing: Listing,
    discovery: Feed,
    feeds: HashMap<String, Feed>,
    vehicle_types: VehicleTypes,
    time_zone: Option<Tz>,
    published_time_zone: Option<String>,
    language: Option<String>,
    recall: Recall,
    journal: Journal,
    /// Ledger rows of ended processes, and the files they are in.
    left: Vec<(PathBuf, Vec<Poll>)>,
    /// What was odd in a feed last time: only news is a warning.
    oddities: HashMap<String, Option<String>>,
}

/// The rows of a round, each with whether it deserves a warning.
type Rows = Vec<(Poll, bool)>;

impl Collector {
    /// A collector that has not polled yet.
    #[must_use]
    pub fn new(tools: Tools, target: Target) -> Self {
        let (journal, left) =
            tools.intake.journals().map(|all| all.of(&target.system)).unwrap_or_default();
        Self {
            tools,
            target,
            listing: Listing::default(),
            discovery: Feed::default(),
            feeds: HashMap::new(),
            vehicle_types: VehicleTypes::default(),
            time_zone: None,
            published_time_zone: None,
            language: None,
            recall: Recall::default(),
            journal,
            left,
            oddities: HashMap::new(),
        }
    }

    /// Polls from `first` on until asked to stop, and calls `on_cycle` after each round.
    pub async fn run(
        &mut self,
        first: DateTime<Utc>,
        stop: &Stop,
        mut on_cycle: impl FnMut(&Cycle),
    ) {
        let clock = std::sync::Arc::clone(&self.tools.clock);
        let mut due = first;
        while stop.sleep_until(clock.as_ref(), due).await {
            let cycle = self.poll(due, stop).await;
            on_cycle(&cycle);
            due = self.next(due);
        }
        self.close().await;
    }

    /// One round: every feed that is due, then the ledger. Nothing that fails here is fatal: it is
    /// noted, logged, and the next round comes.
    pub async fn poll(&mut self, due: DateTime<Utc>, stop: &Stop) -> Cycle {
        let mut rows = Rows::new();
        self.recall().await;
        self.discover(due, stop, &mut rows).await;
        let feeds = self.listing.feeds();
        if self.listing.is_known() && !feeds.iter().any(|(_, kind, _)| kind.is_live()) {
            let attempt = self.attempt(DISCOVERY, String::new(), due);
            self.fail(&mut rows, &attempt, 0, &AttemptError::NothingToPoll);
        }
        for (feed, kind, url) in feeds {
            let today = self.date(due);
            if self.feed(&feed).is_due(due, kind, today) && !stop.is_asked() {
                self.poll_feed(&feed, kind, &url, due, stop, &mut rows).await;
            }
            if kind == Kind::SystemInformation && self.time_zone.is_none() {
                self.take_time_zone(None);
            }
        }
        self.report(&rows, stop.is_asked()).await;
        Cycle { due, attempts: rows.into_iter().map(|(row, _)| row).collect() }
    }

    /// Writes what the ledger's journal still has into the lake.
    pub async fn close(&mut self) {
        self.write_journal(true).await;
    }

    /// When the next round is due: when the first live feed is.
    fn next(&self, due: DateTime<Utc>) -> DateTime<Utc> {
        let live = |(feed, kind, _): &(String, Kind, Url)| {
            self.feeds.get(feed).filter(|_| kind.is_live()).and_then(Feed::next)
        };
        let next = self.listing.feeds().iter().filter_map(live).min();
        let soonest = due + delta(Duration::from_secs(1));
        next.or(self.discovery.next().filter(|next| *next > due))
            .unwrap_or_else(|| due + delta(self.interval(None)))
            .max(soonest)
    }

    async fn poll_feed(
        &mut self,
        feed: &str,
        kind: Kind,
        url: &Url,
        due: DateTime<Utc>,
        stop: &Stop,
        rows: &mut Rows,
    ) {
        let today = self.date(due);
        let validators = self.feed(feed).validators(kind, today).cloned();
        let Some((attempt, answer)) = self.fetch(feed, url, validators.as_ref(), due, stop).await
        else {
            return;
        };
        let now = self.tools.clock.now();
        let (validators, result) = match answer {
            Err(error) => {
                self.fail_feed(feed, kind, &AttemptError::from(error), due, &attempt, 0, rows);
                return;
            }
            Ok(Answer::NotModified) => {
                self.note(rows, attempt.not_modified(now), false);
                (None, None)
            }
            Ok(Answer::Body(body, validators)) => {
                let stored = self.store(feed, kind, &body, now).await;
                (Some(validators), Some((body.len(), stored)))
            }
        };
        if let Some((bytes, stored)) = result {
            match stored {
                Ok(stored) => {
                    self.feed(feed).ttl_s = stored.envelope.ttl_s;
                    let row = attempt.stored(self.tools.clock.now(), bytes, &stored);
                    self.note(rows, row, stored.is_odd);
                }
                Err(error) => {
                    self.fail_feed(feed, kind, &error.into(), due, &attempt, bytes, rows);
                    return;
                }
            }
        }
        let pause = self.pause(feed, kind);
        let (now, today) = (self.tools.clock.now(), self.date(now));
        self.feed(feed).succeeded(validators, (due, now), (kind, today), pause);
    }

    /// Reads a body as what it should be and puts it on its shelf.
    async fn store(
        &mut self,
        feed: &str,
        kind: Kind,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Stored, StoreError> {
        if kind == Kind::SystemInformation
            && let Some(row) = system_row(body, now)
        {
            self.take_time_zone(row.timezone);
            self.language = row.language;
        }
        if kind == Kind::VehicleTypes {
            self.vehicle_types = parse_vehicle_types(body)?.1;
        }
        let before = self.feed(feed);
        let (mut version, mut poll) = (before.last_version, before.last_poll.clone());
        let place = self.shelf();
        let types = &self.vehicle_types;
        let language = self.language.as_deref();
        let stored = match kind {
            Kind::SystemInformation => place.system_information(body, now, &mut version).await,
            Kind::StationInformation => {
                place.station_information(body, now, language, &mut version).await
            }
            Kind::StationStatus => place.station_status(body, now, types, &mut poll).await,
            Kind::VehicleStatus => place.vehicle_status(body, now, types, &mut poll).await,
            Kind::VehicleTypes | Kind::Other => {
                place.other_feed(feed, body, now, &mut version).await
            }
        };
        let after = self.feed(feed);
        (after.last_version, after.last_poll) = (version, poll);
        stored
    }

    async fn discover(&mut self, due: DateTime<Utc>, stop: &Stop, rows: &mut Rows) {
        let now = self.tools.clock.now();
        let waits = self.discovery.next().is_some_and(|next| next > now);
        if !self.listing.is_due(now) || (waits && !self.listing.is_known()) {
            return;
        }
        self.listing.asked(now);
        for url in self.target.discovery.clone() {
            let Some((attempt, answer)) = self.fetch(DISCOVERY, &url, None, due, stop).await else {
                return;
            };
            let now = self.tools.clock.now();
            let body = match answer {
                Ok(Answer::Body(body, _)) => Ok(body),
                Ok(Answer::NotModified) => Ok(Vec::new()),
                Err(error) => Err(AttemptError::from(error)),
            };
            let found = body.and_then(|body| {
                let found = parse_discovery(&body, &url, self.target.feed_base.as_ref())?;
                Ok((body, found))
            });
            match found {
                Ok((body, found)) => {
                    self.listing.take(found.feeds, now);
                    let mut version = self.discovery.last_version;
                    let stored = self.shelf().other_feed(DISCOVERY, &body, now, &mut version).await;
                    self.discovery.last_version = version;
                    let today = self.date(now);
                    let times = (due, now);
                    self.discovery.succeeded(
                        None,
                        times,
                        (Kind::Other, today),
                        self.interval(None),
                    );
                    match stored {
                        Ok(stored) => {
                            let row = attempt.stored(now, body.len(), &stored);
                            self.note(rows, row, stored.is_odd);
                        }
                        Err(error) => self.fail(rows, &attempt, body.len(), &error.into()),
                    }
                    return;
                }
                Err(error) => {
                    self.fail(rows, &attempt, 0, &error);
                    let interval = self.interval(None);
                    let retry_at = error.retry_at(now);
                    self.discovery.failed(
                        self.target.system.as_str(),
                        retry_at,
                        (due, now),
                        interval,
                    );
                }
            }
        }
    }

    /// Fetches a feed; `None` when the end was asked for before the answer was there.
    async fn fetch(
        &self,
        feed: &str,
        url: &Url,
        validators: Option<&Validators>,
        due: DateTime<Utc>,
        stop: &Stop,
    ) -> Option<(Attempt, Result<Answer, FetchError>)> {
        let mut attempt = self.attempt(feed, ledger::public(url), due);
        let key = self.target.key.as_ref();
        let answer = tokio::select! {
            biased;
            () = stop.asked() => return None,
            answer = self.tools.fetcher.get(url, key, validators) => answer,
        };
        attempt.fetched_at = answer.is_ok().then(|| self.tools.clock.now());
        Some((attempt, answer))
    }

    fn attempt(&self, feed: &str, url: String, scheduled_at: DateTime<Utc>) -> Attempt {
        let started_at = self.tools.clock.now();
        Attempt { feed: feed.to_owned(), url, scheduled_at, started_at, fetched_at: None }
    }

    #[expect(clippy::too_many_arguments, reason = "one failure, with all that is known of it")]
    fn fail_feed(
        &mut self,
        feed: &str,
        kind: Kind,
        error: &AttemptError,
        due: DateTime<Utc>,
        attempt: &Attempt,
        bytes: usize,
        rows: &mut Rows,
    ) {
        let now = self.tools.clock.now();
        let name = format!("{} {feed}", self.target.system);
        let pause = self.pause(feed, kind);
        if error.is_ours() {
            let cadence = self.interval(self.feeds.get(feed).and_then(|feed| feed.ttl_s));
            self.feed(feed).not_stored((due, now), cadence);
        } else {
            self.feed(feed).failed(&name, error.retry_at(now), (due, now), pause);
        }
        self.fail(rows, attempt, bytes, error);
    }

    fn fail(&mut self, rows: &mut Rows, attempt: &Attempt, bytes: usize, error: &AttemptError) {
        self.listing.doubt();
        let row = attempt.failed(self.tools.clock.now(), bytes, error);
        self.note(rows, row, true);
    }

    fn feed(&mut self, feed: &str) -> &mut Feed {
        self.feeds.entry(feed.to_owned()).or_default()
    }

    fn interval(&self, ttl_s: Option<i64>) -> Duration {
        status_interval(self.target.interval, ttl_s)
    }

    fn pause(&self, feed: &str, kind: Kind) -> Duration {
        let ttl_s = self.feeds.get(feed).and_then(|feed| feed.ttl_s);
        if kind.is_live() {
            self.interval(ttl_s)
        } else {
            information_interval(ttl_s, self.interval(None))
        }
    }

    fn zone(&self) -> Tz {
        self.time_zone.or(self.target.time_zone).unwrap_or(Tz::UTC)
    }

    fn date(&self, instant: DateTime<Utc>) -> NaiveDate {
        Day::of(instant, self.zone()).date()
    }

    fn shelf(&self) -> Shelf<'_> {
        Shelf { intake: &self.tools.intake, system: &self.target.system, time_zone: self.zone() }
    }

    /// The feed's own time zone where valid, else the one in use, the configured one, or UTC.
    fn take_time_zone(&mut self, published: Option<String>) {
        let known = published.as_deref().and_then(|name| name.parse().ok());
        let fallback = self.zone();
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

impl Cycle {
    /// Whether every feed asked for is safe, and a live one was among them.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let ok =
            |poll: &Poll| Outcome::ALL.iter().any(|o| o.name() == poll.outcome && o.is_success());
        self.attempts.iter().any(|poll| Kind::of(&poll.feed).is_live())
            && self.attempts.iter().all(ok)
    }
}
