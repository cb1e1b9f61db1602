//! The parameters there are: their names, and what is said of them.

use serde_json::{Value, json};

use crate::negotiate::Format;
use crate::wishes::Metric;

/// A query parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Param {
    System,
    Metric,
    Hour,
    Resolution,
    Bbox,
    Near,
    RadiusM,
    MinWeight,
    Limit,
    Smooth,
    Baseline,
    RelativeTo,
    From,
    To,
    HexId,
    Format,
}

/// Every parameter of any path.
pub(super) const ALL: [Param; 16] = [
    Param::System,
    Param::Metric,
    Param::Hour,
    Param::Resolution,
    Param::Bbox,
    Param::Near,
    Param::RadiusM,
    Param::MinWeight,
    Param::Limit,
    Param::Smooth,
    Param::Baseline,
    Param::RelativeTo,
    Param::From,
    Param::To,
    Param::HexId,
    Param::Format,
];

/// The most rows that can be asked for: more than any city has cells.
pub(super) const MOST_ROWS: usize = 1_000_000;
/// Half the earth's circumference: all there is lies within.
pub(super) const LARGEST_RADIUS_M: f64 = 20_037_509.0;

impl Param {
    /// Its name in the query string.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Metric => "metric",
            Self::Hour => "hour",
            Self::Resolution => "resolution",
            Self::Bbox => "bbox",
            Self::Near => "near",
            Self::RadiusM => "radius_m",
            Self::MinWeight => "min_weight",
            Self::Limit => "limit",
            Self::Smooth => "smooth",
            Self::Baseline => "baseline",
            Self::RelativeTo => "relative_to",
            Self::From => "from",
            Self::To => "to",
            Self::HexId => "hex_id",
            Self::Format => "format",
        }
    }

    /// What it does, in a sentence or two.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::System => {
                "The bike-share system. Needed only where the lake has several and the server was not told which one is meant."
            }
            Self::Metric => {
                "What cells are ranked and weighed by. Cells that lack it (no station tells) are left out."
            }
            Self::Hour => {
                "Only this hour of the local day. Weights stay relative to the whole day, so hours compare."
            }
            Self::Resolution => {
                "H3 resolution: 10 is the 75 m hexagon, 9 and 8 are about 7 and 49 times as large."
            }
            Self::Bbox => {
                "Only what has its centre in this box: west,south,east,north in degrees. West above east crosses the antimeridian."
            }
            Self::Near => {
                "Only what has its centre within `radius_m` of this point: lat,lng in degrees."
            }
            Self::RadiusM => "Metres around `near`.",
            Self::MinWeight => "Only cells of at least this weight.",
            Self::Limit => "At most so many rows, the first in rank.",
            Self::Smooth => {
                "Rank by the mean of `bikes` over each cell and its six neighbours: places rather than single stations. Not with another `metric`, `hour` or `baseline`."
            }
            Self::Baseline => {
                "Rank by the difference from the usual of that weekday. Cells without one are left out. Not with another `metric`, `hour` or `smooth`."
            }
            Self::RelativeTo => {
                "What a weight of 1 is the largest of: the whole city that day, or only the cells selected by `bbox`, `near` and `hour`."
            }
            Self::From => "The first local date of a range.",
            Self::To => "The last local date of a range.",
            Self::HexId => {
                "One cell: its row on each day instead of the list of days. Its resolution is in its name."
            }
            Self::Format => "The answer's form; it goes before `Accept`.",
        }
    }

    /// Its JSON schema.
    pub(crate) fn schema(self) -> Value {
        match self {
            Self::System => {
                json!({"type": "string", "pattern": "^[A-Za-z0-9_-]([A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?$"})
            }
            Self::Metric => {
                json!({"type": "string", "enum": Metric::ALL.map(Metric::name), "default": "bikes"})
            }
            Self::Hour => json!({"type": "integer", "minimum": 0, "maximum": 23}),
            Self::Resolution => json!({"type": "integer", "enum": [8, 9, 10], "default": 10}),
            Self::Bbox => {
                json!({"type": "string", "pattern": "^-?\\d+(\\.\\d+)?(,-?\\d+(\\.\\d+)?){3}$"})
            }
            Self::Near => {
                json!({"type": "string", "pattern": "^-?\\d+(\\.\\d+)?,-?\\d+(\\.\\d+)?$"})
            }
            Self::RadiusM => {
                json!({"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST_RADIUS_M})
            }
            Self::MinWeight => json!({"type": "number", "minimum": -1, "maximum": 1}),
            Self::Limit => json!({"type": "integer", "minimum": 1, "maximum": MOST_ROWS}),
            Self::Smooth | Self::Baseline => json!({"type": "boolean", "default": false}),
            Self::RelativeTo => {
                json!({"type": "string", "enum": ["city", "selection"], "default": "city"})
            }
            Self::From | Self::To => json!({"type": "string", "format": "date"}),
            Self::HexId => json!({"type": "string", "pattern": "^8[0-9a-f]{14}$"}),
            Self::Format => json!({"type": "string", "enum": Format::ALL.map(Format::name)}),
        }
    }

    /// A value that makes sense.
    pub(crate) fn example(self) -> Value {
        match self {
            Self::System => json!("velib"),
            Self::Metric => json!("ebikes"),
            Self::Hour => json!(8),
            Self::Resolution => json!(9),
            Self::Bbox => json!("2.33,48.85,2.37,48.87"),
            Self::Near => json!("48.8566,2.3522"),
            Self::RadiusM => json!(1000),
            Self::MinWeight => json!(0.5),
            Self::Limit => json!(20),
            Self::Smooth | Self::Baseline => json!(true),
            Self::RelativeTo => json!("selection"),
            Self::From => json!("2026-11-01"),
            Self::To => json!("2026-11-30"),
            Self::HexId => json!("8a1fb475a4dffff"),
            Self::Format => json!("geojson"),
        }
    }
}
