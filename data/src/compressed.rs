//! The pages of a file compressed after they are written, by one compressor.
//!
//! The library makes two contexts of zstd for each column, which takes longer than the few thousand rows
//! of a day's table; so does a reader. Here one context serves the whole file, and a column that hardly
//! shrinks stays as it is.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageReader as _, PageWriter as _};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use zstd::bulk::Compressor;

/// Compresses a file written without compression and without page indexes; what it says stays the same.
pub(crate) fn compress(plain: Bytes, level: ZstdLevel) -> Result<Bytes, ParquetError> {
    let footer = ParquetMetaDataReader::new().parse_and_finish(&plain)?;
    let file = footer.file_metadata();
    let properties = WriterProperties::builder()
        .set_created_by(file.created_by().unwrap_or_default().to_owned())
        .set_key_value_metadata(file.key_value_metadata().cloned())
        .build();
    let root = file.schema_descr().root_schema_ptr();
    let mut writer = SerializedFileWriter::new(Vec::new(), root, Arc::new(properties))?;
    let mut compressor = Compressor::new(level.compression_level())?;
    let plain = Arc::new(plain);
    for group in footer.row_groups() {
        let rows = group.num_rows() as usize;
        let mut group_writer = writer.next_row_group()?;
        for column in group.columns() {
            let packed = pack(&plain, column, rows, &mut compressor)?;
            let compression = Compression::ZSTD(level);
            let (pages, metadata) = match packed.filter(Packed::is_worth_it) {
                Some(packed) => packed.into_chunk(column, compression)?,
                None => (Bytes::clone(&plain), column.clone()),
            };
            let close = ColumnCloseResult {
                bytes_written: metadata.compressed_size() as u64,
                rows_written: rows as u64,
                metadata,
                bloom_filter: None,
                column_index: None,
                offset_index: None,
            };
            group_writer.append_column(&pages, close)?;
        }
        group_writer.close()?;
    }
    Ok(writer.into_inner()?.into())
}

/// A column's pages, compressed.
struct Packed {
    pages: Bytes,
    plain_bytes: usize,
    /// Where the first page of rows begins; before it there may be a dictionary.
    data_offset: usize,
}

/// `None` where a page is of a kind that this program does not write.
fn pack(
    plain: &Arc<Bytes>,
    column: &ColumnChunkMetaData,
    rows: usize,
    compressor: &mut Compressor<'_>,
) -> Result<Option<Packed>, ParquetError> {
    let mut pages = SerializedPageReader::new(Arc::clone(plain), column, rows, None)?;
    let mut packed = TrackedWrite::new(Vec::new());
    let mut writer = SerializedPageWriter::new(&mut packed);
    let (mut plain_bytes, mut data_offset) = (0, None);
    while let Some(mut page) = pages.get_next_page()? {
        let (Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. }) = &mut page else {
            return Ok(None);
        };
        let bytes = buf.len();
        *buf = compressor.compress(buf)?.into();
        let is_data = page.is_data_page();
        let written = writer.write_page(CompressedPage::new(page, bytes))?;
        plain_bytes += written.uncompressed_size;
        if is_data {
            data_offset.get_or_insert(written.offset as usize);
        }
    }
    let pages = packed.into_inner()?.into();
    Ok(data_offset.map(|data_offset| Packed { pages, plain_bytes, data_offset }))
}

impl Packed {
    /// Less than an eighth is not worth a reader's time.
    fn is_worth_it(&self) -> bool {
        self.pages.len() < self.plain_bytes / 8 * 7
    }

    fn into_chunk(
        self,
        plain: &ColumnChunkMetaData,
        compression: Compression,
    ) -> Result<(Bytes, ColumnChunkMetaData), ParquetError> {
        let has_dictionary = plain.dictionary_page_offset().is_some();
        let metadata = plain
            .clone()
            .into_builder()
            .set_compression(compression)
            .set_total_compressed_size(self.pages.len() as i64)
            .set_total_uncompressed_size(self.plain_bytes as i64)
            .set_dictionary_page_offset(has_dictionary.then_some(0))
            .set_data_page_offset(self.data_offset as i64)
            .build()?;
        Ok((self.pages, metadata))
    }
}
