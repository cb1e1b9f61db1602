//! `hotspots aggregate`: brings the hotspot table up to date.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use hotspots_data::codec::CodecError;
use hotspots_data::summary::Timestamp;
use hotspots_data::table::{Hotspot, Row as _, StationInformation};
use hotspots_data::{DaySummary, Derived, Key, Lake, LakeError, Recorded, Resolution, SystemId};
use polars::prelude::PolarsError;

use crate::day_inputs::{DayInputs, Finder, Recordings};
use crate::hotspots::{Cells, cells};
use crate::observations::{WeightedPoll, station_sums};
use crate::poll_weights::{holds, longest_unobserved};
use crate::station_day::{Stay, stays};

/// Which days to bring up to date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// One system; `None` for all in the lake.
    pub system: Option<SystemId>,
    /// The first local date; `None` for the first there is.
    pub from: Option<NaiveDate>,
    /// The last local date, included; `None` for the last there is.
    pub to: Option<NaiveDate>,
}

/// How to aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Longest time that a poll's state is taken to hold.
    pub max_gap: Duration,
    /// The cells' resolution.
    pub resolution: Resolution,
}

/// What became of a day.
#[derive(Debug)]
pub enum DayOutcome {
    /// Computed and written.
    Written(Box<DaySummary>),
    /// The table was made from these very inputs already.
    UpToDate,
    /// No poll was stored under that date.
    NoPolls,
    /// The day could not be done; what was there is untouched.
    Failed(AggregateError),
}

/// A day that was looked at.
#[derive(Debug)]
pub struct DayReport {
    /// The system.
    pub system: SystemId,
    /// The local date.
    pub date: NaiveDate,
    /// What became of it.
    pub outcome: DayOutcome,
}

/// Why a day or the whole job failed.
#[derive(Debug, thiserror::Error)]
pub enum AggregateError {
    /// The lake failed.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// An object in the lake is damaged.
    #[error(
        "`{key}` is damaged: {source}; put back a good copy or remove it, and aggregate the day again"
    )]
    Object {
        /// Its path.
        key: String,
        /// What is wrong with it.
        source: CodecError,
    },
    /// The table cannot be encoded.
    #[error("the table cannot be written: {0}")]
    Encode(#[source] CodecError),
    /// Polars failed.
    #[error("the sums cannot be taken: {0}")]
    Polars(#[from] PolarsError),
    /// The computation was cut off.
    #[error("the computation was cut off: {0}")]
    CutOff(String),
}

impl Default for Options {
    fn default() -> Self {
        Self { max_gap: Duration::from_mins(15), resolution: Resolution::HOTSPOTS }
    }
}

/// Brings every selected day up to date that lacks its table or whose inputs changed. A day that fails
/// is reported, and the others are done. `progress` hears of each day and how many there are in all.
///
/// # Errors
/// [`AggregateError::Lake`] when the days of the lake cannot be listed.
pub async fn aggregate(
    lake: &Lake,
    selection: &Selection,
    options: Options,
    now: DateTime<Utc>,
    mut progress: impl FnMut(&DayReport, usize),
) -> Result<Vec<DayReport>, AggregateError> {
    let systems = match &selection.system {
        Some(system) => vec![system.clone()],
        None => lake.systems(Recorded::StationStatus).await?,
    };
    let mut days = Vec::new();
    for system in systems {
        let dates = lake.dates(Recorded::StationStatus, &system).await?;
        days.push((
            system,
            dates.into_iter().filter(|&date| selection.has(date)).collect::<Vec<_>>(),
        ));
    }
    let in_all = days.iter().map(|(_, dates)| dates.len()).sum();
    let mut reports = Vec::with_capacity(in_all);
    for (system, dates) in days {
        let mut finder = Finder::new(lake, &system).await?;
        for date in dates {
            let outcome = match one_day(lake, &mut finder, &system, date, options, now).await {
                Ok(outcome) => outcome,
                Err(error) => DayOutcome::Failed(error),
            };
            let report = DayReport { system: system.clone(), date, outcome };
            progress(&report, in_all);
            reports.push(report);
        }
    }
    Ok(reports)
}

impl Options {
    pub(crate) fn max_gap(&self) -> TimeDelta {
        TimeDelta::from_std(self.max_gap).unwrap_or(TimeDelta::MAX)
    }
}

impl Selection {
    fn has(&self, date: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= date) && self.to.is_none_or(|to| date <= to)
    }
}

async fn one_day(
    lake: &Lake,
    finder: &mut Finder<'_>,
    system: &SystemId,
    date: NaiveDate,
    options: Options,
    now: DateTime<Utc>,
) -> Result<DayOutcome, AggregateError> {
    let Some(inputs) = finder.find(date, &options, now).await? else {
        return Ok(DayOutcome::NoPolls);
    };
    let fingerprint = inputs.fingerprint(&options);
    let key = Derived::Hotspots(options.resolution).key(system, date);
    if stored_fingerprint(lake, &key).await? == Some(fingerprint.clone()) {
        return Ok(DayOutcome::UpToDate);
    }
    let day = read_day(lake, &inputs, options).await?;
    let system = system.clone();
    let (rows, summary) =
        tokio::task::spawn_blocking(move || compute(&inputs, day, options, &system, fingerprint))
            .await
            .map_err(|error| AggregateError::CutOff(error.to_string()))??;
    let bytes = Hotspot::encode(&rows, &summary.to_metadata()).map_err(AggregateError::Encode)?;
    lake.replace(&key, bytes).await?;
    Ok(DayOutcome::Written(Box::new(summary)))
}

