//! What a cell as a whole offers: how long it had no bike, and how long no free dock.

use std::ops::{AddAssign, Range};

use crate::grid::{Counts, UNKNOWN};
use crate::station_day::Sums;
use crate::timeline::Timeline;
use crate::vehicles::FreeBikes;

/// Polls, as ranges that neither touch nor overlap, in order.
pub(crate) type Polls = Vec<Range<usize>>;

/// What the polls of a day say of one station's offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spans {
    /// Polls that saw it.
    observed: Polls,
    /// Of these, those that saw a bike.
    with_bikes: Polls,
    /// Those that told its free docks.
    docks_told: Polls,
    /// Of these, those that saw a free dock.
    with_docks: Polls,
}

/// What polls that observed a station say of its offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offered {
    has_bike: bool,
    are_docks_told: bool,
    has_dock: bool,
}

impl From<Counts> for Offered {
    fn from(counts: Counts) -> Self {
        let are_docks_told = counts.docks != UNKNOWN;
        let has_dock = are_docks_told && counts.docks > 0;
        Self { has_bike: counts.bikes > 0, are_docks_told, has_dock }
    }
}

impl Spans {
    /// Adds polls after those that are there, all of which say the same.
    pub(crate) fn add(&mut self, polls: Range<usize>, offered: Offered) {
        for (spans, is_so) in [
            (&mut self.observed, true),
            (&mut self.with_bikes, offered.has_bike),
            (&mut self.docks_told, offered.are_docks_told),
            (&mut self.with_docks, offered.has_dock),
        ] {
            if is_so {
                extend(spans, polls.clone());
            }
        }
    }
}

/// Times, in milliseconds, within an hour or a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "units are in names")]
pub(crate) struct Offer {
    /// Time in which a poll saw some part of the cell.
    pub(crate) observed_ms: i64,
    /// Of this, without a bike.
    pub(crate) empty_ms: i64,
    /// Time in which some station of the cell told its free docks.
    pub(crate) docks_observed_ms: i64,
    /// Of this, without a free dock.
    pub(crate) full_ms: i64,
}

/// What the stations of a cell and the free-standing bikes there offer in each hour, over the time in
/// which some poll's state holds that mentions one of the stations. `stations` have the polls during
/// which they stood in the cell, `free` the polls of vehicles that saw some there.
pub(crate) fn offers(
    stations: &[(&Spans, Range<usize>)],
    free: &[(usize, FreeBikes)],
    timeline: &Timeline,
) -> Vec<Offer> {
    let mut offers = vec![Offer::default(); timeline.hours()];
    let of_any = |spans: fn(&Spans) -> &Polls| {
        union(stations.iter().flat_map(|(station, polls)| clipped(spans(station), polls)))
    };
    let observed = of_any(|station| &station.observed);
    let docks_told = of_any(|station| &station.docks_told);
    let empty = difference(&observed, &of_any(|station| &station.with_bikes));
    let full = difference(&docks_told, &of_any(|station| &station.with_docks));
    let mut add = |spans: &Polls, sum: fn(&mut Offer) -> &mut i64| {
        for piece in spans.iter().flat_map(|polls| timeline.pieces(polls.clone())) {
            *sum(&mut offers[piece.hour]) += piece.hold_ms;
        }
    };
    add(&observed, |offer| &mut offer.observed_ms);
    add(&empty, |offer| &mut offer.empty_ms);
    add(&docks_told, |offer| &mut offer.docks_observed_ms);
    add(&full, |offer| &mut offer.full_ms);
    if !free.is_empty() {
        let has_bike = |vehicles: usize| {
            let at = free.binary_search_by_key(&vehicles, |&(poll, _)| poll);
            at.is_ok_and(|at| free[at].1.bikes > 0)
        };
        let segments = empty.iter().flat_map(|polls| timeline.segments_of(polls.clone()));
        for segment in segments.map(|index| &timeline.segments[index]) {
            if segment.poll.is_some() && segment.vehicles.is_some_and(has_bike) {
                offers[segment.hour].empty_ms -= segment.hold_ms;
            }
        }
    }
    offers
}

fn extend(polls: &mut Polls, more: Range<usize>) {
    match polls.last_mut() {
        Some(last) if more.start <= last.end => last.end = last.end.max(more.end),
        _ => polls.push(more),
    }
}

fn clipped<'p>(
    polls: &'p [Range<usize>],
    to: &'p Range<usize>,
) -> impl Iterator<Item = Range<usize>> + 'p {
    let clip = |polls: &Range<usize>| polls.start.max(to.start)..polls.end.min(to.end);
    polls.iter().map(clip).filter(|polls| !polls.is_empty())
}

fn union(ranges: impl Iterator<Item = Range<usize>>) -> Polls {
    let mut ranges: Vec<Range<usize>> = ranges.collect();
    ranges.sort_by_key(|range| range.start);
    let mut union = Polls::new();
    for range in ranges {
        extend(&mut union, range);
    }
    union
}

