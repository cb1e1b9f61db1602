//! The query string as typed wishes.

mod values;
mod vocabulary;

use chrono::NaiveDate;
use hotspots_data::{Cell, Resolution, SystemId};
use serde_json::Value;

pub(crate) use vocabulary::{A_CELL, A_DATE, CELL_PATTERN, Param};

use crate::negotiate::Format;
use crate::problem::Problem;
use crate::routes::cell_of;
use crate::wishes::{Circle, Metric, Order, Wishes};
use vocabulary::{ALL, MOST_ROWS};

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

impl Params {
    /// Reads the query string of a route that understands `allowed`.
    ///
    /// # Errors
    /// 400 that names the parameter, the value and what is allowed.
    pub(crate) fn read(query: &str, allowed: &[Param]) -> Result<Self, Problem> {
        let mut params = Self::default();
        let (mut given, mut near, mut radius_m) = (Given::default(), None, None);
        let (mut smooth, mut baseline, mut metric) = (false, false, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let (name, text) = (name.as_ref(), value.as_ref());
            let Some(param) = allowed.iter().copied().find(|param| param.name() == name) else {
                return Err(unknown(name, text, allowed));
            };
            if given.value(param).is_some() {
                let detail = format!("`{name}` is given twice: give it once");
                return Err(refused(param, text, detail, param.allowed()));
            }
            given.0.push((param, text.to_owned()));
            let wishes = &mut params.wishes;
            match param {
                Param::System => params.system = Some(values::system(param, text)?),
                Param::Metric => metric = Some(values::metric(param, text)?),
                Param::Hour => wishes.hour = Some(values::whole(param, text, 0, 23)?),
                Param::Resolution => params.resolution = Some(values::resolution(param, text)?),
                Param::Bbox => wishes.area.bbox = Some(values::bbox(param, text)?),
                Param::Near => near = Some(values::point(param, text)?),
                Param::RadiusM => radius_m = Some(values::radius(param, text)?),
                Param::MinWeight => wishes.min_weight = Some(values::weight(param, text)?),
                Param::Limit => wishes.limit = Some(values::whole(param, text, 1, MOST_ROWS)?),
                Param::Smooth => smooth = values::truth(param, text)?,
                Param::Baseline => baseline = values::truth(param, text)?,
                Param::RelativeTo => wishes.relative_to = values::relative_to(param, text)?,
                Param::From => params.from = Some(values::date(param, text)?),
                Param::To => params.to = Some(values::date(param, text)?),
                Param::HexId => params.hex_id = Some(cell_of(text)?),
                Param::Format => params.format = Some(values::format(param, text)?),
            }
        }
        params.wishes.area.near = match (near, radius_m) {
            (None, None) => None,
            (Some((lat, lng)), Some(radius_m)) => Some(Circle { lat, lng, radius_m }),
            (Some(_), None) => return Err(together(Param::Near, Param::RadiusM)),
            (None, Some(_)) => return Err(together(Param::RadiusM, Param::Near)),
        };
        params.wishes.order = given.order(smooth, baseline, metric)?;
        params.wishes.metric = metric.unwrap_or_default();
        params.check_range()?;
        params.check_resolution()?;
        Ok(params)
    }

    fn check_range(&self) -> Result<(), Problem> {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from > to => {
                let detail = format!("`from` ({from}) is after `to` ({to})");
                let allowed = vec![format!("a date up to {to}")];
                Err(refused(Param::From, from.to_string(), detail, allowed)
                    .with("contradicts", Param::To.name()))
            }
            _ => Ok(()),
        }
    }

    fn check_resolution(&self) -> Result<(), Problem> {
        match (self.hex_id, self.resolution) {
            (Some(cell), Some(resolution)) if cell.resolution() != resolution => {
                let right = cell.resolution().to_string();
                let detail = format!(
                    "`resolution={resolution}` contradicts `hex_id={cell}`, a cell of resolution {right}"
                );
                Err(refused(Param::Resolution, resolution.to_string(), detail, vec![right])
                    .with("contradicts", Param::HexId.name()))
            }
            _ => Ok(()),
        }
    }
}

/// The parameters of a request as they were written.
#[derive(Debug, Default)]
struct Given(Vec<(Param, String)>);

impl Given {
    fn value(&self, param: Param) -> Option<&str> {
        self.0.iter().find(|(given, _)| *given == param).map(|(_, value)| value.as_str())
    }

