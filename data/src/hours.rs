//! The hours of a local day, as its clocks show them.

use crate::day::Day;
use chrono::{DateTime, NaiveTime, TimeDelta, TimeZone as _, Timelike as _, Utc};

/// A stretch of the day in which the local clock shows one hour without being set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hour {
    /// What the clock shows, 0 to 23.
    pub hour: u32,
    /// Its first instant, in UTC.
    pub start: DateTime<Utc>,
    /// The first instant after it, in UTC.
    pub end: DateTime<Utc>,
}

/// The hours of a day in order: 23 to 25 of them where clocks change by an hour. An hour that occurs
/// twice is there twice; where clocks change by half an hour, one is cut.
#[must_use]
pub fn hours(day: Day) -> Vec<Hour> {
    let shown = |instant: DateTime<Utc>| {
        let local = instant.with_timezone(&day.time_zone());
        (local.hour(), local.naive_local() - instant.naive_utc())
    };
    let mut hours: Vec<Hour> = Vec::new();
    let mut at = day.start();
    let mut last = None;
    while at < day.end() {
        // Every zone's clock is whole quarters of an hour from UTC.
        let end = (at + TimeDelta::minutes(15)).min(day.end());
        let now = shown(at);
        match hours.last_mut() {
            Some(hour) if last == Some(now) => hour.end = end,
            _ => hours.push(Hour { hour: now.0, start: at, end }),
        }
        last = Some(now);
        at = end;
    }
    hours
}

/// The instant at which the local clock first shows so many hours; `None` where it never does.
#[must_use]
pub fn at_hour(day: Day, hour: u32) -> Option<DateTime<Utc>> {
    let local = day.date().and_time(NaiveTime::from_hms_opt(hour, 0, 0)?);
    Some(day.time_zone().from_local_datetime(&local).earliest()?.with_timezone(&Utc))
}

impl Hour {
    /// How long it lasts, in milliseconds.
    #[must_use]
    pub fn length_ms(&self) -> i64 {
        (self.end - self.start).num_milliseconds()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Tz;

    fn shown(date: &str, time_zone: Tz) -> Vec<u32> {
        let day = Day::new(crate::day::parse_date(date).unwrap(), time_zone);
        let hours = hours(day);
        assert_eq!((hours[0].start, hours[hours.len() - 1].end), (day.start(), day.end()));
        assert!(hours.windows(2).all(|pair| pair[0].end == pair[1].start));
        hours.iter().map(|hour| hour.hour).collect()
    }

    #[test]
    fn an_ordinary_day_has_24_hours_also_half_an_hour_off() {
        let ordinary: Vec<u32> = (0..24).collect();
        assert_eq!(shown("2026-02-10", Tz::Europe__Paris), ordinary);
        assert_eq!(shown("2026-02-10", Tz::Asia__Kolkata), ordinary);
        assert_eq!(shown("2026-02-10", Tz::Asia__Kathmandu), ordinary);
    }

    #[test]
    fn in_spring_an_hour_is_missing_and_in_autumn_one_comes_twice() {
        let spring: Vec<u32> = (0..24).filter(|&hour| hour != 2).collect();
        assert_eq!(shown("2026-03-29", Tz::Europe__Paris), spring);
        assert_eq!(shown("2026-03-08", Tz::America__Los_Angeles), spring);
        let autumn: Vec<u32> = [0, 1, 2].into_iter().chain(2..24).collect();
        assert_eq!(shown("2026-10-25", Tz::Europe__Paris), autumn);
        let autumn: Vec<u32> = [0, 1].into_iter().chain(1..24).collect();
        assert_eq!(shown("2026-11-01", Tz::America__Los_Angeles), autumn);
    }

    #[test]
    fn where_clocks_change_by_half_an_hour_one_hour_is_cut() {
        // Lord Howe's clocks went back from 02:00 to 01:30 on 2026-04-05.
        let day = Day::new(crate::day::parse_date("2026-04-05").unwrap(), Tz::Australia__Lord_Howe);
        let hours = hours(day);
        let lengths: Vec<(u32, i64)> =
            hours[..4].iter().map(|hour| (hour.hour, hour.length_ms() / 60_000)).collect();
        assert_eq!(lengths, [(0, 60), (1, 60), (1, 30), (2, 60)]);
    }

    #[test]
    fn a_time_that_the_clocks_jump_over_is_no_instant() {
        let day = Day::new(crate::day::parse_date("2026-03-29").unwrap(), Tz::Europe__Paris);
        assert_eq!(at_hour(day, 2), None);
        assert_eq!(at_hour(day, 8).unwrap().to_rfc3339(), "2026-03-29T06:00:00+00:00");
    }
}
