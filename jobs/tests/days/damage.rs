//! Whatever happens to the bytes of a compacted day or of a computed table, `verify` names it, or nothing
//! that it says is another.

use chrono::TimeDelta;
use chrono_tz::Tz;
use hotspots_data::codec::{Metadata, POLLS, TIME_ZONE};
use hotspots_data::table::{Row, StationStatus, StationStatusDaily};
use hotspots_data::{Derived, Key, Resolution, parse_date};
use hotspots_jobs::{Fault, Options, Selection, VerifyReport, aggregate, compact, verify};

use crate::support::{BASTILLE, City, NATION, OPERA, minutes, status};

const DATES: [&str; 2] = ["2026-02-10", "2026-02-11"];

/// Two days of three stations, of which the first is what is packed, computed and damaged.
async fn city() -> City {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATES[0]).start();
    city.information(start, &[("a", OPERA), ("b", BASTILLE), ("c", NATION)]).await;
    for (date, polls) in DATES.into_iter().zip([6, 2]) {
        for poll in 0..polls {
            let at = city.day(date).start()
                + minutes(10 * i64::from(poll))
                + TimeDelta::milliseconds(250);
            let row = |(id, bikes): (&str, i32)| StationStatus {
                fetched_at: at + TimeDelta::milliseconds(300 + i64::from(poll)),
                extra: (poll == 3).then(|| "{\"b\":1}".to_owned()),
                ..status(at, id, bikes, 9 - bikes)
            };
            let rows = [("a", poll * 7 % 5), ("b", poll % 3), ("c", 3)].map(row);
            city.statuses(at, &rows).await;
        }
    }
    city
}

fn first() -> Selection {
    Selection { to: Some(parse_date(DATES[0]).unwrap()), ..Selection::default() }
}

async fn compute(city: &City, now: &str) {
    let (options, now) = (Options::default(), now.parse().unwrap());
    aggregate(&city.lake, &first(), options, now, |_, _| {}).await.unwrap();
}

async fn pack(city: &City) {
    let at_once = Some(TimeDelta::zero());
    let now = "2040-01-01T00:00:00Z".parse().unwrap();
    for report in compact(&city.lake, &first(), at_once, now, |_| {}).await.unwrap() {
        report.outcome.unwrap();
    }
}

async fn verified(city: &City, now: &str) -> Vec<VerifyReport> {
    verify(&city.lake, &Selection::default(), now.parse().unwrap(), |_| {}).await.unwrap()
}

async fn faults(city: &City) -> Vec<Fault> {
    let reports = verified(city, "2040-01-01T00:00:00Z").await;
    assert_eq!(reports.len(), DATES.len(), "every day is read");
    assert!(reports[1].faults.is_empty(), "{reports:?}");
    reports.into_iter().flat_map(|report| report.faults).collect()
}

fn daily() -> Key {
    Derived::StationStatusDaily.key(&City::system(), parse_date(DATES[0]).unwrap())
}

/// What a compacted day says: its rows in order, and of its metadata what is read.
fn said(bytes: Vec<u8>) -> Option<(Vec<StationStatusDaily>, [Option<String>; 2])> {
    let (rows, metadata): (_, Metadata) = StationStatusDaily::decode(bytes.into()).ok()?;
    Some((rows, [POLLS, TIME_ZONE].map(|entry| metadata.get(entry).cloned())))
}

/// Flips a bit of every `step`th byte; gives how many flips there were and the bytes after those of which
/// `verify` says nothing.
async fn flips(city: &City, key: &Key, step: usize) -> (usize, Vec<Vec<u8>>) {
    let good = city.lake.get(key).await.unwrap().bytes.to_vec();
    let mut silent = Vec::new();
    let places: Vec<usize> = (0..good.len()).step_by(step).collect();
    for &at in &places {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        city.lake.replace(key, bytes.clone().into()).await.unwrap();
        match faults(city).await.as_slice() {
            [] => silent.push(bytes),
            faults => {
                let path = key.to_string();
                assert!(faults.iter().any(|fault| fault.key == path), "{at}: {faults:?}");
            }
        }
    }
    city.lake.replace(key, good.into()).await.unwrap();
    (places.len(), silent)
}

#[tokio::test]
async fn a_flipped_bit_of_a_compacted_day_is_named_or_changes_nothing() {
    let city = city().await;
    pack(&city).await;
    assert_eq!(faults(&city).await, []);
    let good = said(city.lake.get(&daily()).await.unwrap().bytes.to_vec());
    let (flips, silent) = flips(&city, &daily(), 3).await;
    assert!(flips > 700, "{flips} flips");
    for bytes in &silent {
        assert_eq!(said(bytes.clone()), good);
    }
    assert_eq!(silent.len(), 0, "of {flips} flips");
    assert_eq!(faults(&city).await, []);
}

#[tokio::test]
async fn a_flipped_bit_of_a_computed_table_is_named() {
    let city = city().await;
    compute(&city, "2040-01-01T00:00:00Z").await;
    let finest = Resolution::HOTSPOTS;
    for table in [
        Derived::Hotspots(finest),
        Derived::HotspotsHourly(finest),
        Derived::StationDays,
        Derived::Quality,
    ] {
        let key = table.key(&City::system(), parse_date(DATES[0]).unwrap());
        let (flips, silent) = flips(&city, &key, 211).await;
        assert!(flips > 10 && silent.is_empty(), "{} of {flips}, {key}", silent.len());
    }
}
