//! What the numbers mean, on days small enough to work out by hand.

use crate::support::{
    BASTILLE, City, NATION, OPERA, bikes_of, hex, information, minutes, status, vehicle,
};
use chrono::{TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use hotspots_data::Derived;
use hotspots_data::table::{HotspotHour, StationInformation, StationStatus};
use hotspots_data::{DaySummary, Recorded, Resolution};
use hotspots_jobs::{DayOutcome, JobError};

const DATE: &str = "2026-02-10";

fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-12, "{a} is not {b}");
}

#[tokio::test]
async fn a_cell_has_the_time_weighted_sum_of_its_stations() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    city.information(start, &[("a", OPERA), ("b", OPERA), ("c", BASTILLE)]).await;
    city.poll(start, &[("a", 0, 20), ("b", 0, 0), ("c", 4, 16)]).await;
    city.poll(start + minutes(5), &[("a", 6, 0), ("b", 2, 0), ("c", 4, 16)]).await;
    city.poll(start + minutes(15), &[("a", 6, 14), ("c", 4, 16)]).await;
    city.aggregate().await;
    let (rows, day) = city.hotspots(DATE).await;
    // By hand. a: 5 min with 0, 10 with 6, 15 with 6 (the gap) = 150/30 = 5. b: 5 with 0, 10 with 2 =
    // 20/15. c: 4. Opéra empty 5 of 30 min; its docks 20 then 0 then 14: full 10 of 30 min.
    let opera = rows.iter().find(|row| row.hex_id == hex(OPERA)).unwrap();
    near(opera.bikes, 5.0 + 20.0 / 15.0);
    near(opera.empty_share, 5.0 / 30.0);
    near(opera.full_share.unwrap(), 10.0 / 30.0);
    near(opera.occupancy.unwrap(), (5.0 + 4.0 / 3.0) / 40.0);
    near(opera.coverage, 22.5 / 1440.0);
    assert_eq!((opera.rank, opera.weight, opera.stations), (1, 1.0, 2));
    near(rows[1].weight, 4.0 / (5.0 + 4.0 / 3.0));
    // Neither cell is the other's neighbour: the mean over seven cells.
    near(opera.smoothed_bikes, opera.bikes / 7.0);
    assert_eq!((day.polls, day.cadence_s, day.polls_expected), (3, Some(450.0), 192));
    near(day.coverage, 30.0 / 1440.0);
}

#[tokio::test]
async fn a_station_day_tells_shares_episodes_and_the_fullest_hour() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    city.information(start, &[("a", OPERA)]).await;
    let eight = 8 * 60;
    for (minute, bikes, docks) in [
        (eight - 10, 0, 20),
        (eight - 5, 0, 20),
        (eight, 3, 17),
        (eight + 5, 0, 0),
        (eight + 40, 0, 0),
        (eight + 50, 9, 11),
    ] {
        city.poll(start + minutes(minute), &[("a", bikes, docks)]).await;
    }
    city.aggregate().await;
    let row = &city.station_days(DATE).await[0];
    // By hand: empty 07:50–08:00, 08:05–08:20 (the gap ends it), 08:40–08:50: 10 + 15 + 10 minutes.
    assert_eq!((row.empty_episodes, row.empty_minutes, row.longest_empty_minutes), (3, 35.0, 15.0));
    assert_eq!((row.full_episodes, row.full_minutes, row.longest_full_minutes), (2, 25.0, 15.0));
    // Seen 10 + 5 + 15 + 10 + 15 minutes; bikes 3 × 5 + 9 × 15. In the hour of 8: (15 + 90)/40, in
    // that of 9: 45/5.
    near(row.bikes.unwrap(), 150.0 / 55.0);
    near(row.empty_share.unwrap(), 35.0 / 55.0);
    assert_eq!((row.bikes_0800, row.bikes_1800, row.peak_hour), (Some(3), None, Some(9)));
}

