//! `hotspots verify`: reads days back and says what is wrong with them.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use hotspots_data::codec::{self, Metadata, SCHEMA, WRITTEN_BY};
use hotspots_data::table::{
    Hotspot, HotspotHour, OtherFeed, Outcome, Poll, QualityCheck, Row, StationDay,
    StationInformation, StationStatus, SystemInformation, VehicleStatus,
};
use hotspots_data::{
    DaySummary, Derived, Key, Lake, LakeError, PROGRAM, Recorded, Resolution, SystemId,
};

use crate::aggregate::{computed, observed_dates, systems};
use crate::compacted;
use crate::day_inputs::stored_hotspots;
use crate::error::JobError;
use crate::options::{Options, Selection};
use crate::pack::has_content;
use crate::resolutions::Resolutions;
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
/// polls, the compacted day, and each computed table against the same day computed anew.
///
/// # Errors
/// [`JobError::Lake`] when the lake fails otherwise than by an object that is missing.
pub async fn verify(
    lake: &Lake,
    selection: &Selection,
    now: DateTime<Utc>,
    mut progress: impl FnMut(&VerifyReport),
) -> Result<Vec<VerifyReport>, JobError> {
    let mut reports = Vec::new();
    for system in systems(lake, selection).await? {
        let mut dates = observed_dates(lake, &system, selection).await?;
        dates.extend(lake.dates(Recorded::Polls, &system).await?);
        dates.retain(|&date| selection.has(date));
        dates.sort_unstable();
        dates.dedup();
        for date in dates {
            let mut day = Reading::new(lake, &system, date);
            day.recorded().await?;
            day.compacted().await?;
            day.computed(now).await?;
            progress(&day.report);
            reports.push(day.report);
        }
    }
    Ok(reports)
}

/// A day in the course of being read.
struct Reading<'l> {
    lake: &'l Lake,
    report: VerifyReport,
    /// Polls that their own object or the compacted day holds.
    held: BTreeSet<String>,
    /// Polls that the ledger says were stored.
    in_ledger: Vec<String>,
}

const READ_AGAIN: &str = "put back a good copy";
const AGGREGATE: &str = "remove it and run `hotspots aggregate`";

impl<'l> Reading<'l> {
    fn new(lake: &'l Lake, system: &SystemId, date: NaiveDate) -> Self {
        let report =
            VerifyReport { system: system.clone(), date, objects: 0, bytes: 0, faults: Vec::new() };
        Self { lake, report, held: BTreeSet::new(), in_ledger: Vec::new() }
    }

    /// Recorded objects: each has the rows that it is named after.
    async fn recorded(&mut self) -> Result<(), JobError> {
        for table in Recorded::ALL {
            let keys = self.lake.list_day(table, &self.report.system, self.report.date).await?;
            for key in keys {
                let Some(bytes) = self.read(&key).await? else { continue };
                let good = match table {
                    Recorded::StationStatus => self.rows::<StationStatus>(&key, bytes).is_some(),
                    Recorded::StationInformation => {
                        self.rows::<StationInformation>(&key, bytes).is_some()
                    }
                    Recorded::SystemInformation => {
                        self.rows::<SystemInformation>(&key, bytes).is_some()
                    }
                    Recorded::VehicleStatus => self.rows::<VehicleStatus>(&key, bytes).is_some(),
                    Recorded::OtherFeeds => self.rows::<OtherFeed>(&key, bytes).is_some(),
                    Recorded::Polls => {
                        let attempts = self.rows::<Poll>(&key, bytes);
                        self.in_ledger
                            .extend(attempts.into_iter().flatten().filter_map(stored_key));
                        continue;
                    }
                };
                if good {
                    self.held.insert(key.to_string());
                }
            }
        }
        Ok(())
    }

    /// The compacted day: each of its polls has the rows that it is named after. Then the ledger: what
    /// it says was stored is held by the one or the other.
    async fn compacted(&mut self) -> Result<(), JobError> {
        let (system, date) = (self.report.system.clone(), self.report.date);
        let key = Derived::StationStatusDaily.key(&system, date);
        if let Some(bytes) = self.read(&key).await? {
            let day = codec::read_metadata(bytes.clone())
                .and_then(|metadata| compacted::polls(&metadata, &system, date))
                .and_then(|recordings| {
                    WholeDay::unpack(&bytes, recordings.into_iter().map(|one| one.key).collect())
                });
            match day {
                Err(error) => self.fault(&key, format!("is damaged: {error}; {READ_AGAIN}")),
                Ok(day) => {
                    for (number, poll) in day.keys().enumerate() {
                        let rows = day.rows(number);
                        match rows.and_then(|rows| StationStatus::from_batch(&rows)) {
                            Ok(rows) if has_content(poll, &rows) => {
                                self.held.insert(poll.to_string());
                            }
                            _ => self.fault(
                                &key,
                                format!(
                                    "does not have the rows of the poll `{poll}`; {READ_AGAIN}"
                                ),
                            ),
                        }
                    }
                }
            }
        }
        for path in std::mem::take(&mut self.in_ledger) {
            if self.held.contains(&path) || self.is_elsewhere(&path).await? {
                continue;
            }
            if !self.report.faults.iter().any(|fault| fault.key == path) {
                let what =
                    format!("is missing, though the ledger says it was stored; {READ_AGAIN}");
                self.report.faults.push(Fault { key: path, what });
            }
        }
        Ok(())
    }

