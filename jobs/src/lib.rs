//! Batch jobs over local days: what was recorded becomes what is asked for.
//!
//! The only crate with Polars. A night's walk ([`aggregate`]): `day_inputs` (which objects, from
//! `status_day`) → `read_day` (objects become a `grid` of stations and polls, and the `places` where
//! they stood) → `timeline` (how long each state holds, by `poll_weights`) →
//! `station_day` (exact sums per station) and `stays` (where each stood, joined in Polars) → `cells` →
//! `hotspots` with `getis_ord` and `baseline`, `hourly`, `station_rows`, `quality` → objects in the lake.
//! [`compact`] makes one object of a closed day's polls (`whole_day`, `pack`), which `compacted` reads;
//! [`verify`] reads days back. What is awaited of all this runs on the threads of `pool`.

pub mod aggregate;
mod baseline;
mod cells;
pub mod compact;
mod compacted;
mod day_inputs;
mod day_tables;
mod episodes;
mod error;
mod getis_ord;
mod grid;
mod hotspots;
mod hourly;
mod observations;
mod offers;
mod options;
mod pack;
mod places;
mod poll_weights;
mod pool;
mod quality;
mod read_day;
mod resolutions;
mod station_day;
mod station_rows;
mod status_day;
mod stays;
mod timeline;
mod vehicles;
pub mod verify;
mod whole_day;

pub use aggregate::{DayOutcome, DayReport, aggregate};
pub use compact::{CompactReport, Compaction, compact};
pub use error::JobError;
pub use options::{MaxGapError, Options, Selection};
pub use resolutions::Resolutions;
pub use verify::{Fault, VerifyReport, verify};
