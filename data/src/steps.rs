//! Columns of a compacted day as what changes from row to row, which is hardly anything: a reader then
//! looks closely at the rows that differ from the one before, and at no others.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Int32Type, UInt32Type};
use bytes::{Buf as _, Bytes};
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{Page, PageReader as _};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use zstd::bulk::Decompressor;

/// A column of whole numbers or flags, as what each row's number is above the one before it; the first
/// row's is counted from 0. Numbers wrap at 32 bits, flags are 0 and 1, and [`NULL`] stands for null.
#[derive(Debug)]
pub struct Steps<'r>(Kind<'r>);

/// Memory for the pages of columns, used again for those of the next row group.
#[derive(Default)]
pub struct Room {
    decompressor: Option<Decompressor<'static>>,
    pages: Vec<Vec<u8>>,
}

/// In [`Steps`]: no number.
pub const NULL: i32 = i32::MIN;

#[derive(Debug)]
enum Kind<'r> {
    Differences(Differences<'r>),
    Flags(Flags<'r>),
    /// Only nulls; and whether the first of them was read.
    Nulls(bool),
    /// The last number, and those of the rows that are left.
    Numbers(i32, std::vec::IntoIter<i32>),
}

/// Bytes that a page may have: far more than a column of a row group takes.
const PAGE_BYTES: i64 = 64 << 20;

impl Room {
    /// Room for so many pages, and what decompresses them.
    pub(crate) fn parts(
        &mut self,
        pages: usize,
    ) -> Result<(&mut Decompressor<'static>, &mut [Vec<u8>]), ParquetError> {
        self.pages.resize_with(pages, Vec::new);
        let decompressor = match &mut self.decompressor {
            Some(made) => made,
            none => none.insert(Decompressor::new()?),
        };
        Ok((decompressor, &mut self.pages))
    }
}

impl<'r> Steps<'r> {
    /// Of no rows.
    pub(crate) fn none() -> Self {
        Self(Kind::Numbers(0, Vec::new().into_iter()))
    }

    /// Of a column that lies there as a compacted day is written; `None` where it does not, or is
    /// damaged.
    pub(crate) fn stored(
        column: &ColumnChunkMetaData,
        data_type: &DataType,
        file: &Arc<Bytes>,
        rows: usize,
        decompressor: &mut Decompressor<'_>,
        room: &'r mut Vec<u8>,
    ) -> Option<Self> {
        let encoding = only_page(column, file, rows, decompressor, room)?;
        let mut page = room.as_slice();
        let is_told = match column.column_descr().max_def_level() {
            0 => true,
            1 => levels(&mut page, rows)?,
            _ => return None,
        };
        Some(Self(match (data_type, encoding) {
            _ if !is_told => Kind::Nulls(false),
            (DataType::Int32 | DataType::UInt32, Encoding::DELTA_BINARY_PACKED) => {
                Kind::Differences(Differences::open(page, rows)?)
            }
            (DataType::Boolean, Encoding::PLAIN) => Kind::Flags(Flags::open(page, rows)?),
            _ => return None,
        }))
    }

    /// Of a column that was decoded; `None` where it holds neither whole numbers nor flags.
    pub(crate) fn decoded(parts: &[ArrayRef]) -> Option<Self> {
        let mut all: Vec<i32> = Vec::new();
        for part in parts {
            let value: &dyn Fn(usize) -> i32 = match part.data_type() {
                DataType::Int32 => &|row| part.as_primitive::<Int32Type>().value(row),
                DataType::UInt32 => &|row| part.as_primitive::<UInt32Type>().value(row) as i32,
                DataType::Boolean => &|row| i32::from(part.as_boolean().value(row)),
                _ => return None,
            };
            all.extend(
                (0..part.len()).map(|row| if part.is_null(row) { NULL } else { value(row) }),
            );
        }
        Some(Self(Kind::Numbers(0, all.into_iter())))
    }

    /// Reads the next rows; beyond the last one nothing changes.
    pub fn read(&mut self, steps: &mut [i32]) {
        match &mut self.0 {
            Kind::Differences(differences) => differences.read(steps),
            Kind::Flags(flags) => flags.read(steps),
            Kind::Nulls(is_begun) => {
                steps.fill(0);
                if let Some(first) = steps.first_mut().filter(|_| !*is_begun) {
                    (*first, *is_begun) = (NULL, true);
                }
            }
            Kind::Numbers(last, numbers) => {
                for step in steps {
                    let number = numbers.next().unwrap_or(*last);
                    *step = number.wrapping_sub(*last);
                    *last = number;
                }
            }
        }
    }
}

/// Decompresses the page of a column that has one and no dictionary.
fn only_page(
    column: &ColumnChunkMetaData,
    file: &Arc<Bytes>,
    rows: usize,
    decompressor: &mut Decompressor<'_>,
    room: &mut Vec<u8>,
) -> Option<Encoding> {
    let most = usize::try_from(column.uncompressed_size().clamp(0, PAGE_BYTES)).ok()?;
    // The page as it lies there: the library would make two contexts of zstd to decompress it.
    let as_it_lies = column.clone().into_builder().set_compression(Compression::UNCOMPRESSED);
    let as_it_lies = as_it_lies.build().ok()?;
    let mut pages = SerializedPageReader::new(Arc::clone(file), &as_it_lies, rows, None).ok()?;
    let Page::DataPage { buf, num_values, encoding, def_level_encoding, .. } =
        pages.get_next_page().ok()??
    else {
        return None;
    };
    let is_all = num_values as usize == rows && pages.get_next_page().ok()?.is_none();
    if !is_all || def_level_encoding != Encoding::RLE {
        return None;
    }
    room.clear();
    match column.compression() {
        Compression::UNCOMPRESSED => room.extend_from_slice(&buf),
        Compression::ZSTD(_) => {
            room.reserve(most);
            decompressor.decompress_to_buffer(&buf, room).ok()?;
        }
        _ => return None,
    }
    Some(encoding)
}

/// Takes the definition levels from a page: whether all rows have a value, or none has; `None` where
/// some have or it is not told in runs.
fn levels(page: &mut &[u8], rows: usize) -> Option<bool> {
    let length = page.try_get_u32_le().ok()? as usize;
    let (mut levels, values) = page.split_at_checked(length)?;
    *page = values;
    let run = number(&mut levels)?;
    let is_told = levels.try_get_u8().ok()? > 0;
    (run & 1 == 0 && run >> 1 == rows as u64).then_some(is_told)
}

/// Numbers as `DELTA_BINARY_PACKED` whose differences are of whole bytes, as
/// [`crate::differences`] writes them.
#[derive(Debug)]
struct Differences<'r> {
    /// From the first block on.
    page: &'r [u8],
    /// The first number, until it is read.
    first: Option<i32>,
    /// How many differences come after `now`, and how many a block has.
    left: usize,
    block: usize,
    /// Where the next block begins.
    rest: usize,
    now: Block,
}

