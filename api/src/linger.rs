//! Staying awake for a client that asks one request after the other.
//!
//! Of the time of such a request, most is a thread's that goes to sleep and is woken. While one client
//! alone asks, and asks at once, its thread looks for the next request until a limit, and only then
//! sleeps. With two clients a core that stays awake is one the other could use, so nobody lingers.

use std::cell::Cell;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Who asks within this time of an answer is waited for, this long.
///
/// At most so much of a processor's time is lost with a request. A client on the same machine takes
/// 20 µs to ask again, or 60 µs with 100 kB to read before; to sleep and to be woken takes 40 µs.
const LONGEST: Duration = Duration::from_micros(100);

/// The client that asked twice in a row, no other having asked in between, or [`SEVERAL`].
static ALONE: AtomicU64 = AtomicU64::new(SEVERAL);
const SEVERAL: u64 = 0;
static NEXT: AtomicU64 = AtomicU64::new(SEVERAL + 1);

thread_local! {
    /// The last client that asked this thread.
    static LATEST: Cell<u64> = const { Cell::new(SEVERAL) };
}

/// With one core, who stays awake keeps the client from running.
static HAS_CORES: LazyLock<bool> =
    LazyLock::new(|| std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1));

/// Whether to stay awake for one client.
#[derive(Debug)]
pub(crate) struct Linger {
    client: u64,
    rhythm: Rhythm,
}

impl Linger {
    pub(crate) fn new() -> Self {
        Self { client: NEXT.fetch_add(1, Relaxed), rhythm: Rhythm::default() }
    }

    /// Takes note of bytes of a request.
    pub(crate) fn asked(&mut self) {
        if LATEST.with(|latest| asks_alone(self.client, latest, &ALONE)) {
            self.rhythm.asked(Instant::now());
        } else {
            self.rhythm = Rhythm::default();
        }
    }

    /// Takes note of bytes sent.
    pub(crate) fn answered(&mut self) {
        // The clock costs the many something, too.
        if self.is_alone() {
            self.rhythm.answered(Instant::now());
        }
    }

    /// Whether to stay awake some more.
    pub(crate) fn goes_on(&self) -> bool {
        self.rhythm.is_quick && self.is_alone() && self.rhythm.expects(Instant::now()) && *HAS_CORES
    }

    fn is_alone(&self) -> bool {
        ALONE.load(Relaxed) == self.client
    }
}

/// Whether the client that asks a thread was the latest to ask any. Writes to what the threads share only
/// what changes: it stays in each core's cache while many clients ask.
fn asks_alone(client: u64, latest: &Cell<u64>, alone: &AtomicU64) -> bool {
    let is_latest = latest.replace(client) == client;
    let who = if is_latest { client } else { SEVERAL };
    let is_same = alone.load(Relaxed) == who;
    if !is_same {
        alone.store(who, Relaxed);
    }
    is_latest && is_same
}

/// How soon after an answer a client asks again.
#[derive(Debug, Default)]
struct Rhythm {
    answered: Option<Instant>,
    is_quick: bool,
}

impl Rhythm {
    fn answered(&mut self, now: Instant) {
        self.answered = Some(now);
    }

    fn asked(&mut self, now: Instant) {
        self.is_quick = self.is_soon(now);
        self.answered = None;
    }

    /// Whether, having asked at once before, it may do so again.
    fn expects(&self, now: Instant) -> bool {
        self.is_quick && self.is_soon(now)
    }

    fn is_soon(&self, now: Instant) -> bool {
        self.answered.is_some_and(|answered| now.saturating_duration_since(answered) < LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_at_once_is_waited_for_and_not_for_long() {
        let start = Instant::now();
        let at = |us| start + Duration::from_micros(us);
        let mut rhythm = Rhythm::default();
        rhythm.asked(at(0));
        rhythm.answered(at(30));
        assert!(!rhythm.expects(at(31)), "nothing is known of it");
        rhythm.asked(at(129));
        assert!(!rhythm.expects(at(129)), "it waits for its answer");
        rhythm.answered(at(1000));
        assert!(rhythm.expects(at(1000)) && rhythm.expects(at(1099)));
        assert!(!rhythm.expects(at(1100)));
        rhythm.asked(at(1100));
        rhythm.answered(at(1101));
        assert!(!rhythm.expects(at(1102)), "it took its time");
    }

    #[test]
    fn of_two_who_ask_nobody_is_alone() {
        let (thread, other_thread) = (Cell::new(SEVERAL), Cell::new(SEVERAL));
        let alone = AtomicU64::new(SEVERAL);
        let asks = |client, thread| asks_alone(client, thread, &alone);
        assert_eq!([(); 3].map(|()| asks(1, &thread)), [false, false, true]);
        // Two of a thread.
        assert_eq!([2, 1, 2, 1].map(|client| asks(client, &thread)), [false; 4]);
        assert_eq!([(); 3].map(|()| asks(1, &thread)), [false, true, true]);
        // Two with a thread each.
        assert_eq!([(); 3].map(|()| asks(3, &other_thread)), [false, false, true]);
        for _ in 0..3 {
            assert!(!asks(1, &thread) && !asks(3, &other_thread));
        }
        // Many on one, one on the other.
        for client in 4..9 {
            assert!(!asks(client, &thread) && !asks(3, &other_thread));
        }
        assert!(asks(3, &other_thread));
    }
}
