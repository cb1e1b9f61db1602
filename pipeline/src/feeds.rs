//! Which feeds a system has, and when each of them is due: state without I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use url::Url;

use crate::clock::delta;
use crate::fetch::Validators;
use crate::schedule::{Pauses, backoff, next_due, unit};
use crate::store::{LastPoll, LastVersion};

/// What a feed is to the lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    SystemInformation,
    VehicleTypes,
    StationInformation,
    StationStatus,
    VehicleStatus,
    Other,
}

impl Kind {
    pub(crate) fn of(feed: &str) -> Self {
        match feed {
            "system_information" => Self::SystemInformation,
            "vehicle_types" => Self::VehicleTypes,
            "station_information" => Self::StationInformation,
            "station_status" => Self::StationStatus,
            "vehicle_status" | "free_bike_status" => Self::VehicleStatus,
            _ => Self::Other,
        }
    }

    /// Whether it is polled at the system's cadence: every state counts, not only each version.
    pub(crate) fn is_live(self) -> bool {
        matches!(self, Self::StationStatus | Self::VehicleStatus)
    }
}

/// The feeds that discovery listed, and when.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    urls: BTreeMap<String, Url>,
    found_at: Option<DateTime<Utc>>,
    asked_at: Option<DateTime<Utc>>,
    doubted: bool,
}

/// Feeds move now and then: they are looked up again after this time, and after a failure.
const REDISCOVER_AFTER: TimeDelta = TimeDelta::hours(24);
/// After a failure, discovery is not asked again before this time.
const REDISCOVER_PAUSE: TimeDelta = TimeDelta::minutes(5);

impl Listing {
    pub(crate) fn is_known(&self) -> bool {
        self.found_at.is_some()
    }

    /// Takes what discovery lists.
    pub(crate) fn take(&mut self, urls: BTreeMap<String, Url>, now: DateTime<Utc>) {
        *self = Self { urls, found_at: Some(now), asked_at: Some(now), doubted: false };
    }

    /// Takes what discovery listed when an earlier process asked it.
    pub(crate) fn recall(&mut self, urls: BTreeMap<String, Url>) {
        if !self.is_known() {
            self.urls = urls;
        }
    }

    pub(crate) fn asked(&mut self, now: DateTime<Utc>) {
        self.asked_at = Some(now);
    }

    /// A feed failed: perhaps it moved.
    pub(crate) fn doubt(&mut self) {
        self.doubted = true;
    }

    /// Whether discovery should be asked; while nothing is known, its own pauses decide.
    pub(crate) fn is_due(&self, now: DateTime<Utc>) -> bool {
        let Some(asked_at) = self.asked_at else { return true };
        if !self.is_known() {
            return true;
        }
        let old = self.found_at.is_none_or(|found_at| now - found_at >= REDISCOVER_AFTER);
        (old || self.doubted) && now - asked_at >= REDISCOVER_PAUSE
    }

    /// The feeds in the order in which they are polled: first what the others are read with, then
    /// the live ones, then the rest.
    pub(crate) fn feeds(&self) -> Vec<(String, Kind, Url)> {
        let mut feeds: Vec<_> = self
            .urls
            .iter()
            .filter(|(feed, _)| feed.as_str() != "gbfs")
            .map(|(feed, url)| (feed.clone(), Kind::of(feed), url.clone()))
            .collect();
        feeds.sort_by_key(|(_, kind, _)| *kind as u8);
        feeds
    }
}

/// One feed: what the lake has of it, and when to look again.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    pub(crate) last_version: Option<LastVersion>,
    pub(crate) last_poll: Option<LastPoll>,
    pub(crate) ttl_s: Option<i64>,
    validators: Validators,
    /// The regular time of the next poll; a retry may come before it.
    grid: Option<DateTime<Utc>>,
    next: Option<DateTime<Utc>>,
    failures: u32,
    seen_on: Option<NaiveDate>,
}

impl Feed {
    pub(crate) fn next(&self) -> Option<DateTime<Utc>> {
        self.next
    }

    /// Whether to ask now. A version is wanted on each local day, `today` among them.
    pub(crate) fn is_due(&self, due: DateTime<Utc>, kind: Kind, today: NaiveDate) -> bool {
        let new_day =
            !kind.is_live() && self.failures == 0 && self.seen_on.is_some_and(|date| date < today);
        new_day || self.next.is_none_or(|next| next <= due)
    }

    /// What to send back, where a 304 would tell all there is to know.
    pub(crate) fn validators(&self, kind: Kind, today: NaiveDate) -> Option<&Validators> {
        let tells_all = if kind.is_live() {
            self.last_poll.as_ref().is_some_and(LastPoll::has_clock)
        } else {
            self.seen_on == Some(today)
        };
        (tells_all && !self.validators.is_empty()).then_some(&self.validators)
    }

    /// An answer is safe; `validators` is `None` for a 304.
    pub(crate) fn succeeded(
        &mut self,
        validators: Option<Validators>,
        (due, now): (DateTime<Utc>, DateTime<Utc>),
        (kind, today): (Kind, NaiveDate),
        interval: Duration,
    ) {
        self.failures = 0;
        if let Some(validators) = validators {
            self.validators = validators;
        }
        if kind.is_live() {
            let next = next_due(self.grid.unwrap_or(due), interval, now);
            (self.grid, self.next) = (Some(next), Some(next));
        } else {
            self.next = Some(now + delta(interval));
            self.seen_on = Some(today);
        }
    }

    /// It failed: a pause that grows, and never shorter than the publisher asked for.
    pub(crate) fn failed(
        &mut self,
        name: &str,
        retry_at: Option<DateTime<Utc>>,
        (due, now): (DateTime<Utc>, DateTime<Utc>),
        interval: Duration,
    ) {
        self.failures = self.failures.saturating_add(1);
        // What the feed says next is wanted whole.
        self.validators = Validators::default();
        self.grid = self.grid.or(Some(due));
        let pause = backoff(self.failures, Pauses::of_feed(interval), unit(name, self.failures));
        let retry_at = retry_at.map(|at| at.min(now + LONGEST_RETRY_AFTER));
        self.next = Some((now + delta(pause)).max(retry_at.unwrap_or(now)));
    }
}

impl Feed {
    /// The answer was good, but it could not be stored: that is no reason to ask less often.
    pub(crate) fn not_stored(
        &mut self,
        (due, now): (DateTime<Utc>, DateTime<Utc>),
        cadence: Duration,
    ) {
        let next = next_due(self.grid.unwrap_or(due), cadence, now);
        (self.grid, self.next) = (Some(next), Some(next));
    }
}

/// A publisher's `Retry-After` beyond this is taken for a mistake.
const LONGEST_RETRY_AFTER: TimeDelta = TimeDelta::hours(24);
