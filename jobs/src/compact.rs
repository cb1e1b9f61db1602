//! `hotspots compact`: a closed day's polls become one object, and then may go.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use futures::{StreamExt as _, TryStreamExt as _};
use hotspots_data::codec::{self, CodecError, TIME_ZONE};
use hotspots_data::{Day, Derived, Key, Lake, SystemId};

use crate::aggregate::{AggregateError, Selection, observed_dates, systems};
use crate::compacted;
use crate::pack::{WholePoll, pack, unpack, whole_poll};
use crate::read_day::READS_AT_ONCE;
use crate::status_day::StatusDay;

/// A day that was looked at.
#[derive(Debug)]
pub struct CompactReport {
    /// The system.
    pub system: SystemId,
    /// The local date.
    pub date: NaiveDate,
    /// What became of it.
    pub outcome: Result<Compaction, AggregateError>,
}

/// What became of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compaction {
    /// Polls that were packed; 0 where the day is open or packed already.
    pub packed: usize,
    /// Rows of the day's object, if it was written.
    pub rows: usize,
    /// Its size in bytes.
    pub bytes: usize,
    /// Polls whose own objects were deleted.
    pub deleted: usize,
}

/// Packs every selected day that is over; with `retain`, deletes the polls of days that are longer over
/// than that, each only when the day's object as it lies in the lake was read back and has the same
/// rows. A day that fails is reported, and the others are done.
///
/// Run one compaction of a lake at a time.
///
/// # Errors
/// [`AggregateError::Lake`] when the days of the lake cannot be listed.
pub async fn compact(
    lake: &Lake,
    selection: &Selection,
    retain: Option<TimeDelta>,
    now: DateTime<Utc>,
    mut progress: impl FnMut(&CompactReport),
) -> Result<Vec<CompactReport>, AggregateError> {
    let mut reports = Vec::new();
    for system in systems(lake, selection).await? {
        for date in observed_dates(lake, &system, selection).await? {
            let outcome = one_day(lake, &system, date, retain, now).await;
            let report = CompactReport { system: system.clone(), date, outcome };
            progress(&report);
            reports.push(report);
        }
    }
    Ok(reports)
}

async fn one_day(
    lake: &Lake,
    system: &SystemId,
    date: NaiveDate,
    retain: Option<TimeDelta>,
    now: DateTime<Utc>,
) -> Result<Compaction, AggregateError> {
    let mut status = StatusDay::find(lake, system, date).await?;
    let Some(time_zone) = time_zone(lake, &status).await? else {
        return Ok(Compaction::default());
    };
    let end = Day::new(date, time_zone).end();
    let mut done = Compaction::default();
    if now < end || !status.polls.iter().any(|poll| poll.is_raw) {
        return Ok(done);
    }
    if status.polls.iter().any(|poll| poll.number.is_none()) {
        done = write(lake, system, date, &status, time_zone).await?;
        status = StatusDay::find(lake, system, date).await?;
    }
    if retain.is_some_and(|retain| end + retain <= now) {
        done.deleted = delete_packed(lake, system, date, &status).await?;
    }
    Ok(done)
}

async fn time_zone(lake: &Lake, status: &StatusDay) -> Result<Option<Tz>, AggregateError> {
    let Some((key, bytes)) = status.any_object(lake).await? else { return Ok(None) };
    let damaged = |source| AggregateError::Object { key: key.to_string(), source };
    let metadata = codec::read_metadata(bytes).map_err(damaged)?;
    let zone = metadata.get(TIME_ZONE).and_then(|name| name.parse().ok());
    zone.map(Some).ok_or_else(|| damaged(CodecError::Metadata(TIME_ZONE)))
}

