use std::process::ExitCode;

use chrono::TimeDelta;
use hotspots_jobs::{CompactReport, Compaction};
use hotspots_pipeline::Clock as _;
use tracing::{error, info, warn};

use super::aggregate::nothing_in;
use crate::clock::SystemClock;
use crate::config::{SelectionArguments, Settings};
use crate::progress::counted;

/// Pack each day that is over into one small object; with --retain-days, delete its polls
///
/// Every day that is over becomes one sorted object, `station_status_daily`, with every column of every
/// poll. It is read back and compared before anything may be deleted. Doing it twice changes nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    selection: SelectionArguments,

    /// Delete the polls of compacted days that ended so many days ago or more [default: keep all]
    #[arg(long, value_name = "NUMBER")]
    retain_days: Option<u16>,
}

pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let selection = arguments.selection.selection()?;
    let lake = settings.lake()?;
    let retain = arguments.retain_days.map(|days| TimeDelta::days(days.into()));
    let reports =
        hotspots_jobs::compact(&lake, &selection, retain, SystemClock.now(), tell).await?;
    if reports.is_empty() {
        warn!("{}", nothing_in(&lake, "compact", &selection));
        return Ok(ExitCode::SUCCESS);
    }
    let failed = reports.iter().filter(|report| report.outcome.is_err()).count();
    let done = || reports.iter().filter_map(|report| report.outcome.as_ref().ok());
    let compacted = done().filter(|day| day.packed > 0).count();
    let deleted: usize = done().map(|day| day.deleted).sum();
    info!(
        compacted,
        deleted,
        failed,
        "{} compacted, {} deleted, {failed} failed",
        counted(compacted, "day"),
        counted(deleted, "poll")
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
            "{system} {date}: {}", what_was_done(day),
        ),
        Ok(_) => tracing::debug!(%system, %date, "{system} {date}: nothing to do"),
        Err(error) => error!(%system, %date, "{system} {date}: {error}"),
    }
}

/// What came of a day of which something was packed or deleted.
fn what_was_done(day: &Compaction) -> String {
    let packed = (day.packed > 0).then(|| {
        let (polls, rows) = (counted(day.packed, "poll"), counted(day.rows, "row"));
        format!("{polls} packed, {rows} in {}", counted(day.bytes, "byte"))
    });
    let deleted = (day.deleted > 0).then(|| format!("{} deleted", counted(day.deleted, "poll")));
    packed.into_iter().chain(deleted).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_tells_only_what_was_done_to_it() {
        let told = |packed, deleted| {
            let (rows, bytes) = if packed > 0 { (3_600, 12_345) } else { (0, 0) };
            what_was_done(&Compaction { packed, rows, bytes, deleted })
        };
        assert_eq!(told(0, 12), "12 polls deleted");
        assert_eq!(told(1, 0), "1 poll packed, 3,600 rows in 12,345 bytes");
        assert_eq!(told(12, 12), "12 polls packed, 3,600 rows in 12,345 bytes; 12 polls deleted");
    }
}
