//! From feed to lake: GBFS parsing, scheduling, fetching, spooling, the ingest loop, imports, and the
//! feed twin.

pub mod catalogue;
pub mod clock;
mod collector;
pub mod doctor;
mod feeds;
pub mod fetch;
pub mod gbfs;
pub mod import;
pub mod ingest;
pub mod intake;
mod journal;
pub mod ledger;
pub mod metrics;
pub mod preset;
pub mod schedule;
pub mod spool;
mod store;
pub mod twin;

pub use clock::{Clock, Stop, Stopper};
pub use collector::Collector;
pub use fetch::{Credential, FetchError, Fetcher, KeyPlace, Limits};
pub use import::{ImportError, import};
pub use ingest::{Cycle, Target, Tools, ingest};
pub use intake::{Intake, IntakeError};
pub use metrics::Metrics;
pub use spool::{Spool, WhenFull};
