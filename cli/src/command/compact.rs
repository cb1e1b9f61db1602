use std::process::ExitCode;

use chrono::{NaiveDate, TimeDelta};
use hotspots_data::{SystemId, parse_date};
use hotspots_jobs::{CompactReport, Selection};
use hotspots_pipeline::Clock as _;
use tracing::{error, info};

use crate::clock::SystemClock;
use crate::config::Settings;
use crate::progress::thousands;

/// Pack each day that is over into one small object; with --retain-days, delete its polls
///
/// Every day that is over becomes one sorted object, `station_status_daily`, with every column of every
/// poll. It is read back and compared before anything may be deleted. Doing it twice changes nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only this system [default: all in the lake]
    #[arg(long, env = "HOTSPOTS_SYSTEM", value_name = "NAME")]
    system: Option<SystemId>,

    /// Only from this local date on
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    from: Option<NaiveDate>,

    /// Only up to this local date, included
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    to: Option<NaiveDate>,

    /// Delete the polls of compacted days that ended so many days ago or more [default: keep all]
    #[arg(long, value_name = "NUMBER")]
    retain_days: Option<u16>,
}

pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let selection =
        Selection { system: arguments.system.clone(), from: arguments.from, to: arguments.to };
    let lake = settings.lake()?;
    let retain = arguments.retain_days.map(|days| TimeDelta::days(days.into()));
    let reports =
        hotspots_jobs::compact(&lake, &selection, retain, SystemClock.now(), tell).await?;
    let failed = reports.iter().filter(|report| report.outcome.is_err()).count();
    let done = || reports.iter().filter_map(|report| report.outcome.as_ref().ok());
    let compacted = done().filter(|day| day.packed > 0).count();
    let deleted: usize = done().map(|day| day.deleted).sum();
    info!(
        compacted,
        deleted,
        failed,
        "{compacted} days compacted, {deleted} polls deleted, {failed} days failed"
    );
    Ok(if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn tell(CompactReport { system, date, outcome }: &CompactReport) {
    match outcome {
        Ok(day) if day.packed > 0 || day.deleted > 0 => info!(
            %system, %date,
            polls = day.packed,
            rows = day.rows,
            bytes = day.bytes,
            deleted = day.deleted,
            "{system} {date}: {} polls, {} rows in {} bytes; {} polls deleted",
            day.packed, thousands(day.rows), thousands(day.bytes), day.deleted,
        ),
        Ok(_) => tracing::debug!(%system, %date, "{system} {date}: nothing to do"),
        Err(error) => error!(%system, %date, "{system} {date}: {error}"),
    }
}
