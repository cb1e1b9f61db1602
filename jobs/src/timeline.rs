//! The day cut into segments: within one, the same polls hold and the local clock shows one hour.

use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use hotspots_data::{Day, Hour};

use crate::poll_weights::holds;

/// A part of the day in which the same states hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Since the day began.
    pub(crate) from_ms: i64,
    pub(crate) hold_ms: i64,
    /// Index of the hour.
    pub(crate) hour: usize,
    /// The status poll whose state holds.
    pub(crate) poll: Option<usize>,
    /// The vehicle poll whose state holds.
    pub(crate) vehicles: Option<usize>,
}

/// A day's segments in order, without those in which nothing is known.
#[derive(Debug)]
pub(crate) struct Timeline {
    pub(crate) segments: Vec<Segment>,
    /// By poll: the first segment in which it or a later one holds; and the end.
    first: Vec<u32>,
    stretches: Vec<Stretch>,
    /// By segment, here once more because every station's every run asks for them: the stretch, and when
    /// the segment begins.
    stretch_of: Vec<u32>,
    from_ms: Vec<i64>,
    hours: usize,
}

/// Segments of one hour that follow each other without a gap, in all of which a status poll holds, or
/// in none.
#[derive(Debug)]
struct Stretch {
    segments: Range<usize>,
    hour: usize,
    to_ms: i64,
    has_status: bool,
}

/// Time without a gap within an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Index of the hour.
    pub(crate) hour: usize,
    /// Since the day began.
    pub(crate) from_ms: i64,
    pub(crate) hold_ms: i64,
}

impl Timeline {
    /// Cuts a day where a poll begins or ends to hold and where an hour begins.
    pub(crate) fn new(
        polls: &[DateTime<Utc>],
        vehicles: &[DateTime<Utc>],
        day: Day,
        hours: &[Hour],
        max_gap: TimeDelta,
    ) -> Self {
        let segments = segments(polls, vehicles, day, hours, max_gap);
        let mut first = vec![segments.len() as u32; polls.len() + 1];
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut stretch_of = Vec::with_capacity(segments.len());
        for (index, segment) in segments.iter().enumerate() {
            if let Some(poll) = segment.poll {
                first[poll] = first[poll].min(index as u32);
            }
            let to_ms = segment.from_ms + segment.hold_ms;
            let has_status = segment.poll.is_some();
            match stretches.last_mut() {
                Some(stretch)
                    if (stretch.to_ms, stretch.has_status, stretch.hour)
                        == (segment.from_ms, has_status, segment.hour) =>
                {
                    stretch.segments.end = index + 1;
                    stretch.to_ms = to_ms;
                }
                _ => {
                    let (segments, hour) = (index..index + 1, segment.hour);
                    stretches.push(Stretch { segments, hour, to_ms, has_status });
                }
            }
            stretch_of.push((stretches.len() - 1) as u32);
        }
        for poll in (0..polls.len()).rev() {
            first[poll] = first[poll].min(first[poll + 1]);
        }
        let from_ms = segments.iter().map(|segment| segment.from_ms).collect();
        Self { segments, first, stretches, stretch_of, from_ms, hours: hours.len() }
    }

    /// How many hours the day has.
    pub(crate) fn hours(&self) -> usize {
        self.hours
    }

    /// The longest stretch of the day in which nothing is known.
    pub(crate) fn longest_unobserved(&self, day: Day) -> TimeDelta {
        let (mut seen_until_ms, mut longest_ms) = (0, 0);
        for segment in &self.segments {
            longest_ms = (segment.from_ms - seen_until_ms).max(longest_ms);
            seen_until_ms = segment.from_ms + segment.hold_ms;
        }
        let rest_ms = day.length().num_milliseconds() - seen_until_ms;
        TimeDelta::milliseconds(rest_ms.max(longest_ms))
    }

    /// The segments in which one of these status polls holds, or in between none.
    pub(crate) fn segments_of(&self, polls: Range<usize>) -> Range<usize> {
        self.first[polls.start] as usize..self.first[polls.end] as usize
    }

    /// The time in which one of these status polls holds.
    pub(crate) fn pieces(&self, polls: Range<usize>) -> impl Iterator<Item = Piece> + '_ {
        let Range { start: mut from, end } = self.segments_of(polls);
        let stretch = self.stretch_of.get(from).copied().unwrap_or_default() as usize;
        let mut stretches = self.stretches[stretch..].iter();
        std::iter::from_fn(move || {
            while from < end {
                let stretch = stretches.next()?;
                let from_ms = self.from_ms[from];
                let is_cut = end < stretch.segments.end;
                let to_ms = if is_cut { self.from_ms[end] } else { stretch.to_ms };
                from = end.min(stretch.segments.end);
                if stretch.has_status {
                    return Some(Piece { hour: stretch.hour, from_ms, hold_ms: to_ms - from_ms });
                }
            }
            None
        })
    }
}

