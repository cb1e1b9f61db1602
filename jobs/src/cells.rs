//! From stations to cells: the figures of each cell, for the day and for its hours. Definitions:
//! docs/design.md, "The numbers".

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
    let mut vehicles = FreeTimes::new(&sources.timeline.segments, lengths_ms.len());
    let mut cells = CellDay {
        day: Vec::with_capacity(of_day.len()),
        hours: lengths_ms.iter().map(|_| HourColumns::with_capacity(of_day.len())).collect(),
    };
    let mut times = Times::new(lengths_ms.len());
    let mut of_hours = vec![Together::default(); lengths_ms.len()];
    for cell in of_day {
        let stays = stays.next_if(|stays| stays[0].0 == cell).unwrap_or_default();
        let free = free.get(&cell).map(Vec::as_slice);
        let offers = offers_of(sources, stays, free);
        vehicles.fill(free.unwrap_or_default());
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
            let free = vehicles.of_hour(index);
            if let Some(figures) = together.figures(cell, free, offers[index], lengths_ms[index]) {
                cells.hours[index].push(cells.day.len(), &figures);
            }
        }
        let free = vehicles.of_day();
        cells.day.extend(of_day.figures(cell, free, Offer::total(&offers), day_ms));
    }
    cells
}

/// What the stations of a cell offer in each hour, with the polls that saw free-standing bikes there.
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
    offers(&stations, free.unwrap_or_default(), sources.timeline)
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
        let StaySums { sums: here, capacity_hold_ms, capacity_ms } = stood;
        if here.hold_ms == 0 {
            return;
        }
        // What was told only while the station stood elsewhere is not known here.
        let told = |hold_ms, mean: Option<f64>| mean.filter(|_| hold_ms > 0);
        let ebikes = mean(here.ebike_ms, observed.ebike_hold_ms);
        let mechanical = mean(here.mechanical_ms, observed.mechanical_hold_ms);
        let docks = mean(here.dock_ms, observed.dock_hold_ms);
        let capacity = mean(capacity_ms, observed.hold_ms);
        self.stations += 1;
        self.bikes += mean(here.bike_ms, observed.hold_ms).unwrap_or_default();
        self.ebikes = sum(self.ebikes, told(here.ebike_hold_ms, ebikes));
        self.mechanical = sum(self.mechanical, told(here.mechanical_hold_ms, mechanical));
        self.docks = sum(self.docks, told(here.dock_hold_ms, docks));
        self.capacity = sum(self.capacity, told(capacity_hold_ms, capacity));
        self.of_known_capacity += u32::from(capacity_hold_ms == here.hold_ms);
        self.coverage += observed.hold_ms as f64 / length_ms as f64;
    }

    /// The cell's figures, with the free-standing bikes there; `offer` is that of its stations. `None`
    /// where there was nothing.
    fn figures(
        self,
        cell: Cell,
        free: Option<Free>,
        offer: Offer,
        length_ms: i64,
    ) -> Option<Figures> {
        let offer = match free {
            Some(free) if self.stations == 0 => Offer::of_vehicles(free.hold_ms, free.there_ms),
            _ => offer,
        };
        let empty_share = offer.empty_share()?;
        let free = free.unwrap_or_default();
        let free_bikes = mean(free.bikes.bikes, free.hold_ms).unwrap_or_default();
        let free_kind = |sum| mean(sum, free.hold_ms).filter(|_| free.bikes.is_kind_known);
        let coverage = match self.stations {
            0 => free.hold_ms as f64 / length_ms as f64,
            stations => self.coverage / f64::from(stations),
        };
        let bikes = self.bikes + free_bikes;
        let is_capacity_known = self.stations > 0 && self.of_known_capacity == self.stations;
        let docks_of_all = self.capacity.filter(|&docks| is_capacity_known && docks > 0.0);
        Some(Figures {
            cell,
            bikes,
            free_bikes,
            ebikes: sum(self.ebikes, free_kind(free.bikes.ebikes)),
            mechanical: sum(self.mechanical, free_kind(free.bikes.mechanical)),
            docks: self.docks,
            capacity: self.capacity,
            occupancy: docks_of_all.map(|docks: f64| bikes / docks),
            empty_share,
            full_share: offer.full_share(),
            stations: self.stations,
            coverage,
        })
    }
}

/// The free-standing bikes of a cell in an hour or a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Free {
    /// Their sum over time; their kind is known where it is told of one that day.
    bikes: FreeBikes,
    /// Time in which a poll shows one in the cell.
    there_ms: i64,
    /// Time in which some poll of vehicles holds, whatever it shows.
    hold_ms: i64,
}

/// The polls of vehicles over time, and what they show in one cell.
struct FreeTimes {
    /// By poll, the hours in which it holds and for how long.
    holds: Vec<Vec<(usize, i64)>>,
    /// By hour; the time of the polls is that of every cell.
    hours: Vec<Free>,
    /// Whether one of them shows a bike in the cell.
    is_any_there: bool,
}

impl FreeTimes {
    fn new(segments: &[Segment], hours: usize) -> Self {
        let polls = segments.iter().filter_map(|segment| segment.vehicles).max();
        let mut times = Self {
            holds: vec![Vec::new(); polls.map_or(0, |last| last + 1)],
            hours: vec![Free::default(); hours],
            is_any_there: false,
        };
        for &Segment { hour, hold_ms, vehicles, .. } in segments {
            if let Some(poll) = vehicles {
                times.hours[hour].hold_ms += hold_ms;
                times.holds[poll].push((hour, hold_ms));
            }
        }
        times
    }

    /// Takes the polls that show free-standing bikes in a cell, in place of those of the last one.
    fn fill(&mut self, polls: &[(usize, FreeBikes)]) {
        for hour in &mut self.hours {
            *hour = Free { hold_ms: hour.hold_ms, ..Free::default() };
        }
        self.is_any_there = false;
        let mut is_kind_known = false;
        for &(poll, bikes) in polls {
            for &(hour, hold_ms) in self.holds.get(poll).into_iter().flatten() {
                self.hours[hour].bikes.add(bikes, hold_ms);
                self.hours[hour].there_ms += hold_ms;
                self.is_any_there = true;
                is_kind_known |= bikes.is_kind_known;
            }
        }
        self.hours.iter_mut().for_each(|hour| hour.bikes.is_kind_known = is_kind_known);
    }

    /// The bikes of an hour, which are none where polls hold and show none; `None` where no poll of
    /// vehicles holds, or none of the whole day shows a bike in the cell.
    fn of_hour(&self, hour: usize) -> Option<Free> {
        Some(self.hours[hour]).filter(|free| self.is_any_there && free.hold_ms > 0)
    }

    /// The bikes of the day; `None` where no poll shows one in the cell.
    fn of_day(&self) -> Option<Free> {
        let mut day = Free::default();
        for hour in self.hours.iter().filter(|_| self.is_any_there) {
            day.bikes.add(hour.bikes, 1);
            day.there_ms += hour.there_ms;
            day.hold_ms += hour.hold_ms;
        }
        self.is_any_there.then_some(day)
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
