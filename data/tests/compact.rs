//! A compacted day holds what was put into it, whatever that is, in little room.

use chrono::{DateTime, TimeDelta, Utc};
use hotspots_data::codec::{self, CodecError, Layout, Metadata};
use hotspots_data::table::{Row as _, StationStatusDaily};
use hotspots_data::{Groups, NULL, Room};
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
        row.num_docks_available = Some(count.unwrap_or_default() as i32);
        row.is_installed = Some(poll % 3 > 0);
        row.is_renting = (poll % 5 > 0).then_some(poll % 2 > 0);
        row.last_reported = clock.and_then(DateTime::from_timestamp_millis);
        row.observed_at = row.last_reported.unwrap_or_default();
        vec![row; times]
    });
    prop::collection::vec(one, 0..12).prop_map(|parts| parts.concat())
}

/// Numbers and flags of a row, as steps add up to them.
fn numbers(row: &StationStatusDaily) -> [i32; 6] {
    let flag = |flag: Option<bool>| flag.map_or(NULL, i32::from);
    [
        row.poll as i32,
        row.num_bikes_available.unwrap_or(NULL),
        row.num_ebikes_available.unwrap_or(NULL),
        row.num_docks_available.unwrap_or(NULL),
        flag(row.is_installed),
        flag(row.is_renting),
    ]
}

/// The numbers and flags of a row group's rows, added up from their steps, so many rows at a time.
fn added_up(groups: &Groups, group: usize, at_once: usize) -> Result<Vec<[i32; 6]>, CodecError> {
    let (bikes, docks) = ("num_bikes_available", "num_docks_available");
    let columns = ["poll", bikes, "num_ebikes_available", docks, "is_installed", "is_renting"];
    let mut rows = vec![[0; 6]; groups.rows(group)];
    let mut room = Room::default();
    for (index, mut column) in groups.steps(group, columns, &mut room)?.into_iter().enumerate() {
        let mut number = 0_i32;
        let mut steps = vec![0; at_once];
        for rows in rows.chunks_mut(at_once) {
            column.read(&mut steps[..rows.len()]);
            for (row, step) in rows.iter_mut().zip(&steps) {
                number = number.wrapping_add(*step);
                row[index] = number;
            }
        }
    }
    Ok(rows)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_number_comes_back(first in rows(), second in rows(), at_once in 1..3_000_usize) {
        let batches = [&first, &second].map(|rows| Ok(StationStatusDaily::to_batch(rows)));
        let (table, schema) = (StationStatusDaily::TABLE, StationStatusDaily::schema());
        let layout = StationStatusDaily::LAYOUT;
        let bytes = codec::encode_batches(table, layout, &schema, batches, &Metadata::new()).unwrap();
        let groups = Groups::open(&schema, &[], bytes.clone()).unwrap();
        for (group, rows) in [&first, &second].into_iter().enumerate() {
            let read = groups.read(group).unwrap().flat_map(|batch| StationStatusDaily::from_batch(&batch.unwrap()).unwrap());
            prop_assert_eq!(&read.collect::<Vec<_>>(), rows);
            let expected: Vec<_> = rows.iter().map(numbers).collect();
            prop_assert_eq!(added_up(&groups, group, at_once).unwrap(), expected);
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

#[test]
fn what_changes_from_row_to_row_is_read_however_a_file_is_written() {
    let rows = [(5, Some(true)), (6, Some(true)), (7, Some(false)), (9, None), (9, Some(true))]
        .map(|(poll, is_renting)| StationStatusDaily {
            num_bikes_available: (poll != 6).then_some(2 * poll as i32),
            is_renting,
            ..row(poll, "station", DateTime::UNIX_EPOCH)
        });
    let batch = StationStatusDaily::to_batch(&rows);
    let (table, none) = (StationStatusDaily::TABLE, Metadata::new());
    for layout in [Layout::Compact, Layout::Described, Layout::Long, Layout::Small] {
        let bytes = codec::encode(table, layout, &batch, &none).unwrap();
        let groups = Groups::open(&StationStatusDaily::schema(), &["station_id"], bytes).unwrap();
        assert_eq!(added_up(&groups, 0, 2).unwrap(), rows.each_ref().map(numbers), "{layout:?}");
        let mut room = Room::default();
        let [mut polls, mut bikes, mut renting] =
            groups.steps(0, ["poll", "num_bikes_available", "is_renting"], &mut room).unwrap();
        let mut steps = [9; 6];
        polls.read(&mut steps);
        assert_eq!(steps, [5, 1, 1, 2, 0, 0]);
        bikes.read(&mut steps);
        // By hand: 10, null, 14, 18, 18, and nothing more.
        assert_eq!(steps, [10, NULL.wrapping_sub(10), 14_i32.wrapping_sub(NULL), 4, 0, 0]);
        renting.read(&mut steps);
        assert_eq!(steps, [1, 0, -1, NULL, 1_i32.wrapping_sub(NULL), 0]);
        assert_eq!(groups.texts(0, "station_id").unwrap(), [(0, "station".to_owned())]);
        assert!(matches!(
            groups.steps(0, ["observed_at"], &mut room),
            Err(CodecError::WrongType { .. })
        ));
        assert!(matches!(
            groups.steps(0, ["nothing"], &mut room),
            Err(CodecError::MissingColumn(_))
        ));
    }
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
