//! The join of a day: what each station adds to each cell, for the day and for its hours.
//!
//! Polars is used through its eager API: `lazy` would more than double a cold build. Everything added
//! up here is an integer, so that sums do not depend on order or number of threads.

use hotspots_data::Cell;
use polars::prelude::*;

use crate::grid::StationRow;
use crate::places::Places;
use crate::station_day::{StationSums, Sums};

/// A station in a cell, for an hour or for the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stay {
    pub(crate) hour: usize,
    pub(crate) cell: Cell,
    /// Index of the station.
    pub(crate) station: usize,
    pub(crate) sums: Sums,
    /// Time during which the capacity was known, and the sum of the docks over it.
    pub(crate) capacity_hold_ms: i64,
    pub(crate) capacity_ms: i64,
}

/// A day's stays in the cells of one resolution.
#[derive(Debug)]
pub(crate) struct Stays {
    cells: Vec<Cell>,
    frame: DataFrame,
}

const CAPACITY: [&str; 2] = ["capacity_hold_ms", "capacity_ms"];
/// What the parts of a station's day and the places where it stood are joined on.
const JOIN: [&str; 2] = ["station", "version"];

impl Stays {
    /// Joins the stations' parts of the day to where they stood: a part without a cell is in none.
    pub(crate) fn new(
        stations: &[StationRow],
        days: &[StationSums],
        places: &Places,
        resolution: usize,
    ) -> PolarsResult<Self> {
        let (cells, places) = stood(stations, places, resolution)?;
        let mut frame = parts(days)?.inner_join(&places, JOIN, JOIN)?;
        let hold_ms = frame.column("hold_ms")?;
        let known_ms = (frame.column("known")? * hold_ms)?.with_name(CAPACITY[0].into());
        let dock_ms = (frame.column("capacity")? * hold_ms)?.with_name(CAPACITY[1].into());
        frame.with_column(known_ms)?.with_column(dock_ms)?;
        Ok(Self { cells, frame })
    }

    /// By hour, cell and station, in that order.
    pub(crate) fn by_hour(&self) -> PolarsResult<Vec<Stay>> {
        self.read(&sums_by(&self.frame, &["hour", "cell", "station"])?)
    }

    /// By cell and station, in that order; the hour is 0.
    pub(crate) fn of_day(&self) -> PolarsResult<Vec<Stay>> {
        let mut sums = sums_by(&self.frame, &["cell", "station"])?;
        let hour = Column::new("hour".into(), vec![0_u32; sums.height()]);
        sums.with_column(hour)?;
        self.read(&sums)
    }

    fn read(&self, sums: &DataFrame) -> PolarsResult<Vec<Stay>> {
        let code = |name: &str| -> PolarsResult<Vec<usize>> {
            Ok(sums.column(name)?.u32()?.no_null_iter().map(|code| code as usize).collect())
        };
        let whole = |name: &str| -> PolarsResult<Vec<i64>> {
            Ok(sums.column(name)?.i64()?.no_null_iter().collect())
        };
        let (hour, cell, station) = (code("hour")?, code("cell")?, code("station")?);
        let columns = Sums::NAMES.into_iter().map(whole).collect::<PolarsResult<Vec<_>>>()?;
        let (capacity_hold, capacity) = (whole(CAPACITY[0])?, whole(CAPACITY[1])?);
        let stay = |row: usize| Stay {
            hour: hour[row],
            cell: self.cells[cell[row]],
            station: station[row],
            sums: Sums::from_array(std::array::from_fn(|column| columns[column][row])),
            capacity_hold_ms: capacity_hold[row],
            capacity_ms: capacity[row],
        };
        let mut stays: Vec<Stay> = (0..sums.height()).map(stay).collect();
        stays.sort_unstable_by_key(|stay| (stay.hour, stay.cell, stay.station));
        Ok(stays)
    }
}

/// The stations' sums: a row for each station, information version and hour.
fn parts(days: &[StationSums]) -> PolarsResult<DataFrame> {
    let rows =
        || days.iter().enumerate().flat_map(|(at, day)| day.parts.iter().map(move |p| (at, p)));
    let mut sums: [Vec<i64>; Sums::NAMES.len()] = Default::default();
    for (_, part) in rows() {
        for (column, sum) in sums.iter_mut().zip(part.sums.to_array()) {
            column.push(sum);
        }
    }
    let mut columns = vec![
        Column::new("station".into(), rows().map(|(at, _)| at as u32).collect::<Vec<_>>()),
        Column::new("version".into(), rows().map(|(_, p)| p.version as u32).collect::<Vec<_>>()),
        Column::new("hour".into(), rows().map(|(_, p)| p.hour as u32).collect::<Vec<_>>()),
    ];
    for (name, values) in Sums::NAMES.into_iter().zip(sums) {
        columns.push(Column::new(name.into(), values));
    }
    DataFrame::new_infer_height(columns)
}

/// Where each station stood in each information version, with the docks known of it (`known` is 1 or
/// 0), for those that stood in a cell; and the cells that the column `cell` numbers, in order.
fn stood(
    stations: &[StationRow],
    places: &Places,
    resolution: usize,
) -> PolarsResult<(Vec<Cell>, DataFrame)> {
    let mut rows = Vec::new();
    for (station, row) in stations.iter().enumerate() {
        for version in 0..places.versions.len() {
            let place = places.of(version, &row.id);
            if let Some((place, cell)) = place.and_then(|p| Some((p, p.cells[resolution]?))) {
                rows.push((station as u32, version as u32, cell, place.capacity));
            }
        }
    }
    let mut cells: Vec<Cell> = rows.iter().map(|row| row.2).collect();
    cells.sort_unstable();
    cells.dedup();
    let code = |cell: &Cell| cells.binary_search(cell).unwrap_or_default() as u32;
    let known = |docks: Option<i32>| i64::from(docks.is_some());
    let docks = |docks: Option<i32>| i64::from(docks.unwrap_or(0));
    let frame = DataFrame::new_infer_height(vec![
        Column::new("station".into(), rows.iter().map(|row| row.0).collect::<Vec<_>>()),
        Column::new("version".into(), rows.iter().map(|row| row.1).collect::<Vec<_>>()),
        Column::new("cell".into(), rows.iter().map(|row| code(&row.2)).collect::<Vec<_>>()),
        Column::new("known".into(), rows.iter().map(|row| known(row.3)).collect::<Vec<_>>()),
        Column::new("capacity".into(), rows.iter().map(|row| docks(row.3)).collect::<Vec<_>>()),
    ])?;
    Ok((cells, frame))
}

/// Groups by some columns and adds up the sums, which keep their names. The order is not defined.
fn sums_by(frame: &DataFrame, keys: &[&str]) -> PolarsResult<DataFrame> {
    let groups = frame.group_by(keys.iter().copied())?;
    let summed: Vec<&str> = Sums::NAMES.into_iter().chain(CAPACITY).collect();
    #[expect(deprecated, reason = "the replacement needs `lazy`, which doubles a cold build")]
    let mut sums = groups.select(summed).sum()?;
    let names: Vec<PlSmallStr> = sums.get_column_names().into_iter().cloned().collect();
    for name in names {
        if let Some(plain) = name.strip_suffix("_sum") {
            sums.rename(&name, plain.into())?;
        }
    }
    Ok(sums)
}
