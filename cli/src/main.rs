//! `hotspots`: where in this city, on this day, are the bikes piling up?
//!
//! This crate reads the command line and the configuration, makes the parts and lets them run. It has
//! no logic of its own.

mod clock;
mod command;
mod config;
mod logging;
mod progress;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Common, Settings};

/// Where in this city, on this day, are the bikes piling up?
///
/// hotspots polls public bike-share feeds (GBFS), keeps every observation as Parquet in a folder or a
/// bucket, adds up each local day on 75 m hexagons, and serves the result over HTTP.
///
/// New here? `hotspots demo` shows the whole of it in a few seconds, without a network.
/// Then `hotspots run` does it for Paris.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    common: Common,

    #[command(subcommand)]
    command: Command,
}

/// Each command's help is the documentation of its arguments.
#[derive(Debug, Subcommand)]
enum Command {
    Ingest(command::ingest::Arguments),
    Import(command::import::Arguments),
    Aggregate(command::aggregate::Arguments),
    Compact(command::compact::Arguments),
    Verify(command::verify::Arguments),
    Serve(command::serve::Arguments),
    Run(command::run::Arguments),
    Systems(command::systems::Arguments),
    Doctor(command::doctor::Arguments),
    Demo(command::demo::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match start(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("hotspots: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let is_demo = matches!(arguments.command, Command::Demo(_));
    logging::start(&arguments.common, is_demo)?;
    let settings = Settings::read(arguments.common)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::Ingest(arguments) => command::ingest::run(&settings, &arguments).await,
            Command::Import(arguments) => command::import::run(&settings, &arguments).await,
            Command::Aggregate(arguments) => command::aggregate::run(&settings, &arguments).await,
            Command::Compact(arguments) => command::compact::run(&settings, &arguments).await,
            Command::Verify(arguments) => command::verify::run(&settings, &arguments).await,
            Command::Serve(arguments) => command::serve::run(&settings, &arguments).await,
            Command::Run(arguments) => command::run::run(&settings, &arguments).await,
            Command::Systems(arguments) => command::systems::run(&arguments).await,
            Command::Doctor(arguments) => command::doctor::run(&settings, &arguments).await,
            Command::Demo(arguments) => command::demo::run(&settings, &arguments).await,
        }
    })
}
