//! `hotspots compact`: a closed day's polls become one object, and then may go.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use hotspots_data::{Day, Derived, Key, Lake, SystemId};

use crate::aggregate::{observed_dates, systems};
use crate::compacted;
use crate::error::{JobError, damaged};
use crate::options::Selection;
use crate::pack::{self, pack};
use crate::pool;
use crate::read_day::READS_AT_ONCE;
use crate::status_day::{Compacted, StatusDay};
use crate::whole_day::WholeDay;

/// A day that was looked at.
#[derive(Debug)]
pub struct CompactReport {
    /// The system.
    pub system: SystemId,
    /// The local date.
    pub date: NaiveDate,
    /// What became of it.
    pub outcome: Result<Compaction, JobError>,
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
/// [`JobError::Lake`] when the days of the lake cannot be listed.
pub async fn compact(
    lake: &Lake,
    selection: &Selection,
    retain: Option<TimeDelta>,
    now: DateTime<Utc>,
    mut progress: impl FnMut(&CompactReport),
) -> Result<Vec<CompactReport>, JobError> {
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

/// Times that a day is packed while others keep writing it.
const ATTEMPTS: u32 = 3;

async fn one_day(
    lake: &Lake,
    system: &SystemId,
    date: NaiveDate,
    retain: Option<TimeDelta>,
    now: DateTime<Utc>,
) -> Result<Compaction, JobError> {
    let mut status = StatusDay::find(lake, system, date).await?;
    let Some(time_zone) = time_zone(lake, &status).await? else {
        return Ok(Compaction::default());
    };
    let end = Day::new(date, time_zone).end();
    let mut done = Compaction::default();
    if now < end || !status.polls.iter().any(|poll| poll.is_raw) {
        return Ok(done);
    }
    for attempt in 1.. {
        if status.polls.iter().all(|poll| poll.number.is_some()) {
            break;
        }
        if let Some(written) = write(lake, system, date, status, time_zone).await? {
            done = written;
        } else if attempt == ATTEMPTS {
            let key = Derived::StationStatusDaily.key(system, date).to_string();
            return Err(JobError::Contended { key });
        }
        // Without what was written, another compaction wrote the day meanwhile: what it left out is
        // packed on top of that.
        status = StatusDay::find(lake, system, date).await?;
    }
    if retain.is_some_and(|retain| end + retain <= now) {
        done.deleted = delete_packed(lake, system, date, &status).await?;
    }
    Ok(done)
}

async fn time_zone(lake: &Lake, status: &StatusDay) -> Result<Option<Tz>, JobError> {
    let Some((key, metadata)) = status.any_metadata(lake).await? else { return Ok(None) };
    pack::time_zone(&metadata).map(Some).map_err(damaged(&key))
}

/// Packs all polls of a day, and puts the object in place only when it gives back the same rows; `None`
/// where the day was compacted by another since it was looked at.
async fn write(
    lake: &Lake,
    system: &SystemId,
    date: NaiveDate,
    status: StatusDay,
    time_zone: Tz,
) -> Result<Option<Compaction>, JobError> {
    let seen = status.compacted.as_ref().map(|day| day.version.clone());
    let mut day = whole_day(lake, system, date, status).await?;
    let key = Derived::StationStatusDaily.key(system, date);
    let path = key.to_string();
    let packing = move || {
        let bytes = pack(&day, time_zone).map_err(JobError::Encode)?;
        if !day.is_packed_in(&bytes).map_err(JobError::Encode)? {
            return Err(JobError::NotTheSame { key: path });
        }
        Ok((bytes, day.row_count(), day.keys().len()))
    };
    let (bytes, rows, packed) = pool::run(packing).await?;
    let size = bytes.len();
    let is_written = lake.replace_seen(&key, bytes, seen.as_ref()).await?;
    Ok(is_written.then_some(Compaction { packed, rows, bytes: size, deleted: 0 }))
}

/// Deletes the polls' own objects, when the day's object, as it lies in the lake, gives back the rows
/// of every one of them.
async fn delete_packed(
    lake: &Lake,
    system: &SystemId,
    date: NaiveDate,
    status: &StatusDay,
) -> Result<usize, JobError> {
    let key = Derived::StationStatusDaily.key(system, date);
    let packed = unpack(Compacted::open(key.clone(), lake.get(&key).await?)?, system, date).await?;
    let numbers: HashMap<Key, usize> = packed.keys().cloned().zip(0..).collect();
    let own = raw(status);
    let mut polls = own_objects(lake, own.clone());
    while let Some((poll, rows)) = polls.try_next().await? {
        let is_packed = match numbers.get(&poll) {
            Some(&number) => packed.rows(number).map_err(damaged(&key))? == rows,
            None => false,
        };
        if !is_packed {
            return Err(JobError::NotTheSame { key: key.to_string() });
        }
    }
    for poll in &own {
        lake.delete(poll).await?;
    }
    Ok(own.len())
}

/// Every poll of a day with all its rows.
async fn whole_day(
    lake: &Lake,
    system: &SystemId,
    date: NaiveDate,
    status: StatusDay,
) -> Result<WholeDay, JobError> {
    let mut own = own_objects(lake, raw(&status));
    let is_all_raw = status.polls.iter().all(|poll| poll.is_raw);
    let packed = match status.compacted.filter(|_| !is_all_raw) {
        Some(compacted) => unpack(compacted, system, date).await?,
        None => WholeDay::default(),
    };
    let mut day = WholeDay::default();
    for poll in status.polls {
        let rows = match poll.number.filter(|_| !poll.is_raw) {
            Some(number) => packed.rows(number).map_err(JobError::Encode)?,
            None => match own.try_next().await? {
                Some((_, rows)) => rows,
                None => break,
            },
        };
        day.push(poll.recording.key, &rows).map_err(JobError::Encode)?;
    }
    Ok(day)
}

/// The polls that have their own object.
fn raw(status: &StatusDay) -> Vec<Key> {
    let polls = status.polls.iter().filter(|poll| poll.is_raw);
    polls.map(|poll| poll.recording.key.clone()).collect()
}

/// The rows of polls, each read from its own object, in order.
fn own_objects(lake: &Lake, keys: Vec<Key>) -> BoxStream<'_, Result<(Key, RecordBatch), JobError>> {
    let read = async |key: Key| {
        let bytes = lake.get(&key).await?.bytes;
        pool::run(move || {
            let rows = WholeDay::decode(bytes).map_err(damaged(&key))?;
            Ok((key, rows))
        })
        .await
    };
    futures::stream::iter(keys).map(read).buffered(READS_AT_ONCE).boxed()
}

async fn unpack(day: Compacted, system: &SystemId, date: NaiveDate) -> Result<WholeDay, JobError> {
    let system = system.clone();
    pool::run(move || {
        let recordings = compacted::polls(&day.metadata, &system, date);
        let keys = recordings.map(|all| all.into_iter().map(|one| one.key).collect());
        keys.and_then(|keys| WholeDay::unpack(&day.bytes, keys)).map_err(damaged(&day.key))
    })
    .await
}
