//! An observed day as its tables: pure, from what was read to what is written.

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use hotspots_data::codec::CodecError;
use hotspots_data::summary::Timestamp;
use hotspots_data::table::{Hotspot, QualityCheck, Row as _, StationDay};
use hotspots_data::{DaySummary, Derived, Hour, Key, Resolution, SystemId, at_hour, hours};
use rayon::prelude::*;

use crate::baseline::{Baseline, median};
use crate::cells::{CellDay, Figures, Sources, cells};
use crate::day_inputs::{DayInputs, METHOD};
use crate::error::JobError;
use crate::getis_ord::{radius_m, rings};
use crate::hotspots::hotspots;
use crate::hourly;
use crate::options::Options;
use crate::quality::checks;
use crate::read_day::ObservedDay;
use crate::station_day::{StationSums, station_sums};
use crate::station_rows::{Left, left_out, station_rows};
use crate::stays::stays;
use crate::timeline::Timeline;

/// The resolution's own part of a day: what is asked for, and what is known beforehand.
pub(crate) struct Wanted {
    pub(crate) resolution: Resolution,
    pub(crate) baseline: Baseline,
    /// The fingerprint of all its inputs.
    pub(crate) inputs: String,
}

/// The times at which a station's bikes are told.
const TIMES: [u32; 2] = [8, 18];

/// Computes a day and hands each table to `emit` as soon as it is encoded. What the table of the last
/// resolution says of the day; `None` where no resolution is wanted.
pub(crate) fn day_tables(
    system: &SystemId,
    inputs: &DayInputs,
    observed: ObservedDay,
    wanted: &[Wanted],
    options: Options,
    observations: &str,
    emit: &(impl Fn(Derived, Bytes) + Sync),
) -> Result<Option<DaySummary>, JobError> {
    let day = inputs.day;
    let hours = hours(day);
    let polls: Vec<_> = inputs.polls().iter().map(|poll| poll.stamp).collect();
    let vehicle_polls: Vec<_> = inputs.vehicles.iter().map(|poll| poll.stamp).collect();
    let timeline = Timeline::new(&polls, &vehicle_polls, day, &hours, options.max_gap());
    let times = TIMES.map(|hour| Some((at_hour(day, hour)? - day.start()).num_milliseconds()));
    let ObservedDay { stations, places, free } = observed;
    let sums = |station| station_sums(station, &places, &timeline, &times);
    let ids: Vec<String> = stations.iter().map(|station| station.id.clone()).collect();
    let (stays, stations): (_, Vec<StationSums>) = rayon::join(
        || stays(&ids, &places, free.len()),
        || stations.into_par_iter().map(sums).collect(),
    );
    let stays = stays?;

    let sources =
        Sources { stations: &stations, places: &places, timeline: &timeline, hours: &hours };
    let own: Vec<_> = polls.iter().copied().filter(|&time| day.contains(time)).collect();
    let about = About {
        system,
        inputs,
        options,
        cadence_s: cadence_s(&own),
        own,
        own_vehicles: vehicle_polls.into_iter().filter(|&time| day.contains(time)).collect(),
        longest_unobserved: timeline.longest_unobserved(day),
        seen_ms: timeline.segments.iter().map(|segment| segment.hold_ms).sum(),
        left: left_out(&stations, &places),
        observations,
    };
    let of_stations = |day: &DaySummary| {
        let metadata = day.without_cells().to_metadata();
        let rows = || StationDay::encode(&station_rows(&stations, &places, &hours), &metadata);
        let day_ms = inputs.day.length().num_milliseconds();
        let checks = || QualityCheck::encode(&checks(&stations, &places, day_ms), &metadata);
        let (rows, checks) = rayon::join(rows, checks);
        emit(Derived::StationDays, rows?);
        emit(Derived::Quality, checks?);
        Ok(())
    };
    let of_resolution = |(index, wanted): (usize, &Wanted)| {
        let free = &free[index];
        let cells = cells(sources, &stays, free, index);
        let day = about.summary(&cells.day, wanted);
        let stations =
            || if wanted.resolution == Resolution::HOTSPOTS { of_stations(&day) } else { Ok(()) };
        let of_cells = || emit_cells(cells, &hours, wanted, &day, emit);
        let (cells, stations) = rayon::join(of_cells, stations);
        cells.and(stations).map(|()| day)
    };
    // The finest first: it takes longest.
    let summaries: Result<Vec<DaySummary>, CodecError> =
        wanted.par_iter().enumerate().rev().map(of_resolution).collect();
    // To take apart what was read needs not be waited for.
    rayon::spawn(move || drop((stations, places, free)));
    Ok(summaries.map_err(JobError::Encode)?.into_iter().next())
}

