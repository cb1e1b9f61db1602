//! What a cell as a whole offers: how long it had no bike, and how long no free dock.

use std::ops::Range;

use crate::grid::{StationRow, UNKNOWN};
use crate::timeline::Segment;
use crate::vehicles::FreeBikes;

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

/// What a cell offers in each hour. A cell with stations is observed while some poll's state holds
/// that mentions one of them; one without, while some poll of vehicles holds.
pub(crate) fn offers(
    stations: &[(&StationRow, Range<usize>)],
    free: &[(usize, FreeBikes)],
    polls: usize,
    segments: &[Segment],
    hours: usize,
) -> Vec<Offer> {
    let mut bikes = vec![UNKNOWN; polls];
    let mut docks = vec![UNKNOWN; polls];
    let sum = |sum: &mut i32, more: i32| {
        if more != UNKNOWN {
            *sum = if *sum == UNKNOWN { more } else { sum.saturating_add(more) };
        }
    };
    for (station, polls) in stations {
        let sums = bikes[polls.clone()].iter_mut().zip(&mut docks[polls.clone()]);
        for ((bikes, docks), counts) in sums.zip(&station.counts[polls.clone()]) {
            sum(bikes, counts.bikes);
            sum(docks, counts.docks);
        }
    }
    let mut offers = vec![Offer::default(); hours];
    let mut free = free.iter().peekable();
    for segment in segments {
        let mut free_bikes = 0;
        if let Some(poll) = segment.vehicles {
            while free.next_if(|(index, _)| *index < poll).is_some() {}
            free_bikes =
                free.peek().filter(|(index, _)| *index == poll).map_or(0, |(_, f)| f.bikes);
        }
        let at_stations = segment.poll.map_or(UNKNOWN, |poll| bikes[poll]);
        let docks = segment.poll.map_or(UNKNOWN, |poll| docks[poll]);
        let is_observed =
            at_stations != UNKNOWN || (stations.is_empty() && segment.vehicles.is_some());
        let offer = &mut offers[segment.hour];
        if is_observed {
            offer.observed_ms += segment.hold_ms;
            if at_stations <= 0 && free_bikes == 0 {
                offer.empty_ms += segment.hold_ms;
            }
        }
        if docks != UNKNOWN {
            offer.docks_observed_ms += segment.hold_ms;
            if docks == 0 {
                offer.full_ms += segment.hold_ms;
            }
        }
    }
    offers
}

impl Offer {
    /// The hours together.
    pub(crate) fn total(hours: &[Self]) -> Self {
        let mut total = Self::default();
        for hour in hours {
            total.observed_ms += hour.observed_ms;
            total.empty_ms += hour.empty_ms;
            total.docks_observed_ms += hour.docks_observed_ms;
            total.full_ms += hour.full_ms;
        }
        total
    }

    /// Share of the observed time without a bike.
    pub(crate) fn empty_share(self) -> f64 {
        share(self.empty_ms, self.observed_ms).unwrap_or_default()
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
    use crate::grid::Counts;

    fn station(bikes: &[i32], docks: &[i32]) -> StationRow {
        let mut row = StationRow::new("a", bikes.len());
        for ((counts, &bikes), &docks) in row.counts.iter_mut().zip(bikes).zip(docks) {
            *counts = Counts { bikes, docks, ..Counts::UNSEEN };
        }
        row
    }

    /// One poll a segment, 10 ms each, all in one hour.
    fn segments(polls: usize) -> Vec<Segment> {
        let segment = |poll: usize| Segment {
            from_ms: 10 * poll as i64,
            hold_ms: 10,
            hour: 0,
            poll: Some(poll),
            vehicles: Some(0),
        };
        (0..polls).map(segment).collect()
    }

    #[test]
    fn a_cell_is_empty_only_while_none_of_its_stations_seen_has_a_bike() {
        let a = station(&[0, 0, 3, UNKNOWN], &[5, 0, 0, UNKNOWN]);
        let b = station(&[2, 0, UNKNOWN, UNKNOWN], &[0, 0, UNKNOWN, UNKNOWN]);
        let both = [(&a, 0..4), (&b, 0..4)];
        let offer = Offer::total(&offers(&both, &[], 4, &segments(4), 1));
        // By hand: seen in polls 0 to 2; no bike in poll 1; no dock in polls 1 and 2.
        assert_eq!((offer.observed_ms, offer.empty_ms), (30, 10));
        assert_eq!((offer.docks_observed_ms, offer.full_ms), (30, 20));
        assert!((offer.empty_share() - 10.0 / 30.0).abs() < 1e-12);
    }

    #[test]
    fn a_free_standing_bike_makes_a_cell_not_empty() {
        let a = station(&[0], &[5]);
        let free = [(0, FreeBikes { bikes: 1, ..FreeBikes::default() })];
        let offer = Offer::total(&offers(&[(&a, 0..1)], &free, 1, &segments(1), 1));
        assert_eq!((offer.observed_ms, offer.empty_ms), (10, 0));
        let alone = Offer::total(&offers(&[], &free, 1, &segments(1), 1));
        assert_eq!((alone.observed_ms, alone.full_share()), (10, None));
    }
}
