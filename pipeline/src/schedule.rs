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

/// How a pause grows while something keeps failing.
#[derive(Clone, Copy, Debug)]
pub struct Pauses {
    /// After the first failure.
    pub first: Duration,
    /// However many failures.
    pub longest: Duration,
}

impl Pauses {
    /// Of a feed polled every `interval`: the first retry comes soon, so that a hiccup costs seconds
    /// and not a poll; the longest pause is a quarter of an hour, or the interval.
    #[must_use]
    pub fn of_feed(interval: Duration) -> Self {
        Self { first: FLOOR, longest: Duration::from_mins(15).max(interval) }
    }
}

/// The pause after so many failures in a row: it doubles each time, and `unit` (0 to 1) spreads it
/// by a quarter either way, so that what failed together does not come back together.
#[must_use]
pub fn backoff(failures: u32, pauses: Pauses, unit: f64) -> Duration {
    let doubled = pauses.first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    doubled.min(pauses.longest).mul_f64(0.75 + 0.5 * unit.clamp(0.0, 1.0))
}

/// How long after the start a system's first poll comes when many are polled: within `window`, and
/// always the same for the same name.
#[must_use]
pub fn start_offset(system: &str, window: Duration) -> Duration {
    window.mul_f64(unit(system, 0))
}

/// A number from 0 to 1 that looks random and is always the same for the same text and number (the
/// FNV-1a hash, through the finaliser of `SplitMix64`).
#[must_use]
pub fn unit(text: &str, number: u32) -> f64 {
    let bytes = text.bytes().chain(number.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
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

    #[test]
    fn a_pause_doubles_up_to_a_quarter_of_an_hour_and_is_spread_by_a_quarter() {
        let millis = |failures, unit| backoff(failures, Pauses::of_feed(MINUTE), unit).as_millis();
        assert_eq!(
            [1, 2, 3, 4].map(|failures| millis(failures, 0.5)),
            [10_000, 20_000, 40_000, 80_000]
        );
        assert_eq!([millis(1, 0.0), millis(1, 1.0)], [7_500, 12_500]);
        assert_eq!([millis(8, 0.5), millis(u32::MAX, 0.5)], [900_000, 900_000]);
    }

    #[test]
    fn a_thousand_systems_start_evenly_within_their_window() {
        let mut tenths = [0; 10];
        for number in 0..1_000 {
            let offset = start_offset(&format!("system-{number}"), MINUTE);
            tenths[(offset.as_secs_f64() / 6.0) as usize] += 1;
        }
        assert!(tenths.iter().all(|&count| (60..140).contains(&count)), "{tenths:?}");
    }
}
