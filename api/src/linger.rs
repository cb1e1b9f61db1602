//! Staying awake for a client that asks one request after the other.
//!
//! Of the time of such a request, most is a thread's that goes to sleep and is woken. While one client
//! alone asks, and asks at once, its thread looks for the next request until a limit, and only then
//! sleeps. With two clients a core that stays awake is one the other could use, so nobody lingers.
//!
//! Nobody does either where other programs keep the cores awake: to be woken takes little there, and who
//! never sleeps is taken for a program that computes, too, without precedence when there is something to
//! do. The waits themselves tell (measured in a virtual machine of two cores; 304s, gzip of 100 kB):
//! slept through, they last 40 to 60 µs, beside one program or two that compute up to 30 µs.

use std::cell::Cell;
use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// To be woken took most of a wait that lasted so long.
const WORTHWHILE: Range<Duration> = Duration::from_micros(40)..LONGEST;
/// A thread stays awake for so long, and so much of a processor's time is lost with a request at most.
const LONGEST: Duration = Duration::from_micros(80);
/// It does so after so many waits that were worthwhile,
const SIGNS: u32 = 3;
/// and after this time sleeps again, to see whether they still are.
const TRUSTED_FOR: Duration = Duration::from_millis(100);

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
        self.rhythm.awake_until.is_some()
            && self.is_alone()
            && self.rhythm.expects(Instant::now())
            && *HAS_CORES
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
    /// Worthwhile waits in a row.
    signs: u32,
    awake_until: Option<Instant>,
}

impl Rhythm {
    fn answered(&mut self, now: Instant) {
        self.answered = Some(now);
    }

    fn asked(&mut self, now: Instant) {
        let Some(answered) = self.answered.take() else { return };
        let wait = now.saturating_duration_since(answered);
        match self.awake_until {
            Some(until) if now < until && wait < LONGEST => return,
            Some(_) => *self = Self::default(),
            None if WORTHWHILE.contains(&wait) => self.signs += 1,
            None => self.signs = 0,
        }
        if self.signs == SIGNS {
            self.awake_until = Some(now + TRUSTED_FOR);
        }
    }

    /// Whether to stay awake for it.
    fn expects(&self, now: Instant) -> bool {
        self.awake_until.is_some_and(|until| now < until)
            && self
                .answered
                .is_some_and(|answered| now.saturating_duration_since(answered) < LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client's rhythm, asked and answered at once after waits of so many microseconds, and when it is.
    fn after(waits_us: &[u64]) -> (Rhythm, Instant) {
        let mut now = Instant::now();
        let mut rhythm = Rhythm::default();
        rhythm.asked(now);
        rhythm.answered(now);
        for us in waits_us {
            now += Duration::from_micros(*us);
            rhythm.asked(now);
            assert!(!rhythm.expects(now), "it waits for its answer");
            rhythm.answered(now);
        }
        (rhythm, now)
    }

    #[test]
    fn who_asks_again_and_again_is_waited_for_and_not_for_long() {
        let (rhythm, now) = after(&[50, 45, 55]);
        assert!(rhythm.expects(now) && rhythm.expects(now + LONGEST / 2));
        assert!(!rhythm.expects(now + LONGEST));
        let (rhythm, now) = after(&[50, 45, 55, 10, 10, 79]);
        assert!(rhythm.expects(now));
        for waits_us in [&[50, 45][..], &[50, 45, 80, 50, 45], &[50, 45, 55, 10, 80, 10, 10]] {
            let (rhythm, now) = after(waits_us);
            assert!(!rhythm.expects(now), "{waits_us:?}");
        }
    }

    #[test]
    fn where_to_be_woken_takes_little_nobody_is_waited_for() {
        let (rhythm, now) = after(&[10, 30, 20, 10, 50, 45, 20, 10]);
        assert!(!rhythm.expects(now));
        // A program begins to compute.
        let mut waits_us = vec![50, 45, 55];
        waits_us.resize(10_000, 10);
        let (rhythm, now) = after(&waits_us);
        assert!(rhythm.expects(now));
        waits_us.resize(10_100, 10);
        let (rhythm, now) = after(&waits_us);
        assert!(!rhythm.expects(now));
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
