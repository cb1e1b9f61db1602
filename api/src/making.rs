//! Answers that are being made: how many at once, and in how much memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connection::Connections;
use crate::problem::{Kind, Problem};
use crate::tables::Tables;

/// The longest wait for a turn.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// What answers that are still being sent may hold beside those that are kept, in bytes.
const IN_FLIGHT_BYTES: usize = 48 << 20;
/// Where that is exceeded, clients that read nothing for so long are closed.
const STALLED_FOR: Duration = Duration::from_secs(1);
/// How often memory is looked at again while a request waits for some.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The limits on answers that are not ready in memory.
#[derive(Debug)]
pub(crate) struct Making {
    turns: Arc<Semaphore>,
    most_bytes: usize,
    connections: Arc<Connections>,
}

impl Making {
    /// At most `at_once` answers at once; `kept_bytes` are what finished ones may take.
    pub(crate) fn new(at_once: usize, kept_bytes: usize, connections: Arc<Connections>) -> Self {
        let turns = Arc::new(Semaphore::new(at_once.min(Semaphore::MAX_PERMITS)));
        Self { turns, most_bytes: kept_bytes.saturating_add(IN_FLIGHT_BYTES), connections }
    }

    /// Waits until fewer answers are being made than may be at once, and until there is memory for one
    /// more: clients that do not read what they asked for hold it, and are closed for it.
    ///
    /// The turn belongs to the work, not to the request: work goes on when its client has hung up.
    pub(crate) async fn turn(&self, tables: &Tables) -> Result<OwnedSemaphorePermit, Problem> {
        let turn = async {
            let turn = Arc::clone(&self.turns).acquire_owned().await;
            while held_bytes() > self.most_bytes {
                tables.make_room();
                self.connections.close_stalled(STALLED_FOR);
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            turn
        };
        match tokio::time::timeout(LONGEST_WAIT, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(Problem::new(Kind::BUSY, "it waited for its turn in vain; try again soon")),
        }
    }
}

/// Bytes of all answers in this process, kept or still being sent.
pub(crate) fn held_bytes() -> usize {
    HELD_BYTES.load(Relaxed)
}

/// An answer's bytes, counted for as long as anybody holds them, and without the room that was reserved
/// for more: they stay in memory for long.
pub(crate) fn held(bytes: Vec<u8>) -> Bytes {
    HELD_BYTES.fetch_add(bytes.len(), Relaxed);
    Bytes::from_owner(Held(bytes.into_boxed_slice()))
}

static HELD_BYTES: AtomicUsize = AtomicUsize::new(0);

struct Held(Box<[u8]>);

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD_BYTES.fetch_sub(self.0.len(), Relaxed);
    }
}
