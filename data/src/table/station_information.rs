use chrono::{DateTime, Utc};

use super::definition::table;

table! {
    /// One station in one version of GBFS `station_information`.
    StationInformation = "station_information" version 1 Small {
        observed_at: DateTime<Utc> ["ms since 1970, UTC"] "When this version was seen; it holds until the next one.",
        fetched_at: DateTime<Utc> ["ms since 1970, UTC"] "When the answer arrived here.",
        last_updated: Option<DateTime<Utc>> ["ms since 1970, UTC"] "The feed's own clock, as it said.",
        station_id: String ["id"] "GBFS `station_id`, a string even where the feed sends a number.",
        station_code: Option<String> ["id"] "Vélib's `stationCode`.",
        name: Option<String> ["text"] "The station's name without spaces around it; of several languages, the system's or the first.",
        short_name: Option<String> ["text"] "GBFS `short_name`.",
        lat: Option<f64> ["degrees, WGS 84"] "Latitude as sent, possible or not.",
        lon: Option<f64> ["degrees, WGS 84"] "Longitude as sent, possible or not.",
        hex_id_8: Option<String> ["H3 index"] "The H3 cell of resolution 8 that holds the station; null where the position is missing or impossible.",
        hex_id_9: Option<String> ["H3 index"] "The same at resolution 9.",
        hex_id_10: Option<String> ["H3 index"] "The same at resolution 10, the hexagons of the hotspots.",
        capacity: Option<i32> ["docks"] "Docks of the station as published; 0 and placeholders occur.",
        region_id: Option<String> ["id"] "GBFS `region_id`.",
        is_virtual_station: Option<bool> ["flag"] "A place without docks.",
        extra: Option<String> ["JSON object"] "Every other field of the station that is not null, as it came.",
    }
}
