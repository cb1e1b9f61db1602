use super::definition::table;

table! {
    /// One H3 cell on one local day.
    Hotspot = "hotspots" version 1 Described {
        rank: u32 ["rank"] "1 for the most bikes; equal `bikes` have equal rank, and the next rank is left out.",
        hex_id: String ["H3 index"] "The cell.",
        lat: f64 ["degrees, WGS 84"] "Latitude of the cell's centre.",
        lng: f64 ["degrees, WGS 84"] "Longitude of the cell's centre.",
        weight: f64 ["0 to 1"] "`bikes` ÷ the largest `bikes` of any cell that day.",
        share: f64 ["0 to 1"] "`bikes` ÷ the sum of all cells' `bikes` that day.",
        bikes: f64 ["bikes"] "Mean number of bikes present, weighted by time: the sum over the cell's stations.",
        ebikes: Option<f64> ["bikes"] "Of these, electric; null where no station tells.",
        mechanical: Option<f64> ["bikes"] "Of these, without a motor; null where no station tells.",
        docks: Option<f64> ["docks"] "Mean number of free docks; null where no station tells.",
        capacity: Option<f64> ["docks"] "Sum of the known capacities (above 0) of the cell's stations; null where none is known.",
        occupancy: Option<f64> ["ratio"] "`bikes` ÷ `capacity`; null unless every station of the cell has a known capacity. Above 1 where more bikes are present than docks.",
        stations: u32 ["stations"] "Stations observed in the cell that day.",
        coverage: f64 ["0 to 1"] "Share of the day in which its stations were observed: the mean over the stations.",
    }
}
