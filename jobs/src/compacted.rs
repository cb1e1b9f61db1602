//! A closed day's status polls in one object, sorted by station and then by time.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use chrono::NaiveDate;
use hotspots_data::codec::{self, CodecError, Metadata, POLLS};
use hotspots_data::table::{Row as _, StationStatusDaily};
use hotspots_data::{Groups, Key, NULL, Recorded, Room, SystemId};
use rayon::prelude::*;

use crate::day_inputs::Recording;
use crate::grid::{Grid, StationRow};
use crate::observations::{COLUMNS, Said};

/// The polls of a compacted day, in order of their numbers, as it says itself.
pub(crate) fn polls(
    metadata: &Metadata,
    system: &SystemId,
    date: NaiveDate,
) -> Result<Vec<Recording>, CodecError> {
    let names = metadata.get(POLLS).ok_or(CodecError::Metadata(POLLS))?;
    let recording = |name| match Recorded::StationStatus.named(system, date, name) {
        Ok(key @ Key::Recorded { stamp, .. }) => Ok(Recording { key, stamp }),
        _ => Err(CodecError::Metadata(POLLS)),
    };
    names.split_whitespace().map(recording).collect()
}

/// Fills in the grid's columns, which all come after those that it has: `columns` has the number of
/// each poll wanted and its column.
pub(crate) fn read(
    bytes: &Bytes,
    columns: &[(usize, usize)],
    grid: &mut Grid,
) -> Result<(), CodecError> {
    codec::guarded(|| read_groups(bytes, columns, grid))
}

fn read_groups(
    bytes: &Bytes,
    columns: &[(usize, usize)],
    grid: &mut Grid,
) -> Result<(), CodecError> {
    let wanted: Vec<&str> = COLUMNS.into_iter().chain([POLL]).collect();
    let schema = StationStatusDaily::schema_of(&wanted);
    let groups = Groups::open(&schema, &COLUMNS[..1], bytes.clone())?;
    let columns = Columns::new(columns);
    // Each thread takes the next row group, with room of its own.
    let next = AtomicUsize::new(0);
    let read_some = |_| {
        let (mut room, mut read) = (Room::default(), Vec::new());
        loop {
            let group = next.fetch_add(1, Ordering::Relaxed);
            if group >= groups.len() {
                return Ok(read);
            }
            read.push((group, read_group(&groups, group, &columns, &mut room)?));
        }
    };
    let threads = (0..rayon::current_num_threads()).into_par_iter();
    let read: Vec<Vec<_>> = threads.map(read_some).collect::<Result<_, CodecError>>()?;
    let mut read: Vec<_> = read.into_iter().flatten().collect();
    read.sort_by_key(|&(group, _)| group);
    for station in read.into_iter().flat_map(|(_, stations)| stations) {
        grid.append(station);
    }
    Ok(())
}

const POLL: &str = "poll";

/// The column of each poll, by its number in the compacted day; and up to which number each next one
/// comes in the next column, as without late polls all do.
struct Columns {
    by_number: Vec<Option<(usize, usize)>>,
}

impl Columns {
    fn new(columns: &[(usize, usize)]) -> Self {
        let last = columns.iter().map(|&(number, _)| number + 1).max().unwrap_or(0);
        let mut by_number = vec![None; last];
        for &(number, column) in columns {
            by_number[number] = Some((column, number + 1));
        }
        for number in (1..last).rev() {
            let Some((column, end)) = by_number[number] else { continue };
            if let Some((before, until)) = &mut by_number[number - 1]
                && *before + 1 == column
            {
                *until = end;
            }
        }
        Self { by_number }
    }

    /// The column of the poll with the first of these numbers that is wanted, and of as many after it as
    /// come in the next columns; takes them from the numbers.
    fn next(&self, numbers: &mut Range<usize>) -> Option<Range<usize>> {
        while numbers.start < numbers.end {
            let at = numbers.start;
            let Some(&known) = self.by_number.get(at) else { break };
            let Some((column, end)) = known else {
                numbers.start += 1;
                continue;
            };
            numbers.start = end.min(numbers.end);
            return Some(column..column + numbers.start - at);
        }
        None
    }
}

/// Rows that are looked at together: few enough to stay in the processor's cache.
const ROWS_AT_ONCE: usize = 4096;

/// What a row tells: [`COLUMNS`] without the first, then [`POLL`].
const TOLD: usize = COLUMNS.len();

/// What most rows tell beside the row before them: all as there, and the next poll.
const USUAL: [i32; TOLD] = [0, 0, 0, 0, 0, 1];

