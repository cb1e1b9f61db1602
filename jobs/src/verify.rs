//! `hotspots verify`: reads days back and says what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, SubsecRound as _, Utc};
use hotspots_data::codec::{self, CodecError, Metadata, SCHEMA};
use hotspots_data::table::{
    Hotspot, HotspotHour, OtherFeed, Outcome, Poll, QualityCheck, Row, StationDay,
    StationInformation, StationStatus, StationStatusDaily, SystemInformation, VehicleStatus,
};
use hotspots_data::{Day, DaySummary, Derived, Key, Lake, LakeError, Recorded, SystemId};

use crate::aggregate::computed;
use crate::compacted;
use crate::error::{JobError, is_gone};
use crate::options::{Options, Selection};
use crate::pack::{has_clocks, has_content, is_as_packed, time_zone};
use crate::pool;
use crate::status_day::StatusDay;
use crate::whole_day::WholeDay;

/// A day that was read back.
#[derive(Debug)]
pub struct VerifyReport {
    /// The system.
    pub system: SystemId,
    /// The local date.
    pub date: NaiveDate,
    /// Objects read.
    pub objects: usize,
    /// Their size in bytes.
    pub bytes: usize,
    /// Computed tables of a day that is not over which lack its last polls: the next aggregation brings
    /// them up to date.
    pub provisional: usize,
    /// What is wrong, if anything.
    pub faults: Vec<Fault>,
}

/// Something wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {what}")]
pub struct Fault {
    /// The object's path.
    pub key: String,
    /// What is wrong with it, and what to do.
    pub what: String,
}

/// Reads back every selected day: each recorded object and the rows it is named after, the ledger's
/// polls, the compacted day, and each computed table against the same day computed anew. An object that
/// cannot be read is a fault like any other.
///
/// # Errors
/// [`JobError::NoSuchSystem`] when the lake has nothing of the system asked for, [`JobError::Lake`] when
/// the days of the lake cannot be listed.
pub async fn verify(
    lake: &Lake,
    selection: &Selection,
    now: DateTime<Utc>,
    mut progress: impl FnMut(&VerifyReport),
) -> Result<Vec<VerifyReport>, JobError> {
    let mut reports = Vec::new();
    let mut named = BTreeSet::new();
    for system in selected(lake, selection).await? {
        let tables = computed_tables(lake, &system).await?;
        for date in recorded_dates(lake, &system, selection).await? {
            let mut day = Reading::new(lake, &system, date, &mut named);
            day.recorded().await?;
            day.compacted().await;
            day.ledger().await?;
            day.computed(tables.get(&date), now).await?;
            progress(&day.report);
            reports.push(day.report);
        }
    }
    Ok(reports)
}

/// The systems that are selected, of all that the lake has anything of.
async fn selected(lake: &Lake, selection: &Selection) -> Result<Vec<SystemId>, JobError> {
    let mut known = BTreeSet::new();
    for table in Recorded::ALL {
        known.extend(lake.systems(table).await?);
    }
    known.extend(lake.derived_systems(Derived::StationStatusDaily).await?);
    match &selection.system {
        None => Ok(known.into_iter().collect()),
        Some(system) if known.contains(system) => Ok(vec![system.clone()]),
        Some(system) => {
            let known: Vec<&str> = known.iter().map(SystemId::as_str).collect();
            Err(JobError::NoSuchSystem { system: system.clone(), known: known.join(", ") })
        }
    }
}

/// The selected dates of a system of which anything was recorded, earliest first.
async fn recorded_dates(
    lake: &Lake,
    system: &SystemId,
    selection: &Selection,
) -> Result<BTreeSet<NaiveDate>, LakeError> {
    let mut dates = BTreeSet::new();
    for table in Recorded::ALL {
        dates.extend(lake.dates(table, system).await?);
    }
    dates.extend(lake.derived_dates(Derived::StationStatusDaily, system).await?);
    dates.retain(|&date| selection.has(date));
    Ok(dates)
}

