//! Polls as they were stored, packed into a compacted day.

use bytes::Bytes;
use hotspots_data::codec::{self, CodecError, Metadata, POLLS, TIME_ZONE};
use hotspots_data::table::{Row, StationStatusDaily};
use hotspots_data::{ContentHash, Key};

use crate::whole_day::{RowId, WholeDay};

/// Rows of a row group: enough to be worth a task, few enough to be held.
const GROUP_ROWS: usize = 256 * 1024;

/// Packs a day into one object.
pub(crate) fn pack(day: &WholeDay, time_zone: &str) -> Result<Bytes, CodecError> {
    let names: Vec<String> = day.keys().filter_map(Key::name).collect();
    let metadata = Metadata::from([
        (POLLS.to_owned(), names.join(" ")),
        (TIME_ZONE.to_owned(), time_zone.to_owned()),
    ]);
    let (rows, of_each) = day.by_station();
    let groups = groups(&rows, &of_each).into_iter().map(|rows| day.packed(rows));
    let (table, schema) = (StationStatusDaily::TABLE, StationStatusDaily::schema());
    codec::encode_batches(table, StationStatusDaily::LAYOUT, &schema, groups, &metadata)
}

/// Whether rows are those that an object's name is the hash of.
pub(crate) fn has_content<R: Row>(key: &Key, rows: &[R]) -> bool {
    let hash: ContentHash = R::content_hash(rows);
    matches!(key, Key::Recorded { hash: named, .. } if *named == hash)
}

/// The rows of each row group. A station is in one only.
fn groups<'r>(mut rows: &'r [RowId], of_each: &[usize]) -> Vec<&'r [RowId]> {
    let (mut groups, mut length) = (Vec::new(), 0);
    for &of_station in of_each {
        if length > 0 && length + of_station > GROUP_ROWS {
            groups.push(rows.split_off(..length).unwrap_or_default());
            length = 0;
        }
        length += of_station;
    }
    groups.extend((length > 0).then_some(rows));
    groups
}
