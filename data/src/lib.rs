//! What the lake holds: tables, object keys, local days, H3 cells, the store and the Parquet codec.
//!
//! This crate knows nothing of HTTP, of the command line or of the clock. `pipeline` writes through
//! it, `jobs` reads and writes through it, `api` reads through it; the three meet only here.

pub mod cell;
pub mod codec;
mod compact;
mod compressed;
pub mod day;
mod differences;
mod groups;
mod hours;
pub mod key;
pub mod lake;
mod steps;
pub mod successive;
pub mod summary;
pub mod table;

pub use cell::{Cell, CellError, Resolution};
pub use day::{Day, DayError, parse_date};
pub use groups::Groups;
pub use hours::{Hour, at_hour, hours};
pub use key::{ContentHash, Derived, Key, Recorded, SystemId};
pub use lake::{Creates, Fetched, Lake, LakeError, Put, Version};
pub use steps::{NULL, Room, Steps};
pub use successive::Successive;
pub use summary::DaySummary;

/// The program and its version, as every Parquet file's metadata names it.
pub const PROGRAM: &str = concat!("hotspots ", env!("CARGO_PKG_VERSION"));