#[tokio::test]
async fn a_station_that_moves_during_the_day_is_in_each_place_for_its_time() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    city.information(start, &[("a", OPERA)]).await;
    city.information(start + minutes(20), &[("a", BASTILLE)]).await;
    for (minute, bikes, docks) in [(0, 0, 1), (10, 9, 0), (20, 9, 1)] {
        city.poll(start + minutes(minute), &[("a", bikes, docks)]).await;
    }
    // The day before is not moved by what happens on this one.
    city.poll(start - minutes(60), &[("a", 5, 5)]).await;
    city.aggregate().await;
    let (rows, day) = city.hotspots(DATE).await;
    // 20 of 35 minutes at the Opéra, 15 (the gap) at Bastille.
    near(bikes_of(&rows, OPERA), 9.0 * 10.0 / 35.0);
    near(bikes_of(&rows, BASTILLE), 9.0 * 15.0 / 35.0);
    // At the Opéra it had no bike for the first half and no dock for the second.
    for (place, share) in [(OPERA, 0.5), (BASTILLE, 0.0)] {
        let row = rows.iter().find(|row| row.hex_id == hex(place)).expect("a cell");
        near(row.empty_share, share);
        near(row.full_share.expect("docks"), share);
    }
    assert_eq!(day.stations, 1);
    near(bikes_of(&city.hotspots("2026-02-09").await.0, OPERA), 5.0);
    assert_eq!(city.station_days(DATE).await[0].hex_id_10, Some(hex(BASTILLE)));
}

#[tokio::test]
async fn days_of_23_and_25_hours_and_half_hour_zones_are_whole() {
    for (zone, date, hours) in [
        (Tz::Europe__Paris, "2026-03-29", 23),
        (Tz::Europe__Paris, "2026-10-25", 25),
        (Tz::America__Los_Angeles, "2026-03-08", 23),
        (Tz::America__Los_Angeles, "2026-11-01", 25),
        (Tz::Asia__Kolkata, "2026-10-25", 24),
        (Tz::Australia__Adelaide, "2026-10-04", 23),
    ] {
        let city = City::new(zone);
        let day = city.day(date);
        city.information(day.start(), &[("a", OPERA)]).await;
        let mut at = day.start();
        while at < day.end() {
            // As many bikes as the local clock shows hours.
            let hour = at.with_timezone(&zone).format("%H").to_string().parse().unwrap();
            city.poll(at, &[("a", hour, 1)]).await;
            at += minutes(15);
        }
        city.aggregate().await;
        let (rows, summary) = city.hotspots(date).await;
        near(summary.coverage, 1.0);
        assert_eq!(summary.polls, 4 * hours, "{zone} {date}");
        let by_hour: Vec<HotspotHour> = city.hours(date).await;
        assert_eq!(by_hour.len(), hours as usize, "{zone} {date}");
        assert!(by_hour.iter().all(|row| row.bikes == f64::from(row.hour) && row.coverage == 1.0));
        assert!(by_hour.windows(2).all(|two| two[0].hour_start < two[1].hour_start));
        let mean = by_hour.iter().map(|row| row.bikes).sum::<f64>() / f64::from(hours);
        assert!((rows[0].bikes - mean).abs() < 1e-12, "{zone} {date}");
        let station = &city.station_days(date).await[0];
        assert_eq!((station.bikes_0800, station.bikes_1800), (Some(8), Some(18)));
        assert_eq!(station.peak_hour, Some(23));
    }
}

#[tokio::test]
async fn the_last_poll_of_the_day_before_carries_in() {
    let city = City::new(Tz::Asia__Kolkata);
    let start = Utc.with_ymd_and_hms(2026, 2, 9, 18, 30, 0).unwrap();
    assert_eq!(city.day(DATE).start(), start);
    city.information(start, &[("a", OPERA)]).await;
    city.poll(start - minutes(5), &[("a", 8, 0)]).await;
    city.poll(start + minutes(5), &[("a", 2, 6)]).await;
    city.aggregate().await;
    // 5 minutes of 8 from yesterday's poll, 15 of 2.
    near(city.hotspots(DATE).await.0[0].bikes, (40.0 + 30.0) / 20.0);
    near(city.hotspots("2026-02-09").await.0[0].bikes, 8.0);
}

#[tokio::test]
async fn free_standing_bikes_join_their_cell_and_those_at_a_station_are_not_counted_twice() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    city.information(start, &[("a", OPERA)]).await;
    city.poll(start, &[("a", 0, 1)]).await;
    let free = |id: &str, place| vehicle(start, id, place);
    let mut docked = free("docked", OPERA);
    docked.station_id = Some("a".to_owned());
    let mut broken = free("broken", OPERA);
    broken.is_disabled = Some(true);
    let mut scooter = free("scooter", OPERA);
    scooter.form_factor = Some("scooter_standing".to_owned());
    let all = [free("1", OPERA), free("2", NATION), docked, broken, scooter];
    city.vehicles(start, &all).await;
    city.vehicles(start + minutes(10), &all[1..]).await;
    city.aggregate().await;
    let (rows, day) = city.hotspots(DATE).await;
    // Vehicles are seen for 25 minutes, the station for 15. Opéra: one free bike for 10 of 25.
    near(bikes_of(&rows, OPERA), 10.0 / 25.0);
    near(bikes_of(&rows, NATION), 1.0);
    let opera = rows.iter().find(|row| row.hex_id == hex(OPERA)).unwrap();
    let nation = rows.iter().find(|row| row.hex_id == hex(NATION)).unwrap();
    // The station is seen for 15 minutes, and in the last 5 of them there is no free bike either.
    near(opera.empty_share, 5.0 / 15.0);
    assert_eq!((opera.ebikes, opera.stations), (Some(0.4), 1));
    assert_eq!((nation.stations, nation.docks, nation.empty_share), (0, None, 0.0));
    near(nation.coverage, 25.0 / 1440.0);
    near(day.vehicles, 1.4);
    assert_eq!(day.vehicle_polls, 2);
}

