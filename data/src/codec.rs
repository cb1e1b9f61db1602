//! The one Parquet codec: how every table's rows become bytes and come back.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::PROGRAM;
use crate::compact;
use crate::compressed::compress;
use crate::table::{CLOCKS, TableName};

/// Metadata key of the schema's name and version, such as `station_status/1`.
pub const SCHEMA: &str = "hotspots.schema";
/// Metadata key of the program that wrote the file, such as `hotspots 0.1.0`.
pub const WRITTEN_BY: &str = "hotspots.program";
/// Metadata key of the hash of a recorded object's clocks, which the hash in its name leaves out; in a
/// compacted day, of the clocks of all its polls.
pub const CLOCKS_HASH: &str = "hotspots.clocks";
/// Metadata key of the IANA time zone whose local date is in the path.
pub const TIME_ZONE: &str = "hotspots.time_zone";
/// Metadata key of a day's summary, as JSON (see [`crate::DaySummary`]).
pub const DAY: &str = "hotspots.day";

/// Metadata key of a compacted day's polls: their names (see [`crate::Key::name`]), with spaces between.
pub const POLLS: &str = "hotspots.polls";

/// What a file says of itself beside its rows.
pub type Metadata = BTreeMap<String, String>;

/// Why bytes are not a table.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Not Parquet, or damaged.
    #[error("not a readable Parquet file: {0}")]
    Parquet(#[from] ParquetError),
    /// The columns do not fit the table.
    #[error("the columns do not fit: {0}")]
    Arrow(#[from] ArrowError),
    /// A column that every version of the table has is absent.
    #[error("column `{0}` is missing")]
    MissingColumn(String),
    /// A column holds another type than the table's.
    #[error("column `{column}` holds {found}, not {expected}")]
    WrongType {
        /// The column.
        column: String,
        /// The type found.
        found: String,
        /// The type of the table.
        expected: String,
    },
    /// A column has other rows than the file.
    #[error("column `{column}` has {rows} rows of {of}")]
    ColumnRows {
        /// The column.
        column: String,
        /// The rows found.
        rows: usize,
        /// The rows of the file.
        of: usize,
    },
    /// A metadata entry that must be there is absent or unreadable.
    #[error("the metadata entry `{0}` is missing or unreadable")]
    Metadata(&'static str),
}

/// How a table's files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Many small objects, one a poll: no statistics, and no copy of the Arrow schema, whose
    /// descriptions would outweigh the rows (the data dictionary and the code hold them).
    Small,
    /// One object a day: statistics for readers that skip, and the described Arrow schema. Means have
    /// no dictionary: hardly one of a few thousand occurs twice.
    Described,
    /// The same, of many rows, among which means do occur again; whole numbers and times hardly change
    /// from row to row and are kept as differences.
    Long,
    /// A closed day of polls, sorted by station and time, to be kept for ever: whole numbers and times as
    /// differences of whole bytes, each column of a row group as one page, compressed hard
    /// (docs/benchmarks.md has the sizes of the others that were tried).
    Compact,
}

/// Columns of which a poll has each value once: a dictionary would be a second copy. Sorted ids
/// share their beginnings; codes follow the ids and do not. A Vélib poll is a quarter smaller so.
const DISTINCT: [(&str, Encoding); 3] = [
    ("station_id", Encoding::DELTA_BYTE_ARRAY),
    ("vehicle_id", Encoding::DELTA_BYTE_ARRAY),
    ("station_code", Encoding::DELTA_LENGTH_BYTE_ARRAY),
];

/// Rows as Parquet bytes: the same rows and metadata give the same bytes.
///
/// # Errors
/// [`CodecError`] when the batch cannot be written.
pub fn encode(
    table: TableName,
    layout: Layout,
    batch: &RecordBatch,
    metadata: &Metadata,
) -> Result<Bytes, CodecError> {
    encode_batches(table, layout, &batch.schema(), [Ok(batch.clone())], metadata)
}

/// Batches as Parquet bytes: the same batches and metadata give the same bytes. In a compacted day each
/// is a row group of its own; else they are one, and need not be held all at once.
///
/// # Errors
/// [`CodecError`] when a batch cannot be made or written.
pub fn encode_batches(
    table: TableName,
    layout: Layout,
    schema: &SchemaRef,
    batches: impl IntoIterator<Item = Result<RecordBatch, CodecError>>,
    metadata: &Metadata,
) -> Result<Bytes, CodecError> {
    let mut entries = metadata.clone();
    entries.insert(SCHEMA.to_owned(), table.to_string());
    entries.insert(WRITTEN_BY.to_owned(), PROGRAM.to_owned());
    // What is computed is written again now and then, and read more often than it is written.
    let (statistics, level) = match layout {
        Layout::Small => (EnabledStatistics::None, ZstdLevel::try_new(3)?),
        _ => (EnabledStatistics::Chunk, ZstdLevel::try_new(1)?),
    };
    let columns = |is_so: fn(&Field) -> bool| {
        let columns = schema.fields().iter().filter(move |field| is_so(field));
        columns.map(|field| ColumnPath::from(field.name().as_str()))
    };
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(statistics);
    if layout != Layout::Small {
        properties = properties.set_data_page_row_count_limit(usize::MAX);
    }
    if matches!(layout, Layout::Described | Layout::Long) {
        // Compressed at the end, which moves the pages that an index would point to.
        properties =
            properties.set_compression(Compression::UNCOMPRESSED).set_offset_index_disabled(true);
    }
    match layout {
        Layout::Small => {
            for column in columns(is_bare) {
                properties = properties.set_column_compression(column, Compression::UNCOMPRESSED);
            }
            for (column, encoding) in DISTINCT {
                properties = properties
                    .set_column_dictionary_enabled(column.into(), false)
                    .set_column_encoding(column.into(), encoding);
            }
        }
        Layout::Described => {
            for column in columns(|field| field.data_type() == &DataType::Float64) {
                properties = properties.set_column_dictionary_enabled(column, false);
            }
        }
        Layout::Long => {
            for column in columns(is_whole) {
                properties = properties
                    .set_column_dictionary_enabled(column.clone(), false)
                    .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
            }
        }
        Layout::Compact => {}
    }
    let properties = properties.set_created_by(PROGRAM.to_owned()).set_key_value_metadata(Some(
        entries.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect(),
    ));
    if layout == Layout::Compact {
        return compact::encode(schema, batches, properties);
    }
    let options = ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(layout == Layout::Small);
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new_with_options(&mut bytes, Arc::clone(schema), options)?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    writer.close()?;
    match layout {
        Layout::Described | Layout::Long => Ok(compress(bytes.into(), level)?),
        Layout::Small | Layout::Compact => Ok(bytes.into()),
    }
}

fn is_whole(field: &Field) -> bool {
    matches!(field.data_type(), DataType::UInt32 | DataType::Timestamp(..))
}

/// What a poll keeps uncompressed: a clock is one value, and counts are packed in a few bits each. A
/// reader makes a context of zstd for each column, which takes it longer than the rest of the column.
fn is_bare(field: &Field) -> bool {
    field.data_type() == &DataType::Int32 || CLOCKS.contains(&field.name().as_str())
}

/// Parquet bytes as a batch with exactly the columns of `schema`, in its order. A nullable column
/// that an older file lacks is null.
///
/// # Errors
/// [`CodecError`] when the bytes are not Parquet or the columns do not fit.
pub fn decode(schema: &SchemaRef, bytes: Bytes) -> Result<(RecordBatch, Metadata), CodecError> {
    guarded(|| decode_bytes(schema, bytes))
}

/// Reads bytes that may be damaged: the Parquet reader panics at some of them instead of refusing them,
/// and what is wrong with one object must stop nothing but that object.
///
/// # Errors
/// What `read` fails with, or [`CodecError::Parquet`] when it panics.
pub fn guarded<T>(read: impl FnOnce() -> Result<T, CodecError>) -> Result<T, CodecError> {
    std::panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(ParquetError::General("what it says of itself is impossible".to_owned()).into())
    })
}

