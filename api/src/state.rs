//! How a request is answered: path → parameters → day → response, and what is counted and logged of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use chrono::NaiveDate;
use hotspots_data::SystemId;
use warp::http::header;
use warp::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::answer::{Answer, Body, Freshness};
use crate::connection::Connections;
use crate::docs;
use crate::documents::index;
use crate::making::Making;
use crate::metrics::Metrics;
use crate::negotiate::{self, Format};
use crate::openapi;
use crate::page::{BaseMap, Page};
use crate::params::Params;
use crate::problem::{Kind, Problem};
use crate::recent::Asked;
use crate::request::{REQUEST_ID, RequestContext};
use crate::routes::{ALLOW, Endpoint, OfDay, Route, When, route};
use crate::server::Limits;
use crate::tables::Tables;

/// Shared by all requests.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) tables: Tables,
    pub(crate) metrics: Metrics,
    pub(crate) system: Option<SystemId>,
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

    /// Whether it was asked to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// The response to a request, come at `now`, that repeats the last one of this thread; `None` where it
    /// does not, or something has to be waited for.
    pub(crate) fn respond_again(
        &self,
        now: Instant,
        method: &Method,
        path: &str,
        query: &str,
        headers: &HeaderMap,
    ) -> Option<Response<Body>> {
        if !matches!(*method, Method::GET | Method::HEAD) || self.check_token(headers).is_err() {
            return None;
        }
        let timer = self.metrics.timer_since(now);
        let asked = self.asked(path, query, headers);
        let is_private = self.token.is_some();
        let (endpoint, response) = asked.recall(now, |endpoint, answer| {
            Some((endpoint, answer.response_at_once(method, headers, is_private)?))
        })?;
        let id = self.metrics.request_id(headers);
        let context = RequestContext { method: method.as_str(), path, query, id, timer };
        Some(self.end(context, endpoint, Ok(response)))
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
        self.end(context, endpoint, answered)
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
        self.end(context, Endpoint::Unknown, Err(problem))
    }

    /// The response to a request whose head could not be read; at most `most_bytes` are.
    pub(crate) fn refuse(&self, status: StatusCode, most_bytes: usize) -> Response<Body> {
        let id = self.metrics.request_id(&HeaderMap::new());
        let timer = self.metrics.timer();
        let context = RequestContext { method: "-", path: "", query: "", id, timer };
        self.end(context, Endpoint::Unknown, Err(Problem::unreadable(status, most_bytes)))
    }

    /// Adds the headers of every response to it, or to the problem's document; counts and logs it.
    fn end(
        &self,
        context: RequestContext<'_>,
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
        if self.is_stopping() {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let duration = context.timer.stop(endpoint, status);
        context.log(status, duration, problem.as_ref());
        headers.insert(REQUEST_ID, context.id);
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

    async fn ready(&self) -> Result<Arc<Answer>, Problem> {
        if self.is_stopping() {
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

static NEXT: AtomicU64 = AtomicU64::new(0);

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
