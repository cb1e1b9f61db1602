//! The bytes of a compacted day: whole numbers and times as [`Differences`], each column of a row group
//! as one page, compressed harder than what is written every minute.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{FieldRef, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesBuilder;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnDescPtr;

use crate::codec::CodecError;
use crate::differences::Differences;

/// Written once, read for ever; 19 takes half as long again for 3 % less.
const ZSTD_LEVEL: i32 = 17;

/// Rows as Parquet bytes, each batch a row group of its own. There is no copy of the Arrow schema: it
/// would be a thirtieth of a small city's day.
pub(crate) fn encode(
    schema: &SchemaRef,
    batches: impl IntoIterator<Item = Result<RecordBatch, CodecError>>,
    properties: WriterPropertiesBuilder,
) -> Result<Bytes, CodecError> {
    let level = ZstdLevel::try_new(ZSTD_LEVEL)?;
    let properties = properties
        .set_compression(Compression::ZSTD(level))
        .set_data_page_size_limit(usize::MAX)
        // Of one page: it says nothing.
        .set_offset_index_disabled(true)
        .build();
    let described = ArrowSchemaConverter::new().convert(schema)?;
    let root = described.root_schema_ptr();
    let mut writer = SerializedFileWriter::new(Vec::new(), root, Arc::new(properties))?;
    let factory = ArrowRowGroupWriterFactory::new(&writer, Arc::clone(schema));
    for (index, batch) in batches.into_iter().enumerate() {
        let batch = batch?;
        let plain = factory.create_column_writers(index)?;
        let columns = described.columns().iter().zip(schema.fields()).zip(batch.columns());
        let mut group = writer.next_row_group()?;
        for (((column, field), array), plain) in columns.zip(plain) {
            Chunk::of(column, field, array, plain, level)?.append(&mut group)?;
        }
        group.close()?;
    }
    Ok(writer.into_inner()?.into())
}

/// A column of a row group.
enum Chunk {
    Differences(Differences),
    /// As the library writes it.
    Plain(ArrowColumnChunk),
}

impl Chunk {
    fn of(
        column: &ColumnDescPtr,
        field: &FieldRef,
        array: &ArrayRef,
        mut plain: ArrowColumnWriter,
        level: ZstdLevel,
    ) -> Result<Self, ParquetError> {
        if let Some(differences) = Differences::of(column, array, level)? {
            return Ok(Self::Differences(differences));
        }
        for leaf in compute_leaves(field, array)? {
            plain.write(&leaf)?;
        }
        Ok(Self::Plain(plain.close()?))
    }

    fn append(self, group: &mut SerializedRowGroupWriter<'_, Vec<u8>>) -> Result<(), ParquetError> {
        match self {
            Self::Differences(differences) => differences.append(group),
            Self::Plain(chunk) => chunk.append_to_row_group(group),
        }
    }
}
