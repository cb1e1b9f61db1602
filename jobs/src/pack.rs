//! Polls as they were stored, packed into a compacted day.

use bytes::Bytes;
use chrono_tz::Tz;
use hotspots_data::codec::{self, CLOCKS_HASH, CodecError, Metadata, POLLS, TIME_ZONE};
use hotspots_data::table::{Row, StationStatusDaily};
use hotspots_data::{ContentHash, Key};

use crate::whole_day::{RowId, WholeDay};

/// Rows of a row group: enough to be worth a task, few enough to be held.
const GROUP_ROWS: usize = 256 * 1024;

/// Packs a day into one object.
pub(crate) fn pack(day: &WholeDay, time_zone: Tz) -> Result<Bytes, CodecError> {
    encode(day, &metadata(day, time_zone)?)
}

/// Whether a compacted day has the clocks that it vouches for; one written before days did has nothing to
/// check.
pub(crate) fn has_clocks(day: &WholeDay, stored: &Metadata) -> Result<bool, CodecError> {
    match stored.get(CLOCKS_HASH) {
        Some(hash) => Ok(*hash == day.clocks_hash()?),
        None => Ok(true),
    }
}

/// Whether a compacted day, taken apart, makes the stored bytes again, as it does where this program wrote
/// it.
pub(crate) fn is_as_packed(
    day: &WholeDay,
    stored: &Metadata,
    bytes: &Bytes,
) -> Result<bool, CodecError> {
    let mut metadata = metadata(day, time_zone(stored)?)?;
    if !stored.contains_key(CLOCKS_HASH) {
        metadata.remove(CLOCKS_HASH);
    }
    Ok(encode(day, &metadata)? == bytes)
}

/// The time zone that an object names.
pub(crate) fn time_zone(metadata: &Metadata) -> Result<Tz, CodecError> {
    let zone = metadata.get(TIME_ZONE).and_then(|name| name.parse().ok());
    zone.ok_or(CodecError::Metadata(TIME_ZONE))
}

fn metadata(day: &WholeDay, time_zone: Tz) -> Result<Metadata, CodecError> {
    let names: Vec<String> = day.keys().filter_map(Key::name).collect();
    Ok(Metadata::from([
        (POLLS.to_owned(), names.join(" ")),
        (CLOCKS_HASH.to_owned(), day.clocks_hash()?),
        (TIME_ZONE.to_owned(), time_zone.name().to_owned()),
    ]))
}

fn encode(day: &WholeDay, metadata: &Metadata) -> Result<Bytes, CodecError> {
    let (rows, of_each) = day.by_station();
    let groups = groups(&rows, &of_each).into_iter().map(|rows| day.packed(rows));
    let (table, schema) = (StationStatusDaily::TABLE, StationStatusDaily::schema());
    codec::encode_batches(table, StationStatusDaily::LAYOUT, &schema, groups, metadata)
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
