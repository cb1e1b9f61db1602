//! Which days a job looks at, and what is computed of them.

use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use hotspots_data::SystemId;

use crate::resolutions::Resolutions;

/// Which days to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// One system; `None` for all in the lake.
    pub system: Option<SystemId>,
    /// The first local date; `None` for the first there is.
    pub from: Option<NaiveDate>,
    /// The last local date, included; `None` for the last there is.
    pub to: Option<NaiveDate>,
}

/// How to aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Longest time that a poll's state is taken to hold.
    pub max_gap: Duration,
    /// The cells' resolutions.
    pub resolutions: Resolutions,
}

/// A longest time that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a poll's state cannot be taken to hold for {} s: give a longest time above 0 and of at most a day (86400 s), such as 15m",
    .0.as_secs_f64()
)]
pub struct MaxGapError(pub Duration);

impl Default for Options {
    fn default() -> Self {
        Self { max_gap: Duration::from_mins(15), resolutions: Resolutions::default() }
    }
}

impl Options {
    /// The longest time that may be asked for.
    pub const MOST_MAX_GAP: Duration = Duration::from_hours(24);

    /// With another longest time that a poll's state is taken to hold.
    ///
    /// # Errors
    /// [`MaxGapError`] when it is 0, which would leave nothing observed, or more than a day, for a
    /// state carries in from the last poll of the day before and no further.
    pub fn with_max_gap(self, max_gap: Duration) -> Result<Self, MaxGapError> {
        if max_gap.is_zero() || max_gap > Self::MOST_MAX_GAP {
            return Err(MaxGapError(max_gap));
        }
        Ok(Self { max_gap, ..self })
    }

    pub(crate) fn max_gap(&self) -> TimeDelta {
        TimeDelta::from_std(self.max_gap).unwrap_or(TimeDelta::MAX)
    }
}

impl Selection {
    pub(crate) fn has(&self, date: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= date) && self.to.is_none_or(|to| date <= to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_above_nothing_and_at_most_a_day() {
        let with = |seconds: u64| {
            Options::default()
                .with_max_gap(Duration::from_secs(seconds))
                .map(|o| o.max_gap.as_secs())
        };
        assert_eq!((with(1), with(86_400)), (Ok(1), Ok(86_400)));
        for refused in [0, 86_401, 9_000_000_000_000] {
            assert_eq!(with(refused), Err(MaxGapError(Duration::from_secs(refused))));
        }
        let said = with(86_401).unwrap_err().to_string();
        assert!(said.contains("86401 s") && said.contains("at most a day"), "{said}");
    }
}
