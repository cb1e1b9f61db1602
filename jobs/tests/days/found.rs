//! What `verify` finds beside flipped bits, and that its advice helps.

use chrono::TimeDelta;
use chrono_tz::Tz;
use hotspots_data::table::{QualityCheck, StationDay};
use hotspots_data::{Derived, Key, Recorded, Resolution, parse_date};
use hotspots_jobs::{DayOutcome, JobError, Options, Selection, VerifyReport, aggregate, verify};

use crate::support::{BASTILLE, City, NATION, OPERA, minutes};

const DATES: [&str; 2] = ["2026-02-10", "2026-02-11"];
const LATER: &str = "2040-01-01T00:00:00Z";

/// Two days of two stations, the second of which carries the first one's last poll in.
async fn city() -> City {
    let city = City::new(Tz::Europe__Paris);
    city.information(city.day(DATES[0]).start(), &[("a", OPERA), ("b", BASTILLE)]).await;
    for date in DATES {
        for poll in [0, 10, 20, 24 * 60 - 5] {
            let bikes = i32::try_from(poll % 7).unwrap();
            city.poll(city.day(date).start() + minutes(poll), &[("a", bikes, 1), ("b", 2, 3)])
                .await;
        }
    }
    city
}

async fn compute(city: &City, resolutions: &str, now: &str) -> usize {
    let options = Options { resolutions: resolutions.parse().unwrap(), ..Options::default() };
    let (all, now) = (Selection::default(), now.parse().unwrap());
    let reports = aggregate(&city.lake, &all, options, now, |_, _| {}).await.unwrap();
    reports.iter().filter(|day| matches!(day.outcome, DayOutcome::Written(_))).count()
}

async fn reports(city: &City, selection: &Selection, now: &str) -> Vec<VerifyReport> {
    verify(&city.lake, selection, now.parse().unwrap(), |_| {}).await.unwrap()
}

async fn faults(city: &City, selection: &Selection) -> Vec<(String, String)> {
    let reports = reports(city, selection, LATER).await;
    let faults = reports.into_iter().flat_map(|report| report.faults);
    faults.map(|fault| (fault.key, fault.what)).collect()
}

fn table(table: Derived, date: &str) -> Key {
    table.key(&City::system(), parse_date(date).unwrap())
}

fn others() -> [Derived; 3] {
    let finest = Resolution::HOTSPOTS;
    [Derived::StationDays, Derived::Quality, Derived::HotspotsHourly(finest)]
}

#[tokio::test]
async fn a_day_that_lacks_a_table_or_has_one_of_another_state_is_done_again() {
    let (city, all) = (city().await, Selection::default());
    assert_eq!(compute(&city, "8,9,10", LATER).await, 2);
    for kind in others() {
        let (key, other) = (table(kind, DATES[0]), table(kind, DATES[1]));
        city.lake.delete(&key).await.unwrap();
        let found = faults(&city, &all).await;
        assert!(found.len() == 1 && found[0].0 == key.to_string(), "{found:?}");
        assert!(found[0].1.contains("missing"), "{found:?}");
        assert_eq!(compute(&city, "8,9,10", LATER).await, 1, "{key}");
        assert_eq!(faults(&city, &all).await, []);

        let of_other = city.lake.get(&other).await.unwrap().bytes;
        city.lake.replace(&key, of_other).await.unwrap();
        assert_eq!(faults(&city, &all).await[0].0, key.to_string());
        assert_eq!(compute(&city, "8,9,10", LATER).await, 1, "{key} of another day");
        assert_eq!(faults(&city, &all).await, []);
        assert_eq!(compute(&city, "8,9,10", LATER).await, 0);
    }
}

#[tokio::test]
async fn tables_of_stations_are_the_same_whatever_resolutions_are_computed_beside_them() {
    let city = city().await;
    let mut seen = Vec::new();
    for resolutions in ["8,9,10", "7", "12"] {
        compute(&city, resolutions, LATER).await;
        let days = city.table::<StationDay>(Derived::StationDays, DATES[0]).await;
        let checks = city.table::<QualityCheck>(Derived::Quality, DATES[0]).await;
        assert_eq!((days.1.resolution, days.1.gi_rings), (None, None));
        assert_eq!(days.1.inputs, days.1.observations);
        let mut bytes = Vec::new();
        for kind in [Derived::StationDays, Derived::Quality] {
            bytes.push(city.lake.get(&table(kind, DATES[0])).await.unwrap().bytes);
        }
        seen.push((bytes, days, checks));
        assert_eq!(faults(&city, &Selection::default()).await, [], "{resolutions}");
    }
    assert!(seen.iter().all(|tables| *tables == seen[0]));
}

