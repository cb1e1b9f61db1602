//! The same city by the letter of the standard: GBFS 2.3 and 3.0, with vehicle types and vehicles
//! that stand about freely.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::city::{City, last_reported};
use super::feeds::FOLDER;

/// The shape in which the twin's feeds come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// As Vélib's: GBFS 1.0 with fields of its own.
    #[default]
    Velib,
    /// GBFS 2.3.
    V2_3,
    /// GBFS 3.0.
    V3_0,
}

impl Shape {
    fn is_3(self) -> bool {
        self == Self::V3_0
    }

    /// The feeds by name, discovery first.
    #[must_use]
    pub fn feeds(self) -> &'static [&'static str] {
        match self {
            Self::Velib => &["gbfs", "system_information", "station_information", "station_status"],
            Self::V2_3 => &[
                "gbfs",
                "system_information",
                "vehicle_types",
                "station_information",
                "station_status",
                "free_bike_status",
                "system_regions",
            ],
            Self::V3_0 => &[
                "gbfs",
                "system_information",
                "vehicle_types",
                "station_information",
                "station_status",
                "vehicle_status",
                "system_regions",
            ],
        }
    }
}

/// The feed called `name` of GBFS 2.3 or 3.0; `None` where there is none of that name.
pub(super) fn feed(
    shape: Shape,
    name: &str,
    city: &City,
    base: &str,
    now: DateTime<Utc>,
) -> Option<String> {
    if !shape.feeds().contains(&name) {
        return None;
    }
    let data = match name {
        "gbfs" => discovery(shape, base),
        "system_information" => system_information(shape),
        "vehicle_types" => vehicle_types(shape),
        "station_information" => station_information(shape, city),
        "station_status" => station_status(shape, city, now),
        "system_regions" => {
            json!({"regions": [{"region_id": "centre", "name": text(shape, "Centre")}]})
        }
        _ => vehicles(shape, city, now),
    };
    let version = if shape.is_3() { "3.0" } else { "2.3" };
    let feed = json!({
        "last_updated": time(shape, now.timestamp()), "ttl": 60, "version": version, "data": data,
    });
    Some(feed.to_string())
}

fn discovery(shape: Shape, base: &str) -> Value {
    let feeds: Vec<Value> = shape.feeds()[1..]
        .iter()
        .map(|name| json!({"name": name, "url": format!("{base}/{FOLDER}/{name}.json")}))
        .collect();
    if shape.is_3() { json!({"feeds": feeds}) } else { json!({"en": {"feeds": feeds}}) }
}

fn system_information(shape: Shape) -> Value {
    if shape.is_3() {
        return json!({
            "system_id": "twin", "languages": ["en"], "name": text(shape, "Twin"),
            "timezone": "Europe/Paris", "opening_hours": "24/7",
            "feed_contact_email": "twin@example.org",
        });
    }
    json!({"system_id": "twin", "language": "en", "name": "Twin", "timezone": "Europe/Paris"})
}

fn vehicle_types(shape: Shape) -> Value {
    json!({"vehicle_types": [
        {"vehicle_type_id": "bike", "form_factor": "bicycle", "propulsion_type": "human",
         "name": text(shape, "Bike")},
        {"vehicle_type_id": "ebike", "form_factor": "bicycle",
         "propulsion_type": "electric_assist", "max_range_meters": 40_000,
         "name": text(shape, "E-bike")},
    ]})
}

fn station_information(shape: Shape, city: &City) -> Value {
    let stations: Vec<Value> = city
        .stations()
        .iter()
        .filter(|station| station.in_information)
        .map(|station| {
            json!({
                "station_id": station.id.to_string(), "name": text(shape, &station.name),
                "lat": station.lat, "lon": station.lon, "capacity": station.capacity,
                "region_id": "centre",
            })
        })
        .collect();
    json!({"stations": stations})
}

fn station_status(shape: Shape, city: &City, now: DateTime<Utc>) -> Value {
    let bikes_name = if shape.is_3() { "num_vehicles_available" } else { "num_bikes_available" };
    let stations: Vec<Value> = city
        .stations()
        .iter()
        .enumerate()
        .filter(|(_, station)| station.in_status)
        .map(|(index, station)| {
            let counts = city.counts(index, now);
            json!({
                "station_id": station.id.to_string(),
                bikes_name: counts.mechanical + counts.ebike,
                "vehicle_types_available": [
                    {"vehicle_type_id": "bike", "count": counts.mechanical},
                    {"vehicle_type_id": "ebike", "count": counts.ebike},
                ],
                "num_docks_available": counts.docks,
                "is_installed": station.installed, "is_renting": station.installed,
                "is_returning": station.installed,
                "last_reported": time(shape, last_reported(station, index, now)),
            })
        })
        .collect();
    json!({"stations": stations})
}

fn vehicles(shape: Shape, city: &City, now: DateTime<Utc>) -> Value {
    let (list, id) = if shape.is_3() { ("vehicles", "vehicle_id") } else { ("bikes", "bike_id") };
    let vehicles: Vec<Value> = city
        .vehicles(now)
        .into_iter()
        .map(|vehicle| {
            let mut fields = json!({
                id: vehicle.id, "lat": vehicle.lat, "lon": vehicle.lon,
                "is_reserved": vehicle.reserved, "is_disabled": false,
                "vehicle_type_id": if vehicle.electric { "ebike" } else { "bike" },
                "last_reported": time(shape, now.timestamp()),
            });
            if vehicle.electric {
                fields["current_range_meters"] = 21_000.into();
            }
            if let Some(station) = vehicle.station {
                fields["station_id"] = station.to_string().into();
            }
            fields
        })
        .collect();
    json!({list: vehicles})
}

/// A text: 3.0 has a list of languages.
fn text(shape: Shape, text: &str) -> Value {
    if shape.is_3() { json!([{"text": text, "language": "en"}]) } else { text.into() }
}

/// A time: 3.0 has RFC 3339, before it seconds since 1970.
fn time(shape: Shape, seconds: i64) -> Value {
    if shape.is_3() {
        let at = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        at.to_rfc3339_opts(SecondsFormat::Secs, true).into()
    } else {
        seconds.into()
    }
}
