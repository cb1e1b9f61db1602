//! From feed to lake: GBFS parsing, scheduling, fetching, the ingest loop, imports, and the feed twin.

pub mod clock;
pub mod fetch;
pub mod gbfs;
pub mod import;
pub mod ingest;
mod ledger;
pub mod preset;
pub mod schedule;
mod store;
pub mod twin;

pub use clock::{Clock, Stop, Stopper};
pub use fetch::{FetchError, Fetcher, Limits};
pub use import::{ImportError, import};
pub use ingest::{Collector, Cycle, Target};
