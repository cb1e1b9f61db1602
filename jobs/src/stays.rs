//! The join of a day: where each station of the status stood, by the information of the time.
//!
//! Polars is used through its eager API: `lazy` would more than double a cold build. What is joined is
//! a row for each station and version of the information, not for each poll or hour: the sums over
//! time, exact integers, stay where they are.

use hotspots_data::Cell;
use polars::prelude::*;

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

/// Sums over the time that a station stood in a cell, in milliseconds and bike-milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "units are in names")]
pub(crate) struct StaySums {
    pub(crate) hold_ms: i64,
    pub(crate) bike_ms: i64,
    pub(crate) ebike_ms: i64,
    pub(crate) mechanical_ms: i64,
    pub(crate) dock_ms: i64,
    /// Time during which the capacity was known, and the sum of the docks over it.
    pub(crate) capacity_hold_ms: i64,
    pub(crate) capacity_ms: i64,
}

/// What status and information are joined on: a station's index and a version's, as one number.
const PLACE: &str = "place";
const STATION: &str = "station";
const VERSION: &str = "version";

/// Joins the stations of the status, by their ids, to where they stood. One without a place is in no
/// stay. In order of station.
pub(crate) fn stays(
    stations: &[String],
    places: &Places,
    resolutions: usize,
) -> PolarsResult<Vec<Stay>> {
    let status = status(stations.len(), places.versions.len())?;
    let joined =
        status.inner_join(&information(stations, places, resolutions)?, [PLACE], [PLACE])?;
    // Versions in which a station is in the same cells are one stay.
    let cells: Vec<String> = (0..resolutions).map(cell_column).collect();
    let keys = [STATION].into_iter().chain(cells.iter().map(String::as_str));
    let groups = joined.group_by(keys)?;
    let whole = |name: &str| -> PolarsResult<Vec<u64>> {
        Ok(joined.column(name)?.u64()?.no_null_iter().collect())
    };
    let (station, version) = (whole(STATION)?, whole(VERSION)?);
    let stay = |rows: GroupsIndicator<'_>| {
        let rows: Vec<usize> = match rows {
            GroupsIndicator::Idx((_, rows)) => rows.iter().map(|&row| row as usize).collect(),
            GroupsIndicator::Slice([from, rows]) => {
                (from as usize..(from + rows) as usize).collect()
            }
        };
        let station = station[*rows.first()?] as usize;
        let place = |version| places.of(version, &stations[station]);
        let docks = |row: usize| {
            let version = version[row] as usize;
            (version, place(version).and_then(|place| place.capacity))
        };
        let mut versions: Vec<_> = rows.into_iter().map(docks).collect();
        versions.sort_unstable();
        let cells = place(versions[0].0)?.cells.clone();
        Some(Stay { station, cells, versions })
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
        let joined = status(1, 1).and_then(|row| row.inner_join(&row, [PLACE], [PLACE]));
        let _ = joined.and_then(|joined| joined.group_by([PLACE]).map(drop));
    });
}

/// A row for each station of the status and version of the information.
fn status(stations: usize, versions: usize) -> PolarsResult<DataFrame> {
    let rows = || (0..stations).flat_map(|station| (0..versions).map(move |at| (station, at)));
    let column = |name: &str, of: fn((usize, usize)) -> usize| {
        Column::new(name.into(), rows().map(|row| of(row) as u64).collect::<Vec<_>>())
    };
    let places: Vec<u64> = (0..(stations * versions) as u64).collect();
    DataFrame::new_infer_height(vec![
        Column::new(PLACE.into(), places),
        column(STATION, |row| row.0),
        column(VERSION, |row| row.1),
    ])
}

/// A row for each of these stations in each version of the information that has it, with its cells; 0
/// is no cell.
fn information(
    stations: &[String],
    places: &Places,
    resolutions: usize,
) -> PolarsResult<DataFrame> {
    let versions = places.versions.len();
    let mut columns = vec![Vec::new(); 1 + resolutions];
    for (station, id) in stations.iter().enumerate() {
        for version in 0..versions {
            let Some(place) = places.of(version, id) else { continue };
            let key = (station * versions + version) as u64;
            let cells = place.cells.iter().map(|cell| cell.map_or(0, u64::from));
            for (column, value) in columns.iter_mut().zip([key].into_iter().chain(cells)) {
                column.push(value);
            }
        }
    }
    let names = [PLACE.to_owned()].into_iter().chain((0..resolutions).map(cell_column));
    let column = |(name, column): (String, Vec<u64>)| Column::new(name.into(), column);
    DataFrame::new_infer_height(names.zip(columns).map(column).collect())
}

fn cell_column(resolution: usize) -> String {
    format!("cell_{resolution}")
}

impl StaySums {
    /// Adds a part of the station's day, during which so many docks were known.
    pub(crate) fn add(&mut self, part: Sums, docks: Option<i32>) {
        self.hold_ms += part.hold_ms;
        self.bike_ms += part.bike_ms;
        self.ebike_ms += part.ebike_ms;
        self.mechanical_ms += part.mechanical_ms;
        self.dock_ms += part.dock_ms;
        if let Some(docks) = docks {
            self.capacity_hold_ms += part.hold_ms;
            self.capacity_ms += i64::from(docks) * part.hold_ms;
        }
    }
}

impl std::ops::AddAssign for StaySums {
    fn add_assign(&mut self, other: Self) {
        self.hold_ms += other.hold_ms;
        self.bike_ms += other.bike_ms;
        self.ebike_ms += other.ebike_ms;
        self.mechanical_ms += other.mechanical_ms;
        self.dock_ms += other.dock_ms;
        self.capacity_hold_ms += other.capacity_hold_ms;
        self.capacity_ms += other.capacity_ms;
    }
}
