//! Paths.

use std::borrow::Cow;

use chrono::NaiveDate;
use hotspots_data::{Cell, Resolution, parse_date};
use warp::http::Method;

use crate::params::{A_CELL, A_DATE, Param};
use crate::problem::{Kind, Problem};

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// What there is.
    Index,
    /// The documentation for people.
    Docs,
    /// The documentation for programs.
    OpenApi,
    /// Whether the process lives.
    Health,
    /// Whether it can answer from the lake.
    Ready,
    /// Figures for Prometheus.
    Metrics,
    /// The systems in the lake.
    Systems,
    /// The days that have hotspots, or one cell over days.
    Days,
    /// Something of one day.
    OfDay(When, OfDay),
}

/// What can be asked for of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OfDay {
    /// Its hotspots.
    Cells,
    /// All its hours.
    Hours,
    /// One cell.
    Cell(Cell),
    /// Its stations.
    Stations,
    /// One station.
    Station(String),
    /// What is odd about its data.
    Quality,
}

/// A day of the calendar, or the last one there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Latest,
    On(NaiveDate),
}

/// The methods of every route.
pub(crate) const ALLOW: &str = "GET, HEAD, OPTIONS";

/// Declares the endpoints once: as variants, as a list and with their patterns.
macro_rules! endpoints {
    ($($variant:ident = $pattern:literal,)+) => {
        /// What requests are counted by: a kind of path, whatever its variable parts are.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Endpoint {
            $($variant,)+
        }

        impl Endpoint {
            /// All of them, each at the index that it is as a number.
            pub(crate) const ALL: [Self; [$($pattern),+].len()] = [$(Self::$variant),+];

            /// The path with names for its variable parts, as in logs and metrics.
            pub(crate) fn pattern(self) -> &'static str {
                match self {
                    $(Self::$variant => $pattern,)+
                }
            }
        }
    };
}

endpoints! {
    Index = "/",
    Docs = "/docs",
    OpenApi = "/openapi.json",
    Health = "/healthz",
    Ready = "/readyz",
    Metrics = "/metrics",
    Systems = "/systems",
    Days = "/hotspots",
    Cells = "/hotspots/{date}",
    Hours = "/hotspots/{date}/hours",
    Cell = "/hotspots/{date}/{hex_id}",
    Stations = "/stations/{date}",
    Station = "/stations/{date}/{station_id}",
    Quality = "/quality/{date}",
    PageFile = "/page/{file}",
    Unknown = "other",
}

impl Route {
    /// What it is counted by.
    pub(crate) fn endpoint(&self) -> Endpoint {
        match self {
            Self::Index => Endpoint::Index,
            Self::Docs => Endpoint::Docs,
            Self::OpenApi => Endpoint::OpenApi,
            Self::Health => Endpoint::Health,
            Self::Ready => Endpoint::Ready,
            Self::Metrics => Endpoint::Metrics,
            Self::Systems => Endpoint::Systems,
            Self::Days => Endpoint::Days,
            Self::OfDay(_, OfDay::Cells) => Endpoint::Cells,
            Self::OfDay(_, OfDay::Hours) => Endpoint::Hours,
            Self::OfDay(_, OfDay::Cell(_)) => Endpoint::Cell,
            Self::OfDay(_, OfDay::Stations) => Endpoint::Stations,
            Self::OfDay(_, OfDay::Station(_)) => Endpoint::Station,
            Self::OfDay(_, OfDay::Quality) => Endpoint::Quality,
        }
    }

