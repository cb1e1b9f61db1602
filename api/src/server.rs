//! The server: listens, lets warp route, and keeps clients from hurting one another.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Either, Ready, ready};
use hotspots_data::{Lake, SystemId};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tracing::{debug, warn};
use warp::http::{HeaderMap, Method, Request, Response};
use warp::path::FullPath;
use warp::{Filter as _, Reply as _};

use crate::answer::Body;
use crate::attribution::Attribution;
use crate::connection::{Connection, Connections, Guarded};
use crate::page::BaseMap;
use crate::refusal::Refuse;
use crate::state::State;
use crate::tables::Tables;
use crate::workers::Workers;

/// How to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 is any free one.
    pub bind: SocketAddr,
    /// The system of requests that name none.
    pub system: Option<SystemId>,
    /// The bearer token every request must bear; `None` is a public API.
    pub token: Option<String>,
    /// What is known of systems whose feeds do not say whom to credit.
    pub known: HashMap<SystemId, Attribution>,
    /// What lies under the map page's hexagons.
    pub base_map: BaseMap,
    /// What clients may use.
    pub limits: Limits,
}

impl Options {
    /// A public API at `bind` with the usual limits, for `system` unless a request names another.
    #[must_use]
    pub fn public(bind: SocketAddr, system: Option<SystemId>) -> Self {
        let (known, base_map, limits) = (HashMap::new(), BaseMap::default(), Limits::default());
        Self { bind, system, token: None, known, base_map, limits }
    }
}

/// What clients may use of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once; beyond it, the one idle longest is closed for the new one.
    pub connections: usize,
    /// Answers made at once that are not ready in memory; the others wait.
    pub making: usize,
    /// How long a request's head may take to arrive, a connection may idle, and a client may take none
    /// of the bytes sent.
    pub patience: Duration,
    /// How long requests in hand may take to finish once the server is asked to stop.
    pub farewell: Duration,
    /// Memory for tables and answers, in bytes.
    pub memory_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            // It is work for the processor: more at once is not sooner, but takes memory.
            making: 2 * std::thread::available_parallelism().map_or(2, usize::from),
            patience: Duration::from_secs(20),
            farewell: Duration::from_secs(20),
            memory_bytes: 96 << 20,
        }
    }
}

/// A server that has its port.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    workers: Workers,
    state: Arc<State>,
    limits: Limits,
}

impl Server {
    /// Takes the port; [`Server::run`] answers.
    ///
    /// # Errors
    /// When the port or a thread cannot be had.
    #[expect(clippy::unused_async, reason = "the port belongs to the runtime that awaits it")]
    pub async fn bind(lake: Lake, options: Options) -> std::io::Result<Self> {
        let listener = listen(options.bind)?;
        let tables = Tables::new(lake, options.limits.memory_bytes, options.known);
        let making = options.limits.making;
        let state = State::new(tables, options.system, options.token, making, &options.base_map);
        let workers = Workers::start(making)?;
        Ok(Self { listener, workers, state: Arc::new(state), limits: options.limits })
    }

    /// The address listened on.
    ///
    /// # Errors
    /// When the socket does not know it.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop`, then finishes the requests in hand.
    ///
    /// Once asked to stop, every answer closes its connection, and new connections are still taken for
    /// a moment: no client that is just asking finds a closed door.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) {
        let connections = Connections::new();
        let patience = self.limits.patience;
        tokio::select! {
            () = self.serve(Arc::clone(&connections), stop) => {}
            () = connections.part_with_silent(patience) => {}
        }
    }

    async fn serve(self, connections: Arc<Connections>, stop: impl Future<Output = ()>) {
        let limits = self.limits;
        let mut hall = Hall::new(self.state, self.workers, connections, limits);
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                accepted = self.listener.accept() => hall.welcome(accepted).await,
                () = &mut stop => break,
            }
        }
        hall.state.stop();
        let farewell = tokio::time::sleep(CLOSING);
        let mut farewell = std::pin::pin!(farewell);
        while hall.connections.count() > 0 {
            tokio::select! {
                accepted = self.listener.accept() => hall.welcome(accepted).await,
                () = tokio::time::sleep(Duration::from_millis(10)) => {}
                () = &mut farewell => break,
            }
        }
        // Those in the queue of the closing door.
        while let Some(accepted) = self.listener.accept().now_or_never() {
            hall.welcome(accepted).await;
        }
        drop(self.listener);
        if tokio::time::timeout(limits.farewell, hall.graceful.shutdown()).await.is_err() {
            warn!("some clients took longer than {} s: closed on them", limits.farewell.as_secs());
        }
    }
}

/// How long new connections are still taken once the server is asked to stop.
const CLOSING: Duration = Duration::from_millis(500);
/// The longest request line with its headers, in bytes.
const MOST_HEAD_BYTES: usize = 16 << 10;
/// The pause after the system has no more sockets to give.
const NO_SOCKETS: Duration = Duration::from_millis(50);

/// Connections that wait at the door while others are let in; the system may allow fewer. Those beyond
/// are not told no: they try again after a second.
const QUEUE: u32 = 4096;

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Else a port just left is taken for a minute. On Windows it would be taken from another.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(QUEUE)
}