    /// The order wished for, unless something else that is wished for contradicts it.
    fn order(
        &self,
        smooth: bool,
        baseline: bool,
        metric: Option<Metric>,
    ) -> Result<Order, Problem> {
        let (param, order) = match (smooth, baseline) {
            (false, false) => return Ok(Order::Plain),
            (true, true) => return Err(self.apart(Param::Baseline, Param::Smooth, "false")),
            (true, false) => (Param::Smooth, Order::Smoothed),
            (false, true) => (Param::Baseline, Order::Baseline),
        };
        if self.value(Param::Hour).is_some() {
            return Err(self.apart(Param::Hour, param, "none: leave it out"));
        }
        match metric {
            None | Some(Metric::Bikes) => Ok(order),
            Some(_) => Err(self.apart(Param::Metric, param, Metric::Bikes.name())),
        }
    }

    /// 400: what is given for `param` cannot stand beside `other=true`; `allowed` can.
    fn apart(&self, param: Param, other: Param, allowed: &str) -> Problem {
        let (value, name) = (self.value(param).unwrap_or_default(), param.name());
        let detail = format!("`{name}={value}` cannot be combined with `{}=true`", other.name());
        refused(param, value, detail, vec![allowed.to_owned()]).with("contradicts", other.name())
    }
}

/// 400 by the parameter, its value (null where it is missing) and what is allowed in its place.
fn refused(param: Param, value: impl Into<Value>, detail: String, allowed: Vec<String>) -> Problem {
    Problem::bad_request(detail)
        .with("parameter", param.name())
        .with("value", value)
        .with("allowed", allowed)
        .with("example", param.example())
}

fn unknown(name: &str, value: &str, allowed: &[Param]) -> Problem {
    let names: Vec<&str> = allowed.iter().map(|param| param.name()).collect();
    let elsewhere = ALL.iter().any(|param| param.name() == name);
    let detail = match (names.as_slice(), elsewhere) {
        ([], _) => format!("this path has no parameters, so no `{name}`"),
        (_, true) => {
            format!("`{name}` is not a parameter of this path; allowed are {}", names.join(", "))
        }
        (_, false) => format!("there is no parameter `{name}`; allowed are {}", names.join(", ")),
    };
    Problem::bad_request(detail).with("parameter", name).with("value", value).with("allowed", names)
}

fn together(given: Param, missing: Param) -> Problem {
    let allowed = missing.allowed();
    let detail = format!("`{}` needs `{}`: {}", given.name(), missing.name(), allowed.join(", "));
    refused(missing, Value::Null, detail, allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
    fn a_cell_may_be_written_in_upper_case_and_have_any_resolution() {
        let cell = read("hex_id=8A1FB475A4DFFFF").unwrap().hex_id.unwrap();
        assert_eq!(cell.to_string(), "8a1fb475a4dffff");
        for resolution in 0..=15 {
            let params = read(&format!("resolution={resolution}")).unwrap();
            assert_eq!(params.resolution.map(u8::from), Some(resolution));
        }
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
            ("resolution=16", "resolution"),
            ("resolution=08", "resolution"),
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
            ("hex_id=08a1fb475a4dffff", "hex_id"),
            ("hex_id=8a1fb475a4dffff&resolution=9", "resolution"),
            ("format=xml", "format"),
        ] {
            let problem = read(wrong).unwrap_err();
            assert_eq!(problem.status(), 400, "{wrong}");
            assert_eq!(problem.member("parameter"), Some(&json!(parameter)), "{wrong}");
            let given = form_urlencoded::parse(wrong.as_bytes()).filter(|(n, _)| n == parameter);
            let value = given.last().map(|(_, value)| value.into_owned());
            assert_eq!(problem.member("value"), Some(&json!(value)), "{wrong}");
            let allowed = problem.member("allowed").and_then(Value::as_array).unwrap();
            assert!(allowed.iter().all(Value::is_string) && !allowed.is_empty(), "{wrong}");
        }
        let allowed = |wrong: &str| read(wrong).unwrap_err().member("allowed").cloned();
        assert_eq!(allowed("smooth=true&baseline=true"), Some(json!(["false"])));
        assert_eq!(allowed("metric=docks&smooth=true"), Some(json!(["bikes"])));
        assert_eq!(allowed("limit=1&limit=2"), Some(json!(["a whole number from 1 to 1000000"])));
        assert_eq!(allowed("relative_to=country"), Some(json!(["city", "selection"])));
        let elsewhere = Params::read("hour=3", &[Param::System]).unwrap_err();
        assert_eq!(elsewhere.member("allowed"), Some(&json!(["system"])));
    }
}
