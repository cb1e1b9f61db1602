//! The server: accepts connections, serves each on one thread, and enforces the limits of clients.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures::FutureExt as _;
use hotspots_data::{Lake, SystemId};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tracing::{debug, warn};

use crate::attribution::Attribution;
use crate::connection::{Connection, Guarded};
use crate::door::{let_nobody_new_in, listen};
use crate::files::affordable;
use crate::page::BaseMap;
use crate::refusal::Refuse;
use crate::service::{Client, RequestService, routes};
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
    /// The bearer token that every request must have; `None` is a public API.
    pub token: Option<String>,
    /// What is known of systems whose feeds do not say whom to credit.
    pub known: HashMap<SystemId, Attribution>,
    /// What lies under the map page's hexagons.
    pub base_map: BaseMap,
    /// What clients may use of the server.
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
    /// Connections open at once; beyond it, the one idle longest is closed for each new one.
    pub connections: usize,
    /// Answers made at once that are not ready in memory; the others wait.
    pub making: usize,
    /// How long a request's head may take to arrive, a connection may be idle, and a client may read
    /// none of the bytes sent to it.
    pub client_timeout: Duration,
    /// How long requests in progress may take to finish once the server is asked to stop.
    pub drain_timeout: Duration,
    /// Memory for tables and answers, in bytes.
    pub memory_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            // Making an answer is bound by the processor: more at once end no sooner and take memory.
            making: 2 * std::thread::available_parallelism().map_or(2, usize::from),
            client_timeout: Duration::from_secs(20),
            drain_timeout: Duration::from_secs(20),
            memory_bytes: 96 << 20,
        }
    }
}

/// A server that is bound to its port.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    workers: Workers,
    state: Arc<State>,
    limits: Limits,
}

impl Server {
    /// Binds the port; [`Server::run`] answers.
    ///
    /// # Errors
    /// When the port cannot be bound or a thread cannot be started.
    #[expect(
        clippy::unused_async,
        reason = "the socket is registered with the runtime that awaits it"
    )]
    pub async fn bind(lake: Lake, options: Options) -> std::io::Result<Self> {
        let listener = listen(options.bind)?;
        let mut limits = options.limits;
        limits.connections = affordable(limits.connections);
        let tables = Tables::new(lake, limits.memory_bytes, options.known);
        let state = State::new(tables, options.system, options.token, &limits, &options.base_map);
        let workers = Workers::start(limits.making)?;
        Ok(Self { listener, workers, state: Arc::new(state), limits })
    }

    /// The address listened on.
    ///
    /// # Errors
    /// When the socket does not know it.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop`, then finishes the requests in progress.
    ///
    /// After `stop`, every answer closes its connection, and new connections are still accepted for
    /// half a second; whoever comes later finds nobody listening, and nobody is cut off in between.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) {
        let connections = Arc::clone(&self.state.connections);
        let timeout = self.limits.client_timeout;
        tokio::select! {
            () = self.serve(stop) => {}
            () = connections.close_silent(timeout) => {}
        }
    }

    async fn serve(self, stop: impl Future<Output = ()>) {
        let limits = self.limits;
        let mut acceptor = Acceptor::new(self.state, self.workers, limits);
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                accepted = self.listener.accept() => acceptor.accept(accepted).await,
                () = &mut stop => break,
            }
        }
        acceptor.state.stop();
        acceptor.accept_for(&self.listener, CLOSING).await;
        if let Err(error) = let_nobody_new_in(&self.listener) {
            debug!("clients that connect in the last moment may be reset: {error}");
        }
        acceptor.accept_for(&self.listener, HALF_CONNECTED).await;
        // What is left in the socket's backlog.
        while let Some(accepted) = self.listener.accept().now_or_never() {
            acceptor.accept(accepted).await;
        }
        drop(self.listener);
        // From now on connections without a request are closed: those just accepted are still sending
        // theirs. All others close with their next answer.
        let _ = acceptor.all_ended(CLOSING).await;
        acceptor.state.connections.close_all();
        if acceptor.all_ended(limits.drain_timeout).await.is_err() {
            let timeout_s = limits.drain_timeout.as_secs();
            warn!(
                timeout_s,
                "some requests took longer than {timeout_s} s: their connections are closed"
            );
        }
    }
}

