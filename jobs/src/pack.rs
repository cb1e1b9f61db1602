//! Polls as they were stored, packed into a compacted day.

use bytes::Bytes;
use chrono_tz::Tz;
use hotspots_data::codec::{self, CLOCKS_HASH, CodecError, Metadata, POLLS, TIME_ZONE};
use hotspots_data::table::{Row, StationStatusDaily};
use hotspots_data::{ContentHash, Key};

use crate::whole_day::{RowId, WholeDay};

/// Rows of a row group: enough to be worth a task, few enough to be held. In this crate's own tests a small
/// day has many.
const GROUP_ROWS: usize = if cfg!(test) { 1000 } else { 256 * 1024 };

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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::{DateTime, TimeDelta, Utc};
    use hotspots_data::table::{StationInformation, StationStatus};
    use hotspots_data::{Derived, Groups, Lake, Recorded, SystemId, parse_date};

    use super::*;
    use crate::{Options, Selection, aggregate, compact, verify};

    const DATE: &str = "2026-02-10";
    const POLLS: i64 = 300;
    const STATIONS: i64 = 40;

    fn system() -> SystemId {
        "city".parse().unwrap()
    }

    fn midnight() -> DateTime<Utc> {
        "2026-02-10T00:00:00Z".parse().unwrap()
    }

    async fn put<R: Row>(lake: &Lake, table: Recorded, at: DateTime<Utc>, rows: &[R]) {
        let key = table.key(&system(), parse_date(DATE).unwrap(), at, R::content_hash(rows));
        let metadata = Metadata::from([(TIME_ZONE.to_owned(), "UTC".to_owned())]);
        lake.put_new(&key, R::encode(rows, &metadata).unwrap()).await.unwrap();
    }

    fn status(at: DateTime<Utc>, station: i64, bikes: i64) -> StationStatus {
        StationStatus {
            observed_at: at,
            fetched_at: at,
            last_updated: None,
            station_id: format!("{station:02}"),
            station_code: None,
            num_bikes_available: i32::try_from(bikes).ok(),
            num_ebikes_available: None,
            num_mechanical_available: None,
            num_bikes_disabled: None,
            num_docks_available: i32::try_from(30 - bikes).ok(),
            num_docks_disabled: None,
            is_installed: Some(true),
            is_renting: None,
            is_returning: None,
            last_reported: None,
            extra: None,
        }
    }

    fn information(station: i64) -> StationInformation {
        StationInformation {
            observed_at: midnight(),
            fetched_at: midnight(),
            last_updated: None,
            station_id: format!("{station:02}"),
            station_code: None,
            name: None,
            short_name: None,
            lat: Some(48.85 + 0.001 * (station % 7) as f64),
            lon: Some(2.35 + 0.001 * (station / 7) as f64),
            hex_id_8: None,
            hex_id_9: None,
            hex_id_10: None,
            capacity: Some(30),
            region_id: None,
            is_virtual_station: None,
            extra: None,
        }
    }

    /// A day whose polls are read by three tasks and packed into twelve row groups and more.
    async fn city() -> Lake {
        let lake = Lake::open("memory:///").unwrap();
        let stations: Vec<_> = (0..STATIONS).map(information).collect();
        put(&lake, Recorded::StationInformation, midnight(), &stations).await;
        for poll in 0..POLLS {
            let at = midnight() + TimeDelta::minutes(4 * poll);
            let bikes = |station: i64| (station * 7 + poll / (station + 1)) % 31;
            let rows: Vec<_> = (0..STATIONS).map(|one| status(at, one, bikes(one))).collect();
            put(&lake, Recorded::StationStatus, at, &rows).await;
        }
        lake
    }

    fn later() -> DateTime<Utc> {
        midnight() + TimeDelta::days(30)
    }

    /// The day's tables made anew.
    async fn tables(lake: &Lake) -> BTreeMap<String, Bytes> {
        let resolutions = Options::default().resolutions.list();
        let of_cells = |one| [Derived::Hotspots(one), Derived::HotspotsHourly(one)];
        let tables = resolutions.into_iter().flat_map(of_cells);
        let tables = tables.chain([Derived::StationDays, Derived::Quality]);
        let keys: Vec<Key> =
            tables.map(|table| table.key(&system(), parse_date(DATE).unwrap())).collect();
        for key in &keys {
            lake.delete(key).await.unwrap();
        }
        let (all, options) = (Selection::default(), Options::default());
        aggregate(lake, &all, options, later(), |_, _| {}).await.unwrap();
        let mut made = BTreeMap::new();
        for key in keys {
            made.insert(key.to_string(), lake.get(&key).await.unwrap().bytes);
        }
        made
    }

    #[test]
    fn a_day_of_many_tasks_and_row_groups_is_the_same_on_any_number_of_threads() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let lake = runtime.block_on(city());
        let on = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let first = runtime.block_on(tables(&lake));
        for is_packed in [false, true] {
            // One of the threads waits.
            for threads in [2, 3, 6] {
                let again = on(threads).install(|| runtime.block_on(tables(&lake)));
                assert!(again == first, "on {threads} threads, packed: {is_packed}");
            }
            let (all, at_once) = (Selection::default(), Some(TimeDelta::zero()));
            let packed = compact(&lake, &all, at_once, later(), |_| {});
            for day in runtime.block_on(packed).unwrap() {
                day.outcome.unwrap();
            }
        }
        let key = Derived::StationStatusDaily.key(&system(), parse_date(DATE).unwrap());
        let bytes = runtime.block_on(lake.get(&key)).unwrap().bytes;
        let groups = Groups::open(&StationStatusDaily::schema(), &[], bytes).unwrap();
        assert!(groups.len() >= 12, "{} row groups", groups.len());
        let all = Selection::default();
        let reports = verify(&lake, &all, later(), |_| {});
        let reports = runtime.block_on(reports).unwrap();
        assert!(reports.iter().all(|day| day.faults.is_empty()), "{reports:?}");
    }
}
