//! How a request is answered: path → parameters → day → response, and what is counted and logged of it.

use std::fmt::{self, Display, Formatter, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use hotspots_data::{Derived, Resolution, SystemId};
use tracing::{Level, debug, error, info};
use warp::http::header::{self, HeaderName};
use warp::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::answer::{Answer, Body, Freshness};
use crate::connection::Connections;
use crate::docs;
use crate::documents::{SystemDay, index};
use crate::fresh::Failure;
use crate::making::Making;
use crate::metrics::{Metrics, Timer};
use crate::negotiate::{self, Format};
use crate::openapi;
use crate::page::{BaseMap, Page};
use crate::params::Params;
use crate::problem::{Kind, Problem};
use crate::recent::Asked;
use crate::routes::{ALLOW, Endpoint, OfDay, Route, When, route};
use crate::server::Limits;
use crate::tables::{Table, Tables};

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
    pub(crate) making: Making,
    pub(crate) connections: Arc<Connections>,
    stopping: AtomicBool,
    /// Tells servers of one process apart.
    number: u64,
}

impl State {
    pub(crate) fn new(
        tables: Tables,
        system: Option<SystemId>,
        token: Option<String>,
        limits: &Limits,
        base_map: &BaseMap,
    ) -> Self {
        let fixed = |freshness, body| Arc::new(Answer::new(Format::Json, freshness, body));
        let connections = Connections::new();
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
            making: Making::new(limits.making, limits.memory_bytes, Arc::clone(&connections)),
            connections,
            stopping: AtomicBool::new(false),
            number: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// From now on, every answer closes its connection, and the server is not ready.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// The response to a request that repeats the last one of this thread; `None` where it does not, or
    /// something has to be waited for.
    pub(crate) fn respond_again(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        headers: &HeaderMap,
    ) -> Option<Response<Body>> {
        if !matches!(*method, Method::GET | Method::HEAD) || self.check_token(headers).is_err() {
            return None;
        }
        let timer = self.metrics.timer();
        let asked = self.asked(path, query, headers);
        let is_private = self.token.is_some();
        let (endpoint, response) = asked.recall(timer.began, |endpoint, answer| {
            Some((endpoint, answer.response_at_once(method, headers, is_private)?))
        })?;
        let id = self.metrics.request_id(headers);
        let context = RequestContext { method: method.as_str(), path, query, id, timer };
        Some(self.end(&context, endpoint, Ok(response)))
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
        let endpoint = match &page {
            Some(_) if path != "/" => Endpoint::PageFile,
            _ => route.as_ref().map_or(Endpoint::Unknown, Route::endpoint),
        };
        let answered = match (page, route) {
            (Some(page), _) => page,
            (None, Ok(route)) => self.answer(route, method, path, query, headers).await,
            (None, Err(problem)) => Err(problem),
        };
        let context = RequestContext { method: method.as_str(), path, query, id, timer };
        self.end(&context, endpoint, answered)
    }

    /// The response to a request that is no proper one, whatever it asks for.
    pub(crate) fn reject(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        problem: Problem,
    ) -> Response<Body> {
        let (id, timer) = (self.metrics.request_id(headers), self.metrics.timer());
        let context = RequestContext { method: method.as_str(), path, query: "", id, timer };
        self.end(&context, Endpoint::Unknown, Err(problem))
    }

    /// The response to a request whose head could not be read; at most `most_bytes` are.
    pub(crate) fn refuse(&self, status: StatusCode, most_bytes: usize) -> Response<Body> {
        let id = self.metrics.request_id(&HeaderMap::new());
        let timer = self.metrics.timer();
        let context = RequestContext { method: "-", path: "", query: "", id, timer };
        self.end(&context, Endpoint::Unknown, Err(Problem::unreadable(status, most_bytes)))
    }

    /// Adds the headers of every response to it, or to the problem's document; counts and logs it.
    fn end(
        &self,
        context: &RequestContext<'_>,
        endpoint: Endpoint,
        answered: Result<Response<Body>, Problem>,
    ) -> Response<Body> {
        let (mut response, problem) = match answered {
            Ok(response) => (response, None),
            Err(problem) => (context.refusal(&problem), Some(problem)),
        };
        let status = response.status();
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        if status != StatusCode::NOT_MODIFIED {
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        }
        if self.stopping.load(Ordering::Relaxed) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        headers.insert(REQUEST_ID, context.id.clone());
        let duration = context.timer.stop(endpoint, status);
        context.log(status, duration, problem.as_ref());
        response
    }

    fn asked<'a>(&self, path: &'a str, query: &'a str, headers: &'a HeaderMap) -> Asked<'a> {
        Asked { server: self.number, path, query, headers }
    }

    async fn answer(
        &self,
        route: Route,
        method: &Method,
        path: &str,
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
        let (endpoint, now) = (route.endpoint(), Instant::now());
        let mut latest = None;
        // Boxed: what is rarely asked for must not make the future of every request larger.
        let answer = match route {
            Route::Index => Arc::clone(&self.index),
            Route::Docs => Arc::clone(&self.docs),
            Route::OpenApi => Arc::clone(&self.openapi),
            Route::Health => Arc::clone(&self.health),
            Route::Ready => Box::pin(self.ready()).await?,
            Route::Metrics => Box::pin(self.metrics_answer()).await,
            Route::Systems => Box::pin(self.systems_document()).await?,
            Route::Days => Box::pin(self.days(params, format)).await?,
            Route::OfDay(when, what) => {
                let day = self.day_meant(params.system.clone(), when).await?;
                latest = (when == When::Latest).then_some(day.date);
                let answer = self.of_day(&day, what, params, format).await?;
                if latest.is_none() {
                    self.asked(path, query, headers).keep(endpoint, &answer, now);
                }
                answer
            }
        };
        let mut response = answer.response(method, headers, self.token.is_some(), self).await?;
        if let Some(date) = latest {
            // Which day is the last one changes, whatever the day itself does.
            let fresh =
                if self.token.is_some() { "private, max-age=15" } else { "public, max-age=15" };
            let headers = response.headers_mut();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(fresh));
            if let Ok(place) = HeaderValue::from_str(&place(path, query, date)) {
                headers.insert(header::CONTENT_LOCATION, place);
            }
        }
        Ok(response)
    }

    /// The system asked for, else the configured one, else the only one there is.
    pub(crate) async fn system(&self, asked: Option<SystemId>) -> Result<SystemId, Problem> {
        let systems = self.tables.systems().await?;
        if let Some(system) = asked {
            return if systems.contains(&system) {
                Ok(system)
            } else {
                Err(no_system(&system, &systems))
            };
        }
        if let Some(system) = &self.system {
            return Ok(system.clone());
        }
        match systems.as_slice() {
            [] => Err(Problem::new(
                Kind::EMPTY_LAKE,
                "the lake has no aggregated day: run `hotspots ingest` and `hotspots aggregate`",
            )),
            [only] => Ok(only.clone()),
            several => {
                let names: Vec<String> = several.iter().map(ToString::to_string).collect();
                let detail = format!(
                    "the lake has several systems: add ?system= with one of {}",
                    names.join(", ")
                );
                Err(Problem::bad_request(detail)
                    .with("parameter", "system")
                    .with("value", serde_json::Value::Null)
                    .with("allowed", names))
            }
        }
    }

    /// The system asked for, and the day meant.
    async fn day_meant(&self, asked: Option<SystemId>, when: When) -> Result<SystemDay, Problem> {
        let system = self.system(asked).await?;
        let date = match when {
            When::On(date) => date,
            When::Latest => match self.last_good_day(&system).await? {
                Some(date) => date,
                None => return Err(self.no_day(&system, None).await),
            },
        };
        Ok(SystemDay { system, date })
    }

    /// The last day whose hotspots can be read: a damaged one, which the log tells of, must not take
    /// `latest` away.
    async fn last_good_day(&self, system: &SystemId) -> Result<Option<NaiveDate>, Problem> {
        let days = self.tables.days(Derived::DAYS, system).await?;
        for date in days.dates().rev().take(MOST_DAMAGED) {
            match self.tables.table(Derived::DAYS, system, date).await {
                Ok(Some(_)) => return Ok(Some(date)),
                Ok(None) | Err(Failure::Damaged { .. }) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(days.last())
    }

    /// A table of a day, or why there is none.
    pub(crate) async fn need(&self, of: Derived, day: &SystemDay) -> Result<Arc<Table>, Problem> {
        match self.have(of, day).await? {
            Some(table) => Ok(table),
            None => Err(Box::pin(self.no_table(of, day)).await),
        }
    }

    /// A table of a day, if there is one.
    pub(crate) async fn have(
        &self,
        of: Derived,
        day: &SystemDay,
    ) -> Result<Option<Arc<Table>>, Problem> {
        Ok(self.tables.table(of, &day.system, day.date).await?)
    }

    /// 404 that says how to get the table, or which days there are.
    pub(crate) async fn no_table(&self, of: Derived, day: &SystemDay) -> Problem {
        let SystemDay { system, date } = day;
        match self.tables.days(Derived::DAYS, system).await {
            Err(failure) => return failure.into(),
            Ok(days) if of == Derived::DAYS || !days.contains(*date) => {
                return self.no_day(system, Some(*date)).await;
            }
            Ok(_) => {}
        }
        let computed = match self.resolutions(day).await {
            Ok(computed) => computed,
            Err(failure) => return failure.into(),
        };
        let name = of.name();
        match of.resolution() {
            Some(resolution) if !computed.contains(&resolution) => {
                let allowed: Vec<String> = computed.iter().map(ToString::to_string).collect();
                let detail = format!(
                    "the lake has no cells of resolution {resolution} on {date}, but of {}; `hotspots aggregate --resolutions` computes others",
                    allowed.join(", ")
                );
                Problem::new(Kind::NOT_COMPUTED, detail)
                    .with("parameter", "resolution")
                    .with("value", resolution.to_string())
                    .with("allowed", allowed)
            }
            _ => {
                let detail = format!(
                    "the lake has hotspots of {date} but no table `{name}`: run `hotspots aggregate` to compute it"
                );
                Problem::new(Kind::NOT_COMPUTED, detail).with("table", name)
            }
        }
    }

    /// The resolutions of which a day has hotspots.
    async fn resolutions(&self, day: &SystemDay) -> Result<Vec<Resolution>, Failure> {
        let mut computed = Vec::new();
        for resolution in Resolution::all() {
            let days = self.tables.days(Derived::Hotspots(resolution), &day.system).await?;
            if days.contains(day.date) {
                computed.push(resolution);
            }
        }
        Ok(computed)
    }

    /// 404 that names the first, the last and the nearest days there are.
    async fn no_day(&self, system: &SystemId, date: Option<NaiveDate>) -> Problem {
        let days = match self.tables.days(Derived::DAYS, system).await {
            Ok(days) => days,
            Err(failure) => return failure.into(),
        };
        let (Some(first), Some(last)) = (days.first(), days.last()) else {
            return match self.tables.systems().await {
                Ok(systems) => no_system(system, &systems),
                Err(failure) => failure.into(),
            };
        };
        let date = date.unwrap_or(last);
        let dates: Vec<NaiveDate> = days.dates().collect();
        let nearest: Vec<String> = nearest(&dates, date).map(ToString::to_string).collect();
        let detail = format!(
            "system `{system}` has days from {first} to {last}; nearest to {date}: {}",
            nearest.join(" and ")
        );
        Problem::new(Kind::NO_SUCH_DAY, detail)
            .with("first", first.to_string())
            .with("last", last.to_string())
            .with("nearest", nearest)
    }

    async fn ready(&self) -> Result<Arc<Answer>, Problem> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(Problem::new(Kind::STOPPING, "ask another server"));
        }
        let looked = self.tables.systems().await;
        if let Some(failure) = looked.err().or_else(|| self.tables.trouble()) {
            let (tables, ..) = self.tables.usage();
            return Err(Problem::from(failure).with("tables_in_memory", tables));
        }
        let body = Body::from_static(b"{\"status\":\"ready\"}");
        Ok(Arc::new(Answer::new(Format::Json, Freshness::Now, body)))
    }

    async fn metrics_answer(&self) -> Arc<Answer> {
        let is_up = self.tables.systems().await.is_ok() && self.tables.trouble().is_none();
        let text = self.metrics.text(self.tables.usage(), self.tables.failing(), is_up);
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

/// What is said of a request in the log and in refusals.
struct RequestContext<'a> {
    method: &'a str,
    /// Empty where it could not be read.
    path: &'a str,
    query: &'a str,
    id: HeaderValue,
    timer: Timer<'a>,
}