/// The stations of a row group.
fn read_group(
    groups: &Groups,
    group: usize,
    columns: &Columns,
    room: &mut Room,
) -> Result<Vec<StationRow>, CodecError> {
    let [id, bikes, ebikes, mechanical, docks, installed] = COLUMNS;
    let stations = groups.texts(group, id)?;
    let wanted = [bikes, ebikes, mechanical, docks, installed, POLL];
    let mut told = groups.steps(group, wanted, room)?;
    let (mut next, end) = (0, groups.rows(group));
    let mut steps = vec![[0; ROWS_AT_ONCE]; TOLD];
    let mut new = [0_u16; ROWS_AT_ONCE];
    let mut rows = Rows::new(columns);
    for from in (0..end).step_by(ROWS_AT_ONCE) {
        let length = ROWS_AT_ONCE.min(end - from);
        for (column, steps) in told.iter_mut().zip(steps.iter_mut()) {
            column.read(&mut steps[..length]);
        }
        let mut is_new = unusual(&steps);
        let begin = next;
        while stations.get(next).is_some_and(|station| station.0 < from + length) {
            is_new[stations[next].0 - from] = true;
            next += 1;
        }
        let mut starting = stations[begin..next].iter().peekable();
        // Every row is written down, and kept if it is new: to ask takes longer.
        let mut count = 0;
        for (at, &is_new) in is_new[..length].iter().enumerate() {
            new[count] = at as u16;
            count += usize::from(is_new);
        }
        for at in new[..count].iter().map(|&at| usize::from(at)) {
            rows.go_to(from + at);
            if let Some((_, id)) = starting.next_if(|station| station.0 == from + at) {
                rows.begin(id);
            }
            rows.take(std::array::from_fn(|column| steps[column][at]));
        }
    }
    rows.go_to(end);
    rows.begin("");
    rows.stations.retain(StationRow::is_mentioned);
    Ok(rows.stations)
}

/// The rows that tell anything but [`USUAL`].
fn unusual(steps: &[[i32; ROWS_AT_ONCE]]) -> [bool; ROWS_AT_ONCE] {
    let mut unusual = [false; ROWS_AT_ONCE];
    for (column, usual) in steps.iter().zip(USUAL) {
        for (unusual, &step) in unusual.iter_mut().zip(column) {
            *unusual |= step != usual;
        }
    }
    unusual
}

/// Rows on their way to the stations that they are of.
struct Rows<'c> {
    columns: &'c Columns,
    stations: Vec<StationRow>,
    station: StationRow,
    /// The row that was taken last: what it told, and by how much its number is below that of its poll.
    /// The rows after it are like it, each of the next poll.
    row: usize,
    told: [i32; TOLD - 1],
    ahead: i32,
    /// The column that the station's last row went to.
    last: Option<usize>,
}

impl<'c> Rows<'c> {
    fn new(columns: &'c Columns) -> Self {
        Self {
            columns,
            stations: Vec::new(),
            station: StationRow::new(""),
            row: 0,
            told: [0; TOLD - 1],
            ahead: 1,
            last: None,
        }
    }

    /// Gives the rows before this one to their station.
    fn go_to(&mut self, row: usize) {
        let [counts @ .., installed] = self.told;
        let installed = Some(installed).filter(|&flag| flag != NULL).map(|flag| flag != 0);
        let said = Said::of(counts.map(Some), installed);
        let first = self.ahead.wrapping_add(self.row as i32) as u32 as usize;
        let mut numbers = first..first + row - self.row;
        while let Some(polls) = self.columns.next(&mut numbers) {
            // One more row of a poll counts for nothing, what comes after it is as it says.
            let is_repeated = self.last == Some(polls.start);
            if is_repeated {
                self.station.add(polls.start, said, true);
            }
            self.last = Some(polls.end - 1);
            self.station.add_alike(polls.start + usize::from(is_repeated)..polls.end, said);
        }
        self.row = row;
    }

    /// The next row is of another station.
    fn begin(&mut self, id: &str) {
        self.stations.push(self.station.next(id));
        self.last = None;
    }

    /// Takes the next row.
    fn take(&mut self, steps: [i32; TOLD]) {
        let [told @ .., poll] = steps;
        for (told, step) in self.told.iter_mut().zip(told) {
            *told = told.wrapping_add(step);
        }
        self.ahead = self.ahead.wrapping_add(poll).wrapping_sub(1);
    }
}
