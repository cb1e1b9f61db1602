//! Real recorded feeds through the real binary; the cells' numbers come from `oracle/three_cells.py`, which
//! shares no code with the program.

use hotspots_data::table::Hotspot;

use crate::support::{FeedServer, Finished, Serving, TestLake, hotspots, recorded};

fn import(lake: &TestLake, system: &str, zone: &str, folder: &str) -> Option<Finished> {
    let path = recorded(folder)?.display().to_string();
    let arguments = ["import", "--system", system, "--time-zone", zone, &path];
    Some(Finished::good(hotspots(lake, &arguments)))
}

/// Holds a cell to its mean number of bikes, its capacity and the seconds in which it was seen.
fn assert_cell(rows: &[Hotspot], hex_id: &str, bikes: f64, capacity: f64, seconds: f64) {
    let row = rows.iter().find(|row| row.hex_id == hex_id).expect("the cell is there");
    assert!((row.bikes - bikes).abs() < 1e-9, "{hex_id}: {} bikes, not {bikes}", row.bikes);
    assert_eq!(row.capacity, Some(capacity), "{hex_id}");
    assert!((row.coverage - seconds / 86_400.0).abs() < 1e-12, "{hex_id}: {}", row.coverage);
    assert_eq!(row.occupancy, Some(row.bikes / capacity), "{hex_id}");
}

#[test]
fn two_days_of_hourly_polls_of_paris_are_seen_for_what_they_are() {
    let lake = TestLake::new();
    let zone = "Europe/Paris";
    let Some(first) = import(&lake, "velib", zone, "velib-hourly-2026-02") else { return };
    assert!(first.stderr.contains("25 stored"), "{}", first.stderr);
    let before = lake.objects();
    import(&lake, "velib", zone, "velib-hourly-2026-02").expect("it was there before");
    assert_eq!(lake.objects(), before, "importing twice changes nothing");

    let aggregated = Finished::good(hotspots(&lake, &["aggregate"]));
    let (rows, day) = lake.hotspots("velib", "2026-02-10");
    assert_cell(&rows, "8a1fb4292717fff", 14.528_287_377_787_542, 56.0, 9103.0);
    assert_cell(&rows, "8a1fb09140c7fff", 11.384_159_068_438_976, 36.0, 9103.0);
    assert_cell(&rows, "8a1fb466605ffff", 8.692_079_534_219_488, 21.0, 9103.0);
    // By hand: 11 polls; ten hold for the 15 min of max_gap, the last (23:58:17 local) for the 103 s
    // that are left of the day: 10 × 900 + 103 = 9,103 s.
    assert_eq!(day.polls, 11);
    assert!((day.coverage - 9103.0 / 86_400.0).abs() < 1e-12);
    assert_eq!(day.stations_without_information, 15);
    assert!(!day.provisional);
    let orphans = "15 stations without station_information";
    assert!(aggregated.complaints().iter().any(|line| line.contains(orphans)), "{aggregated:#?}");

    // The day after: 14 polls of its own, and the 797 s that the last poll of the 10th carries in.
    let (rows, day) = lake.hotspots("velib", "2026-02-11");
    assert_cell(&rows, "8a1fb4292717fff", 10.282_078_077_181_46, 56.0, 13_397.0);
    assert_cell(&rows, "8a1fb09140c7fff", 10.806_150_630_738_225, 36.0, 13_397.0);
    assert_cell(&rows, "8a1fb466605ffff", 7.932_820_780_771_815, 21.0, 13_397.0);
    assert_eq!((day.polls, day.stations_without_information), (14, 15));
}

#[test]
fn every_poll_a_minute_apart_is_kept_although_last_reported_hardly_moves() {
    let lake = TestLake::new();
    let Some(_) = import(&lake, "velib", "Europe/Paris", "velib-1min-2024-11-05") else { return };
    let status = lake.status("velib");
    let times: std::collections::BTreeSet<_> = status.iter().map(|row| row.observed_at).collect();
    assert_eq!((times.len(), status.len()), (8, 8 * 1485));
    assert_eq!(lake.paths("station_status").len(), 8);
    Finished::good(hotspots(&lake, &["aggregate"]));
    let (rows, _) = lake.hotspots("velib", "2024-11-05");
    assert_cell(&rows, "8a1fb4292717fff", 4.428_143_712_574_85, 56.0, 1336.0);
    assert_cell(&rows, "8a1fb09140c7fff", 11.0, 36.0, 1336.0);
    assert_cell(&rows, "8a1fb466621ffff", 11.145_209_580_838_323, 31.0, 1336.0);
}

