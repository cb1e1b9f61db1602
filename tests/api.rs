//! What the API answers: the same rows in every format, conditionally, and errors that help.

use std::io::Read as _;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Float64Type;
use chrono::NaiveDate;
use hotspots_data::table::{Hotspot, Row as _};
use hotspots_data::{Derived, Resolution, parse_date};
use serde_json::{Value, json};

use crate::support::http::{Response, ask, get, until};
use crate::support::{Fixture, Serving, TestLake, hotspots, wait};

const DAY: &str = "2026-10-20";

fn date(text: &str) -> NaiveDate {
    parse_date(text).expect("a date")
}

/// A lake of a few days, and the server of it.
fn served(fixture: &Fixture, days: &[&str]) -> (TestLake, Serving) {
    let lake = TestLake::new();
    wait(async {
        for day in days {
            fixture.write(&lake.open(), date(day)).await.expect("written");
        }
        fixture.write_system(&lake.open(), date(days[0])).await.expect("written");
    });
    let serving = Serving::start(hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]));
    (lake, serving)
}

fn rows(response: &Response, are: &str) -> Vec<Value> {
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    response.json()[are].as_array().expect("rows").clone()
}

#[test]
fn every_format_has_the_same_rows() {
    let fixture = Fixture::of("velib", 50);
    let (_lake, serving) = served(&fixture, &[DAY]);
    let expected = fixture.hotspots(date(DAY), Resolution::HOTSPOTS);
    for query in ["", "metric=occupancy&", "limit=7&", "smooth=true&", "hour=8&"] {
        let path = |format: &str| format!("/hotspots/{DAY}?{query}format={format}");
        let body = |format: &str| get(serving.address(), &path(format));
        let json = rows(&body("json"), "hotspots");
        let ids: Vec<&str> = json.iter().filter_map(|row| row["hex_id"].as_str()).collect();
        let weights: Vec<f64> = json.iter().filter_map(|row| row["weight"].as_f64()).collect();
        assert_eq!(ids.len(), if query == "limit=7&" { 7 } else { 50 }, "{query}");
        if query.is_empty() {
            let all: Vec<&str> = expected.iter().map(|row| row.hex_id.as_str()).collect();
            assert_eq!(ids, all);
        }

        let geojson = rows(&body("geojson"), "features");
        let properties: Vec<&Value> =
            geojson.iter().map(|feature| &feature["properties"]).collect();
        assert_eq!(properties, json.iter().collect::<Vec<_>>(), "{query}");

        let csv = String::from_utf8(body("csv").body).unwrap();
        let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let names = lines.next().unwrap();
        let at = names.iter().position(|name| *name == "hex_id").unwrap();
        assert_eq!(lines.map(|line| line[at]).collect::<Vec<_>>(), ids, "{query}");

        let arrow = std::io::Cursor::new(body("arrow").body);
        let arrow = arrow::ipc::reader::FileReader::try_new(arrow, None).unwrap();
        let arrow: RecordBatch = arrow.map(Result::unwrap).next().unwrap();
        let schema = arrow.schema();
        let parquet = body("parquet").body.into();
        let (parquet, _) = hotspots_data::codec::decode(&schema, parquet).unwrap();
        for batch in [&arrow, &parquet] {
            let text = batch.column_by_name("hex_id").unwrap().as_string::<i32>();
            assert_eq!(text.iter().flatten().collect::<Vec<_>>(), ids, "{query}");
            let column = batch.column_by_name("weight").unwrap().as_primitive::<Float64Type>();
            assert_eq!(batch.num_rows(), weights.len());
            for (full, rounded) in column.iter().flatten().zip(&weights) {
                assert!((full - rounded).abs() <= 5.1e-7, "{query}: {full} {rounded}");
            }
        }
    }
    assert!(serving.terminate().0);
}