/// How long new connections are still accepted once the server is asked to stop, and for how long after
/// that the last of them may bring their requests.
const CLOSING: Duration = Duration::from_millis(500);
/// How long those who began to connect before may take to get in: an exchange of packets.
const HALF_CONNECTED: Duration = Duration::from_millis(200);
/// How often connections are counted until the last has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// The most bytes of a request line and its headers together.
const MOST_HEAD_BYTES: usize = 8 << 10;
/// The pause after a connection could not be accepted, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How many idle connections are closed then.
const CLOSED_AT_ONCE: usize = 64;
/// Accepts connections and starts a task for each.
struct Acceptor {
    state: Arc<State>,
    workers: Workers,
    http: http1::Builder,
    refuse: Refuse,
    limits: Limits,
    /// Whether the log says already that the system has no file descriptors left.
    is_short: bool,
}

impl Acceptor {
    fn new(state: Arc<State>, workers: Workers, limits: Limits) -> Self {
        let mut http = http1::Builder::new();
        // No `pipeline_flush`: it copies every body into a buffer of its connection before sending, and
        // a client that sends requests without reading would fill the memory with answers.
        //
        // Nor `half_close`: clients that hang up while they wait for their turn would keep their places in
        // the queue, and thousands of them everybody else's.
        http.header_read_timeout(None).max_buf_size(MOST_HEAD_BYTES);
        let refusing = Arc::clone(&state);
        let refuse: Refuse = Arc::new(move |status| refusing.refuse(status, MOST_HEAD_BYTES));
        Self { state, workers, http, refuse, limits, is_short: false }
    }

    /// Accepts connections for some time.
    async fn accept_for(&mut self, listener: &TcpListener, time: Duration) {
        let mut end = std::pin::pin!(tokio::time::sleep(time));
        loop {
            tokio::select! {
                accepted = listener.accept() => self.accept(accepted).await,
                () = &mut end => break,
            }
        }
    }

    /// Serves an accepted connection in a task of its own.
    async fn accept(&mut self, accepted: std::io::Result<(TcpStream, SocketAddr)>) {
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Most likely there are no file descriptors left: close connections, and do not spin.
                if !std::mem::replace(&mut self.is_short, true) {
                    warn!(
                        "a connection could not be accepted: {error}; idle ones are closed for it"
                    );
                }
                self.make_room(CLOSED_AT_ONCE);
                tokio::time::sleep(ACCEPT_PAUSE).await;
                return;
            }
        };
        self.state.metrics.connections_accepted.fetch_add(1, Relaxed);
        let connections = &self.state.connections;
        if connections.count() >= self.limits.connections && self.make_room(1) == 0 {
            // No connection is idle: the new one is dropped.
            return;
        }
        // An answer is written at once: waiting to fill a packet would only delay it.
        let _ = stream.set_nodelay(true);
        let Ok(stream) = stream.into_std() else { return };
        let open = Open::new(&self.state);
        let connection = Arc::clone(&open.connection);
        let client = Client { state: Arc::clone(&self.state), connection: Arc::clone(&connection) };
        let client = Arc::new(client);
        let routes = TowerToHyperService::new(warp::service(routes(Arc::clone(&client))));
        let service = RequestService { client, routes };
        let (http, refuse) = (self.http.clone(), Arc::clone(&self.refuse));
        self.workers.spawn(async move {
            let Ok(stream) = TcpStream::from_std(stream) else { return };
            let stream = Guarded::new(stream, Arc::clone(&connection), refuse);
            let mut http = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
            let ended = tokio::select! {
                biased;
                ended = http.as_mut() => ended,
                () = connection.close.notified() => {
                    if !open.state.is_stopping() {
                        return;
                    }
                    // What was asked is still answered.
                    http.as_mut().graceful_shutdown();
                    http.await
                }
            };
            if let Err(error) = ended {
                debug!("a connection ended early: {error}");
            }
        });
    }

    /// Waits until there are no connections any more.
    async fn all_ended(&self, longest: Duration) -> Result<(), tokio::time::error::Elapsed> {
        let all_ended = async {
            while self.state.metrics.connections.load(Relaxed) > 0 {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(longest, all_ended).await
    }

    /// Closes idle connections, so many at most; how many there were.
    fn make_room(&self, most: usize) -> usize {
        let closed = self.state.connections.close_idlest(most);
        self.state.metrics.connections_closed_for_room.fetch_add(closed as u64, Relaxed);
        closed
    }
}

/// An open connection that is counted until it ends, however it does.
struct Open {
    state: Arc<State>,
    connection: Arc<Connection>,
}

impl Open {
    fn new(state: &Arc<State>) -> Self {
        state.metrics.connections.fetch_add(1, Relaxed);
        Self { state: Arc::clone(state), connection: state.connections.open() }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.state.connections.remove(&self.connection);
        self.state.metrics.connections.fetch_sub(1, Relaxed);
    }
}
