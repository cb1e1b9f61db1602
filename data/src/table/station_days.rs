use super::definition::table;

table! {
    /// One station on one local day.
    StationDay = "station_days" version 1 Described {
        station_id: String ["id"] "GBFS `station_id`.",
        station_code: Option<String> ["id"] "Vélib's `stationCode`.",
        name: Option<String> ["text"] "The station's name, of the last version in force that day.",
        lat: Option<f64> ["degrees, WGS 84"] "Latitude, of the last version in force that day.",
        lon: Option<f64> ["degrees, WGS 84"] "Longitude, of the last version in force that day.",
        hex_id_8: Option<String> ["H3 index"] "The cell of resolution 8 it stood in last; null without information or position.",
        hex_id_9: Option<String> ["H3 index"] "The same at resolution 9.",
        hex_id_10: Option<String> ["H3 index"] "The same at resolution 10.",
        capacity: Option<i32> ["docks"] "Docks as published, of the last version in force that day; null where unknown or 0.",
        bikes: Option<f64> ["bikes"] "Mean number of bikes, weighted by time; null when never observed.",
        ebikes: Option<f64> ["bikes"] "Of these, electric.",
        mechanical: Option<f64> ["bikes"] "Of these, without a motor.",
        docks: Option<f64> ["docks"] "Mean number of free docks.",
        occupancy: Option<f64> ["ratio"] "`bikes` ÷ the mean capacity over the same time, so not always ÷ `capacity`, which is the last; null unless it was known all the time.",
        empty_share: Option<f64> ["0 to 1"] "Share of the observed time without a bike.",
        full_share: Option<f64> ["0 to 1"] "Share of the observed time without a free dock.",
        empty_episodes: u32 ["episodes"] "Unbroken stretches without a bike; one that time unseen interrupts is two.",
        empty_minutes: f64 ["min"] "Their length together.",
        longest_empty_minutes: f64 ["min"] "The longest of them.",
        full_episodes: u32 ["episodes"] "Unbroken stretches without a free dock.",
        full_minutes: f64 ["min"] "Their length together.",
        longest_full_minutes: f64 ["min"] "The longest of them.",
        peak_hour: Option<u32> ["hour, 0 to 23"] "The local hour with the most bikes on average; the earliest of equals.",
        bikes_0800: Option<i32> ["bikes"] "Bikes at 08:00 local time; null when not observed then.",
        bikes_1800: Option<i32> ["bikes"] "Bikes at 18:00 local time; null when not observed then.",
        coverage: f64 ["0 to 1"] "Share of the day in which it was observed.",
    }
}
