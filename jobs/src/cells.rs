//! From stations to cells: the figures of each cell, for the day and for its hours. Definitions:
//! docs/design.md, "The numbers".

use std::collections::BTreeMap;
use std::ops::Range;

use hotspots_data::Cell;
use rayon::prelude::*;

use crate::grid::StationRow;
use crate::hours::Hour;
use crate::offers::{Offer, Spans, offers};
use crate::places::Places;
use crate::station_day::{StationSums, Sums};
use crate::stays::{Stay, StaySums};
use crate::timeline::{Segment, Timeline};
use crate::vehicles::{FreeBikes, FreeDay};

/// What the cells are computed from.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'d> {
    pub(crate) stations: &'d [StationRow],
    pub(crate) days: &'d [StationSums],
    pub(crate) places: &'d Places,
    pub(crate) timeline: &'d Timeline,
    pub(crate) hours: &'d [Hour],
}

/// The stations' observed time, wherever they stood.
#[derive(Debug)]
pub(crate) struct Totals {
    /// By station.
    day: Vec<Sums>,
    /// By hour and station.
    hours: Vec<Vec<Sums>>,
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

impl Totals {
    pub(crate) fn new(days: &[StationSums], hours: usize) -> Self {
        let mut of_hours = vec![vec![Sums::default(); days.len()]; hours];
        for (station, day) in days.iter().enumerate() {
            day.parts.iter().for_each(|part| of_hours[part.hour][station] += part.sums);
        }
        Self { day: days.iter().map(StationSums::total).collect(), hours: of_hours }
    }
}

/// Adds up the stations and the free-standing bikes of each cell.
pub(crate) fn cells(
    sources: Sources<'_>,
    (stays, totals): (&[Stay], &Totals),
    (free, offers): (&FreeDay, &[(Cell, Vec<Offer>)]),
    resolution: usize,
) -> CellDay {
    let in_cells = stays.iter().filter_map(|stay| Some((stay.cells[resolution]?, stay)));
    let mut stays: Vec<(Cell, &Stay)> = in_cells.collect();
    stays.sort_by_key(|(cell, stay)| (*cell, stay.station));
    let mut by_hour: Vec<Vec<CellStay>> = vec![Vec::new(); sources.hours.len()];
    let mut of_day: Vec<CellStay> = Vec::new();
    for (cell, Stay { station, hours, .. }) in stays {
        for &(hour, sums) in hours {
            add(&mut by_hour[hour], CellStay { cell, station: *station, sums });
            add(&mut of_day, CellStay { cell, station: *station, sums });
        }
    }
    let free_bikes = FreeSums::new(free, &sources.timeline.segments, sources.hours.len());
    let day = Period {
        stays: &of_day,
        totals: &totals.day,
        free: &free_bikes.day,
        free_hold_ms: free_bikes.hold_ms.iter().sum(),
        length_ms: sources.hours.iter().map(Hour::length_ms).sum(),
    };
    let day = day.figures(offers, Offer::total);
    let hour = |index: usize| {
        let period = Period {
            stays: &by_hour[index],
            totals: &totals.hours[index],
            free: &free_bikes.hours[index],
            free_hold_ms: free_bikes.hold_ms[index],
            length_ms: sources.hours[index].length_ms(),
        };
        period.figures(offers, |hours| hours[index])
    };
    CellDay { day, hours: (0..sources.hours.len()).into_par_iter().map(hour).collect() }
}

/// Adds to the last of those in order of cell and station, if it is the same station in the same cell.
fn add(stays: &mut Vec<CellStay>, more: CellStay) {
    match stays.last_mut() {
        Some(last) if (last.cell, last.station) == (more.cell, more.station) => {
            last.sums += more.sums;
        }
        _ => stays.push(more),
    }
}

/// A station in a cell, for an hour or for the day.
#[derive(Clone, Copy)]
struct CellStay {
    cell: Cell,
    station: usize,
    sums: StaySums,
}

/// An hour, or the day.
struct Period<'d> {
    /// In order of cell and station.
    stays: &'d [CellStay],
    /// By station: all its observed time in the period, wherever it stood.
    totals: &'d [Sums],
    free: &'d BTreeMap<Cell, FreeBikes>,
    free_hold_ms: i64,
    length_ms: i64,
}

impl Period<'_> {
    /// The cells in order; `offers` has all of the day's, in order too.
    fn figures(
        &self,
        offers: &[(Cell, Vec<Offer>)],
        offer: impl Fn(&[Offer]) -> Offer,
    ) -> Vec<Figures> {
        let mut stays = self.stays.chunk_by(|a, b| a.cell == b.cell).peekable();
        let figures = |(cell, offers): &(Cell, Vec<Offer>)| {
            let stays = stays.next_if(|stays| stays[0].cell == *cell);
            let free = self.free.get(cell).copied();
            if stays.is_none() && free.is_none() {
                return None;
            }
            let (stays, free) = (stays.unwrap_or_default(), free.unwrap_or_default());
            Some(self.of_cell(*cell, stays, free, offer(offers)))
        };
        offers.iter().filter_map(figures).collect()
    }

    /// A station's mean is over all its observed time. One that moved gives each cell its bikes of the
    /// time it stood there, so that no bike is counted twice.
    fn of_cell(&self, cell: Cell, stays: &[CellStay], free: FreeBikes, offer: Offer) -> Figures {
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
            let known = mean(sums.capacity_ms, total.hold_ms).filter(|_| sums.capacity_hold_ms > 0);
            capacity = sum(capacity, known);
            is_capacity_known &= sums.capacity_hold_ms == sums.hold_ms;
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

/// What each cell of the day offers by hour, in order of cell.
pub(crate) fn cell_offers(
    sources: Sources<'_>,
    free: &FreeDay,
    resolution: usize,
) -> Vec<(Cell, Vec<Offer>)> {
    let mut stations: BTreeMap<Cell, Vec<(&Spans, Range<usize>)>> =
        free.keys().map(|&cell| (cell, Vec::new())).collect();
    for (station, day) in sources.stations.iter().zip(sources.days) {
        for (index, version) in sources.places.versions.iter().enumerate() {
            let is_observed = day.parts.iter().any(|part| part.version == index);
            let place = sources.places.of(index, &station.id).filter(|_| is_observed);
            if let Some(cell) = place.and_then(|place| place.cells[resolution]) {
                stations.entry(cell).or_default().push((&day.spans, version.polls.clone()));
            }
        }
    }
    let of = |(cell, stations): (Cell, Vec<_>)| {
        let free = free.get(&cell).map(Vec::as_slice).unwrap_or_default();
        (cell, offers(&stations, free, sources.timeline, sources.hours.len()))
    };
    stations.into_iter().map(of).collect()
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
