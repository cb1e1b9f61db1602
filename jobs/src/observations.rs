//! Status polls as they are decoded: the columns that the numbers need, and no others.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, Int32Array, StringArray};
use arrow::datatypes::Int32Type;
use bytes::Bytes;
use hotspots_data::Successive;
use hotspots_data::codec::CodecError;
use hotspots_data::table::StationStatus;

use crate::grid::{Counts, UNKNOWN};

/// The columns of `station_status` that the numbers need.
pub(crate) const COLUMNS: [&str; 6] = [
    "station_id",
    "num_bikes_available",
    "num_ebikes_available",
    "num_mechanical_available",
    "num_docks_available",
    "is_installed",
];

/// Rows of `station_status`, by column.
#[derive(Clone, Debug)]
struct Observed {
    /// Bikes, ebikes, mechanical ones, docks.
    counts: [Int32Array; 4],
    installed: BooleanArray,
}

/// What a row says of its station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) counts: Counts,
    /// Whether the station stands in the street.
    pub(crate) is_installed: bool,
    /// Whether a number is negative, which is taken as not told.
    pub(crate) is_negative: bool,
}

/// One poll, decoded.
#[derive(Clone, Debug)]
pub(crate) struct PollRows {
    pub(crate) ids: Arc<StringArray>,
    /// Whether the poll decoded before has the same ids.
    pub(crate) follows: bool,
    /// By index of the row: all, or, where it follows, those that differ from the poll before.
    pub(crate) said: Vec<(u32, Said)>,
}

/// Decodes the objects of polls, one after another.
pub(crate) struct Decoder {
    columns: Successive,
    last: Option<(Arc<StringArray>, Observed)>,
}

impl Decoder {
    pub(crate) fn new() -> Result<Self, CodecError> {
        Ok(Self { columns: Successive::new::<StationStatus>(&COLUMNS)?, last: None })
    }

    /// Decodes one poll's object.
    pub(crate) fn decode(&mut self, bytes: Bytes) -> Result<PollRows, CodecError> {
        let batch = self.columns.decode(bytes)?;
        let ids: &StringArray = batch.column(0).as_string();
        let observed = Observed::of(&batch.columns()[1..]);
        let rows = 0..ids.len() as u32;
        let (ids, changed) = match self.last.take() {
            Some((same, last)) if same.as_ref() == ids => (same, Some(observed.changes(&last))),
            _ => (Arc::new(ids.clone()), None),
        };
        let said = |row| (row, observed.said(row as usize));
        let follows = changed.is_some();
        let said = changed.map_or_else(
            || rows.map(said).collect(),
            |changed| changed.into_iter().map(said).collect(),
        );
        self.last = Some((Arc::clone(&ids), observed));
        Ok(PollRows { ids, follows, said })
    }
}

impl Observed {
    /// Takes [`COLUMNS`] without the first, in their order.
    fn of(columns: &[ArrayRef]) -> Self {
        let counts = std::array::from_fn(|at| columns[at].as_primitive::<Int32Type>().clone());
        Self { counts, installed: columns[4].as_boolean().clone() }
    }

    /// Reads a row.
    fn said(&self, row: usize) -> Said {
        let counts = self.counts.each_ref();
        let counts = counts.map(|column| column.is_valid(row).then(|| column.value(row)));
        Said::of(counts, self.installed.is_valid(row).then(|| self.installed.value(row)))
    }

    /// The rows in which this differs from another of as many.
    fn changes(&self, other: &Self) -> Vec<u32> {
        let mut differs = vec![false; self.installed.len()];
        self.mark_differences(other, &mut differs);
        let rows = differs.iter().zip(0..).filter(|(differs, _)| **differs);
        rows.map(|(_, row)| row).collect()
    }

    fn mark_differences(&self, other: &Self, differs: &mut [bool]) {
        for (column, other) in self.counts.iter().zip(&other.counts) {
            let values = column.values().iter().zip(other.values());
            for (differs, (value, other)) in differs.iter_mut().zip(values) {
                *differs |= value != other;
            }
            if column.nulls() != other.nulls() {
                for (row, differs) in differs.iter_mut().enumerate() {
                    *differs |= column.is_null(row) != other.is_null(row);
                }
            }
        }
        if self.installed != other.installed {
            for (row, differs) in differs.iter_mut().enumerate() {
                *differs |= self.said(row).is_installed != other.said(row).is_installed;
            }
        }
    }
}

impl Said {
    /// Of what a row has in [`COLUMNS`] without the first.
    pub(crate) fn of(counts: [Option<i32>; 4], installed: Option<bool>) -> Self {
        let told = counts.map(|count| count.unwrap_or(UNKNOWN));
        let is_negative = told.iter().any(|&count| count < 0 && count != UNKNOWN);
        let [bikes, ebikes, mechanical, docks] =
            told.map(|count| if count < 0 { UNKNOWN } else { count });
        // Only `false` says that a station is not there; the flag may be absent.
        let is_installed = installed != Some(false);
        // Without a number of bikes the station was not observed.
        let is_observed = is_installed && bikes != UNKNOWN;
        let counts = Counts { bikes, ebikes, mechanical, docks };
        let counts = if is_observed { counts } else { Counts::UNSEEN };
        Self { counts, is_installed, is_negative }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_say_something_else_are_told() {
        let of = |bikes: Vec<Option<i32>>, installed: Vec<Option<bool>>| {
            let none: ArrayRef = Arc::new(Int32Array::new_null(bikes.len()));
            let bikes: ArrayRef = Arc::new(Int32Array::from(bikes));
            let installed = Arc::new(BooleanArray::from(installed));
            Observed::of(&[bikes, none.clone(), none.clone(), none, installed])
        };
        let yes = Some(true);
        let before = of(vec![Some(1), Some(2), Some(0), None, Some(-1)], vec![yes; 5]);
        assert_eq!(before.changes(&before), [0_u32; 0]);
        let after = of(
            vec![Some(1), Some(3), None, None, Some(-1)],
            vec![Some(false), yes, yes, yes, None],
        );
        assert_eq!(after.changes(&before), [0, 1, 2]);
        assert!(after.said(4).is_negative && !after.said(0).is_installed);
        assert_eq!(after.said(0).counts, Counts::UNSEEN);
    }
}
