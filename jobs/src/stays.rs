//! The join of a day: what each station adds to each cell in each hour.
//!
//! Polars is used through its eager API: `lazy` would more than double a cold build. Everything added
//! up here is an integer, so that sums do not depend on order or number of threads.

use hotspots_data::Cell;
use polars::prelude::*;

use crate::grid::StationRow;
use crate::places::{Place, Places};
use crate::station_day::StationSums;

/// A station in a cell during an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stay {
    /// Index among [`Stays::cells`] of the resolution.
    pub(crate) cell: usize,
    /// Index of the station.
    pub(crate) station: usize,
    pub(crate) hour: usize,
    pub(crate) sums: StaySums,
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

/// A day's stays in the cells of each resolution.
#[derive(Debug)]
pub(crate) struct Stays {
    /// By resolution, in order.
    cells: Vec<Vec<Cell>>,
    /// A row for each part of a station's day that has a place.
    frame: DataFrame,
    /// How many stations and hours there are together.
    station_hours: u64,
    hours: usize,
}

/// What is added up of a station's part of the day.
const SUMS: [&str; 5] = ["hold_ms", "bike_ms", "ebike_ms", "mechanical_ms", "dock_ms"];
/// What the place adds to it: the time that its docks are known, and the sum of docks over it.
const CAPACITY: [&str; 2] = ["capacity_hold_ms", "capacity_ms"];
/// The station and version of the information that parts and places are joined on, as one number.
const PLACE: &str = "place";
/// The station and the hour as one number, and these with the cell.
const STATION_HOUR: &str = "station_hour";
const STAY: &str = "stay";

impl Stays {
    /// Joins the stations' parts of the day to where they stood; a part without a place is in no cell.
    pub(crate) fn new(
        stations: &[StationRow],
        days: &[StationSums],
        places: &Places,
        resolutions: usize,
        hours: usize,
    ) -> PolarsResult<Self> {
        let (cells, places_of) = stood(stations, places, resolutions)?;
        let parts = parts(days, places.versions.len(), hours)?;
        let mut frame = parts.inner_join(&places_of, [PLACE], [PLACE])?;
        let hold_ms = frame.column("hold_ms")?;
        let known_ms = (frame.column("known")? * hold_ms)?.with_name(CAPACITY[0].into());
        let dock_ms = (frame.column("capacity")? * hold_ms)?.with_name(CAPACITY[1].into());
        frame.with_column(known_ms)?.with_column(dock_ms)?;
        Ok(Self { cells, frame, station_hours: (stations.len() * hours) as u64, hours })
    }

    /// The cells of a resolution in which some station stood, in order.
    pub(crate) fn cells(&self, resolution: usize) -> &[Cell] {
        &self.cells[resolution]
    }

