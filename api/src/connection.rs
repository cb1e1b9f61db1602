//! Open connections: who is idle, who must go, and who takes nothing of what was sent.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Sleep;

/// Every open connection.
#[derive(Debug)]
pub(crate) struct Connections {
    origin: Instant,
    open: Mutex<HashMap<u64, Arc<Connection>>>,
    next: AtomicU64,
}

/// One open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    id: u64,
    origin: Instant,
    /// Milliseconds from `origin` to the last sign of life.
    active_ms: AtomicU64,
    /// Whether a request is being answered.
    busy: AtomicBool,
    /// Asks the connection to go.
    pub(crate) go: Notify,
}

impl Connections {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { origin: Instant::now(), open: Mutex::default(), next: AtomicU64::new(0) })
    }

    /// Counts a new connection in.
    pub(crate) fn open(&self) -> Arc<Connection> {
        let connection = Arc::new(Connection {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            origin: self.origin,
            active_ms: AtomicU64::new(self.origin.elapsed().as_millis() as u64),
            busy: AtomicBool::new(false),
            go: Notify::new(),
        });
        self.all().insert(connection.id, Arc::clone(&connection));
        connection
    }

    /// Counts a connection out.
    pub(crate) fn close(&self, connection: &Connection) {
        self.all().remove(&connection.id);
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.all().len()
    }

    /// Asks the one that has been silent longest, with no request in hand, to go. Whether there was one.
    pub(crate) fn close_idlest(&self) -> bool {
        let mut all = self.all();
        let idle = all.values().filter(|connection| !connection.busy.load(Ordering::Relaxed));
        let idlest = idle.min_by_key(|connection| connection.active_ms.load(Ordering::Relaxed));
        let Some(id) = idlest.map(|connection| connection.id) else { return false };
        // Taken out at once, so that the next one to go is another.
        if let Some(connection) = all.remove(&id) {
            connection.go.notify_one();
        }
        true
    }

    fn all(&self) -> MutexGuard<'_, HashMap<u64, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Says whether a request is being answered.
    pub(crate) fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::Relaxed);
    }

    fn touch(&self) {
        self.active_ms.store(self.origin.elapsed().as_millis() as u64, Ordering::Relaxed);
    }
}

/// A socket that fails once the other side has taken none of what was sent for too long.
#[derive(Debug)]
pub(crate) struct Guarded {
    stream: TcpStream,
    connection: Arc<Connection>,
    patience: Duration,
    /// Since when the other side takes nothing.
    stalled_since: Option<tokio::time::Instant>,
    /// Goes off at the end of the patience with some earlier stall, or with this one: a large answer
    /// stalls often, and a timer for each would cost more than one that is put off when it goes off.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    pub(crate) fn new(stream: TcpStream, connection: Arc<Connection>, patience: Duration) -> Self {
        Self { stream, connection, patience, stalled_since: None, alarm: None }
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            // What is sent at once follows a read, which told that the connection is alive.
            if self.stalled_since.take().is_some() {
                self.connection.touch();
            }
            return poll;
        }
        let since = *self.stalled_since.get_or_insert_with(tokio::time::Instant::now);
        let until = since + self.patience;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        while alarm.as_mut().poll(cx).is_ready() {
            if alarm.deadline() >= until {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            alarm.as_mut().reset(until);
        }
        Poll::Pending
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if poll.is_ready() {
            self.connection.touch();
        }
        poll
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A head without a body is one part: `send` costs the kernel less than `writev`.
        if let [part] = parts {
            return self.poll_write(cx, part);
        }
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.watch(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
