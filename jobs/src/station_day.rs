//! One station over a day: exact sums over time, and what is only about the station itself.

use std::ops::AddAssign;

use crate::episodes::Episodes;
use crate::grid::{Counts, StationRow, UNKNOWN};
use crate::places::Places;
use crate::timeline::Segment;

/// Sums over time, in whole milliseconds and bike-milliseconds, which no order of adding changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "units are in names")]
pub(crate) struct Sums {
    pub(crate) hold_ms: i64,
    pub(crate) bike_ms: i64,
    pub(crate) ebike_hold_ms: i64,
    pub(crate) ebike_ms: i64,
    pub(crate) mechanical_hold_ms: i64,
    pub(crate) mechanical_ms: i64,
    pub(crate) dock_hold_ms: i64,
    pub(crate) dock_ms: i64,
    pub(crate) empty_ms: i64,
    pub(crate) full_ms: i64,
}

/// The sums of one hour during one version of the information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) version: usize,
    pub(crate) hour: usize,
    pub(crate) sums: Sums,
}

/// One station over a day.
#[derive(Clone, Debug, Default)]
pub(crate) struct StationSums {
    /// In order of version and hour.
    pub(crate) parts: Vec<Part>,
    pub(crate) empty: Episodes,
    pub(crate) full: Episodes,
    /// Bikes at each of the times asked for.
    pub(crate) bikes_at: Vec<Option<i32>>,
    /// Whether any two observed polls differ in bikes or docks.
    pub(crate) has_changed: bool,
    /// Whether at some poll there were more bikes, or more bikes and docks, than docks are published.
    pub(crate) bikes_above_capacity: bool,
    pub(crate) counts_above_capacity: bool,
}

impl Sums {
    /// The state of a poll, held for so long.
    pub(crate) fn of(counts: Counts, hold_ms: i64) -> Self {
        let mut sums = Self { hold_ms, ..Self::default() };
        sums.bike_ms = i64::from(counts.bikes) * hold_ms;
        if counts.bikes == 0 {
            sums.empty_ms = hold_ms;
        }
        if counts.ebikes != UNKNOWN {
            sums.ebike_hold_ms = hold_ms;
            sums.ebike_ms = i64::from(counts.ebikes) * hold_ms;
        }
        if counts.mechanical != UNKNOWN {
            sums.mechanical_hold_ms = hold_ms;
            sums.mechanical_ms = i64::from(counts.mechanical) * hold_ms;
        }
        if counts.docks != UNKNOWN {
            sums.dock_hold_ms = hold_ms;
            sums.dock_ms = i64::from(counts.docks) * hold_ms;
            if counts.docks == 0 {
                sums.full_ms = hold_ms;
            }
        }
        sums
    }

    /// The names of the sums, in the order of [`Self::to_array`].
    pub(crate) const NAMES: [&str; 10] = [
        "hold_ms",
        "bike_ms",
        "ebike_hold_ms",
        "ebike_ms",
        "mechanical_hold_ms",
        "mechanical_ms",
        "dock_hold_ms",
        "dock_ms",
        "empty_ms",
        "full_ms",
    ];

    pub(crate) fn to_array(self) -> [i64; 10] {
        [
            self.hold_ms,
            self.bike_ms,
            self.ebike_hold_ms,
            self.ebike_ms,
            self.mechanical_hold_ms,
            self.mechanical_ms,
            self.dock_hold_ms,
            self.dock_ms,
            self.empty_ms,
            self.full_ms,
        ]
    }

    pub(crate) fn from_array(sums: [i64; 10]) -> Self {
        let [
            hold_ms,
            bike_ms,
            ebike_hold_ms,
            ebike_ms,
            mechanical_hold_ms,
            mechanical_ms,
            dock_hold_ms,
            dock_ms,
            empty_ms,
            full_ms,
        ] = sums;
        Self {
            hold_ms,
            bike_ms,
            ebike_hold_ms,
            ebike_ms,
            mechanical_hold_ms,
            mechanical_ms,
            dock_hold_ms,
            dock_ms,
            empty_ms,
            full_ms,
        }
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        let (mut sums, others) = (self.to_array(), other.to_array());
        for (sum, other) in sums.iter_mut().zip(others) {
            *sum += other;
        }
        *self = Self::from_array(sums);
    }
}

/// Adds up a station's day; `times_ms` are those at which its bikes are wanted, since the day began.
pub(crate) fn station_sums(
    station: &StationRow,
    places: &Places,
    segments: &[Segment],
    times_ms: &[Option<i64>],
) -> StationSums {
    let mut day = StationSums { bikes_at: vec![None; times_ms.len()], ..StationSums::default() };
    let mut version = 0;
    let mut first: Option<Counts> = None;
    for segment in segments {
        let Some(poll) = segment.poll else { continue };
        while places.versions.get(version).is_some_and(|v| v.polls.end <= poll) {
            version += 1;
        }
        let counts = station.counts[poll];
        if !counts.is_observed() {
            continue;
        }
        let sums = Sums::of(counts, segment.hold_ms);
        match day.parts.last_mut() {
            Some(part) if (part.version, part.hour) == (version, segment.hour) => part.sums += sums,
            _ => day.parts.push(Part { version, hour: segment.hour, sums }),
        }
        day.empty.add(segment.from_ms, sums.empty_ms);
        day.full.add(segment.from_ms, sums.full_ms);
        let span = segment.from_ms..segment.from_ms + segment.hold_ms;
        for (bikes, time) in day.bikes_at.iter_mut().zip(times_ms) {
            if time.is_some_and(|time| span.contains(&time)) {
                *bikes = Some(counts.bikes);
            }
        }
        let first = *first.get_or_insert(counts);
        day.has_changed |= (first.bikes, first.docks) != (counts.bikes, counts.docks);
    }
    day.compare_with_capacity(station, places);
    day
}

impl StationSums {
    /// The sums of the whole day.
    pub(crate) fn total(&self) -> Sums {
        let mut total = Sums::default();
        self.parts.iter().for_each(|part| total += part.sums);
        total
    }

    fn compare_with_capacity(&mut self, station: &StationRow, places: &Places) {
        for (index, version) in places.versions.iter().enumerate() {
            let capacity = places.of(index, &station.id).and_then(|place| place.capacity);
            let Some(capacity) = capacity else { continue };
            for counts in &station.counts[version.polls.clone()] {
                let docks = counts.docks.max(0);
                self.bikes_above_capacity |= counts.bikes > capacity;
                self.counts_above_capacity |= counts.bikes.saturating_add(docks) > capacity;
            }
        }
    }
}