impl RequestContext<'_> {
    /// Its id, which is plain text, whoever made it.
    fn shown_id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    fn refusal(&self, problem: &Problem) -> Response<Body> {
        let instance = Some(self.path).filter(|path| !path.is_empty());
        problem.response(instance, self.shown_id())
    }

    fn log(&self, status: StatusCode, duration: Duration, problem: Option<&Problem>) {
        let reason = match problem {
            Some(problem) if status == StatusCode::INTERNAL_SERVER_ERROR => problem.detail(),
            Some(problem) => problem.kind().title,
            None => status.canonical_reason().unwrap_or_default(),
        };
        // The arguments are evaluated only where the level is logged.
        macro_rules! log {
            ($level:ident) => {
                $level!(
                    request_id = self.shown_id(),
                    method = self.method,
                    path = %Escaped(self.path),
                    query = %Escaped(self.query),
                    status = status.as_u16(),
                    problem = problem.map(|problem| problem.kind().name),
                    us = duration.as_micros() as u64,
                    "{} {} {}: {} {}",
                    self.shown_id(),
                    self.method,
                    Escaped(self.path),
                    status.as_u16(),
                    Escaped(reason),
                )
            };
        }
        match level(status) {
            Level::ERROR => log!(error),
            Level::INFO => log!(info),
            _ => log!(debug),
        }
    }
}

