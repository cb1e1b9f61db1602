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

impl Stays {
    /// Joins the stations' parts of the day to where they stood.
    pub(crate) fn new(
        stations: &[StationRow],
        days: &[StationSums],
        places: &Places,
        resolution: usize,
    ) -> PolarsResult<Self> {
        let mut hour = Vec::new();
        let mut cell = Vec::new();
        let mut station = Vec::new();
        let mut sums: [Vec<i64>; Sums::NAMES.len()] = Default::default();
        let mut capacity: [Vec<i64>; 2] = Default::default();
        for (index, (row, day)) in stations.iter().zip(days).enumerate() {
            let of = |version| places.of(version, &row.id);
            let known: Vec<_> = (0..places.versions.len()).map(of).collect();
            for part in &day.parts {
                let place = known.get(part.version).copied().flatten();
                let Some((place, at)) = place.and_then(|p| Some((p, p.cells[resolution]?))) else {
                    continue;
                };
                hour.push(part.hour as u32);
                cell.push(at);
                station.push(index as u32);
                for (column, sum) in sums.iter_mut().zip(part.sums.to_array()) {
                    column.push(sum);
                }
                let known_ms = if place.capacity.is_some() { part.sums.hold_ms } else { 0 };
                capacity[0].push(known_ms);
                capacity[1].push(i64::from(place.capacity.unwrap_or(0)) * known_ms);
            }
        }
        let mut cells = cell.clone();
        cells.sort_unstable();
        cells.dedup();
        let code = |cell: &Cell| cells.binary_search(cell).unwrap_or_default() as u32;
        let mut columns = vec![
            Column::new("hour".into(), hour),
            Column::new("cell".into(), cell.iter().map(code).collect::<Vec<_>>()),
            Column::new("station".into(), station),
        ];
        for (name, values) in
            Sums::NAMES.into_iter().zip(sums).chain(CAPACITY.into_iter().zip(capacity))
        {
            columns.push(Column::new(name.into(), values));
        }
        Ok(Self { cells, frame: DataFrame::new_infer_height(columns)? })
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

/// Groups by some columns and adds up all others, which keep their names. The order is not defined.
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