/// Where connections are let in and looked after.
struct Hall {
    state: Arc<State>,
    workers: Workers,
    connections: Arc<Connections>,
    graceful: GracefulShutdown,
    http: http1::Builder,
    refuse: Refuse,
    limits: Limits,
}

impl Hall {
    fn new(
        state: Arc<State>,
        workers: Workers,
        connections: Arc<Connections>,
        limits: Limits,
    ) -> Self {
        let mut http = http1::Builder::new();
        // No `pipeline_flush`: it copies every body into a buffer of its connection before sending it, and
        // a client that asks on and on without reading would fill the memory with answers.
        http.header_read_timeout(None).max_buf_size(MOST_HEAD_BYTES);
        let refusing = Arc::clone(&state);
        let refuse: Refuse = Arc::new(move |status| refusing.refuse(status, MOST_HEAD_BYTES));
        let graceful = GracefulShutdown::new();
        Self { state, workers, connections, graceful, http, refuse, limits }
    }

    /// Serves a connection in a task of its own.
    async fn welcome(&mut self, accepted: std::io::Result<(TcpStream, SocketAddr)>) {
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // No descriptors left, most likely: make room, and do not spin.
                debug!("a connection could not be accepted: {error}");
                self.make_room();
                tokio::time::sleep(NO_SOCKETS).await;
                return;
            }
        };
        self.state.metrics.connections_accepted.fetch_add(1, Relaxed);
        if self.connections.count() >= self.limits.connections && !self.make_room() {
            // Everybody is being answered: this one has to come back.
            return;
        }
        // An answer is written in one go: waiting for more to send would only delay it.
        let _ = stream.set_nodelay(true);
        let Ok(stream) = stream.into_std() else { return };
        let connection = self.connections.open();
        let visit = Visit { state: Arc::clone(&self.state), connection: Arc::clone(&connection) };
        let visit = Arc::new(visit);
        let walk = TowerToHyperService::new(warp::service(routes(Arc::clone(&visit))));
        let service = Desk { visit, walk };
        let (http, watcher) = (self.http.clone(), self.graceful.watcher());
        let (connections, state) = (Arc::clone(&self.connections), Arc::clone(&self.state));
        let refuse = Arc::clone(&self.refuse);
        state.metrics.connections.fetch_add(1, Relaxed);
        self.workers.spawn(async move {
            if let Ok(stream) = TcpStream::from_std(stream) {
                let stream = Guarded::new(stream, Arc::clone(&connection), refuse);
                let http = watcher.watch(http.serve_connection(TokioIo::new(stream), service));
                tokio::select! {
                    result = http => if let Err(error) = result {
                        debug!("a connection ended early: {error}");
                    },
                    () = connection.go.notified() => {}
                }
            }
            connections.close(&connection);
            state.metrics.connections.fetch_sub(1, Relaxed);
        });
    }

    fn make_room(&self) -> bool {
        self.state.metrics.connections_closed_for_room.fetch_add(1, Relaxed);
        self.connections.close_idlest()
    }
}

/// A connection to the state; one of each connection, so that counting who holds it stays on a core.
struct Visit {
    state: Arc<State>,
    connection: Arc<Connection>,
}

/// Answers at once what the thread was asked just before; sends all else on the walk.
///
/// The future of an answer has its room in every connection: one that is small, and not moved, is worth
/// more than the walk it spares.
struct Desk<W> {
    visit: Arc<Visit>,
    walk: W,
}

impl<W> Service<Request<Incoming>> for Desk<W>
where
    W: Service<Request<Incoming>, Response = warp::reply::Response, Error = Infallible>,
    W::Future: Send + 'static,
{
    type Response = W::Response;
    type Error = Infallible;
    type Future = Either<
        Ready<Result<W::Response, Infallible>>,
        BoxFuture<'static, Result<W::Response, Infallible>>,
    >;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let Visit { state, connection } = &*self.visit;
        if !request.body().is_end_stream() {
            connection.leaves_unread();
        }
        let (uri, query) = (request.uri(), request.uri().query().unwrap_or_default());
        match state.respond_again(request.method(), uri.path(), query, request.headers()) {
            Some(response) => {
                connection.touch();
                Either::Left(ready(Ok(response.into_response())))
            }
            None => Either::Right(Box::pin(self.walk.call(request))),
        }
    }
}

/// All of the API as one warp filter: the walk itself tells paths apart, so that every refusal is a
/// problem document.
fn routes(
    visit: Arc<Visit>,
) -> impl warp::Filter<Extract = (Response<Body>,), Error = Infallible> + Clone {
    let query = warp::query::raw().or_else(|_| async { Ok::<_, Infallible>((String::new(),)) });
    warp::method().and(warp::path::full()).and(query).and(warp::header::headers_cloned()).then(
        move |method: Method, path: FullPath, query: String, headers: HeaderMap| {
            let visit = Arc::clone(&visit);
            async move {
                let Visit { state, connection } = &*visit;
                let answer = state.respond(&method, path.as_str(), &query, &headers);
                connection.answering(answer).await
            }
        },
    )
}