/// The level at which a response is logged: the server's own mistakes as errors, refusals as
/// information, all else only for debugging.
///
/// A lake that fails is logged as an error once, where that is found: the refusals that follow from it
/// (503) must not flood the log with errors.
fn level(status: StatusCode) -> Level {
    match status.as_u16() {
        503 | 400..=499 => Level::INFO,
        500..=599 => Level::ERROR,
        _ => Level::DEBUG,
    }
}

/// A client's text, or some made of it, such that it can neither end a line of the log nor command a
/// terminal nor fill the disk.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let mut letters = self.0.chars();
        for letter in letters.by_ref().take(MOST_LOGGED) {
            match letter {
                '"' | '\'' => formatter.write_char(letter)?,
                other => write!(formatter, "{}", other.escape_debug())?,
            }
        }
        if letters.next().is_some() { formatter.write_str("…") } else { Ok(()) }
    }
}

/// So many letters of a client's text are logged.
const MOST_LOGGED: usize = 500;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A request waits so long for its turn.
/// So many days at the end of a system may be damaged before `latest` gives up.
const MOST_DAMAGED: usize = 7;
/// Names a request, in its answer and in the log.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What scripts of other sites may read: all of it, for they send no credentials of the browser's.
const EXPOSED: &str = "*";

/// The formats of each path; the first is the default.
pub(crate) fn formats(route: &Route) -> &'static [Format] {
    match route {
        Route::Index | Route::Health | Route::Ready | Route::Systems => &[Format::Json],
        Route::Docs => &[Format::Html],
        Route::OpenApi => &[Format::OpenApi],
        Route::Metrics => &[Format::Prometheus],
        Route::Days | Route::OfDay(_, OfDay::Cells | OfDay::Stations) => &Format::ALL,
        Route::OfDay(_, OfDay::Cell(_) | OfDay::Station(_)) => &[Format::Json, Format::GeoJson],
        Route::OfDay(_, OfDay::Hours | OfDay::Quality) => {
            &[Format::Json, Format::Csv, Format::Arrow, Format::Parquet]
        }
    }
}

