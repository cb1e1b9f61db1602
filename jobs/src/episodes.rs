//! Unbroken stretches of time in which something was so.

/// Collects stretches of time, given in order, and joins those that touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Episodes {
    /// How many.
    pub(crate) count: u32,
    /// Their length together, in milliseconds.
    pub(crate) total_ms: i64,
    /// The longest, in milliseconds.
    pub(crate) longest_ms: i64,
    open: Option<(i64, i64)>,
}

impl Episodes {
    /// Adds a stretch that begins at or after the end of the one before.
    pub(crate) fn add(&mut self, from_ms: i64, length_ms: i64) {
        if length_ms <= 0 {
            return;
        }
        let start = match self.open {
            Some((start, end)) if end == from_ms => start,
            _ => {
                self.count += 1;
                from_ms
            }
        };
        let end = from_ms + length_ms;
        self.open = Some((start, end));
        self.total_ms += length_ms;
        self.longest_ms = self.longest_ms.max(end - start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_that_touch_are_one_episode_and_a_gap_makes_two() {
        let mut episodes = Episodes::default();
        for (from, length) in [(0, 10), (10, 5), (20, 4), (24, 0), (24, 1)] {
            episodes.add(from, length);
        }
        assert_eq!((episodes.count, episodes.total_ms, episodes.longest_ms), (2, 20, 15));
    }
}
