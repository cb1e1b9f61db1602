//! From stations to cells: the figures of each cell, for the day and for its hours. Definitions:
//! docs/design.md, "The numbers".

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use hotspots_data::Cell;
use polars::prelude::PolarsResult;
use rayon::prelude::*;

use crate::grid::StationRow;
use crate::hours::Hour;
use crate::offers::{Offer, offers};
use crate::places::Places;
use crate::station_day::{StationSums, Sums};
use crate::stays::{Stay, Stays};
use crate::timeline::Segment;
use crate::vehicles::{FreeBikes, FreeDay};

/// What the cells are computed from.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'d> {
    pub(crate) stations: &'d [StationRow],
    pub(crate) days: &'d [StationSums],
    pub(crate) places: &'d Places,
    pub(crate) segments: &'d [Segment],
    pub(crate) hours: &'d [Hour],
    pub(crate) polls: usize,
}

/// A cell in an hour or a day.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figures {
    pub(crate) cell: Cell,
    pub(crate) bikes: f64,
    /// Of these, at no station.
    pub(crate) free_bikes: f64,
    pub(crate) ebikes: Option<f64>,
    pub(crate) mechanical: Option<f64>,
    pub(crate) docks: Option<f64>,
    pub(crate) capacity: Option<f64>,
    pub(crate) occupancy: Option<f64>,
    pub(crate) empty_share: f64,
    pub(crate) full_share: Option<f64>,
    pub(crate) stations: u32,
    pub(crate) coverage: f64,
}

/// The cells of a day, in order of cell, and those of each of its hours.
#[derive(Clone, Debug)]
pub(crate) struct CellDay {
    pub(crate) day: Vec<Figures>,
    pub(crate) hours: Vec<Vec<Figures>>,
}

/// Adds up the stations and the free-standing bikes of each cell.
pub(crate) fn cells(
    sources: Sources<'_>,
    free: &FreeDay,
    resolution: usize,
) -> PolarsResult<CellDay> {
    let stays = Stays::new(sources.stations, sources.days, sources.places, resolution)?;
    let by_hour = stays.by_hour()?;
    let free_bikes = FreeSums::new(free, sources.segments, sources.hours.len());
    let offers = cell_offers(sources, free, resolution);

    let totals: Vec<Sums> = sources.days.iter().map(StationSums::total).collect();
    let length_ms = sources.hours.iter().map(Hour::length_ms).sum();
    let day = Period {
        stays: &stays.of_day()?,
        totals: &totals,
        free: &free_bikes.day,
        free_hold_ms: free_bikes.hold_ms.iter().sum(),
        length_ms,
    };
    let day = day.figures(|cell| offers.get(&cell).map(|hours| Offer::total(hours)));
    let hour = |index: usize| {
        let from = by_hour.partition_point(|stay| stay.hour < index);
        let to = by_hour.partition_point(|stay| stay.hour <= index);
        let period = Period {
            stays: &by_hour[from..to],
            totals: &hour_totals(sources.days, index),
            free: &free_bikes.hours[index],
            free_hold_ms: free_bikes.hold_ms[index],
            length_ms: sources.hours[index].length_ms(),
        };
        period.figures(|cell| offers.get(&cell).map(|hours| hours[index]))
    };
    Ok(CellDay { day, hours: (0..sources.hours.len()).into_par_iter().map(hour).collect() })
}

/// An hour, or the day.
struct Period<'d> {
    /// In order of cell and station.
    stays: &'d [Stay],
    /// By station: all its observed time in the period, wherever it stood.
    totals: &'d [Sums],
    free: &'d BTreeMap<Cell, FreeBikes>,
    free_hold_ms: i64,
    length_ms: i64,
}

