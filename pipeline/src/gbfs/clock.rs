//! The feed's clock: how its times read, and when it can be believed.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::fields::unquoted;

/// A time as a feed writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedTime {
    /// The instant.
    pub at: DateTime<Utc>,
    /// Whether it came as milliseconds where GBFS has seconds.
    pub in_milliseconds: bool,
}

/// Why the observation time is not simply the feed's own, or what is odd about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockNote {
    /// The feed has no time, or none that can be read: the fetch time stands in.
    Absent,
    /// The feed's time lies ahead of the fetch by more than clocks differ: the fetch time stands in.
    Future(TimeDelta),
    /// The feed's time lies before bike-share feeds existed: the fetch time stands in.
    Impossible(DateTime<Utc>),
    /// The feed's time stands still while its data changes: the fetch time stands in.
    Frozen(DateTime<Utc>),
    /// The feed's time came as milliseconds; read as such.
    Milliseconds,
    /// The feed's time is long past; believed, so that old data is filed under its own date.
    Stale(TimeDelta),
}

/// How far a publisher's clock may run ahead of ours.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(2);
/// An age that a live status feed should not have (GBFS asks for 5 minutes).
const STALE_AFTER: TimeDelta = TimeDelta::hours(1);
/// The first GBFS feeds are of 2015; a time before 2010-01-01 is a default value.
const EARLIEST_S: i64 = 1_262_304_000;
/// Seconds since 1970 with more digits than this are milliseconds (as seconds: the year 5138).
const MILLISECONDS_FROM: f64 = 1e11;

impl FeedTime {
    /// Reads a JSON value: seconds or milliseconds since 1970 (also quoted), or RFC 3339.
    #[must_use]
    pub fn read(raw: &str) -> Option<Self> {
        let text = unquoted(raw);
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Some(Self { at: at.to_utc(), in_milliseconds: false });
        }
        let number: f64 = text.parse().ok().filter(|n: &f64| n.is_finite() && *n >= 0.0)?;
        let in_milliseconds = number >= MILLISECONDS_FROM;
        let millis = if in_milliseconds { number } else { number * 1000.0 };
        DateTime::from_timestamp_millis(millis as i64).map(|at| Self { at, in_milliseconds })
    }
}

/// When a poll's state was observed: the feed's time where plausible, else the fetch time.
///
/// `frozen` says that the feed's data changed since its last poll while its time did not.
#[must_use]
pub fn observation_time(
    feed_time: Option<FeedTime>,
    fetched_at: DateTime<Utc>,
    frozen: bool,
) -> (DateTime<Utc>, Option<ClockNote>) {
    let Some(time) = feed_time else { return (fetched_at, Some(ClockNote::Absent)) };
    let age = fetched_at - time.at;
    if -age > CLOCK_SKEW {
        return (fetched_at, Some(ClockNote::Future(-age)));
    }
    if time.at.timestamp() < EARLIEST_S {
        return (fetched_at, Some(ClockNote::Impossible(time.at)));
    }
    if frozen {
        return (fetched_at, Some(ClockNote::Frozen(time.at)));
    }
    let note = if age > STALE_AFTER {
        Some(ClockNote::Stale(age))
    } else {
        time.in_milliseconds.then_some(ClockNote::Milliseconds)
    };
    (time.at, note)
}

impl ClockNote {
    /// Whether this deserves a warning rather than a line of information.
    #[must_use]
    pub fn is_warning(self) -> bool {
        !matches!(self, Self::Milliseconds)
    }
}

impl fmt::Display for ClockNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("no readable `last_updated`: filed under the fetch time"),
            Self::Future(by) => write!(
                f,
                "`last_updated` is {} in the future: filed under the fetch time",
                Span(*by)
            ),
            Self::Impossible(at) => {
                write!(f, "`last_updated` is {at}, which cannot be: filed under the fetch time")
            }
            Self::Frozen(at) => write!(
                f,
                "`last_updated` stands at {at} while the data changes: filed under the fetch time"
            ),
            Self::Milliseconds => f.write_str("`last_updated` is in milliseconds; read as such"),
            Self::Stale(age) => {
                write!(f, "`last_updated` is {} old: filed under that time", Span(*age))
            }
        }
    }
}

struct Span(TimeDelta);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.num_seconds();
        match seconds {
            0..120 => write!(f, "{seconds} s"),
            120..7_200 => write!(f, "{} min", seconds / 60),
            7_200..172_800 => write!(f, "{} h", seconds / 3_600),
            _ => write!(f, "{} days", seconds / 86_400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_reads_the_same_in_every_form_feeds_use() {
        // 1770732155 s = 2026-02-10T14:02:35Z, by `date -u -d @1770732155`.
        let expected = at("2026-02-10T14:02:35Z");
        for raw in [
            "1770732155",
            "\"1770732155\"",
            "1770732155.0",
            "\"2026-02-10T14:02:35Z\"",
            "\"2026-02-10T15:02:35+01:00\"",
        ] {
            assert_eq!(
                FeedTime::read(raw),
                Some(FeedTime { at: expected, in_milliseconds: false }),
                "{raw}"
            );
        }
        let millis = FeedTime::read("1770732155000").unwrap();
        assert_eq!((millis.at, millis.in_milliseconds), (expected, true));
        for raw in ["null", "\"\"", "\"soon\"", "{}", "-1", "1e300", "NaN"] {
            assert_eq!(FeedTime::read(raw), None, "{raw}");
        }
    }

    #[test]
    fn the_feeds_time_is_believed_unless_it_cannot_be() {
        let fetched = at("2026-02-10T14:03:00Z");
        let observe = |raw: &str, frozen| observation_time(FeedTime::read(raw), fetched, frozen);
        assert_eq!(observe("1770732155", false), (at("2026-02-10T14:02:35Z"), None));
        // 90 s ahead is a difference of clocks, an hour ahead is not.
        assert_eq!(observe("1770732270", false), (at("2026-02-10T14:04:30Z"), None));
        let hour = TimeDelta::hours(1);
        assert_eq!(observe("1770735780", false), (fetched, Some(ClockNote::Future(hour))));
        assert_eq!(observe("null", false), (fetched, Some(ClockNote::Absent)));
        assert!(matches!(observe("0", false), (t, Some(ClockNote::Impossible(_))) if t == fetched));
        assert!(
            matches!(observe("1770732155", true), (t, Some(ClockNote::Frozen(_))) if t == fetched)
        );
        // A feed of years ago is filed under its own date, with a warning.
        let (then, note) = observe("1645640933", false);
        assert_eq!(then, at("2022-02-23T18:28:53Z"));
        assert!(note.is_some_and(ClockNote::is_warning));
    }
}
