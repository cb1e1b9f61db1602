use std::path::PathBuf;
use std::process::ExitCode;

use chrono_tz::Tz;
use hotspots_data::SystemId;
use hotspots_pipeline::import::Recordings;
use tracing::info;

use crate::config::Settings;
use crate::progress::{bar, thousands};

/// Bring recorded GBFS JSON files into the lake
///
/// A folder of status polls, each named by its UTC time (2026-02-10T140235Z.json), and beside them,
/// where there are any, `station_information.json`, `system_information.json`, `vehicle_types.json`
/// (which tells the e-bikes) and one `free_bike_status.json` or `vehicle_status.json`. Importing twice
/// changes nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The system's name in the lake
    #[arg(long, env = "HOTSPOTS_SYSTEM", value_name = "NAME")]
    system: SystemId,

    /// Time zone of local days, should the recordings give no valid one
    #[arg(long, env = "HOTSPOTS_TIME_ZONE", value_name = "ZONE")]
    time_zone: Option<Tz>,

    /// The folder of recordings
    path: PathBuf,
}

pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut lake = settings.lake()?;
    if lake.folder().is_none() {
        lake.probe().await?;
    }
    let recordings = Recordings {
        folder: arguments.path.clone(),
        system: arguments.system.clone(),
        time_zone: settings.time_zone(arguments.time_zone, &arguments.system),
    };
    let bar = bar("importing polls", 0);
    let imported = hotspots_pipeline::import(&lake, &recordings, |done, in_all| {
        bar.set_length(in_all as u64);
        bar.set_position(done as u64);
    })
    .await?;
    bar.finish_and_clear();
    let system = &arguments.system;
    info!(
        %system,
        polls = imported.polls,
        stored = imported.stored,
        unchanged = imported.unchanged,
        refused = imported.refused,
        rows = imported.rows,
        "{system}: {} polls found: {} stored, {} there already, {} files refused; {} rows",
        imported.polls,
        imported.stored,
        imported.unchanged,
        imported.refused,
        thousands(imported.rows)
    );
    Ok(if imported.refused > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
