//! The last request of each thread with its answer: most requests repeat the one before, and are
//! answered at once, without going through routes, parameters and tables again.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use warp::http::{HeaderMap, HeaderValue, header};

use crate::answer::Answer;
use crate::routes::Endpoint;

/// For so long; a table in memory is taken for the lake's for ten times that.
const LASTS: Duration = Duration::from_millis(100);

thread_local! {
    static RECENT: RefCell<Option<Recent>> = const { RefCell::new(None) };
}

/// What was asked, and the answer to it.
#[derive(Debug)]
struct Recent {
    /// A thread of a test may serve several servers.
    server: u64,
    path: String,
    query: String,
    /// All lines of the header.
    accept: Vec<HeaderValue>,
    endpoint: Endpoint,
    answer: Arc<Answer>,
    found: Instant,
}

/// A request as far as it says which answer is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The server's number.
    pub(crate) server: u64,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

impl Asked<'_> {
    /// Keeps the answer of an endpoint, found at `now`, for the next who asks this thread.
    pub(crate) fn keep(self, endpoint: Endpoint, answer: &Arc<Answer>, now: Instant) {
        RECENT.set(Some(Recent {
            server: self.server,
            path: self.path.to_owned(),
            query: self.query.to_owned(),
            accept: self.accept().cloned().collect(),
            endpoint,
            answer: Arc::clone(answer),
            found: now,
        }));
    }

    /// What `make` makes of the endpoint and the answer, if the last who asked this thread meant the same.
    pub(crate) fn recall<T>(
        self,
        now: Instant,
        make: impl FnOnce(Endpoint, &Answer) -> Option<T>,
    ) -> Option<T> {
        RECENT.with_borrow(|recent| {
            let recent = recent.as_ref().filter(|recent| recent.is_of(self, now))?;
            make(recent.endpoint, &recent.answer)
        })
    }

    fn accept(&self) -> impl Iterator<Item = &HeaderValue> {
        self.headers.get_all(header::ACCEPT).into_iter()
    }
}

impl Recent {
    fn is_of(&self, asked: Asked<'_>, now: Instant) -> bool {
        self.path == asked.path
            && self.query == asked.query
            && self.server == asked.server
            && self.accept.iter().eq(asked.accept())
            && now.saturating_duration_since(self.found) < LASTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Freshness;
    use crate::negotiate::Format;

    #[test]
    fn only_who_asks_the_same_soon_gets_the_same() {
        let plain = HeaderMap::new();
        let mut wants_csv = HeaderMap::new();
        wants_csv.insert(header::ACCEPT, HeaderValue::from_static("text/csv"));
        let mut wants_either = wants_csv.clone();
        wants_either.append(header::ACCEPT, HeaderValue::from_static("application/json"));
        let asked =
            Asked { server: 7, path: "/hotspots/latest", query: "limit=1", headers: &plain };
        let answer = Arc::new(Answer::new(Format::Json, Freshness::Closed, "an answer"));
        let start = Instant::now();
        let endpoint =
            |asked: Asked<'_>, after| asked.recall(start + after, |endpoint, _| Some(endpoint));
        assert_eq!(endpoint(asked, Duration::ZERO), None, "nobody asked yet");
        asked.keep(Endpoint::Cells, &answer, start);
        assert_eq!(endpoint(asked, LASTS / 2), Some(Endpoint::Cells));
        assert_eq!(endpoint(asked, LASTS), None, "too late");
        for other in [
            Asked { server: 8, ..asked },
            Asked { path: "/hotspots/2026-11-22", ..asked },
            Asked { query: "limit=2", ..asked },
            Asked { headers: &wants_csv, ..asked },
        ] {
            assert_eq!(endpoint(other, Duration::ZERO), None, "{other:?}");
        }
        let wanted = Asked { headers: &wants_csv, ..asked };
        wanted.keep(Endpoint::Cells, &answer, start);
        assert!(endpoint(wanted, Duration::ZERO).is_some());
        let either = Asked { headers: &wants_either, ..asked };
        assert_eq!(endpoint(either, Duration::ZERO), None, "every line of Accept counts");
    }
}
