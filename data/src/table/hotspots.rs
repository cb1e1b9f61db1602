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
        empty_share: f64 ["0 to 1"] "Share of the observed time in which the cell as a whole (the stations seen in that poll) offers no bike.",
        full_share: Option<f64> ["0 to 1"] "Share of the observed time in which the cell as a whole offers no free dock; null where no station tells.",
        stations: u32 ["stations"] "Stations observed in the cell that day.",
        coverage: f64 ["0 to 1"] "Share of the day in which its stations were observed: the mean over the stations.",
        smoothed_bikes: f64 ["bikes"] "Mean of `bikes` over the cell and its six neighbours, cells without stations counted as 0.",
        smoothed_weight: f64 ["0 to 1"] "`smoothed_bikes` ÷ the largest of any cell that day.",
        gi_z: Option<f64> ["standard deviations"] "Getis–Ord Gi* of `bikes` over the cells within the neighbourhood that docs/design.md defines; null where all cells are alike.",
        gi_p: Option<f64> ["probability"] "Two-sided p of `gi_z` under the normal distribution.",
        gi_p_adjusted: Option<f64> ["probability"] "`gi_p` adjusted for the number of cells (Benjamini–Hochberg).",
        gi_class: String ["name"] "`hot` or `cold` where `gi_p_adjusted` is at most 0.05, else `neither`.",
        baseline_bikes: Option<f64> ["bikes"] "Median of the cell's `bikes` on the same weekday of the previous weeks; null without data.",
        baseline_days: u32 ["days"] "Days that median is of.",
        baseline_difference: Option<f64> ["bikes"] "`bikes` less `baseline_bikes`.",
    }
}
