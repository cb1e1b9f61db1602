use chrono::{DateTime, Utc};

use super::definition::table;

table! {
    /// One H3 cell in one hour of a local day.
    HotspotHour = "hotspots_hourly" version 1 Long {
        hex_id: String ["H3 index"] "The cell.",
        hour: u32 ["hour, 0 to 23"] "The hour on the local clock; where clocks are set back it occurs twice, told apart by `hour_start`.",
        hour_start: DateTime<Utc> ["ms since 1970, UTC"] "When the hour begins.",
        weight: f64 ["0 to 1"] "`bikes` ÷ the largest `bikes` of any cell in any hour of that day: comparable between hours.",
        bikes: f64 ["bikes"] "Mean number of bikes present in the hour, weighted by time: the sum over the cell's stations.",
        ebikes: Option<f64> ["bikes"] "Of these, electric; null where no station tells.",
        mechanical: Option<f64> ["bikes"] "Of these, without a motor; null where no station tells.",
        docks: Option<f64> ["docks"] "Mean number of free docks; null where no station tells.",
        capacity: Option<f64> ["docks"] "Sum of the known capacities (above 0) of the cell's stations; null where none is known.",
        occupancy: Option<f64> ["ratio"] "`bikes` ÷ `capacity`; null unless every station of the cell has a known capacity.",
        empty_share: f64 ["0 to 1"] "Share of the hour's observed time in which the cell as a whole offers no bike.",
        full_share: Option<f64> ["0 to 1"] "Share of the hour's observed time in which the cell as a whole offers no free dock; null where no station tells.",
        stations: u32 ["stations"] "Stations observed in the cell in that hour.",
        coverage: f64 ["0 to 1"] "Share of the hour in which its stations were observed: the mean over the stations.",
    }
}
