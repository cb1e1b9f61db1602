//! The threads that compute: those of rayon, one a core. Work that is awaited goes there too, so that
//! the memory which one step gives back serves the next.

use std::any::Any;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use futures::channel::oneshot;

use crate::error::JobError;

/// Starts the threads, unless they run.
pub(crate) fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let threads = rayon::ThreadPoolBuilder::new().start_handler(|_| make_room());
        // An error means that the embedding program started threads before: these serve.
        let _ = threads.build_global();
    });
}

/// Lets the allocator reserve room for the thread at once, which it does not touch. The one of glibc
/// asks the system for each further page of a thread, and gives back what is free for a moment; having
/// seen such large parts given back, it keeps them.
fn make_room() {
    for megabytes in [4, 3] {
        drop(black_box(Vec::<u8>::with_capacity(megabytes << 20)));
    }
}

/// Runs work on one of the threads.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JobError> + Send + 'static,
) -> Result<T, JobError> {
    start();
    let (sender, done) = oneshot::channel();
    rayon::spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(work));
        // Who no longer waits does not want it.
        let _ = sender.send(result.unwrap_or_else(|panic| Err(cut_off(panic.as_ref()))));
    });
    done.await.unwrap_or_else(|gone| Err(JobError::CutOff(gone.to_string())))
}

fn cut_off(panic: &(dyn Any + Send)) -> JobError {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    JobError::CutOff(text.unwrap_or_else(|| "it panicked".to_owned()))
}
