//! How long each poll's state counts: the time axis of every mean.

use chrono::{DateTime, TimeDelta, Utc};
use hotspots_data::Day;

/// For each poll, how long within the day its state holds: until the next poll, at most `max_gap`,
/// and only inside the day. The times are in order; polls of the day before carry in.
pub(crate) fn holds(polls: &[DateTime<Utc>], day: Day, max_gap: TimeDelta) -> Vec<TimeDelta> {
    let (start, end) = (day.start(), day.end());
    let next = |index: usize| polls.get(index + 1).copied().unwrap_or(DateTime::<Utc>::MAX_UTC);
    let hold = |(index, &poll): (usize, &DateTime<Utc>)| {
        let until = next(index).min(poll + max_gap).min(end);
        (until - poll.max(start)).max(TimeDelta::zero())
    };
    polls.iter().enumerate().map(hold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Tz;
    use proptest::prelude::*;

    fn day() -> Day {
        Day::new(hotspots_data::parse_date("2026-02-10").unwrap(), Tz::Europe__Paris)
    }

    /// Minutes after local midnight.
    fn at(minutes: i64) -> DateTime<Utc> {
        day().start() + TimeDelta::minutes(minutes)
    }

    fn minutes(polls: &[i64]) -> Vec<i64> {
        let polls: Vec<_> = polls.iter().map(|&m| at(m)).collect();
        holds(&polls, day(), TimeDelta::minutes(15)).iter().map(TimeDelta::num_minutes).collect()
    }

    #[test]
    fn a_state_holds_until_the_next_poll_but_no_longer_than_the_gap() {
        assert_eq!(minutes(&[60, 61, 70, 100]), [1, 9, 15, 15]);
    }

    #[test]
    fn the_last_poll_of_the_day_before_carries_in_and_the_day_ends_at_midnight() {
        assert_eq!(minutes(&[-5, 4, 1435]), [4, 15, 5]);
        assert_eq!(minutes(&[-15, 4]), [0, 15]);
        assert_eq!(minutes(&[-20, 4]), [0, 15]);
    }

    #[test]
    fn of_two_polls_at_one_instant_the_later_listed_holds() {
        assert_eq!(minutes(&[60, 60]), [0, 15]);
    }

    proptest! {
        #[test]
        fn no_more_time_is_seen_than_the_day_has(mut polls in prop::collection::vec(-60_i64..1500, 0..60)) {
            polls.sort_unstable();
            let polls: Vec<_> = polls.into_iter().map(at).collect();
            let holds = holds(&polls, day(), TimeDelta::minutes(15));
            let seen: TimeDelta = holds.iter().sum();
            prop_assert!(seen <= day().length());
        }

        #[test]
        fn a_poll_split_in_two_at_any_moment_holds_as_long(cut in 1_i64..15) {
            let whole: i64 = minutes(&[60, 75]).iter().sum();
            let split: i64 = minutes(&[60, 60 + cut, 75]).iter().sum();
            prop_assert_eq!(whole, split);
        }
    }
}
