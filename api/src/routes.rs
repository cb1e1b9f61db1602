//! Paths.

use chrono::NaiveDate;
use hotspots_data::parse_date;
use warp::http::Method;

use crate::problem::Problem;

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// What there is.
    Index,
    /// Whether the process lives.
    Health,
    /// The days that have hotspots.
    Days,
    /// The hotspots of a day.
    Day(NaiveDate),
}

/// The methods of every route.
const ALLOW: &str = "GET, HEAD";

/// Understands a request line, or says why not.
pub(crate) fn route(method: &Method, path: &str) -> Result<Route, Problem> {
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    let parts: Vec<&str> = trimmed.split('/').skip(1).collect();
    let route = match parts.as_slice() {
        [] => Ok(Route::Index),
        ["healthz"] => Ok(Route::Health),
        ["hotspots"] => Ok(Route::Days),
        ["hotspots", date] => parse_date(date).map(Route::Day).map_err(|error| {
            Problem::bad_request(error.to_string()).with("example", "/hotspots/2026-11-22")
        }),
        _ => Err(Problem::not_found(
            "there is no such path",
            "the paths are /hotspots, /hotspots/<date> and /healthz",
        )),
    }?;
    if matches!(*method, Method::GET | Method::HEAD) {
        Ok(route)
    } else {
        Err(Problem::method_not_allowed(method.as_str(), ALLOW))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_routes_with_or_without_a_slash_at_the_end() {
        let get = |path| route(&Method::GET, path);
        let day = Route::Day(parse_date("2026-02-10").unwrap());
        assert_eq!(get("/hotspots/2026-02-10"), Ok(day));
        assert_eq!(get("/hotspots/2026-02-10/"), Ok(day));
        assert_eq!(get("/hotspots"), Ok(Route::Days));
        assert_eq!(get("/"), Ok(Route::Index));
        assert_eq!(route(&Method::HEAD, "/healthz"), Ok(Route::Health));
    }

    #[test]
    fn everything_else_has_its_own_status() {
        let status = |method, path| route(&method, path).unwrap_err().status().as_u16();
        assert_eq!(status(Method::GET, "/hotspots/2026-2-1"), 400);
        assert_eq!(status(Method::GET, "/hotspots/2026-02-10/more/of/it"), 404);
        assert_eq!(status(Method::GET, "/hotspot"), 404);
        assert_eq!(status(Method::POST, "/hotspots/2026-02-10"), 405);
        assert_eq!(status(Method::DELETE, "/nothing"), 404);
    }
}
