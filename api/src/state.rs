//! A request's walk: path → params → day → reply.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::NaiveDate;
use hotspots_data::{Derived, SystemId};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::{debug, warn};
use warp::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use crate::answer::{Answer, Body, Freshness};
use crate::docs;
use crate::documents::index;
use crate::fresh::Failure;
use crate::metrics::Metrics;
use crate::negotiate::{self, Format};
use crate::openapi;
use crate::page::{BaseMap, Page};
use crate::params::Params;
use crate::problem::Problem;
use crate::routes::{ALLOW, Route, When, route};
use crate::tables::{DAYS, Table, Tables};

/// Shared by all requests.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) tables: Tables,
    pub(crate) metrics: Metrics,
    system: Option<SystemId>,
    token: Option<String>,
    page: Page,
    index: Arc<Answer>,
    health: Arc<Answer>,
    docs: Arc<Answer>,
    openapi: Arc<Answer>,
    making: Semaphore,
    stopping: AtomicBool,
}

impl State {
    pub(crate) fn new(
        tables: Tables,
        system: Option<SystemId>,
        token: Option<String>,
        making: usize,
        base_map: &BaseMap,
    ) -> Self {
        let fixed = |freshness, body| Arc::new(Answer::new(Format::Json, freshness, body));
        let document = openapi::document(token.is_some());
        let page = docs::page(&document);
        Self {
            tables,
            metrics: Metrics::new(),
            system,
            token,
            page: Page::new(base_map),
            index: fixed(Freshness::Changing, index()),
            health: fixed(Freshness::Now, Body::from_static(b"{\"status\":\"ok\"}")),
            docs: Arc::new(Answer::new(Format::Html, Freshness::Changing, page)),
            openapi: Arc::new(Answer::new(
                Format::OpenApi,
                Freshness::Changing,
                document.to_string(),
            )),
            making: Semaphore::new(making),
            stopping: AtomicBool::new(false),
        }
    }