fn decode_bytes(schema: &SchemaRef, bytes: Bytes) -> Result<(RecordBatch, Metadata), CodecError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let metadata = metadata_of(builder.metadata().file_metadata().key_value_metadata());
    let wanted = schema.fields().iter().map(|field| field.name().as_str());
    let mask = ProjectionMask::columns(builder.parquet_schema(), wanted);
    let rows = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
    let reader = builder.with_projection(mask).with_batch_size(rows.max(1)).build()?;
    let stored = arrow::array::RecordBatchReader::schema(&reader);
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    let batch = concat_batches(&stored, &batches)?;
    Ok((conform(schema, &batch)?, metadata))
}

/// What a file says of itself, from its footer alone.
///
/// # Errors
/// [`CodecError::Parquet`] when the bytes are not Parquet.
pub fn read_metadata(bytes: Bytes) -> Result<Metadata, CodecError> {
    let builder = guarded(|| Ok(ParquetRecordBatchReaderBuilder::try_new(bytes)?))?;
    Ok(metadata_of(builder.metadata().file_metadata().key_value_metadata()))
}

/// How many rows a file holds, from its footer alone.
///
/// # Errors
/// [`CodecError::Parquet`] when the bytes are not Parquet.
pub fn row_count(bytes: Bytes) -> Result<usize, CodecError> {
    let builder = guarded(|| Ok(ParquetRecordBatchReaderBuilder::try_new(bytes)?))?;
    Ok(usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0))
}

/// Whether this very version of the program wrote a file, which then has the bytes that it would write of
/// the same rows. A file says twice who wrote it, of which one may be damaged.
///
/// # Errors
/// [`CodecError::Parquet`] when the bytes are not Parquet.
pub fn is_of_this_program(bytes: Bytes) -> Result<bool, CodecError> {
    let builder = guarded(|| Ok(ParquetRecordBatchReaderBuilder::try_new(bytes)?))?;
    let file = builder.metadata().file_metadata();
    let named = metadata_of(file.key_value_metadata()).remove(WRITTEN_BY);
    Ok(named.is_none_or(|program| program == PROGRAM) || file.created_by() == Some(PROGRAM))
}

fn metadata_of(entries: Option<&Vec<KeyValue>>) -> Metadata {
    entries
        .into_iter()
        .flatten()
        .filter(|entry| entry.key != "ARROW:schema")
        .filter_map(|entry| Some((entry.key.clone(), entry.value.clone()?)))
        .collect()
}

pub(crate) fn conform(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, CodecError> {
    let columns = schema
        .fields()
        .iter()
        .map(|field| -> Result<ArrayRef, CodecError> {
            let Some(column) = batch.column_by_name(field.name()) else {
                if field.is_nullable() {
                    return Ok(new_null_array(field.data_type(), batch.num_rows()));
                }
                return Err(CodecError::MissingColumn(field.name().clone()));
            };
            if column.data_type() != field.data_type() {
                return Err(CodecError::WrongType {
                    column: field.name().clone(),
                    found: column.data_type().to_string(),
                    expected: field.data_type().to_string(),
                });
            }
            Ok(Arc::clone(column))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let plain = Schema::new(schema.fields().clone());
    Ok(RecordBatch::try_new(Arc::new(plain), columns)?)
}
