//! Bodies that many ask for, as files: of a file, the system sends the pages themselves, while other
//! bytes are first copied into pages of the socket. With bodies of 100 kB, that is a quarter of all time.
//!
//! Each thread counts what it is asked for with a few counters, as Misra and Gries do ("Finding repeated
//! elements", 1982): whatever is asked for more often than most has one. At some count a body is written
//! to a temporary file. The socket then recognizes the body's bytes by their place in memory, where
//! nothing else can be for as long as the file is there.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Write as _};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustix::fs::sendfile;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tracing::debug;

/// How many bodies a thread counts.
const COUNTERS: usize = 4;
/// The fewest and the most bytes of them: a file takes one more call of the system, and memory.
const BYTES: RangeInclusive<usize> = 32 << 10..=4 << 20;
/// At this count, a body gets a file.
const OFTEN: u32 = 32;
/// The highest count: so soon does a body make room for others.
const MOST: u32 = 2 * OFTEN;
/// What all files may have in bytes: they, and the bodies in them, are held beside all other memory.
const ALL_BYTES: usize = 16 << 20;

thread_local! {
    static COUNTED: RefCell<Vec<Counted>> = const { RefCell::new(Vec::new()) };
}

/// The files of all threads.
static FILED: Mutex<Vec<Weak<Filed>>> = Mutex::new(Vec::new());

/// Takes note that a body was asked for. Its hash tells it from others that were in its place before; that
/// of its bytes in another encoding will do.
pub(crate) fn asked(body: &Bytes, hash: u128) {
    if !BYTES.contains(&body.len()) {
        return;
    }
    COUNTED.with_borrow_mut(|all| {
        if let Some(counted) = all.iter_mut().find(|counted| counted.is_of(body, hash)) {
            counted.asked(body);
        } else if all.len() < COUNTERS {
            let (at, bytes) = (body.as_ptr().addr(), body.len());
            all.push(Counted { at, bytes, hash, count: 1, filed: None });
        } else {
            for counted in all.iter_mut() {
                counted.count -= 1;
            }
            all.retain(|counted| counted.count > 0);
        }
    });
}