/// The computed tables that each date has.
async fn computed_tables(
    lake: &Lake,
    system: &SystemId,
) -> Result<BTreeMap<NaiveDate, BTreeSet<Derived>>, LakeError> {
    let mut tables = vec![Derived::StationDays, Derived::Quality];
    for of_cells in [Derived::Hotspots, Derived::HotspotsHourly] {
        tables.extend(lake.resolutions(of_cells, system).await?.into_iter().map(of_cells));
    }
    let mut of_dates: BTreeMap<NaiveDate, BTreeSet<Derived>> = BTreeMap::new();
    for table in tables {
        for date in lake.derived_dates(table, system).await? {
            of_dates.entry(date).or_default().insert(table);
        }
    }
    Ok(of_dates)
}

/// A day in the course of being read.
struct Reading<'l> {
    lake: &'l Lake,
    report: VerifyReport,
    /// Polls that their own object or the compacted day holds.
    held: BTreeSet<String>,
    /// Polls that the ledger says were stored.
    in_ledger: Vec<String>,
    /// Objects with a fault, of this day and the days before it.
    named: &'l mut BTreeSet<String>,
    /// Whether `hotspots aggregate` will do the day again.
    is_stale: bool,
}

const READ_AGAIN: &str = "put back a good copy";
const AGGREGATE: &str = "remove it and run `hotspots aggregate`";

impl<'l> Reading<'l> {
    fn new(
        lake: &'l Lake,
        system: &SystemId,
        date: NaiveDate,
        named: &'l mut BTreeSet<String>,
    ) -> Self {
        let report = VerifyReport {
            system: system.clone(),
            date,
            objects: 0,
            bytes: 0,
            provisional: 0,
            faults: Vec::new(),
        };
        let (held, in_ledger) = (BTreeSet::new(), Vec::new());
        Self { lake, report, held, in_ledger, named, is_stale: false }
    }

    /// Recorded objects: each has the rows that it is named after.
    async fn recorded(&mut self) -> Result<(), JobError> {
        for table in Recorded::ALL {
            let keys = self.lake.list_day(table, &self.report.system, self.report.date).await?;
            for key in keys {
                let Some(bytes) = self.read(&key).await else { continue };
                let is_good = match table {
                    Recorded::StationStatus => {
                        self.are_good::<StationStatus>(&key, &bytes, |row| row.observed_at)
                    }
                    Recorded::StationInformation => {
                        self.are_good::<StationInformation>(&key, &bytes, |row| row.observed_at)
                    }
                    Recorded::SystemInformation => {
                        self.are_good::<SystemInformation>(&key, &bytes, |row| row.observed_at)
                    }
                    Recorded::VehicleStatus => {
                        self.are_good::<VehicleStatus>(&key, &bytes, |row| row.observed_at)
                    }
                    Recorded::OtherFeeds => {
                        self.are_good::<OtherFeed>(&key, &bytes, |row| row.observed_at)
                    }
                    Recorded::Polls => {
                        // An attempt has its own time; the name has that of the first.
                        let attempts = self.rows::<Poll>(&key, &bytes, |_, _| true);
                        let stored = attempts.into_iter().flatten().filter_map(stored_key);
                        self.in_ledger.extend(stored);
                        continue;
                    }
                };
                if is_good {
                    self.held.insert(key.to_string());
                }
            }
        }
        Ok(())
    }

    /// The compacted day: each of its polls has the rows that it is named after, and all of it is as it
    /// was written.
    async fn compacted(&mut self) {
        let (system, date) = (self.report.system.clone(), self.report.date);
        let key = Derived::StationStatusDaily.key(&system, date);
        let Some(bytes) = self.read(&key).await else { return };
        let read = pool::run(move || Ok(read_packed(&bytes, &system, date))).await;
        match read {
            Ok(Ok((polls, fault))) => {
                self.held.extend(polls.iter().map(Key::to_string));
                if let Some(what) = fault {
                    self.fault(&key, format!("{what}; {READ_AGAIN}"));
                }
            }
            Ok(Err(error)) => self.fault(&key, format!("is damaged: {error}; {READ_AGAIN}")),
            Err(error) => self.name(error, &key),
        }
    }

