//! Every version of GBFS, by the official fixtures and by the official schemas.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use hotspots_data::Recorded;
use hotspots_data::table::{OtherFeed, StationStatus, VehicleStatus};
use hotspots_pipeline::fetch::Answer;
use hotspots_pipeline::twin::{City, Shape, SimulatedClock, Twin};
use hotspots_pipeline::{Collector, Fetcher, Intake, Limits, Stopper, Target, Tools, gbfs};
use serde_json::Value;

use crate::support::{Finished, TestLake, hotspots, recorded, wait};

fn noon() -> DateTime<Utc> {
    "2026-09-15T10:00:00Z".parse().unwrap()
}

#[test]
fn every_official_fixture_is_read() {
    let Some(folder) = recorded("gbfs-schemas/testFixtures") else { return };
    let mut read = 0;
    for version in std::fs::read_dir(folder).unwrap() {
        let version = version.unwrap().path();
        let file = |name: &str| std::fs::read(version.join(name)).unwrap();
        let (_, types) = gbfs::parse_vehicle_types(&file("vehicle_types.json")).unwrap();
        for entry in std::fs::read_dir(&version).unwrap() {
            let path = entry.unwrap().path();
            let feed = path.file_stem().unwrap().to_string_lossy().into_owned();
            let body = std::fs::read(&path).unwrap();
            let json: Value = serde_json::from_slice(&body).unwrap();
            let count = |list: &str| json["data"][list].as_array().map_or(0, Vec::len);
            let at = noon();
            let (rows, expected) = match feed.as_str() {
                "gbfs" => {
                    let url = "https://a.example/gbfs.json".parse().unwrap();
                    let found = gbfs::parse_discovery(&body, &url, None).unwrap();
                    assert!(!found.feeds.is_empty(), "{}", path.display());
                    (1, 1)
                }
                "station_status" => {
                    let parsed = gbfs::parse_station_status(&body, at, &types).unwrap();
                    (parsed.rows.len(), count("stations"))
                }
                "station_information" => {
                    let parsed = gbfs::parse_station_information(&body, at, None).unwrap();
                    (parsed.rows.len(), count("stations"))
                }
                "system_information" => {
                    (gbfs::parse_system_information(&body, at).unwrap().rows.len(), 1)
                }
                "free_bike_status" | "vehicle_status" => {
                    let parsed = gbfs::parse_vehicle_status(&body, at, &types).unwrap();
                    (parsed.rows.len(), count("bikes") + count("vehicles"))
                }
                other => (gbfs::parse_other_feed(other, &body, at).unwrap().rows.len(), 1),
            };
            assert_eq!(rows, expected, "{}", path.display());
            read += 1;
        }
    }
    assert!(read >= 37, "{read} fixtures");
}

#[test]
fn e_bikes_are_told_by_vehicle_type_and_never_counted_twice() {
    let types = br#"{"data":{"vehicle_types":[
        {"vehicle_type_id":"m","form_factor":"bicycle","propulsion_type":"human"},
        {"vehicle_type_id":"e","form_factor":"bicycle","propulsion_type":"electric_assist"},
        {"vehicle_type_id":"c","form_factor":"cargo_bicycle","propulsion_type":"electric"},
        {"vehicle_type_id":"s","form_factor":"scooter_standing","propulsion_type":"electric"}]}}"#;
    let (_, types) = gbfs::parse_vehicle_types(types).unwrap();
    let counted = r#""vehicle_types_available":[{"vehicle_type_id":"m","count":3},
        {"vehicle_type_id":"e","count":2},{"vehicle_type_id":"c","count":1},{"vehicle_type_id":"s","count":9}]"#;
    let own = r#""num_bikes_available_types":[{"mechanical":4},{"ebike":6}]"#;
    let lyft = r#""num_ebikes_available":5"#;
    let unknown = r#""vehicle_types_available":[{"vehicle_type_id":"x","count":1}]"#;
    for (fields, ebikes, mechanical) in [
        (counted.to_owned(), Some(3), Some(3)),
        (format!("{counted},{own}"), Some(6), Some(4)),
        (format!("{counted},{lyft}"), Some(5), None),
        (unknown.to_owned(), None, None),
    ] {
        let body = format!(
            r#"{{"version":"2.3","data":{{"stations":[{{"station_id":"a","num_bikes_available":15,{fields}}}]}}}}"#
        );
        let parsed = gbfs::parse_station_status(body.as_bytes(), noon(), &types).unwrap();
        let row = &parsed.rows[0];
        assert_eq!((row.num_ebikes_available, row.num_mechanical_available), (ebikes, mechanical));
        let extra = row.extra.as_deref().unwrap_or_default();
        assert!(extra.contains("vehicle_types_available"), "the counts by type are kept: {extra}");
    }
}

async fn poll_once(shape: Shape) -> TestLake {
    let lake = TestLake::new();
    let clock = Arc::new(SimulatedClock::at(noon()));
    let twin = Twin::start_as(shape, City::new(7, 60), Arc::clone(&clock) as Arc<_>).await.unwrap();
    let tools = Tools {
        intake: Intake::local(lake.open()).unwrap(),
        fetcher: Fetcher::new(Limits::default(), None).unwrap(),
        clock,
        metrics: Arc::default(),
    };
    let target = Target {
        system: "twin".parse().unwrap(),
        discovery: vec![twin.discovery()],
        feed_base: None,
        time_zone: None,
        interval: None,
        key: None,
    };
    let (_stopper, stop) = Stopper::new();
    let mut collector = Collector::new(tools, target);
    let cycle = collector.poll(noon(), &stop).await;
    assert!(cycle.is_complete(), "{cycle:#?}");
    collector.close().await;
    lake
}

