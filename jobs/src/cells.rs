//! From stations to cells: the figures of each cell, for the day and for its hours. Definitions:
//! docs/design.md, "The numbers".

use std::collections::BTreeMap;

use hotspots_data::{Cell, Hour};

use crate::hourly::HourColumns;
use crate::offers::{Offer, offers};
use crate::places::Places;
use crate::station_day::{Part, StationSums, Sums};
use crate::stays::{Stay, StaySums};
use crate::timeline::{Segment, Timeline};
use crate::vehicles::{FreeBikes, FreeDay};

/// What the cells are computed from.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'d> {
    pub(crate) stations: &'d [StationSums],
    pub(crate) places: &'d Places,
    pub(crate) timeline: &'d Timeline,
    pub(crate) hours: &'d [Hour],
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
#[derive(Debug)]
pub(crate) struct CellDay {
    pub(crate) day: Vec<Figures>,
    pub(crate) hours: Vec<HourColumns>,
}

/// Adds up the stations and the free-standing bikes of each cell.
pub(crate) fn cells(
    sources: Sources<'_>,
    stays: &[Stay],
    free: &FreeDay,
    resolution: usize,
) -> CellDay {
    let lengths_ms: Vec<i64> = sources.hours.iter().map(Hour::length_ms).collect();
    let day_ms: i64 = lengths_ms.iter().sum();
    let is_observed = |stay: &&Stay| {
        let mut versions = sources.stations[stay.station].parts.iter().map(|part| part.version);
        versions.any(|version| stay.versions.iter().any(|&(known, _)| known == version))
    };
    let observed = stays.iter().filter(is_observed);
    let in_cells = observed.filter_map(|stay| Some((stay.cells[resolution]?, stay)));
    let mut stays: Vec<(Cell, &Stay)> = in_cells.collect();
    stays.sort_by_key(|(cell, stay)| (*cell, stay.station));
    let with_stations = stays.iter().map(|(cell, _)| *cell);
    let mut of_day: Vec<Cell> = with_stations.chain(free.keys().copied()).collect();
    of_day.sort_unstable();
    of_day.dedup();
    let mut stays = stays.chunk_by(|a, b| a.0 == b.0).peekable();
    let free_sums = FreeSums::new(free, &sources.timeline.segments, lengths_ms.len());
    let free_hold_ms: i64 = free_sums.hold_ms.iter().sum();
    let mut cells = CellDay {
        day: Vec::with_capacity(of_day.len()),
        hours: lengths_ms.iter().map(|_| HourColumns::with_capacity(of_day.len())).collect(),
    };
    let mut times = Times::new(lengths_ms.len());
    let mut of_hours = vec![Together::default(); lengths_ms.len()];
    for cell in of_day {
        let stays = stays.next_if(|stays| stays[0].0 == cell).unwrap_or_default();
        let offers = offers_of(sources, stays, free.get(&cell).map(Vec::as_slice));
        let mut of_day = Together::default();
        of_hours.fill(of_day);
        for stays in stays.chunk_by(|a, b| a.1.station == b.1.station) {
            times.fill(&sources.stations[stays[0].1.station].parts, stays);
            for (index, together) in of_hours.iter_mut().enumerate() {
                together.add(times.stood[index], times.observed[index], lengths_ms[index]);
            }
            of_day.add(times.stood_all_day(), times.observed_all_day(), day_ms);
        }
        for (index, together) in of_hours.iter().enumerate() {
            let free = (free_sums.hours[index].get(&cell).copied(), free_sums.hold_ms[index]);
            if let Some(figures) = together.figures(cell, free, offers[index], lengths_ms[index]) {
                cells.hours[index].push(cells.day.len(), &figures);
            }
        }
        let free = (free_sums.day.get(&cell).copied(), free_hold_ms);
        cells.day.extend(of_day.figures(cell, free, Offer::total(&offers), day_ms));
    }
    cells
}

