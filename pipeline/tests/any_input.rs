//! Whatever a publisher sends, a parser answers; it never panics.

use chrono::{DateTime, Utc};
use hotspots_pipeline::{catalogue, gbfs};
use proptest::collection::vec;
use proptest::prelude::*;

/// A feed with something of every kind, to be damaged.
const FEED: &str = r#"{"last_updated":"2026-02-10T14:02:35Z","ttl":60,"version":"3.0","data":{
    "feeds":[{"name":"station_status","url":"s.json"}],"en":{"feeds":[{"name":"gbfs","url":"/a"}]},
    "system_id":"x","timezone":"Europe/Paris","name":[{"text":"n","language":"en"}],"languages":["en"],
    "vehicle_types":[{"vehicle_type_id":"e","form_factor":"bicycle","propulsion_type":"electric"}],
    "vehicles":[{"vehicle_id":"v","lat":48.8,"lon":2.3,"is_reserved":0,"vehicle_type_id":"e"}],
    "stations":[{"station_id":17179869184,"lat":48.85,"lon":2.35,"capacity":20,"num_bikes_available":7,
      "num_bikes_available_types":[{"mechanical":3},{"ebike":4}],"is_installed":1,"last_reported":1770732155,
      "vehicle_types_available":[{"vehicle_type_id":"e","count":4}],"name":"caf\u00e9"}]}}"#;

fn every_parser(body: &[u8]) -> bool {
    let at = DateTime::<Utc>::UNIX_EPOCH;
    let url = "https://a.example/gbfs.json".parse().expect("a URL");
    let types = gbfs::parse_vehicle_types(body).map(|(_, types)| types);
    let known = types.as_ref().map(Clone::clone).unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    [
        types.is_ok(),
        gbfs::parse_discovery(body, &url, None).is_ok(),
        gbfs::parse_station_status(body, at, &known).is_ok(),
        gbfs::parse_station_information(body, at, Some("fr")).is_ok(),
        gbfs::parse_system_information(body, at).is_ok(),
        gbfs::parse_vehicle_status(body, at, &known).is_ok(),
        gbfs::parse_other_feed("x", body, at).is_ok(),
        gbfs::vehicle_types_of_data(&text).is_ok(),
        gbfs::FeedTime::read(&text).is_some(),
        catalogue::parse(&text).is_ok(),
    ]
    .contains(&true)
}

#[test]
fn the_undamaged_feed_is_read() {
    assert!(every_parser(FEED.as_bytes()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_make_a_parser_panic(body in vec(any::<u8>(), 0..400)) {
        every_parser(&body);
    }

    #[test]
    fn no_damage_to_a_feed_makes_a_parser_panic(
        changes in vec((0..FEED.len(), any::<u8>()), 0..6), cut in 0..FEED.len() * 2,
        (from, to, length) in (0..FEED.len(), 0..FEED.len(), 0_usize..80),
    ) {
        let mut body = FEED.as_bytes().to_vec();
        for (at, byte) in changes {
            body[at] = byte;
        }
        let piece: Vec<u8> = body[from..(from + length).min(body.len())].to_vec();
        body.splice(to..to, piece);
        body.truncate(cut.max(1));
        every_parser(&body);
    }

    #[test]
    fn no_value_in_a_field_makes_a_parser_panic(
        value in prop_oneof![
            "-?[0-9]{1,40}(\\.[0-9]{1,5})?(e[0-9]{1,3})?", "\"\\PC{0,20}\"", "(\\[|\\]|\\{|\\}|,|:|\"a\"|null|1){0,9}",
        ],
        which in 0_usize..12,
    ) {
        let field = ["17179869184", "48.85", "2.35", "20", "7", "1770732155", "\"Europe/Paris\"", "60",
            "\"2026-02-10T14:02:35Z\"", "\"e\"", "\"s.json\"", "[\"en\"]"][which];
        every_parser(FEED.replace(field, &value).as_bytes());
    }
}
