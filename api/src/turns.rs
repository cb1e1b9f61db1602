//! When a thread that sends lets others run that wait for its core.
//!
//! Those who read on the same machine, a proxy say, then find what was sent in the processor's cache, and
//! wait for a turn rather than for a slice of the system's time. But where a program that computes waits
//! for the core, it takes a whole slice of each turn: beside such a program, turns are few.

use std::cell::RefCell;
use std::time::{Duration, Instant};

/// What a thread writes in a turn.
const WRITES: u32 = 48;
/// Who runs for longer does not read, but computes: readers take 0.3 ms, slices are about 3 ms.
const SLICE: Duration = Duration::from_micros(1500);
/// Readers alone have at least so many turns between two that last a slice: of theirs, one in fifty to
/// several hundred does, beside programs that compute one in three to eight.
const RARELY: u32 = 20;
/// The fewest and the most turns that are left out after one that lasted a slice.
const LEFT_OUT: (u32, u32) = (8, 256);

thread_local! {
    static TURNS: RefCell<Turns> = const { RefCell::new(Turns::new()) };
}

/// Takes note of a write, and lets others run at the end of the turn.
pub(crate) fn wrote() {
    TURNS.with_borrow_mut(|turns| {
        if turns.is_over() {
            let began = Instant::now();
            std::thread::yield_now();
            turns.lasted(began.elapsed());
        }
    });
}

/// A thread's turns.
#[derive(Debug)]
struct Turns {
    writes: u32,
    /// How many more turns to leave out.
    left_out: u32,
    /// How many were left out after the last that lasted a slice.
    pause: u32,
    /// Turns of others since then.
    short: u32,
}

impl Turns {
    const fn new() -> Self {
        Self { writes: 0, left_out: 0, pause: 0, short: RARELY }
    }

    /// Whether, with this write, it is others' turn.
    fn is_over(&mut self) -> bool {
        self.writes += 1;
        if self.writes < WRITES {
            return false;
        }
        self.writes = 0;
        let is_left_out = self.left_out > 0;
        self.left_out = self.left_out.saturating_sub(1);
        !is_left_out
    }

    /// Takes note of how long the others ran.
    fn lasted(&mut self, time: Duration) {
        if time < SLICE {
            self.short = self.short.saturating_add(1);
            return;
        }
        let is_rare = self.short >= RARELY;
        self.pause = if is_rare { 0 } else { (2 * self.pause).clamp(LEFT_OUT.0, LEFT_OUT.1) };
        self.left_out = self.pause;
        self.short = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_micros(300);

    /// How many of so many turns others get, each lasting as `lasts` says of its number.
    fn given(turns: &mut Turns, of: u32, lasts: impl Fn(u32) -> Duration) -> u32 {
        let mut given = 0;
        for _ in 0..of {
            let is_over = (1..=WRITES).map(|_| turns.is_over()).last();
            if is_over == Some(true) {
                turns.lasted(lasts(given));
                given += 1;
            }
        }
        given
    }

    #[test]
    fn a_turn_ends_after_so_many_writes() {
        let mut turns = Turns::new();
        let over: Vec<u32> = (1..=100).filter(|_| turns.is_over()).collect();
        assert_eq!(over, [48, 96]);
    }

    #[test]
    fn programs_that_compute_get_few_turns_until_they_end() {
        let mut turns = Turns::new();
        assert_eq!(given(&mut turns, 1000, |_| SHORT), 1000);
        let some_long = |number| if number % 4 == 0 { SLICE } else { SHORT };
        let few = given(&mut turns, 10_000, some_long);
        assert!((30..300).contains(&few), "{few} of 10,000");
        let most = given(&mut turns, 10_000, |_| SHORT);
        assert!(most > 9_700, "{most} of 10,000");
        assert_eq!(given(&mut turns, 100, |number| if number == 0 { SLICE } else { SHORT }), 100);
    }

    #[test]
    fn a_reader_that_takes_long_now_and_then_keeps_its_turns() {
        let mut turns = Turns::new();
        let rarely_long = |number| if number % 50 == 0 { SLICE } else { SHORT };
        assert_eq!(given(&mut turns, 1000, rarely_long), 1000);
    }
}
