//! Many systems in one process: a collector each, none waiting for another, and one uploader.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use hotspots_data::SystemId;
use hotspots_data::table::Poll;
use tracing::info;
use url::Url;

use crate::clock::{Clock, Stop, delta};
use crate::collector::Collector;
use crate::fetch::{Credential, Fetcher};
use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::schedule::{DEFAULT, start_offset};

/// A system to poll.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name in the lake.
    pub system: SystemId,
    /// Discovery addresses, tried in this order.
    pub discovery: Vec<Url>,
    /// Where the feeds really are, should discovery name hosts that are not there.
    pub feed_base: Option<Url>,
    /// The time zone, should the feed not give a valid one.
    pub time_zone: Option<Tz>,
    /// Pause between polls of the live feeds, should the feed's `ttl` not be the measure.
    pub interval: Option<Duration>,
    /// The key that its feeds want.
    pub key: Option<Credential>,
}

/// What all collectors of a process share.
#[derive(Clone)]
pub struct Tools {
    /// Where polls go.
    pub intake: Intake,
    /// Where they come from.
    pub fetcher: Fetcher,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// What counts them.
    pub metrics: Arc<Metrics>,
}

/// What one round of polls came to.
#[derive(Clone, Debug)]
pub struct Cycle {
    /// When it was due.
    pub due: DateTime<Utc>,
    /// The ledger's rows, in the order of the attempts.
    pub attempts: Vec<Poll>,
}

/// Polls every target until asked to stop, or with `once` one round of each, and brings the spool's
/// objects into the lake meanwhile. Calls `on_cycle` after each round of any system.
pub async fn ingest(
    tools: &Tools,
    targets: Vec<Target>,
    once: bool,
    stop: &Stop,
    on_cycle: impl Fn(&SystemId, &Cycle) + Send + Sync + 'static,
) {
    let (last, finished) = crate::clock::Stopper::new();
    let uploader = {
        let tools = tools.clone();
        tokio::spawn(async move {
            tools.intake.upload(tools.clock.as_ref(), &finished, &tools.metrics).await;
        })
    };
    let on_cycle = Arc::new(on_cycle);
    let now = tools.clock.now();
    let window = if targets.len() > 1 && !once { DEFAULT } else { Duration::ZERO };
    let mut collectors = tokio::task::JoinSet::new();
    for target in targets {
        let (tools, stop, on_cycle) = (tools.clone(), stop.clone(), Arc::clone(&on_cycle));
        let first = now + delta(start_offset(target.system.as_str(), window));
        collectors.spawn(async move {
            let mut first = first;
            // A mistake in this program must not end a system's record: its collector starts anew.
            while let Err(error) = tokio::spawn(collect(
                tools.clone(),
                target.clone(),
                first,
                once,
                stop.clone(),
                Arc::clone(&on_cycle),
            ))
            .await
            {
                let system = &target.system;
                tracing::error!(%system, "{system}: the collector broke down: {error}");
                first = tools.clock.now() + delta(DEFAULT);
            }
        });
    }
    while collectors.join_next().await.is_some() {}
    last.stop();
    if tokio::time::timeout(LAST_UPLOADS, uploader).await.is_err() {
        tracing::warn!("the lake is too slow to wait for");
    }
    if let Some(files) = tools.intake.spool().map(|spool| spool.depth().files).filter(|n| *n > 0) {
        info!(files, "{files} objects wait in the spool for the next start");
    }
}

async fn collect(
    tools: Tools,
    target: Target,
    first: DateTime<Utc>,
    once: bool,
    stop: Stop,
    on_cycle: Arc<impl Fn(&SystemId, &Cycle)>,
) {
    let system = target.system.clone();
    let mut collector = Collector::new(tools, target);
    if once {
        let cycle = collector.poll(first, &stop).await;
        on_cycle(&system, &cycle);
        collector.close().await;
    } else {
        collector.run(first, &stop, |cycle| on_cycle(&system, cycle)).await;
    }
}

/// How long the end waits for the last uploads.
const LAST_UPLOADS: Duration = Duration::from_secs(30);
