//! A day's status polls with every row and column, in a fraction of what their rows take.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, RecordBatch, StringArray, UInt32Array, new_empty_array,
};
use arrow::compute::{TakeOptions, concat, interleave, take};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, TimestampMillisecondType, UInt32Type};
use bytes::Bytes;
use hotspots_data::codec::{self, CodecError, POLLS};
use hotspots_data::table::{CLOCKS, Row as _, StationStatus, StationStatusDaily};
use hotspots_data::{Groups, Key};
use sha2::{Digest as _, Sha256};

use crate::day_inputs::hex;

/// Polls in order of time. Texts are numbered, what a whole poll says alike is kept once, and a column
/// that is as in the poll before is shared with it: of a city polled every minute the counts remain.
#[derive(Debug, Default)]
pub(crate) struct WholeDay {
    texts: Texts,
    polls: Vec<WholePoll>,
}

#[derive(Debug)]
struct WholePoll {
    key: Key,
    rows: usize,
    /// By column of the table.
    columns: Vec<Column>,
}

#[derive(Clone, Debug)]
struct Column {
    /// One value for each row, or one for all; numbers of texts in place of texts.
    values: ArrayRef,
    is_same_in_all: bool,
}

#[derive(Debug, Default)]
struct Texts {
    by_number: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    /// Of all texts, made when it is asked for.
    array: OnceLock<StringArray>,
}

/// A row, as the number of its poll and its number in that.
pub(crate) type RowId = (u32, u32);

/// The columns of a compacted day that say whose the row is; the others are those of a poll.
const ROW_ID: [&str; 2] = ["poll", "row"];

impl WholeDay {
    /// A poll's own object, every column of it.
    pub(crate) fn decode(bytes: Bytes) -> Result<RecordBatch, CodecError> {
        Ok(codec::decode(&StationStatus::schema(), bytes)?.0)
    }

    /// Takes in the next poll.
    pub(crate) fn push(&mut self, key: Key, rows: &RecordBatch) -> Result<(), CodecError> {
        let before = self.polls.last();
        let mut columns = Vec::with_capacity(rows.num_columns());
        for (index, values) in rows.columns().iter().enumerate() {
            let values = match values.data_type() {
                DataType::Utf8 => Arc::new(self.texts.numbers_of(values.as_string())),
                _ => Arc::clone(values),
            };
            columns.push(Column::new(values, before.map(|before| &before.columns[index]))?);
        }
        self.polls.push(WholePoll { key, rows: rows.num_rows(), columns });
        Ok(())
    }

    /// Takes the polls out of a compacted day, column by column; `keys` are theirs, in order of their
    /// numbers.
    pub(crate) fn unpack(bytes: &Bytes, keys: Vec<Key>) -> Result<Self, CodecError> {
        codec::guarded(|| Self::unpack_columns(bytes, keys))
    }

    fn unpack_columns(bytes: &Bytes, keys: Vec<Key>) -> Result<Self, CodecError> {
        let mut day = Self::default();
        let order = RowOrder::read(bytes, keys.len())?;
        for (key, rows) in keys.into_iter().zip(order.lengths()) {
            day.polls.push(WholePoll { key, rows, columns: Vec::new() });
        }
        for field in StationStatus::schema().fields() {
            let values = day.texts.read_column(bytes, field.name(), &order)?;
            let mut before: Option<Column> = None;
            for (poll, &start) in day.polls.iter_mut().zip(&order.starts) {
                let column = Column::new(values.slice(start, poll.rows), before.as_ref())?;
                let column = if column.is_shared_with(before.as_ref()) {
                    column
                } else {
                    column.cut_out()?
                };
                before = Some(column.clone());
                poll.columns.push(column);
            }
        }
        Ok(day)
    }

    /// Whether a compacted day gives back the very rows of these polls.
    pub(crate) fn is_packed_in(&mut self, bytes: &Bytes) -> Result<bool, CodecError> {
        codec::guarded(|| self.is_as_in(bytes))
    }