#[test]
fn a_city_reads_the_same_in_every_version() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let poll = |shape| runtime.block_on(poll_once(shape));
    let velib = poll(Shape::Velib);
    let counts = |lake: &TestLake| -> Vec<_> {
        let rows: Vec<StationStatus> = lake.status("twin");
        rows.into_iter()
            .map(|row| {
                let bikes = row.num_bikes_available;
                let by_motor = (row.num_ebikes_available, row.num_mechanical_available);
                let flags = (row.is_installed, row.is_renting, row.is_returning);
                (row.station_id, bikes, row.num_docks_available, flags, by_motor)
            })
            .collect()
    };
    let expected = counts(&velib);
    // One of the sixty is in the information feed only.
    assert_eq!(expected.len(), 59);
    let lakes = Shape::STANDARD.map(poll);
    let vehicles = |lake: &TestLake| lake.rows::<VehicleStatus>(Recorded::VehicleStatus, "twin");
    let [.., v3, _] = &lakes;
    let known = vehicles(v3);
    for (lake, shape) in lakes.iter().zip(Shape::STANDARD) {
        let (mut expected, mut known) = (expected.clone(), known.clone());
        if !shape.has_vehicle_types() {
            // Before 2.1 the standard has no word for what a vehicle is, nor where it is parked.
            for row in &mut expected {
                row.4 = (None, None);
            }
            for row in &mut known {
                (row.vehicle_type_id, row.form_factor, row.is_electric) = (None, None, None);
                (row.station_id, row.last_reported) = (None, None);
                row.extra = None;
            }
        }
        assert_eq!(counts(lake), expected, "{shape:?}");
        assert_eq!(vehicles(lake), known, "{shape:?}");
    }
    // One vehicle for every five stations.
    assert_eq!(known.len(), 12);
    assert!(known.iter().all(|one| one.hex_id_10.is_some() && one.is_electric.is_some()));
    assert!(known.iter().all(|one| one.form_factor.as_deref() == Some("bicycle")));

    let mut others: Vec<String> = v3
        .rows::<OtherFeed>(Recorded::OtherFeeds, "twin")
        .into_iter()
        .map(|row| format!("{} {}", row.feed, row.version.unwrap_or_default()))
        .collect();
    others.sort();
    assert_eq!(others, ["gbfs 3.0", "system_regions 3.0", "vehicle_types 3.0"]);
    let regions =
        r#"{"regions":[{"name":[{"language":"en","text":"Centre"}],"region_id":"centre"}]}"#;
    let kept = v3.rows::<OtherFeed>(Recorded::OtherFeeds, "twin");
    assert!(kept.iter().any(|row| row.data == regions), "{kept:#?}");
}

/// Saves every feed of the city in a folder, a file each.
fn save_feeds(shape: Shape, folder: &Path) {
    wait(async {
        let clock = Arc::new(SimulatedClock::at(noon()));
        let twin = Twin::start_as(shape, City::new(7, 60), clock).await.unwrap();
        let fetcher = Fetcher::new(Limits::default(), None).unwrap();
        for name in shape.feeds() {
            let file = format!("{name}.json");
            let url = twin.discovery().join(&file).unwrap();
            let Answer::Body(body, _) = fetcher.get(&url, None, None).await.unwrap() else {
                panic!("a 304")
            };
            std::fs::write(folder.join(file), body).unwrap();
        }
    });
}

#[test]
fn saved_feeds_are_imported_as_they_are_polled_with_e_bikes_and_vehicles() {
    let (lake, polled) = (TestLake::new(), wait(poll_once(Shape::V2_3)));
    let folder = lake.folder().join("saved");
    std::fs::create_dir(&folder).unwrap();
    save_feeds(Shape::V2_3, &folder);
    let import = || {
        let path = folder.display().to_string();
        Finished::good(hotspots(&lake, &["import", "--system", "twin", &path]))
    };
    import();
    let stations: Vec<StationStatus> = lake.status("twin");
    assert!(stations.iter().any(|row| row.num_ebikes_available.is_some_and(|count| count > 0)));
    assert_eq!(stations, polled.status("twin"));
    let vehicles: Vec<VehicleStatus> = lake.rows(Recorded::VehicleStatus, "twin");
    assert_eq!(vehicles, polled.rows::<VehicleStatus>(Recorded::VehicleStatus, "twin"));
    let others: Vec<OtherFeed> = lake.rows(Recorded::OtherFeeds, "twin");
    assert_eq!(others.len(), 1);
    assert_eq!(others[0].feed, "vehicle_types");
    let before = lake.objects();
    import();
    assert_eq!(lake.objects(), before, "importing twice changes nothing");
}

const VALIDATE: &str = "
import json, sys, jsonschema
schema, feed = (json.load(open(path)) for path in sys.argv[1:])
jsonschema.validators.validator_for(schema)(schema).validate(feed)
";

#[test]
fn what_the_twin_serves_is_valid_by_the_official_schemas() {
    let Some(schemas) = recorded("gbfs-schemas") else { return };
    let python = std::env::var("HOTSPOTS_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import jsonschema"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: {python} has no jsonschema (pip install jsonschema, HOTSPOTS_PYTHON)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut validated = 0;
    for shape in Shape::STANDARD {
        let version = format!("v{}", shape.version());
        save_feeds(shape, folder.path());
        for name in shape.feeds() {
            let file = format!("{name}.json");
            validate(&python, &schemas.join(&version).join(&file), &folder.path().join(&file));
            validated += 1;
        }
    }
    // Six feeds each, and from 2.1 on the vehicle types.
    assert_eq!(validated, 8 * 6 + 5);
}

fn validate(python: &str, schema: &Path, feed: &Path) {
    let output = Command::new(python).args(["-c", VALIDATE]).args([schema, feed]).output().unwrap();
    let says = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {says}", schema.display());
}
