use std::process::ExitCode;

use hotspots_jobs::VerifyReport;
use hotspots_pipeline::Clock as _;
use tracing::{error, info};

use super::aggregate::nothing_in;
use crate::clock::SystemClock;
use crate::config::{SelectionArguments, Settings};
use crate::progress::counted;

/// Read days back and say what is damaged, missing or stale
///
/// Every object of every day is read: recorded ones must have the rows that they are named after, the
/// polls of the ledger must be there, and computed tables must be what the day gives when it is
/// computed anew. Nothing is changed; what is wrong is named, and the exit status is 1. So it is when
/// there is no day to read back.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    selection: SelectionArguments,
}

pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let selection = arguments.selection.selection()?;
    let lake = settings.lake()?;
    let reports = hotspots_jobs::verify(&lake, &selection, SystemClock.now(), tell).await?;
    anyhow::ensure!(!reports.is_empty(), nothing_in(&lake, "verify", &selection));
    let faults: usize = reports.iter().map(|report| report.faults.len()).sum();
    let objects: usize = reports.iter().map(|report| report.objects).sum();
    let provisional: usize = reports.iter().map(|report| report.provisional).sum();
    let days = reports.len();
    info!(
        days,
        objects,
        provisional,
        faults,
        "{} read back, {}, {}{}",
        counted(days, "day"),
        counted(objects, "object"),
        counted(faults, "fault"),
        of_today(provisional)
    );
    Ok(if faults > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Tables of days that are not over, which the next aggregation brings up to date.
fn of_today(provisional: usize) -> String {
    if provisional > 0 { format!(", {provisional} provisional") } else { String::new() }
}

fn tell(VerifyReport { system, date, objects, bytes, provisional, faults }: &VerifyReport) {
    for fault in faults {
        error!(%system, %date, key = fault.key, "{system} {date}: {fault}");
    }
    info!(
        %system, %date, objects, bytes, provisional, faults = faults.len(),
        "{system} {date}: {}, {}, {}{}",
        counted(*objects, "object"), counted(*bytes, "byte"), counted(faults.len(), "fault"),
        of_today(*provisional),
    );
}