#[test]
fn a_days_parquet_is_the_lakes_own_object() {
    let (lake, serving) = served(&Fixture::of("velib", 20), &[DAY]);
    let response = get(serving.address(), &format!("/hotspots/{DAY}?format=parquet"));
    let key = Derived::Hotspots(Resolution::HOTSPOTS).key(&"velib".parse().unwrap(), date(DAY));
    assert_eq!(response.body, wait(lake.open().get(&key)).unwrap().bytes);
    assert_eq!(response.header("content-type"), "application/vnd.apache.parquet");
    let name = format!("attachment; filename=\"hotspots-velib-{DAY}.parquet\"");
    assert_eq!(response.header("content-disposition"), name);
    assert_eq!(Hotspot::decode(response.body.into()).unwrap().0.len(), 20);
}

#[test]
fn an_area_or_a_limit_leaves_weights_and_ranks_of_the_city_as_they_are() {
    let fixture = Fixture::of("velib", 60);
    let (_lake, serving) = served(&fixture, &[DAY]);
    let all = fixture.hotspots(date(DAY), Resolution::HOTSPOTS);
    let third = &all[2];
    let near = format!("near={},{}&radius_m=1", third.lat, third.lng);
    let one = get(serving.address(), &format!("/hotspots/{DAY}?{near}"));
    let row = &rows(&one, "hotspots")[0];
    assert_eq!((&row["hex_id"], &row["rank"]), (&json!(third.hex_id), &json!(third.rank)));
    assert!((row["weight"].as_f64().unwrap() - third.weight).abs() < 1e-6);
    assert_eq!((&one.json()["cells"], &one.json()["selected"]), (&json!(60), &json!(1)));

    let alone = get(serving.address(), &format!("/hotspots/{DAY}?{near}&relative_to=selection"));
    let row = &rows(&alone, "hotspots")[0];
    assert_eq!((&row["rank"], &row["weight"], &row["share"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(alone.json()["relative_to"], "the largest value of any cell selected");

    let (south, north) = (48.825, 48.8305);
    let inside = all.iter().filter(|row| (south..=north).contains(&row.lat)).count();
    let boxed = get(serving.address(), &format!("/hotspots/{DAY}?bbox=2,{south},3,{north}"));
    assert!(inside > 0 && inside < 60);
    assert_eq!(rows(&boxed, "hotspots").len(), inside);

    let heavy = get(serving.address(), &format!("/hotspots/{DAY}?min_weight=0.5"));
    let expected = all.iter().filter(|row| row.weight >= 0.5).count();
    assert_eq!(rows(&heavy, "hotspots").len(), expected);
}

#[test]
fn metrics_smoothing_and_baselines_rank_by_what_they_name() {
    let (_lake, serving) = served(&Fixture::of("velib", 35), &[DAY]);
    let ranked = |query: &str, column: &str| {
        let response = get(serving.address(), &format!("/hotspots/{DAY}?{query}"));
        assert_eq!(response.json()["metric"], column, "{query}");
        let rows = rows(&response, "hotspots");
        let values: Vec<f64> = rows.iter().map(|row| row[column].as_f64().unwrap()).collect();
        assert!(values.is_sorted_by(|a, b| a >= b), "{query}: {values:?}");
        let largest = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        for (row, value) in rows.iter().zip(&values) {
            let weight = row["weight"].as_f64().unwrap();
            assert!((weight - value / largest).abs() < 1e-4, "{query}: {row}");
        }
        rows.len()
    };
    for metric in ["bikes", "docks", "occupancy", "empty_share", "full_share"] {
        assert_eq!(ranked(&format!("metric={metric}"), metric), 35);
    }
    // Every seventh cell does not tell, every fifth has no baseline: 35 - 5 and 35 - 7.
    assert_eq!(ranked("metric=ebikes", "ebikes"), 30);
    assert_eq!(ranked("metric=mechanical", "mechanical"), 30);
    assert_eq!(ranked("smooth=true", "smoothed_bikes"), 35);
    assert_eq!(ranked("baseline=true", "baseline_difference"), 28);
}

#[test]
fn a_cell_has_its_hours_its_stations_and_its_days() {
    let fixture = Fixture::of("velib", 12);
    let (_lake, serving) = served(&fixture, &[DAY, "2026-10-21", "2026-10-22"]);
    let id = &fixture.hotspots(date(DAY), Resolution::HOTSPOTS)[4].hex_id;
    let cell = get(serving.address(), &format!("/hotspots/{DAY}/{id}")).json();
    assert_eq!((&cell["cell"]["hex_id"], &cell["cell"]["rank"]), (&json!(id), &json!(5)));
    assert_eq!(cell["hours"].as_array().unwrap().len(), 24);
    let stations = cell["stations_of_cell"].as_array().unwrap();
    assert_eq!(stations.len(), 1);
    let station = stations[0]["station_id"].as_str().unwrap();
    let own = get(serving.address(), &format!("/stations/{DAY}/{station}")).json();
    assert_eq!(own["station"], stations[0]);
    assert_eq!(rows(&get(serving.address(), &format!("/stations/{DAY}")), "stations").len(), 12);

    let series = get(serving.address(), &format!("/hotspots?hex_id={id}&from=2026-10-21"));
    let days = rows(&series, "days");
    assert_eq!(days.len(), 2);
    for (row, day) in days.iter().zip(["2026-10-21", "2026-10-22"]) {
        let of_day = fixture.hotspots(date(day), Resolution::HOTSPOTS);
        let expected = of_day.iter().find(|row| row.hex_id == *id).unwrap();
        assert_eq!((&row["date"], &row["rank"]), (&json!(day), &json!(expected.rank)));
    }
    let coarse = &fixture.hotspots(date(DAY), Resolution::COARSER[0])[0].hex_id;
    let coarse = get(serving.address(), &format!("/hotspots/latest/{coarse}"));
    assert_eq!((coarse.status, &coarse.json()["resolution"]), (200, &json!(9)));
    assert_eq!(
        coarse.header("content-location"),
        format!("/hotspots/2026-10-22/{}", coarse.json()["cell"]["hex_id"].as_str().unwrap())
    );

    let list = rows(&get(serving.address(), "/hotspots?to=2026-10-21"), "days");
    assert_eq!(list.len(), 2);
    assert_eq!((&list[0]["cells"], &list[0]["provisional"]), (&json!(12), &json!(false)));
    let systems = rows(&get(serving.address(), "/systems"), "systems");
    assert_eq!((&systems[0]["system"], &systems[0]["days"]), (&json!("velib"), &json!(3)));
    let checks = rows(&get(serving.address(), "/quality/latest"), "checks");
    assert_eq!(checks[0]["check"], "capacity_zero");
}

#[test]
fn geojson_has_closed_counter_clockwise_hexagons_about_their_centres() {
    let (_lake, serving) = served(&Fixture::of("velib", 10), &[DAY]);
    let response =
        ask(serving.address(), "GET", "/hotspots/latest", &["accept: application/geo+json"]);
    assert_eq!(response.header("content-type"), "application/geo+json");
    for feature in rows(&response, "features") {
        let ring = feature["geometry"]["coordinates"][0].as_array().unwrap().clone();
        let point = |at: &Value| (at[0].as_f64().unwrap(), at[1].as_f64().unwrap());
        let ring: Vec<(f64, f64)> = ring.iter().map(point).collect();
        assert_eq!((ring.len(), ring.first()), (7, ring.last()));
        let doubled: f64 = ring.windows(2).map(|p| p[0].0 * p[1].1 - p[1].0 * p[0].1).sum();
        assert!(doubled > 0.0, "counter-clockwise, RFC 7946 3.1.6");
        let mean_lng = ring[..6].iter().map(|p| p.0).sum::<f64>() / 6.0;
        assert!((mean_lng - feature["properties"]["lng"].as_f64().unwrap()).abs() < 1e-5);
    }
}

#[test]
fn a_copy_that_is_still_right_is_not_sent_again() {
    let (_lake, serving) = served(&Fixture::of("velib", 40), &[DAY]);
    let (address, path) = (serving.address(), format!("/hotspots/{DAY}"));
    let full = get(address, &path);
    let etag = full.header("etag").to_owned();
    assert!(etag.starts_with('"'), "strong: {etag}");
    assert_eq!(full.header("cache-control"), "public, max-age=3600, stale-while-revalidate=86400");
    assert_eq!(full.header("vary"), "Accept, Accept-Encoding");
    assert_eq!(full.header("link"), "<https://licence.example/terms>; rel=\"license\"");
    assert_eq!(full.json()["attribution"]["license_id"], "etalab-2.0");
    let modified = format!("if-modified-since: {}", full.header("last-modified"));
    for condition in
        [format!("if-none-match: {etag}"), format!("if-none-match: W/{etag}"), modified]
    {
        let response = ask(address, "GET", &path, &[&condition]);
        assert_eq!((response.status, response.body.len()), (304, 0), "{condition}");
        for name in ["etag", "cache-control", "vary", "access-control-allow-origin"] {
            assert_eq!(response.header(name), full.header(name), "{name}");
        }
        assert_eq!(response.header("link"), "", "what describes a body goes with it");
    }
    let other = ask(address, "GET", &path, &["if-none-match: \"other\""]);
    assert_eq!((other.status, &other.body), (200, &full.body));

    let head = ask(address, "HEAD", &path, &[]);
    assert_eq!((head.status, head.header("content-length")), (200, full.header("content-length")));
    assert_eq!(head.header("etag"), etag);
    let latest = get(address, "/hotspots/latest");
    assert_eq!(latest.body, full.body);
    assert_eq!(latest.header("cache-control"), "public, max-age=15");
    assert_eq!(latest.header("content-location"), path);
    let (queried, id) = (get(address, "/hotspots/latest?limit=1"), &full.json()["hotspots"][0]);
    assert_eq!(queried.header("content-location"), format!("{path}?limit=1"));
    let cell = format!("/hotspots/latest/{}", id["hex_id"].as_str().unwrap());
    assert_eq!(get(address, &cell).header("content-location"), cell.replace("latest", DAY));
    let encoded = get(address, "/%68otspots/l%61test?limit=1");
    assert_eq!(encoded.body, queried.body);
    assert_eq!(encoded.header("content-location"), format!("/%68otspots/{DAY}?limit=1"));
    assert_eq!(get(address, &path.replace('-', "%2D")).body, full.body);
    let station = format!("/stations/latest/{}", first_station(address));
    assert_eq!(get(address, &station).header("content-location"), station.replace("latest", DAY));
}

fn first_station(address: &str) -> String {
    let stations = rows(&get(address, "/stations/latest?limit=1"), "stations");
    stations[0]["station_id"].as_str().expect("an id").to_owned()
}

#[test]
fn answers_are_packed_as_the_client_likes() {
    let (_lake, serving) = served(&Fixture::of("velib", 40), &[DAY]);
    let (address, path) = (serving.address(), format!("/hotspots/{DAY}"));
    let plain = get(address, &path);
    assert_eq!(plain.header("content-encoding"), "");
    let mut etags = vec![plain.header("etag").to_owned()];
    for (accepted, coding) in [("gzip", "gzip"), ("br;q=0.9, zstd", "zstd"), ("gzip, br", "br")] {
        let packed = ask(address, "GET", &path, &[&format!("accept-encoding: {accepted}")]);
        assert_eq!(packed.header("content-encoding"), coding);
        assert!(packed.body.len() < plain.body.len() / 3, "{coding}: {}", packed.body.len());
        etags.push(packed.header("etag").to_owned());
    }
    etags.dedup();
    assert_eq!(etags.len(), 4, "each coding is a representation of its own");
}

#[test]
fn scripts_of_any_site_may_ask() {
    let (_lake, serving) = served(&Fixture::of("velib", 3), &[DAY]);
    let asked = ask(
        serving.address(),
        "OPTIONS",
        "/hotspots/latest",
        &["origin: https://map.example", "access-control-request-method: GET"],
    );
    assert_eq!(asked.status, 204);
    assert_eq!(asked.header("allow"), "GET, HEAD, OPTIONS");
    assert_eq!(asked.header("access-control-allow-methods"), "GET, HEAD, OPTIONS");
    for path in ["/hotspots/latest", "/hotspots/1999-01-01", "/nothing"] {
        let response = get(serving.address(), path);
        assert_eq!(response.header("access-control-allow-origin"), "*", "{path}");
    }
}

#[test]
fn what_cannot_be_answered_is_a_problem_that_says_what_could() {
    let fixture = Fixture::of("velib", 5);
    let (lake, serving) = served(&fixture, &[DAY, "2026-10-22"]);
    wait(fixture.write_hotspots(&lake.open(), date("2026-10-23"))).unwrap();
    let address = serving.address();
    until(address, "/hotspots/2026-10-23", |response| response.status == 200);
    let empty = fixture.hotspots(date(DAY), Resolution::HOTSPOTS)[0].hex_id.replace("ffff", "7fff");
    for (path, status, kind, needle) in [
        ("/hotspots/2026-10-21", 404, "no-such-day", "2026-10-20 and 2026-10-22"),
        ("/hotspots/2026-10-23?hour=3", 404, "not-computed", "no table `hotspots_hourly`"),
        ("/stations/2026-10-23", 404, "not-computed", "no table `station_days`"),
        (
            "/hotspots/2026-10-23?resolution=8",
            404,
            "not-computed",
            "no cells of resolution 8 on 2026-10-23, but of 9, 10",
        ),
        ("/hotspots/2026-10-22/871fb4662ffffff", 404, "not-computed", "no cells of resolution 7"),
        ("/hotspots?hex_id=871fb4662ffffff", 404, "not-computed", "no cells of resolution 7"),
        ("/hotspots/latest?system=nowhere", 404, "no-such-system", "of system `nowhere`"),
        ("/hotspots?system=nowhere", 404, "no-such-system", "of system `nowhere`"),
        ("/hotspots/latest?hour=25", 400, "bad-request", "`25` is not a whole number from 0 to 23"),
        ("/hotspots/latest?hexagon=1", 400, "bad-request", "there is no parameter `hexagon`"),
        ("/systems?limit=1", 400, "bad-request", "allowed are format"),
        ("/hotspots/latest/hours?format=geojson", 400, "bad-request", "json, csv, arrow, parquet"),
        ("/hotspots/latest/nocell", 400, "bad-request", "not an H3 cell"),
        (&format!("/hotspots/{DAY}/{empty}"), 404, "no-such-cell", "no station"),
        ("/stations/2026-10-22/no%20such", 404, "no-such-station", "no station `no such`"),
        ("/hotspots/+10000-01-01", 404, "no-such-day", "nearest"),
        ("/hotspots/yesterday", 400, "bad-request", "YYYY-MM-DD"),
        ("/elsewhere", 404, "no-such-path", "/docs"),
    ] {
        let response = ask(address, "GET", path, &["x-request-id: test-1"]);
        assert_eq!(response.status, status, "{path}");
        assert_eq!(response.header("content-type"), "application/problem+json");
        let problem = response.json();
        assert_eq!(problem["type"], format!("/docs#{kind}"), "{path}");
        assert!(problem["detail"].as_str().unwrap().contains(needle), "{path}: {problem}");
        assert_eq!(
            (&problem["status"], &problem["request_id"]),
            (&json!(status), &json!("test-1"))
        );
        assert_eq!(response.header("x-request-id"), "test-1");
    }
    let picture = ask(address, "GET", "/hotspots/latest", &["accept: image/png"]);
    assert_eq!((picture.status, &picture.json()["type"]), (406, &json!("/docs#not-acceptable")));
    let post = ask(address, "POST", "/hotspots/latest", &["content-length: 0"]);
    assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD, OPTIONS"));
}

#[test]
fn several_systems_are_told_apart() {
    let (lake, serving) = served(&Fixture::of("velib", 5), &[DAY]);
    wait(Fixture::of("bikely", 4).write(&lake.open(), date(DAY))).unwrap();
    let address = serving.address();
    let torn = until(address, "/hotspots/latest", |response| response.status == 400).json();
    assert_eq!(torn["allowed"], json!(["bikely", "velib"]));
    let bikely = get(address, "/hotspots/latest?system=bikely");
    assert_eq!(rows(&bikely, "hotspots").len(), 4);
    assert_eq!(rows(&get(address, "/systems"), "systems").len(), 2);
}

#[test]
fn a_token_is_needed_where_one_was_set() {
    let (lake, _serving) = served(&Fixture::of("velib", 3), &[DAY]);
    let arguments = ["serve", "--bind", "127.0.0.1:0", "--token", "s3cret"];
    let serving = Serving::start(hotspots(&lake, &arguments));
    let asked = |headers: &[&str]| ask(serving.address(), "GET", "/hotspots/latest", headers);
    let refused = asked(&[]);
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, "Bearer"));
    assert_eq!(asked(&["authorization: Bearer s3cre"]).status, 401);
    assert_eq!(asked(&["authorization: Bearer s3cret2"]).status, 401);
    assert_eq!(asked(&["authorization: Basic s3cret"]).status, 401);
    let answered = asked(&["authorization: bearer s3cret"]);
    assert_eq!(answered.status, 200);
    assert!(answered.header("cache-control").starts_with("private"), "not for shared caches");
    assert_eq!(get(serving.address(), "/healthz").status, 200);
}

#[test]
fn figures_for_prometheus_count_what_was_answered() {
    let (_lake, serving) = served(&Fixture::of("velib", 3), &[DAY]);
    for _ in 0..3 {
        get(serving.address(), "/hotspots/latest");
    }
    get(serving.address(), "/nothing");
    let mut text = String::new();
    (&get(serving.address(), "/metrics").body[..]).read_to_string(&mut text).unwrap();
    for line in [
        "hotspots_http_requests_total{path=\"/hotspots/{date}\",status=\"200\"} 3",
        "hotspots_http_requests_total{path=\"other\",status=\"404\"} 1",
        "hotspots_http_request_duration_seconds_count{path=\"/hotspots/{date}\"} 3",
        "hotspots_memory_tables 1",
        "hotspots_lake_up 1",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
    }
}

/// The lines of a log that are about a request.
fn lines_of(log: &str, id: &str) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["request_id"] == id).collect()
}