    fn is_as_in(&mut self, bytes: &Bytes) -> Result<bool, CodecError> {
        let order = RowOrder::read(bytes, self.polls.len())?;
        if self.polls.iter().map(|poll| poll.rows).ne(order.lengths()) {
            return Ok(false);
        }
        for (index, field) in StationStatus::schema().fields().iter().enumerate() {
            let values = self.texts.read_column(bytes, field.name(), &order)?;
            for (poll, &start) in self.polls.iter().zip(&order.starts) {
                if *poll.values(index)? != *values.slice(start, poll.rows) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The polls' keys, in order.
    pub(crate) fn keys(&self) -> impl ExactSizeIterator<Item = &Key> {
        self.polls.iter().map(|poll| &poll.key)
    }

    /// SHA-256, in hex, over the clocks, which the hashes in the polls' names leave out: row by row as
    /// the polls have them, each of [`CLOCKS`] as milliseconds in 8 bytes, the least first; where there
    /// is none, the least number.
    pub(crate) fn clocks_hash(&self) -> Result<String, CodecError> {
        let schema = StationStatus::schema();
        let clocks: Vec<usize> =
            CLOCKS.iter().map(|name| schema.index_of(name)).collect::<Result<_, _>>()?;
        let mut hash = Sha256::new();
        let mut bytes = Vec::new();
        for poll in &self.polls {
            bytes.clear();
            for row in 0..poll.rows {
                for &clock in &clocks {
                    let column = &poll.columns[clock];
                    let times = column.values.as_primitive::<TimestampMillisecondType>();
                    let at = column.index(row);
                    let time = if times.is_null(at) { i64::MIN } else { times.value(at) };
                    bytes.extend(time.to_le_bytes());
                }
            }
            hash.update(&bytes);
        }
        Ok(hex(&hash.finalize()))
    }

    /// How many rows the polls have together.
    pub(crate) fn row_count(&self) -> usize {
        self.polls.iter().map(|poll| poll.rows).sum()
    }

    /// A poll as it was taken in.
    pub(crate) fn rows(&self, poll: usize) -> Result<RecordBatch, CodecError> {
        let (poll, table) = (&self.polls[poll], StationStatus::schema());
        let columns = table.fields().iter().enumerate();
        let columns = columns.map(|(index, field)| self.told(field, poll.values(index)?));
        let columns = columns.collect::<Result<_, CodecError>>()?;
        let schema = Schema::new(table.fields().clone());
        Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
    }

    /// All rows in order of their stations' ids, then as they came; and how many each station has.
    pub(crate) fn by_station(&self) -> (Vec<RowId>, Vec<usize>) {
        let id = StationStatus::schema().index_of("station_id").unwrap_or_default();
        let mut counts = vec![0; self.texts.by_number.len()];
        self.each_row(id, |number, _| counts[number] += 1);
        let mut by_id: Vec<usize> =
            (0..counts.len()).filter(|&number| counts[number] > 0).collect();
        by_id.sort_unstable_by(|&a, &b| self.texts.by_number[a].cmp(&self.texts.by_number[b]));
        let (mut next, mut row_count) = (vec![0; counts.len()], 0);
        for &number in &by_id {
            next[number] = row_count;
            row_count += counts[number];
        }
        let mut rows = vec![RowId::default(); row_count];
        self.each_row(id, |number, id| {
            rows[next[number]] = id;
            next[number] += 1;
        });
        (rows, by_id.into_iter().map(|number| counts[number]).collect())
    }

    /// Every row with the number of its text in a column that always has one.
    fn each_row(&self, column: usize, mut row_of: impl FnMut(usize, RowId)) {
        for (poll, polled) in self.polls.iter().enumerate() {
            let column = &polled.columns[column];
            let numbers = column.values.as_primitive::<UInt32Type>().values();
            for row in 0..polled.rows {
                row_of(numbers[column.index(row)] as usize, (poll as u32, row as u32));
            }
        }
    }

    /// Rows of a compacted day.
    pub(crate) fn packed(&self, rows: &[RowId]) -> Result<RecordBatch, CodecError> {
        let ids = |of: fn(&RowId) -> u32| Arc::new(rows.iter().map(of).collect::<UInt32Array>());
        let mut columns: Vec<ArrayRef> = vec![ids(|id| id.0), ids(|id| id.1)];
        for (index, field) in StationStatus::schema().fields().iter().enumerate() {
            let of_polls: Vec<&Column> =
                self.polls.iter().map(|poll| &poll.columns[index]).collect();
            let values: Vec<_> = of_polls.iter().map(|column| column.values.as_ref()).collect();
            let at =
                |&(poll, row): &RowId| (poll as usize, of_polls[poll as usize].index(row as usize));
            let at: Vec<(usize, usize)> = rows.iter().map(at).collect();
            columns.push(self.told(field, interleave(&values, &at)?)?);
        }
        Ok(RecordBatch::try_new(StationStatusDaily::schema(), columns)?)
    }

    /// The texts that numbers stand for, where the field is of texts.
    fn told(&self, field: &Field, values: ArrayRef) -> Result<ArrayRef, CodecError> {
        if field.data_type() != &DataType::Utf8 {
            return Ok(values);
        }
        let of_day = || StringArray::from_iter_values(&self.texts.by_number);
        Ok(take(self.texts.array.get_or_init(of_day), &values, None)?)
    }
}

impl WholePoll {
    /// A column with one value for each row.
    fn values(&self, column: usize) -> Result<ArrayRef, CodecError> {
        let column = &self.columns[column];
        if column.is_same_in_all {
            return Ok(take(&column.values, &UInt32Array::from(vec![0; self.rows]), None)?);
        }
        Ok(Arc::clone(&column.values))
    }
}

impl Column {
    fn new(values: ArrayRef, before: Option<&Self>) -> Result<Self, CodecError> {
        if let Some(last) = values.len().checked_sub(1)
            && (last == 0 || values.slice(0, last) == values.slice(1, last))
        {
            let values = take(&values, &UInt32Array::from(vec![0]), None)?;
            return Ok(Self { values, is_same_in_all: true });
        }
        match before {
            Some(before) if !before.is_same_in_all && *before.values == *values => {
                Ok(before.clone())
            }
            _ => Ok(Self { values, is_same_in_all: false }),
        }
    }

    fn is_shared_with(&self, before: Option<&Self>) -> bool {
        before.is_some_and(|before| Arc::ptr_eq(&before.values, &self.values))
    }

    /// The same values by themselves: a slice keeps all of what it was cut from.
    fn cut_out(self) -> Result<Self, CodecError> {
        let all = UInt32Array::from_iter_values(0..self.values.len() as u32);
        Ok(Self { values: take(&self.values, &all, None)?, ..self })
    }

    fn index(&self, row: usize) -> usize {
        if self.is_same_in_all { 0 } else { row }
    }
}

impl Texts {
    fn numbers_of(&mut self, texts: &StringArray) -> UInt32Array {
        texts.iter().map(|text| text.map(|text| self.number_of(text))).collect()
    }

    /// A column of a compacted day, one poll after another, with texts as their numbers.
    fn read_column(
        &mut self,
        bytes: &Bytes,
        name: &str,
        order: &RowOrder,
    ) -> Result<ArrayRef, CodecError> {
        let schema = StationStatusDaily::schema_of(&[name]);
        let (held, texts) = match schema.field(0).data_type() {
            DataType::Utf8 => (DataType::UInt32, &[name][..]),
            other => (other.clone(), &[][..]),
        };
        let groups = Groups::open(&schema, texts, bytes.clone())?;
        let mut parts: Vec<ArrayRef> = Vec::new();
        for group in 0..groups.len() {
            for batch in groups.read(group)? {
                let values = Arc::clone(batch?.column(0));
                parts.push(match values.as_dictionary_opt::<Int32Type>() {
                    Some(texts) => {
                        let numbers = self.numbers_of(texts.values().as_string());
                        take(&numbers, texts.keys(), CHECKED)?
                    }
                    None => values,
                });
            }
        }
        let parts: Vec<_> = parts.iter().map(AsRef::as_ref).collect();
        let rows = parts.iter().map(|part| part.len()).sum();
        if rows != order.order.len() {
            return Err(CodecError::ColumnRows {
                column: name.to_owned(),
                rows,
                of: order.order.len(),
            });
        }
        if parts.is_empty() {
            return Ok(new_empty_array(&held));
        }
        Ok(take(&concat(&parts)?, &order.order, CHECKED)?)
    }

    fn number_of(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        self.array.take();
        let (number, text) = (self.by_number.len() as u32, Arc::<str>::from(text));
        self.by_number.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }
}

/// A number beyond the values is an error.
const CHECKED: Option<TakeOptions> = Some(TakeOptions { check_bounds: true });

const NOWHERE: u32 = u32::MAX;

/// Rows that room is made for beforehand: a damaged file may say that it has any number of them.
const LIKELY_ROWS: usize = 1 << 22;

/// Where the rows of a compacted day belong.
struct RowOrder {
    /// Where each poll's rows begin if they are put one poll after another.
    starts: Vec<usize>,
    /// For each row in that order, where it lies; each row once.
    order: UInt32Array,
}

impl RowOrder {
    fn read(bytes: &Bytes, polls: usize) -> Result<Self, CodecError> {
        let groups = Groups::open(&StationStatusDaily::schema_of(&ROW_ID), &[], bytes.clone())?;
        let told = codec::row_count(bytes.clone())?;
        let mut ids: Vec<RowId> = Vec::with_capacity(told.min(LIKELY_ROWS));
        for group in 0..groups.len() {
            for batch in groups.read(group)? {
                let batch = batch?;
                let column = |index| batch.column(index).as_primitive::<UInt32Type>().values();
                ids.extend(column(0).iter().copied().zip(column(1).iter().copied()));
            }
        }
        if ids.len() != told {
            return Err(CodecError::ColumnRows {
                column: ROW_ID[0].to_owned(),
                rows: ids.len(),
                of: told,
            });
        }
        let mut lengths = vec![0_usize; polls];
        for &(poll, _) in &ids {
            *lengths.get_mut(poll as usize).ok_or(CodecError::Metadata(POLLS))? += 1;
        }
        let mut starts = Vec::with_capacity(polls);
        let mut next = 0;
        for &rows in &lengths {
            starts.push(next);
            next += rows;
        }
        let mut order = vec![NOWHERE; ids.len()];
        for (at, &(poll, row)) in ids.iter().enumerate() {
            let is_of_poll = (row as usize) < lengths[poll as usize];
            match order.get_mut(starts[poll as usize] + row as usize) {
                Some(place @ &mut NOWHERE) if is_of_poll => *place = at as u32,
                _ => return Err(CodecError::MissingColumn(ROW_ID[1].to_owned())),
            }
        }
        Ok(Self { starts, order: order.into() })
    }

    fn lengths(&self) -> Vec<usize> {
        let ends = self.starts.iter().copied().skip(1).chain([self.order.len()]);
        self.starts.iter().zip(ends).map(|(start, end)| end - start).collect()
    }
}