fn segments(
    polls: &[DateTime<Utc>],
    vehicles: &[DateTime<Utc>],
    day: Day,
    hours: &[Hour],
    max_gap: TimeDelta,
) -> Vec<Segment> {
    let since = |instant: DateTime<Utc>| (instant - day.start()).num_milliseconds();
    let stretches = |times: &[DateTime<Utc>]| -> Vec<(i64, i64, usize)> {
        let holds = holds(times, day, max_gap);
        let stretch = |(index, (&time, hold)): (usize, (&DateTime<Utc>, TimeDelta))| {
            let from = since(time.max(day.start()));
            (from, from + hold.num_milliseconds(), index)
        };
        times.iter().zip(holds).enumerate().map(stretch).filter(|(from, to, _)| to > from).collect()
    };
    let (polls, vehicles) = (stretches(polls), stretches(vehicles));
    let mut cuts: Vec<i64> =
        polls.iter().chain(&vehicles).flat_map(|&(from, to, _)| [from, to]).collect();
    cuts.extend(hours.iter().map(|hour| since(hour.start)));
    cuts.sort_unstable();
    cuts.dedup();
    let (mut poll, mut vehicle, mut hour) = (Cursor::new(&polls), Cursor::new(&vehicles), 0);
    let mut segments = Vec::with_capacity(cuts.len());
    for pair in cuts.windows(2) {
        let (from_ms, to_ms) = (pair[0], pair[1]);
        while hours.get(hour + 1).is_some_and(|next| since(next.start) <= from_ms) {
            hour += 1;
        }
        let (poll, vehicles) = (poll.at(from_ms), vehicle.at(from_ms));
        if poll.is_some() || vehicles.is_some() {
            segments.push(Segment { from_ms, hold_ms: to_ms - from_ms, hour, poll, vehicles });
        }
    }
    segments
}

/// Walks stretches of time in order.
struct Cursor<'s> {
    stretches: &'s [(i64, i64, usize)],
}

impl<'s> Cursor<'s> {
    fn new(stretches: &'s [(i64, i64, usize)]) -> Self {
        Self { stretches }
    }

    /// What holds at a time, which never goes back.
    fn at(&mut self, time: i64) -> Option<usize> {
        while let Some((&(from, to, index), rest)) = self.stretches.split_first() {
            if time < to {
                return (from <= time).then_some(index);
            }
            self.stretches = rest;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Tz;
    use hotspots_data::hours;

    #[test]
    fn segments_are_cut_at_polls_and_at_hours() {
        let day = Day::new(hotspots_data::parse_date("2026-02-10").unwrap(), Tz::Asia__Kolkata);
        let at = |minutes: i64| day.start() + TimeDelta::minutes(minutes);
        let polls = [at(-5), at(55), at(61), at(1435)];
        let found = segments(&polls, &[at(58)], day, &hours(day), TimeDelta::minutes(15));
        let minutes: Vec<_> = found
            .iter()
            .map(|s| (s.from_ms / 60_000, s.hold_ms / 60_000, s.hour, s.poll, s.vehicles))
            .collect();
        assert_eq!(
            minutes,
            [
                (0, 10, 0, Some(0), None),
                (55, 3, 0, Some(1), None),
                (58, 2, 0, Some(1), Some(0)),
                (60, 1, 1, Some(1), Some(0)),
                (61, 12, 1, Some(2), Some(0)),
                (73, 3, 1, Some(2), None),
                (1435, 5, 23, Some(3), None),
            ]
        );
    }
    #[test]
    fn the_longest_unobserved_stretch_may_be_before_between_or_after_polls_of_any_kind() {
        let day = Day::new(hotspots_data::parse_date("2026-02-10").unwrap(), Tz::Europe__Paris);
        let longest = |polls: &[i64], vehicles: &[i64]| {
            let at = |minutes: &[i64]| -> Vec<_> {
                minutes.iter().map(|&m| day.start() + TimeDelta::minutes(m)).collect()
            };
            let gap = TimeDelta::minutes(15);
            let timeline = Timeline::new(&at(polls), &at(vehicles), day, &hours(day), gap);
            timeline.longest_unobserved(day).num_minutes()
        };
        assert_eq!(longest(&[], &[]), 1440);
        assert_eq!(longest(&[700], &[]), 725);
        assert_eq!(longest(&[1300], &[]), 1300);
        assert_eq!(longest(&[10, 900, 1430], &[]), 900 - 25);
        // By hand: unseen from 00:25 to 08:00, from 08:15 to 15:00 and from 15:15 to 23:50.
        assert_eq!(longest(&[10, 900, 1430], &[480]), 515);
        assert_eq!(longest(&[], &[700]), 725);
    }
}
