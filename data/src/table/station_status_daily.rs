use chrono::{DateTime, Utc};

use super::definition::table;

table! {
    /// One station in one poll of a closed day: a row of [`StationStatus`](super::StationStatus), every field kept.
    StationStatusDaily = "station_status_daily" version 1 Compact {
        poll: u32 ["number"] "The poll, counted from 0 in order of time: its place in the metadata entry `hotspots.polls`.",
        row: u32 ["number"] "The row in its poll's own object, counted from 0.",
        observed_at: DateTime<Utc> ["ms since 1970, UTC"] "As in `station_status`, and so are all that follow.",
        fetched_at: DateTime<Utc> ["ms since 1970, UTC"] "When the answer arrived here.",
        last_updated: Option<DateTime<Utc>> ["ms since 1970, UTC"] "The feed's own clock, as it said.",
        station_id: String ["id"] "GBFS `station_id`.",
        station_code: Option<String> ["id"] "Vélib's `stationCode`.",
        num_bikes_available: Option<i32> ["bikes"] "Bikes that can be rented.",
        num_ebikes_available: Option<i32> ["bikes"] "Of these, electric.",
        num_mechanical_available: Option<i32> ["bikes"] "Of these, without a motor.",
        num_bikes_disabled: Option<i32> ["bikes"] "Bikes present that cannot be rented.",
        num_docks_available: Option<i32> ["docks"] "Free docks.",
        num_docks_disabled: Option<i32> ["docks"] "Docks out of order.",
        is_installed: Option<bool> ["flag"] "Whether the station stands in the street.",
        is_renting: Option<bool> ["flag"] "Whether it rents.",
        is_returning: Option<bool> ["flag"] "Whether it takes bikes back.",
        last_reported: Option<DateTime<Utc>> ["ms since 1970, UTC"] "When the station last reported to its operator.",
        extra: Option<String> ["JSON object"] "Every other field of the station that is not null, as it came.",
    }
}