    /// The ledger: what it says was stored is held by its own object or the compacted day.
    async fn ledger(&mut self) -> Result<(), JobError> {
        let (system, date) = (self.report.system.clone(), self.report.date);
        let compacted = Derived::StationStatusDaily.key(&system, date).to_string();
        // What a damaged day held is not known, and it is named already.
        let is_damaged = self.named.contains(&compacted);
        let day = Recorded::StationStatus.day_folder(&system, date).to_string();
        for path in std::mem::take(&mut self.in_ledger) {
            let is_known = self.held.contains(&path)
                || self.named.contains(&path)
                || is_damaged && path.starts_with(&day);
            if !is_known && !self.is_elsewhere(&path).await? {
                let what =
                    format!("is missing, though the ledger says it was stored; {READ_AGAIN}");
                self.fault(&path, what);
            }
        }
        Ok(())
    }

    /// Whether a poll of another day's folder is there: the ledger's day is that of the attempt.
    async fn is_elsewhere(&mut self, path: &str) -> Result<bool, JobError> {
        let Ok(key @ Key::Recorded { table, date, .. }) = path.parse::<Key>() else {
            return Ok(false);
        };
        if self.lake.version(&key).await?.is_some() {
            return Ok(true);
        }
        if table != Recorded::StationStatus || date == self.report.date {
            return Ok(false);
        }
        match StatusDay::find(self.lake, &self.report.system, date).await {
            Ok(day) => Ok(day.polls.iter().any(|poll| poll.recording.key == key)),
            // What a day holds that cannot be read is not known; the day is named instead.
            Err(error) => {
                self.name(error, &Derived::StationStatusDaily.key(&self.report.system, date));
                Ok(true)
            }
        }
    }

    /// Computed tables: each is as the day computed anew.
    async fn computed(
        &mut self,
        stored: Option<&BTreeSet<Derived>>,
        now: DateTime<Utc>,
    ) -> Result<(), JobError> {
        let Some(stored) = stored else { return Ok(()) };
        let (system, date) = (self.report.system.clone(), self.report.date);
        let Some(mut tables) = self.computed_anew(stored, now).await else { return Ok(()) };
        tables.sort_by_cached_key(|(table, _)| table.key(&system, date).to_string());
        for (table, bytes) in &tables {
            match table {
                Derived::StationStatusDaily => {}
                Derived::StationDays => self.compare::<StationDay>(*table, bytes).await?,
                Derived::Quality => self.compare::<QualityCheck>(*table, bytes).await?,
                Derived::HotspotsHourly(_) => self.compare::<HotspotHour>(*table, bytes).await?,
                Derived::Hotspots(_) => self.compare::<Hotspot>(*table, bytes).await?,
            }
        }
        Ok(())
    }

    /// The day's tables as they should be; `None` where none can be made, of which the reason is named.
    async fn computed_anew(
        &mut self,
        stored: &BTreeSet<Derived>,
        now: DateTime<Utc>,
    ) -> Option<Vec<(Derived, Bytes)>> {
        let (system, date) = (self.report.system.clone(), self.report.date);
        let options = Options {
            max_gap: self.max_gap(stored).await,
            resolutions: stored.iter().filter_map(|table| table.resolution()).collect(),
        };
        let mut tables = computed(self.lake, &system, date, options, now).await;
        if tables.as_ref().is_err_and(is_gone) {
            // Compaction took a poll away between listing and reading: it is in the day now.
            tables = computed(self.lake, &system, date, options, now).await;
        }
        tables.unwrap_or_else(|error| {
            self.name(error, &Derived::DAYS.key(&system, date));
            None
        })
    }

    /// The parameter that the stored tables were made with, as the first of them says that can be read.
    async fn max_gap(&self, stored: &BTreeSet<Derived>) -> Duration {
        for table in stored {
            let key = table.key(&self.report.system, self.report.date);
            let read = self.lake.get(&key).await.ok();
            let metadata = read.and_then(|object| codec::read_metadata(object.bytes).ok());
            let summary = metadata.and_then(|metadata| DaySummary::from_metadata(&metadata).ok());
            let max_gap = summary.map(|day| Duration::try_from_secs_f64(day.max_gap_s));
            if let Some(Ok(max_gap)) = max_gap {
                return max_gap;
            }
        }
        Options::default().max_gap
    }

