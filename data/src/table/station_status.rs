use chrono::{DateTime, Utc};

use super::definition::table;

table! {
    /// One station in one poll: GBFS `station_status`, every field kept.
    StationStatus = "station_status" version 1 Small {
        observed_at: DateTime<Utc> ["ms since 1970, UTC"] "When the state was observed: the feed's `last_updated` where plausible, else `fetched_at`. Order and join by this, never by `last_reported`.",
        fetched_at: DateTime<Utc> ["ms since 1970, UTC"] "When the answer arrived here.",
        last_updated: Option<DateTime<Utc>> ["ms since 1970, UTC"] "The feed's own clock (`last_updated`; Vélib: `lastUpdatedOther`), as it said.",
        station_id: String ["id"] "GBFS `station_id`, a string even where the feed sends a number.",
        station_code: Option<String> ["id"] "Vélib's `stationCode`, the number painted on the station; not always numeric.",
        num_bikes_available: Option<i32> ["bikes"] "Bikes that can be rented (GBFS 3: `num_vehicles_available`).",
        num_ebikes_available: Option<i32> ["bikes"] "Of these, electric: from `num_bikes_available_types` or `num_ebikes_available`.",
        num_mechanical_available: Option<i32> ["bikes"] "Of these, without a motor: from `num_bikes_available_types`.",
        num_bikes_disabled: Option<i32> ["bikes"] "Bikes present that cannot be rented (GBFS 3: `num_vehicles_disabled`).",
        num_docks_available: Option<i32> ["docks"] "Free docks.",
        num_docks_disabled: Option<i32> ["docks"] "Docks out of order.",
        is_installed: Option<bool> ["flag"] "Whether the station stands in the street.",
        is_renting: Option<bool> ["flag"] "Whether it rents; the counts stay as if it did.",
        is_returning: Option<bool> ["flag"] "Whether it takes bikes back.",
        last_reported: Option<DateTime<Utc>> ["ms since 1970, UTC"] "When the station last reported to its operator; goes backwards and stands still in practice.",
        extra: Option<String> ["JSON object"] "Every other field of the station that is not null, as it came.",
    }
}