/// The polls of `all` that are not in `without`, which are all in `all`.
fn difference(all: &Polls, without: &Polls) -> Polls {
    let mut difference = Polls::new();
    let mut without = without.iter().peekable();
    for range in all {
        let mut from = range.start;
        while let Some(out) = without.next_if(|out| out.start < range.end) {
            if from < out.start {
                difference.push(from..out.start);
            }
            from = out.end;
        }
        if from < range.end {
            difference.push(from..range.end);
        }
    }
    difference
}

/// Of one station alone.
impl From<Sums> for Offer {
    fn from(sums: Sums) -> Self {
        Self {
            observed_ms: sums.hold_ms,
            empty_ms: sums.empty_ms,
            docks_observed_ms: sums.dock_hold_ms,
            full_ms: sums.full_ms,
        }
    }
}

impl AddAssign for Offer {
    fn add_assign(&mut self, other: Self) {
        self.observed_ms += other.observed_ms;
        self.empty_ms += other.empty_ms;
        self.docks_observed_ms += other.docks_observed_ms;
        self.full_ms += other.full_ms;
    }
}

impl Offer {
    /// The hours together.
    pub(crate) fn total(hours: &[Self]) -> Self {
        let mut total = Self::default();
        for &hour in hours {
            total += hour;
        }
        total
    }

    /// What free-standing bikes alone offer, where polls that look for them hold for so long, and for
    /// so long show one.
    pub(crate) fn of_vehicles(hold_ms: i64, there_ms: i64) -> Self {
        Self { observed_ms: hold_ms, empty_ms: hold_ms - there_ms, ..Self::default() }
    }

    /// Share of the observed time without a bike; `None` where nothing was observed.
    pub(crate) fn empty_share(self) -> Option<f64> {
        share(self.empty_ms, self.observed_ms)
    }

    /// Share of the time in which docks were told without a free one.
    pub(crate) fn full_share(self) -> Option<f64> {
        share(self.full_ms, self.docks_observed_ms)
    }
}

fn share(part_ms: i64, whole_ms: i64) -> Option<f64> {
    (whole_ms > 0).then(|| part_ms as f64 / whole_ms as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, TimeDelta, Utc};
    use chrono_tz::Tz;
    use hotspots_data::{Day, hours};

    fn station(bikes: &[i32], docks: &[i32]) -> Spans {
        let mut spans = Spans::default();
        for (poll, (&bikes, &docks)) in bikes.iter().zip(docks).enumerate() {
            if bikes != UNKNOWN {
                spans.add(poll..poll + 1, Counts { bikes, docks, ..Counts::UNSEEN }.into());
            }
        }
        spans
    }

    /// A poll of each kind every minute after midnight; the last hold for a minute too.
    fn timeline(polls: usize) -> Timeline {
        let day = Day::new(hotspots_data::parse_date("2026-02-10").unwrap(), Tz::Europe__Paris);
        let hours = hours(day);
        let at = |minute: usize| day.start() + TimeDelta::minutes(minute as i64);
        let polls: Vec<DateTime<Utc>> = (0..polls).map(at).collect();
        Timeline::new(&polls, &polls, day, &hours, TimeDelta::minutes(1))
    }

    #[test]
    fn a_cell_is_empty_only_while_none_of_its_stations_seen_has_a_bike() {
        let a = station(&[0, 0, 3, UNKNOWN], &[5, 0, 0, UNKNOWN]);
        let b = station(&[2, 0, UNKNOWN, UNKNOWN], &[0, 0, UNKNOWN, UNKNOWN]);
        let timeline = timeline(4);
        let offer = Offer::total(&offers(&[(&a, 0..4), (&b, 0..4)], &[], &timeline));
        // By hand: seen in polls 0 to 2; no bike in poll 1; no dock in polls 1 and 2.
        assert_eq!((offer.observed_ms, offer.empty_ms), (180_000, 60_000));
        assert_eq!((offer.docks_observed_ms, offer.full_ms), (180_000, 120_000));
        assert!((offer.empty_share().unwrap() - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_station_counts_only_while_it_stands_in_the_cell() {
        let a = station(&[0, 0, 0, 0], &[1, 1, 1, 1]);
        let b = station(&[1, 0, 1, 1], &[0, 0, 0, 1]);
        let timeline = timeline(4);
        let offer = Offer::total(&offers(&[(&a, 0..3), (&b, 2..4)], &[], &timeline));
        // By hand: alone in polls 0 and 1, where `a` has no bike and a dock.
        assert_eq!((offer.observed_ms, offer.empty_ms, offer.full_ms), (240_000, 120_000, 0));
    }

    #[test]
    fn a_free_standing_bike_makes_a_cell_not_empty() {
        let a = station(&[0, 0, 0], &[5, 5, 5]);
        let free = [(1, FreeBikes { bikes: 1, ..FreeBikes::default() })];
        let timeline = timeline(3);
        let offer = Offer::total(&offers(&[(&a, 0..3)], &free, &timeline));
        assert_eq!((offer.observed_ms, offer.empty_ms), (180_000, 120_000));
        let alone = Offer::of_vehicles(180_000, 60_000);
        assert_eq!((alone.empty_share(), alone.full_share()), (Some(2.0 / 3.0), None));
    }
}