    async fn compare<R: Row + PartialEq>(
        &mut self,
        table: Derived,
        expected: &Bytes,
    ) -> Result<(), JobError> {
        let key = table.key(&self.report.system, self.report.date);
        let stored = self.read(&key).await;
        if stored.as_ref() == Some(expected) || self.named.contains(&key.to_string()) {
            return Ok(());
        }
        let (rows, day) = with_summary::<R>(expected.clone()).map_err(JobError::Encode)?;
        let Some(stored) = stored else {
            if day.provisional {
                self.report.provisional += 1;
            } else {
                self.fault(&key, "is missing: run `hotspots aggregate`".to_owned());
            }
            return Ok(());
        };
        match with_summary::<R>(stored.clone()) {
            Err(error) => self.fault(&key, format!("is damaged: {error}; {AGGREGATE}")),
            Ok((_, of)) if of.inputs != day.inputs && day.provisional => {
                self.report.provisional += 1;
            }
            Ok((_, of)) if of.inputs != day.inputs => {
                self.is_stale |= matches!(table, Derived::Hotspots(_));
                let advice = if self.is_stale { "run `hotspots aggregate`" } else { AGGREGATE };
                self.fault(&key, format!("is stale: its day has other inputs now; {advice}"));
            }
            Ok(read) if read != (rows, day) => {
                let what = format!("is damaged: it is not what its inputs give; {AGGREGATE}");
                self.fault(&key, what);
            }
            Ok(_) if codec::is_of_this_program(stored).unwrap_or(true) => {
                self.fault(&key, format!("is damaged, though its rows can be read; {AGGREGATE}"));
            }
            Ok(_) => {}
        }
        Ok(())
    }

    /// Reads an object; `None` where it is missing or cannot be read, which is a fault.
    async fn read(&mut self, key: &Key) -> Option<Bytes> {
        match self.lake.get(key).await {
            Ok(object) => {
                self.report.objects += 1;
                self.report.bytes += object.bytes.len();
                return Some(object.bytes);
            }
            Err(LakeError::Missing { .. }) => {}
            Err(error) => self.name(error.into(), key),
        }
        None
    }

    fn are_good<R: Row>(
        &mut self,
        key: &Key,
        bytes: &Bytes,
        time: fn(&R) -> DateTime<Utc>,
    ) -> bool {
        self.rows::<R>(key, bytes, |key, rows| are_of(key, rows, time)).is_some()
    }

    /// The rows of a recorded object, if it is of its table and has the rows that it is named after.
    fn rows<R: Row>(
        &mut self,
        key: &Key,
        bytes: &Bytes,
        are_of: impl Fn(&Key, &[R]) -> bool,
    ) -> Option<Vec<R>> {
        let fault = match R::decode(bytes.clone()) {
            Err(error) => format!("is damaged: {error}; {READ_AGAIN}"),
            Ok((_, metadata)) if !is_of_table::<R>(&metadata) => {
                format!("is of another table or version; {READ_AGAIN}")
            }
            Ok((rows, metadata))
                if !has_content(key, &rows) || !R::has_clocks(&rows, &metadata) =>
            {
                format!("is damaged: it has other rows than it was written with; {READ_AGAIN}")
            }
            Ok((rows, metadata)) if !are_of(key, &rows) || !is_of_date(key, &metadata) => {
                "is a copy of what was observed at another time; remove it".to_owned()
            }
            Ok((rows, metadata)) if !is_as_written(&rows, &metadata, bytes) => {
                format!("is damaged, though its rows can be read; {READ_AGAIN}")
            }
            Ok((rows, _)) => return Some(rows),
        };
        self.fault(key, fault);
        None
    }

    /// Takes an error for the fault of the object that it is about, or else of `key`; said once.
    fn name(&mut self, error: JobError, key: &Key) {
        let (key, what) = match error {
            JobError::Object { key, reason } => {
                (key, format!("is damaged: {reason}; {READ_AGAIN}"))
            }
            JobError::Lake(LakeError::Missing { key }) => {
                (key, format!("is missing; {READ_AGAIN}"))
            }
            JobError::Lake(LakeError::Store { path, reason, .. }) => {
                (path, format!("cannot be read: {reason}; make it readable or {READ_AGAIN}"))
            }
            error => (key.to_string(), format!("cannot be compared with its day: {error}")),
        };
        if !self.named.contains(&key) {
            self.fault(&key, what);
        }
    }

