use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hotspots_data::table::StationStatus;

use super::Parsed;
use super::envelope::{Document, FeedError};
use super::fields::Fields;
use super::problems::Problems;
use super::rows::rows;
use super::vehicle_types::VehicleTypes;

const FEED: &str = "station_status";

/// Reads a `station_status` feed of any version; `types` tell the electric vehicles of feeds that
/// count by `vehicle_type_id`.
///
/// # Errors
/// [`FeedError`] when the body is not this feed or lists no station.
pub fn parse_station_status(
    body: &[u8],
    fetched_at: DateTime<Utc>,
    types: &VehicleTypes,
) -> Result<Parsed<StationStatus>, FeedError> {
    let (envelope, stations) = Document::read(body)?.stations(FEED)?;
    if !stations.iter().any(|station| station.names().any(|name| COUNTS.contains(&name))) {
        return Err(FeedError::WrongFeed {
            feed: FEED,
            reason: "no station has `num_bikes_available` or `num_vehicles_available`".to_owned(),
        });
    }
    let last_updated = envelope.last_updated.map(|time| time.at);
    let read = |station, problems: &mut Problems| {
        let row = read_station(station, fetched_at, types, problems)?;
        Some(StationStatus { last_updated, ..row })
    };
    let (rows, problems) = rows(stations, "station_id", |row| row.station_id.as_str(), read);
    if rows.is_empty() {
        return Err(FeedError::WrongFeed { feed: FEED, reason: problems.to_string() });
    }
    Ok(Parsed { rows, envelope, problems })
}

/// The spellings of the one field without which a feed is no status feed.
const COUNTS: [&str; 3] = ["num_bikes_available", "num_vehicles_available", "numBikesAvailable"];

fn read_station(
    mut station: Fields<'_>,
    fetched_at: DateTime<Utc>,
    vehicle_types: &VehicleTypes,
    problems: &mut Problems,
) -> Option<StationStatus> {
    let Some(station_id) = station.id(&["station_id"], problems) else {
        problems.note("station without station_id", "left out");
        return None;
    };
    let types = bikes_by_motor(&mut station, &station_id, vehicle_types, problems);
    let bikes = station.count(&COUNTS, problems);
    if bikes.is_none() {
        problems.note("station without num_bikes_available", &station_id);
    }
    Some(StationStatus {
        observed_at: fetched_at,
        fetched_at,
        last_updated: None,
        station_code: station.id(&["stationCode"], problems),
        num_bikes_available: bikes,
        num_ebikes_available: types.ebike,
        num_mechanical_available: types.mechanical,
        num_bikes_disabled: station
            .count(&["num_bikes_disabled", "num_vehicles_disabled"], problems),
        num_docks_available: station.count(&["num_docks_available", "numDocksAvailable"], problems),
        num_docks_disabled: station.count(&["num_docks_disabled"], problems),
        is_installed: station.flag("is_installed", problems),
        is_renting: station.flag("is_renting", problems),
        is_returning: station.flag("is_returning", problems),
        last_reported: station.time(&["last_reported"], problems),
        station_id,
        extra: station.extra(),
    })
}

#[derive(Default, PartialEq)]
struct BikesByType {
    mechanical: Option<i32>,
    ebike: Option<i32>,
}

/// From the first that is there, never from two: Vélib's own list, `num_ebikes_available`, or the
/// counts by vehicle type. The last stays in `extra`, for it says more than these two numbers.
fn bikes_by_motor(
    station: &mut Fields<'_>,
    station_id: &str,
    vehicle_types: &VehicleTypes,
    problems: &mut Problems,
) -> BikesByType {
    let own = station.read("num_bikes_available_types", bikes_by_type, problems);
    let ebikes = station.count(&["num_ebikes_available"], problems);
    let counted = station.peek("vehicle_types_available");
    if let Some(own) = own {
        return own;
    }
    if ebikes.is_some() || vehicle_types.is_empty() {
        return BikesByType { mechanical: None, ebike: ebikes };
    }
    let Some(raw) = counted else { return BikesByType::default() };
    bikes_of_types(raw, vehicle_types).unwrap_or_else(|reason| {
        problems.note("bikes by type not told", &format!("{station_id}: {reason}"));
        BikesByType::default()
    })
}

#[derive(serde::Deserialize)]
struct OfType<'a> {
    #[serde(borrow)]
    vehicle_type_id: std::borrow::Cow<'a, str>,
    count: u16,
}

/// The bicycles of GBFS 2.1's `[{"vehicle_type_id":"a","count":3}]`, with and without a motor.
fn bikes_of_types(raw: &str, types: &VehicleTypes) -> Result<BikesByType, String> {
    let list: Vec<OfType<'_>> = serde_json::from_str(raw).map_err(|error| error.to_string())?;
    let (mut mechanical, mut ebike) = (0, 0);
    for OfType { vehicle_type_id, count } in list {
        let Some(kind) = types.get(&vehicle_type_id) else {
            if count == 0 {
                continue;
            }
            return Err(format!("vehicle type `{vehicle_type_id}` is not listed"));
        };
        match kind.is_electric {
            _ if !kind.is_bicycle() => {}
            Some(true) => ebike += i32::from(count),
            Some(false) => mechanical += i32::from(count),
            None => return Err(format!("vehicle type `{vehicle_type_id}` has no propulsion")),
        }
    }
    Ok(BikesByType { mechanical: Some(mechanical), ebike: Some(ebike) })
}

/// Vélib's `[{"mechanical":3},{"ebike":2}]`; nothing where it says anything else.
fn bikes_by_type(raw: &str) -> Option<BikesByType> {
    let list: Vec<BTreeMap<&str, i32>> = serde_json::from_str(raw).ok()?;
    let mut types = BikesByType::default();
    for (name, count) in list.into_iter().flatten() {
        match name {
            _ if count == hotspots_data::NULL => return None,
            "mechanical" => types.mechanical = Some(count),
            "ebike" => types.ebike = Some(count),
            _ => return None,
        }
    }
    Some(types)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_count_is_kept_as_sent_and_noted_and_what_is_no_number_goes_to_extra() {
        let body = br#"{"last_updated":1770732155,"data":{"stations":[
            {"station_id":"a","num_bikes_available":-1,"num_docks_available":-2147483648,
             "num_bikes_disabled":"-2","num_docks_disabled":"some",
             "num_bikes_available_types":[{"mechanical":-3},{"ebike":2}]}]}}"#;
        let fetched_at = DateTime::from_timestamp(1_770_732_160, 0).unwrap();
        let parsed = parse_station_status(body, fetched_at, &VehicleTypes::default()).unwrap();
        let row = &parsed.rows[0];
        assert_eq!((row.num_bikes_available, row.num_bikes_disabled), (Some(-1), Some(-2)));
        assert_eq!((row.num_mechanical_available, row.num_ebikes_available), (Some(-3), Some(2)));
        // The least number of 32 bits stands for null in the compacted day.
        assert_eq!((row.num_docks_available, row.num_docks_disabled), (None, None));
        let extra = r#"{"num_docks_available":-2147483648,"num_docks_disabled":"some"}"#;
        assert_eq!(row.extra.as_deref(), Some(extra));
        let problems = parsed.problems.to_string();
        assert!(problems.contains("`num_bikes_available` is negative: -1"), "{problems}");
    }
}
