use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use hotspots_api::{Options, Server};
use hotspots_data::{Lake, SystemId};
use hotspots_pipeline::Stop;
use tracing::info;

use crate::clock::stop_on_signal;
use crate::config::Settings;

/// Serves what `aggregate` computed; new and changed days appear without a restart.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Address and port to listen on; port 0 is any free one [default: 127.0.0.1:8080]
    #[arg(long, env = "HOTSPOTS_BIND", value_name = "ADDRESS")]
    pub(crate) bind: Option<SocketAddr>,

    /// System of requests that name none [default: the only one in the lake]
    #[arg(long, env = "HOTSPOTS_SYSTEM", value_name = "NAME")]
    system: Option<SystemId>,
}

pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let options = Options {
        bind: settings.bind(arguments.bind),
        system: settings.system(arguments.system.as_ref()),
        token: None,
        limits: hotspots_api::Limits::default(),
    };
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
    info!(%address, "serving http://{address}/hotspots");
    Ok(server)
}

/// Answers until asked to stop.
pub(crate) async fn serve(server: Server, stop: Stop) {
    server.run(async move { stop.asked().await }).await;
    info!("no longer serving");
}