/// The fingerprint of the inputs that the stored table was made from; a damaged table has none, and is
/// made anew.
async fn stored_fingerprint(lake: &Lake, key: &Key) -> Result<Option<String>, AggregateError> {
    match lake.get(key).await {
        Ok(object) => Ok(hotspots_data::codec::read_metadata(object.bytes)
            .and_then(|metadata| DaySummary::from_metadata(&metadata))
            .ok()
            .map(|summary| summary.inputs)),
        Err(LakeError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A day's objects, read and weighted, not yet decoded.
struct RawDay {
    polls: Vec<WeightedPoll>,
    information: HashMap<usize, (Key, bytes::Bytes)>,
}

/// Objects asked of the store at the same time.
const READS_AT_ONCE: usize = 32;

async fn read_day(
    lake: &Lake,
    inputs: &DayInputs,
    options: Options,
) -> Result<RawDay, AggregateError> {
    let times: Vec<_> = inputs.polls.iter().map(|poll| poll.stamp).collect();
    let polls = inputs.polls.iter().zip(holds(&times, inputs.day, options.max_gap()));
    let polls: Vec<WeightedPoll> = futures::stream::iter(polls)
        .map(|(poll, hold)| async move {
            let bytes = lake.get(&poll.key).await?.bytes;
            let version = version_at(&inputs.information, poll.stamp);
            Ok::<_, LakeError>(WeightedPoll { key: poll.key.to_string(), bytes, hold, version })
        })
        .buffered(READS_AT_ONCE)
        .try_collect()
        .await?;
    let mut information = HashMap::new();
    for poll in &polls {
        if let Some(version) = inputs.information.get(poll.version)
            && !information.contains_key(&poll.version)
        {
            let bytes = lake.get(&version.key).await?.bytes;
            information.insert(poll.version, (version.key.clone(), bytes));
        }
    }
    Ok(RawDay { polls, information })
}

/// The information in force at a time: the last version seen by then, else the first there is.
fn version_at(versions: &[Recordings], at: DateTime<Utc>) -> usize {
    versions.partition_point(|version| version.stamp <= at).saturating_sub(1)
}

fn compute(
    inputs: &DayInputs,
    day: RawDay,
    options: Options,
    system: &SystemId,
    fingerprint: String,
) -> Result<(Vec<Hotspot>, DaySummary), AggregateError> {
    let sums = station_sums(&day.polls)?;
    let mut versions = HashMap::new();
    for (version, (key, bytes)) in day.information {
        let (rows, _) = StationInformation::decode(bytes)
            .map_err(|source| AggregateError::Object { key: key.to_string(), source })?;
        versions.insert(version, rows);
    }
    let stays = stays(&sums, &versions, options.resolution)?;
    let without_status = stations_without_status(&versions, &stays);
    let cells = cells(&stays, inputs.day.length().num_milliseconds());
    let summary =
        summarise(inputs, &day.polls, options, system, &cells, without_status, fingerprint);
    Ok((cells.rows, summary))
}

fn stations_without_status(
    versions: &HashMap<usize, Vec<StationInformation>>,
    stays: &[Stay],
) -> u32 {
    let known = versions.values().flatten().map(|row| row.station_id.as_str());
    let known: std::collections::HashSet<&str> = known.collect();
    let seen: std::collections::HashSet<&str> =
        stays.iter().map(|stay| stay.station_id.as_str()).collect();
    known.difference(&seen).count() as u32
}

fn summarise(
    inputs: &DayInputs,
    polls: &[WeightedPoll],
    options: Options,
    system: &SystemId,
    cells: &Cells,
    stations_without_status: u32,
    fingerprint: String,
) -> DaySummary {
    let day = inputs.day;
    let times: Vec<_> = inputs.polls.iter().map(|poll| poll.stamp).collect();
    let holds: Vec<TimeDelta> = polls.iter().map(|poll| poll.hold).collect();
    let own = || times.iter().copied().filter(|&time| day.contains(time));
    let seen: TimeDelta = holds.iter().sum();
    DaySummary {
        system: system.clone(),
        date: day.date(),
        time_zone: day.time_zone(),
        resolution: options.resolution.into(),
        provisional: inputs.provisional,
        coverage: seen.num_milliseconds() as f64 / day.length().num_milliseconds() as f64,
        polls: own().count() as u32,
        first_poll: own().min().map(Timestamp),
        last_poll: own().max().map(Timestamp),
        longest_unobserved_s: longest_unobserved(&times, &holds, day).as_seconds_f64(),
        max_gap_s: options.max_gap.as_secs_f64(),
        stations: cells.stations,
        stations_without_information: cells.without_information,
        stations_without_status,
        stations_without_position: cells.without_position,
        stations_not_installed: cells.not_installed,
        stations_without_counts: cells.without_counts,
        bikes: cells.rows.iter().map(|row| row.bikes).sum(),
        inputs: fingerprint,
    }
}