    /// From now on, every answer closes its connection, and the server is not ready.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Waits until no more than the most answers allowed are being made.
    pub(crate) async fn turn(&self) -> Result<SemaphorePermit<'_>, Problem> {
        match tokio::time::timeout(LONGEST_WAIT, self.making.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Problem::unavailable("the server has too much to do; try again soon")),
        }
    }

    /// The response to a request; whatever goes wrong is a problem document.
    pub(crate) async fn respond(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        headers: &HeaderMap,
    ) -> Response<Body> {
        let timer = self.metrics.timer();
        let id = self.metrics.request_id(headers);
        let route = route(method, path);
        let page = self.page.respond(method, path, headers, self).await;
        let pattern = match &page {
            Some(_) if path != "/" => "/page/{file}",
            _ => route.as_ref().map_or("other", Route::pattern),
        };
        let answered = match (page, route) {
            (Some(page), _) => page,
            (None, Ok(route)) => self.answer(route, method, query, headers).await,
            (None, Err(problem)) => Err(problem),
        };
        let mut response = answered.unwrap_or_else(|problem| problem.response(path, &id));
        let status = response.status();
        let headers = response.headers_mut();
        headers.insert("access-control-allow-origin", HeaderValue::from_static("*"));
        headers.insert("access-control-expose-headers", HeaderValue::from_static(EXPOSED));
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        if self.stopping.load(Ordering::Relaxed) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Ok(value) = HeaderValue::from_str(&id) {
            headers.insert("x-request-id", value);
        }
        let duration = timer.stop(pattern, status);
        let (status, us) = (status.as_u16(), duration.as_micros() as u64);
        if status >= 500 {
            warn!(request_id = id, %method, path, query, status, us, "{id} {method} {path}: {status}");
        } else {
            debug!(request_id = id, %method, path, query, status, us, "{id} {method} {path}: {status}");
        }
        response
    }

    async fn answer(
        &self,
        route: Route,
        method: &Method,
        query: &str,
        headers: &HeaderMap,
    ) -> Result<Response<Body>, Problem> {
        if *method == Method::OPTIONS {
            return Ok(options());
        }
        if !matches!(route, Route::Health | Route::Ready) {
            self.check_token(headers)?;
        }
        let params = Params::read(query, route.params())?;
        let format = format_of(&route, params.format, headers)?;
        let is_latest = matches!(
            route,
            Route::Day(When::Latest)
                | Route::Hours(When::Latest)
                | Route::Cell(When::Latest, _)
                | Route::Stations(When::Latest)
                | Route::Station(When::Latest, _)
                | Route::Quality(When::Latest)
        );
        let (answer, path) = match route {
            Route::Index => (Arc::clone(&self.index), None),
            Route::Docs => (Arc::clone(&self.docs), None),
            Route::OpenApi => (Arc::clone(&self.openapi), None),
            Route::Health => (Arc::clone(&self.health), None),
            Route::Ready => (self.ready().await?, None),
            Route::Metrics => (self.metrics_answer(), None),
            Route::Systems => self.systems_document().await?,
            Route::Days => self.days(params, format).await?,
            Route::Day(when) => self.day(when, params, format).await?,
            Route::Hours(when) => self.hours(when, params, format).await?,
            Route::Cell(when, cell) => self.cell(when, cell, params, format).await?,
            Route::Stations(when) => self.stations(when, params, format).await?,
            Route::Station(when, station) => self.station(when, station, params, format).await?,
            Route::Quality(when) => self.quality(when, params, format).await?,
        };
        let mut response = answer.response(headers, self.token.is_some(), self).await?;
        if is_latest {
            // Which day is the last one changes, whatever the day itself does.
            let fresh =
                if self.token.is_some() { "private, max-age=15" } else { "public, max-age=15" };
            let headers = response.headers_mut();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(fresh));
            if let Some(path) = path.and_then(|path| HeaderValue::from_str(&path).ok()) {
                headers.insert(header::CONTENT_LOCATION, path);
            }
        }
        Ok(response)
    }

    /// The system asked for, else the configured one, else the only one there is.
    pub(crate) async fn system(&self, asked: Option<SystemId>) -> Result<SystemId, Problem> {
        if let Some(system) = asked.or_else(|| self.system.clone()) {
            return Ok(system);
        }
        let systems = self.tables.systems().await.map_err(|failure| failure_problem(&failure))?;
        match systems.as_slice() {
            [] => Err(Problem::not_found(
                "there are no hotspots yet",
                "the lake has no aggregated day: run `hotspots ingest` and `hotspots aggregate`",
            )),
            [only] => Ok(only.clone()),
            several => {
                let names: Vec<String> = several.iter().map(ToString::to_string).collect();
                let detail = format!(
                    "the lake has several systems: add ?system= with one of {}",
                    names.join(", ")
                );
                Err(Problem::bad_request(detail).with("parameter", "system").with("allowed", names))
            }
        }
    }

    /// The system asked for, and the day meant.
    pub(crate) async fn system_and_date(
        &self,
        asked: Option<SystemId>,
        when: When,
    ) -> Result<(SystemId, NaiveDate), Problem> {
        let system = self.system(asked).await?;
        let date = match when {
            When::On(date) => date,
            When::Latest => {
                let dates = self.tables.dates(DAYS, &system).await;
                let dates = dates.map_err(|failure| failure_problem(&failure))?;
                match dates.last() {
                    Some(date) => *date,
                    None => return Err(self.no_day(&system, None).await),
                }
            }
        };
        Ok((system, date))
    }

    /// A table of a day, or why there is none.
    pub(crate) async fn need(
        &self,
        of: Derived,
        system: &SystemId,
        date: NaiveDate,
    ) -> Result<Arc<Table>, Problem> {
        if let Some(table) = self.have(of, system, date).await? {
            return Ok(table);
        }
        let days = self.tables.dates(DAYS, system).await;
        let days = days.map_err(|failure| failure_problem(&failure))?;
        if of != DAYS && days.contains(&date) {
            let name = of.name();
            let of_resolution =
                of.resolution().map_or_else(String::new, |r| format!(" of resolution {r}"));
            let detail = format!(
                "the lake has hotspots of {date} but no table `{name}`{of_resolution}: run `hotspots aggregate` to compute it"
            );
            let title = "that table of the day is not computed";
            return Err(Problem::not_found(title, detail).with("table", name));
        }
        Err(self.no_day(system, Some(date)).await)
    }

    /// A table of a day, if there is one.
    pub(crate) async fn have(
        &self,
        of: Derived,
        system: &SystemId,
        date: NaiveDate,
    ) -> Result<Option<Arc<Table>>, Problem> {
        self.tables.table(of, system, date).await.map_err(|failure| failure_problem(&failure))
    }

    /// 404 that names the first, the last and the nearest days there are.
    async fn no_day(&self, system: &SystemId, date: Option<NaiveDate>) -> Problem {
        let title = "there are no hotspots of that day";
        let (systems, dates) =
            match (self.tables.systems().await, self.tables.dates(DAYS, system).await) {
                (Ok(systems), Ok(dates)) => (systems, dates),
                (Err(failure), _) | (_, Err(failure)) => return failure_problem(&failure),
            };
        let (Some(first), Some(last)) = (dates.first(), dates.last()) else {
            let names: Vec<String> = systems.iter().map(ToString::to_string).collect();
            let detail = format!("system `{system}` has no aggregated day");
            return Problem::not_found(title, detail).with("systems", names);
        };
        let date = date.unwrap_or(*last);
        let nearest: Vec<String> = nearest(&dates, date).map(ToString::to_string).collect();
        let detail = format!(
            "system `{system}` has days from {first} to {last}; nearest to {date}: {}",
            nearest.join(" and ")
        );
        Problem::not_found(title, detail)
            .with("first", first.to_string())
            .with("last", last.to_string())
            .with("nearest", nearest)
    }

    async fn ready(&self) -> Result<Arc<Answer>, Problem> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(Problem::unavailable("the server is about to stop"));
        }
        let looked = self.tables.systems().await;
        if let Some(failure) = looked.err().or_else(|| self.tables.trouble()) {
            let (tables, ..) = self.tables.usage();
            return Err(failure_problem(&failure).with("tables_in_memory", tables));
        }
        let body = Body::from_static(b"{\"status\":\"ready\"}");
        Ok(Arc::new(Answer::new(Format::Json, Freshness::Now, body)))
    }

    fn metrics_answer(&self) -> Arc<Answer> {
        let text = self.metrics.text(self.tables.usage(), self.tables.trouble().is_none());
        Arc::new(Answer::new(Format::Prometheus, Freshness::Now, text))
    }

    /// Compares in constant time: how much of a token is right must not show.
    fn check_token(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(token) = &self.token else { return Ok(()) };
        let given = headers
            .get(header::AUTHORIZATION)
            .map(HeaderValue::as_bytes)
            .and_then(|value| value.split_at_checked(7))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "))
            .map_or(&b""[..], |(_, token)| token);
        let differs = given.iter().zip(token.as_bytes()).fold(0, |all, (a, b)| all | (a ^ b));
        if differs == 0 && given.len() == token.len() {
            Ok(())
        } else {
            Err(Problem::unauthorized())
        }
    }
}

