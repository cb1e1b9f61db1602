//! Polls read one after another: what they share is read once.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int32Array, RecordBatch, StringArray, new_null_array};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression, ConvertedType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::DataType as ParquetType;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, KeyValue, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader,
    ParquetStatisticsPolicy,
};
use parquet::file::reader::SerializedPageReader;
use parquet::schema::types::{ColumnDescPtr, SchemaDescPtr};

use crate::PROGRAM;
use crate::codec::{CodecError, SCHEMA, WRITTEN_BY, decode, guarded};
use crate::table::Row;

/// Reads files of one table one after another. What is known beforehand is not read: the description
/// of the columns in files that this very program wrote, and a column that is stored with the same bytes
/// as in the file before, for ids and flags hardly ever change from poll to poll.
#[derive(Debug)]
pub struct Successive {
    table: String,
    schema: SchemaRef,
    /// The columns as this program writes them.
    own: SchemaDescPtr,
    /// By column of `schema`.
    last: Vec<Option<Stored>>,
}

/// A column as it is stored, and decoded.
#[derive(Debug)]
struct Stored {
    bytes: Bytes,
    compression: Compression,
    descriptor: ColumnDescPtr,
    array: ArrayRef,
}

impl Successive {
    /// To read some columns of a table.
    ///
    /// # Errors
    /// [`CodecError`] when the table has columns that are none of Parquet's.
    pub fn new<R: Row>(columns: &[&str]) -> Result<Self, CodecError> {
        let schema = R::schema_of(columns);
        let last = schema.fields().iter().map(|_| None).collect();
        let own = Arc::new(ArrowSchemaConverter::new().convert(&R::schema())?);
        Ok(Self { table: R::TABLE.to_string(), schema, own, last })
    }

    /// As [`decode`].
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not Parquet or the columns do not fit.
    pub fn decode(&mut self, bytes: Bytes) -> Result<RecordBatch, CodecError> {
        guarded(|| self.decode_bytes(bytes))
    }

    fn decode_bytes(&mut self, bytes: Bytes) -> Result<RecordBatch, CodecError> {
        let footer = self.footer(&bytes)?;
        let [group] = footer.row_groups() else {
            return Ok(decode(&self.schema, bytes)?.0);
        };
        let rows = usize::try_from(group.num_rows()).unwrap_or(0);
        let shared = Arc::new(bytes.clone());
        let mut columns = Vec::with_capacity(self.last.len());
        for (field, last) in self.schema.fields().iter().zip(&mut self.last) {
            let name = field.name().as_str();
            let mut chunks = group.columns().iter();
            let Some(chunk) = chunks.find(|chunk| chunk.column_path().parts() == [name]) else {
                if !field.is_nullable() {
                    return Err(CodecError::MissingColumn(field.name().clone()));
                }
                columns.push(new_null_array(field.data_type(), rows));
                continue;
            };
            let (start, length) = chunk.byte_range();
            let end = start.saturating_add(length).min(bytes.len() as u64);
            let stored = bytes.slice(start.min(end) as usize..end as usize);
            if let Some(last) = last.as_ref().filter(|last| last.is_as(chunk, &stored, rows)) {
                columns.push(Arc::clone(&last.array));
                continue;
            }
            let Some(array) = read(field.data_type(), chunk, &shared, rows)? else {
                return Ok(decode(&self.schema, bytes)?.0);
            };
            *last = Some(Stored {
                // A copy: a slice would keep the whole file.
                bytes: Bytes::copy_from_slice(&stored),
                compression: chunk.compression(),
                descriptor: chunk.column_descr_ptr(),
                array: Arc::clone(&array),
            });
            columns.push(array);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    fn footer(&self, bytes: &Bytes) -> Result<ParquetMetaData, ParquetError> {
        let options = ParquetMetaDataOptions::new()
            .with_schema(Arc::clone(&self.own))
            .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
            .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
            .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
        let reader = ParquetMetaDataReader::new().with_metadata_options(Some(options));
        match reader.parse_and_finish(bytes) {
            Ok(footer) if self.is_own(&footer) => Ok(footer),
            _ => ParquetMetaDataReader::new().parse_and_finish(bytes),
        }
    }

    fn is_own(&self, footer: &ParquetMetaData) -> bool {
        let entries = footer.file_metadata().key_value_metadata();
        let has = |key: &str, value: &str| {
            let is_it =
                |entry: &KeyValue| entry.key == key && entry.value.as_deref() == Some(value);
            entries.is_some_and(|entries| entries.iter().any(is_it))
        };
        has(SCHEMA, &self.table) && has(WRITTEN_BY, PROGRAM)
    }
}

impl Stored {
    /// Whether a column stored so would be decoded the same.
    fn is_as(&self, chunk: &ColumnChunkMetaData, stored: &Bytes, rows: usize) -> bool {
        self.bytes == stored
            && self.array.len() == rows
            && self.compression == chunk.compression()
            && self.descriptor == chunk.column_descr_ptr()
    }
}

/// Decodes a column; `None` where it is stored as something else than plainly the type wanted.
fn read(
    wanted: &DataType,
    chunk: &ColumnChunkMetaData,
    bytes: &Arc<Bytes>,
    rows: usize,
) -> Result<Option<ArrayRef>, ParquetError> {
    let descriptor = chunk.column_descr_ptr();
    let kind = descriptor.converted_type();
    let pages = SerializedPageReader::new(Arc::clone(bytes), chunk, rows, None)?;
    Ok(match (get_column_reader(descriptor, Box::new(pages)), wanted, kind) {
        (ColumnReader::Int32ColumnReader(reader), DataType::Int32, ConvertedType::NONE) => {
            let (values, nulls) = spread(reader, rows)?;
            Some(Arc::new(Int32Array::new(values.into(), nulls)))
        }
        (ColumnReader::BoolColumnReader(reader), DataType::Boolean, ConvertedType::NONE) => {
            let (values, nulls) = spread(reader, rows)?;
            Some(Arc::new(BooleanArray::new(values.into(), nulls)))
        }
        (ColumnReader::ByteArrayColumnReader(reader), DataType::Utf8, ConvertedType::UTF8) => {
            let (values, nulls) = spread(reader, rows)?;
            let texts = values.iter().enumerate().map(|(row, value)| {
                let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
                if is_null { Ok(None) } else { value.as_utf8().map(Some) }
            });
            Some(Arc::new(texts.collect::<Result<StringArray, _>>()?))
        }
        _ => None,
    })
}

/// The values of a flat column, by row, and which of them are null.
fn spread<T: ParquetType>(
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
) -> Result<(Vec<T::T>, Option<NullBuffer>), ParquetError> {
    let (mut values, mut levels) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    let (records, told, _) = reader.read_records(rows, Some(&mut levels), None, &mut values)?;
    if records != rows {
        return Err(ParquetError::General(format!("{records} rows of {rows} in a column")));
    }
    if told == rows {
        return Ok((values, None));
    }
    // From the last to the first, so that each moves to where no other is still to be taken from.
    values.resize(rows, T::T::default());
    let mut next = told;
    for row in (0..rows).rev() {
        if levels[row] > 0 && next > 0 {
            next -= 1;
            values.swap(row, next);
        }
    }
    let told = BooleanBuffer::collect_bool(rows, |row| levels[row] > 0);
    Ok((values, Some(NullBuffer::new(told))))
}
