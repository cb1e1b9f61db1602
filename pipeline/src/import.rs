//! Recorded GBFS JSON into the lake, through the same parsing as a live poll.

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use hotspots_data::table::{Outcome, Poll};
use hotspots_data::{Lake, Recorded, SystemId};
use tracing::warn;

use crate::feeds::Kind;
use crate::gbfs::{Envelope, FeedError, VehicleTypes, parse_vehicle_types};
use crate::intake::{Intake, IntakeError};
use crate::ledger::{self, Attempt, AttemptError};
use crate::store::{
    LastVersion, Shelf, StoreError, Stored, last_other_feeds, last_version, system_row,
};

/// Recordings to import.
#[derive(Clone, Debug)]
pub struct Recordings {
    /// The folder: status polls named by their UTC time, in it or in its `polls` folder, and beside
    /// them, where there are any, `station_information.json`, `system_information.json`,
    /// `vehicle_types.json`, and one `free_bike_status.json` or `vehicle_status.json`.
    pub folder: PathBuf,
    /// The system's name in the lake.
    pub system: SystemId,
    /// The time zone, should the recordings not give a valid one.
    pub time_zone: Option<Tz>,
}

/// What an import came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Status polls found.
    pub polls: usize,
    /// Of these, new in the lake.
    pub stored: usize,
    /// Of these, in the lake already.
    pub unchanged: usize,
    /// Files that could not be read as what they should be.
    pub refused: usize,
    /// Rows of the status polls that are in the lake.
    pub rows: usize,
}

/// Why nothing could be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The folder or a file in it cannot be read.
    #[error("cannot read `{path}`: {reason}")]
    Unreadable {
        /// What was to be read.
        path: String,
        /// Why not.
        reason: std::io::Error,
    },
    /// The folder has no poll.
    #[error(
        "`{path}` holds no status poll: name each by its UTC time, such as 2026-02-10T140235Z.json, or one `station_status.json`"
    )]
    NoPolls {
        /// The folder.
        path: String,
    },
    /// Local dates cannot be told.
    #[error(
        "the recordings in `{path}` give no valid time zone: name it, as in --time-zone Europe/Paris"
    )]
    NoTimeZone {
        /// The folder.
        path: String,
    },
    /// The lake failed.
    #[error(transparent)]
    Lake(#[from] hotspots_data::LakeError),
}

/// A recorded file and the time it was fetched at, as its name says.
#[derive(Clone, Debug)]
struct Recording {
    path: PathBuf,
    feed: &'static str,
    fetched_at: Option<DateTime<Utc>>,
}

/// Imports recordings; the second time changes nothing. `progress` hears of polls done and in all.
///
/// # Errors
/// [`ImportError`] when there is nothing to import or the lake fails; a file that is not what it
/// should be is logged, noted in the ledger and counted, and the others are imported.
pub async fn import(
    lake: &Lake,
    recordings: &Recordings,
    mut progress: impl FnMut(usize, usize),
) -> Result<Imported, ImportError> {
    let polls = polls_in(&recordings.folder)?;
    let information = beside(&recordings.folder, &polls);
    let system = information.iter().find(|file| file.feed == "system_information");
    let row = match system {
        Some(file) => system_row(&read(&file.path)?, DateTime::UNIX_EPOCH),
        None => None,
    };
    let published = row.as_ref().and_then(|row| row.timezone.clone());
    let time_zone = time_zone(recordings, published.as_deref())?;
    let intake = Intake::direct(lake.clone());
    let shelf = Shelf { intake: &intake, system: &recordings.system, time_zone };
    let language = row.and_then(|row| row.language);
    let types = match information.iter().find(|file| file.feed == "vehicle_types") {
        Some(file) => parse_vehicle_types(&read(&file.path)?).map(|(_, types)| types),
        None => Ok(VehicleTypes::default()),
    };
    // One that cannot be read is refused below, in its turn.
    let context = Context { types: types.unwrap_or_default(), language };
    let first_poll = polls.iter().find_map(|poll| poll.fetched_at);

    let mut imported = Imported { polls: polls.len(), ..Imported::default() };
    for (done, file) in information.iter().chain(&polls).enumerate() {
        let body = read(&file.path)?;
        let is_poll = file.feed == "station_status";
        // A file whose name has no time was fetched when its feed says, or with the first poll.
        let fetched_at = file.fetched_at.or_else(|| feed_time(&body)).or(first_poll);
        let result = match fetched_at {
            Some(at) => import_file(shelf, file, &body, at, &context).await,
            None => Err(FeedError::NotGbfs { reason: NO_TIME.to_owned() }.into()),
        };
        match &result {
            Ok(stored) if is_poll => {
                imported.rows += stored.rows;
                imported.stored += usize::from(stored.outcome == Outcome::Stored);
                imported.unchanged += usize::from(stored.outcome == Outcome::Unchanged);
            }
            Err(StoreError::Feed(_)) => imported.refused += 1,
            _ => {}
        }
        let at = fetched_at.unwrap_or_default();
        note(shelf, file, &body, at, result).await?;
        progress((done + 1).saturating_sub(information.len()), polls.len());
    }
    Ok(imported)
}

const NO_TIME: &str = "neither the file's name nor the feed says when it was fetched";

/// What a recording is read with.
struct Context {
    types: VehicleTypes,
    language: Option<String>,
}

