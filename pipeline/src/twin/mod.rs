//! The feed twin: a deterministic city with Vélib-shaped feeds, for the demo, tests and benchmarks.
//!
//! The same seed gives the same city, and the same instant the same counts, on every machine: a count
//! is a function of seed, station and time, so that any cadence can be asked for.

mod city;
mod clock;
mod fault;
mod feeds;
mod server;
mod standard;

pub use city::{City, Counts, Station, Vehicle};
pub use clock::SimulatedClock;
pub use fault::{Fault, UnknownFault};
pub use server::Twin;
pub use standard::Shape;
