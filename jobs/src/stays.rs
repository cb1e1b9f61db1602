//! The join of a day: where each station of the status stood, by the information of the time.
//!
//! Polars is used through its eager API: `lazy` would more than double a cold build. What is joined is
//! a row for each station and version of the information, not for each poll or hour: the sums over
//! time, exact integers, stay where they are.

use hotspots_data::Cell;
use polars::prelude::*;

use crate::cells::mean;
use crate::places::Places;
use crate::pool;
use crate::station_day::Sums;

/// A station in the cells in which it stood for a part of the day, or all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stay {
    /// Index of the station.
    pub(crate) station: usize,
    /// By resolution.
    pub(crate) cells: Vec<Option<Cell>>,
    /// The versions of the information that say so, in order, each with the docks known.
    pub(crate) versions: Vec<(usize, Option<i32>)>,
}

/// Sums over the time that a station stood in a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StaySums {
    pub(crate) sums: Sums,
    /// Time during which the capacity was known, and the sum of the docks over it.
    pub(crate) capacity_hold_ms: i64,
    pub(crate) capacity_ms: i64,
}

const STATION_ID: &str = "station_id";
const STATION: &str = "station";
const VERSION: &str = "version";
const CAPACITY: &str = "capacity";

/// Joins the stations of the status to the information by `station_id` and groups them by the cells
/// in which they stood. A station without information is in no stay. In order of station.
pub(crate) fn stays(
    stations: &[String],
    places: &Places,
    resolutions: usize,
) -> PolarsResult<Vec<Stay>> {
    let information = information(places, resolutions)?;
    let joined = status(stations)?.inner_join(&information, [STATION_ID], [STATION_ID])?;
    // Versions in which a station is in the same cells are one stay.
    let cells: Vec<String> = (0..resolutions).map(cell_column).collect();
    let keys = [STATION].into_iter().chain(cells.iter().map(String::as_str));
    let groups = joined.group_by(keys)?;
    let numbers = |name: &str| -> PolarsResult<Vec<u64>> {
        Ok(joined.column(name)?.u64()?.no_null_iter().collect())
    };
    let (station, version) = (numbers(STATION)?, numbers(VERSION)?);
    let capacity: Vec<Option<i32>> = joined.column(CAPACITY)?.i32()?.iter().collect();
    let cells: Vec<Vec<u64>> =
        cells.iter().map(|name| numbers(name)).collect::<PolarsResult<_>>()?;
    let stay = |rows: GroupsIndicator<'_>| {
        let rows: Vec<usize> = match rows {
            GroupsIndicator::Idx((_, rows)) => rows.iter().map(|&row| row as usize).collect(),
            GroupsIndicator::Slice([from, rows]) => {
                (from as usize..(from + rows) as usize).collect()
            }
        };
        let first = *rows.first()?;
        let cell = |column: &Vec<u64>| Cell::try_from(column[first]).ok();
        let mut versions: Vec<_> =
            rows.iter().map(|&row| (version[row] as usize, capacity[row])).collect();
        versions.sort_unstable();
        let cells = cells.iter().map(cell).collect();
        Some(Stay { station: station[first] as usize, cells, versions })
    };
    let mut stays: Vec<Stay> = groups.get_groups().iter().filter_map(stay).collect();
    stays.sort_unstable_by_key(|stay| (stay.station, stay.versions[0]));
    Ok(stays)
}

/// Lets a first join happen on another thread, with one row: it starts Polars' own threads and reads
/// its code, for which there is time while the lake is listed.
pub(crate) fn get_ready() {
    pool::start();
    rayon::spawn(|| {
        let joined = status(&[String::new()])
            .and_then(|row| row.inner_join(&row, [STATION_ID], [STATION_ID]));
        let _ = joined.and_then(|joined| joined.group_by([STATION]).map(drop));
    });
}

/// A row for each station of the status, numbered in their order.
fn status(stations: &[String]) -> PolarsResult<DataFrame> {
    let ids: Vec<&str> = stations.iter().map(String::as_str).collect();
    let numbers: Vec<u64> = (0..stations.len() as u64).collect();
    DataFrame::new_infer_height(vec![
        Column::new(STATION_ID.into(), ids),
        Column::new(STATION.into(), numbers),
    ])
}

/// A row for each station in each version of the information, with its cells; 0 is no cell.
fn information(places: &Places, resolutions: usize) -> PolarsResult<DataFrame> {
    let (mut ids, mut versions, mut capacities) = (Vec::new(), Vec::new(), Vec::new());
    let mut cells = vec![Vec::new(); resolutions];
    for (number, version) in places.versions.iter().enumerate() {
        for place in version.places() {
            ids.push(place.row.station_id.as_str());
            versions.push(number as u64);
            capacities.push(place.capacity);
            for (column, cell) in cells.iter_mut().zip(&place.cells) {
                column.push(cell.map_or(0, u64::from));
            }
        }
    }
    let cells = cells.into_iter().enumerate();
    let cells = cells.map(|(resolution, cells)| Column::new(cell_column(resolution).into(), cells));
    let mut columns = vec![
        Column::new(STATION_ID.into(), ids),
        Column::new(VERSION.into(), versions),
        Column::new(CAPACITY.into(), capacities),
    ];
    columns.extend(cells);
    DataFrame::new_infer_height(columns)
}

fn cell_column(resolution: usize) -> String {
    format!("cell_{resolution}")
}

impl StaySums {
    /// Adds a part of the station's day, during which so many docks were known.
    pub(crate) fn add(&mut self, part: Sums, docks: Option<i32>) {
        self.sums += part;
        if let Some(docks) = docks {
            self.capacity_hold_ms += part.hold_ms;
            self.capacity_ms += i64::from(docks) * part.hold_ms;
        }
    }

    /// The mean capacity, weighted by time; `None` unless it was known all the time.
    pub(crate) fn capacity(self) -> Option<f64> {
        let is_known = self.capacity_hold_ms == self.sums.hold_ms;
        mean(self.capacity_ms, self.sums.hold_ms).filter(|_| is_known)
    }
}

impl std::ops::AddAssign for StaySums {
    fn add_assign(&mut self, other: Self) {
        self.sums += other.sums;
        self.capacity_hold_ms += other.capacity_hold_ms;
        self.capacity_ms += other.capacity_ms;
    }
}