#[tokio::test]
async fn a_system_without_stations_has_hotspots_too() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    city.vehicles(start, &[vehicle(start, "1", OPERA), vehicle(start, "2", OPERA)]).await;
    city.aggregate().await;
    let (rows, day) = city.hotspots(DATE).await;
    assert_eq!((rows.len(), rows[0].bikes, rows[0].weight, day.stations), (1, 2.0, 1.0, 0));
}

#[tokio::test]
async fn the_baseline_is_the_median_of_the_same_weekday_in_the_weeks_before() {
    let city = City::new(Tz::Europe__Paris);
    for (date, bikes) in
        [("2026-01-20", 3), ("2026-01-27", 10), ("2026-02-03", 4), ("2026-02-09", 50), (DATE, 6)]
    {
        let start = city.day(date).start();
        city.information(start, &[("a", OPERA)]).await;
        city.poll(start, &[("a", bikes, 1)]).await;
    }
    city.aggregate().await;
    let row = &city.hotspots(DATE).await.0[0];
    // The median of 3, 10 and 4; the day before is another weekday.
    assert_eq!((row.baseline_bikes, row.baseline_days), (Some(4.0), 3));
    assert_eq!(row.baseline_difference, Some(2.0));
    // A late poll changes one week, and with it the baselines that look at it and nothing else.
    let earlier = city.day("2026-02-03").start();
    city.poll(earlier + minutes(5), &[("a", 40, 1)]).await;
    let redone: Vec<String> = written(&city.aggregate().await);
    assert_eq!(redone, ["2026-02-03", DATE]);
    // (5 × 4 + 15 × 40) / 20 = 31: the median of 3, 10, 31.
    assert_eq!(city.hotspots(DATE).await.0[0].baseline_bikes, Some(10.0));
    assert!(written(&city.aggregate().await).is_empty());
}

fn written(reports: &[hotspots_jobs::DayReport]) -> Vec<String> {
    let is_written =
        |report: &&hotspots_jobs::DayReport| matches!(report.outcome, DayOutcome::Written(_));
    reports.iter().filter(is_written).map(|report| report.date.to_string()).collect()
}

#[tokio::test]
async fn a_day_is_done_again_exactly_when_its_inputs_change() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    city.information(start, &[("a", OPERA)]).await;
    city.poll(start, &[("a", 5, 1)]).await;
    let noon = "2026-02-10T11:00:00Z";
    assert_eq!(written(&city.aggregate_at(noon).await), [DATE]);
    assert!(city.hotspots(DATE).await.1.provisional);
    assert!(written(&city.aggregate_at(noon).await).is_empty());
    // The day is over; then a late poll comes in; then the information is corrected.
    assert_eq!(written(&city.aggregate().await), [DATE]);
    assert!(!city.hotspots(DATE).await.1.provisional);
    city.poll(start + minutes(5), &[("a", 7, 1)]).await;
    assert_eq!(written(&city.aggregate().await), [DATE]);
    city.information(start + minutes(1), &[("a", NATION)]).await;
    assert_eq!(written(&city.aggregate().await), [DATE]);
    assert!(written(&city.aggregate().await).is_empty());
}

#[tokio::test]
async fn a_bad_object_fails_its_day_by_name_and_the_others_are_done() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    city.information(start - TimeDelta::days(1), &[("a", OPERA)]).await;
    city.poll(start - TimeDelta::days(1), &[("a", 5, 1)]).await;
    city.poll(start, &[("a", 5, 1)]).await;
    let bad = city.poll(start + minutes(5), &[("a", 7, 1)]).await;
    city.lake.replace(&bad, "PAR1 is not enough".into()).await.unwrap();
    let reports = city.aggregate().await;
    assert_eq!(written(&reports), ["2026-02-09"]);
    let DayOutcome::Failed(error @ JobError::Object { .. }) = &reports[1].outcome else {
        panic!("{reports:?}")
    };
    assert!(error.to_string().contains(&bad.to_string()), "{error}");
}

