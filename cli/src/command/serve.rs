use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use hotspots_api::{Limits, Options, Server};
use hotspots_data::{Lake, SystemId};
use hotspots_pipeline::Stop;
use tracing::info;

use crate::clock::stop_on_signal;
use crate::config::{MapArguments, Settings, Span};

/// Serve the hotspots over HTTP
///
/// Serves what `aggregate` computed; new and changed days appear without a restart.
#[derive(Debug, clap::Args)]
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
    #[arg(long, env = "HOTSPOTS_BIND", value_name = "ADDRESS")]
    bind: Option<SocketAddr>,

    /// Answer only requests with the header `Authorization: Bearer TOKEN` [default: everybody]
    #[arg(long, env = "HOTSPOTS_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// Memory for days and answers, in megabytes
    #[arg(long, env = "HOTSPOTS_MEMORY_MB", value_name = "NUMBER", default_value_t = Limits::default().memory_bytes >> 20)]
    memory_mb: usize,

    /// Connections open at once; beyond it, the one idle longest is closed
    #[arg(long, env = "HOTSPOTS_MAX_CONNECTIONS", value_name = "NUMBER", default_value_t = Limits::default().connections)]
    max_connections: usize,

    /// Answers made at once that are not ready in memory; other requests for such wait
    #[arg(long, env = "HOTSPOTS_MAX_MAKING", value_name = "NUMBER", default_value_t = Limits::default().making)]
    max_making: usize,

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
            connections: self.max_connections.max(1),
            making: self.max_making.max(1),
            memory_bytes: self.memory_mb << 20,
            ..Limits::default()
        };
        if let Some(span) = self.client_timeout {
            limits.client_timeout = span.0;
        }
        let bind = settings.bind(self.bind);
        let base_map = settings.base_map(&self.map);
        Options { bind, system, token: self.token.clone(), base_map, limits }
    }
}

pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let system = settings.system(arguments.system.as_ref());
    let options = arguments.serving.options(settings, system);
    let server = listen(settings.lake()?, options).await?;
    serve(server, stop_on_signal()?).await;
    Ok(ExitCode::SUCCESS)
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
