use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use hotspots_data::Lake;
use hotspots_pipeline::ledger::public;
use hotspots_pipeline::{Cycle, Fetcher, Limits, Metrics, Stop, Target, Tools, ingest};
use tokio::net::TcpListener;
use tracing::info;

use crate::clock::{SystemClock, stop_on_signal};
use crate::config::{IntakeArguments, MetricsArguments, Settings, SystemArguments};
use crate::progress::{counted, thousands};

/// Poll a system's feeds until stopped, one Parquet file a poll
///
/// Without options, polls the systems of hotspots.toml, or else Vélib' Métropole every minute.
/// Ctrl-C ends it after the write in hand.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  hotspots ingest\n  hotspots ingest --once --system oslo --url https://gbfs.urbansharing.com/oslobysykkel.no/gbfs.json"
)]
pub(crate) struct Arguments {
    /// Poll every feed once and end; the exit status says whether all went well
    #[arg(long)]
    once: bool,

    #[command(flatten)]
    system: SystemArguments,

    #[command(flatten)]
    intake: IntakeArguments,

    #[command(flatten)]
    metrics: MetricsArguments,
}

pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let targets = settings.targets(&arguments.system)?;
    let tools = tools(settings, settings.lake_or_new()?, &arguments.intake)?;
    let stop = stop_on_signal()?;
    let count = targets.len();
    let name = announce(&tools, &targets);
    serve_metrics(settings, &arguments.metrics, &tools, &stop).await?;

    let totals = Arc::new(Mutex::new(Totals::default()));
    let shared = Arc::clone(&totals);
    ingest(&tools, targets, arguments.once, &stop, move |_, cycle| {
        shared.lock().unwrap_or_else(PoisonError::into_inner).add(cycle);
    })
    .await;
    let totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
    info!(
        rounds = totals.rounds,
        complete = totals.complete,
        rows = totals.rows,
        "{name}: {} of {} complete, {}",
        thousands(totals.complete),
        counted(totals.rounds, "round"),
        counted(totals.rows, "row")
    );
    let waiting = tools.intake.spool().map_or(0, |spool| spool.depth().files);
    let failed = arguments.once && (totals.complete < count || waiting > 0);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What every collector of a lake shares, made from the settings.
pub(crate) fn tools(
    settings: &Settings,
    lake: Lake,
    arguments: &IntakeArguments,
) -> anyhow::Result<Tools> {
    let contact = settings.contact(arguments);
    Ok(Tools {
        intake: settings.intake(lake, arguments)?,
        fetcher: Fetcher::new(Limits::default(), contact.as_deref())?,
        clock: Arc::new(SystemClock),
        metrics: Arc::default(),
    })
}

/// Says what is about to be polled; gives the name to speak of it.
pub(crate) fn announce(tools: &Tools, targets: &[Target]) -> String {
    let lake = tools.intake.lake().location();
    if let Some(spool) = tools.intake.spool() {
        let (folder, files) = (spool.folder().display(), spool.depth().files);
        info!(files, "polls are safe in {folder} until {lake} has them; {files} waiting there");
    }
    if let [Target { system, discovery, .. }] = targets {
        let discovery = public(&discovery[0]);
        info!(%system, discovery, lake, "polling {system} into {lake}");
        system.to_string()
    } else {
        let systems = targets.len();
        let name = counted(systems, "system");
        info!(systems, lake, "polling {name} into {lake}");
        name
    }
}

/// Serves the figures, where that was asked for, until the end.
pub(crate) async fn serve_metrics(
    settings: &Settings,
    arguments: &MetricsArguments,
    tools: &Tools,
    stop: &Stop,
) -> anyhow::Result<()> {
    let Some(bind) = settings.metrics_bind(arguments) else { return Ok(()) };
    let listener = TcpListener::bind(bind)
        .await
        .with_context(|| format!("cannot listen on {bind}: choose another --metrics-bind"))?;
    let metrics_address = listener.local_addr()?;
    info!(%metrics_address, "figures at http://{metrics_address}/metrics");
    let Tools { intake, clock, metrics, .. } = tools.clone();
    Metrics::serve(metrics, listener, intake, clock, stop.clone());
    Ok(())
}

/// What a session of polls came to.
#[derive(Debug, Default)]
struct Totals {
    rounds: usize,
    complete: usize,
    rows: usize,
}

impl Totals {
    fn add(&mut self, cycle: &Cycle) {
        self.rounds += 1;
        self.complete += usize::from(cycle.is_complete());
        let rows = cycle.attempts.iter().filter(|poll| poll.key.is_some()).map(|poll| poll.rows);
        self.rows += rows.filter_map(|rows| usize::try_from(rows).ok()).sum::<usize>();
    }
}