fn emit_cells(
    cells: CellDay,
    hours: &[Hour],
    wanted: &Wanted,
    summary: &DaySummary,
    emit: &(impl Fn(Derived, Bytes) + Sync),
) -> Result<(), CodecError> {
    let resolution = wanted.resolution;
    let metadata = summary.to_metadata();
    let CellDay { day, hours: columns } = cells;
    let ids = day.iter().map(|cell| cell.cell);
    let (hourly, hotspots) = rayon::join(
        || hourly::encode(hours, columns, ids, &metadata),
        || Hotspot::encode(&hotspots(&day, resolution, &wanted.baseline), &metadata),
    );
    emit(Derived::HotspotsHourly(resolution), hourly?);
    emit(Derived::Hotspots(resolution), hotspots?);
    Ok(())
}

/// What a day's summary is made of.
struct About<'d> {
    system: &'d SystemId,
    inputs: &'d DayInputs,
    options: Options,
    /// The polls of the day itself, of stations and of vehicles.
    own: Vec<DateTime<Utc>>,
    own_vehicles: Vec<DateTime<Utc>>,
    cadence_s: Option<f64>,
    longest_unobserved: TimeDelta,
    seen_ms: i64,
    left: Left,
    observations: &'d str,
}

impl About<'_> {
    fn summary(&self, cells: &[Figures], wanted: &Wanted) -> DaySummary {
        let day = self.inputs.day;
        let (first, first_vehicles) = (self.own.first(), self.own_vehicles.first());
        let (last, last_vehicles) = (self.own.last(), self.own_vehicles.last());
        let polls = self.own.len() as u32;
        let day_s = day.length().as_seconds_f64();
        let expected = self.cadence_s.map(|cadence| {
            // Each poll stands for the time until the next one, the last one too.
            let seen_s = |last: &DateTime<Utc>| (*last - day.start()).as_seconds_f64() + cadence;
            last.filter(|_| self.inputs.provisional).map_or(day_s, seen_s).min(day_s) / cadence
        });
        let left = self.left;
        DaySummary {
            system: self.system.clone(),
            date: day.date(),
            time_zone: day.time_zone(),
            resolution: Some(wanted.resolution.into()),
            provisional: self.inputs.provisional,
            coverage: self.seen_ms as f64 / day.length().num_milliseconds() as f64,
            polls,
            polls_expected: expected.map_or(polls, |expected| expected.round() as u32),
            cadence_s: self.cadence_s,
            vehicle_polls: self.own_vehicles.len() as u32,
            polls_outside_day: self.outside_day(),
            first_poll: first.into_iter().chain(first_vehicles).min().copied().map(Timestamp),
            last_poll: last.max(last_vehicles).copied().map(Timestamp),
            longest_unobserved_s: self.longest_unobserved.as_seconds_f64(),
            max_gap_s: self.options.max_gap.as_secs_f64(),
            stations: left.in_cells,
            stations_without_information: left.without_information,
            stations_without_status: left.without_status,
            stations_without_position: left.without_position,
            stations_not_installed: left.not_installed,
            stations_without_counts: left.without_counts,
            bikes: cells.iter().map(|cell| cell.bikes).sum(),
            vehicles: cells.iter().map(|cell| cell.free_bikes).sum(),
            gi_rings: Some(rings(wanted.resolution)),
            gi_radius_m: Some(radius_m(wanted.resolution)),
            baseline_days: Some(wanted.baseline.days()),
            method: METHOD,
            observations: self.observations.to_owned(),
            inputs: wanted.inputs.clone(),
        }
    }
}

impl About<'_> {
    /// Polls in the day's folder whose time is not of the day: the time zone was changed in between.
    fn outside_day(&self) -> u32 {
        let own = self.inputs.own.polls.iter().map(|poll| poll.recording.stamp);
        let day = self.inputs.day;
        let vehicles = self.inputs.vehicles.iter().filter(|poll| is_of(&poll.key, day.date()));
        let all = own.chain(vehicles.map(|poll| poll.stamp));
        all.filter(|&time| !day.contains(time)).count() as u32
    }
}

fn is_of(key: &Key, of: NaiveDate) -> bool {
    matches!(key, Key::Recorded { date, .. } if *date == of)
}

/// The median time between polls; `None` below two of them, or when all are of one instant.
fn cadence_s(polls: &[DateTime<Utc>]) -> Option<f64> {
    let between = polls.windows(2).map(|pair| (pair[1] - pair[0]).as_seconds_f64());
    median(between.collect()).filter(|&cadence| cadence > 0.0)
}