/// What a cell offers in each hour, with these stations and polls that saw free-standing bikes.
fn offers_of<'d>(
    sources: Sources<'d>,
    stays: &[(Cell, &'d Stay)],
    free: Option<&[(usize, FreeBikes)]>,
) -> Vec<Offer> {
    let hours = sources.hours.len();
    if let ([(_, alone)], None) = (stays, free) {
        // What one station offers is added up already.
        let mut offers = vec![Offer::default(); hours];
        for part in &sources.stations[alone.station].parts {
            if alone.versions.iter().any(|&(version, _)| version == part.version) {
                offers[part.hour] += part.sums.into();
            }
        }
        return offers;
    }
    let spans = |(_, stay): &(Cell, &'d Stay)| {
        let spans = &sources.stations[stay.station].spans;
        let polls = |version: usize| sources.places.versions[version].polls.clone();
        stay.versions.iter().map(move |&(version, _)| (spans, polls(version)))
    };
    let stations: Vec<_> = stays.iter().flat_map(spans).collect();
    offers(&stations, free.unwrap_or_default(), sources.timeline, hours)
}

/// The time of one station, by hour.
struct Times {
    /// In one cell.
    stood: Vec<StaySums>,
    /// Wherever it stood.
    observed: Vec<Sums>,
}

impl Times {
    fn new(hours: usize) -> Self {
        Self { stood: vec![StaySums::default(); hours], observed: vec![Sums::default(); hours] }
    }

    fn fill(&mut self, parts: &[Part], stays: &[(Cell, &Stay)]) {
        self.stood.fill(StaySums::default());
        self.observed.fill(Sums::default());
        for part in parts {
            self.observed[part.hour] += part.sums;
            let mut versions = stays.iter().flat_map(|(_, stay)| &stay.versions);
            if let Some(&(_, docks)) = versions.find(|(version, _)| *version == part.version) {
                self.stood[part.hour].add(part.sums, docks);
            }
        }
    }

    fn stood_all_day(&self) -> StaySums {
        let mut all = StaySums::default();
        self.stood.iter().for_each(|&hour| all += hour);
        all
    }

    fn observed_all_day(&self) -> Sums {
        let mut all = Sums::default();
        self.observed.iter().for_each(|&hour| all += hour);
        all
    }
}

/// The stations of a cell together, in an hour or the day.
#[derive(Clone, Copy, Default)]
struct Together {
    stations: u32,
    bikes: f64,
    ebikes: Option<f64>,
    mechanical: Option<f64>,
    docks: Option<f64>,
    capacity: Option<f64>,
    /// Of how many the capacity was known all the time.
    of_known_capacity: u32,
    coverage: f64,
}

impl Together {
    /// Adds a station, if it stood here. Its mean is over all its observed time: one that moved gives
    /// each cell its bikes of the time it stood there, so that no bike is counted twice.
    fn add(&mut self, stood: StaySums, observed: Sums, length_ms: i64) {
        if stood.hold_ms == 0 {
            return;
        }
        self.stations += 1;
        self.bikes += mean(stood.bike_ms, observed.hold_ms).unwrap_or_default();
        self.ebikes = sum(self.ebikes, mean(stood.ebike_ms, observed.ebike_hold_ms));
        self.mechanical =
            sum(self.mechanical, mean(stood.mechanical_ms, observed.mechanical_hold_ms));
        self.docks = sum(self.docks, mean(stood.dock_ms, observed.dock_hold_ms));
        let capacity = mean(stood.capacity_ms, observed.hold_ms);
        self.capacity = sum(self.capacity, capacity.filter(|_| stood.capacity_hold_ms > 0));
        self.of_known_capacity += u32::from(stood.capacity_hold_ms == stood.hold_ms);
        self.coverage += observed.hold_ms as f64 / length_ms as f64;
    }

    /// The cell's figures, with the free-standing bikes there and the time in which these were
    /// observed; `None` where there was nothing.
    fn figures(
        self,
        cell: Cell,
        (free, free_hold_ms): (Option<FreeBikes>, i64),
        offer: Offer,
        length_ms: i64,
    ) -> Option<Figures> {
        if self.stations == 0 && free.is_none() {
            return None;
        }
        let free = free.unwrap_or_default();
        let free_bikes = mean(free.bikes, free_hold_ms).unwrap_or_default();
        let free_kind = |sum| mean(sum, free_hold_ms).filter(|_| free.is_kind_known);
        let coverage = match self.stations {
            0 => free_hold_ms as f64 / length_ms as f64,
            stations => self.coverage / f64::from(stations),
        };
        let bikes = self.bikes + free_bikes;
        let is_capacity_known = self.stations > 0 && self.of_known_capacity == self.stations;
        let docks_of_all = self.capacity.filter(|&docks| is_capacity_known && docks > 0.0);
        Some(Figures {
            cell,
            bikes,
            free_bikes,
            ebikes: sum(self.ebikes, free_kind(free.ebikes)),
            mechanical: sum(self.mechanical, free_kind(free.mechanical)),
            docks: self.docks,
            capacity: self.capacity,
            occupancy: docks_of_all.map(|docks: f64| bikes / docks),
            empty_share: offer.empty_share(),
            full_share: offer.full_share(),
            stations: self.stations,
            coverage,
        })
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
