//! What is usual: the same weekday of the weeks before.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};

/// Weeks that the baseline looks back.
pub(crate) const WEEKS: u64 = 8;

/// The bikes of each cell on earlier days.
#[derive(Clone, Debug, Default)]
pub(crate) struct Baseline {
    by_cell: HashMap<String, Vec<f64>>,
    days: u32,
}

/// The dates of the same weekday in the weeks before, the latest first.
pub(crate) fn dates(date: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    (1..=WEEKS).filter_map(move |week| date.checked_sub_days(Days::new(7 * week)))
}

impl Baseline {
    /// Adds a day: each cell and its bikes.
    pub(crate) fn add(&mut self, cells: impl IntoIterator<Item = (String, f64)>) {
        self.days += 1;
        for (cell, bikes) in cells {
            self.by_cell.entry(cell).or_default().push(bikes);
        }
    }

    /// Days added.
    pub(crate) fn days(&self) -> u32 {
        self.days
    }

    /// The median of a cell's bikes over the days that have the cell, and the number of those days.
    pub(crate) fn of(&self, cell: &str) -> (Option<f64>, u32) {
        let Some(bikes) = self.by_cell.get(cell) else { return (None, 0) };
        (median(bikes.clone()), bikes.len() as u32)
    }
}

/// The middle value, or the mean of the two middle ones; `None` of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(values[middle - 1], upper)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_looks_at_the_same_weekday_of_eight_weeks() {
        let tuesday = hotspots_data::parse_date("2026-09-15").unwrap();
        let dates: Vec<String> = dates(tuesday).map(|date| date.to_string()).collect();
        assert_eq!(
            (dates[0].as_str(), dates[7].as_str(), dates.len()),
            ("2026-09-08", "2026-07-21", 8)
        );
    }

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middle_ones() {
        assert_eq!(median(vec![9.0, 1.0, 4.0]), Some(4.0));
        assert_eq!(median(vec![4.0, 1.0, 9.0, 5.0]), Some(4.5));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn a_cell_has_the_baseline_of_the_days_that_know_it() {
        let mut baseline = Baseline::default();
        baseline.add([("a".to_owned(), 2.0), ("b".to_owned(), 7.0)]);
        baseline.add([("a".to_owned(), 4.0)]);
        assert_eq!(baseline.of("a"), (Some(3.0), 2));
        assert_eq!(baseline.of("b"), (Some(7.0), 1));
        assert_eq!((baseline.of("c"), baseline.days()), ((None, 0), 2));
    }
}
