//! Cells with free-standing bikes, with and without stations, on days small enough to work out by hand.

use crate::support::{BASTILLE, City, NATION, OPERA, hex, information, minutes, vehicle};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use hotspots_data::table::HotspotHour;

const DATE: &str = "2026-02-10";

/// Polls of vehicles a quarter of an hour apart, each with one bike there.
async fn shown(city: &City, from: DateTime<Utc>, polls: i64, place: (f64, f64)) {
    for poll in 0..polls {
        let at = from + minutes(15 * poll);
        city.vehicles(at, &[vehicle(at, "1", place)]).await;
    }
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-12, "{a} is not {b}");
}

#[tokio::test]
async fn an_hour_in_which_no_station_of_the_cell_is_seen_is_that_of_its_free_bikes() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    city.information(start, &[("a", OPERA)]).await;
    city.poll(start, &[("a", 5, 15)]).await;
    shown(&city, start + minutes(180), 1, OPERA).await;
    shown(&city, start + minutes(195), 3, NATION).await;
    city.aggregate().await;
    let rows: Vec<HotspotHour> = city.hours(DATE).await;
    let row = |hour| rows.iter().find(|row| (&row.hex_id, row.hour) == (&hex(OPERA), hour));
    // By hand: at midnight the station's 15 minutes with 5 bikes; from 3 to 4 one free bike for 15 of
    // 60 minutes.
    let midnight = row(0).expect("a row");
    assert_eq!((midnight.bikes, midnight.empty_share, midnight.stations), (5.0, 0.0, 1));
    let three = row(3).expect("a row");
    assert_eq!((three.bikes, three.empty_share, three.full_share), (0.25, 0.75, None));
    assert_eq!((three.stations, three.coverage), (0, 1.0));
    assert_eq!(rows.len(), 3, "Opéra at 0 and 3, Nation at 3: {rows:?}");
    // The day's shares are over the time in which the station is seen.
    let (rows, _) = city.hotspots(DATE).await;
    let opera = rows.iter().find(|row| row.hex_id == hex(OPERA)).expect("a cell");
    near(opera.bikes, 5.25);
    assert_eq!((opera.empty_share, opera.full_share), (0.0, Some(0.0)));
    near(opera.coverage, 15.0 / 1440.0);
}

#[tokio::test]
async fn a_cell_that_its_bikes_left_has_none_as_long_as_polls_look() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    shown(&city, start + minutes(180), 4, OPERA).await;
    shown(&city, start + minutes(240), 4, BASTILLE).await;
    city.aggregate().await;
    let found: Vec<_> = city
        .hours(DATE)
        .await
        .into_iter()
        .map(|row| (row.hour, row.hex_id, row.bikes, row.ebikes, row.empty_share, row.coverage))
        .collect();
    // By hand: from 3 to 4 the one bike stands at the Opéra, from 4 to 5 at Bastille, and then nobody
    // looks. It is electric: where there is none, there is no electric one.
    let there = |hour, place| (hour, hex(place), 1.0, Some(1.0), 0.0, 1.0);
    let gone = |hour, place| (hour, hex(place), 0.0, Some(0.0), 1.0, 1.0);
    let mut expected = vec![there(3, OPERA), gone(3, BASTILLE), gone(4, OPERA), there(4, BASTILLE)];
    expected.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    assert_eq!(found, expected);
    // The hours' mean is the day's.
    let (rows, _) = city.hotspots(DATE).await;
    assert_eq!(
        rows.iter().map(|row| (row.bikes, row.empty_share)).collect::<Vec<_>>(),
        [(0.5, 0.5); 2]
    );
}

#[tokio::test]
async fn a_day_of_vehicles_alone_tells_of_its_polls_and_of_the_stations_it_knows() {
    let city = City::new(Tz::Europe__Paris);
    let day = city.day(DATE);
    city.informations(day.start(), &[information(day.start(), "hub", BASTILLE.0, BASTILLE.1)])
        .await;
    shown(&city, day.start(), 96, OPERA).await;
    city.aggregate().await;
    let (_, summary) = city.hotspots(DATE).await;
    assert_eq!((summary.coverage, summary.longest_unobserved_s), (1.0, 0.0));
    assert_eq!(summary.first_poll.map(|poll| poll.0), Some(day.start()));
    assert_eq!(summary.last_poll.map(|poll| poll.0), Some(day.end() - minutes(15)));
    assert_eq!((summary.vehicle_polls, summary.polls, summary.polls_expected), (96, 0, 0));
    assert_eq!((summary.stations, summary.stations_without_status), (0, 1));
    let rows = city.station_days(DATE).await;
    let found: Vec<_> = rows.iter().map(|row| (row.station_id.as_str(), row.capacity)).collect();
    assert_eq!(found, [("hub", Some(20))]);
    assert_eq!((rows[0].bikes, rows[0].coverage), (None, 0.0));
    assert_eq!(rows[0].hex_id_10, Some(hex(BASTILLE)));
    assert_eq!(city.check(DATE, "without_status").await, (1, Some("hub".to_owned())));
}

#[tokio::test]
async fn time_is_unobserved_only_where_neither_stations_nor_vehicles_are_seen() {
    let city = City::new(Tz::Europe__Paris);
    let start = city.day(DATE).start();
    city.information(start, &[("a", OPERA)]).await;
    city.poll(start, &[("a", 1, 1)]).await;
    shown(&city, start + minutes(600), 2, OPERA).await;
    city.poll(start + minutes(620), &[("a", 1, 1)]).await;
    city.aggregate().await;
    let (_, summary) = city.hotspots(DATE).await;
    // By hand: seen 00:00–00:15 and 10:00–10:35, so not for the 13 hours and 25 minutes after that.
    assert_eq!(summary.longest_unobserved_s, 805.0 * 60.0);
    near(summary.coverage, 50.0 / 1440.0);
    assert_eq!(summary.first_poll.map(|poll| poll.0), Some(start));
    assert_eq!(summary.last_poll.map(|poll| poll.0), Some(start + minutes(620)));
    shown(&city, start + minutes(1425), 1, OPERA).await;
    city.aggregate().await;
    let (_, summary) = city.hotspots(DATE).await;
    assert_eq!(summary.last_poll.map(|poll| poll.0), Some(start + minutes(1425)));
}
