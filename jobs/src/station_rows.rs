//! The table of stations, and which of them are in no cell.

use std::collections::BTreeMap;

use hotspots_data::Hour;
use hotspots_data::table::{StationDay, StationInformation};

use crate::cells::mean;
use crate::places::{Place, Places};
use crate::station_day::{StationSums, Sums};
use crate::stays::StaySums;

/// How many stations are in the cells, and why others are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) in_cells: u32,
    pub(crate) without_information: u32,
    pub(crate) without_status: u32,
    pub(crate) without_position: u32,
    pub(crate) not_installed: u32,
    pub(crate) without_counts: u32,
}

/// One row for each station in status or information, in order of id.
pub(crate) fn station_rows(
    stations: &[StationSums],
    places: &Places,
    hours: &[Hour],
) -> Vec<StationDay> {
    let nothing = StationSums::default();
    let mut all: BTreeMap<&str, (Option<&Place>, &StationSums)> = BTreeMap::new();
    for place in places.last() {
        all.insert(&place.row.station_id, (Some(place), &nothing));
    }
    for station in stations {
        all.entry(&station.id).or_insert((None, &nothing)).1 = station;
    }
    let day_ms: i64 = hours.iter().map(Hour::length_ms).sum();
    let row = |(id, (place, day)): (&str, (_, &StationSums))| {
        row(id, place, mean_capacity(day, places), day, (hours, day_ms))
    };
    all.into_iter().map(row).collect()
}

/// Counts each station once, under the first reason that keeps it out of the cells.
pub(crate) fn left_out(stations: &[StationSums], places: &Places) -> Left {
    let mut left = Left::default();
    for station in stations {
        let mut known =
            station.parts.iter().filter_map(|part| places.of(part.version, &station.id));
        let is_known = match known.clone().next() {
            None if station.parts.is_empty() => places.last_of(&station.id).is_some(),
            place => place.is_some(),
        };
        let mut is_placed = || known.any(|place| place.cells.iter().any(Option::is_some));
        let reason = if !is_known {
            &mut left.without_information
        } else if station.is_never_installed {
            &mut left.not_installed
        } else if station.parts.is_empty() {
            &mut left.without_counts
        } else if !is_placed() {
            &mut left.without_position
        } else {
            &mut left.in_cells
        };
        *reason += 1;
    }
    let has_status =
        |id: &str| stations.binary_search_by(|station| station.id.as_str().cmp(id)).is_ok();
    let without_status = places.last().into_iter().filter(|p| !has_status(&p.row.station_id));
    left.without_status = without_status.count() as u32;
    left
}

/// The station's capacity over its observed time; `None` unless it was known all the while.
fn mean_capacity(day: &StationSums, places: &Places) -> Option<f64> {
    let mut sums = StaySums::default();
    for parts in day.parts.chunk_by(|a, b| a.version == b.version) {
        let docks = places.of(parts[0].version, &day.id).and_then(|place| place.capacity);
        for part in parts {
            sums.add(part.sums, docks);
        }
    }
    sums.capacity()
}

fn row(
    id: &str,
    place: Option<&Place>,
    mean_capacity: Option<f64>,
    day: &StationSums,
    (hours, day_ms): (&[Hour], i64),
) -> StationDay {
    let total = day.total();
    let information: Option<&StationInformation> = place.map(|place| &place.row);
    let bikes = mean(total.bike_ms, total.hold_ms);
    StationDay {
        station_id: id.to_owned(),
        station_code: information.and_then(|row| row.station_code.clone()),
        name: information.and_then(|row| row.name.clone()),
        lat: information.and_then(|row| row.lat),
        lon: information.and_then(|row| row.lon),
        hex_id_8: information.and_then(|row| row.hex_id_8.clone()),
        hex_id_9: information.and_then(|row| row.hex_id_9.clone()),
        hex_id_10: information.and_then(|row| row.hex_id_10.clone()),
        capacity: place.and_then(|place| place.capacity),
        bikes,
        ebikes: mean(total.ebike_ms, total.ebike_hold_ms),
        mechanical: mean(total.mechanical_ms, total.mechanical_hold_ms),
        docks: mean(total.dock_ms, total.dock_hold_ms),
        occupancy: bikes.zip(mean_capacity).map(|(bikes, docks)| bikes / docks),
        empty_share: mean(total.empty_ms, total.hold_ms),
        full_share: mean(total.full_ms, total.dock_hold_ms),
        empty_episodes: day.empty.count,
        empty_minutes: minutes(day.empty.total_ms),
        longest_empty_minutes: minutes(day.empty.longest_ms),
        full_episodes: day.full.count,
        full_minutes: minutes(day.full.total_ms),
        longest_full_minutes: minutes(day.full.longest_ms),
        peak_hour: peak_hour(day, hours),
        bikes_0800: day.bikes_at.first().copied().flatten(),
        bikes_1800: day.bikes_at.get(1).copied().flatten(),
        coverage: total.hold_ms as f64 / day_ms as f64,
    }
}

/// The hour with the most bikes on average, compared without rounding; the earliest of equals.
fn peak_hour(day: &StationSums, hours: &[Hour]) -> Option<u32> {
    let mut by_hour = vec![Sums::default(); hours.len()];
    for part in &day.parts {
        by_hour[part.hour] += part.sums;
    }
    let mut peak: Option<(usize, Sums)> = None;
    for (index, sums) in by_hour.into_iter().enumerate().filter(|(_, sums)| sums.hold_ms > 0) {
        let is_higher = |most: Sums| {
            let product = |bikes: i64, time: i64| i128::from(bikes) * i128::from(time);
            product(sums.bike_ms, most.hold_ms) > product(most.bike_ms, sums.hold_ms)
        };
        if peak.is_none_or(|(_, most)| is_higher(most)) {
            peak = Some((index, sums));
        }
    }
    peak.map(|(index, _)| hours[index].hour)
}

fn minutes(ms: i64) -> f64 {
    ms as f64 / 60_000.0
}
