//! The tables: for each a row type, its Arrow schema with unit and meaning, and the way between them.

mod column;
mod definition;
mod hotspots;
mod hotspots_hourly;
mod other_feeds;
mod polls;
mod quality;
mod station_days;
mod station_information;
mod station_status;
mod station_status_daily;
mod system_information;
mod vehicle_status;

use std::fmt;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use crate::codec::{self, CLOCKS_HASH, CodecError, Layout, Metadata};
use crate::key::ContentHash;

pub use definition::CLOCKS;
pub use hotspots::Hotspot;
pub use hotspots_hourly::HotspotHour;
pub use other_feeds::OtherFeed;
pub use polls::{Outcome, Poll};
pub use quality::QualityCheck;
pub use station_days::StationDay;
pub use station_information::StationInformation;
pub use station_status::StationStatus;
pub use station_status_daily::StationStatusDaily;
pub use system_information::SystemInformation;
pub use vehicle_status::VehicleStatus;

/// A table's name and the version of its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableName {
    /// The name, which is its folder's in the lake.
    pub name: &'static str,
    /// Raised when a column changes its meaning, its type or its name.
    pub version: u32,
}

impl fmt::Display for TableName {
    /// Such as `station_status/1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.version)
    }
}

/// A row of a table: its fields are the table's columns.
pub trait Row: Sized {
    /// The table.
    const TABLE: TableName;
    /// How its files are written.
    const LAYOUT: Layout;

    /// The Arrow schema; each field's metadata has `unit` and `meaning`.
    fn schema() -> SchemaRef;

    /// The schema of some of the columns, for reading no more than is needed.
    ///
    /// # Panics
    /// When the table has no such column: a mistake in the program.
    #[must_use]
    fn schema_of(columns: &[&str]) -> SchemaRef {
        let schema = Self::schema();
        let index = |name: &&str| schema.index_of(name).expect("a column of the table");
        let indices: Vec<usize> = columns.iter().map(index).collect();
        schema.project(&indices).expect("indices of the table's own columns").into()
    }

    /// Rows as columns.
    fn to_batch(rows: &[Self]) -> RecordBatch;

    /// Columns as rows.
    ///
    /// # Errors
    /// [`CodecError`] when a column is missing or of another type.
    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>, CodecError>;

    /// The hash of the clocks of the poll (`observed_at`, `fetched_at`, `last_updated`), or of all
    /// other columns.
    fn hash_of(rows: &[Self], clocks: bool) -> ContentHash;

    /// The hash of the rows' content without the clocks of the poll: the same data seen twice has the
    /// same hash.
    fn content_hash(rows: &[Self]) -> ContentHash {
        Self::hash_of(rows, false)
    }

    /// Whether the rows have the clocks that their file's metadata vouches for; files written before
    /// it did have nothing to check.
    fn has_clocks(rows: &[Self], metadata: &Metadata) -> bool {
        let hash = Self::hash_of(rows, true).to_string();
        metadata.get(CLOCKS_HASH).is_none_or(|said| *said == hash)
    }

    /// Rows as Parquet bytes.
    ///
    /// # Errors
    /// [`CodecError`] when they cannot be written.
    fn encode(rows: &[Self], metadata: &Metadata) -> Result<Bytes, CodecError> {
        let mut metadata = metadata.clone();
        if Self::LAYOUT == Layout::Small {
            // The name of a recorded object has the hash of everything else.
            metadata.insert(CLOCKS_HASH.to_owned(), Self::hash_of(rows, true).to_string());
        }
        codec::encode(Self::TABLE, Self::LAYOUT, &Self::to_batch(rows), &metadata)
    }

    /// Columns of the table as Parquet bytes, batch by batch: those of a computed table.
    ///
    /// # Errors
    /// [`CodecError`] when they cannot be written.
    fn encode_batches(
        batches: impl IntoIterator<Item = Result<RecordBatch, CodecError>>,
        metadata: &Metadata,
    ) -> Result<Bytes, CodecError> {
        codec::encode_batches(Self::TABLE, Self::LAYOUT, &Self::schema(), batches, metadata)
    }

    /// Parquet bytes as rows.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not this table's.
    fn decode(bytes: Bytes) -> Result<(Vec<Self>, Metadata), CodecError> {
        let (batch, metadata) = codec::decode(&Self::schema(), bytes)?;
        Ok((Self::from_batch(&batch)?, metadata))
    }
}