#[tokio::test]
async fn a_resolution_computed_once_is_brought_up_to_date_with_the_others() {
    let city = city().await;
    compute(&city, "12", LATER).await;
    let finest: Resolution = "12".parse().unwrap();
    city.poll(city.day(DATES[0]).start() + minutes(5), &[("a", 9, 1)]).await;
    let found = faults(&city, &Selection::default()).await;
    let stale = found.iter().filter(|(_, what)| what.contains("run `hotspots aggregate`"));
    assert_eq!(stale.count(), 6, "hotspots and hours at two resolutions, and two more: {found:?}");
    assert_eq!(compute(&city, "8,9,10", LATER).await, 1 + 1, "8 and 9 are new of the other day");
    assert_eq!(faults(&city, &Selection::default()).await, []);
    city.lake.delete(&table(Derived::Hotspots(finest), DATES[0])).await.unwrap();
    assert_eq!(faults(&city, &Selection::default()).await.len(), 1);
    compute(&city, "8,9,10", LATER).await;
    assert_eq!(faults(&city, &Selection::default()).await, []);
}

#[tokio::test]
async fn tables_without_any_hotspots_are_missing_theirs() {
    let city = city().await;
    compute(&city, "10", LATER).await;
    let hotspots = table(Derived::DAYS, DATES[0]);
    city.lake.delete(&hotspots).await.unwrap();
    let found = faults(&city, &Selection::default()).await;
    assert!(
        found.iter().any(|(key, what)| *key == hotspots.to_string() && what.contains("missing"))
    );
}

#[tokio::test]
async fn what_the_days_asked_for_are_computed_from_is_named_wherever_it_lies() {
    let city = city().await;
    compute(&city, "10", LATER).await;
    let (system, date) = (City::system(), parse_date(DATES[0]).unwrap());
    let polls = city.lake.list_day(Recorded::StationStatus, &system, date).await;
    let carried = polls.unwrap().pop().unwrap();
    city.lake.replace(&carried, "PAR1".into()).await.unwrap();
    let second = Selection { from: Some(parse_date(DATES[1]).unwrap()), ..Selection::default() };
    let found = faults(&city, &second).await;
    assert!(found.len() == 1 && found[0].0 == carried.to_string(), "{found:?}");
    let found = faults(&city, &Selection::default()).await;
    assert_eq!(found.len(), 1, "named once: {found:?}");
}

#[tokio::test]
async fn a_poll_copied_under_another_time_or_date_is_not_taken_for_one() {
    let city = city().await;
    let (system, date) = (City::system(), parse_date(DATES[0]).unwrap());
    let polls = Recorded::StationStatus;
    let original = city.lake.list_day(polls, &system, date).await.unwrap().remove(0);
    let bytes = city.lake.get(&original).await.unwrap().bytes;
    let Key::Recorded { stamp, hash, .. } = original else { panic!("a poll") };
    for copy in [
        polls.key(&system, date, stamp + TimeDelta::seconds(1), hash),
        polls.key(&system, parse_date(DATES[1]).unwrap(), stamp, hash),
    ] {
        city.lake.put_new(&copy, bytes.clone()).await.unwrap();
        let found = faults(&city, &Selection::default()).await;
        assert!(found.len() == 1 && found[0].0 == copy.to_string(), "{found:?}");
        city.lake.delete(&copy).await.unwrap();
    }
}

#[tokio::test]
async fn a_system_that_is_not_there_is_an_error_that_names_those_that_are() {
    let city = city().await;
    let other = Selection { system: Some("velib".parse().unwrap()), ..Selection::default() };
    let error = verify(&city.lake, &other, LATER.parse().unwrap(), |_| {}).await.unwrap_err();
    assert!(matches!(error, JobError::NoSuchSystem { .. }));
    assert_eq!(error.to_string(), "the lake has no system `velib`: it has city");
}

#[tokio::test]
async fn tables_of_a_day_that_is_not_over_may_lack_its_last_polls() {
    let city = city().await;
    let noon = "2026-02-11T12:00:00Z";
    compute(&city, "10", noon).await;
    city.poll(noon.parse().unwrap(), &[("a", 3, 3), ("c", 1, 1)]).await;
    city.information(city.day(DATES[1]).start() + minutes(30), &[("a", NATION)]).await;
    let today = reports(&city, &Selection::default(), noon).await;
    assert!(today.iter().all(|day| day.faults.is_empty()), "{today:?}");
    let provisional: Vec<usize> = today.iter().map(|day| day.provisional).collect();
    assert_eq!(provisional, [0, 4]);
    assert_eq!(
        faults(&city, &Selection::default()).await.len(),
        4,
        "of a day that is over they are faults"
    );
}
