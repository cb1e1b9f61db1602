//! The threads that compute: those of rayon, one a core. Work that is awaited goes there too, so that
//! the memory which one step gives back serves the next.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::channel::oneshot;

use crate::aggregate::AggregateError;

/// Runs work on one of the threads.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AggregateError> + Send + 'static,
) -> Result<T, AggregateError> {
    let (sender, done) = oneshot::channel();
    rayon::spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(work));
        // Who no longer waits does not want it.
        let _ = sender.send(result.unwrap_or_else(|panic| Err(cut_off(panic.as_ref()))));
    });
    done.await.unwrap_or_else(|gone| Err(AggregateError::CutOff(gone.to_string())))
}

fn cut_off(panic: &(dyn Any + Send)) -> AggregateError {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    AggregateError::CutOff(text.unwrap_or_else(|| "it panicked".to_owned()))
}
