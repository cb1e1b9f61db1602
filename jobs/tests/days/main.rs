//! The jobs on lakes in memory, through the crate's public surface.

#![expect(clippy::unwrap_used, clippy::float_cmp, reason = "tests; a tie is an equal number")]

mod any_feed;
mod compaction;
mod damage;
mod found;
mod free_bikes;
mod hours;
mod meaning;
mod moves;
mod odd;
mod properties;
mod support;
mod telling;