/// Sends some of the first of these parts, or of the first two, if one is of a body with a file.
pub(crate) fn poll_send(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    parts: &[IoSlice<'_>],
) -> Option<Poll<io::Result<usize>>> {
    COUNTED.with_borrow_mut(|all| {
        let find = |part: &[u8]| {
            all.iter()
                .enumerate()
                .find_map(|(number, counted)| Some((number, counted.place_of(part)?)))
        };
        let (head, (number, place)) = match parts {
            [body, ..] if let Some(found) = find(body) => (&[][..], found),
            [head, body, ..] if let Some(found) = find(body) => (&**head, found),
            _ => return None,
        };
        Some(all[number].poll_send(stream, cx, head, place))
    })
}

/// What a thread counts.
#[derive(Debug)]
struct Counted {
    /// Where it is in memory. Without a file it may end, and something else come to be there.
    at: usize,
    bytes: usize,
    hash: u128,
    count: u32,
    filed: Option<Arc<Filed>>,
}

/// A body and, once it is written, its file.
#[derive(Debug)]
struct Filed {
    body: Bytes,
    file: OnceLock<File>,
}

/// Which bytes of a body.
type Place = std::ops::Range<usize>;

impl Counted {
    fn is_of(&self, body: &[u8], hash: u128) -> bool {
        (self.at, self.bytes, self.hash) == (body.as_ptr().addr(), body.len(), hash)
    }

    fn asked(&mut self, body: &Bytes) {
        self.count = MOST.min(self.count + 1);
        if self.count >= OFTEN && self.filed.is_none() {
            self.filed = Filed::find_or_write(body);
            if self.filed.is_none() {
                self.count = 1;
            }
        }
    }

    /// Where these bytes are in its file.
    fn place_of(&self, part: &[u8]) -> Option<Place> {
        let filed = self.filed.as_ref().filter(|filed| filed.file.get().is_some())?;
        let from = part.as_ptr().addr().checked_sub(filed.body.as_ptr().addr())?;
        let is_inside = !part.is_empty() && from + part.len() <= filed.body.len();
        is_inside.then(|| from..from + part.len())
    }

    /// Sends `head` and then the place, or as much of them as the socket has room for.
    fn poll_send(
        &mut self,
        stream: &TcpStream,
        cx: &mut Context<'_>,
        head: &[u8],
        place: Place,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(stream.poll_write_ready(cx))?;
            match stream.try_io(Interest::WRITABLE, || self.send(stream, head, &place)) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn send(&mut self, stream: &TcpStream, head: &[u8], place: &Place) -> io::Result<usize> {
        let mut sent = 0;
        if !head.is_empty() {
            // To go with what follows: alone, it would wake the client for itself.
            sent = send(stream, head, SendFlags::MORE | SendFlags::NOSIGNAL)?;
            if sent < head.len() {
                return Ok(sent);
            }
        }
        match self.send_place(stream, place) {
            Ok(bytes) => Ok(sent + bytes),
            Err(_) if sent > 0 => Ok(sent),
            Err(error) => Err(error.into()),
        }
    }

    fn send_place(&mut self, stream: &TcpStream, place: &Place) -> Result<usize, Errno> {
        let Some(Filed { body, file }) = self.filed.as_deref() else { return Ok(0) };
        let from_file = file.get().map_or(Err(Errno::BADF), |file| {
            sendfile(stream, file, Some(&mut (place.start as u64)), place.len())
        });
        match from_file {
            Ok(bytes) if bytes > 0 => Ok(bytes),
            Err(error @ (Errno::AGAIN | Errno::INTR | Errno::PIPE | Errno::CONNRESET)) => {
                Err(error)
            }
            failed => {
                debug!("an answer's file cannot be sent, its bytes are copied: {failed:?}");
                let sent = send(stream, &body[place.clone()], SendFlags::NOSIGNAL);
                (self.filed, self.count) = (None, 1);
                sent
            }
        }
    }
}

impl Filed {
    /// The file of a body, another thread's or one that is now being written; `None` where there is no
    /// room for one.
    fn find_or_write(body: &Bytes) -> Option<Arc<Self>> {
        let mut all = FILED.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|filed| filed.strong_count() > 0);
        let there: Vec<Arc<Self>> = all.iter().filter_map(Weak::upgrade).collect();
        let is_same = |filed: &&Arc<Self>| {
            filed.body.as_ptr() == body.as_ptr() && filed.body.len() == body.len()
        };
        if let Some(same) = there.iter().find(is_same) {
            return Some(Arc::clone(same));
        }
        let bytes: usize = there.iter().map(|filed| filed.body.len()).sum();
        if bytes + body.len() > ALL_BYTES {
            return None;
        }
        let filed = Arc::new(Self { body: body.clone(), file: OnceLock::new() });
        all.push(Arc::downgrade(&filed));
        let writes = Arc::clone(&filed);
        // A disk may let a writer wait.
        tokio::task::spawn_blocking(move || writes.write());
        Some(filed)
    }

    fn write(&self) {
        let written = tempfile::tempfile().and_then(|mut file| {
            file.write_all(&self.body)?;
            Ok(file)
        });
        match written {
            Ok(file) => drop(self.file.set(file)),
            Err(error) => debug!("an answer has no file, its bytes are copied: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    /// A body in which every place looks different.
    fn body(number: u32, bytes: usize) -> Bytes {
        (number..).flat_map(u32::to_le_bytes).take(bytes).collect()
    }

    /// A client's socket and the server's.
    async fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, listener.accept().await.unwrap().0)
    }

    /// Whether the thread has a file of a body, once it had time to make one.
    async fn has_file(body: &[u8]) -> bool {
        let has = || {
            COUNTED.with_borrow(|all| all.iter().any(|counted| counted.place_of(body).is_some()))
        };
        for _ in 0..20 {
            if has() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        has()
    }

    #[tokio::test]
    async fn what_is_asked_for_often_gets_a_file_whatever_else_is_asked_for_in_between() {
        let (often, seldom) = (body(1, 100_000), body(2, 100_000));
        let others: Vec<Bytes> = (0..MOST * 10).map(|number| body(number, 32 << 10)).collect();
        for (number, other) in others.iter().enumerate().take(64) {
            asked(&often, 1);
            asked(other, 0);
            if number % 8 == 0 {
                asked(&seldom, 2);
            }
        }
        assert!(has_file(&often).await && has_file(&often[500..1000]).await);
        assert!(!has_file(&seldom).await);
        let elsewhere = often.to_vec();
        assert!(!has_file(&elsewhere).await, "the same bytes elsewhere are others");
        // It stays for as long as others are asked for now and then, and then makes room.
        for other in &others {
            asked(other, 0);
        }
        assert!(!has_file(&often).await);
        assert!(COUNTED.with_borrow(Vec::len) <= COUNTERS);
    }

    #[tokio::test]
    async fn what_comes_to_be_in_anothers_place_is_not_taken_for_it() {
        let body = body(1, 100_000);
        (0..10 * OFTEN).for_each(|hash| asked(&body, hash.into()));
        assert!(!has_file(&body).await);
    }

    #[tokio::test]
    async fn all_files_together_are_bounded_and_a_body_has_one_for_all_threads() {
        let bodies: Vec<Bytes> = (0..6).map(|number| body(number, *BYTES.end())).collect();
        let filed: Vec<_> = bodies.iter().map(Filed::find_or_write).collect();
        let there = filed.iter().flatten().count();
        // Another test may have some at this moment.
        assert!((2..=ALL_BYTES / BYTES.end()).contains(&there), "{there}");
        let again = Filed::find_or_write(&bodies[0]).unwrap();
        assert!(Arc::ptr_eq(&again, filed[0].as_ref().unwrap()));
        drop((filed, again));
        // Once they are written, nobody has them any more.
        let mut later = None;
        for _ in 0..500 {
            later = Filed::find_or_write(&bodies[5]);
            if later.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(later.is_some());
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_sent_is_left_and_the_bytes_are_copied() {
        let body = body(3, 100_000);
        // It ends too early.
        let filed =
            Filed { body: body.clone(), file: OnceLock::from(tempfile::tempfile().unwrap()) };
        let (at, bytes) = (body.as_ptr().addr(), body.len());
        let counted = Counted { at, bytes, hash: 0, count: MOST, filed: Some(Arc::new(filed)) };
        COUNTED.with_borrow_mut(|all| all.push(counted));
        let (mut client, stream) = connected().await;
        let sent =
            poll_fn(|cx| poll_send(&stream, cx, &[IoSlice::new(&body)]).unwrap()).await.unwrap();
        let mut read = vec![0; sent];
        client.read_exact(&mut read).await.unwrap();
        assert!(sent > 0 && read == body[..sent]);
        assert!(!has_file(&body).await);
    }

    #[tokio::test]
    async fn neither_small_nor_huge_bodies_get_a_file() {
        for bytes in [0, BYTES.start() - 1, BYTES.end() + 1] {
            let body = body(1, bytes);
            (0..2 * OFTEN).for_each(|_| asked(&body, 0));
            assert!(!has_file(&body).await, "{bytes} bytes");
        }
    }

    #[tokio::test]
    async fn a_client_that_reads_slowly_gets_every_byte_in_order() {
        let body = body(7, *BYTES.end());
        (0..OFTEN).for_each(|_| asked(&body, 0));
        assert!(has_file(&body).await);
        let (mut client, stream) = connected().await;
        let head = b"HTTP/1.1 200 OK\r\n\r\n";
        let expected = [&head[..], &body].concat();
        let sends = async {
            let (mut sent, mut sends) = (0, 0);
            while sent < expected.len() {
                // As hyper does: what is left of the head and of the body, and what comes after them.
                let head_left = IoSlice::new(&head[sent.min(head.len())..]);
                let body_left = IoSlice::new(&body[sent.saturating_sub(head.len())..]);
                let parts = [head_left, body_left, IoSlice::new(head)];
                let parts = if head_left.is_empty() { &parts[1..] } else { &parts[..] };
                sent += poll_fn(|cx| poll_send(&stream, cx, parts).unwrap()).await.unwrap();
                sends += 1;
            }
            sends
        };
        let reads = async {
            let mut read = vec![0; expected.len()];
            for part in read.chunks_mut(100_000) {
                client.read_exact(part).await.unwrap();
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            read
        };
        let (sends, read) = tokio::join!(sends, reads);
        assert!(sends > 1, "the socket was full in between");
        assert!(read == expected);
    }

    #[tokio::test]
    async fn what_has_no_file_is_left_to_others() {
        let (_client, stream) = connected().await;
        let body = body(1, 100_000);
        asked(&body, 0);
        let parts = [IoSlice::new(b"head"), IoSlice::new(&body)];
        let sent = poll_fn(|cx| Poll::Ready(poll_send(&stream, cx, &parts))).await;
        assert!(sent.is_none());
    }
}
