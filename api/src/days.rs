//! The days that have been asked for, in memory, and as fresh as the lake.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::NaiveDate;
use hotspots_data::codec::CodecError;
use hotspots_data::lake::Version;
use hotspots_data::table::{Hotspot, Row as _};
use hotspots_data::{DaySummary, Derived, Lake, LakeError, Resolution, SystemId};
use tracing::error;

use crate::reply;

const TABLE: Derived = Derived::Hotspots(Resolution::HOTSPOTS);
/// What is in memory is taken for the lake's state for so long.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// Days kept in memory at most, of about 200 kB each; beyond it, the one not asked for longest goes.
const MOST_DAYS: usize = 400;

/// Hotspots by system and day.
#[derive(Debug)]
pub(crate) struct Days {
    lake: Lake,
    kept: RwLock<HashMap<(SystemId, NaiveDate), Kept>>,
}

#[derive(Clone, Debug)]
struct Kept {
    json: Bytes,
    version: Version,
    checked: Instant,
}

/// Why a day cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DayError {
    #[error("there are no hotspots of {0}")]
    NoSuchDay(NaiveDate),
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error("the table `{key}` is damaged ({source}): aggregate the day again")]
    Damaged { key: String, source: CodecError },
}

impl Days {
    pub(crate) fn new(lake: Lake) -> Self {
        Self { lake, kept: RwLock::default() }
    }

    pub(crate) async fn systems(&self) -> Result<Vec<SystemId>, LakeError> {
        self.lake.derived_systems(TABLE).await
    }

    pub(crate) async fn dates(&self, system: &SystemId) -> Result<Vec<NaiveDate>, LakeError> {
        self.lake.derived_dates(TABLE, system).await
    }

    /// The day as JSON. Where the lake fails or holds a damaged table, the last good one.
    pub(crate) async fn day(&self, system: &SystemId, date: NaiveDate) -> Result<Bytes, DayError> {
        let slot = (system.clone(), date);
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner).get(&slot).cloned();
        if let Some(kept) = &kept
            && kept.checked.elapsed() < TRUSTED_FOR
        {
            return Ok(kept.json.clone());
        }
        let fresh = self.refresh(&slot, kept.as_ref()).await;
        match (fresh, kept) {
            (Ok(fresh), _) => {
                let json = fresh.json.clone();
                self.keep(slot, fresh);
                Ok(json)
            }
            (Err(error @ DayError::NoSuchDay(_)), _) | (Err(error), None) => Err(error),
            (Err(error), Some(kept)) => {
                error!(%system, %date, "{system} {date}: serving the last good table: {error}");
                self.keep(slot, Kept { checked: Instant::now(), ..kept.clone() });
                Ok(kept.json)
            }
        }
    }

    async fn refresh(
        &self,
        (system, date): &(SystemId, NaiveDate),
        kept: Option<&Kept>,
    ) -> Result<Kept, DayError> {
        let key = TABLE.key(system, *date);
        let version = self.lake.version(&key).await?.ok_or(DayError::NoSuchDay(*date))?;
        if let Some(kept) = kept.filter(|kept| kept.version == version) {
            return Ok(Kept { checked: Instant::now(), ..kept.clone() });
        }
        let object = match self.lake.get(&key).await {
            Err(LakeError::Missing { .. }) => return Err(DayError::NoSuchDay(*date)),
            other => other?,
        };
        let damaged = |source| DayError::Damaged { key: key.to_string(), source };
        let (rows, metadata) = Hotspot::decode(object.bytes).map_err(damaged)?;
        let summary = DaySummary::from_metadata(&metadata).map_err(damaged)?;
        let json = reply::day(&summary, &rows);
        Ok(Kept { json, version: object.version, checked: Instant::now() })
    }

    fn keep(&self, slot: (SystemId, NaiveDate), day: Kept) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_DAYS && !kept.contains_key(&slot) {
            let oldest =
                kept.iter().min_by_key(|(_, day)| day.checked).map(|(slot, _)| slot.clone());
            if let Some(oldest) = oldest {
                kept.remove(&oldest);
            }
        }
        kept.insert(slot, day);
    }
}

/// Shared by all requests.
pub(crate) type SharedDays = Arc<Days>;