    /// Whether a poll of another day's folder is there: the ledger's day is that of the attempt.
    async fn is_elsewhere(&self, path: &str) -> Result<bool, JobError> {
        let Ok(key @ Key::Recorded { table, date, .. }) = path.parse::<Key>() else {
            return Ok(false);
        };
        if self.lake.version(&key).await?.is_some() {
            return Ok(true);
        }
        if table != Recorded::StationStatus || date == self.report.date {
            return Ok(false);
        }
        let day = StatusDay::find(self.lake, &self.report.system, date).await?;
        Ok(day.polls.iter().any(|poll| poll.recording.key == key))
    }

    /// Computed tables: each is as the day computed anew.
    async fn computed(&mut self, now: DateTime<Utc>) -> Result<(), JobError> {
        let (system, date) = (self.report.system.clone(), self.report.date);
        let mut stored = Vec::new();
        let all: Vec<Resolution> =
            (0..=15).filter_map(|n: u8| n.to_string().parse().ok()).collect();
        for &resolution in &all {
            let key = Derived::Hotspots(resolution).key(&system, date);
            match stored_hotspots(self.lake, &key).await? {
                Some((_, summary)) => stored.push((resolution, summary)),
                None if self.lake.version(&key).await?.is_some() => {
                    self.fault(&key, format!("is damaged; {AGGREGATE}"));
                }
                None => {}
            }
        }
        let Some((_, summary)) = stored.last() else { return Ok(()) };
        let options = Options {
            max_gap: Duration::try_from_secs_f64(summary.max_gap_s).unwrap_or_default(),
            resolutions: stored.iter().map(|(resolution, _)| *resolution).collect::<Resolutions>(),
        };
        let mut tables = match computed(self.lake, &system, date, options, now).await {
            Ok(Some(tables)) => tables,
            // A damaged object was reported where it was read.
            Ok(None) | Err(JobError::Object { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
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

    async fn compare<R: Row + PartialEq>(
        &mut self,
        table: Derived,
        expected: &Bytes,
    ) -> Result<(), JobError> {
        let key = table.key(&self.report.system, self.report.date);
        let Some(bytes) = self.read(&key).await? else {
            self.fault(&key, "is missing: run `hotspots aggregate`".to_owned());
            return Ok(());
        };
        let (expected_rows, metadata) = R::decode(expected.clone()).map_err(JobError::Encode)?;
        let expected_day = DaySummary::from_metadata(&metadata).map_err(JobError::Encode)?;
        match R::decode(bytes) {
            Err(error) => self.fault(&key, format!("is damaged: {error}; {AGGREGATE}")),
            Ok((rows, metadata)) => match DaySummary::from_metadata(&metadata) {
                Err(error) => self.fault(&key, format!("is damaged: {error}; {AGGREGATE}")),
                Ok(day) if day.inputs != expected_day.inputs => self.fault(
                    &key,
                    "is stale: its day has other inputs now; run `hotspots aggregate`".to_owned(),
                ),
                Ok(day) if day != expected_day || rows != expected_rows => self.fault(
                    &key,
                    format!("is damaged: it is not what its inputs give; {AGGREGATE}"),
                ),
                Ok(_) => {}
            },
        }
        Ok(())
    }

    async fn read(&mut self, key: &Key) -> Result<Option<Bytes>, JobError> {
        match self.lake.get(key).await {
            Ok(object) => {
                self.report.objects += 1;
                self.report.bytes += object.bytes.len();
                Ok(Some(object.bytes))
            }
            Err(LakeError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The rows of a recorded object, if it is of its table and has the rows that it is named after.
    fn rows<R: Row>(&mut self, key: &Key, bytes: Bytes) -> Option<Vec<R>> {
        let stored = bytes.clone();
        let fault = match R::decode(bytes) {
            Err(error) => format!("is damaged: {error}; {READ_AGAIN}"),
            Ok((_, metadata)) if !is_of_table::<R>(&metadata) => {
                format!("is of another table or version; {READ_AGAIN}")
            }
            Ok((rows, metadata))
                if !has_content(key, &rows) || !R::has_clocks(&rows, &metadata) =>
            {
                format!("is damaged: it has other rows than it was written with; {READ_AGAIN}")
            }
            Ok((rows, metadata)) if !is_as_written(&rows, &metadata, &stored) => {
                format!("is damaged, though its rows can be read; {READ_AGAIN}")
            }
            Ok((rows, _)) => return Some(rows),
        };
        self.fault(key, fault);
        None
    }

    fn fault(&mut self, key: &Key, what: String) {
        self.report.faults.push(Fault { key: key.to_string(), what });
    }
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
    metadata.get(WRITTEN_BY).is_none_or(|program| program != PROGRAM)
        || R::encode(rows, metadata).is_ok_and(|again| again == stored)
}