/// Differences of one width.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    /// How many are left.
    length: usize,
    /// Where they are in the page, how many bytes each takes and what it is counted from.
    from: usize,
    width: usize,
    least: i32,
}

impl<'r> Differences<'r> {
    /// `None` where a page has other widths or another number of values, or is cut.
    fn open(mut page: &'r [u8], count: usize) -> Option<Self> {
        let block = usize::try_from(number(&mut page)?).ok().filter(|&block| block > 0)?;
        let (parts, told) = (number(&mut page)?, number(&mut page)?);
        let first = Some(signed(&mut page)? as i32);
        if parts != 1 || told != count as u64 {
            return None;
        }
        let left = count.checked_sub(1)?;
        let opened = Self { page, first, left, block, rest: 0, now: Block::default() };
        // Every block is looked at beforehand, so that none fails later.
        let (mut left, mut rest) = (left, 0);
        while left > 0 {
            let (block, next) = opened.block(left, rest)?;
            (left, rest) = (left - block.length, next);
        }
        Some(opened)
    }

    /// The block that begins at a place in the page, and where the next one does.
    fn block(&self, left: usize, at: usize) -> Option<(Block, usize)> {
        let mut bytes = self.page.get(at..)?;
        let least = signed(&mut bytes)? as i32;
        let bits = usize::from(bytes.try_get_u8().ok()?);
        let from = self.page.len() - bytes.len();
        if !bits.is_multiple_of(8) || bits > 64 {
            return None;
        }
        let width = bits / 8;
        let rest = from.checked_add(self.block.checked_mul(width)?)?;
        let length = left.min(self.block);
        (rest <= self.page.len()).then_some((Block { length, from, width, least }, rest))
    }