    /// Its path with names for its variable parts.
    pub(crate) fn pattern(&self) -> &'static str {
        self.endpoint().pattern()
    }

    /// One of each, in the order in which they are explained.
    pub(crate) fn examples() -> [Self; 14] {
        let cell = Cell::at(48.8566, 2.3522, Resolution::HOTSPOTS);
        let cell = cell.expect("the middle of Paris is a place");
        [
            Self::Days,
            Self::OfDay(When::Latest, OfDay::Cells),
            Self::OfDay(When::Latest, OfDay::Hours),
            Self::OfDay(When::Latest, OfDay::Cell(cell)),
            Self::OfDay(When::Latest, OfDay::Stations),
            Self::OfDay(When::Latest, OfDay::Station(String::new())),
            Self::OfDay(When::Latest, OfDay::Quality),
            Self::Systems,
            Self::Index,
            Self::Docs,
            Self::OpenApi,
            Self::Health,
            Self::Ready,
            Self::Metrics,
        ]
    }

    /// What it is in a few words.
    pub(crate) fn summary(&self) -> &'static str {
        crate::openapi::words(self).summary
    }

    /// The parameters it understands.
    pub(crate) fn params(&self) -> &'static [Param] {
        match self {
            Self::Index
            | Self::Docs
            | Self::OpenApi
            | Self::Health
            | Self::Ready
            | Self::Metrics => &[],
            Self::Systems => &[Param::Format],
            Self::Days => &[
                Param::System,
                Param::From,
                Param::To,
                Param::HexId,
                Param::Resolution,
                Param::Format,
            ],
            Self::OfDay(_, OfDay::Cells) => &[
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
                Param::Format,
            ],
            Self::OfDay(_, OfDay::Hours) => &[
                Param::System,
                Param::Metric,
                Param::Resolution,
                Param::Bbox,
                Param::Near,
                Param::RadiusM,
                Param::Format,
            ],
            Self::OfDay(_, OfDay::Cell(_) | OfDay::Station(_) | OfDay::Quality) => {
                &[Param::System, Param::Format]
            }
            Self::OfDay(_, OfDay::Stations) => &[
                Param::System,
                Param::Bbox,
                Param::Near,
                Param::RadiusM,
                Param::Limit,
                Param::Format,
            ],
        }
    }
}

/// Understands a request line, or says why not.
pub(crate) fn route(method: &Method, path: &str) -> Result<Route, Problem> {
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    // Split first: a slash that is percent-encoded belongs to its segment.
    let mut parts = trimmed.split('/').skip(1);
    let mut segments = [const { Cow::Borrowed("") }; 4];
    let mut count = 0;
    for (slot, part) in segments.iter_mut().zip(&mut parts) {
        *slot = decoded(part)?;
        count += 1;
    }
    if parts.next().is_some() {
        return Err(no_such_path());
    }
    let all = segments.each_ref().map(|segment| &**segment);
    let route = match all[..count] {
        [] => Route::Index,
        ["docs"] => Route::Docs,
        ["openapi.json"] => Route::OpenApi,
        ["healthz"] => Route::Health,
        ["readyz"] => Route::Ready,
        ["metrics"] => Route::Metrics,
        ["systems"] => Route::Systems,
        ["hotspots"] => Route::Days,
        ["hotspots", date] => Route::OfDay(when(date)?, OfDay::Cells),
        ["hotspots", date, "hours"] => Route::OfDay(when(date)?, OfDay::Hours),
        ["hotspots", date, cell] => Route::OfDay(when(date)?, OfDay::Cell(cell_of(cell)?)),
        ["stations", date] => Route::OfDay(when(date)?, OfDay::Stations),
        ["stations", date, station] => {
            Route::OfDay(when(date)?, OfDay::Station(station.to_owned()))
        }
        ["quality", date] => Route::OfDay(when(date)?, OfDay::Quality),
        _ => return Err(no_such_path()),
    };
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        Ok(route)
    } else {
        Err(Problem::method_not_allowed(method.as_str(), ALLOW))
    }
}

fn no_such_path() -> Problem {
    Problem::new(Kind::NO_SUCH_PATH, "GET / lists the paths there are, /docs explains them")
}

fn when(text: &str) -> Result<When, Problem> {
    if text == "latest" {
        return Ok(When::Latest);
    }
    parse_date(text).map(When::On).map_err(|error| {
        Problem::bad_request(format!("{error}; `latest` is the last day there is"))
            .with("parameter", "date")
            .with("value", text)
            .with("allowed", [A_DATE, "latest"])
            .with("example", "2026-11-22")
    })
}

/// Reads a cell's name, in lower or upper case.
pub(crate) fn cell_of(text: &str) -> Result<Cell, Problem> {
    let wrong = |detail: String| {
        Problem::bad_request(detail)
            .with("parameter", "hex_id")
            .with("value", text)
            .with("allowed", [A_CELL])
            .with("example", "8a1fb475a4dffff")
    };
    let cell: Cell = text.parse().map_err(|error| wrong(format!("{error}")))?;
    if cell.to_string().eq_ignore_ascii_case(text) {
        Ok(cell)
    } else {
        Err(wrong(format!("`{text}` is written `{cell}`: without leading zeros")))
    }
}

