//! Polls read one after another hold what each of them holds alone, and damage is refused.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use chrono::DateTime;
use hotspots_data::Successive;
use hotspots_data::codec::{self, CodecError, Layout, Metadata};
use hotspots_data::table::{Row as _, StationStatus, StationStatusDaily};
use hotspots_data::{Groups, Room};

const COLUMNS: [&str; 4] =
    ["station_id", "num_bikes_available", "num_docks_available", "is_installed"];

/// Stations with bikes and free docks, `None` where not told.
fn rows(stations: &[(&str, Option<i32>, Option<i32>)]) -> Vec<StationStatus> {
    let row = |&(id, bikes, docks): &(&str, Option<i32>, Option<i32>)| StationStatus {
        observed_at: DateTime::UNIX_EPOCH,
        fetched_at: DateTime::UNIX_EPOCH,
        last_updated: None,
        station_id: id.to_owned(),
        station_code: None,
        num_bikes_available: bikes,
        num_ebikes_available: None,
        num_mechanical_available: None,
        num_bikes_disabled: None,
        num_docks_available: docks,
        num_docks_disabled: None,
        is_installed: Some(true),
        is_renting: None,
        is_returning: None,
        last_reported: None,
        extra: None,
    };
    stations.iter().map(row).collect()
}

fn alone(bytes: bytes::Bytes) -> RecordBatch {
    codec::decode(&StationStatus::schema_of(&COLUMNS), bytes).expect("a poll").0
}

#[test]
fn a_poll_reads_the_same_after_others_whichever_columns_changed_and_however_it_is_packed() {
    let days = [
        rows(&[("a", Some(1), Some(9)), ("b", Some(2), None)]),
        rows(&[("a", Some(1), Some(9)), ("b", Some(2), None)]),
        rows(&[("a", Some(1), None), ("b", Some(2), Some(9))]),
        rows(&[("a", None, None), ("c", Some(2), Some(9))]),
        rows(&[("a", None, None), ("c", Some(2), Some(9)), ("d", Some(2), Some(9))]),
        rows(&[("b", Some(2), Some(9))]),
        rows(&[]),
        rows(&[("b", Some(2), Some(9))]),
    ];
    let mut successive = Successive::new::<StationStatus>(&COLUMNS).unwrap();
    for rows in &days {
        // As it is written now, and compressed in every column as it was before.
        for layout in [Layout::Small, Layout::Described, Layout::Small] {
            let batch = StationStatus::to_batch(rows);
            let bytes =
                codec::encode(StationStatus::TABLE, layout, &batch, &Metadata::new()).unwrap();
            let read = successive.decode(bytes.clone()).unwrap();
            assert_eq!(read, alone(bytes));
            assert_eq!(read.num_rows(), rows.len());
        }
    }
}

#[test]
fn a_column_that_only_some_polls_have_is_null_in_the_others() {
    let whole = StationStatus::to_batch(&rows(&[("a", Some(1), Some(9))]));
    let without_docks = whole.project(&[0, 1, 3, 5, 11]).unwrap();
    let mut successive = Successive::new::<StationStatus>(&COLUMNS).unwrap();
    let mut docks_nulls = Vec::new();
    for batch in [&whole, &without_docks, &whole] {
        let bytes =
            codec::encode(StationStatus::TABLE, Layout::Small, batch, &Metadata::new()).unwrap();
        let read = successive.decode(bytes).unwrap();
        docks_nulls.push(read.column(2).null_count());
    }
    assert_eq!(docks_nulls, [0, 1, 0]);
}

#[test]
fn damaged_bytes_are_refused_and_the_next_poll_is_read() {
    let batch = StationStatus::to_batch(&rows(&[("a", Some(1), Some(9))]));
    let bytes =
        codec::encode(StationStatus::TABLE, Layout::Small, &batch, &Metadata::new()).unwrap();
    let mut successive = Successive::new::<StationStatus>(&COLUMNS).unwrap();
    assert!(successive.decode(bytes.slice(..bytes.len() / 2)).is_err());
    // The end of the file without its beginning: the footer points outside.
    assert!(successive.decode(bytes.slice(bytes.len() / 2..)).is_err());
    assert_eq!(successive.decode(bytes.clone()).unwrap(), alone(bytes));
}

#[test]
fn whatever_byte_is_damaged_the_poll_is_refused_or_read_and_the_next_one_is_right() {
    let stations = [("a", Some(1), Some(9)), ("b", None, Some(0)), ("c", Some(7), None)];
    let batch = StationStatus::to_batch(&rows(&stations));
    let bytes =
        codec::encode(StationStatus::TABLE, Layout::Small, &batch, &Metadata::new()).unwrap();
    let mut successive = Successive::new::<StationStatus>(&COLUMNS).unwrap();
    let mut refused = 0;
    for at in (0..bytes.len()).step_by(3) {
        let mut damaged = bytes.to_vec();
        damaged[at] ^= 0x55;
        // The Parquet reader panics at some of these bytes: that is caught, and told as an error.
        let damaged = bytes::Bytes::from(damaged);
        let _ = codec::decode(&StationStatus::schema(), damaged.clone());
        let _ = codec::read_metadata(damaged.clone());
        refused += usize::from(successive.decode(damaged).is_err());
        assert_eq!(successive.decode(bytes.clone()).unwrap(), alone(bytes.clone()));
    }
    assert!(refused > 0);
}

#[test]
fn whatever_byte_of_a_compacted_day_is_damaged_reading_it_ends() {
    let stations = [("a", Some(1), Some(9)), ("b", None, Some(0)), ("c", Some(7), None)];
    let polls = StationStatus::to_batch(&rows(&stations));
    let numbers: ArrayRef = Arc::new(UInt32Array::from(vec![0, 1, 2]));
    let mut columns = vec![Arc::clone(&numbers), numbers];
    columns.extend(polls.columns().iter().map(Arc::clone));
    let schema = StationStatusDaily::schema();
    let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
    let bytes = codec::encode(StationStatusDaily::TABLE, Layout::Compact, &batch, &Metadata::new())
        .unwrap();
    let read = |bytes: bytes::Bytes| {
        let groups = Groups::open(&schema, &["station_id"], bytes)?;
        let rows = (0..groups.len()).map(|group| {
            groups.texts(group, "station_id")?;
            let columns = ["poll", "num_bikes_available", "num_docks_disabled", "is_installed"];
            for mut column in groups.steps(group, columns, &mut Room::default())? {
                column.read(&mut [0; 5]);
            }
            groups
                .read(group)?
                .map(|batch| Ok(batch?.num_rows()))
                .sum::<Result<usize, CodecError>>()
        });
        rows.sum::<Result<usize, CodecError>>()
    };
    assert_eq!(read(bytes.clone()).unwrap(), 3);
    let mut refused = 0;
    for at in (0..bytes.len()).step_by(3) {
        let mut damaged = bytes.to_vec();
        damaged[at] ^= 0x55;
        refused += usize::from(read(damaged.into()).is_err());
    }
    assert!(refused > 0);
}