#[tokio::test]
async fn what_is_odd_is_reported_and_not_repaired() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    let place = |id: &str, lat: f64, lon: f64| information(start, id, lat, lon);
    let mut zero = place("zero", OPERA.0, OPERA.1);
    zero.capacity = Some(0);
    let mut limitless = place("limitless", OPERA.0, OPERA.1);
    limitless.capacity = Some(999);
    let mut nameless = place("no-capacity", OPERA.0, OPERA.1);
    nameless.capacity = None;
    let rows: Vec<StationInformation> = vec![
        zero,
        limitless,
        nameless,
        place("good", BASTILLE.0, BASTILLE.1),
        place("good", NATION.0, NATION.1),
        place("swapped", OPERA.1, OPERA.0),
        place("lyon", 45.76, 4.84),
        place("nowhere", 0.0, 0.0),
        place("silent", NATION.0, NATION.1),
    ];
    city.informations(start, &rows).await;
    for minute in (0..1440).step_by(15) {
        let at = start + minutes(minute);
        let mut polls: Vec<StationStatus> = vec![
            status(at, "zero", 1, 1),
            status(at, "limitless", i32::from(minute > 0), 999),
            status(at, "no-capacity", i32::from(minute > 0), 1),
            status(at, "good", 15 + i32::from(minute > 600) * 6, 3),
            status(at, "swapped", i32::from(minute > 0), 1),
            status(at, "lyon", i32::from(minute > 0), 1),
            status(at, "nowhere", i32::from(minute > 0), 1),
            status(at, "orphan", i32::from(minute > 0), 1),
            status(at, "orphan", 17, 1),
            status(at, "below", -1, 1),
        ];
        polls[9].is_installed = Some(minute > 0);
        city.statuses(at, &polls).await;
    }
    city.aggregate().await;
    let expected = [
        ("capacity_zero", "zero"),
        ("capacity_missing", "no-capacity"),
        ("capacity_placeholder", "limitless"),
        ("position_missing", "nowhere"),
        ("position_transposed", "swapped"),
        ("position_far_off", "lyon"),
        ("information_duplicate", "good"),
        ("status_duplicate", "orphan"),
        ("count_negative", "below"),
        ("bikes_above_capacity", "good"),
        ("frozen", "zero"),
        ("without_status", "silent"),
    ];
    for (check, station) in expected {
        assert_eq!(city.check(DATE, check).await, (1, Some(station.to_owned())), "{check}");
    }
    assert_eq!(city.check(DATE, "without_information").await.0, 2);
    assert_eq!(city.check(DATE, "not_installed").await.0, 0);
    let (rows, day) = city.hotspots(DATE).await;
    // The first of two rows counts; Lyon and the swapped station stay where the feed puts them.
    assert!((bikes_of(&rows, BASTILLE) - 18.5).abs() < 0.2);
    assert_eq!((day.stations, day.stations_without_position), (6, 1));
    assert_eq!((day.stations_without_information, day.stations_without_status), (2, 1));
}

#[tokio::test]
async fn tables_of_one_state_of_a_day_say_so() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    city.information(start, &[("a", OPERA)]).await;
    city.poll(start, &[("a", 5, 1)]).await;
    city.aggregate().await;
    let mut summaries: Vec<DaySummary> = Vec::new();
    for resolution in Resolution::COARSER.into_iter().chain([Resolution::HOTSPOTS]) {
        summaries.push(
            city.table::<hotspots_data::table::Hotspot>(Derived::Hotspots(resolution), DATE)
                .await
                .1,
        );
        summaries
            .push(city.table::<HotspotHour>(Derived::HotspotsHourly(resolution), DATE).await.1);
    }
    summaries
        .push(city.table::<hotspots_data::table::StationDay>(Derived::StationDays, DATE).await.1);
    assert!(summaries.iter().all(|day| day.observations == summaries[0].observations));
    assert_eq!(
        summaries.iter().map(|day| day.resolution).collect::<Vec<_>>(),
        [Some(9), Some(9), Some(8), Some(8), Some(10), Some(10), None]
    );
    assert_eq!(city.lake.dates(Recorded::StationStatus, &City::system()).await.unwrap().len(), 1);
}