fn format_of(route: &Route, asked: Option<Format>, headers: &HeaderMap) -> Result<Format, Problem> {
    let offered = formats(route);
    match asked {
        Some(format) if offered.contains(&format) => Ok(format),
        Some(format) => {
            let names: Vec<&str> = offered.iter().map(|format| format.name()).collect();
            let detail = format!("format: {} comes as {}", route.pattern(), names.join(", "));
            Err(Problem::bad_request(detail)
                .with("parameter", "format")
                .with("value", format.name())
                .with("allowed", names))
        }
        // What has one format only is sent in it, whatever `Accept` says.
        None if offered.len() == 1 => Ok(offered[0]),
        None => negotiate::format(headers, offered).ok_or_else(|| {
            let types: Vec<&str> = offered.iter().map(|format| format.media_type()).collect();
            let detail = format!("{} comes as {}", route.pattern(), types.join(", "));
            Problem::new(Kind::NOT_ACCEPTABLE, detail).with("allowed", types)
        }),
    }
}

/// The answer to OPTIONS, a browser's preflight request included.
fn options() -> Response<Body> {
    let mut response = Response::new(Body::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, HeaderValue::from_static(ALLOW));
    for (name, value) in [
        ("access-control-allow-methods", ALLOW),
        (
            "access-control-allow-headers",
            "Accept, Authorization, If-Match, If-Modified-Since, If-None-Match, If-Range, \
             If-Unmodified-Since, Range, X-Request-Id",
        ),
        ("access-control-max-age", "86400"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// 404 for a system without any day.
fn no_system(system: &SystemId, systems: &[SystemId]) -> Problem {
    let names: Vec<String> = systems.iter().map(ToString::to_string).collect();
    let detail = format!("the lake has no aggregated day of system `{system}`");
    Problem::new(Kind::NO_SUCH_SYSTEM, detail)
        .with("parameter", "system")
        .with("value", system.to_string())
        .with("allowed", names)
}

/// The path of a request for `latest`, which is its second segment, with the day that it stands for.
fn place(path: &str, query: &str, date: NaiveDate) -> String {
    let date = date.to_string();
    let mut segments: Vec<&str> = path.split('/').collect();
    if let Some(second) = segments.get_mut(2) {
        *second = &date;
    }
    let path = segments.join("/");
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

/// The last day before and the first day after.
fn nearest(dates: &[NaiveDate], date: NaiveDate) -> impl Iterator<Item = &NaiveDate> {
    let at = dates.partition_point(|known| *known < date);
    let before = at.checked_sub(1).and_then(|index| dates.get(index));
    before.into_iter().chain(dates.get(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_errors_refusals_are_information_and_answers_are_for_debugging() {
        for (status, expected) in [
            (200, Level::DEBUG),
            (206, Level::DEBUG),
            (304, Level::DEBUG),
            (400, Level::INFO),
            (404, Level::INFO),
            (416, Level::INFO),
            (503, Level::INFO),
            (500, Level::ERROR),
        ] {
            assert_eq!(level(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
    }

    #[test]
    fn what_a_client_sends_stays_on_its_line_of_the_log() {
        for (text, expected) in [
            ("/hotspots/latest", "/hotspots/latest"),
            ("/vélo?a='\"", "/vélo?a='\""),
            ("/\n2026-11-22 ERROR", "/\\n2026-11-22 ERROR"),
            ("/\u{1b}[31m\u{9b}31m\u{202e}", "/\\u{1b}[31m\\u{9b}31m\\u{202e}"),
        ] {
            assert_eq!(Escaped(text).to_string(), expected);
        }
        let shown = Escaped(&"x".repeat(10_000)).to_string();
        assert_eq!(shown, format!("{}…", "x".repeat(MOST_LOGGED)));
    }
}
