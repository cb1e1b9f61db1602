use std::path::PathBuf;
use std::process::ExitCode;

use chrono_tz::Tz;
use hotspots_data::SystemId;
use hotspots_pipeline::import::Recordings;
use tracing::info;

use crate::config::{Settings, words};
use crate::progress::{bar, counted};

/// Bring recorded GBFS JSON files into the lake
#[derive(Debug, clap::Args)]
#[command(
    long_about = LAYOUT,
    after_help = "Examples:\n  hotspots import --system velib --time-zone Europe/Paris recordings/2026-02\n  hotspots import --system velib --lake s3://my-bucket/bikes recordings/2026-02"
)]
pub(crate) struct Arguments {
    /// The system's name in the lake
    #[arg(long, env = "HOTSPOTS_SYSTEM", value_name = "NAME")]
    system: SystemId,

    /// Time zone of local days, should the recordings give no valid one
    #[arg(long, env = "HOTSPOTS_TIME_ZONE", value_name = "ZONE", value_parser = words::time_zone)]
    time_zone: Option<Tz>,

    /// The folder of recordings
    #[arg(value_name = "FOLDER")]
    path: PathBuf,
}

const LAYOUT: &str = "\
Bring recorded GBFS JSON files into the lake

Reads a folder of this layout; importing it twice changes nothing:

  FOLDER/
    polls/                      or the polls in FOLDER itself
      2026-02-10T140235Z.json   a `station_status` feed, named by the UTC time of its poll;
      …                         of a single poll, `station_status.json`
    station_information.json    where the stations are; without it they are in no cell
    system_information.json     the time zone of local days
    vehicle_types.json          which of the bikes are e-bikes
    free_bike_status.json       bikes outside stations; or `vehicle_status.json`

Only the polls must be there. A file that is not what it should be is named and passed over, and
the exit status is 1.";

pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut lake = settings.lake_or_new()?;
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
        "{system}: {} found: {} stored, {} there already, {} refused; {}",
        counted(imported.polls, "poll"),
        imported.stored,
        imported.unchanged,
        counted(imported.refused, "file"),
        counted(imported.rows, "row")
    );
    Ok(if imported.refused > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
