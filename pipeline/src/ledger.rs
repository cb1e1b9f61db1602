//! The ledger: a row for every attempt, and a line in the log.

use chrono::{DateTime, Utc};
use hotspots_data::codec::{Metadata, TIME_ZONE};
use hotspots_data::table::{Outcome, Poll, Row as _};
use hotspots_data::{Day, Recorded};
use tracing::{debug, info, warn};
use url::Url;

use crate::fetch::FetchError;
use crate::gbfs::{Envelope, FeedError};
use crate::store::{Shelf, StoreError, Stored};

/// An attempt that has begun.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) feed: String,
    pub(crate) url: String,
    pub(crate) scheduled_at: DateTime<Utc>,
    pub(crate) started_at: DateTime<Utc>,
    /// When the body was here, if one came.
    pub(crate) fetched_at: Option<DateTime<Utc>>,
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Discovery lists no feed of stations or vehicles.
    #[error("discovery lists neither station_status nor vehicle_status nor free_bike_status")]
    NothingToPoll,
}

impl AttemptError {
    /// Whether the lake or the spool failed, and the publisher did not.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Self::Store(StoreError::Intake(_) | StoreError::Codec(_)))
    }

    /// When the publisher wants to be asked again, if it said.
    pub(crate) fn retry_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Self::Fetch(error) = self else { return None };
        error.retry_after().map(|after| after.instant(now))
    }
}

impl From<FeedError> for AttemptError {
    fn from(error: FeedError) -> Self {
        Self::Store(error.into())
    }
}

impl Attempt {
    /// The row of an attempt whose body was understood and is in the lake.
    pub(crate) fn stored(&self, now: DateTime<Utc>, bytes: usize, stored: &Stored) -> Poll {
        Poll {
            observed_at: Some(stored.observed_at),
            key: stored.key.as_ref().map(ToString::to_string),
            message: stored.message.clone(),
            rows: i32::try_from(stored.rows).unwrap_or(i32::MAX),
            ..self.understood(now, bytes, stored.outcome, &stored.envelope)
        }
    }

    /// The row of an attempt whose body was understood; nothing of it goes to the lake.
    pub(crate) fn understood(
        &self,
        now: DateTime<Utc>,
        bytes: usize,
        outcome: Outcome,
        envelope: &Envelope,
    ) -> Poll {
        Poll {
            version: envelope.version.clone(),
            ttl_s: envelope.ttl_s,
            last_updated: envelope.last_updated.map(|time| time.at),
            http_status: self.url.starts_with("http").then_some(200),
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            ..self.begun(now, outcome)
        }
    }

    /// The row of an attempt that the publisher answered with 304.
    pub(crate) fn not_modified(&self, now: DateTime<Utc>) -> Poll {
        Poll { http_status: Some(304), ..self.begun(now, Outcome::NotModified) }
    }

    /// The row of an attempt that failed after `bytes` had come.
    pub(crate) fn failed(&self, now: DateTime<Utc>, bytes: usize, error: &AttemptError) -> Poll {
        let (outcome, http_status) = match error {
            AttemptError::Fetch(error) => (error.outcome(), error.http_status().map(i32::from)),
            AttemptError::Store(error) => {
                (error.outcome(), self.url.starts_with("http").then_some(200))
            }
            AttemptError::NothingToPoll => (Outcome::Invalid, None),
        };
        Poll {
            http_status,
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            message: Some(error.to_string()),
            ..self.begun(now, outcome)
        }
    }

    fn begun(&self, now: DateTime<Utc>, outcome: Outcome) -> Poll {
        Poll {
            scheduled_at: self.scheduled_at,
            started_at: self.started_at,
            duration_ms: (now - self.started_at).num_milliseconds().max(0),
            fetch_ms: self.fetched_at.map(|at| (at - self.started_at).num_milliseconds().max(0)),
            feed: self.feed.clone(),
            url: self.url.clone(),
            outcome: outcome.name().to_owned(),
            http_status: None,
            bytes: 0,
            rows: 0,
            version: None,
            ttl_s: None,
            last_updated: None,
            observed_at: None,
            key: None,
            message: None,
        }
    }
}

/// Says in the log what came of an attempt; `is_odd` lifts a success to a warning.
pub(crate) fn log(system: &str, row: &Poll, is_odd: bool) {
    let is_success = Outcome::ALL.iter().any(|o| o.name() == row.outcome && o.is_success());
    let Poll { feed, outcome, rows, duration_ms, bytes, .. } = row;
    let message = row.message.as_deref().unwrap_or_default();
    let key = row.key.as_deref().unwrap_or_default();
    if !is_success {
        let url = &row.url;
        let at = if url.is_empty() { String::new() } else { format!(" at {url}") };
        warn!(system, feed, url, outcome, duration_ms, bytes, "{system} {feed}{at}: {message}");
    } else if is_odd {
        warn!(
            system,
            feed, outcome, rows, key, "{system} {feed}: {rows} rows {outcome}, but {message}"
        );
    } else if outcome == Outcome::Stored.name() {
        info!(
            system,
            feed, outcome, rows, duration_ms, bytes, key, "{system} {feed}: {rows} rows stored"
        );
    } else {
        debug!(system, feed, outcome, rows, "{system} {feed}: {outcome} {message}");
    }
}

/// Writes rows of one local day as one object; the same rows twice are one object.
pub(crate) async fn write(shelf: Shelf<'_>, rows: &[Poll]) -> Result<(), StoreError> {
    let Some(first) = rows.first() else { return Ok(()) };
    let date = Day::of(first.started_at, shelf.time_zone).date();
    let hash = Poll::content_hash(rows);
    let key = Recorded::Polls.key(shelf.system, date, first.started_at, hash);
    let metadata = Metadata::from([(TIME_ZONE.to_owned(), shelf.time_zone.to_string())]);
    let bytes = Poll::encode(rows, &metadata)?;
    shelf.intake.put_new(&key, bytes).await?;
    Ok(())
}

/// A URL fit for the ledger and the log: without user, password and query, which may hold keys.
#[must_use]
pub fn public(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}