impl Period<'_> {
    fn figures(&self, offer: impl Fn(Cell) -> Option<Offer>) -> Vec<Figures> {
        let mut stays: BTreeMap<Cell, &[Stay]> = BTreeMap::new();
        for of_cell in self.stays.chunk_by(|a, b| a.cell == b.cell) {
            stays.insert(of_cell[0].cell, of_cell);
        }
        let cells: BTreeSet<Cell> = stays.keys().chain(self.free.keys()).copied().collect();
        let figures = |cell: Cell| {
            let stays = stays.get(&cell).copied().unwrap_or_default();
            let free = self.free.get(&cell).copied().unwrap_or_default();
            self.of_cell(cell, stays, free, offer(cell).unwrap_or_default())
        };
        cells.into_iter().map(figures).collect()
    }

    /// A station's mean is over all its observed time. One that moved gives each cell its bikes of the
    /// time it stood there, so that no bike is counted twice.
    fn of_cell(&self, cell: Cell, stays: &[Stay], free: FreeBikes, offer: Offer) -> Figures {
        let free_hold_ms = self.free_hold_ms;
        let free_bikes = mean(free.bikes, free_hold_ms).unwrap_or_default();
        let free_kind = |sum| mean(sum, free_hold_ms).filter(|_| free.is_kind_known);
        let mut bikes = 0.0;
        let (mut ebikes, mut mechanical) = (None, None);
        let (mut docks, mut capacity, mut coverage) = (None, None, 0.0);
        let mut is_capacity_known = !stays.is_empty();
        for stay in stays {
            let (sums, total) = (stay.sums, self.totals[stay.station]);
            bikes += mean(sums.bike_ms, total.hold_ms).unwrap_or_default();
            ebikes = sum(ebikes, mean(sums.ebike_ms, total.ebike_hold_ms));
            mechanical = sum(mechanical, mean(sums.mechanical_ms, total.mechanical_hold_ms));
            docks = sum(docks, mean(sums.dock_ms, total.dock_hold_ms));
            let known = mean(stay.capacity_ms, total.hold_ms).filter(|_| stay.capacity_hold_ms > 0);
            capacity = sum(capacity, known);
            is_capacity_known &= stay.capacity_hold_ms == sums.hold_ms;
            coverage += total.hold_ms as f64 / self.length_ms as f64;
        }
        let coverage = match stays.len() {
            0 => free_hold_ms as f64 / self.length_ms as f64,
            stations => coverage / stations as f64,
        };
        let bikes = bikes + free_bikes;
        let docks_of_all = capacity.filter(|&docks| is_capacity_known && docks > 0.0);
        Figures {
            cell,
            bikes,
            free_bikes,
            ebikes: sum(ebikes, free_kind(free.ebikes)),
            mechanical: sum(mechanical, free_kind(free.mechanical)),
            docks,
            capacity,
            occupancy: docks_of_all.map(|docks: f64| bikes / docks),
            empty_share: offer.empty_share(),
            full_share: offer.full_share(),
            stations: stays.len() as u32,
            coverage,
        }
    }
}

/// The stations' observed time in one hour.
fn hour_totals(days: &[StationSums], hour: usize) -> Vec<Sums> {
    let total = |day: &StationSums| {
        let mut total = Sums::default();
        day.parts.iter().filter(|part| part.hour == hour).for_each(|part| total += part.sums);
        total
    };
    days.iter().map(total).collect()
}

/// Free-standing bikes over time, by cell.
struct FreeSums {
    hours: Vec<BTreeMap<Cell, FreeBikes>>,
    day: BTreeMap<Cell, FreeBikes>,
    /// By hour, the time in which some poll of vehicles holds.
    hold_ms: Vec<i64>,
}

impl FreeSums {
    fn new(free: &FreeDay, segments: &[Segment], hours: usize) -> Self {
        let mut sums = Self {
            hours: vec![BTreeMap::new(); hours],
            day: BTreeMap::new(),
            hold_ms: vec![0; hours],
        };
        let mut holds: BTreeMap<usize, Vec<(usize, i64)>> = BTreeMap::new();
        for segment in segments {
            if let Some(poll) = segment.vehicles {
                sums.hold_ms[segment.hour] += segment.hold_ms;
                holds.entry(poll).or_default().push((segment.hour, segment.hold_ms));
            }
        }
        for (&cell, polls) in free {
            for (poll, bikes) in polls {
                for &(hour, hold_ms) in holds.get(poll).into_iter().flatten() {
                    sums.hours[hour].entry(cell).or_default().add(*bikes, hold_ms);
                    sums.day.entry(cell).or_default().add(*bikes, hold_ms);
                }
            }
        }
        sums
    }
}

/// What each cell offers, by hour.
fn cell_offers(
    sources: Sources<'_>,
    free: &FreeDay,
    resolution: usize,
) -> BTreeMap<Cell, Vec<Offer>> {
    let mut stations: BTreeMap<Cell, Vec<(&StationRow, Range<usize>)>> =
        free.keys().map(|&cell| (cell, Vec::new())).collect();
    for (station, day) in sources.stations.iter().zip(sources.days) {
        for (index, version) in sources.places.versions.iter().enumerate() {
            let is_observed = day.parts.iter().any(|part| part.version == index);
            let place = sources.places.of(index, &station.id).filter(|_| is_observed);
            if let Some(cell) = place.and_then(|place| place.cells[resolution]) {
                stations.entry(cell).or_default().push((station, version.polls.clone()));
            }
        }
    }
    let of = |(cell, stations): (Cell, Vec<_>)| {
        let free = free.get(&cell).map(Vec::as_slice).unwrap_or_default();
        let offers = offers(&stations, free, sources.polls, sources.segments, sources.hours.len());
        (cell, offers)
    };
    stations.into_par_iter().map(of).collect()
}

/// A sum of what is known; `None` while nothing is.
fn sum(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (known, None) | (None, known) => known,
    }
}

/// A mean over time, `None` over no time.
pub(crate) fn mean(sum_ms: i64, time_ms: i64) -> Option<f64> {
    (time_ms > 0).then(|| sum_ms as f64 / time_ms as f64)
}
