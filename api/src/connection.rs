//! Open connections: which are idle, which are closed for it, and how.
//!
//! A connection whose client may still be sending is closed in two steps: first the server's side; then
//! the rest, once the client has closed its side too or [`DISCARD_FOR`] has passed. Closed at once, with
//! bytes unread, the system would send a reset, and the client could lose the answer.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Sleep;
use tracing::debug;

use crate::linger::Linger;
use crate::refusal::{Refuse, refused, with_body};
use crate::turns;

/// The shortest and the longest time between two checks for silent connections.
const CHECK_EVERY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// How long what a client still sends is read and discarded, so that it can read its answer.
const DISCARD_FOR: Duration = Duration::from_secs(2);
/// How many of such a client's bytes are discarded before other tasks of the thread run.
const DISCARDED_BYTES: usize = 128 << 10;

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
    /// Milliseconds from `origin` to the last answer, or to when the client read some of it after the
    /// socket was full.
    active_ms: AtomicU64,
    /// Whether a request is being answered.
    busy: AtomicBool,
    /// Whether the socket is full, so that some of an answer waits for the client to read.
    is_stalled: AtomicBool,
    /// Whether the client may have sent bytes that are not read: a body, or what follows a refused head.
    is_unread: AtomicBool,
    /// Tells the connection's task to close it.
    pub(crate) close: Notify,
}

