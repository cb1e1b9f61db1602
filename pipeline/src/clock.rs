//! Time as the ingest loop sees it: read and waited for through a trait, so that a simulated day can
//! pass in seconds.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use tokio::sync::watch;

/// A clock that tells the time and wakes at a time.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> DateTime<Utc>;

    /// Returns once `instant` has come; at once where it has passed.
    fn sleep_until(&self, instant: DateTime<Utc>) -> BoxFuture<'_, ()>;
}

/// The wish to stop, as the loops see it.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// The hand that stops the loops.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    /// A stopper and what it stops.
    #[must_use]
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Asks every holder of the [`Stop`] to end after the write in hand.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Whether the end was asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when the end is asked for; never, if the [`Stopper`] goes without asking.
    pub async fn asked(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits on `clock` until `instant`; false when the end was asked for meanwhile.
    pub async fn sleep_until(&self, clock: &dyn Clock, instant: DateTime<Utc>) -> bool {
        tokio::select! {
            biased;
            () = self.asked() => false,
            () = clock.sleep_until(instant) => true,
        }
    }
}

/// A duration as chrono has it; saturates far beyond any interval in use.
pub(crate) fn delta(duration: Duration) -> chrono::TimeDelta {
    chrono::TimeDelta::from_std(duration).unwrap_or(chrono::TimeDelta::MAX)
}
