use chrono::{DateTime, Utc};
use hotspots_data::table::VehicleStatus;

use super::Parsed;
use super::envelope::{Document, FeedError};
use super::fields::Fields;
use super::problems::Problems;
use super::rows::rows;
use super::station_information::cells;
use super::vehicle_types::VehicleTypes;

const FEED: &str = "vehicle_status";

/// Reads a `vehicle_status` feed, or `free_bike_status` as it was called up to 2.3; a feed without
/// any vehicle is a good one. Form and motor come from `types`.
///
/// # Errors
/// [`FeedError`] when the body is not this feed.
pub fn parse_vehicle_status(
    body: &[u8],
    fetched_at: DateTime<Utc>,
    types: &VehicleTypes,
) -> Result<Parsed<VehicleStatus>, FeedError> {
    let (envelope, mut data) = Document::read(body)?.fields(FEED)?;
    let Some(raw) = data.raw("vehicles").or_else(|| data.raw("bikes")) else {
        let names: Vec<&str> = data.names().collect();
        let reason = format!("`data` has neither `vehicles` nor `bikes`, only {names:?}");
        return Err(FeedError::WrongFeed { feed: FEED, reason });
    };
    let vehicles: Vec<Fields<'_>> = serde_json::from_str(raw)
        .map_err(|error| FeedError::WrongFeed { feed: FEED, reason: error.to_string() })?;
    let last_updated = envelope.last_updated.map(|time| time.at);
    let any = !vehicles.is_empty();
    let read = |vehicle, problems: &mut Problems| {
        let row = read_vehicle(vehicle, fetched_at, types, problems)?;
        Some(VehicleStatus { last_updated, ..row })
    };
    let (rows, problems) = rows(vehicles, "vehicle_id", |row| row.vehicle_id.as_str(), read);
    if any && rows.is_empty() {
        return Err(FeedError::WrongFeed { feed: FEED, reason: problems.to_string() });
    }
    Ok(Parsed { rows, envelope, problems })
}

fn read_vehicle(
    mut vehicle: Fields<'_>,
    fetched_at: DateTime<Utc>,
    types: &VehicleTypes,
    problems: &mut Problems,
) -> Option<VehicleStatus> {
    let Some(vehicle_id) = vehicle.id(&["vehicle_id", "bike_id"], problems) else {
        problems.note("vehicle without an id", "left out");
        return None;
    };
    let lat = vehicle.number(&["lat"], problems);
    let lon = vehicle.number(&["lon"], problems);
    let station_id = vehicle.id(&["station_id"], problems);
    let [hex_id_8, hex_id_9, hex_id_10] = if let Some((lat, lon)) = lat.zip(lon) {
        cells(lat, lon).unwrap_or_else(|error| {
            problems.note("vehicle in no cell", &format!("{vehicle_id}: {error}"));
            [None, None, None]
        })
    } else {
        if station_id.is_none() {
            problems.note("vehicle without a position", &vehicle_id);
        }
        [None, None, None]
    };
    let vehicle_type_id = vehicle.id(&["vehicle_type_id"], problems);
    let kind = vehicle_type_id.as_deref().and_then(|id| types.get(id));
    Some(VehicleStatus {
        observed_at: fetched_at,
        fetched_at,
        last_updated: None,
        lat,
        lon,
        hex_id_8,
        hex_id_9,
        hex_id_10,
        station_id,
        form_factor: kind.and_then(|kind| kind.form_factor.clone()),
        is_electric: kind.and_then(|kind| kind.is_electric),
        vehicle_type_id,
        is_reserved: vehicle.flag("is_reserved", problems),
        is_disabled: vehicle.flag("is_disabled", problems),
        last_reported: vehicle.time(&["last_reported"], problems),
        vehicle_id,
        extra: vehicle.extra(),
    })
}
