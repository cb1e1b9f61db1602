use std::process::ExitCode;

use chrono::{DateTime, NaiveDate, Utc};
use hotspots_data::{Lake, parse_date};
use hotspots_jobs::{DayOutcome, DayReport, Options, Resolutions, Selection};
use hotspots_pipeline::Clock as _;
use tracing::{error, info, warn};

use crate::clock::SystemClock;
use crate::config::{SelectionArguments, Settings, Span};
use crate::progress::{bar, counted};

/// Compute the daily hotspots of every day that lacks them or whose polls changed
///
/// Without options, every day in the lake that lacks its hotspots or whose polls changed, today
/// included (marked provisional). Doing it twice changes nothing. Fails if a day cannot be computed,
/// or if the lake has no poll of the days asked for.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  hotspots aggregate\n  hotspots aggregate --system velib --from 2026-11-01 --to 2026-11-30"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    selection: SelectionArguments,

    /// Only this local date
    #[arg(long, value_name = "DATE", value_parser = parse_date, conflicts_with_all = ["from", "to"])]
    date: Option<NaiveDate>,

    /// Longest time that a poll's state is taken to hold [default: 15m]
    #[arg(long, env = "HOTSPOTS_MAX_GAP", value_name = "DURATION")]
    max_gap: Option<Span>,

    /// H3 resolutions of the cells: 10 has the hexagons of 75 m, 9 and 8 coarser ones
    #[arg(long, value_name = "NUMBERS", default_value = "8,9,10")]
    resolutions: Resolutions,
}

pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut selection = arguments.selection.selection()?;
    if let Some(date) = arguments.date {
        (selection.from, selection.to) = (Some(date), Some(date));
    }
    let lake = settings.lake()?;
    let options =
        Options { resolutions: arguments.resolutions, ..settings.aggregation(arguments.max_gap)? };
    let reports = bring_up_to_date(&lake, &selection, options, SystemClock.now()).await?;
    anyhow::ensure!(!reports.is_empty(), nothing_in(&lake, "aggregate", &selection));
    let failed = reports.iter().any(|report| matches!(report.outcome, DayOutcome::Failed(_)));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Why there is nothing to do, and what to do about it.
pub(crate) fn nothing_in(lake: &Lake, verb: &str, selection: &Selection) -> String {
    let location = lake.location();
    if *selection == Selection::default() {
        format!(
            "nothing to {verb}: the lake at `{location}` has no poll yet; `hotspots ingest` and `hotspots import` bring some"
        )
    } else {
        format!(
            "nothing to {verb}: the lake at `{location}` has no poll of the system and days asked for"
        )
    }
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
    if reports.is_empty() {
        return Ok(reports);
    }
    let count = |wanted: fn(&DayOutcome) -> bool| {
        reports.iter().filter(|report| wanted(&report.outcome)).count()
    };
    let written = count(|outcome| matches!(outcome, DayOutcome::Written(_)));
    let up_to_date = count(|outcome| matches!(outcome, DayOutcome::UpToDate));
    let failed = count(|outcome| matches!(outcome, DayOutcome::Failed(_)));
    info!(
        written,
        up_to_date,
        failed,
        "{} written, {up_to_date} up to date, {failed} failed",
        counted(written, "day")
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
                "{system} {date}: {} from {}, {:.1} % of the day seen{provisional}",
                counted(day.stations as usize, "station"), counted(day.polls as usize, "poll"), 100.0 * day.coverage,
            );
            let left_out = [
                (orphans, "without station_information"),
                (day.stations_without_position, "with an impossible position"),
            ];
            for (stations, reason) in left_out.into_iter().filter(|(stations, _)| *stations > 0) {
                warn!(%system, %date, stations, "{system} {date}: {} {reason}: in no cell", counted(stations as usize, "station"));
            }
        }
        DayOutcome::Failed(error) => error!(%system, %date, "{system} {date}: {error}"),
        DayOutcome::UpToDate | DayOutcome::NoPolls => {
            tracing::debug!(%system, %date, "{system} {date}: nothing to do");
        }
    }
}
