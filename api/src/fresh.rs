//! A value kept in memory, as fresh as the lake and never asked for twice at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use hotspots_data::LakeError;
use tokio::sync::Mutex;
use tracing::{error, info};

/// What is in memory is taken for the lake's state for so long.
pub(crate) const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// A request that has something to serve waits so long for news of the lake.
const PATIENCE_WITH_VALUE: Duration = Duration::from_secs(1);
/// After a look that failed, what is in memory is served for so long before the next one.
const PAUSE: Duration = Duration::from_secs(5);
/// A request that has nothing to serve waits so long.
const PATIENCE: Duration = Duration::from_secs(15);

/// A value that is looked up again at most once per period, by one request while the others are
/// served what there is. Should the lake fail, the last good value stays.
#[derive(Debug)]
pub(crate) struct Fresh<T> {
    state: RwLock<State<T>>,
    /// Milliseconds from `origin` to the last look, 0 for never.
    looked_ms: AtomicU64,
    origin: Instant,
    flight: Mutex<()>,
}

#[derive(Debug)]
struct State<T> {
    value: Option<Arc<T>>,
    failure: Option<Failure>,
}

/// Why the lake gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// The store failed at something.
    #[error("{text}")]
    Lake { at: String, text: String },
    /// The store did not answer in time.
    #[error("the lake did not answer within {0} s")]
    Slow(u64),
    /// There is nothing where there was something: a disk that is not mounted looks like that.
    #[error("the lake at `{0}` has no hotspots any more: is it mounted?")]
    Empty(String),
    /// The object is not what it should be.
    #[error("the table `{key}` is damaged ({reason}): aggregate the day again")]
    Damaged { key: String, reason: String },
}

impl From<LakeError> for Failure {
    fn from(error: LakeError) -> Self {
        let text = error.to_string();
        match error {
            LakeError::Store { action, path, .. } => {
                Self::Lake { at: format!("{action} {path}"), text }
            }
            _ => Self::Lake { at: text.clone(), text },
        }
    }
}

impl Failure {
    /// Whether it is the same trouble, though a store may word it in another way each time.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Lake { at, .. }, Self::Lake { at: other, .. }) => at == other,
            _ => self == other,
        }
    }
}

impl<T> Default for Fresh<T> {
    fn default() -> Self {
        Self {
            state: RwLock::new(State { value: None, failure: None }),
            looked_ms: AtomicU64::new(0),
            origin: Instant::now(),
            flight: Mutex::new(()),
        }
    }
}

impl<T> Fresh<T> {
    /// What is in memory, whatever its age.
    pub(crate) fn peek(&self) -> Option<Arc<T>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).value.clone()
    }

    /// Why the last look failed, if it did.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).failure.clone()
    }

    /// Lets go of the value; the next request looks it up again.
    pub(crate) fn forget(&self) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).value = None;
        self.looked_ms.store(0, Ordering::Release);
    }

    /// The value, looked up with `look` when `trusted_for` has passed since the last time. `look` is
    /// given what is in memory and may give it back; its `None` is "there is no such thing".
    ///
    /// # Errors
    /// When `look` fails and there is no earlier value.
    pub(crate) async fn get<F>(
        &self,
        trusted_for: Duration,
        look: impl FnOnce(Option<Arc<T>>) -> F,
    ) -> Result<Option<Arc<T>>, Failure>
    where
        F: Future<Output = Result<Option<Arc<T>>, Failure>> + Send,
    {
        let (kept, is_failing) = self.kept();
        if kept.is_some() && self.is_fresh(trusted_for, is_failing) {
            return Ok(kept);
        }
        let _flight = match &kept {
            None => self.flight.lock().await,
            // Somebody is looking: until they know more, this is the state.
            Some(_) => match self.flight.try_lock() {
                Ok(flight) => flight,
                Err(_) => return Ok(kept),
            },
        };
        if self.is_fresh(trusted_for, self.kept().1) {
            return self.settled();
        }
        let patience = if kept.is_some() { PATIENCE_WITH_VALUE } else { PATIENCE };
        let found = tokio::time::timeout(patience, look(self.peek()))
            .await
            .unwrap_or_else(|_| Err(Failure::Slow(patience.as_secs())));
        self.settle(found);
        self.settled()
    }

    /// What is in memory, and whether the last look for news of it failed.
    fn kept(&self) -> (Option<Arc<T>>, bool) {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        (state.value.clone(), state.value.is_some() && state.failure.is_some())
    }

    fn is_fresh(&self, trusted_for: Duration, is_failing: bool) -> bool {
        let trusted_for = if is_failing { trusted_for.max(PAUSE) } else { trusted_for };
        let looked_ms = self.looked_ms.load(Ordering::Acquire);
        looked_ms > 0 && u128::from(looked_ms) + trusted_for.as_millis() > self.now_ms().into()
    }

    fn now_ms(&self) -> u64 {
        self.origin.elapsed().as_millis() as u64 + 1
    }

    fn settle(&self, found: Result<Option<Arc<T>>, Failure>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match found {
            Ok(value) => {
                if let Some(failure) = state.failure.take() {
                    info!("healed: {failure}");
                }
                state.value = value;
            }
            Err(failure) => {
                // Said once, not once a second.
                if !state.failure.as_ref().is_some_and(|known| known.is_like(&failure)) {
                    let then =
                        if state.value.is_some() { "; serving the last good one" } else { "" };
                    error!("{failure}{then}");
                }
                state.failure = Some(failure);
            }
        }
        drop(state);
        self.looked_ms.store(self.now_ms(), Ordering::Release);
    }

    fn settled(&self) -> Result<Option<Arc<T>>, Failure> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        match (&state.value, &state.failure) {
            (Some(value), _) => Ok(Some(Arc::clone(value))),
            (None, Some(failure)) => Err(failure.clone()),
            (None, None) => Ok(None),
        }
    }
}
