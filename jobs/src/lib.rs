//! Batch jobs over local days: what was recorded becomes what is asked for.
//!
//! The only crate with Polars. A day's walk: [`day_inputs`] (which objects) → [`observations`] (rows,
//! decoded in parallel) → [`poll_weights`] (how long each poll's state holds) → [`station_day`] (sums
//! per station, joined to where it stood) → [`hotspots`] (cells) → one object in the lake.

pub mod aggregate;
mod day_inputs;
mod frame;
mod hotspots;
mod observations;
mod poll_weights;
mod station_day;

pub use aggregate::{AggregateError, DayOutcome, DayReport, Options, Selection, aggregate};
