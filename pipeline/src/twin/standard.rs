//! The same city by the letter of the standard, GBFS 1.0 to 3.1, with vehicles that stand about
//! freely and, where the version has them, vehicle types.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::city::{City, last_reported};
use super::feeds::FOLDER;

/// The shape in which the twin's feeds come, in order of their age.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// As Vélib's: GBFS 1.0 with fields of its own.
    #[default]
    Velib,
    /// GBFS 1.0: flags are 0 and 1, and there is no `version`.
    V1_0,
    /// GBFS 1.1.
    V1_1,
    /// GBFS 2.0: flags are true and false.
    V2_0,
    /// GBFS 2.1: vehicle types, and with them the e-bikes.
    V2_1,
    /// GBFS 2.2.
    V2_2,
    /// GBFS 2.3.
    V2_3,
    /// GBFS 3.0: new names, RFC 3339 times, and texts in several languages.
    V3_0,
    /// GBFS 3.1-RC3.
    V3_1,
}

impl Shape {
    /// The shapes that are by the letter of the standard.
    pub const STANDARD: [Self; 8] = [
        Self::V1_0,
        Self::V1_1,
        Self::V2_0,
        Self::V2_1,
        Self::V2_2,
        Self::V2_3,
        Self::V3_0,
        Self::V3_1,
    ];

    /// The version of GBFS.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::Velib | Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V2_0 => "2.0",
            Self::V2_1 => "2.1",
            Self::V2_2 => "2.2",
            Self::V2_3 => "2.3",
            Self::V3_0 => "3.0",
            Self::V3_1 => "3.1-RC3",
        }
    }

    /// Whether there are vehicle types, by which e-bikes can be told.
    #[must_use]
    pub fn has_vehicle_types(self) -> bool {
        self >= Self::V2_1
    }

    /// The feeds by name, discovery first.
    #[must_use]
    pub fn feeds(self) -> Vec<&'static str> {
        let mut feeds = vec!["gbfs", "system_information", "station_information", "station_status"];
        if self != Self::Velib {
            feeds.push(if self.is_3() { "vehicle_status" } else { "free_bike_status" });
            feeds.push("system_regions");
        }
        if self.has_vehicle_types() {
            feeds.push("vehicle_types");
        }
        feeds
    }

    fn is_3(self) -> bool {
        self >= Self::V3_0
    }
}

/// The feed called `name` of a shape of [`Shape::STANDARD`]; `None` where there is none of that name.
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
    let mut feed = json!({
        "last_updated": time(shape, now.timestamp()), "ttl": 60, "data": data,
    });
    if shape > Shape::V1_0 {
        feed["version"] = shape.version().into();
    }
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
            let in_service = flag(shape, station.installed);
            let mut fields = json!({
                "station_id": station.id.to_string(),
                bikes_name: counts.mechanical + counts.ebike,
                "num_docks_available": counts.docks,
                "is_installed": in_service, "is_renting": in_service, "is_returning": in_service,
                "last_reported": time(shape, last_reported(station, index, now)),
            });
            if shape.has_vehicle_types() {
                fields["vehicle_types_available"] = json!([
                    {"vehicle_type_id": "bike", "count": counts.mechanical},
                    {"vehicle_type_id": "ebike", "count": counts.ebike},
                ]);
            }
            fields
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
                "is_reserved": flag(shape, vehicle.reserved), "is_disabled": flag(shape, false),
            });
            if !shape.has_vehicle_types() {
                return fields;
            }
            fields["vehicle_type_id"] = if vehicle.electric { "ebike" } else { "bike" }.into();
            fields["last_reported"] = time(shape, now.timestamp());
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

/// A flag: true or false, before 2.0 1 or 0.
fn flag(shape: Shape, is: bool) -> Value {
    if shape >= Shape::V2_0 { is.into() } else { u8::from(is).into() }
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
