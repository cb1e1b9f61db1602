//! The query string as typed wishes.

use chrono::NaiveDate;
use hotspots_data::{Cell, Resolution, SystemId, parse_date};
use serde_json::{Value, json};

use crate::negotiate::Format;
use crate::problem::Problem;
use crate::routes::cell_of;
use crate::wishes::{Bbox, Circle, Metric, Order, RelativeTo, Wishes};

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

/// What a request may ask for beyond its path.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Params {
    /// The system; the configured or the only one where absent.
    pub(crate) system: Option<SystemId>,
    /// The cells' size.
    pub(crate) resolution: Option<Resolution>,
    /// Which cells, and in what order.
    pub(crate) wishes: Wishes,
    /// The first day of a range.
    pub(crate) from: Option<NaiveDate>,
    /// The last day of a range.
    pub(crate) to: Option<NaiveDate>,
    /// The cell whose days are wanted.
    pub(crate) hex_id: Option<Cell>,
    /// The answer's form, whatever `Accept` says.
    pub(crate) format: Option<Format>,
}

const ALL: [Param; 16] = [
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
const MOST_ROWS: usize = 1_000_000;
/// Half the earth's circumference: all there is lies within.
const LARGEST_RADIUS_M: f64 = 20_037_509.0;

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

impl Params {
    /// Reads the query string of a route that understands `allowed`.
    ///
    /// # Errors
    /// 400 that names the parameter, the value and what is allowed.
    pub(crate) fn read(query: &str, allowed: &[Param]) -> Result<Self, Problem> {
        let mut params = Self::default();
        let (mut given, mut near, mut radius_m) = (Vec::new(), None, None);
        let (mut smooth, mut baseline, mut metric) = (false, false, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let (name, text) = (name.as_ref(), value.as_ref());
            let Some(param) = allowed.iter().copied().find(|param| param.name() == name) else {
                return Err(unknown(name, text, allowed));
            };
            if given.contains(&param) {
                let detail = format!("`{name}` is given twice");
                return Err(Problem::bad_request(detail)
                    .with("parameter", name)
                    .with("value", text));
            }
            given.push(param);
            let wishes = &mut params.wishes;
            match param {
                Param::System => {
                    let system = text.parse::<SystemId>();
                    params.system =
                        Some(system.map_err(|error| wrong(param, text, &error.to_string()))?);
                }
                Param::Metric => metric = Some(metric_of(param, text)?),
                Param::Hour => wishes.hour = Some(whole(param, text, 0, 23)?),
                Param::Resolution => params.resolution = Some(resolution(param, text)?),
                Param::Bbox => wishes.area.bbox = Some(bbox(param, text)?),
                Param::Near => near = Some(point(param, text)?),
                Param::RadiusM => radius_m = Some(radius(param, text)?),
                Param::MinWeight => wishes.min_weight = Some(weight(param, text)?),
                Param::Limit => wishes.limit = Some(whole(param, text, 1, MOST_ROWS)?),
                Param::Smooth => smooth = truth(param, text)?,
                Param::Baseline => baseline = truth(param, text)?,
                Param::RelativeTo => wishes.relative_to = relative_to(param, text)?,
                Param::From => params.from = Some(date(param, text)?),
                Param::To => params.to = Some(date(param, text)?),
                Param::HexId => params.hex_id = Some(cell_of(text)?),
                Param::Format => params.format = Some(format(param, text)?),
            }
        }
        params.wishes.area.near = match (near, radius_m) {
            (None, None) => None,
            (Some((lat, lng)), Some(radius_m)) => Some(Circle { lat, lng, radius_m }),
            (Some(_), None) => return Err(together(Param::Near, Param::RadiusM)),
            (None, Some(_)) => return Err(together(Param::RadiusM, Param::Near)),
        };
        params.wishes.order = match (smooth, baseline) {
            (false, false) => Order::Plain,
            (true, false) => Order::Smoothed,
            (false, true) => Order::Baseline,
            (true, true) => return Err(apart(Param::Smooth, Param::Baseline)),
        };
        let order = if smooth { Param::Smooth } else { Param::Baseline };
        if params.wishes.order != Order::Plain {
            if params.wishes.hour.is_some() {
                return Err(apart(order, Param::Hour));
            }
            if metric.is_some_and(|metric| metric != Metric::Bikes) {
                return Err(apart(order, Param::Metric).with("allowed", ["metric=bikes"]));
            }
        }
        params.wishes.metric = metric.unwrap_or_default();
        params.check_range()?;
        Ok(params)
    }

    fn check_range(&self) -> Result<(), Problem> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            let detail = format!("`from` ({from}) is after `to` ({to})");
            return Err(Problem::bad_request(detail)
                .with("parameter", "from")
                .with("value", from.to_string())
                .with("allowed", [format!("a date up to {to}")]));
        }
        match (self.hex_id, self.resolution) {
            (Some(cell), Some(resolution)) if cell.resolution() != resolution => {
                let detail = format!(
                    "`resolution={resolution}` contradicts `hex_id={cell}`, a cell of resolution {}",
                    cell.resolution()
                );
                Err(Problem::bad_request(detail)
                    .with("parameter", "resolution")
                    .with("value", resolution.to_string())
                    .with("allowed", [cell.resolution().to_string()]))
            }
            _ => Ok(()),
        }
    }
}