    /// The stays in the cells of a resolution, in order of cell, station and hour.
    pub(crate) fn of(&self, resolution: usize) -> PolarsResult<Vec<Stay>> {
        let cell = self.frame.column(&cell_column(resolution))?;
        let stay = ((cell * self.station_hours) + self.frame.column(STATION_HOUR)?.clone())?;
        let mut frame = self.frame.select(SUMS.into_iter().chain(CAPACITY))?;
        frame.with_column(stay.with_name(STAY.into()))?;
        let frame =
            frame.drop_nulls(Some(&[STAY]))?.sort([STAY], SortMultipleOptions::default())?;
        let sums = sums_by(&frame, STAY)?;
        let whole = |name: &str| -> PolarsResult<Vec<i64>> {
            Ok(sums.column(&format!("{name}_sum"))?.i64()?.no_null_iter().collect())
        };
        let [hold, bike, ebike, mechanical, dock] = SUMS.map(whole);
        let [capacity_hold, capacity] = CAPACITY.map(whole);
        let (hold, bike, ebike, mechanical) = (hold?, bike?, ebike?, mechanical?);
        let (dock, capacity_hold, capacity) = (dock?, capacity_hold?, capacity?);
        let stay = |(row, stay): (usize, u64)| {
            let station_hour = (stay % self.station_hours) as usize;
            Stay {
                cell: (stay / self.station_hours) as usize,
                station: station_hour / self.hours,
                hour: station_hour % self.hours,
                sums: StaySums {
                    hold_ms: hold[row],
                    bike_ms: bike[row],
                    ebike_ms: ebike[row],
                    mechanical_ms: mechanical[row],
                    dock_ms: dock[row],
                    capacity_hold_ms: capacity_hold[row],
                    capacity_ms: capacity[row],
                },
            }
        };
        let stays = sums.column(STAY)?.u64()?.no_null_iter();
        let mut stays: Vec<Stay> = stays.enumerate().map(stay).collect();
        // They are in order already; should the grouping ever return them in another, this mends it.
        stays.sort_unstable_by_key(|stay| (stay.cell, stay.station, stay.hour));
        Ok(stays)
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

/// The stations' sums: a row for each station, information version and hour.
fn parts(days: &[StationSums], versions: usize, hours: usize) -> PolarsResult<DataFrame> {
    let rows =
        || days.iter().enumerate().flat_map(|(at, day)| day.parts.iter().map(move |p| (at, p)));
    let number = |name: &str, of: &dyn Fn(usize, usize, usize) -> u64| {
        let values = rows().map(|(at, part)| of(at, part.version, part.hour));
        Column::new(name.into(), values.collect::<Vec<_>>())
    };
    let mut sums: [Vec<i64>; SUMS.len()] = Default::default();
    for (_, part) in rows() {
        let part = part.sums;
        let values = [part.hold_ms, part.bike_ms, part.ebike_ms, part.mechanical_ms, part.dock_ms];
        for (column, sum) in sums.iter_mut().zip(values) {
            column.push(sum);
        }
    }
    let mut columns = vec![
        number(PLACE, &|station, version, _| (station * versions + version) as u64),
        number(STATION_HOUR, &|station, _, hour| (station * hours + hour) as u64),
    ];
    for (name, values) in SUMS.into_iter().zip(sums) {
        columns.push(Column::new(name.into(), values));
    }
    DataFrame::new_infer_height(columns)
}

/// Where each station stood in each information version, with the docks known of it (`known` is 1 or
/// 0); and for each resolution the cells that its column numbers, in order.
fn stood(
    stations: &[StationRow],
    places: &Places,
    resolutions: usize,
) -> PolarsResult<(Vec<Vec<Cell>>, DataFrame)> {
    let versions = places.versions.len();
    let mut rows: Vec<(u64, &Place)> = Vec::new();
    for (station, row) in stations.iter().enumerate() {
        for version in 0..versions {
            if let Some(place) = places.of(version, &row.id) {
                rows.push(((station * versions + version) as u64, place));
            }
        }
    }
    let docks = |place: &Place| i64::from(place.capacity.unwrap_or(0));
    let known = |place: &Place| i64::from(place.capacity.is_some());
    let mut columns = vec![
        Column::new(PLACE.into(), rows.iter().map(|row| row.0).collect::<Vec<_>>()),
        Column::new("known".into(), rows.iter().map(|row| known(row.1)).collect::<Vec<_>>()),
        Column::new("capacity".into(), rows.iter().map(|row| docks(row.1)).collect::<Vec<_>>()),
    ];
    let mut all_cells = Vec::with_capacity(resolutions);
    for resolution in 0..resolutions {
        let cell = |row: &(u64, &Place)| row.1.cells[resolution];
        let mut cells: Vec<Cell> = rows.iter().filter_map(cell).collect();
        cells.sort_unstable();
        cells.dedup();
        let code = |cell: Cell| cells.binary_search(&cell).ok().map(|code| code as u64);
        let codes: Vec<Option<u64>> = rows.iter().map(|row| cell(row).and_then(code)).collect();
        columns.push(Column::new(cell_column(resolution).into(), codes));
        all_cells.push(cells);
    }
    Ok((all_cells, DataFrame::new_infer_height(columns)?))
}

fn cell_column(resolution: usize) -> String {
    format!("cell_{resolution}")
}

/// Groups by a column and adds up all others, whose names get the ending `_sum`.
fn sums_by(frame: &DataFrame, key: &str) -> PolarsResult<DataFrame> {
    let groups = frame.group_by([key])?;
    #[expect(deprecated, reason = "the replacement needs `lazy`, which doubles a cold build")]
    groups.select(SUMS.into_iter().chain(CAPACITY)).sum()
}
