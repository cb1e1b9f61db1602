//! The warp server: listens, routes, answers.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use chrono::NaiveDate;
use hotspots_data::{Lake, LakeError, SystemId};
use tokio::net::TcpListener;
use tracing::{debug, error};
use warp::Filter as _;
use warp::http::{Method, Response};

use crate::days::{DayError, Days, SharedDays};
use crate::params::Params;
use crate::problem::Problem;
use crate::reply::{self, Body};
use crate::routes::{Route, route};

/// How to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 is any free one.
    pub bind: SocketAddr,
    /// The system of requests that name none.
    pub system: Option<SystemId>,
}

/// A server that has its port.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    days: SharedDays,
    system: Option<SystemId>,
}

impl Server {
    /// Takes the port; [`Server::run`] answers.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn bind(lake: Lake, options: Options) -> std::io::Result<Self> {
        let listener = TcpListener::bind(options.bind).await?;
        let state = State { days: Arc::new(Days::new(lake)), system: options.system };
        Ok(Self { listener, state: Arc::new(state) })
    }

    /// The address listened on.
    ///
    /// # Errors
    /// When the socket does not know it.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop`, then finishes the requests in hand.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) {
        let state = self.state;
        let query = warp::query::raw().or_else(|_| async { Ok::<_, Infallible>((String::new(),)) });
        let answer = warp::method().and(warp::path::full()).and(query).then(
            move |method: Method, path: warp::path::FullPath, query: String| {
                let state = Arc::clone(&state);
                async move { state.respond(&method, path.as_str(), &query).await }
            },
        );
        warp::serve(answer).incoming(self.listener).graceful(stop).run().await;
    }
}

impl State {
    async fn respond(&self, method: &Method, path: &str, query: &str) -> Response<Body> {
        let answer = self.answer(method, path, query).await;
        let response = answer.unwrap_or_else(|problem| problem.response(path));
        debug!(%method, path, query, status = response.status().as_u16(), "{method} {path}");
        response
    }

    async fn answer(
        &self,
        method: &Method,
        path: &str,
        query: &str,
    ) -> Result<Response<Body>, Problem> {
        let route = route(method, path)?;
        let params = Params::read(query)?;
        let body = match route {
            Route::Index => reply::index(),
            Route::Health => Body::from_static(b"{\"status\":\"ok\"}"),
            Route::Days => {
                let system = self.system(params).await?;
                let dates = self.days.dates(&system).await.map_err(|error| lake_problem(&error))?;
                reply::days(&system, &dates)
            }
            Route::Day(date) => {
                let system = self.system(params).await?;
                match self.days.day(&system, date).await {
                    Ok(json) => json,
                    Err(DayError::NoSuchDay(date)) => return Err(self.no_day(&system, date).await),
                    Err(DayError::Lake(error)) => return Err(lake_problem(&error)),
                    Err(error @ DayError::Damaged { .. }) => {
                        error!(%system, %date, "{error}");
                        return Err(Problem::unavailable(error.to_string()));
                    }
                }
            }
        };
        Ok(reply::json_response(body))
    }

    /// The system asked for, else the configured one, else the only one there is.
    async fn system(&self, params: Params) -> Result<SystemId, Problem> {
        if let Some(system) = params.system.or_else(|| self.system.clone()) {
            return Ok(system);
        }
        let mut systems = self.days.systems().await.map_err(|error| lake_problem(&error))?;
        match (systems.len(), systems.pop()) {
            (0, _) | (_, None) => Err(Problem::not_found(
                "there are no hotspots yet",
                "the lake has no aggregated day: run `hotspots ingest` and `hotspots aggregate`",
            )),
            (1, Some(only)) => Ok(only),
            (_, Some(last)) => {
                systems.push(last);
                let names: Vec<String> = systems.iter().map(ToString::to_string).collect();
                let detail = format!(
                    "the lake has several systems: add ?system= with one of {}",
                    names.join(", ")
                );
                Err(Problem::bad_request(detail).with("parameter", "system").with("systems", names))
            }
        }
    }

    /// 404 that names the first, the last and the nearest days there are.
    async fn no_day(&self, system: &SystemId, date: NaiveDate) -> Problem {
        let title = "there are no hotspots of that day";
        let dates = match self.days.dates(system).await {
            Ok(dates) => dates,
            Err(error) => return lake_problem(&error),
        };
        let (Some(first), Some(last)) = (dates.first(), dates.last()) else {
            return Problem::not_found(title, format!("system `{system}` has no aggregated day"));
        };
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
}

/// The last day before and the first day after.
fn nearest(dates: &[NaiveDate], date: NaiveDate) -> impl Iterator<Item = &NaiveDate> {
    let at = dates.partition_point(|known| *known < date);
    let before = at.checked_sub(1).and_then(|index| dates.get(index));
    before.into_iter().chain(dates.get(at))
}

fn lake_problem(error: &LakeError) -> Problem {
    error!("{error}");
    Problem::unavailable("the lake does not answer; the server's log says why")
}
