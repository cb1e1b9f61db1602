//! A poll's walk, once its body is here: bytes → rows → key → object.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use hotspots_data::codec::{CodecError, Metadata, TIME_ZONE};
use hotspots_data::table::{
    OtherFeed, Outcome, Row, StationStatus, SystemInformation, VehicleStatus,
};
use hotspots_data::{ContentHash, Day, Key, Lake, LakeError, Put, Recorded, SystemId};

use crate::gbfs::{
    self, ClockNote, Envelope, FeedError, FeedTime, Parsed, VehicleTypes, observation_time,
};
use crate::intake::{Intake, IntakeError};
use crate::spool::SpoolError;

/// Where a system's rows go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shelf<'a> {
    pub(crate) intake: &'a Intake,
    pub(crate) system: &'a SystemId,
    pub(crate) time_zone: Tz,
}

/// What the last poll of a live feed said: enough to tell a repetition and a frozen clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastPoll {
    feed_time: Option<FeedTime>,
    hash: ContentHash,
    /// The feed's clock was found standing still, and has not moved since.
    is_frozen: bool,
    /// The object, if the feed's own clock names it.
    key: Option<Key>,
}

impl LastPoll {
    /// Whether the feed's own clock names its observations: only then does a 304 mean that what it
    /// says is in the lake under the right time.
    pub(crate) fn has_clock(&self) -> bool {
        self.key.is_some()
    }
}

/// The version of an information feed that the lake already has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastVersion {
    pub(crate) date: NaiveDate,
    pub(crate) hash: ContentHash,
}

/// A body that was understood and is in the lake.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) outcome: Outcome,
    /// The object that holds the rows, unless it was not looked for.
    pub(crate) key: Option<Key>,
    pub(crate) rows: usize,
    pub(crate) observed_at: DateTime<Utc>,
    pub(crate) envelope: Envelope,
    /// What was odd, in words.
    pub(crate) message: Option<String>,
    /// Whether the oddity deserves a warning.
    pub(crate) is_odd: bool,
}

/// Why a body is not in the lake.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error(transparent)]
    Intake(#[from] IntakeError),
}

impl From<LakeError> for StoreError {
    fn from(error: LakeError) -> Self {
        Self::Intake(error.into())
    }
}

impl StoreError {
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Feed(_) => Outcome::Invalid,
            Self::Intake(IntakeError::Spool(SpoolError::Full { .. })) => Outcome::SpoolFull,
            Self::Codec(_) | Self::Intake(_) => Outcome::Lake,
        }
    }
}

