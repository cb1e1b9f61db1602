//! One station over a day: exact sums over time, and what is only about the station itself.

use std::ops::{AddAssign, Range};

use crate::episodes::Episodes;
use crate::grid::{Counts, StationRow, UNKNOWN};
use crate::offers::{Offered, Spans};
use crate::places::Places;
use crate::timeline::Timeline;

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
#[expect(clippy::struct_excessive_bools, reason = "each answers a check")]
pub(crate) struct StationSums {
    pub(crate) id: String,
    /// Whether every poll that mentions it says that it is not installed.
    pub(crate) is_never_installed: bool,
    /// Whether some poll has a negative number of it.
    pub(crate) has_negative_count: bool,
    /// Whether some poll has more than one row of it.
    pub(crate) is_duplicated: bool,
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
    /// The polls that saw it, and with what.
    pub(crate) spans: Spans,
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
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.hold_ms += other.hold_ms;
        self.bike_ms += other.bike_ms;
        self.ebike_hold_ms += other.ebike_hold_ms;
        self.ebike_ms += other.ebike_ms;
        self.mechanical_hold_ms += other.mechanical_hold_ms;
        self.mechanical_ms += other.mechanical_ms;
        self.dock_hold_ms += other.dock_hold_ms;
        self.dock_ms += other.dock_ms;
        self.empty_ms += other.empty_ms;
        self.full_ms += other.full_ms;
    }
}

/// Adds up a station's day, whose polls are then given up: there is room for what comes next.
/// `times_ms` are those at which its bikes are wanted, since the day began.
pub(crate) fn station_sums(
    station: StationRow,
    places: &Places,
    timeline: &Timeline,
    times_ms: &[Option<i64>],
) -> StationSums {
    let mut day = StationSums {
        is_never_installed: !station.was_installed,
        has_negative_count: station.has_negative_count,
        is_duplicated: station.is_duplicated,
        parts: Vec::with_capacity(timeline.hours()),
        bikes_at: vec![None; times_ms.len()],
        ..StationSums::default()
    };
    let mut first: Option<Counts> = None;
    // The version in force, the poll with which the next one comes into force, and the docks that it
    // knows.
    let docks = |version| places.of(version, &station.id).and_then(|place| place.capacity);
    let end = |version: usize| places.versions.get(version).map_or(usize::MAX, |v| v.polls.end);
    let (mut version, mut until, mut capacity) = (0, end(0), docks(0));
    // The last polls, which follow each other and offer alike.
    let mut alike: Option<(Range<usize>, Offered)> = None;
    for (polls, counts) in station.runs() {
        let mut from = polls.start;
        while from < polls.end {
            while until <= from {
                version += 1;
                (until, capacity) = (end(version), docks(version));
            }
            let part = from..polls.end.min(until);
            from = part.end;
            if day.add(version, part, counts, timeline, times_ms) && !day.has_changed {
                let first = *first.get_or_insert(counts);
                day.has_changed = (first.bikes, first.docks) != (counts.bikes, counts.docks);
            }
            if let Some(capacity) = capacity {
                let docks = counts.docks.max(0);
                day.bikes_above_capacity |= counts.bikes > capacity;
                day.counts_above_capacity |= counts.bikes.saturating_add(docks) > capacity;
            }
        }
        let offered = Offered::from(counts);
        match &mut alike {
            Some((last, so)) if last.end == polls.start && *so == offered => last.end = polls.end,
            _ => {
                if let Some((last, so)) = alike.replace((polls, offered)) {
                    day.spans.add(last, so);
                }
            }
        }
    }
    if let Some((last, so)) = alike {
        day.spans.add(last, so);
    }
    day.id = station.id;
    day
}

impl StationSums {
    /// Adds polls that say the same, during one version of the information. Whether any of them holds
    /// within the day.
    fn add(
        &mut self,
        version: usize,
        polls: Range<usize>,
        counts: Counts,
        timeline: &Timeline,
        times_ms: &[Option<i64>],
    ) -> bool {
        let mut holds = false;
        for piece in timeline.pieces(polls) {
            let sums = Sums::of(counts, piece.hold_ms);
            match self.parts.last_mut() {
                Some(part) if (part.version, part.hour) == (version, piece.hour) => {
                    part.sums += sums;
                }
                _ => self.parts.push(Part { version, hour: piece.hour, sums }),
            }
            if sums.empty_ms > 0 {
                self.empty.add(piece.from_ms, sums.empty_ms);
            }
            if sums.full_ms > 0 {
                self.full.add(piece.from_ms, sums.full_ms);
            }
            let span = piece.from_ms..piece.from_ms + piece.hold_ms;
            for (bikes, time) in self.bikes_at.iter_mut().zip(times_ms) {
                if time.is_some_and(|time| span.contains(&time)) {
                    *bikes = Some(counts.bikes);
                }
            }
            holds = true;
        }
        holds
    }

    /// The sums of the whole day.
    pub(crate) fn total(&self) -> Sums {
        let mut total = Sums::default();
        self.parts.iter().for_each(|part| total += part.sums);
        total
    }
}
