//! The threads that serve: each with a runtime, sockets and clock of its own.

use std::io;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// One thread per core. A connection stays on its thread for life: answering it wakes no other
/// thread, and its memory stays in one core's cache.
#[derive(Debug)]
pub(crate) struct Workers {
    all: Vec<Worker>,
    next: usize,
}

#[derive(Debug)]
struct Worker {
    handle: Handle,
    /// Ends the thread when dropped.
    _alive: oneshot::Sender<()>,
}

/// Every so many turns, one goes to a new connection. Of tokio's 31, hundreds that come at once to a
/// busy thread wait a second for their first.
const NEWCOMERS: u32 = 2;

impl Workers {
    /// Starts one thread per core, and room for `making` others that make answers.
    ///
    /// # Errors
    /// When the system has none to give.
    pub(crate) fn start(making: usize) -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let helpers = making.div_ceil(cores);
        let all: io::Result<Vec<Worker>> =
            (0..cores).map(|number| Worker::start(number, helpers)).collect();
        Ok(Self { all: all?, next: 0 })
    }

    /// Runs a task on the next thread in turn.
    pub(crate) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.next = (self.next + 1) % self.all.len();
        self.all[self.next].handle.spawn(task);
    }
}

impl Worker {
    fn start(number: usize, helpers: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            // Not tokio's 512: the allocator keeps memory for each, and there is a core for few.
            .max_blocking_threads(helpers)
            .global_queue_interval(NEWCOMERS)
            .build()?;
        let handle = runtime.handle().clone();
        let (alive, ended) = oneshot::channel::<()>();
        let serve = move || {
            // Errs when the sender is dropped, which is the end.
            let _ = runtime.block_on(ended);
        };
        thread::Builder::new().name(format!("serve-{number}")).spawn(serve)?;
        Ok(Self { handle, _alive: alive })
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::sync::mpsc;
    use std::task::Poll;

    use super::*;

    #[test]
    fn newcomers_do_not_wait_for_those_who_always_have_something_to_do() {
        let worker = Worker::start(0, 1).unwrap();
        let turns = Arc::new(AtomicUsize::new(0));
        for _ in 0..10 {
            let turns = Arc::clone(&turns);
            worker.handle.spawn(poll_fn::<(), _>(move |cx| {
                turns.fetch_add(1, Relaxed);
                cx.waker().wake_by_ref();
                Poll::Pending
            }));
        }
        // Holds the thread until all newcomers wait.
        let (release, held) = mpsc::channel::<()>();
        worker.handle.spawn(async move {
            let _ = held.recv();
        });
        let (tell, told) = mpsc::channel();
        for _ in 0..300 {
            let (turns, tell) = (Arc::clone(&turns), tell.clone());
            worker.handle.spawn(async move { tell.send(turns.load(Relaxed)).unwrap() });
        }
        release.send(()).unwrap();
        let seen: Vec<usize> = (0..300).map(|_| told.recv().unwrap()).collect();
        let waited = seen[299] - seen[0];
        assert!(waited < 1000, "{waited} turns of others before the last of 300 newcomers");
    }
}
