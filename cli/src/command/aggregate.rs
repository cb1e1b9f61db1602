use std::process::ExitCode;

use chrono::{DateTime, NaiveDate, Utc};
use hotspots_data::{Lake, SystemId, parse_date};
use hotspots_jobs::{DayOutcome, DayReport, Options, Resolutions, Selection};
use hotspots_pipeline::Clock as _;
use tracing::{error, info, warn};

use crate::clock::SystemClock;
use crate::config::{Settings, Span};
use crate::progress::{bar, thousands};

/// Compute the daily hotspots of every day that lacks them or whose polls changed
///
/// Without options, every day in the lake that lacks its hotspots or whose polls changed, today
/// included (marked provisional). Doing it twice changes nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only this system [default: all in the lake]
    #[arg(long, env = "HOTSPOTS_SYSTEM", value_name = "NAME")]
    system: Option<SystemId>,

    /// Only this local date, such as 2026-11-22
    #[arg(long, value_name = "DATE", value_parser = parse_date, conflicts_with_all = ["from", "to"])]
    date: Option<NaiveDate>,

    /// Only from this local date on
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    from: Option<NaiveDate>,

    /// Only up to this local date, included
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    to: Option<NaiveDate>,

    /// Longest time that a poll's state is taken to hold [default: 15m]
    #[arg(long, env = "HOTSPOTS_MAX_GAP", value_name = "DURATION")]
    max_gap: Option<Span>,

    /// H3 resolutions of the cells: 10 has the hexagons of 75 m, 9 and 8 coarser ones
    #[arg(long, value_name = "NUMBERS", default_value = "8,9,10")]
    resolutions: Resolutions,
}

pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let selection = Selection {
        system: arguments.system.clone(),
        from: arguments.date.or(arguments.from),
        to: arguments.date.or(arguments.to),
    };
    let lake = settings.lake()?;
    let options =
        Options { resolutions: arguments.resolutions, ..settings.aggregation(arguments.max_gap)? };
    let reports = bring_up_to_date(&lake, &selection, options, SystemClock.now()).await?;
    if reports.is_empty() {
        warn!(
            "no day to aggregate in {}: the lake has no poll of the days asked for",
            lake.location()
        );
    }
    let failed = reports.iter().any(|report| matches!(report.outcome, DayOutcome::Failed(_)));
    let nothing = reports.is_empty() && arguments.date.is_some();
    Ok(if failed || nothing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Aggregates with progress, a line a day and a summary.
pub(crate) async fn bring_up_to_date(
    lake: &Lake,
    selection: &Selection,
    options: Options,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<DayReport>> {
    let bar = bar("aggregating days", 0);
    let progress = |report: &DayReport, in_all: usize| {
        bar.set_length(in_all as u64);
        bar.inc(1);
        bar.suspend(|| tell(report));
    };
    let reports = hotspots_jobs::aggregate(lake, selection, options, now, progress).await?;
    bar.finish_and_clear();
    let count = |wanted: fn(&DayOutcome) -> bool| {
        reports.iter().filter(|report| wanted(&report.outcome)).count()
    };
    let written = count(|outcome| matches!(outcome, DayOutcome::Written(_)));
    let up_to_date = count(|outcome| matches!(outcome, DayOutcome::UpToDate));
    let failed = count(|outcome| matches!(outcome, DayOutcome::Failed(_)));
    info!(
        written,
        up_to_date, failed, "{written} days written, {up_to_date} up to date, {failed} failed"
    );
    Ok(reports)
}

fn tell(DayReport { system, date, outcome }: &DayReport) {
    match outcome {
        DayOutcome::Written(day) => {
            let orphans = day.stations_without_information;
            let provisional = if day.provisional { ", provisional" } else { "" };
            info!(
                %system, %date,
                polls = day.polls,
                coverage = day.coverage,
                stations = day.stations,
                stations_without_information = orphans,
                stations_without_position = day.stations_without_position,
                longest_unobserved_s = day.longest_unobserved_s,
                "{system} {date}: {} stations from {} polls, {:.1} % of the day seen{provisional}",
                thousands(day.stations as usize), day.polls, 100.0 * day.coverage,
            );
            let left_out = [
                (orphans, "without station_information"),
                (day.stations_without_position, "with an impossible position"),
            ];
            for (stations, reason) in left_out.into_iter().filter(|(stations, _)| *stations > 0) {
                warn!(%system, %date, stations, "{system} {date}: {stations} stations {reason}: in no cell");
            }
        }
        DayOutcome::Failed(error) => error!(%system, %date, "{system} {date}: {error}"),
        DayOutcome::UpToDate | DayOutcome::NoPolls => {
            tracing::debug!(%system, %date, "{system} {date}: nothing to do");
        }
    }
}
