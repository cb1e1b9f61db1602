//! A closed day's status polls in one object, sorted by station and then by time.

use std::collections::HashMap;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Int32Type, UInt32Type};
use bytes::Bytes;
use chrono::NaiveDate;
use hotspots_data::codec::{self, CodecError, Groups, POLLS};
use hotspots_data::table::{Row as _, StationStatusDaily};
use hotspots_data::{Key, Recorded, SystemId};
use rayon::prelude::*;

use crate::day_inputs::Recordings;
use crate::grid::Grid;
use crate::observations::{COLUMNS, Observed};

/// The polls of a compacted day, in order of their numbers.
pub(crate) fn polls(
    bytes: &Bytes,
    system: &SystemId,
    date: NaiveDate,
) -> Result<Vec<Recordings>, CodecError> {
    let metadata = codec::read_metadata(bytes.clone())?;
    let names = metadata.get(POLLS).ok_or(CodecError::Metadata(POLLS))?;
    let recordings = |name| match Recorded::StationStatus.named(system, date, name) {
        Ok(key @ Key::Recorded { stamp, .. }) => Ok(Recordings { key, stamp }),
        _ => Err(CodecError::Metadata(POLLS)),
    };
    names.split_whitespace().map(recordings).collect()
}

/// Fills in the grid's columns: `columns` has the number of each poll wanted and its column.
pub(crate) fn read(
    bytes: &Bytes,
    columns: &[(usize, usize)],
    grid: &mut Grid,
) -> Result<(), CodecError> {
    let wanted: Vec<&str> = COLUMNS.into_iter().chain(["poll"]).collect();
    let schema = StationStatusDaily::schema_of(&wanted);
    let groups = Groups::open(&schema, &["station_id"], bytes.clone())?;
    let columns: HashMap<u32, usize> =
        columns.iter().map(|&(n, column)| (n as u32, column)).collect();
    let last = columns.keys().max().map_or(0, |&number| number as usize + 1);
    let by_number: Vec<Option<usize>> =
        (0..last as u32).map(|number| columns.get(&number).copied()).collect();
    let threads = rayon::current_num_threads();
    let numbers: Vec<usize> = (0..groups.len()).collect();
    // A few groups at a time: the memory that they need is bounded.
    for some in numbers.chunks(threads) {
        let read: Vec<RecordBatch> =
            some.par_iter().map(|&group| groups.read(group)).collect::<Result<_, _>>()?;
        for batch in read {
            add(&batch, &by_number, grid)?;
        }
    }
    Ok(())
}

/// Fills in a batch of the wanted columns; `columns` has the column of each poll's number.
fn add(batch: &RecordBatch, columns: &[Option<usize>], grid: &mut Grid) -> Result<(), CodecError> {
    let stations = batch.column(0).as_dictionary::<Int32Type>();
    let ids: &arrow::array::StringArray = stations.values().as_string();
    let numbers = batch.column(COLUMNS.len()).as_primitive::<UInt32Type>().values();
    let observed = Observed::of(&batch.columns()[1..COLUMNS.len()]);
    let mut not_installed = observed.not_installed.iter().copied().peekable();
    let mut negative = observed.negative.iter().copied().peekable();
    let keys = stations.keys().values();
    let mut row = 0;
    for of_station in keys.chunk_by(|a, b| a == b) {
        let id = usize::try_from(of_station[0]).ok().filter(|&key| key < ids.len());
        let id = id.ok_or_else(|| CodecError::MissingColumn(COLUMNS[0].to_owned()))?;
        let station = grid.station(ids.value(id));
        let mut last = None;
        for row in row..row + of_station.len() {
            let is_installed = not_installed.next_if_eq(&(row as u32)).is_none();
            let is_negative = negative.next_if_eq(&(row as u32)).is_some();
            let Some(&Some(column)) = columns.get(numbers[row] as usize) else { continue };
            station.add(column, observed.counts[row], last == Some(column));
            station.not_installed += u32::from(!is_installed);
            station.negative += u32::from(is_negative);
            last = Some(column);
        }
        row += of_station.len();
    }
    Ok(())
}
