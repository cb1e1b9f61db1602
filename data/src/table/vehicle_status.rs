use chrono::{DateTime, Utc};

use super::definition::table;

table! {
    /// One vehicle in one poll: GBFS `vehicle_status` (up to 2.3 `free_bike_status`), every field kept.
    VehicleStatus = "vehicle_status" version 1 Small {
        observed_at: DateTime<Utc> ["ms since 1970, UTC"] "When the state was observed: the feed's `last_updated` where plausible, else `fetched_at`.",
        fetched_at: DateTime<Utc> ["ms since 1970, UTC"] "When the answer arrived here.",
        last_updated: Option<DateTime<Utc>> ["ms since 1970, UTC"] "The feed's own clock, as it said.",
        vehicle_id: String ["id"] "GBFS `vehicle_id` (`bike_id`), as it came: it changes after each trip, and is no track.",
        lat: Option<f64> ["degrees, WGS 84"] "Latitude as sent, possible or not; null for a vehicle at a station.",
        lon: Option<f64> ["degrees, WGS 84"] "Longitude as sent.",
        hex_id_8: Option<String> ["H3 index"] "The H3 cell of resolution 8; null where the position is missing or impossible.",
        hex_id_9: Option<String> ["H3 index"] "The same at resolution 9.",
        hex_id_10: Option<String> ["H3 index"] "The same at resolution 10.",
        station_id: Option<String> ["id"] "The station it is parked at: it is in that station's count already.",
        vehicle_type_id: Option<String> ["id"] "GBFS `vehicle_type_id`.",
        form_factor: Option<String> ["name"] "From the `vehicle_types` feed, such as `bicycle` or `scooter_standing`; null where unknown.",
        is_electric: Option<bool> ["flag"] "From the `vehicle_types` feed: `propulsion_type` is `electric` or `electric_assist`; null where unknown.",
        is_reserved: Option<bool> ["flag"] "Reserved for somebody.",
        is_disabled: Option<bool> ["flag"] "Cannot be rented.",
        last_reported: Option<DateTime<Utc>> ["ms since 1970, UTC"] "When the vehicle last reported.",
        extra: Option<String> ["JSON object"] "Every other field that is not null, as it came.",
    }
}
