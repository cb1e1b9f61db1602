use std::process::ExitCode;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use hotspots_data::Lake;
use hotspots_jobs::Selection;
use hotspots_pipeline::{Clock as _, Stop, ingest};
use tracing::error;

use super::aggregate::bring_up_to_date;
use super::ingest::{announce, serve_metrics, tools};
use super::serve::{ServingArguments, listen, serve};
use crate::clock::{SystemClock, stop_on_signal};
use crate::config::{IntakeArguments, MetricsArguments, Settings, Span, SystemArguments};

/// Poll, aggregate and serve in one process
///
/// What `ingest`, `aggregate` and `serve` do, with the days brought up to date every quarter of an hour
/// and after local midnight. Ctrl-C ends it after the write in hand.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Longest time that a poll's state is taken to hold [default: 15m]
    #[arg(long, env = "HOTSPOTS_MAX_GAP", value_name = "DURATION")]
    max_gap: Option<Span>,

    #[command(flatten)]
    system: SystemArguments,

    #[command(flatten)]
    intake: IntakeArguments,

    #[command(flatten)]
    metrics: MetricsArguments,

    #[command(flatten)]
    serving: ServingArguments,
}

pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let targets = settings.targets(&arguments.system)?;
    let tools = tools(settings, settings.lake_or_new()?, &arguments.intake)?;
    let lake = tools.intake.lake().clone();
    let options = settings.aggregation(arguments.max_gap)?;
    let stop = stop_on_signal()?;
    let system = match targets.as_slice() {
        [only] => Some(only.system.clone()),
        _ => None,
    };
    let server = listen(lake.clone(), arguments.serving.options(settings, system)).await?;
    announce(&tools, &targets);
    serve_metrics(settings, &arguments.metrics, &tools, &stop).await?;

    tokio::join!(
        ingest(&tools, targets, false, &stop, |_, _| {}),
        keep_up_to_date(&lake, options, &stop),
        serve(server, stop.clone()),
    );
    Ok(ExitCode::SUCCESS)
}

/// Aggregates all days at once and then once a day, for polls may be uploaded late; and the last few
/// every quarter of an hour: local midnight falls on one in every time zone.
async fn keep_up_to_date(lake: &Lake, options: hotspots_jobs::Options, stop: &Stop) {
    let mut all_done: Option<DateTime<Utc>> = None;
    // The first polls should be in before the first aggregation.
    let mut due = SystemClock.now() + TimeDelta::seconds(5);
    while stop.sleep_until(&SystemClock, due).await {
        let now = SystemClock.now();
        let selection = Selection { from: first_day(now, all_done), ..Selection::default() };
        match bring_up_to_date(lake, &selection, options, now).await {
            Err(error) => error!("aggregation will be tried again: {error:#}"),
            Ok(_) if selection.from.is_none() => all_done = Some(now),
            Ok(_) => {}
        }
        due = next_quarter(SystemClock.now());
    }
}

/// The first day to look at, by when all were last; `None` for all of them.
fn first_day(now: DateTime<Utc>, all_done: Option<DateTime<Utc>>) -> Option<NaiveDate> {
    let is_recent = all_done.is_some_and(|at| now - at < TimeDelta::days(1));
    is_recent.then(|| (now - TimeDelta::days(3)).date_naive())
}

/// A minute after the next quarter of an hour, so that the last polls before it are in.
fn next_quarter(now: DateTime<Utc>) -> DateTime<Utc> {
    let quarter_s = 15 * 60;
    let next = (now.timestamp().div_euclid(quarter_s) + 1) * quarter_s + 60;
    DateTime::from_timestamp(next, 0).unwrap_or(now + TimeDelta::minutes(15))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregation_comes_a_minute_after_each_quarter() {
        let next = |text: &str| next_quarter(text.parse().unwrap()).to_rfc3339();
        assert_eq!(next("2026-02-10T22:59:59Z"), "2026-02-10T23:01:00+00:00");
        assert_eq!(next("2026-02-10T23:00:00Z"), "2026-02-10T23:16:00+00:00");
    }

    #[test]
    fn all_days_are_looked_at_once_a_day_and_the_last_few_in_between() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let first = |all_done: Option<&str>| {
            let day = first_day(at("2026-02-10T22:16:00Z"), all_done.map(at));
            day.map(|day| day.to_string())
        };
        assert_eq!(first(None), None);
        assert_eq!(first(Some("2026-02-10T22:01:00Z")).as_deref(), Some("2026-02-07"));
        assert_eq!(first(Some("2026-02-09T22:31:00Z")).as_deref(), Some("2026-02-07"));
        assert_eq!(first(Some("2026-02-09T22:16:00Z")), None);
    }
}