impl Shelf<'_> {
    /// Stores one poll of `station_status`.
    pub(crate) async fn station_status(
        self,
        body: &[u8],
        fetched_at: DateTime<Utc>,
        types: &VehicleTypes,
        last: &mut Option<LastPoll>,
    ) -> Result<Stored, StoreError> {
        let parsed = gbfs::parse_station_status(body, fetched_at, types)?;
        let stamp = |row: &mut StationStatus, at| row.observed_at = at;
        self.live(Recorded::StationStatus, parsed, fetched_at, stamp, last).await
    }

    /// Stores one poll of `vehicle_status`.
    pub(crate) async fn vehicle_status(
        self,
        body: &[u8],
        fetched_at: DateTime<Utc>,
        types: &VehicleTypes,
        last: &mut Option<LastPoll>,
    ) -> Result<Stored, StoreError> {
        let parsed = gbfs::parse_vehicle_status(body, fetched_at, types)?;
        let stamp = |row: &mut VehicleStatus, at| row.observed_at = at;
        self.live(Recorded::VehicleStatus, parsed, fetched_at, stamp, last).await
    }

    async fn live<R: Row>(
        self,
        table: Recorded,
        mut parsed: Parsed<R>,
        fetched_at: DateTime<Utc>,
        stamp: impl Fn(&mut R, DateTime<Utc>),
        last: &mut Option<LastPoll>,
    ) -> Result<Stored, StoreError> {
        let hash = R::content_hash(&parsed.rows);
        let feed_time = parsed.envelope.last_updated;
        let before = last.as_ref().filter(|last| last.feed_time == feed_time);
        let is_frozen =
            feed_time.is_some() && before.is_some_and(|last| last.hash != hash || last.is_frozen);
        let (observed_at, note) = observation_time(feed_time, fetched_at, is_frozen);
        if let Some(before) = before
            && before.hash == hash
            && let Some(key) = before.key.clone()
            && !is_frozen
        {
            return Ok(Stored::new(Outcome::Unchanged, Some(key), observed_at, parsed, note));
        }
        for row in &mut parsed.rows {
            stamp(row, observed_at);
        }
        let stored = self.put(table, parsed, hash, observed_at, note).await?;
        let names_it = feed_time.is_some_and(|time| time.at == observed_at);
        let key = stored.key.clone().filter(|_| names_it);
        *last = Some(LastPoll { feed_time, hash, is_frozen, key });
        Ok(stored)
    }

    /// Stores a version of a feed that has no table of its own, unless the lake has it for this day.
    pub(crate) async fn other_feed(
        self,
        feed: &str,
        body: &[u8],
        fetched_at: DateTime<Utc>,
        last: &mut Option<LastVersion>,
    ) -> Result<Stored, StoreError> {
        let parsed = gbfs::parse_other_feed(feed, body, fetched_at)?;
        self.version(Recorded::OtherFeeds, parsed, fetched_at, last).await
    }

    /// Stores a version of `station_information`, unless the lake has it for this day.
    pub(crate) async fn station_information(
        self,
        body: &[u8],
        fetched_at: DateTime<Utc>,
        language: Option<&str>,
        last: &mut Option<LastVersion>,
    ) -> Result<Stored, StoreError> {
        let parsed = gbfs::parse_station_information(body, fetched_at, language)?;
        self.version(Recorded::StationInformation, parsed, fetched_at, last).await
    }

    /// Stores a version of `system_information`, unless the lake has it for this day.
    pub(crate) async fn system_information(
        self,
        body: &[u8],
        fetched_at: DateTime<Utc>,
        last: &mut Option<LastVersion>,
    ) -> Result<Stored, StoreError> {
        let parsed = gbfs::parse_system_information(body, fetched_at)?;
        self.version(Recorded::SystemInformation, parsed, fetched_at, last).await
    }

    async fn version<R: Row>(
        self,
        table: Recorded,
        parsed: Parsed<R>,
        fetched_at: DateTime<Utc>,
        last: &mut Option<LastVersion>,
    ) -> Result<Stored, StoreError> {
        let hash = R::content_hash(&parsed.rows);
        let date = Day::of(fetched_at, self.time_zone).date();
        let this = Some(LastVersion { date, hash });
        if *last == this {
            return Ok(Stored::new(Outcome::Unchanged, None, fetched_at, parsed, None));
        }
        let stored = self.put(table, parsed, hash, fetched_at, None).await?;
        *last = this;
        Ok(stored)
    }

    async fn put<R: Row>(
        self,
        table: Recorded,
        parsed: Parsed<R>,
        hash: ContentHash,
        observed_at: DateTime<Utc>,
        note: Option<ClockNote>,
    ) -> Result<Stored, StoreError> {
        let date = Day::of(observed_at, self.time_zone).date();
        let key = table.key(self.system, date, observed_at, hash);
        let metadata = Metadata::from([(TIME_ZONE.to_owned(), self.time_zone.to_string())]);
        let bytes = R::encode(&parsed.rows, &metadata)?;
        let outcome = match self.intake.put_new(&key, bytes).await? {
            Put::Created => Outcome::Stored,
            Put::AlreadyThere => Outcome::Unchanged,
        };
        Ok(Stored::new(outcome, Some(key), observed_at, parsed, note))
    }
}

impl Stored {
    fn new<R>(
        outcome: Outcome,
        key: Option<Key>,
        observed_at: DateTime<Utc>,
        parsed: Parsed<R>,
        note: Option<ClockNote>,
    ) -> Self {
        let texts: Vec<String> =
            note.iter().map(ToString::to_string).chain(parsed.problems.message()).collect();
        Self {
            outcome,
            key,
            rows: parsed.rows.len(),
            observed_at,
            envelope: parsed.envelope,
            message: (!texts.is_empty()).then(|| texts.join("; ")),
            is_odd: note.is_some_and(ClockNote::is_warning) || !parsed.problems.is_empty(),
        }
    }
}

/// The system's language and time zone as its own information gives them.
pub(crate) fn system_row(body: &[u8], fetched_at: DateTime<Utc>) -> Option<SystemInformation> {
    gbfs::parse_system_information(body, fetched_at).ok()?.rows.pop()
}

/// The version of an information feed stored last, and the object that holds it.
pub(crate) async fn last_version(
    lake: &Lake,
    table: Recorded,
    system: &SystemId,
) -> Result<Option<(LastVersion, Key)>, LakeError> {
    let Some(date) = lake.dates(table, system).await?.pop() else { return Ok(None) };
    let last = lake.list_day(table, system, date).await?.pop();
    Ok(last.and_then(|key| match key {
        Key::Recorded { hash, .. } => Some((LastVersion { date, hash }, key)),
        Key::Derived { .. } => None,
    }))
}

/// The versions of the other feeds stored last, by the feed's name, with their `data`.
pub(crate) async fn last_other_feeds(
    lake: &Lake,
    system: &SystemId,
) -> Result<Vec<(OtherFeed, LastVersion)>, LakeError> {
    let table = Recorded::OtherFeeds;
    let Some(date) = lake.dates(table, system).await?.pop() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for key in lake.list_day(table, system, date).await? {
        let Key::Recorded { hash, .. } = key else { continue };
        let bytes = lake.get(&key).await?.bytes;
        let rows = OtherFeed::decode(bytes).map(|(rows, _)| rows).unwrap_or_default();
        found.extend(rows.into_iter().map(|row| (row, LastVersion { date, hash })));
    }
    Ok(found)
}
