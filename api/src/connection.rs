//! Open connections: who is idle, who must go, and who keeps others from the processor.
//!
//! A connection whose client may still be sending is closed in two steps: first our side, then, once
//! the client has ended too or a moment has passed, all of it. Closed at once, the system would tell the
//! client that what it sent was thrown away, and the client would lose the answer.

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

/// The times between two looks at who is silent.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// How long a client that is still sending may read its answer before the connection is closed.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// What is thrown away of such a client's bytes before others get their turn.
const THROWN_AWAY_BYTES: usize = 128 << 10;

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
    /// Milliseconds from `origin` to the last answer, or to when some of it was taken after a wait.
    active_ms: AtomicU64,
    /// Whether a request is being answered.
    busy: AtomicBool,
    /// Whether the client may have sent what nobody reads: a body, or what follows a head refused.
    is_unread: AtomicBool,
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
            is_unread: AtomicBool::new(false),
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

    /// For ever asks those to go that, with no request in hand, neither brought one to its end nor took
    /// any of the bytes sent to them for so long.
    ///
    /// It looks at all of them now and then: a timer of each, set anew with each request, costs more.
    pub(crate) async fn part_with_silent(&self, patience: Duration) {
        loop {
            tokio::time::sleep((patience / 10).clamp(PAUSES.0, PAUSES.1)).await;
            let now_ms = self.origin.elapsed().as_millis() as u64;
            self.all().retain(|_, connection| {
                // In this order: who is not busy any more was active just now.
                let is_busy = connection.busy.load(Ordering::Acquire);
                let active_ms = connection.active_ms.load(Ordering::Relaxed);
                let is_silent =
                    u128::from(now_ms.saturating_sub(active_ms)) >= patience.as_millis();
                if is_silent && !is_busy {
                    debug!("a client was silent for {} s: closed on it", patience.as_secs());
                    connection.go.notify_one();
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
    /// Runs what answers a request.
    pub(crate) async fn answering<T>(&self, answer: impl Future<Output = T>) -> T {
        self.busy.store(true, Ordering::Relaxed);
        let answer = answer.await;
        self.touch();
        self.busy.store(false, Ordering::Release);
        answer
    }

    /// Takes note that the client sends what nobody reads.
    pub(crate) fn leaves_unread(&self) {
        self.is_unread.store(true, Ordering::Relaxed);
    }

    /// Takes note of a sign of life.
    pub(crate) fn touch(&self) {
        self.active_ms.store(self.origin.elapsed().as_millis() as u64, Ordering::Relaxed);
    }
}

/// A socket that tells when some is taken of what had to wait, lets others run, gives refusals a body,
/// and waits at the end for a client that is still sending.
pub(crate) struct Guarded {
    stream: TcpStream,
    connection: Arc<Connection>,
    /// Whether the other side let some of the answer wait.
    has_waited: bool,
    linger: Linger,
    refuse: Refuse,
    /// What is left to send in place of a refusal without a body.
    refusal: Option<Bytes>,
    /// Once our side is closed: until when the rest is read.
    last_words: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    pub(crate) fn new(stream: TcpStream, connection: Arc<Connection>, refuse: Refuse) -> Self {
        let linger = Linger::new();
        let (refusal, last_words) = (None, None);
        Self { stream, connection, has_waited: false, linger, refuse, refusal, last_words }
    }

    /// Sends a whole problem document where `bytes` are a refusal without one.
    fn poll_refuse(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.refusal.is_none()
            && let Some(status) = refused(bytes)
        {
            self.connection.leaves_unread();
            self.refusal = Some(with_body(bytes, &(self.refuse)(status)));
        }
        let Some(rest) = &mut self.refusal else { return Poll::Ready(Ok(0)) };
        while !rest.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            rest.advance(sent);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    /// Reads what still comes and throws it away, for a moment.
    fn poll_throw_away(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let until = self.last_words.get_or_insert_with(|| Box::pin(tokio::time::sleep(LAST_WORDS)));
        let mut space = [0; 8 << 10];
        for _ in 0..THROWN_AWAY_BYTES / space.len() {
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

    fn watch(&mut self, poll: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &poll {
            Poll::Pending => self.has_waited = true,
            // What is sent at once follows an answer, which was a sign of life.
            Poll::Ready(Ok(bytes)) => {
                if std::mem::take(&mut self.has_waited) {
                    self.connection.touch();
                }
                turns::sent(*bytes);
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
        self.watch(poll)
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
        self.watch(poll)
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
        if self.last_words.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        if self.connection.is_unread.load(Ordering::Relaxed) {
            ready!(self.poll_throw_away(cx));
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
    async fn who_takes_bytes_slowly_may_stay_and_who_takes_none_must_go() {
        let patience = Duration::from_millis(300);
        let connections = Connections::new();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let connection = connections.open();
        let refuse: Refuse = Arc::new(|_| Response::default());
        let mut guarded = Guarded::new(stream, Arc::clone(&connection), refuse);
        let body = vec![7; 64 << 20];
        let look = tokio::spawn({
            let connections = Arc::clone(&connections);
            async move { connections.part_with_silent(patience).await }
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
            () = connection.go.notified() => panic!("gone after {:?}", began.elapsed()),
        }
        assert!(began.elapsed() > 2 * patience, "slower than the patience");
        tokio::select! {
            _ = guarded.write_all(&body) => panic!("nobody reads that much"),
            () = connection.go.notified() => {}
        }
        assert_eq!(connections.count(), 0);
        look.abort();
    }

    #[tokio::test]
    async fn who_waits_for_an_answer_may_stay_and_who_then_asks_nothing_must_go() {
        let patience = Duration::from_millis(100);
        let connections = Connections::new();
        let connection = connections.open();
        let all = async {
            connection.answering(tokio::time::sleep(4 * patience)).await;
            let answered = Instant::now();
            connection.go.notified().await;
            answered.elapsed()
        };
        let stayed = tokio::select! {
            stayed = all => stayed,
            () = connections.part_with_silent(patience) => Duration::ZERO,
        };
        // It is counted in whole milliseconds, from a moment before.
        assert!(stayed + Duration::from_millis(2) >= patience, "{stayed:?}");
    }
}