    fn fault(&mut self, key: &impl ToString, what: String) {
        let key = key.to_string();
        self.named.insert(key.clone());
        self.report.faults.push(Fault { key, what });
    }
}

/// The polls of a compacted day that have the rows which they are named after, and what is wrong with it.
fn read_packed(
    bytes: &Bytes,
    system: &SystemId,
    date: NaiveDate,
) -> Result<(Vec<Key>, Option<String>), CodecError> {
    let metadata = codec::read_metadata(bytes.clone())?;
    let keys = compacted::polls(&metadata, system, date)?.into_iter().map(|poll| poll.key);
    let day = WholeDay::unpack(bytes, keys.collect())?;
    let is_good = |(number, poll): &(usize, &Key)| {
        let rows = day.rows(*number).and_then(|rows| StationStatus::from_batch(&rows));
        rows.is_ok_and(|rows| {
            has_content(poll, &rows) && are_of(poll, &rows, |row| row.observed_at)
        })
    };
    let (good, other): (Vec<_>, Vec<_>) = day.keys().enumerate().partition(is_good);
    let fault = match other.first() {
        None => fault_of_packed(&day, &metadata, bytes)?,
        Some((_, first)) => {
            let (other, of) = (other.len(), day.keys().len());
            Some(format!("does not have the rows of {other} of its {of} polls, such as `{first}`"))
        }
    };
    Ok((good.into_iter().map(|(_, poll)| poll.clone()).collect(), fault))
}

/// What is wrong with a compacted day whose polls have the rows that they are named after, if anything.
fn fault_of_packed(
    day: &WholeDay,
    metadata: &Metadata,
    bytes: &Bytes,
) -> Result<Option<String>, CodecError> {
    time_zone(metadata)?;
    let what = if !is_of_table::<StationStatusDaily>(metadata) {
        Some("is of another table or version")
    } else if !has_clocks(day, metadata)? {
        Some("is damaged: it has other clocks than it was written with")
    } else if codec::is_of_this_program(bytes.clone())? && !is_as_packed(day, metadata, bytes)? {
        Some("is damaged, though its rows can be read")
    } else {
        None
    };
    Ok(what.map(str::to_owned))
}

/// Whether all rows were observed at the time that an object is named after.
fn are_of<R>(key: &Key, rows: &[R], time: fn(&R) -> DateTime<Utc>) -> bool {
    let Key::Recorded { stamp, .. } = key else { return false };
    rows.iter().all(|row| time(row).trunc_subsecs(0) == *stamp)
}

/// Whether an object lies in the folder of its own local date.
fn is_of_date(key: &Key, metadata: &Metadata) -> bool {
    let Key::Recorded { stamp, date, .. } = key else { return false };
    time_zone(metadata).is_ok_and(|zone| Day::of(*stamp, zone).date() == *date)
}

/// The rows of a computed table, and what it says of its day.
fn with_summary<R: Row>(bytes: Bytes) -> Result<(Vec<R>, DaySummary), CodecError> {
    let (rows, metadata) = R::decode(bytes)?;
    Ok((rows, DaySummary::from_metadata(&metadata)?))
}

fn is_of_table<R: Row>(metadata: &Metadata) -> bool {
    metadata.get(SCHEMA) == Some(&R::TABLE.to_string())
}

fn stored_key(attempt: Poll) -> Option<String> {
    let outcomes = [Outcome::Stored, Outcome::Unchanged];
    attempt.key.filter(|_| outcomes.iter().any(|outcome| outcome.name() == attempt.outcome))
}

/// Whether the rows make the stored bytes again: the same program writes the same rows alike. Another
/// version may encode them otherwise, and is taken at its rows.
fn is_as_written<R: Row>(rows: &[R], metadata: &Metadata, stored: &Bytes) -> bool {
    codec::is_of_this_program(stored.clone()).is_ok_and(|is_so| !is_so)
        || R::encode(rows, metadata).is_ok_and(|again| again == stored)
}