impl Connections {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { origin: Instant::now(), open: Mutex::default(), next: AtomicU64::new(0) })
    }

    /// Adds a new connection.
    pub(crate) fn open(&self) -> Arc<Connection> {
        let connection = Arc::new(Connection {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            origin: self.origin,
            active_ms: AtomicU64::new(self.origin.elapsed().as_millis() as u64),
            busy: AtomicBool::new(false),
            is_stalled: AtomicBool::new(false),
            is_unread: AtomicBool::new(false),
            close: Notify::new(),
        });
        self.all().insert(connection.id, Arc::clone(&connection));
        connection
    }

    /// Removes a connection that has ended.
    pub(crate) fn remove(&self, connection: &Connection) {
        self.all().remove(&connection.id);
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.all().len()
    }

    /// Closes the connections that let an answer wait and read nothing of it for `timeout`.
    pub(crate) fn close_stalled(&self, timeout: Duration) {
        let now_ms = self.origin.elapsed().as_millis() as u64;
        self.all().retain(|_, connection| {
            let is_stalled = connection.is_stalled.load(Ordering::Relaxed)
                && connection.is_silent(now_ms, timeout);
            if is_stalled {
                debug!("memory is short: a connection that does not read its answer is closed");
                connection.close.notify_one();
            }
            !is_stalled
        });
    }

    /// Closes the connections that have been idle longest, so many at most; how many were idle at all.
    pub(crate) fn close_idlest(&self, most: usize) -> usize {
        let mut all = self.all();
        let idle = all.values().filter(|connection| !connection.busy.load(Ordering::Relaxed));
        let mut idle: Vec<(u64, u64)> = idle
            .map(|connection| (connection.active_ms.load(Ordering::Relaxed), connection.id))
            .collect();
        if idle.len() > most {
            idle.select_nth_unstable(most);
            idle.truncate(most);
        }
        for (_, id) in &idle {
            // Removed at once, so that the next call closes others.
            if let Some(connection) = all.remove(id) {
                connection.close.notify_one();
            }
        }
        idle.len()
    }

    /// Closes all of them.
    pub(crate) fn close_all(&self) {
        for connection in self.all().values() {
            connection.close.notify_one();
        }
    }

    /// Closes, for ever, connections with no request in progress that neither finished one nor read any
    /// of the bytes sent to them for `timeout`.
    ///
    /// It checks all of them periodically: a timer for each, reset by every request, costs more.
    pub(crate) async fn close_silent(&self, timeout: Duration) {
        loop {
            tokio::time::sleep((timeout / 10).clamp(CHECK_EVERY.0, CHECK_EVERY.1)).await;
            let now_ms = self.origin.elapsed().as_millis() as u64;
            self.all().retain(|_, connection| {
                // In this order: a connection that has just ceased to be busy was active just now.
                let is_busy = connection.busy.load(Ordering::Acquire);
                let is_silent = connection.is_silent(now_ms, timeout);
                if is_silent && !is_busy {
                    debug!(
                        "a client was silent for {} s: its connection is closed",
                        timeout.as_secs()
                    );
                    connection.close.notify_one();
                }
                is_busy || !is_silent
            });
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<u64, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Runs the future that answers a request; the connection is busy until it ends.
    pub(crate) async fn answering<T>(&self, answer: impl Future<Output = T>) -> T {
        self.busy.store(true, Ordering::Relaxed);
        let answer = answer.await;
        self.touch();
        self.busy.store(false, Ordering::Release);
        answer
    }

    fn is_silent(&self, now_ms: u64, timeout: Duration) -> bool {
        let active_ms = self.active_ms.load(Ordering::Relaxed);
        u128::from(now_ms.saturating_sub(active_ms)) >= timeout.as_millis()
    }

    /// Notes that the client may send bytes that are not read.
    pub(crate) fn set_unread(&self) {
        self.is_unread.store(true, Ordering::Relaxed);
    }

    /// Notes that the client was active now.
    pub(crate) fn touch(&self) {
        self.touch_at(Instant::now());
    }

    /// Notes that the client was active then.
    pub(crate) fn touch_at(&self, now: Instant) {
        let active = now.saturating_duration_since(self.origin);
        self.active_ms.store(active.as_millis() as u64, Ordering::Relaxed);
    }
}

/// A socket that notes when a client that let it fill up reads again, lets other tasks run after much
/// was sent, gives refusals a body, and at the end discards what a client still sends.
pub(crate) struct Guarded {
    stream: TcpStream,
    connection: Arc<Connection>,
    /// Whether the socket was full, so that some of the answer waits for the client to read.
    has_waited: bool,
    linger: Linger,
    refuse: Refuse,
    /// What is left to send of the problem document in place of a refusal without a body.
    refusal: Option<Bytes>,
    /// Once the server's side is closed: until when the client's bytes are discarded.
    discard_until: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    pub(crate) fn new(stream: TcpStream, connection: Arc<Connection>, refuse: Refuse) -> Self {
        let linger = Linger::new();
        let (refusal, discard_until) = (None, None);
        Self { stream, connection, has_waited: false, linger, refuse, refusal, discard_until }
    }

    /// Sends a whole problem document where `bytes` are a refusal without one.
    fn poll_refuse(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.refusal.is_none()
            && let Some(status) = refused(bytes)
        {
            self.connection.set_unread();
            self.refusal = Some(with_body(bytes, &(self.refuse)(status)));
        }
        let Some(rest) = &mut self.refusal else { return Poll::Ready(Ok(0)) };
        while !rest.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            rest.advance(sent);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    /// Reads and discards what the client still sends, until it ends or [`DISCARD_FOR`] has passed.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let until =
            self.discard_until.get_or_insert_with(|| Box::pin(tokio::time::sleep(DISCARD_FOR)));
        let mut space = [0; 8 << 10];
        for _ in 0..DISCARDED_BYTES / space.len() {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return until.as_mut().poll(cx),
            }
        }
        cx.waker().wake_by_ref();
        until.as_mut().poll(cx)
    }

    /// Notes what came of a write of bytes that the system copied.
    fn copied(&mut self, poll: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(_)) = &poll {
            turns::wrote();
        }
        self.written(poll)
    }

    /// Notes what came of a write.
    fn written(&mut self, poll: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &poll {
            Poll::Pending => {
                self.has_waited = true;
                self.connection.is_stalled.store(true, Ordering::Relaxed);
            }
            // Bytes that did not wait follow an answer, which was noted itself.
            Poll::Ready(Ok(_)) => {
                if std::mem::take(&mut self.has_waited) {
                    self.connection.is_stalled.store(false, Ordering::Relaxed);
                    self.connection.touch();
                }
                self.linger.answered();
            }
            Poll::Ready(Err(_)) => {}
        }
        poll
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
            self.linger.asked();
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
        let refusal = ready!(self.poll_refuse(cx, bytes))?;
        if refusal > 0 {
            return Poll::Ready(Ok(refusal));
        }
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.copied(poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        #[cfg(target_os = "linux")]
        if let Some(poll) = crate::hot::poll_send(&self.stream, cx, parts) {
            return self.written(poll);
        }
        // A head without a body is one part: `send` costs the kernel less than `writev`.
        if let [part] = parts {
            return self.poll_write(cx, part);
        }
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.copied(poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.goes_on() {
            // Polled again once the thread has looked for other work and found none.
            let _ = std::pin::pin!(tokio::task::yield_now()).poll(cx);
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.discard_until.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        if self.connection.is_unread.load(Ordering::Relaxed) {
            ready!(self.poll_discard(cx));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use warp::http::Response;

    use super::*;

    #[tokio::test]
    async fn a_client_that_reads_slowly_is_kept_and_one_that_reads_nothing_is_closed() {
        let timeout = Duration::from_millis(300);
        let connections = Connections::new();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let connection = connections.open();
        let refuse: Refuse = Arc::new(|_| Response::default());
        let mut guarded = Guarded::new(stream, Arc::clone(&connection), refuse);
        let body = vec![7; 64 << 20];
        let closing = tokio::spawn({
            let connections = Arc::clone(&connections);
            async move { connections.close_silent(timeout).await }
        });
        let began = Instant::now();
        let reads = async {
            let mut some = vec![0; 1 << 20];
            for _ in 0..64 {
                client.read_exact(&mut some).await.unwrap();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            (written, ()) = async { tokio::join!(guarded.write_all(&body), reads) } => written.unwrap(),
            () = connection.close.notified() => panic!("closed after {:?}", began.elapsed()),
        }
        assert!(began.elapsed() > 2 * timeout, "slower than the timeout");
        tokio::select! {
            _ = guarded.write_all(&body) => panic!("nobody reads that much"),
            () = connection.close.notified() => {}
        }
        assert_eq!(connections.count(), 0);
        closing.abort();
    }

    #[tokio::test]
    async fn a_client_that_waits_for_its_answer_is_kept_and_one_silent_after_it_is_closed() {
        let timeout = Duration::from_millis(100);
        let connections = Connections::new();
        let connection = connections.open();
        let all = async {
            connection.answering(tokio::time::sleep(4 * timeout)).await;
            let answered = Instant::now();
            connection.close.notified().await;
            answered.elapsed()
        };
        let stayed = tokio::select! {
            stayed = all => stayed,
            () = connections.close_silent(timeout) => Duration::ZERO,
        };
        // It is counted in whole milliseconds, from a moment before.
        assert!(stayed + Duration::from_millis(2) >= timeout, "{stayed:?}");
    }
}