async fn import_file(
    shelf: Shelf<'_>,
    file: &Recording,
    body: &[u8],
    fetched_at: DateTime<Utc>,
    Context { types, language }: &Context,
) -> Result<Stored, StoreError> {
    match Kind::of(file.feed) {
        Kind::StationStatus => shelf.station_status(body, fetched_at, types, &mut None).await,
        Kind::VehicleStatus => shelf.vehicle_status(body, fetched_at, types, &mut None).await,
        Kind::StationInformation => {
            let mut last = known(shelf, Recorded::StationInformation).await?;
            shelf.station_information(body, fetched_at, language.as_deref(), &mut last).await
        }
        Kind::VehicleTypes | Kind::Other => {
            parse_vehicle_types(body)?;
            let others = last_other_feeds(shelf.intake.lake(), shelf.system).await?;
            let mut last =
                others.into_iter().find(|(row, _)| row.feed == file.feed).map(|(_, last)| last);
            shelf.other_feed(file.feed, body, fetched_at, &mut last).await
        }
        Kind::SystemInformation => {
            let mut last = known(shelf, Recorded::SystemInformation).await?;
            shelf.system_information(body, fetched_at, &mut last).await
        }
    }
}

async fn known(shelf: Shelf<'_>, table: Recorded) -> Result<Option<LastVersion>, StoreError> {
    Ok(last_version(shelf.intake.lake(), table, shelf.system).await?.map(|(version, _)| version))
}

/// A ledger row for what is new or wrong; nothing for what the lake had, so that importing twice
/// changes nothing.
async fn note(
    shelf: Shelf<'_>,
    file: &Recording,
    body: &[u8],
    at: DateTime<Utc>,
    result: Result<Stored, StoreError>,
) -> Result<(), ImportError> {
    let name = file.path.file_name().unwrap_or_default().to_string_lossy();
    let url = format!("file:{name}");
    let attempt = Attempt {
        feed: file.feed.to_owned(),
        url,
        scheduled_at: at,
        started_at: at,
        fetched_at: None,
    };
    let row: Poll = match result {
        Err(StoreError::Intake(IntakeError::Lake(error))) => return Err(error.into()),
        Err(error) => {
            let error = AttemptError::from(error);
            warn!(system = %shelf.system, feed = file.feed, "{}: {error}", file.path.display());
            attempt.failed(at, body.len(), &error)
        }
        Ok(stored) if stored.outcome == Outcome::Unchanged => return Ok(()),
        Ok(stored) => {
            if stored.is_odd {
                let message = stored.message.as_deref().unwrap_or_default();
                warn!(system = %shelf.system, feed = file.feed, "{}: {message}", file.path.display());
            }
            attempt.stored(at, body.len(), &stored)
        }
    };
    match ledger::write(shelf, &[row]).await {
        Err(StoreError::Intake(IntakeError::Lake(error))) => Err(error.into()),
        _ => Ok(()),
    }
}

fn polls_in(folder: &Path) -> Result<Vec<Recording>, ImportError> {
    let inner = folder.join("polls");
    let searched = if inner.is_dir() { &inner } else { folder };
    let unreadable =
        |reason| ImportError::Unreadable { path: searched.display().to_string(), reason };
    let mut polls = Vec::new();
    for entry in std::fs::read_dir(searched).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        let fetched_at =
            NaiveDateTime::parse_from_str(&stem, "%Y-%m-%dT%H%M%SZ").ok().map(|at| at.and_utc());
        if is_json && (fetched_at.is_some() || stem == "station_status") {
            polls.push(Recording { path, feed: "station_status", fetched_at });
        }
    }
    if polls.is_empty() {
        return Err(ImportError::NoPolls { path: searched.display().to_string() });
    }
    polls.sort_by(|a, b| (a.fetched_at, &a.path).cmp(&(b.fetched_at, &b.path)));
    Ok(polls)
}

/// The other feeds in the folder, or beside the folder of polls if that is what was named.
fn beside(folder: &Path, polls: &[Recording]) -> Vec<Recording> {
    let of_polls = polls.first().and_then(|poll| poll.path.parent()).and_then(Path::parent);
    let places = [Some(folder), of_polls];
    let find = |feed: &'static str| {
        let path = places.into_iter().flatten().map(|place| place.join(format!("{feed}.json")));
        let path = path.into_iter().find(|path| path.is_file())?;
        Some(Recording { path, feed, fetched_at: None })
    };
    let feeds = [
        "system_information",
        "vehicle_types",
        "station_information",
        "free_bike_status",
        "vehicle_status",
    ];
    feeds.into_iter().filter_map(find).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, ImportError> {
    std::fs::read(path)
        .map_err(|reason| ImportError::Unreadable { path: path.display().to_string(), reason })
}

fn feed_time(body: &[u8]) -> Option<DateTime<Utc>> {
    Envelope::read(body).ok()?.last_updated.map(|time| time.at)
}

fn time_zone(recordings: &Recordings, published: Option<&str>) -> Result<Tz, ImportError> {
    if let Some(valid) = published.and_then(|name| name.parse().ok()) {
        return Ok(valid);
    }
    let path = recordings.folder.display().to_string();
    let fallback = recordings.time_zone.ok_or(ImportError::NoTimeZone { path })?;
    if let Some(name) = published {
        let system = &recordings.system;
        warn!(%system, "{system}: time zone `{name}` is unknown: using {fallback}");
    }
    Ok(fallback)
}
