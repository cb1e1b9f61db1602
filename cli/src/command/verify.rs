use std::process::ExitCode;

use chrono::NaiveDate;
use hotspots_data::{SystemId, parse_date};
use hotspots_jobs::{Selection, VerifyReport};
use hotspots_pipeline::Clock as _;
use tracing::{error, info, warn};

use crate::clock::SystemClock;
use crate::config::Settings;
use crate::progress::thousands;

/// Read days back and say what is damaged, missing or stale
///
/// Every object of every day is read: recorded ones must have the rows that they are named after, the
/// polls of the ledger must be there, and computed tables must be what the day gives when it is
/// computed anew. Nothing is changed; what is wrong is named, and the exit status is 1.
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
}

pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let selection =
        Selection { system: arguments.system.clone(), from: arguments.from, to: arguments.to };
    let lake = settings.lake()?;
    let reports = hotspots_jobs::verify(&lake, &selection, SystemClock.now(), tell).await?;
    if reports.is_empty() {
        warn!("no day to verify in {}", lake.location());
    }
    let faults: usize = reports.iter().map(|report| report.faults.len()).sum();
    let objects: usize = reports.iter().map(|report| report.objects).sum();
    let provisional: usize = reports.iter().map(|report| report.provisional).sum();
    let days = reports.len();
    info!(
        days,
        objects,
        provisional,
        faults,
        "{days} days read back, {} objects, {faults} faults{}",
        thousands(objects),
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
        "{system} {date}: {} objects, {} bytes, {} faults{}",
        thousands(*objects), thousands(*bytes), faults.len(), of_today(*provisional),
    );
}
