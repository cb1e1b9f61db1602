//! A compacted day holds what was put into it, whatever that is, in little room.

use chrono::{DateTime, TimeDelta, Utc};
use hotspots_data::codec::{self, Groups, Metadata};
use hotspots_data::table::{Row as _, StationStatusDaily};
use proptest::prelude::*;

fn row(poll: u32, station: &str, at: DateTime<Utc>) -> StationStatusDaily {
    StationStatusDaily {
        poll,
        row: 0,
        observed_at: at,
        fetched_at: at,
        last_updated: Some(at),
        station_id: station.to_owned(),
        station_code: None,
        num_bikes_available: Some(7),
        num_ebikes_available: None,
        num_mechanical_available: None,
        num_bikes_disabled: Some(0),
        num_docks_available: Some(12),
        num_docks_disabled: Some(0),
        is_installed: Some(true),
        is_renting: Some(true),
        is_returning: Some(true),
        last_reported: Some(at),
        extra: None,
    }
}

/// Numbers as feeds have them: near each other, repeated, and now and then anything at all.
fn number(all: impl Strategy<Value = i64> + 'static) -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        2 => Just(None),
        6 => Just(Some(3)),
        6 => (0..40_i64).prop_map(Some),
        3 => (-70_000..70_000_i64).prop_map(Some),
        1 => all.prop_map(Some),
    ]
}

fn rows() -> impl Strategy<Value = Vec<StationStatusDaily>> {
    let clock = number(-8_000_000_000_000_000..8_000_000_000_000_000_i64);
    let count = number(i64::from(i32::MIN)..=i64::from(i32::MAX));
    let poll = number(0..=i64::from(u32::MAX));
    let one = (poll, count, clock, 1..600_usize).prop_map(|(poll, count, clock, times)| {
        let poll = poll.and_then(|poll| u32::try_from(poll).ok()).unwrap_or_default();
        let mut row = row(poll, "station", DateTime::UNIX_EPOCH);
        row.num_bikes_available = count.map(|count| count as i32);
        row.last_reported = clock.and_then(DateTime::from_timestamp_millis);
        row.observed_at = row.last_reported.unwrap_or_default();
        vec![row; times]
    });
    prop::collection::vec(one, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_number_comes_back(first in rows(), second in rows()) {
        let batches = [&first, &second].map(|rows| Ok(StationStatusDaily::to_batch(rows)));
        let (table, schema) = (StationStatusDaily::TABLE, StationStatusDaily::schema());
        let layout = StationStatusDaily::LAYOUT;
        let bytes = codec::encode_batches(table, layout, &schema, batches, &Metadata::new()).unwrap();
        let groups = Groups::open(&schema, &[], bytes.clone()).unwrap();
        for (group, rows) in [&first, &second].into_iter().enumerate() {
            let read = groups.read(group).unwrap().flat_map(|batch| StationStatusDaily::from_batch(&batch.unwrap()).unwrap());
            prop_assert_eq!(&read.collect::<Vec<_>>(), rows);
        }
        prop_assert_eq!(StationStatusDaily::decode(bytes).unwrap().0, [first, second].concat());
    }
}

#[test]
fn differences_that_need_another_byte_come_back() {
    for bits in [7, 8, 15, 16, 31, 32, 47, 48] {
        for edge in [-1_i64, 0, 1].map(|step| (1 << bits) + step).into_iter().flat_map(|n| [n, -n])
        {
            let rows = [0, edge, edge].map(|ms| StationStatusDaily {
                num_bikes_available: i32::try_from(ms).ok(),
                last_reported: DateTime::from_timestamp_millis(ms),
                ..row(u32::try_from(ms).unwrap_or_default(), "station", DateTime::UNIX_EPOCH)
            });
            let bytes = StationStatusDaily::encode(&rows, &Metadata::new()).unwrap();
            assert_eq!(StationStatusDaily::decode(bytes).unwrap().0, rows, "{edge}");
        }
    }
}

/// Their difference, the same in all rows, is no number of their kind.
#[test]
fn numbers_as_far_apart_as_there_are_come_back() {
    let rows = [i32::MIN, i32::MAX].map(|count| StationStatusDaily {
        num_bikes_available: Some(count),
        ..row(0, "station", DateTime::UNIX_EPOCH)
    });
    let bytes = StationStatusDaily::encode(&rows, &Metadata::new()).unwrap();
    assert_eq!(StationStatusDaily::decode(bytes).unwrap().0, rows);
}

/// As in a recorded day: a station is reported every minute by a clock of its own, and a poll every ten
/// minutes sees one of its ticks, here one of 64.
#[test]
fn clocks_that_stations_set_by_themselves_take_little_more_than_they_tell() {
    let (stations, polls) = (200, 144);
    let mut random = 1_u64;
    let mut rows = Vec::new();
    for station in 0..stations {
        let mut reported = DateTime::from_timestamp(1_700_000_000 + station * 17, 0).unwrap();
        for poll in 0..polls {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            reported +=
                TimeDelta::seconds(480 + 60 * (random >> 60) as i64 + (random >> 40) as i64 % 4);
            let at = DateTime::from_timestamp(1_700_000_000 + 600 * poll, 0).unwrap();
            let name = format!("station {station:03}");
            rows.push(StationStatusDaily {
                last_reported: Some(reported),
                ..row(poll as u32, &name, at)
            });
        }
    }
    let bytes = StationStatusDaily::encode(&rows, &Metadata::new()).unwrap();
    let of_each = bytes.len() as f64 / rows.len() as f64;
    assert!(of_each < 1.4, "{of_each} bytes a row");
}
