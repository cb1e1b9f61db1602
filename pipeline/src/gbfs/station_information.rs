use chrono::{DateTime, Utc};
use hotspots_data::table::StationInformation;
use hotspots_data::{Cell, Resolution};

use super::Parsed;
use super::envelope::{Document, FeedError};
use super::fields::Fields;
use super::problems::Problems;
use super::rows::rows;

const FEED: &str = "station_information";

/// Reads a `station_information` feed of any version; of localised names it takes `language`'s.
///
/// # Errors
/// [`FeedError`] when the body is not this feed or lists no station.
pub fn parse_station_information(
    body: &[u8],
    fetched_at: DateTime<Utc>,
    language: Option<&str>,
) -> Result<Parsed<StationInformation>, FeedError> {
    let (envelope, stations) = Document::read(body)?.stations(FEED)?;
    if !stations.iter().any(|station| station.names().any(|name| name == "lat" || name == "lon")) {
        return Err(FeedError::WrongFeed {
            feed: FEED,
            reason: "no station has `lat` or `lon`".to_owned(),
        });
    }
    let last_updated = envelope.last_updated.map(|time| time.at);
    let read = |station, problems: &mut Problems| {
        let row = read_station(station, fetched_at, language, problems)?;
        Some(StationInformation { last_updated, ..row })
    };
    let (rows, problems) = rows(stations, "station_id", |row| row.station_id.as_str(), read);
    if rows.is_empty() {
        return Err(FeedError::WrongFeed { feed: FEED, reason: problems.to_string() });
    }
    Ok(Parsed { rows, envelope, problems })
}

fn read_station(
    mut station: Fields<'_>,
    fetched_at: DateTime<Utc>,
    language: Option<&str>,
    problems: &mut Problems,
) -> Option<StationInformation> {
    let Some(station_id) = station.id(&["station_id"], problems) else {
        problems.note("station without station_id", "left out");
        return None;
    };
    let lat = station.number(&["lat"], problems);
    let lon = station.number(&["lon"], problems);
    let position = lat.zip(lon);
    let [hex_id_8, hex_id_9, hex_id_10] = match position {
        None => {
            problems.note("station without a position", &station_id);
            [None, None, None]
        }
        Some((lat, lon)) => cells(lat, lon).unwrap_or_else(|error| {
            problems.note("station in no cell", &format!("{station_id}: {error}"));
            [None, None, None]
        }),
    };
    Some(StationInformation {
        observed_at: fetched_at,
        fetched_at,
        last_updated: None,
        station_code: station.id(&["stationCode"], problems),
        name: station.text("name", language, problems),
        short_name: station.text("short_name", language, problems),
        lat,
        lon,
        hex_id_8,
        hex_id_9,
        hex_id_10,
        capacity: station.count(&["capacity"], problems),
        region_id: station.id(&["region_id"], problems),
        is_virtual_station: station.flag("is_virtual_station", problems),
        station_id,
        extra: station.extra(),
    })
}

/// The cells of resolutions 8, 9 and 10.
pub(super) fn cells(lat: f64, lon: f64) -> Result<[Option<String>; 3], hotspots_data::CellError> {
    let [nine, eight] = Resolution::COARSER;
    let cell = |resolution| Cell::at(lat, lon, resolution).map(|cell| Some(cell.to_string()));
    Ok([cell(eight)?, cell(nine)?, cell(Resolution::HOTSPOTS)?])
}
