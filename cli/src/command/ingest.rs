use std::process::ExitCode;

use hotspots_pipeline::{Clock as _, Collector, Cycle, Fetcher, Limits};
use tracing::info;

use crate::clock::{SystemClock, stop_on_signal};
use crate::config::{Settings, SystemArguments};
use crate::progress::thousands;

/// Without options, polls Vélib' Métropole every minute. Ctrl-C ends it after the write in hand.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    system: SystemArguments,

    /// Poll every feed once and end; the exit status says whether all went well
    #[arg(long)]
    once: bool,
}

pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let target = settings.target(&arguments.system)?;
    let lake = settings.lake()?;
    let fetcher = Fetcher::new(Limits::default())?;
    let stop = stop_on_signal()?;
    let system = target.system.clone();
    let discovery = target.discovery[0].to_string();
    info!(%system, discovery, lake = lake.location(), "polling {system} into {}", lake.location());

    let mut totals = Totals::default();
    let mut collector = Collector::new(&lake, &fetcher, &SystemClock, target);
    if arguments.once {
        totals.add(&collector.poll(SystemClock.now(), &stop).await);
    } else {
        collector.run(&stop, |cycle| totals.add(cycle)).await;
    }
    info!(
        %system,
        rounds = totals.rounds,
        complete = totals.complete,
        rows = totals.rows,
        "{system}: {} of {} rounds complete, {} rows",
        totals.complete,
        totals.rounds,
        thousands(totals.rows)
    );
    let failed = arguments.once && totals.complete == 0;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
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