#[test]
fn a_refusal_is_in_the_log_by_its_id_and_an_answer_only_for_debugging() {
    let (lake, serving) = served(&Fixture::of("velib", 3), &[DAY]);
    let (good, bad) = ("/hotspots/latest?limit=1", "/no\u{9b}31m\u{202e}?a=1");
    let ask_both = |address: &str| {
        assert_eq!(ask(address, "GET", good, &["x-request-id: good-1"]).status, 200);
        assert_eq!(ask(address, "GET", bad, &["x-request-id: bad-1"]).status, 404);
    };
    ask_both(serving.address());
    let (_, log) = serving.terminate();
    assert_eq!(lines_of(&log, "good-1"), Vec::<Value>::new());
    let refused = &lines_of(&log, "bad-1")[..];
    let [line] = refused else { panic!("once: {refused:?}") };
    assert_eq!((&line["level"], &line["status"]), (&json!("INFO"), &json!(404)));
    assert_eq!((&line["method"], &line["problem"]), (&json!("GET"), &json!("no-such-path")));
    assert_eq!(line["path"], "/no\\u{9b}31m\\u{202e}", "escaped");
    assert_eq!(line["message"], "bad-1 GET /no\\u{9b}31m\\u{202e}: 404 there is no such path");

    let arguments = ["serve", "--bind", "127.0.0.1:0", "--log", "debug"];
    let serving = Serving::start(hotspots(&lake, &arguments));
    ask_both(serving.address());
    let (_, log) = serving.terminate();
    let answered = &lines_of(&log, "good-1")[..];
    let [line] = answered else { panic!("once: {answered:?}") };
    assert_eq!((&line["level"], &line["query"]), (&json!("DEBUG"), &json!("limit=1")));
    assert_eq!(line["message"], "good-1 GET /hotspots/latest: 200 OK");
}
