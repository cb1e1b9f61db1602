//! A closed day's status polls in one object, sorted by station and then by time.

use arrow::array::{Array as _, AsArray as _, StringArray};
use arrow::datatypes::{Int32Type, UInt32Type};
use bytes::Bytes;
use chrono::NaiveDate;
use hotspots_data::codec::{self, CodecError, Groups, POLLS};
use hotspots_data::table::{Row as _, StationStatusDaily};
use hotspots_data::{Key, Recorded, SystemId};
use rayon::prelude::*;

use crate::day_inputs::Recordings;
use crate::grid::{Grid, StationRow};
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

/// Fills in the grid's columns, which all come after those that it has: `columns` has the number of
/// each poll wanted and its column.
pub(crate) fn read(
    bytes: &Bytes,
    columns: &[(usize, usize)],
    grid: &mut Grid,
) -> Result<(), CodecError> {
    let wanted: Vec<&str> = COLUMNS.into_iter().chain(["poll"]).collect();
    let schema = StationStatusDaily::schema_of(&wanted);
    let groups = Groups::open(&schema, &["station_id"], bytes.clone())?;
    let last = columns.iter().map(|&(number, _)| number + 1).max().unwrap_or(0);
    let mut by_number: Vec<Option<usize>> = vec![None; last];
    for &(number, column) in columns {
        by_number[number] = Some(column);
    }
    let columns = Columns::new(by_number);
    let read = |group| read_group(&groups, group, &columns);
    let read: Vec<Vec<StationRow>> =
        (0..groups.len()).into_par_iter().map(read).collect::<Result<_, _>>()?;
    for station in read.into_iter().flatten() {
        grid.append(station);
    }
    Ok(())
}

/// The column of each poll, by its number in the compacted day.
struct Columns {
    by_number: Vec<Option<usize>>,
    /// Whether each poll's column comes right after that of the poll numbered one less, as without
    /// late polls it does.
    is_dense: bool,
}

impl Columns {
    fn new(by_number: Vec<Option<usize>>) -> Self {
        let mut pairs = by_number.windows(2);
        let is_dense = pairs.all(|pair| pair[0].is_some() && pair[1] == pair[0].map(|c| c + 1));
        Self { by_number, is_dense }
    }

    /// Of rows with these numbers, those whose column does not come right after that of the row
    /// before.
    fn breaks(&self, numbers: &[u32]) -> Vec<bool> {
        let mut breaks = vec![true; numbers.len()];
        for (is_break, pair) in breaks.iter_mut().skip(1).zip(numbers.windows(2)) {
            *is_break = pair[0].wrapping_add(1) != pair[1];
        }
        let known = self.by_number.len();
        if !self.is_dense || numbers.iter().any(|&number| number as usize >= known) {
            for (is_break, pair) in breaks.iter_mut().skip(1).zip(numbers.windows(2)) {
                let follows = |before: usize| self.of(pair[1]) == Some(before + 1);
                *is_break |= !self.of(pair[0]).is_some_and(follows);
            }
        }
        breaks
    }

    fn of(&self, number: u32) -> Option<usize> {
        self.by_number.get(number as usize).copied().flatten()
    }
}

/// The stations of a row group.
fn read_group(
    groups: &Groups,
    group: usize,
    columns: &Columns,
) -> Result<Vec<StationRow>, CodecError> {
    let mut read: Vec<StationRow> = Vec::new();
    let mut station = StationRow::new("");
    // Of the station that is read: the column that its last row went to, and whether that row was one
    // too many, so that the next is like it and yet says something else of the station.
    let (mut last, mut was_repeated) = (None, false);
    for batch in groups.read(group)? {
        let batch = batch?;
        let stations = batch.column(0).as_dictionary::<Int32Type>();
        let ids: &StringArray = stations.values().as_string();
        let numbers = batch.column(COLUMNS.len()).as_primitive::<UInt32Type>().values();
        let observed = Observed::of(&batch.columns()[1..COLUMNS.len()]);
        let mut is_new = columns.breaks(numbers);
        observed.mark_changes(&mut is_new);
        let mut rows = 0..0;
        for of_station in stations.keys().values().chunk_by(|a, b| a == b) {
            rows = rows.end..rows.end + of_station.len();
            is_new[rows.start] = true;
            let id = usize::try_from(of_station[0]).ok().filter(|&key| key < ids.len());
            let id = id.ok_or_else(|| CodecError::MissingColumn(COLUMNS[0].to_owned()))?;
            if station.id != ids.value(id) {
                read.push(station.next(ids.value(id)));
                (last, was_repeated) = (None, false);
            }
            let mut row = rows.start;
            while row < rows.end {
                if !was_repeated {
                    let alike = is_new[row..rows.end].iter().position(|&is_new| is_new);
                    let alike = alike.unwrap_or(rows.end - row);
                    station.repeat(alike);
                    last = last.map(|column| column + alike);
                    row += alike;
                    if row == rows.end {
                        break;
                    }
                }
                if let Some(column) = columns.of(numbers[row]) {
                    was_repeated = last == Some(column);
                    station.add(column, observed.said(row), was_repeated);
                    last = Some(column);
                }
                row += 1;
            }
        }
    }
    read.push(station.next(""));
    read.retain(StationRow::is_mentioned);
    Ok(read)
}
