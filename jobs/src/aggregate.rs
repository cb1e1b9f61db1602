//! `hotspots aggregate`: brings the computed tables up to date.

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::future::{BoxFuture, join, ready, try_join_all};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, try_join};
use hotspots_data::{DaySummary, Derived, Lake, LakeError, Recorded, SystemId};

use crate::day_inputs::{DayInputs, Finder, fingerprint};
use crate::day_tables::{Wanted, day_tables};
use crate::error::{JobError, is_gone};
use crate::options::{Options, Selection};
use crate::pool;
use crate::read_day::read_day;
use crate::stays;

/// Tables that are written at the same time.
const WRITES_AT_ONCE: usize = 8;

/// What became of a day.
#[derive(Debug)]
pub enum DayOutcome {
    /// Computed and written; what the table of the finest resolution says of the day.
    Written(Box<DaySummary>),
    /// The tables were made from these very inputs already.
    UpToDate,
    /// No poll was stored under that date.
    NoPolls,
    /// The day could not be done; the next run tries it again, for its hotspots are written last.
    Failed(JobError),
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

/// Brings every selected day up to date that lacks a table or whose inputs changed, in the resolutions
/// asked for and those that the day has already. A day that fails is reported, and the others are done. `progress` hears of each day and how many there are in all.
///
/// # Errors
/// [`JobError::Lake`] when the days of the lake cannot be listed.
pub async fn aggregate(
    lake: &Lake,
    selection: &Selection,
    options: Options,
    now: DateTime<Utc>,
    mut progress: impl FnMut(&DayReport, usize),
) -> Result<Vec<DayReport>, JobError> {
    stays::get_ready();
    let mut days = Vec::new();
    for system in systems(lake, selection).await? {
        let dates = observed_dates(lake, &system, selection).await?;
        days.push((system, dates));
    }
    let in_all = days.iter().map(|(_, dates)| dates.len()).sum();
    let mut reports = Vec::with_capacity(in_all);
    for (system, dates) in days {
        let mut finder = Finder::new(lake, &system).await?;
        for date in dates {
            let mut outcome = one_day(lake, &mut finder, &system, date, options, now).await;
            if outcome.as_ref().is_err_and(is_gone) {
                // Compaction took a poll away between listing and reading: it is in the day now.
                finder = Finder::new(lake, &system).await?;
                outcome = one_day(lake, &mut finder, &system, date, options, now).await;
            }
            let outcome = outcome.unwrap_or_else(DayOutcome::Failed);
            let report = DayReport { system: system.clone(), date, outcome };
            progress(&report, in_all);
            reports.push(report);
        }
    }
    Ok(reports)
}

/// The systems that are selected.
pub(crate) async fn systems(
    lake: &Lake,
    selection: &Selection,
) -> Result<Vec<SystemId>, LakeError> {
    if let Some(system) = &selection.system {
        return Ok(vec![system.clone()]);
    }
    let (mut systems, of_vehicles, compacted) = try_join!(
        lake.systems(Recorded::StationStatus),
        lake.systems(Recorded::VehicleStatus),
        lake.derived_systems(Derived::StationStatusDaily),
    )?;
    systems.extend(of_vehicles.into_iter().chain(compacted));
    systems.sort();
    systems.dedup();
    Ok(systems)
}

/// The selected dates of a system of which something was observed, earliest first.
pub(crate) async fn observed_dates(
    lake: &Lake,
    system: &SystemId,
    selection: &Selection,
) -> Result<Vec<NaiveDate>, LakeError> {
    let (mut dates, of_vehicles, compacted) = try_join!(
        lake.dates(Recorded::StationStatus, system),
        lake.dates(Recorded::VehicleStatus, system),
        lake.derived_dates(Derived::StationStatusDaily, system),
    )?;
    dates.extend(of_vehicles.into_iter().chain(compacted));
    dates.retain(|&date| selection.has(date));
    dates.sort_unstable();
    dates.dedup();
    Ok(dates)
}

async fn one_day(
    lake: &Lake,
    finder: &mut Finder<'_>,
    system: &SystemId,
    date: NaiveDate,
    options: Options,
    now: DateTime<Utc>,
) -> Result<DayOutcome, JobError> {
    let resolutions = finder.resolutions(date, options.resolutions).await?;
    let options = Options { resolutions, ..options };
    let Some(inputs) = finder.find(date, &options, now).await? else {
        return Ok(DayOutcome::NoPolls);
    };
    let observations = inputs.observations(&options);
    let wanted = wanted(finder, date, options, &observations).await?;
    if is_up_to_date(finder, date, &wanted, &observations).await? {
        return Ok(DayOutcome::UpToDate);
    }
    let tables = compute(lake, system, inputs, wanted, options, observations).await?;
    let written = write(lake, system, date, tables).await?;
    finder.is_written(date);
    Ok(written)
}

/// A day's tables as they should be, encoded, in no order; `None` where no poll was stored under the
/// date.
pub(crate) async fn computed(
    lake: &Lake,
    system: &SystemId,
    date: NaiveDate,
    options: Options,
    now: DateTime<Utc>,
) -> Result<Option<Vec<(Derived, Bytes)>>, JobError> {
    let mut finder = Finder::new(lake, system).await?;
    let Some(inputs) = finder.find(date, &options, now).await? else { return Ok(None) };
    let observations = inputs.observations(&options);
    let wanted = wanted(&mut finder, date, options, &observations).await?;
    let tables = compute(lake, system, inputs, wanted, options, observations).await?;
    let (encoded, summary) = join(tables.encoded.collect(), tables.summary).await;
    summary?;
    Ok(Some(encoded))
}

/// A day's tables while they are computed.
struct DayTables {
    /// Each as soon as it is there.
    encoded: UnboundedReceiver<(Derived, Bytes)>,
    /// What the last resolution's says of the day.
    summary: BoxFuture<'static, Result<Option<DaySummary>, JobError>>,
}

async fn compute(
    lake: &Lake,
    system: &SystemId,
    inputs: DayInputs,
    wanted: Vec<Wanted>,
    options: Options,
    observations: String,
) -> Result<DayTables, JobError> {
    let observed = read_day(lake, &inputs, &options.resolutions.list()).await?;
    let system = system.clone();
    let (sender, encoded) = unbounded();
    let emit = move |table, bytes| {
        // Who no longer listens has failed to write, and says so.
        let _ = sender.unbounded_send((table, bytes));
    };
    let summary = pool::run(move || {
        day_tables(&system, &inputs, observed, &wanted, options, &observations, &emit)
    });
    Ok(DayTables { encoded, summary: summary.boxed() })
}

async fn wanted(
    finder: &mut Finder<'_>,
    date: NaiveDate,
    options: Options,
    observations: &str,
) -> Result<Vec<Wanted>, JobError> {
    let resolutions = options.resolutions.list();
    let baselines = finder.baselines(date, &resolutions).await?;
    let wanted = resolutions.into_iter().zip(baselines).map(|(resolution, (baseline, from))| {
        let inputs = fingerprint(observations, resolution, &from);
        Wanted { resolution, baseline, inputs }
    });
    Ok(wanted.collect())
}

/// Whether every table of hotspots is there, made from these inputs, and so are the others.
async fn is_up_to_date(
    finder: &mut Finder<'_>,
    date: NaiveDate,
    wanted: &[Wanted],
    observations: &str,
) -> Result<bool, JobError> {
    let of_day = |wanted: &Wanted| finder.hotspots(date, wanted.resolution);
    let stored = try_join_all(wanted.iter().map(of_day)).await?;
    let is_same = |(stored, wanted): (Option<(_, DaySummary)>, &Wanted)| {
        stored.is_some_and(|(_, summary)| summary.inputs == wanted.inputs)
    };
    if !stored.into_iter().zip(wanted).all(is_same) {
        return Ok(false);
    }
    let resolutions: Vec<_> = wanted.iter().map(|wanted| wanted.resolution).collect();
    Ok(finder.has_other_tables(date, &resolutions, observations).await?)
}

/// Writes the tables as they come, the hotspots last, and of these last the one by which days are
/// listed: who sees a day finds all its tables, and who sees new hotspots finds the rest new too.
async fn write(
    lake: &Lake,
    system: &SystemId,
    date: NaiveDate,
    tables: DayTables,
) -> Result<DayOutcome, JobError> {
    let put = async |(table, bytes): (Derived, Bytes)| {
        lake.replace(&table.key(system, date), bytes).await
    };
    let put_or_keep = async |table: (Derived, Bytes)| match table {
        (Derived::Hotspots(_), _) => Ok(Some(table)),
        _ => put(table).await.map(|()| None),
    };
    let written = tables.encoded.map(put_or_keep).buffer_unordered(WRITES_AT_ONCE);
    let hotspots = written.try_filter_map(|kept| ready(Ok(kept))).try_collect::<Vec<_>>();
    let (hotspots, summary) = join(hotspots, tables.summary).await;
    let (hotspots, summary) = (hotspots?, summary?);
    let (listed, others): (Vec<_>, Vec<_>) =
        hotspots.into_iter().partition(|(table, _)| *table == Derived::DAYS);
    try_join_all(others.into_iter().map(put)).await?;
    try_join_all(listed.into_iter().map(put)).await?;
    Ok(summary.map_or(DayOutcome::NoPolls, |day| DayOutcome::Written(Box::new(day))))
}
