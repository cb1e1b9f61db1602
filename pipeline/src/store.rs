//! A poll's walk, once its body is here: bytes → rows → key → object.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use hotspots_data::codec::{CodecError, Metadata, TIME_ZONE};
use hotspots_data::table::{Outcome, Row, StationStatus, SystemInformation};
use hotspots_data::{ContentHash, Day, Key, Lake, LakeError, Put, Recorded, SystemId};

use crate::gbfs::{self, ClockNote, Envelope, FeedError, FeedTime, Parsed, observation_time};

/// Where a system's rows go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shelf<'a> {
    pub(crate) lake: &'a Lake,
    pub(crate) system: &'a SystemId,
    pub(crate) time_zone: Tz,
}

/// What the last poll of a status feed said: enough to tell a frozen clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastStatus {
    feed_time: Option<FeedTime>,
    hash: ContentHash,
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
    Lake(#[from] LakeError),
}

impl StoreError {
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Feed(_) => Outcome::Invalid,
            Self::Codec(_) | Self::Lake(_) => Outcome::Lake,
        }
    }
}

impl Shelf<'_> {
    /// Stores one poll of `station_status`.
    pub(crate) async fn status(
        self,
        body: &[u8],
        fetched_at: DateTime<Utc>,
        last: &mut Option<LastStatus>,
    ) -> Result<Stored, StoreError> {
        let mut parsed = gbfs::parse_station_status(body, fetched_at)?;
        let hash = StationStatus::content_hash(&parsed.rows);
        let feed_time = parsed.envelope.last_updated;
        let frozen = feed_time.is_some()
            && last.is_some_and(|last| last.feed_time == feed_time && last.hash != hash);
        let (observed_at, note) = observation_time(feed_time, fetched_at, frozen);
        for row in &mut parsed.rows {
            row.observed_at = observed_at;
        }
        let stored = self.put(Recorded::StationStatus, parsed, hash, observed_at, note).await?;
        *last = Some(LastStatus { feed_time, hash });
        Ok(stored)
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

    /// Stores a version of `system_information`, unless the lake has it for this day; gives the row.
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
        let outcome = match self.lake.put_new(&key, bytes).await? {
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

/// The version of an information feed stored last, with the rows if wanted.
pub(crate) async fn last_version(
    lake: &Lake,
    table: Recorded,
    system: &SystemId,
) -> Result<Option<(LastVersion, Key)>, LakeError> {
    let Some(date) = lake.dates(table, system).await?.pop() else { return Ok(None) };
    let listed = lake.list_day(table, system, date).await?;
    Ok(listed.into_iter().next_back().and_then(|listed| match listed.key {
        Key::Recorded { hash, .. } => Some((LastVersion { date, hash }, listed.key)),
        Key::Derived { .. } => None,
    }))
}
