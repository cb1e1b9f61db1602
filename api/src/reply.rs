//! Answers as bytes.

use bytes::Bytes;
use chrono::NaiveDate;
use hotspots_data::table::Hotspot;
use hotspots_data::{DaySummary, SystemId};
use serde::Serialize;
use serde_json::json;
use warp::http::{HeaderValue, Response, header};

/// The body of every answer.
pub(crate) type Body = Bytes;

/// A day as JSON: its summary, and its cells in order of rank. Ratios have 6 decimals, positions 7
/// (a centimetre), numbers of bikes 3; the Parquet table has them all.
pub(crate) fn day(summary: &DaySummary, rows: &[Hotspot]) -> Bytes {
    let document = DayDocument {
        system: &summary.system,
        date: summary.date,
        time_zone: summary.time_zone.name(),
        resolution: summary.resolution,
        metric: "bikes",
        provisional: summary.provisional,
        coverage: rounded(summary.coverage, 6),
        polls: summary.polls,
        longest_unobserved_s: summary.longest_unobserved_s,
        stations: summary.stations,
        stations_without_information: summary.stations_without_information,
        stations_without_position: summary.stations_without_position,
        bikes: rounded(summary.bikes, 3),
        hotspots: rows.iter().map(CellDocument::of).collect(),
    };
    serde_json::to_vec(&document).unwrap_or_default().into()
}

/// The days there are.
pub(crate) fn days(system: &SystemId, dates: &[NaiveDate]) -> Bytes {
    let days: Vec<_> = dates
        .iter()
        .map(|date| json!({"date": date, "href": format!("/hotspots/{date}?system={system}")}))
        .collect();
    json!({"system": system, "days": days}).to_string().into()
}

/// What the API offers.
pub(crate) fn index() -> Bytes {
    json!({
        "name": "hotspots",
        "version": env!("CARGO_PKG_VERSION"),
        "paths": {
            "/hotspots": "the days there are",
            "/hotspots/{date}": "the cells of a day, the most bikes first",
            "/healthz": "whether the server lives",
        },
        "parameters": {"system": "which bike-share system; needed when the lake has several"},
    })
    .to_string()
    .into()
}

/// An answer with status 200.
pub(crate) fn json_response(body: Bytes) -> Response<Body> {
    let mut response = Response::new(body);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

#[derive(Serialize)]
struct DayDocument<'a> {
    system: &'a SystemId,
    date: NaiveDate,
    time_zone: &'a str,
    resolution: u8,
    metric: &'a str,
    provisional: bool,
    coverage: f64,
    polls: u32,
    longest_unobserved_s: f64,
    stations: u32,
    stations_without_information: u32,
    stations_without_position: u32,
    bikes: f64,
    hotspots: Vec<CellDocument<'a>>,
}

#[derive(Serialize)]
struct CellDocument<'a> {
    hex_id: &'a str,
    lat: f64,
    lng: f64,
    weight: f64,
    rank: u32,
    share: f64,
    bikes: f64,
    ebikes: Option<f64>,
    mechanical: Option<f64>,
    docks: Option<f64>,
    capacity: Option<f64>,
    occupancy: Option<f64>,
    stations: u32,
    coverage: f64,
}

impl<'a> CellDocument<'a> {
    fn of(row: &'a Hotspot) -> Self {
        let number = |value: Option<f64>| value.map(|value| rounded(value, 3));
        Self {
            hex_id: &row.hex_id,
            lat: rounded(row.lat, 7),
            lng: rounded(row.lng, 7),
            weight: rounded(row.weight, 6),
            rank: row.rank,
            share: rounded(row.share, 6),
            bikes: rounded(row.bikes, 3),
            ebikes: number(row.ebikes),
            mechanical: number(row.mechanical),
            docks: number(row.docks),
            capacity: number(row.capacity),
            occupancy: row.occupancy.map(|ratio| rounded(ratio, 6)),
            stations: row.stations,
            coverage: rounded(row.coverage, 6),
        }
    }
}

fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}