#[test]
fn another_system_has_its_own_time_zone_and_days() {
    let lake = TestLake::new();
    // The wrong zone on the command line is only a fallback: the feed says America/Los_Angeles.
    let Some(_) = import(&lake, "baywheels", "Europe/Paris", "baywheels-2023-05-14") else {
        return;
    };
    Finished::good(hotspots(&lake, &["aggregate"]));
    let (rows, day) = lake.hotspots("baywheels", "2023-05-14");
    assert_eq!(day.time_zone.name(), "America/Los_Angeles");
    assert_cell(&rows, "8a2830828837fff", 22.068_779_337_013_886, 28.0, 82_234.0);
    assert_cell(&rows, "8a283080c837fff", 13.004_049_419_947_954, 22.0, 82_234.0);
    assert_cell(&rows, "8a283082c6cffff", 14.633_582_216_601_406, 23.0, 82_234.0);
    // The recording begins at 17:24 on the 13th and ends at 16:24 local time on the 14th.
    let first = day.first_poll.expect("polls").0;
    assert!(first.to_rfc3339().starts_with("2023-05-14T07:"), "{first}");
    assert_eq!(lake.ledger("baywheels").iter().filter(|poll| poll.version.is_some()).count(), 0);
}

#[test]
fn the_four_raw_feeds_are_ingested_from_a_base_url_aggregated_and_served() {
    let lake = TestLake::new();
    let Some(folder) = recorded("velib-2022-02") else { return };
    let feeds = FeedServer::of_folder(&folder);
    let (discovery, base) = (feeds.url("gbfs.json"), feeds.url(""));
    // Without the base URL the discovery document leads to hosts that are not there.
    let once = |extra: &[&str]| {
        let mut arguments = vec!["ingest", "--once", "--system", "velib", "--url", &discovery];
        arguments.extend(extra);
        Finished::of(hotspots(&lake, &arguments))
    };
    assert!(!once(&[]).success);
    assert!(lake.paths("station_status").is_empty());
    let done = once(&["--feed-base-url", &base]);
    assert!(done.success, "{done:#?}");
    assert_eq!(lake.status("velib").len(), 1439);
    assert!(done.complaints().iter().any(|line| line.contains("days old")), "{done:#?}");

    Finished::good(hotspots(&lake, &["aggregate"]));
    let server = Serving::start(hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]));
    // The status feed says that it is of 2022-02-23, and is filed there.
    let (status, _, day) = server.get("/hotspots/2022-02-23");
    assert_eq!(status, 200);
    assert_eq!(day["time_zone"], "Europe/Paris");
    let cells = day["hotspots"].as_array().expect("cells");
    assert!(cells.len() > 1000);
    assert_eq!((cells[0]["rank"].as_u64(), cells[0]["weight"].as_f64()), (Some(1), Some(1.0)));
}

#[test]
fn recordings_that_are_not_what_they_claim_are_named_with_the_reason() {
    let lake = TestLake::new();
    let Some(hostile) = recorded("hostile") else { return };
    let folder = lake.folder().join("recordings");
    std::fs::create_dir(&folder).expect("a folder");
    for (name, time) in [
        ("truncated-mid-escape.json", "2024-11-05T110000Z"),
        ("zip-instead-of-text.json", "2024-11-05T110100Z"),
    ] {
        let copy = folder.join(format!("{time}.json"));
        std::fs::copy(hostile.join(name), copy).expect("a copy");
    }
    let path = folder.display().to_string();
    let arguments = ["import", "--system", "velib", "--time-zone", "Europe/Paris", &path];
    let done = Finished::of(hotspots(&lake, &arguments));
    assert!(!done.success);
    let complaints = done.complaints();
    assert!(complaints[0].contains("cut short after 524288 bytes"), "{complaints:?}");
    assert!(complaints[1].contains("ZIP archive, not JSON"), "{complaints:?}");
    let ledger = lake.ledger("velib");
    assert!(ledger.iter().all(|poll| poll.outcome == "invalid" && poll.feed == "station_status"));
    assert_eq!(ledger.len(), 2);
}
