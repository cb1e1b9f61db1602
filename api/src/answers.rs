//! The answers made of one table: each once, and the most recent of them kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::OnceCell;

use crate::answer::Answer;

/// The most that are kept.
const MOST: usize = 256;

/// Answers by their names.
#[derive(Debug, Default)]
pub(crate) struct Answers(RwLock<HashMap<String, Arc<Place>>>);

#[derive(Debug, Default)]
struct Place {
    answer: OnceCell<Arc<Answer>>,
    /// The turn of the last request; the lowest is the first to go.
    used: AtomicU64,
}

impl Answers {
    /// The answer called `name`, if it is there; the request is the server's `turn`-th.
    pub(crate) fn ready(&self, name: &str, turn: u64) -> Option<Arc<Answer>> {
        let places = self.read();
        let place = places.get(name)?;
        place.used.store(turn, Ordering::Relaxed);
        place.answer.get().cloned()
    }

    /// The answer called `name`, made unless another request made or makes it.
    pub(crate) async fn make<E>(
        &self,
        name: &str,
        turn: u64,
        make: impl AsyncFnOnce() -> Result<Answer, E>,
    ) -> Result<Arc<Answer>, E> {
        let place = self.place(name);
        place.used.store(turn, Ordering::Relaxed);
        let answer = place.answer.get_or_try_init(async || Ok(Arc::new(make().await?))).await;
        if answer.is_err() {
            // What cannot be made has no place: it would push out what can.
            self.write().remove(name);
        }
        answer.cloned()
    }

    /// Bytes of all of them.
    pub(crate) fn size_bytes(&self) -> usize {
        let places = self.read();
        places
            .values()
            .filter_map(|place| place.answer.get())
            .map(|answer| answer.size_bytes())
            .sum()
    }

    /// Drops the half that was not asked for longest.
    pub(crate) fn forget_half(&self) {
        forget_half(&mut self.write());
    }

    fn place(&self, name: &str) -> Arc<Place> {
        let mut places = self.write();
        if places.len() >= MOST && !places.contains_key(name) {
            forget_half(&mut places);
        }
        Arc::clone(places.entry(name.to_owned()).or_default())
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<String, Arc<Place>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Arc<Place>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget_half(places: &mut HashMap<String, Arc<Place>>) {
    let mut used: Vec<u64> =
        places.values().map(|place| place.used.load(Ordering::Relaxed)).collect();
    used.sort_unstable();
    let middle = used.get(used.len() / 2).copied().unwrap_or(0);
    places.retain(|_, place| place.used.load(Ordering::Relaxed) > middle);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Freshness;
    use crate::negotiate::Format;

    #[tokio::test]
    async fn what_cannot_be_made_pushes_out_nothing() {
        let answers = Answers::default();
        let good = async || Ok::<_, ()>(Answer::new(Format::Json, Freshness::Closed, "good"));
        let good = answers.make("good", 1, good).await.unwrap();
        for turn in 2..3 * MOST as u64 {
            assert!(answers.make(&format!("bad {turn}"), turn, async || Err(())).await.is_err());
        }
        let kept = answers.ready("good", 3 * MOST as u64);
        assert!(kept.is_some_and(|kept| Arc::ptr_eq(&kept, &good)));
    }

    #[tokio::test]
    async fn those_asked_for_longest_ago_go_first() {
        let answers = Answers::default();
        let make = async || Ok::<_, ()>(Answer::new(Format::Json, Freshness::Closed, "an answer"));
        for turn in 0..=MOST as u64 {
            answers.make(&turn.to_string(), turn, make).await.unwrap();
        }
        assert!(answers.ready("0", 1000).is_none());
        assert!(answers.ready(&MOST.to_string(), 1001).is_some());
        assert!(answers.read().len() <= MOST);
    }
}