    fn read(&mut self, mut steps: &mut [i32]) {
        if !steps.is_empty()
            && let Some(first) = self.first.take()
        {
            steps[0] = first;
            steps = &mut steps[1..];
        }
        while !steps.is_empty() {
            if self.now.length == 0 {
                let next = if self.left > 0 { self.block(self.left, self.rest) } else { None };
                let Some((block, rest)) = next else { return steps.fill(0) };
                (self.now, self.rest, self.left) = (block, rest, self.left - block.length);
            }
            let (some, others) = steps.split_at_mut(self.now.length.min(steps.len()));
            self.now.read(self.page, some);
            steps = others;
        }
    }
}

impl Block {
    fn read(&mut self, page: &[u8], steps: &mut [i32]) {
        let bytes = &page[self.from..][..steps.len() * self.width];
        match self.width {
            0 => steps.fill(self.least),
            1 => self.read_as::<1>(bytes, steps),
            2 => self.read_as::<2>(bytes, steps),
            4 => self.read_as::<4>(bytes, steps),
            width => {
                for (step, bytes) in steps.iter_mut().zip(bytes.chunks_exact(width)) {
                    *step = self.least.wrapping_add(lowest(&bytes[..width.min(4)]));
                }
            }
        }
        self.length -= steps.len();
        self.from += bytes.len();
    }

    fn read_as<const WIDTH: usize>(&self, bytes: &[u8], steps: &mut [i32]) {
        for (step, bytes) in steps.iter_mut().zip(bytes.as_chunks::<WIDTH>().0) {
            *step = self.least.wrapping_add(lowest(bytes));
        }
    }
}

/// Flags as `PLAIN` has them: a bit each, from the lowest of each byte on.
#[derive(Debug)]
struct Flags<'r> {
    page: &'r [u8],
    count: usize,
    next: usize,
    last: bool,
}

impl<'r> Flags<'r> {
    fn open(page: &'r [u8], count: usize) -> Option<Self> {
        let is_whole = count.div_ceil(8) <= page.len();
        is_whole.then_some(Self { page, count, next: 0, last: false })
    }

    fn read(&mut self, steps: &mut [i32]) {
        steps.fill(0);
        let end = self.count.min(self.next + steps.len());
        let mut row = self.next;
        while row < end {
            let byte = self.page[row / 8];
            let alike = if self.last { u8::MAX } else { 0 };
            if byte == alike && row.is_multiple_of(8) {
                row += 8;
                continue;
            }
            let flag = byte >> (row % 8) & 1 == 1;
            steps[row - self.next] = i32::from(flag) - i32::from(self.last);
            self.last = flag;
            row += 1;
        }
        self.next = end;
    }
}

/// The lowest 32 bits of a number in so many bytes, the lowest first.
fn lowest(bytes: &[u8]) -> i32 {
    let mut number = [0; 4];
    number[..bytes.len()].copy_from_slice(bytes);
    i32::from_le_bytes(number)
}

/// A number in groups of seven bits.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes.try_get_u8().ok()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn signed(bytes: &mut &[u8]) -> Option<i64> {
    number(bytes).map(|number| (number >> 1) as i64 ^ -((number & 1) as i64))
}
