//! The query string as typed wishes.

mod values;
mod vocabulary;

use chrono::NaiveDate;
use hotspots_data::{Cell, Resolution, SystemId};
use serde_json::Value;

pub(crate) use vocabulary::Param;

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
