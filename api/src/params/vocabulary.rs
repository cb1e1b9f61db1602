//! The parameters there are: their names, and what is said of them.

use serde_json::{Value, json};

use crate::negotiate::Format;
use crate::routes::{OfDay, Route};
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
/// What a date may be, in words.
pub(crate) const A_DATE: &str = "YYYY-MM-DD";
/// What a cell may be, in words.
pub(crate) const A_CELL: &str = "an H3 cell: 15 hexadecimal digits, the first of them 8";
/// What a cell may be, as a regular expression.
pub(crate) const CELL_PATTERN: &str = "^8[0-9a-fA-F]{14}$";

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

    /// What it does to the answer of `route`, in a sentence or two.
    pub(crate) fn meaning(self, route: &Route) -> &'static str {
        let is_of_stations = matches!(route, Route::OfDay(_, OfDay::Stations));
        match self {
            Self::System => {
                "The bike-share system. Required only if the lake has several systems and the server has no default."
            }
            Self::Metric if matches!(route, Route::OfDay(_, OfDay::Hours)) => {
                "The metric whose values are returned. Cells without it are left out."
            }
            Self::Metric => {
                "The metric that cells are ranked and weighted by. Cells without it (no station reports it) are left out."
            }
            Self::Hour => {
                "Only this hour of the local day. Weights stay relative to the whole day, so hours can be compared."
            }
            Self::Resolution => {
                "H3 resolution of the cells: 10 is the 75 m hexagon; cells of 9 and 8 are about 7 and 49 times as large. The lake has 8, 9 and 10 unless the operator chose others."
            }
            Self::Bbox if is_of_stations => {
                "Only stations inside this box: west,south,east,north in degrees. A box with west greater than east crosses the antimeridian."
            }
            Self::Bbox => {
                "Only cells whose centre is inside this box: west,south,east,north in degrees. A box with west greater than east crosses the antimeridian."
            }
            Self::Near if is_of_stations => {
                "Only stations within `radius_m` of this point: lat,lng in degrees. With `bbox`, only what is inside both."
            }
            Self::Near => {
                "Only cells whose centre is within `radius_m` of this point: lat,lng in degrees. With `bbox`, only what is inside both."
            }
            Self::RadiusM => "Distance from `near` in metres; required with `near`.",
            Self::MinWeight => "Only cells of at least this weight.",
            Self::Limit if is_of_stations => {
                "At most this many stations, the first by `station_id`."
            }
            Self::Limit => "At most this many cells, the highest ranked.",
            Self::Smooth => {
                "Rank by the mean of `bikes` over each cell and its six neighbours, which finds busy areas rather than single stations. Cannot be combined with `hour`, `baseline` or another `metric`."
            }
            Self::Baseline => {
                "Rank by the difference from what is usual on that weekday. Cells without a baseline are left out. Cannot be combined with `hour`, `smooth` or another `metric`."
            }
            Self::RelativeTo => {
                "What weights and ranks are relative to: the whole city that day, or only the cells selected by `bbox`, `near` and `hour`."
            }
            Self::From => "The first local date of the range.",
            Self::To => "The last local date of the range.",
            Self::HexId => {
                "An H3 cell: returns its row on each day instead of the list of days. The cell's name includes its resolution."
            }
            Self::Format => "The format of the answer; overrides the `Accept` header.",
        }
    }

    /// What a value may be: the values where there are few, else what they are in words.
    pub(super) fn allowed(self) -> Vec<String> {
        let one = |text: &str| vec![text.to_owned()];
        match self {
            Self::System => {
                one("1 to 64 letters, digits, hyphens, underscores and dots; no dot at either end")
            }
            Self::Metric => Metric::ALL.map(|metric| metric.name().to_owned()).to_vec(),
            Self::Hour => one("a whole number from 0 to 23"),
            Self::Resolution => one("a whole number from 0 to 15"),
            Self::Bbox => one(
                "west,south,east,north in degrees: -180 to 180 and -90 to 90, south not above north",
            ),
            Self::Near => one("lat,lng in degrees: -90 to 90 and -180 to 180"),
            Self::RadiusM => vec![format!("metres above 0, up to {LARGEST_RADIUS_M}")],
            Self::MinWeight => one("a number from -1 to 1"),
            Self::Limit => vec![format!("a whole number from 1 to {MOST_ROWS}")],
            Self::Smooth | Self::Baseline => vec!["true".to_owned(), "false".to_owned()],
            Self::RelativeTo => vec!["city".to_owned(), "selection".to_owned()],
            Self::From | Self::To => one(A_DATE),
            Self::HexId => one(A_CELL),
            Self::Format => Format::ALL.map(|format| format.name().to_owned()).to_vec(),
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
            Self::Resolution => {
                json!({"type": "integer", "minimum": 0, "maximum": 15, "default": 10})
            }
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
            Self::HexId => json!({"type": "string", "pattern": CELL_PATTERN}),
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