/// A request waits so long for its turn.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// What scripts of other sites may read.
const EXPOSED: &str = "Content-Location, ETag, Link, Retry-After, X-Request-Id";

/// The forms each path comes in; the first is what a client gets that does not say.
pub(crate) fn formats(route: &Route) -> &'static [Format] {
    match route {
        Route::Index | Route::Health | Route::Ready | Route::Systems => &[Format::Json],
        Route::Docs => &[Format::Html],
        Route::OpenApi => &[Format::OpenApi],
        Route::Metrics => &[Format::Prometheus],
        Route::Days | Route::Day(_) | Route::Stations(_) => &Format::ALL,
        Route::Cell(..) | Route::Station(..) => &[Format::Json, Format::GeoJson],
        Route::Hours(_) | Route::Quality(_) => {
            &[Format::Json, Format::Csv, Format::Arrow, Format::Parquet]
        }
    }
}

fn format_of(route: &Route, asked: Option<Format>, headers: &HeaderMap) -> Result<Format, Problem> {
    let offered = formats(route);
    let names: Vec<&str> = offered.iter().map(|format| format.name()).collect();
    match asked {
        Some(format) if offered.contains(&format) => Ok(format),
        Some(format) => {
            let detail = format!("format: {} comes as {}", route.pattern(), names.join(", "));
            Err(Problem::bad_request(detail)
                .with("parameter", "format")
                .with("value", format.name())
                .with("allowed", names))
        }
        // What comes in one form only is sent in it.
        None if offered.len() == 1 => Ok(offered[0]),
        None => negotiate::format(headers.get(header::ACCEPT), offered).ok_or_else(|| {
            let types: Vec<&str> = offered.iter().map(|format| format.media_type()).collect();
            let detail = format!("{} comes as {}", route.pattern(), types.join(", "));
            Problem::not_acceptable(detail).with("allowed", types)
        }),
    }
}

/// A failure of the lake as its client sees it.
pub(crate) fn failure_problem(failure: &Failure) -> Problem {
    match failure {
        Failure::Damaged { .. } => Problem::unavailable(failure.to_string()),
        // What a store says may name places that are none of the client's business.
        Failure::Lake(_) | Failure::Slow(_) | Failure::Empty(_) => {
            Problem::unavailable("the lake does not answer; the server's log says why")
        }
    }
}

/// The answer to OPTIONS, which is also that to a browser asking before it asks.
fn options() -> Response<Body> {
    let mut response = Response::new(Body::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, HeaderValue::from_static(ALLOW));
    for (name, value) in [
        ("access-control-allow-methods", ALLOW),
        (
            "access-control-allow-headers",
            "Accept, Authorization, If-None-Match, If-Modified-Since, X-Request-Id",
        ),
        ("access-control-max-age", "86400"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The last day before and the first day after.
fn nearest(dates: &[NaiveDate], date: NaiveDate) -> impl Iterator<Item = &NaiveDate> {
    let at = dates.partition_point(|known| *known < date);
    let before = at.checked_sub(1).and_then(|index| dates.get(index));
    before.into_iter().chain(dates.get(at))
}
