//! When to poll: pure functions of the interval, the last due time and the present.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::delta;

/// No feed is asked more often than this, whatever its `ttl` says.
pub const FLOOR: Duration = Duration::from_secs(10);
/// A feed that changes rarely is still looked at this often, whatever its `ttl` says.
pub const INFORMATION_CEILING: Duration = Duration::from_hours(1);
/// How often status is polled where neither the user, a preset nor the feed's `ttl` says.
pub const DEFAULT: Duration = Duration::from_mins(1);

/// The pause between status polls: the user's or the preset's; else the feed's `ttl`, but no shorter
/// than [`DEFAULT`].
#[must_use]
pub fn status_interval(chosen: Option<Duration>, ttl_s: Option<i64>) -> Duration {
    let ttl = ttl_s.and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs);
    match chosen {
        Some(chosen) => chosen.max(Duration::from_secs(1)),
        None => ttl.unwrap_or(DEFAULT).max(DEFAULT),
    }
}

/// The pause between looks at an information feed: its `ttl`, within [`FLOOR`] (or the status
/// interval, when that is longer) and [`INFORMATION_CEILING`].
#[must_use]
pub fn information_interval(ttl_s: Option<i64>, status: Duration) -> Duration {
    let ttl = ttl_s.and_then(|s| u64::try_from(s).ok()).map_or(status, Duration::from_secs);
    ttl.max(FLOOR).max(status).min(INFORMATION_CEILING.max(status))
}

/// The next time on the grid `due + n × interval` that lies after `now`: a poll that took too long
/// makes the missed ones drop out, and never a burst.
#[must_use]
pub fn next_due(due: DateTime<Utc>, interval: Duration, now: DateTime<Utc>) -> DateTime<Utc> {
    let step = delta(interval).num_milliseconds().max(1);
    let late = (now - due).num_milliseconds().max(0);
    due + chrono::TimeDelta::milliseconds((late / step + 1) * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn ttl_is_honoured_unless_something_better_is_known() {
        let seconds = |chosen, ttl| status_interval(chosen, ttl).as_secs();
        assert_eq!(seconds(None, Some(300)), 300);
        assert_eq!(seconds(None, Some(5)), 60);
        assert_eq!(seconds(None, Some(-1)), 60);
        assert_eq!(seconds(None, None), 60);
        assert_eq!(seconds(Some(MINUTE), Some(3600)), 60);
        assert_eq!(seconds(Some(Duration::ZERO), None), 1);
    }

    #[test]
    fn information_is_looked_at_hourly_or_as_its_ttl_says() {
        let seconds =
            |ttl, status| information_interval(ttl, Duration::from_secs(status)).as_secs();
        assert_eq!(seconds(Some(600), 60), 600);
        assert_eq!(seconds(Some(86_400), 60), 3600);
        assert_eq!(seconds(Some(0), 60), 60);
        assert_eq!(seconds(Some(60), 7200), 7200);
    }

    #[test]
    fn a_late_poll_skips_the_missed_ones_and_keeps_the_grid() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let due = at("2026-02-10T10:00:00Z");
        assert_eq!(next_due(due, MINUTE, due), at("2026-02-10T10:01:00Z"));
        assert_eq!(next_due(due, MINUTE, at("2026-02-10T10:00:59Z")), at("2026-02-10T10:01:00Z"));
        assert_eq!(next_due(due, MINUTE, at("2026-02-10T10:05:30Z")), at("2026-02-10T10:06:00Z"));
        // A clock set back does not stop the polls until it has caught up.
        assert_eq!(next_due(due, MINUTE, at("2026-02-10T09:00:00Z")), at("2026-02-10T10:01:00Z"));
    }
}
