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

impl Default for Options {
    fn default() -> Self {
        Self { max_gap: Duration::from_mins(15), resolutions: Resolutions::default() }
    }
}

impl Options {
    pub(crate) fn max_gap(&self) -> TimeDelta {
        TimeDelta::from_std(self.max_gap).unwrap_or(TimeDelta::MAX)
    }
}

impl Selection {
    pub(crate) fn has(&self, date: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= date) && self.to.is_none_or(|to| date <= to)
    }
}
