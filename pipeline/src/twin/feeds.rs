//! The four feeds in Vélib's exact shape.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::city::{City, last_reported};

/// Where Vélib keeps its feeds, below the host.
pub(super) const FOLDER: &str = "opendata/Velib_Metropole";

pub(super) fn discovery(base: &str, now: DateTime<Utc>) -> String {
    let feed = |name: &str| json!({"name": name, "url": format!("{base}/{FOLDER}/{name}.json")});
    let names = ["gbfs", "system_information", "station_information", "station_status"];
    let feeds: Vec<_> = names.into_iter().map(feed).collect();
    enveloped(now, &json!({"en": {"feeds": feeds}}).to_string())
}

pub(super) fn system_information(now: DateTime<Utc>, time_zone: &str) -> String {
    let data = json!({
        "system_id": "Twin", "name": "Twin", "url": "", "timezone": time_zone, "language": "en",
    });
    enveloped(now, &data.to_string())
}

pub(super) fn station_information(city: &City, now: DateTime<Utc>) -> String {
    let stations: Vec<_> = city
        .stations()
        .iter()
        .filter(|station| station.in_information)
        .map(|station| {
            json!({
                "station_id": station.id, "stationCode": station.code, "name": station.name,
                "lat": station.lat, "lon": station.lon, "capacity": station.capacity,
                "rental_methods": ["CREDITCARD"], "station_opening_hours": null,
            })
        })
        .collect();
    enveloped(now, &json!({"stations": stations}).to_string())
}

pub(super) fn station_status(city: &City, now: DateTime<Utc>) -> String {
    let mut list = String::with_capacity(300 * city.stations().len());
    list.push_str("{\"stations\":[");
    let mut comma = "";
    for (index, station) in city.stations().iter().enumerate() {
        if !station.in_status {
            continue;
        }
        let counts = city.counts(index, now);
        let bikes = counts.mechanical + counts.ebike;
        let flag = u8::from(station.installed);
        // Written by hand: a day of polls renders two million of these.
        let _ = write!(
            list,
            "{comma}{{\"station_id\":{},\"num_bikes_available\":{bikes},\"numBikesAvailable\":{bikes},\
             \"num_bikes_available_types\":[{{\"mechanical\":{}}},{{\"ebike\":{}}}],\
             \"num_docks_available\":{docks},\"numDocksAvailable\":{docks},\"is_installed\":{flag},\
             \"is_returning\":{flag},\"is_renting\":{flag},\"last_reported\":{},\
             \"stationCode\":\"{}\",\"station_opening_hours\":null}}",
            station.id,
            counts.mechanical,
            counts.ebike,
            last_reported(station, index, now),
            station.code,
            docks = counts.docks,
        );
        comma = ",";
    }
    list.push_str("]}");
    enveloped(now, &list)
}

fn enveloped(now: DateTime<Utc>, data: &str) -> String {
    format!("{{\"lastUpdatedOther\":{},\"ttl\":3600,\"data\":{data}}}", now.timestamp())
}
