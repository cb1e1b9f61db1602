//! A day's hours: all of them, whatever was seen, with the same weights in every format.

use hotspots_data::{Resolution, parse_date};
use serde_json::Value;

use crate::support::http::{Response, get};
use crate::support::{Fixture, Serving, TestLake, hotspots, wait};

const DAY: &str = "2026-06-01";

fn served(fixture: &Fixture, days: &[&str]) -> (TestLake, Serving) {
    let lake = TestLake::new();
    wait(async {
        for day in days {
            let date = parse_date(day).expect("a date");
            fixture.write(&lake.open(), date).await.expect("written");
        }
    });
    let serving = Serving::start(hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]));
    (lake, serving)
}

fn rows(response: &Response, are: &str) -> Vec<Value> {
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    response.json()[are].as_array().expect("rows").clone()
}

/// The columns of a CSV answer, by name, as text.
fn csv(response: &Response, names: &[&str]) -> Vec<Vec<String>> {
    assert_eq!(response.status, 200);
    let text = String::from_utf8(response.body.clone()).expect("text");
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let at: Vec<usize> = names
        .iter()
        .map(|name| head.iter().position(|column| column == name).expect("the column"))
        .collect();
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            at.iter().map(|&at| fields[at].to_owned()).collect()
        })
        .collect()
}

#[test]
fn a_day_of_hours_comes_in_one_answer_of_23_24_or_25() {
    let days = ["2026-03-29", "2026-06-01", "2026-10-25"];
    let (_lake, serving) = served(&Fixture::of("velib", 9), &days);
    for (day, hours) in days.iter().zip([23, 24, 25]) {
        let response = get(serving.address(), &format!("/hotspots/{day}/hours"));
        let document = response.json();
        assert_eq!(document["hours"].as_array().unwrap().len(), hours, "{day}");
        assert_eq!(document["hex_id"].as_array().unwrap().len(), 9);
        let max = document["max"].as_f64().unwrap();
        let values = document["values"].as_array().unwrap();
        let flat: Vec<f64> =
            values.iter().flat_map(|of| of.as_array().unwrap()).filter_map(Value::as_f64).collect();
        assert_eq!(flat.len(), 9 * hours);
        assert_eq!(flat.iter().copied().fold(0.0, f64::max).to_bits(), max.to_bits());

        // The hour on its own has the same values, and weights that compare between hours.
        let at = document["hours"].as_array().unwrap().iter().position(|h| h["hour"] == 8).unwrap();
        let eight = get(serving.address(), &format!("/hotspots/{day}?hour=8"));
        for row in rows(&eight, "hotspots") {
            let cells = document["hex_id"].as_array().unwrap();
            let cell = cells.iter().position(|id| *id == row["hex_id"]).unwrap();
            assert_eq!(row["bikes"], values[cell][at]);
            let weight = row["bikes"].as_f64().unwrap() / max;
            assert!((row["weight"].as_f64().unwrap() - weight).abs() < 1e-6);
        }
    }
    // The hour that occurs twice gives two rows a cell, told apart by when they begin.
    let twice = get(serving.address(), "/hotspots/2026-10-25?hour=2");
    assert_eq!(rows(&twice, "hotspots").len(), 18);
    let none = get(serving.address(), "/hotspots/2026-03-29?hour=2");
    assert_eq!(rows(&none, "hotspots").len(), 0);
}

#[test]
fn an_hour_in_which_nothing_was_seen_is_listed_all_the_same() {
    let fixture = Fixture { unseen_hour: Some(5), ..Fixture::of("velib", 4) };
    let (_lake, serving) = served(&fixture, &[DAY]);
    let document = get(serving.address(), &format!("/hotspots/{DAY}/hours")).json();
    let hours = document["hours"].as_array().unwrap();
    let shown: Vec<u64> = hours.iter().map(|hour| hour["hour"].as_u64().unwrap()).collect();
    assert_eq!(shown, (0..24).collect::<Vec<u64>>());
    // Paris is two hours before UTC in June.
    assert_eq!(hours[5]["hour_start"], "2026-06-01T03:00:00.000Z");
    for of_cell in document["values"].as_array().unwrap() {
        let of_cell = of_cell.as_array().unwrap();
        assert_eq!(of_cell.len(), 24);
        let unseen: Vec<usize> = (0..24).filter(|&hour| of_cell[hour].is_null()).collect();
        assert_eq!(unseen, [5]);
    }
    let id = &fixture.hotspots(parse_date(DAY).unwrap(), Resolution::HOTSPOTS)[0].hex_id;
    let cell = get(serving.address(), &format!("/hotspots/{DAY}/{id}")).json();
    let hours = cell["hours"].as_array().unwrap();
    assert_eq!(hours.len(), 24);
    assert_eq!((&hours[5]["hour"], &hours[5]["hex_id"]), (&5.into(), &id.as_str().into()));
    assert!(hours[5]["bikes"].is_null() && hours[5]["weight"].is_null(), "{}", hours[5]);
    assert!(hours[4]["bikes"].is_number() && hours[6]["bikes"].is_number());
}

#[test]
fn weights_of_hours_are_of_the_metric_asked_for_in_every_format() {
    let (_lake, serving) = served(&Fixture::of("velib", 6), &[DAY]);
    let ask = |query: &str| get(serving.address(), &format!("/hotspots/{DAY}/hours?{query}"));
    let document = ask("metric=docks").json();
    let max = document["max"].as_f64().unwrap();
    let of_csv = csv(&ask("metric=docks&format=csv"), &["docks", "weight"]);
    assert_eq!(of_csv.len(), 6 * 24);
    for row in &of_csv {
        let (docks, weight): (f64, f64) = (row[0].parse().unwrap(), row[1].parse().unwrap());
        assert!((docks / max - weight).abs() < 1e-5, "{row:?} of {max}");
    }
    // No cell of the fixture tells its e-bikes by the hour.
    assert_eq!(ask("metric=ebikes").json()["hex_id"].as_array().unwrap().len(), 0);
    assert_eq!(csv(&ask("metric=ebikes&format=csv"), &["hex_id"]).len(), 0);
}

#[test]
fn the_hour_that_comes_twice_is_ranked_and_shared_once_for_each_time() {
    let day = "2026-10-25";
    let (_lake, serving) = served(&Fixture::of("velib", 9), &[day]);
    let response = get(serving.address(), &format!("/hotspots/{day}?hour=2"));
    let document = response.json();
    assert_eq!((&document["cells"], &document["selected"]), (&9.into(), &18.into()));
    let rows = rows(&response, "hotspots");
    for start in ["2026-10-25T00:00:00.000Z", "2026-10-25T01:00:00.000Z"] {
        let of_hour: Vec<&Value> = rows.iter().filter(|row| row["hour_start"] == start).collect();
        let ranks: Vec<u64> = of_hour.iter().map(|row| row["rank"].as_u64().unwrap()).collect();
        assert_eq!((of_hour.len(), ranks[0], ranks[8]), (9, 1, 9), "{ranks:?}");
        let shares: f64 = of_hour.iter().map(|row| row["share"].as_f64().unwrap()).sum();
        assert!((shares - 1.0).abs() < 1e-5, "{shares}");
    }
    let shapes = get(serving.address(), &format!("/hotspots/{day}?hour=2&format=geojson")).json();
    let features = shapes["features"].as_array().unwrap();
    let ids: std::collections::BTreeSet<&str> =
        features.iter().map(|feature| feature["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 18, "{ids:?}");
}