fn unknown(name: &str, value: &str, allowed: &[Param]) -> Problem {
    let names: Vec<&str> = allowed.iter().map(|param| param.name()).collect();
    let elsewhere = ALL.iter().any(|param| param.name() == name);
    let detail = match (names.as_slice(), elsewhere) {
        ([], _) => format!("this path has no parameters, so no `{name}`"),
        (_, true) => format!("`{name}` means nothing here; allowed are {}", names.join(", ")),
        (_, false) => format!("there is no parameter `{name}`; allowed are {}", names.join(", ")),
    };
    Problem::bad_request(detail).with("parameter", name).with("value", value).with("allowed", names)
}

fn wrong(param: Param, value: &str, reason: &str) -> Problem {
    Problem::bad_request(format!("{}: {reason}", param.name()))
        .with("parameter", param.name())
        .with("value", value)
        .with("example", param.example())
}

fn one_of<'a>(param: Param, value: &str, allowed: impl IntoIterator<Item = &'a str>) -> Problem {
    let allowed: Vec<&str> = allowed.into_iter().collect();
    wrong(param, value, &format!("`{value}` is none of {}", allowed.join(", ")))
        .with("allowed", allowed)
}

fn together(given: Param, missing: Param) -> Problem {
    let detail = format!(
        "`{}` needs `{}`: {}",
        given.name(),
        missing.name(),
        missing.meaning().to_ascii_lowercase()
    );
    Problem::bad_request(detail)
        .with("parameter", missing.name())
        .with("value", Value::Null)
        .with("example", missing.example())
}

fn apart(one: Param, other: Param) -> Problem {
    let detail =
        format!("`{}` and `{}` contradict each other: give one of them", one.name(), other.name());
    Problem::bad_request(detail).with("parameter", other.name()).with("contradicts", one.name())
}

fn metric_of(param: Param, text: &str) -> Result<Metric, Problem> {
    Metric::ALL
        .into_iter()
        .find(|metric| metric.name() == text)
        .ok_or_else(|| one_of(param, text, Metric::ALL.map(Metric::name)))
}

fn format(param: Param, text: &str) -> Result<Format, Problem> {
    Format::ALL
        .into_iter()
        .find(|format| format.name() == text)
        .ok_or_else(|| one_of(param, text, Format::ALL.map(Format::name)))
}

fn resolution(param: Param, text: &str) -> Result<Resolution, Problem> {
    let all = [Resolution::HOTSPOTS].into_iter().chain(Resolution::COARSER);
    all.into_iter()
        .find(|resolution| resolution.to_string() == text)
        .ok_or_else(|| one_of(param, text, ["8", "9", "10"]))
}

fn relative_to(param: Param, text: &str) -> Result<RelativeTo, Problem> {
    match text {
        "city" => Ok(RelativeTo::City),
        "selection" => Ok(RelativeTo::Selection),
        _ => Err(one_of(param, text, ["city", "selection"])),
    }
}

fn truth(param: Param, text: &str) -> Result<bool, Problem> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(one_of(param, text, ["true", "false"])),
    }
}

fn date(param: Param, text: &str) -> Result<NaiveDate, Problem> {
    parse_date(text).map_err(|error| wrong(param, text, &error.to_string()))
}

fn whole<T: TryFrom<usize>>(
    param: Param,
    text: &str,
    from: usize,
    to: usize,
) -> Result<T, Problem> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse::<usize>().ok().filter(|n| digits && (from..=to).contains(n));
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
        wrong(param, text, &format!("`{text}` is not a whole number from {from} to {to}"))
            .with("allowed", [format!("{from} to {to}")])
    })
}

fn radius(param: Param, text: &str) -> Result<f64, Problem> {
    number(text).filter(|radius_m| *radius_m > 0.0 && *radius_m <= LARGEST_RADIUS_M).ok_or_else(
        || {
            let reason =
                format!("`{text}` is not a number of metres above 0, up to {LARGEST_RADIUS_M}");
            wrong(param, text, &reason)
                .with("allowed", [format!("above 0, up to {LARGEST_RADIUS_M}")])
        },
    )
}

