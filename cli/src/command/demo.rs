use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use chrono::NaiveDate;
use chrono_tz::Tz;
use hotspots_api::Options;
use hotspots_data::{Day, Lake, parse_date};
use hotspots_jobs::{DayOutcome, Selection};
use hotspots_pipeline::twin::{City, SimulatedClock, Twin};
use hotspots_pipeline::{Clock as _, Collector, Fetcher, Intake, Limits, Stopper, Target, Tools};

use super::serve::{listen, serve};
use crate::clock::stop_on_signal;
use crate::config::{MapArguments, Settings, Span, words};
use crate::progress::{bar, counted};

/// See it work: a simulated day in a model city, polled, aggregated and served; no network needed
///
/// A model of a Paris-like city serves Vélib-shaped feeds on loopback; one simulated day of them is
/// polled, stored, aggregated and served exactly as real ones are. The lake is ./demo-lake unless --lake
/// names another here: `HOTSPOTS_LAKE` and hotspots.toml do not count, so that no simulated day gets into
/// the lake of a real system.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Stations in the city
    #[arg(long, value_name = "NUMBER", default_value_t = 1500)]
    stations: usize,

    /// Simulated time between polls
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    interval: Span,

    /// The simulated day
    #[arg(long, value_name = "DATE", value_parser = parse_date, default_value = "2026-09-15")]
    date: NaiveDate,

    /// The city's seed: another number is another city
    #[arg(long, value_name = "NUMBER", default_value_t = 75)]
    seed: u64,

    /// Address and port to listen on; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = words::bind_address)]
    bind: SocketAddr,

    /// End once the day is aggregated instead of serving it
    #[arg(long)]
    no_serve: bool,

    /// Where the simulated data goes, whatever `HOTSPOTS_LAKE` and hotspots.toml say
    // It stands in for the option of every command.
    #[arg(long, value_name = "FOLDER|URL", default_value = "./demo-lake")]
    lake: String,

    #[command(flatten)]
    map: MapArguments,
}

const SYSTEM: &str = "demo";

pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let stop = stop_on_signal()?;
    let lake = Lake::open(&arguments.lake)?;
    tokio::select! {
        biased;
        () = stop.asked() => {
            println!("\nStopped before the day was done; run it again to go on");
            return Ok(ExitCode::from(130));
        }
        made = make_day(&lake, settings, arguments) => made?,
    }
    if arguments.no_serve {
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options {
        base_map: settings.base_map(&arguments.map),
        ..Options::public(arguments.bind, Some(SYSTEM.parse()?))
    };
    let server = listen(lake, options).await?;
    let address = server.address()?;
    println!("  served     at http://{address} (Ctrl-C ends it)\n");
    println!("See where the bikes piled up:\n\n  http://{address}/\n");
    println!("Or ask:\n\n  curl 'http://{address}/hotspots/{}?limit=3'\n", arguments.date);
    serve(server, stop).await;
    Ok(ExitCode::SUCCESS)
}

/// Polls and aggregates the day, and says what that came to.
async fn make_day(lake: &Lake, settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let began = Instant::now();
    let day = Day::new(arguments.date, Tz::Europe__Paris);
    println!(
        "A simulated day, {}, in a city of {}, polled every {} s:",
        day.date(),
        counted(arguments.stations, "station"),
        arguments.interval.0.as_secs()
    );
    let (polls, rows) = poll_day(lake, arguments, day).await?;
    let polled_s = began.elapsed().as_secs_f64();
    let (polls, rows) = (counted(polls, "poll"), counted(rows, "row"));
    println!("  polled     {polls}, {rows} in {polled_s:.1} s");

    let selection = Selection { system: Some(SYSTEM.parse()?), ..Selection::default() };
    let options = settings.aggregation(None)?;
    let reports =
        hotspots_jobs::aggregate(lake, &selection, options, day.next().end(), |_, _| {}).await?;
    for report in &reports {
        if let DayOutcome::Failed(error) = &report.outcome {
            anyhow::bail!("the day was not aggregated: {error}");
        }
    }
    let aggregated_s = began.elapsed().as_secs_f64() - polled_s;
    println!("  aggregated into 75 m hexagons in {aggregated_s:.1} s");
    println!("  stored     in {}", lake.location());
    Ok(())
}

/// Polls the twin through the real ingest path from the first to the last minute of the day.
async fn poll_day(lake: &Lake, arguments: &Arguments, day: Day) -> anyhow::Result<(usize, usize)> {
    let clock = Arc::new(SimulatedClock::at(day.start()));
    let city = City::new(arguments.seed, arguments.stations);
    let twin = Twin::start(city, Arc::clone(&clock) as Arc<_>).await?;
    let target = Target {
        system: SYSTEM.parse()?,
        discovery: vec![twin.discovery()],
        feed_base: None,
        time_zone: None,
        interval: Some(arguments.interval.0),
        key: None,
    };
    let tools = Tools {
        intake: Intake::local(lake.clone())?,
        fetcher: Fetcher::new(Limits::default(), None)?,
        clock: Arc::clone(&clock) as Arc<_>,
        metrics: Arc::default(),
    };
    let (stopper, stop) = Stopper::new();
    let interval_s = arguments.interval.0.as_secs();
    let bar = bar("polling", day.length().num_seconds().unsigned_abs().div_ceil(interval_s));
    let (mut polls, mut rows, mut failure) = (0, 0, None);
    let last = day.end() - chrono::TimeDelta::seconds(interval_s as i64);
    Collector::new(tools, target)
        .run(day.start(), &stop, |cycle| {
            bar.inc(1);
            polls += 1;
            let status = cycle.attempts.iter().find(|poll| poll.feed == "station_status");
            rows += status.map_or(0, |poll| usize::try_from(poll.rows).unwrap_or(0));
            if !cycle.is_complete() {
                failure = cycle.attempts.iter().find_map(|poll| poll.message.clone());
            }
            if clock.now() >= last || failure.is_some() {
                stopper.stop();
            }
        })
        .await;
    bar.finish_and_clear();
    match failure {
        None => Ok((polls, rows)),
        Some(reason) => {
            Err(anyhow::anyhow!(reason)).context("the simulated feeds could not be polled")
        }
    }
}