/// A path segment without percent-encoding.
fn decoded(segment: &str) -> Result<Cow<'_, str>, Problem> {
    if !segment.contains('%') {
        return Ok(Cow::Borrowed(segment));
    }
    let wrong = || {
        let detail = format!("`{segment}` in the path is not a percent-encoded text");
        Problem::bad_request(detail)
            .with("value", segment)
            .with("allowed", ["percent-encoded UTF-8"])
    };
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
            let (high, low) = digit().zip(digit()).ok_or_else(wrong)?;
            bytes.push((high * 16 + low) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_routes_with_or_without_a_slash_at_the_end() {
        let get = |path| route(&Method::GET, path);
        let day = When::On(parse_date("2026-02-10").unwrap());
        let cell: Cell = "8a1fb475a4dffff".parse().unwrap();
        assert_eq!(get("/hotspots/2026-02-10"), Ok(Route::OfDay(day, OfDay::Cells)));
        assert_eq!(get("/hotspots/2026-02-10/"), Ok(Route::OfDay(day, OfDay::Cells)));
        assert_eq!(get("/hotspots/latest"), Ok(Route::OfDay(When::Latest, OfDay::Cells)));
        assert_eq!(get("/hotspots/2026-02-10/hours"), Ok(Route::OfDay(day, OfDay::Hours)));
        assert_eq!(
            get("/hotspots/latest/8a1fb475a4dffff"),
            Ok(Route::OfDay(When::Latest, OfDay::Cell(cell)))
        );
        assert_eq!(
            get("/hotspots/latest/8A1FB475A4DFFFF"),
            get("/hotspots/latest/8a1fb475a4dffff")
        );
        assert_eq!(
            get("/stations/2026-02-10/a%2Fb"),
            Ok(Route::OfDay(day, OfDay::Station("a/b".to_owned())))
        );
        assert_eq!(get("/hotspots"), Ok(Route::Days));
        assert_eq!(get("/"), Ok(Route::Index));
        assert_eq!(route(&Method::HEAD, "/healthz"), Ok(Route::Health));
    }

    #[test]
    fn a_path_that_cannot_be_read_is_refused_by_the_part_its_value_and_what_is_allowed() {
        for (path, parameter, value) in [
            ("/hotspots/yesterday", "date", "yesterday"),
            ("/hotspots/latest/zebra", "hex_id", "zebra"),
        ] {
            let problem = route(&Method::GET, path).unwrap_err();
            assert_eq!(problem.member("parameter"), Some(&parameter.into()), "{path}");
            assert_eq!(problem.member("value"), Some(&value.into()), "{path}");
            assert!(problem.member("allowed").is_some_and(serde_json::Value::is_array), "{path}");
        }
    }

    #[test]
    fn a_segment_means_the_same_percent_encoded_and_stays_one_segment() {
        let get = |path| route(&Method::GET, path);
        for (encoded, plain) in [
            ("/hotspots/2026%2D02%2D10", "/hotspots/2026-02-10"),
            ("/%68otspots/l%61test/hour%73", "/hotspots/latest/hours"),
            ("/hotspots/latest/%38a1fb475a4dffff/", "/hotspots/latest/8a1fb475a4dffff"),
            ("/quality/%6C%61%74%65%73%74", "/quality/latest"),
        ] {
            assert!(get(plain).is_ok());
            assert_eq!(get(encoded), get(plain), "{encoded}");
        }
        let status = |path| get(path).unwrap_err().status().as_u16();
        assert_eq!(status("/hotspots%2Flatest"), 404);
        assert_eq!(status("/hotspots/latest%2Fhours"), 400);
        assert_eq!(status("/hotspots/latest/..%2f..%2f"), 400);
        assert_eq!(status("/docs%00"), 404);
        let twice = Route::OfDay(When::Latest, OfDay::Station("%2F".to_owned()));
        assert_eq!(get("/stations/latest/%252F"), Ok(twice), "decoded once");
    }

    #[test]
    fn everything_else_has_its_own_status() {
        let status = |method, path| route(&method, path).unwrap_err().status().as_u16();
        assert_eq!(status(Method::GET, "/hotspots/2026-2-1"), 400);
        assert_eq!(status(Method::GET, "/hotspots/2026-02-10/08a1fb475a4dffff"), 400);
        assert_eq!(status(Method::GET, "/hotspots/2026-02-10/zebra"), 400);
        assert_eq!(status(Method::GET, "/stations/2026-02-10/%ff"), 400);
        assert_eq!(status(Method::GET, "/stations/2026-02-10/%4"), 400);
        assert_eq!(status(Method::GET, "/hotspots/2026-02-10/more/of/it"), 404);
        assert_eq!(status(Method::GET, "/hotspots/2026-02-10/more/of/it/still"), 404);
        assert_eq!(status(Method::GET, "/hotspot"), 404);
        assert_eq!(status(Method::POST, "/hotspots/2026-02-10"), 405);
        assert_eq!(status(Method::DELETE, "/nothing"), 404);
    }
}