fn weight(param: Param, text: &str) -> Result<f64, Problem> {
    number(text).filter(|weight| (-1.0..=1.0).contains(weight)).ok_or_else(|| {
        wrong(param, text, &format!("`{text}` is not a number from -1 to 1"))
            .with("allowed", ["-1 to 1"])
    })
}

fn point(param: Param, text: &str) -> Result<(f64, f64), Problem> {
    match numbers(text).as_deref() {
        Some(&[lat, lng]) if is_place(lat, lng) => Ok((lat, lng)),
        _ => {
            let reason = format!("`{text}` is not lat,lng in degrees (-90 to 90, -180 to 180)");
            Err(wrong(param, text, &reason).with("allowed", ["lat,lng"]))
        }
    }
}

fn bbox(param: Param, text: &str) -> Result<Bbox, Problem> {
    match numbers(text).as_deref() {
        Some(&[west, south, east, north])
            if is_place(south, west) && is_place(north, east) && south <= north =>
        {
            Ok(Bbox { west, south, east, north })
        }
        _ => {
            let reason = format!(
                "`{text}` is not west,south,east,north in degrees (-180 to 180, -90 to 90, south up to north)"
            );
            Err(wrong(param, text, &reason).with("allowed", ["west,south,east,north"]))
        }
    }
}

fn is_place(lat: f64, lng: f64) -> bool {
    (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lng)
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split(',').map(|part| number(part.trim())).collect()
}

/// A plain decimal number.
fn number(text: &str) -> Option<f64> {
    let plain =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'e' | b'E' | b'+');
    text.parse::<f64>().ok().filter(|number| number.is_finite() && text.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Params, Problem> {
        Params::read(query, &ALL)
    }

    #[test]
    fn wishes_are_read_as_they_are_written() {
        assert_eq!(read(""), Ok(Params::default()));
        let params = read(
            "system=velib&metric=ebikes&hour=8&bbox=2,48,3,49&near=48.85,2.35&radius_m=1e3&min_weight=0.5&limit=20&relative_to=selection&format=csv&resolution=9",
        )
        .unwrap();
        assert_eq!(params.system.unwrap().as_str(), "velib");
        assert_eq!(params.resolution.unwrap().to_string(), "9");
        assert_eq!(params.format, Some(Format::Csv));
        let wishes = params.wishes;
        assert_eq!((wishes.metric, wishes.hour, wishes.limit), (Metric::Ebikes, Some(8), Some(20)));
        assert_eq!(wishes.area.near, Some(Circle { lat: 48.85, lng: 2.35, radius_m: 1000.0 }));
        assert_eq!(read("smooth=true&metric=bikes").unwrap().wishes.order, Order::Smoothed);
    }

    #[test]
    fn what_is_unknown_doubled_malformed_or_contradictory_is_refused_by_name() {
        for (wrong, parameter) in [
            ("colour=red", "colour"),
            ("system=", "system"),
            ("system=a&system=a", "system"),
            ("system=a%2Fb", "system"),
            ("metric=Bikes", "metric"),
            ("hour=24", "hour"),
            ("hour=-1", "hour"),
            ("hour=%2B1", "hour"),
            ("resolution=7", "resolution"),
            ("bbox=2,49,3,48", "bbox"),
            ("bbox=1,2,3", "bbox"),
            ("bbox=nan,2,3,4", "bbox"),
            ("near=48.8", "near"),
            ("near=48.8,2.3", "radius_m"),
            ("radius_m=100", "near"),
            ("near=48.8,2.3&radius_m=0", "radius_m"),
            ("near=48.8,2.3&radius_m=1e400", "radius_m"),
            ("min_weight=2", "min_weight"),
            ("limit=0", "limit"),
            ("limit=99999999999999999999999", "limit"),
            ("smooth=yes", "smooth"),
            ("smooth=true&baseline=true", "baseline"),
            ("smooth=true&hour=3", "hour"),
            ("baseline=true&metric=docks", "metric"),
            ("relative_to=country", "relative_to"),
            ("from=2026-02-30", "from"),
            ("from=2026-02-02&to=2026-02-01", "from"),
            ("hex_id=8A1FB475A4DFFFF", "hex_id"),
            ("hex_id=8a1fb475a4dffff&resolution=9", "resolution"),
            ("format=xml", "format"),
        ] {
            let problem = read(wrong).unwrap_err();
            assert_eq!(problem.status(), 400, "{wrong}");
            assert_eq!(problem.member("parameter"), Some(&json!(parameter)), "{wrong}");
        }
        let elsewhere = Params::read("hour=3", &[Param::System]).unwrap_err();
        assert_eq!(elsewhere.member("allowed"), Some(&json!(["system"])));
    }
}
