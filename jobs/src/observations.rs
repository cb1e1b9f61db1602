//! Status polls as they are decoded: the columns that the numbers need, and no others.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, StringArray};
use arrow::datatypes::Int32Type;
use bytes::Bytes;
use hotspots_data::codec::{CodecError, Successive};
use hotspots_data::table::{Row as _, StationStatus};

use crate::grid::{Counts, PollRows, UNKNOWN};

/// The columns of `station_status` that the numbers need.
pub(crate) const COLUMNS: [&str; 6] = [
    "station_id",
    "num_bikes_available",
    "num_ebikes_available",
    "num_mechanical_available",
    "num_docks_available",
    "is_installed",
];

/// What rows of `station_status` say of their stations.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    pub(crate) counts: Vec<Counts>,
    /// Rows whose station does not stand in the street: `is_installed` is false. In order.
    pub(crate) not_installed: Vec<u32>,
    /// Rows with a negative number, which is taken as not told. In order.
    pub(crate) negative: Vec<u32>,
}

/// Decodes the objects of polls, one after another.
pub(crate) struct Decoder {
    columns: Successive,
    ids: Option<Arc<StringArray>>,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        Self { columns: Successive::new(StationStatus::schema_of(&COLUMNS)), ids: None }
    }

    /// Decodes one poll's object; ids equal to those of the poll before are shared with it.
    pub(crate) fn decode(&mut self, bytes: Bytes) -> Result<PollRows, CodecError> {
        let batch = self.columns.decode(bytes)?;
        let ids: &StringArray = batch.column(0).as_string();
        let ids = match self.ids.take() {
            Some(last) if last.as_ref() == ids => last,
            _ => Arc::new(ids.clone()),
        };
        self.ids = Some(Arc::clone(&ids));
        Ok(PollRows { ids, observed: Observed::of(&batch.columns()[1..]) })
    }
}

impl Observed {
    /// Reads [`COLUMNS`] without the first, in their order.
    pub(crate) fn of(columns: &[ArrayRef]) -> Self {
        let places: [fn(&mut Counts) -> &mut i32; 4] = [
            |counts| &mut counts.bikes,
            |counts| &mut counts.ebikes,
            |counts| &mut counts.mechanical,
            |counts| &mut counts.docks,
        ];
        let rows = columns[0].len();
        let (mut counts, mut negative) = (vec![Counts::UNSEEN; rows], Vec::new());
        for (column, place) in columns.iter().zip(places) {
            let column = column.as_primitive::<Int32Type>();
            for (row, (counts, &count)) in counts.iter_mut().zip(column.values()).enumerate() {
                if column.is_valid(row) && count >= 0 {
                    *place(counts) = count;
                } else if column.is_valid(row) {
                    negative.push(row as u32);
                }
            }
        }
        let installed = columns[4].as_boolean();
        let mut not_installed = Vec::new();
        for (row, counts) in counts.iter_mut().enumerate() {
            // Only `false` says that a station is not there; the flag may be absent.
            let stands = installed.is_null(row) || installed.value(row);
            if !stands {
                not_installed.push(row as u32);
            }
            // Without a number of bikes the station was not observed.
            if !stands || counts.bikes == UNKNOWN {
                *counts = Counts::UNSEEN;
            }
        }
        negative.sort_unstable();
        negative.dedup();
        Self { counts, not_installed, negative }
    }
}
