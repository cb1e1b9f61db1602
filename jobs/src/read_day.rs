//! Reads a day: objects of the lake become the grid of stations and polls, a few at a time.

use std::ops::Range;

use futures::{StreamExt as _, TryStreamExt as _, try_join};
use hotspots_data::table::{Row as _, StationInformation};
use hotspots_data::{Key, Lake, Resolution};

use crate::compacted;
use crate::day_inputs::{DayInputs, Recording};
use crate::error::{JobError, damaged};
use crate::grid::{Grid, StationRow};
use crate::observations::{Decoder, PollRows};
use crate::places::{Places, Version};
use crate::pool;
use crate::vehicles::{self, FreeDay, FreePoll};

/// A day as it was observed.
#[derive(Debug)]
pub(crate) struct ObservedDay {
    /// In order of id.
    pub(crate) stations: Vec<StationRow>,
    pub(crate) places: Places,
    /// By resolution.
    pub(crate) free: Vec<FreeDay>,
}

/// Polls that one task reads and decodes: bounds memory, and is many because only the first of them is
/// handed on whole, and of the others what changed.
const POLLS_AT_ONCE: usize = 120;
/// Objects that one task asks of the store at the same time.
pub(crate) const READS_AT_ONCE: usize = 16;

/// Reads everything that a day is computed from.
pub(crate) async fn read_day(
    lake: &Lake,
    inputs: &DayInputs,
    resolutions: &[Resolution],
) -> Result<ObservedDay, JobError> {
    let (stations, places, free) = try_join!(
        read_status(lake, inputs),
        read_places(lake, inputs, resolutions),
        read_vehicles(lake, inputs, resolutions),
    )?;
    Ok(ObservedDay { stations, places, free })
}

async fn read_status(lake: &Lake, inputs: &DayInputs) -> Result<Vec<StationRow>, JobError> {
    let carried = inputs.before.iter().filter_map(|before| before.polls.last());
    let days = [
        (inputs.before.as_ref(), carried.collect()),
        (Some(&inputs.own), inputs.own.polls.iter().collect::<Vec<_>>()),
    ];
    let mut grid = Grid::default();
    let mut raw: Vec<(usize, Key)> = Vec::new();
    let mut column = 0;
    for (day, polls) in days {
        let mut columns = Vec::new();
        for poll in polls {
            match poll.number {
                None => raw.push((column, poll.recording.key.clone())),
                Some(number) => columns.push((number, column)),
            }
            column += 1;
        }
        let Some(compacted) = day.and_then(|day| day.compacted.clone()) else { continue };
        if !columns.is_empty() {
            grid = pool::run(move || {
                compacted::read(&compacted.bytes, &columns, &mut grid)
                    .map_err(damaged(&compacted.key))?;
                Ok(grid)
            })
            .await?;
        }
    }
    let chunks: Vec<Vec<(usize, Key)>> = raw.chunks(POLLS_AT_ONCE).map(<[_]>::to_vec).collect();
    let mut decoded = futures::stream::iter(chunks)
        .map(|chunk| read_polls(lake, chunk))
        .buffered(rayon::current_num_threads() + 1);
    while let Some(polls) = decoded.try_next().await? {
        for (column, rows) in polls {
            grid.add(column, &rows);
        }
    }
    Ok(grid.into_stations())
}

async fn read_polls(
    lake: &Lake,
    polls: Vec<(usize, Key)>,
) -> Result<Vec<(usize, PollRows)>, JobError> {
    let fetch = async |(column, key): (usize, Key)| {
        let bytes = if lake.folder().is_some() { None } else { Some(lake.get(&key).await?.bytes) };
        Ok::<_, JobError>((column, key, bytes))
    };
    let objects: Vec<_> =
        futures::stream::iter(polls).map(fetch).buffered(READS_AT_ONCE).try_collect().await?;
    let lake = lake.clone();
    pool::run(move || {
        let mut decoded: Vec<(usize, PollRows)> = Vec::with_capacity(objects.len());
        let mut reader = Decoder::new().map_err(JobError::Encode)?;
        for (column, key, bytes) in objects {
            let bytes = bytes.map_or_else(|| lake.get_local(&key), Ok)?;
            decoded.push((column, reader.decode(bytes).map_err(damaged(&key))?));
        }
        Ok(decoded)
    })
    .await
}

async fn read_places(
    lake: &Lake,
    inputs: &DayInputs,
    resolutions: &[Resolution],
) -> Result<Places, JobError> {
    let mut versions = Vec::new();
    for (information, polls) in in_force(&inputs.information, &inputs.polls()) {
        let bytes = lake.get(&information.key).await?.bytes;
        let (key, resolutions) = (information.key.clone(), resolutions.to_vec());
        let decode = move || {
            let (rows, _) = StationInformation::decode(bytes).map_err(damaged(&key))?;
            Ok(Version::new(polls, rows, &resolutions))
        };
        versions.push(pool::run(decode).await?);
    }
    Ok(Places { versions })
}

async fn read_vehicles(
    lake: &Lake,
    inputs: &DayInputs,
    resolutions: &[Resolution],
) -> Result<Vec<FreeDay>, JobError> {
    let read = async |poll: &Recording| {
        let bytes = lake.get(&poll.key).await?.bytes;
        let (key, resolutions) = (poll.key.clone(), resolutions.to_vec());
        pool::run(move || vehicles::decode(bytes, &resolutions).map_err(damaged(&key))).await
    };
    let polls: Vec<FreePoll> = futures::stream::iter(&inputs.vehicles)
        .map(read)
        .buffered(rayon::current_num_threads() + 1)
        .try_collect()
        .await?;
    Ok(vehicles::days(&polls, resolutions.len()))
}

/// The versions in force during some poll, and the last, each with those polls: from when it was seen
/// until the next one was; the first also for the polls before it.
fn in_force<'v>(
    versions: &'v [Recording],
    polls: &[&Recording],
) -> Vec<(&'v Recording, Range<usize>)> {
    let start = |version: usize| match versions.get(version) {
        Some(_) if version == 0 => 0,
        Some(seen) => polls.partition_point(|poll| poll.stamp < seen.stamp),
        None => polls.len(),
    };
    let spans = versions.iter().enumerate().map(|(i, seen)| (seen, start(i)..start(i + 1)));
    let is_last = |seen: &Recording| versions.last() == Some(seen);
    spans.filter(|(seen, polls)| !polls.is_empty() || is_last(seen)).collect()
}