/// Packs all polls of a day, and puts the object in place only when it gives back the same rows.
async fn write(
    lake: &Lake,
    system: &SystemId,
    date: NaiveDate,
    status: &StatusDay,
    time_zone: Tz,
) -> Result<Compaction, AggregateError> {
    let polls = whole_polls(lake, status, false).await?;
    let packing = move || {
        let bytes = pack(&polls, time_zone.name()).map_err(AggregateError::Encode)?;
        let keys: Vec<Key> = polls.iter().map(|poll| poll.key.clone()).collect();
        let back = unpack(&bytes, &keys).map_err(AggregateError::Encode)?;
        let rows = polls.iter().map(|poll| poll.rows.num_rows()).sum();
        Ok::<_, AggregateError>((bytes, rows, polls.len(), back == polls))
    };
    let (bytes, rows, packed, is_same) = tokio::task::spawn_blocking(packing)
        .await
        .map_err(|error| AggregateError::CutOff(error.to_string()))??;
    let key = Derived::StationStatusDaily.key(system, date);
    if !is_same {
        return Err(AggregateError::NotTheSame { key: key.to_string() });
    }
    let size = bytes.len();
    lake.replace(&key, bytes).await?;
    Ok(Compaction { packed, rows, bytes: size, deleted: 0 })
}

/// Deletes the polls' own objects that the day's object, as it lies in the lake, gives back the same.
async fn delete_packed(
    lake: &Lake,
    system: &SystemId,
    date: NaiveDate,
    status: &StatusDay,
) -> Result<usize, AggregateError> {
    let raw = whole_polls(lake, status, true).await?;
    let key = Derived::StationStatusDaily.key(system, date);
    let bytes = lake.get(&key).await?.bytes;
    let of_day = key.to_string();
    let (system, path) = (system.clone(), key.to_string());
    let comparing = move || {
        let damaged = |source| AggregateError::Object { key: path.clone(), source };
        let recordings = compacted::polls(&bytes, &system, date).map_err(damaged)?;
        let keys: Vec<Key> = recordings.into_iter().map(|recordings| recordings.key).collect();
        let packed = unpack(&bytes, &keys).map_err(damaged)?;
        let is_packed = |poll: &WholePoll| {
            let at = packed.binary_search_by(|other| other.key.cmp(&poll.key));
            at.is_ok_and(|at| packed[at] == *poll)
        };
        let same: Vec<Key> =
            raw.iter().filter(|poll| is_packed(poll)).map(|poll| poll.key.clone()).collect();
        Ok::<_, AggregateError>((same, raw.len()))
    };
    let (same, in_all) = tokio::task::spawn_blocking(comparing)
        .await
        .map_err(|error| AggregateError::CutOff(error.to_string()))??;
    if same.len() < in_all {
        return Err(AggregateError::NotTheSame { key: of_day });
    }
    for key in &same {
        lake.delete(key).await?;
    }
    Ok(same.len())
}

/// Every poll of a day with all its rows, in order of time; `only_raw`: those that have their own
/// object, read from it.
async fn whole_polls(
    lake: &Lake,
    status: &StatusDay,
    only_raw: bool,
) -> Result<Vec<WholePoll>, AggregateError> {
    let wanted = status.polls.iter().filter(|poll| poll.is_raw);
    let mut polls: Vec<WholePoll> = futures::stream::iter(wanted)
        .map(|poll| async move {
            let key = &poll.recordings.key;
            let bytes = lake.get(key).await?.bytes;
            whole_poll(key, bytes)
                .map_err(|source| AggregateError::Object { key: key.to_string(), source })
        })
        .buffered(READS_AT_ONCE)
        .try_collect()
        .await?;
    if let Some(day) = status.compacted.as_ref().filter(|_| !only_raw) {
        let mut numbered: Vec<_> =
            status.polls.iter().filter(|poll| poll.number.is_some()).collect();
        numbered.sort_by_key(|poll| poll.number);
        let keys: Vec<Key> = numbered.iter().map(|poll| poll.recordings.key.clone()).collect();
        let packed = unpack(&day.bytes, &keys)
            .map_err(|source| AggregateError::Object { key: day.key.to_string(), source })?;
        let gone = numbered.iter().zip(packed).filter(|(poll, _)| !poll.is_raw);
        polls.extend(gone.map(|(_, packed)| packed));
        polls.sort_by(|a, b| a.key.cmp(&b.key));
    }
    Ok(polls)
}
