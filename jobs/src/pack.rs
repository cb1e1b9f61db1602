//! Polls as they were stored, packed into a compacted day and taken out of it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, interleave_record_batch, take_record_batch};
use arrow::datatypes::{Schema, UInt32Type};
use bytes::Bytes;
use hotspots_data::codec::{self, CodecError, Groups, Metadata, POLLS, TIME_ZONE};
use hotspots_data::table::{Row, StationStatus, StationStatusDaily};
use hotspots_data::{ContentHash, Key};

/// A poll with every column and row of its own object, in their order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WholePoll {
    pub(crate) key: Key,
    pub(crate) rows: RecordBatch,
}

/// Rows of a row group: enough to be worth a task, few enough to be held.
const GROUP_ROWS: usize = 256 * 1024;

/// Packs polls, given in order of time, into one object.
pub(crate) fn pack(polls: &[WholePoll], time_zone: &str) -> Result<Bytes, CodecError> {
    let names: Vec<String> = polls.iter().filter_map(|poll| poll.key.name()).collect();
    let metadata = Metadata::from([
        (POLLS.to_owned(), names.join(" ")),
        (TIME_ZONE.to_owned(), time_zone.to_owned()),
    ]);
    let batches: Vec<&RecordBatch> = polls.iter().map(|poll| &poll.rows).collect();
    let groups = groups(&batches)?.into_iter().map(|rows| group(&batches, &rows));
    let (table, schema) = (StationStatusDaily::TABLE, StationStatusDaily::schema());
    codec::encode_batches(table, StationStatusDaily::LAYOUT, &schema, groups, &metadata)
}

/// Takes the polls out of a compacted day; `keys` are theirs, in order of their numbers.
pub(crate) fn unpack(bytes: &Bytes, keys: &[Key]) -> Result<Vec<WholePoll>, CodecError> {
    let groups = Groups::open(&StationStatusDaily::schema(), &[], bytes.clone())?;
    let mut parts: Vec<Vec<RecordBatch>> = vec![Vec::new(); keys.len()];
    for index in 0..groups.len() {
        let batches = groups.read(index)?.collect::<Result<Vec<_>, _>>()?;
        let group = concat_batches(&StationStatusDaily::schema(), &batches)?;
        let numbers = group.column(0).as_primitive::<UInt32Type>().values();
        let mut rows: Vec<Vec<u32>> = vec![Vec::new(); keys.len()];
        for (row, &number) in numbers.iter().enumerate() {
            let of_poll = rows.get_mut(number as usize).ok_or(CodecError::Metadata(POLLS))?;
            of_poll.push(row as u32);
        }
        for (part, rows) in parts.iter_mut().zip(rows).filter(|(_, rows)| !rows.is_empty()) {
            part.push(take_record_batch(&group, &UInt32Array::from(rows))?);
        }
    }
    parts.iter().zip(keys).map(|(part, key)| whole(part, key.clone())).collect()
}

/// A poll's own object, every column of it.
pub(crate) fn whole_poll(key: &Key, bytes: Bytes) -> Result<WholePoll, CodecError> {
    let (rows, _) = codec::decode(&StationStatus::schema(), bytes)?;
    Ok(WholePoll { key: key.clone(), rows })
}

/// Whether rows are those that an object's name is the hash of.
pub(crate) fn has_content<R: Row>(key: &Key, rows: &[R]) -> bool {
    let hash: ContentHash = R::content_hash(rows);
    matches!(key, Key::Recorded { hash: named, .. } if *named == hash)
}

/// The rows of each group, as poll and row: by station, then by time, then as they were. A station is
/// in one group only.
fn groups(polls: &[&RecordBatch]) -> Result<Vec<Vec<(usize, usize)>>, CodecError> {
    let mut stations: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    for (number, poll) in polls.iter().enumerate() {
        let missing = || CodecError::MissingColumn("station_id".to_owned());
        let ids = poll.column_by_name("station_id").ok_or_else(missing)?.as_string::<i32>();
        for row in 0..ids.len() {
            match stations.get_mut(ids.value(row)) {
                Some(rows) => rows.push((number, row)),
                None => drop(stations.insert(ids.value(row), vec![(number, row)])),
            }
        }
    }
    let mut groups: Vec<Vec<(usize, usize)>> = Vec::new();
    for rows in stations.into_values() {
        match groups.last_mut() {
            Some(group) if group.len() + rows.len() <= GROUP_ROWS => group.extend(rows),
            _ => groups.push(rows),
        }
    }
    Ok(groups)
}

fn group(polls: &[&RecordBatch], rows: &[(usize, usize)]) -> Result<RecordBatch, CodecError> {
    let batch = interleave_record_batch(polls, rows)?;
    let number = rows.iter().map(|&(poll, _)| poll as u32).collect::<UInt32Array>();
    let row = rows.iter().map(|&(_, row)| row as u32).collect::<UInt32Array>();
    let mut columns: Vec<arrow::array::ArrayRef> = vec![Arc::new(number), Arc::new(row)];
    columns.extend(batch.columns().iter().map(Arc::clone));
    Ok(RecordBatch::try_new(StationStatusDaily::schema(), columns)?)
}

/// A poll's rows from the groups, put in their order.
fn whole(parts: &[RecordBatch], key: Key) -> Result<WholePoll, CodecError> {
    let packed = concat_batches(&StationStatusDaily::schema(), parts)?;
    let numbers = packed.column(1).as_primitive::<UInt32Type>();
    let mut order = vec![0_u32; packed.num_rows()];
    for (at, &row) in numbers.values().iter().enumerate() {
        *order.get_mut(row as usize).ok_or(CodecError::MissingColumn("row".to_owned()))? =
            at as u32;
    }
    let ordered = take_record_batch(&packed, &UInt32Array::from(order))?;
    let plain = Schema::new(StationStatus::schema().fields().clone());
    let rows = RecordBatch::try_new(Arc::new(plain), ordered.columns()[2..].to_vec())?;
    Ok(WholePoll { key, rows })
}
