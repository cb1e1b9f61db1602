//! Whole numbers as differences of whole bytes, for a compressor that looks for bytes.
//!
//! `DELTA_BINARY_PACKED` leaves it to the writer how many bits a difference gets and what it is counted
//! from. Writers take as few bits as hold a block's differences, counted from the least of them. In
//! stations sorted one after another that is the step from one to the next, so that every difference gets
//! as many bits as that step; and equal ones start at different bits of a byte, or count from different
//! numbers, so that zstd does not see that they are equal. Here they get 8, 16, 32 or 48 bits and are
//! counted from the same number wherever they do: more bytes before zstd, half as many after it. It is
//! the same encoding, and any reader of it reads it.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, AsArray as _};
use arrow::datatypes::{DataType, Int32Type, TimeUnit, TimestampMillisecondType, UInt32Type};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter as _};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

/// Differences of one width: few enough that a large one among them costs little, enough that what is
/// said of each block does not count.
const BLOCK: usize = 1024;

/// A column of a row group as one page.
pub(crate) struct Differences {
    page: Bytes,
    close: ColumnCloseResult,
}

impl Differences {
    /// `None` where the column holds something else, or nothing, or numbers too far apart.
    pub(crate) fn of(
        column: &ColumnDescPtr,
        array: &dyn Array,
        level: ZstdLevel,
    ) -> Result<Option<Self>, ParquetError> {
        let Some(values) = values(array) else { return Ok(None) };
        let (Some(&least), Some(&most)) = (values.iter().min(), values.iter().max()) else {
            return Ok(None);
        };
        let nulls = Some(array.null_count() as u64);
        let is_narrow = column.physical_type() == Type::INT32;
        let statistics = if is_narrow {
            let (Ok(least), Ok(most)) = (i32::try_from(least), i32::try_from(most)) else {
                return Ok(None);
            };
            Statistics::int32(Some(least), Some(most), None, nulls, false)
        } else {
            Statistics::int64(Some(least), Some(most), None, nulls, false)
        };
        let widths: &[usize] = if is_narrow { &[1, 2, 4] } else { &[1, 2, 4, 6] };
        let mut plain = Vec::new();
        if column.max_def_level() > 0 {
            push_levels(array, &mut plain);
        }
        if push_differences(&values, widths, &mut plain).is_none() {
            return Ok(None);
        }
        let data = Page::DataPage {
            buf: zstd::bulk::compress(&plain, level.compression_level())?.into(),
            num_values: array.len() as u32,
            encoding: Encoding::DELTA_BINARY_PACKED,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let mut page = TrackedWrite::new(Vec::new());
        let written = SerializedPageWriter::new(&mut page)
            .write_page(CompressedPage::new(data, plain.len()))?;
        let metadata = ColumnChunkMetaData::builder(Arc::clone(column))
            .set_compression(Compression::ZSTD(level))
            .set_encodings(vec![Encoding::RLE, Encoding::DELTA_BINARY_PACKED])
            .set_total_compressed_size(written.compressed_size as i64)
            .set_total_uncompressed_size(written.uncompressed_size as i64)
            .set_num_values(array.len() as i64)
            .set_data_page_offset(0)
            .set_statistics(statistics)
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: written.bytes_written,
            rows_written: array.len() as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Ok(Some(Self { page: page.into_inner()?.into(), close }))
    }

    pub(crate) fn append<W: Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        group.append_column(&self.page, self.close)
    }
}

/// The values that are not null; `None` where they are no whole numbers.
fn values(array: &dyn Array) -> Option<Vec<i64>> {
    match array.data_type() {
        DataType::Int32 => {
            Some(array.as_primitive::<Int32Type>().iter().flatten().map(i64::from).collect())
        }
        DataType::UInt32 => {
            Some(array.as_primitive::<UInt32Type>().iter().flatten().map(i64::from).collect())
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            Some(array.as_primitive::<TimestampMillisecondType>().iter().flatten().collect())
        }
        _ => None,
    }
}

/// Definition levels, 0 where null and else 1, after their length, all of them as runs (`RLE`).
fn push_levels(array: &dyn Array, page: &mut Vec<u8>) {
    let start = page.len();
    page.extend([0; 4]);
    let is_null = |row: usize| array.nulls().is_some_and(|nulls| nulls.is_null(row));
    let mut row = 0;
    while row < array.len() {
        let level = is_null(row);
        let run = (row..array.len()).take_while(|&row| is_null(row) == level).count();
        push_number((run as u64) << 1, page);
        page.push(u8::from(!level));
        row += run;
    }
    let length = (page.len() - start - 4) as u32;
    page[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Values as `DELTA_BINARY_PACKED`, each difference in one of these numbers of bytes; `None` where one
/// does not fit.
fn push_differences(values: &[i64], widths: &[usize], page: &mut Vec<u8>) -> Option<()> {
    let steps = values.windows(2).map(|pair| pair[1].checked_sub(pair[0]));
    let steps: Vec<i64> = steps.collect::<Option<_>>()?;
    // The values in a block, the parts that it has (one), the values in all, the first.
    push_number(BLOCK as u64, page);
    push_number(1, page);
    push_number(values.len() as u64, page);
    push_signed(*values.first()?, page);
    for steps in steps.chunks(BLOCK) {
        let (least, most) = (*steps.iter().min()?, *steps.iter().max()?);
        // What a block's differences are counted from.
        let from = |width: usize| -1_i64 << (8 * width - 1);
        let fits = |width: usize| least >= from(width) && most < -from(width);
        let width = widths.iter().copied().find(|&width| fits(width))?;
        if least == most {
            push_signed(least, page);
            page.push(0);
            continue;
        }
        push_signed(from(width), page);
        page.push(8 * width as u8);
        let end = page.len() + BLOCK * width;
        for step in steps {
            page.extend_from_slice(&(step - from(width)).to_le_bytes()[..width]);
        }
        page.resize(end, 0);
    }
    Some(())
}

fn push_signed(number: i64, page: &mut Vec<u8>) {
    push_number(((number << 1) ^ (number >> 63)) as u64, page);
}

fn push_number(mut number: u64, page: &mut Vec<u8>) {
    while number >= 0x80 {
        page.push(number as u8 | 0x80);
        number >>= 7;
    }
    page.push(number as u8);
}
