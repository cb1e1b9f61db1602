//! The server: listens, lets warp route, and keeps clients from hurting one another.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hotspots_data::{Lake, SystemId};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use warp::Filter as _;
use warp::http::{HeaderMap, Method, Response};

use crate::answer::Body;
use crate::state::State;
use crate::tables::Tables;

/// How to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 is any free one.
    pub bind: SocketAddr,
    /// The system of requests that name none.
    pub system: Option<SystemId>,
    /// The bearer token every request must bear; `None` is a public API.
    pub token: Option<String>,
    /// What clients may use.
    pub limits: Limits,
}

/// What clients may use of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once; beyond it, the one idle longest is closed for the new one.
    pub connections: usize,
    /// How long a request's head may take to arrive, and a connection may idle between requests.
    pub head: Duration,
    /// How long a client may take none of an answer's bytes.
    pub stalled: Duration,
    /// How long requests in hand may take to finish once the server is asked to stop.
    pub farewell: Duration,
    /// Memory for tables and answers, in bytes.
    pub memory_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            head: Duration::from_secs(20),
            stalled: Duration::from_secs(20),
            farewell: Duration::from_secs(20),
            memory_bytes: 192 << 20,
        }
    }
}

/// A server that has its port.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    state: Arc<State>,
    limits: Limits,
}

impl Server {
    /// Takes the port; [`Server::run`] answers.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn bind(lake: Lake, options: Options) -> std::io::Result<Self> {
        let listener = TcpListener::bind(options.bind).await?;
        let tables = Tables::new(lake, options.limits.memory_bytes);
        let state = State::new(tables, options.system, options.token);
        Ok(Self { listener, state: Arc::new(state), limits: options.limits })
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
        let service = TowerToHyperService::new(warp::service(routes(self.state)));
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(self.limits.head);
        let graceful = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let Ok((stream, _)) = accepted else { continue };
                    let connection = builder.serve_connection(TokioIo::new(stream), service.clone());
                    tokio::spawn(graceful.watch(connection));
                }
                () = &mut stop => break,
            }
        }
        drop(self.listener);
        let _ = tokio::time::timeout(self.limits.farewell, graceful.shutdown()).await;
    }
}

/// All of the API as one warp filter: the walk itself tells paths apart, so that every refusal is a
/// problem document.
fn routes(
    state: Arc<State>,
) -> impl warp::Filter<Extract = (Response<Body>,), Error = Infallible> + Clone {
    let query = warp::query::raw().or_else(|_| async { Ok::<_, Infallible>((String::new(),)) });
    warp::method().and(warp::path::full()).and(query).and(warp::header::headers_cloned()).then(
        move |method: Method, path: warp::path::FullPath, query: String, headers: HeaderMap| {
            let state = Arc::clone(&state);
            async move { state.respond(&method, path.as_str(), &query, &headers).await }
        },
    )
}
