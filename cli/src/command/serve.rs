use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use hotspots_api::{Limits, Options, Server};
use hotspots_data::{Derived, Lake, SystemId};
use hotspots_pipeline::Stop;
use tracing::{info, warn};

use crate::clock::stop_on_signal;
use crate::config::{MapArguments, Settings, Span, words};

/// Serve the hotspots over HTTP
///
/// Serves what `aggregate` computed; new and changed days appear without a restart.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  hotspots serve\n  hotspots serve --lake s3://my-bucket/bikes --bind 0.0.0.0:8080"
)]
pub(crate) struct Arguments {
    /// System of requests that name none [default: the only one in the lake]
    #[arg(long, env = "HOTSPOTS_SYSTEM", value_name = "NAME")]
    system: Option<SystemId>,

    #[command(flatten)]
    serving: ServingArguments,
}

/// Options of every command that serves.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Serving")]
pub(crate) struct ServingArguments {
    /// Address and port to listen on; port 0 is any free one [default: 127.0.0.1:8080]
    #[arg(long, env = "HOTSPOTS_BIND", value_name = "ADDRESS", value_parser = words::bind_address)]
    bind: Option<SocketAddr>,

    /// Answer only requests with the header `Authorization: Bearer TOKEN` [default: everybody]
    #[arg(long, env = "HOTSPOTS_TOKEN", value_name = "TOKEN", hide_env_values = true, value_parser = words::token)]
    token: Option<String>,

    /// Memory for days and answers, in megabytes
    #[arg(long, env = "HOTSPOTS_MEMORY_MB", value_name = "NUMBER", default_value_t = (Limits::default().memory_bytes >> 20) as u32, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    memory_mb: u32,

    /// Connections open at once; beyond it, the one idle longest is closed
    #[arg(long, env = "HOTSPOTS_MAX_CONNECTIONS", value_name = "NUMBER", default_value_t = Limits::default().connections as u32, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: u32,

    /// Answers made at once that are not ready in memory; other requests for such wait
    #[arg(long, env = "HOTSPOTS_MAX_MAKING", value_name = "NUMBER", default_value_t = Limits::default().making as u32, value_parser = clap::value_parser!(u32).range(1..=1000))]
    max_making: u32,

    /// How long a client may take to send a request's head, to idle, or to take none of an answer
    /// [default: 20s]
    #[arg(long, env = "HOTSPOTS_CLIENT_TIMEOUT", value_name = "DURATION")]
    client_timeout: Option<Span>,

    #[command(flatten)]
    map: MapArguments,
}

impl ServingArguments {
    /// How to serve `system` by default.
    pub(crate) fn options(&self, settings: &Settings, system: Option<SystemId>) -> Options {
        let mut limits = Limits {
            connections: self.max_connections as usize,
            making: self.max_making as usize,
            memory_bytes: (self.memory_mb as usize) << 20,
            ..Limits::default()
        };
        if let Some(span) = self.client_timeout {
            limits.client_timeout = span.0;
        }
        let bind = settings.bind(self.bind);
        let base_map = settings.base_map(&self.map);
        let known = settings.attributions();
        Options { bind, system, token: self.token.clone(), known, base_map, limits }
    }
}

pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let system = settings.system(arguments.system.as_ref());
    let options = arguments.serving.options(settings, system);
    let lake = settings.lake()?;
    let server = listen(lake.clone(), options).await?;
    tokio::spawn(look_at(lake));
    serve(server, stop_on_signal()?).await;
    Ok(ExitCode::SUCCESS)
}

/// How long a lake may take to say what it has before that is told.
const PATIENCE: Duration = Duration::from_secs(5);

/// Says in the log, once, what a lake cannot give now; requests ask it again all the same.
async fn look_at(lake: Lake) {
    let location = lake.location();
    let looked = lake.derived_systems(Derived::DAYS);
    tokio::pin!(looked);
    let found = if let Ok(found) = tokio::time::timeout(PATIENCE, &mut looked).await {
        found
    } else {
        let patience_s = PATIENCE.as_secs();
        warn!("the lake at `{location}` has not answered for {patience_s} s: still trying");
        looked.await
    };
    match found {
        Ok(systems) if systems.is_empty() => warn!(
            "the lake at `{location}` has no day yet: `hotspots aggregate` computes them, and they are served as they come"
        ),
        Ok(_) => {}
        Err(error) => warn!("{error}; each request tries again"),
    }
}

/// Takes the port and says which.
pub(crate) async fn listen(lake: Lake, options: Options) -> anyhow::Result<Server> {
    let bind = options.bind;
    let server = Server::bind(lake, options)
        .await
        .with_context(|| format!("cannot listen on {bind}: choose another address with --bind"))?;
    let address = server.address()?;
    info!(%address, "serving the map at http://{address}/ and the API at http://{address}/hotspots");
    Ok(server)
}

/// Answers until asked to stop.
pub(crate) async fn serve(server: Server, stop: Stop) {
    server.run(async move { stop.asked().await }).await;
    info!("no longer serving");
}
