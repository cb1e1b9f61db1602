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
