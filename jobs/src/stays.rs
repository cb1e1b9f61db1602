//! The join of a day: what each station has at each place where it stood, by hour.
//!
//! Polars is used through its eager API: `lazy` would more than double a cold build. Everything added
//! up here is an integer, so that sums do not depend on order or number of threads.

use hotspots_data::Cell;
use polars::prelude::*;
use polars::series::IsSorted;

use crate::grid::StationRow;
use crate::places::{Place, Places};
use crate::station_day::StationSums;

/// A station in the cells in which it stood for a part of the day, or all of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stay {
    /// Index of the station.
    pub(crate) station: usize,
    /// By resolution.
    pub(crate) cells: Vec<Option<Cell>>,
    /// By index of the hour, in order.
    pub(crate) hours: Vec<(usize, StaySums)>,
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

/// What is added up of a station's part of the day.
const SUMS: [&str; 5] = ["hold_ms", "bike_ms", "ebike_ms", "mechanical_ms", "dock_ms"];
/// What the place adds to it: the time that its docks are known, and the sum of docks over it.
const CAPACITY: [&str; 2] = ["capacity_hold_ms", "capacity_ms"];
/// The station and version of the information that parts and places are joined on, as one number.
const PLACE: &str = "place";
/// The number of the stay, the hour, and both as one number.
const STAY: &str = "stay";
const HOUR: &str = "hour";
const STAY_HOUR: &str = "stay_hour";

/// Joins the stations' parts of the day to where they stood, and adds them up by hour. A part without a
/// place is in no stay. In order of station.
pub(crate) fn stays(
    stations: &[StationRow],
    days: &[StationSums],
    places: &Places,
    hours: usize,
) -> PolarsResult<Vec<Stay>> {
    let (mut stays, stood) = stood(stations, places)?;
    let mut frame = parts(days, places.versions.len())?.inner_join(&stood, [PLACE], [PLACE])?;
    let hold_ms = frame.column(SUMS[0])?;
    let known_ms = (frame.column("known")? * hold_ms)?.with_name(CAPACITY[0].into());
    let dock_ms = (frame.column("capacity")? * hold_ms)?.with_name(CAPACITY[1].into());
    let mut stay_hour = ((frame.column(STAY)? * hours as u64) + frame.column(HOUR)?.clone())?;
    if stay_hour.u64()?.no_null_iter().is_sorted() {
        // As it mostly is; to sort it is then nothing.
        stay_hour.set_sorted_flag(IsSorted::Ascending);
    }
    frame.with_column(known_ms)?.with_column(dock_ms)?;
    frame.with_column(stay_hour.with_name(STAY_HOUR.into()))?;
    let sums = sums_by(&frame.sort([STAY_HOUR], SortMultipleOptions::default())?, STAY_HOUR)?;
    let whole = |name: &str| -> PolarsResult<Vec<i64>> {
        Ok(sums.column(&format!("{name}_sum"))?.i64()?.no_null_iter().collect())
    };
    let [hold, bike, ebike, mechanical, dock] = SUMS.map(whole);
    let [capacity_hold, capacity] = CAPACITY.map(whole);
    let (hold, bike, ebike, mechanical) = (hold?, bike?, ebike?, mechanical?);
    let (dock, capacity_hold, capacity) = (dock?, capacity_hold?, capacity?);
    for (row, stay_hour) in sums.column(STAY_HOUR)?.u64()?.no_null_iter().enumerate() {
        let (stay, hour) = (stay_hour as usize / hours, stay_hour as usize % hours);
        let sums = StaySums {
            hold_ms: hold[row],
            bike_ms: bike[row],
            ebike_ms: ebike[row],
            mechanical_ms: mechanical[row],
            dock_ms: dock[row],
            capacity_hold_ms: capacity_hold[row],
            capacity_ms: capacity[row],
        };
        stays[stay].hours.push((hour, sums));
    }
    // They are in order already, for the frame was; but no promise of Polars says so.
    for stay in &mut stays {
        stay.hours.sort_unstable_by_key(|&(hour, _)| hour);
    }
    Ok(stays)
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
fn parts(days: &[StationSums], versions: usize) -> PolarsResult<DataFrame> {
    let rows =
        || days.iter().enumerate().flat_map(|(at, day)| day.parts.iter().map(move |p| (at, p)));
    let places = rows().map(|(station, part)| place(station, part.version, versions));
    let hours = rows().map(|(_, part)| part.hour as u64);
    let mut sums: [Vec<i64>; SUMS.len()] = Default::default();
    for (_, part) in rows() {
        let part = part.sums;
        let values = [part.hold_ms, part.bike_ms, part.ebike_ms, part.mechanical_ms, part.dock_ms];
        for (column, sum) in sums.iter_mut().zip(values) {
            column.push(sum);
        }
    }
    let mut columns = vec![
        Column::new(PLACE.into(), places.collect::<Vec<_>>()),
        Column::new(HOUR.into(), hours.collect::<Vec<_>>()),
    ];
    columns.extend(SUMS.into_iter().zip(sums).map(|(name, sums)| Column::new(name.into(), sums)));
    DataFrame::new_infer_height(columns)
}

/// Where each station stood in each information version, with the docks known of it (`known` is 1 or
/// 0): versions in which a station is in the same cells are one stay.
fn stood(stations: &[StationRow], places: &Places) -> PolarsResult<(Vec<Stay>, DataFrame)> {
    let versions = places.versions.len();
    let mut stays: Vec<Stay> = Vec::new();
    let mut rows: Vec<(u64, u64, &Place)> = Vec::new();
    for (station, row) in stations.iter().enumerate() {
        let first = stays.len();
        for version in 0..versions {
            let Some(at) = places.of(version, &row.id) else { continue };
            let known = stays[first..].iter().position(|stay| stay.cells == at.cells);
            let stay = known.map_or(stays.len(), |known| first + known);
            if stay == stays.len() {
                stays.push(Stay { station, cells: at.cells.clone(), hours: Vec::new() });
            }
            rows.push((place(station, version, versions), stay as u64, at));
        }
    }
    let known = |(_, _, place): &(u64, u64, &Place)| i64::from(place.capacity.is_some());
    let docks = |(_, _, place): &(u64, u64, &Place)| i64::from(place.capacity.unwrap_or(0));
    let frame = DataFrame::new_infer_height(vec![
        Column::new(PLACE.into(), rows.iter().map(|row| row.0).collect::<Vec<_>>()),
        Column::new(STAY.into(), rows.iter().map(|row| row.1).collect::<Vec<_>>()),
        Column::new("known".into(), rows.iter().map(known).collect::<Vec<_>>()),
        Column::new("capacity".into(), rows.iter().map(docks).collect::<Vec<_>>()),
    ])?;
    Ok((stays, frame))
}

fn place(station: usize, version: usize, versions: usize) -> u64 {
    (station * versions + version) as u64
}

/// Groups by a column and adds up all others, whose names get the ending `_sum`.
fn sums_by(frame: &DataFrame, key: &str) -> PolarsResult<DataFrame> {
    let groups = frame.group_by([key])?;
    #[expect(deprecated, reason = "the replacement needs `lazy`, which doubles a cold build")]
    groups.select(SUMS.into_iter().chain(CAPACITY)).sum()
}
