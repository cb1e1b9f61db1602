//! GBFS 1.0 to 3.x as pure functions from bytes to rows.
//!
//! Reading is tolerant where feeds of good will differ (flags as 0/1 or true/false, ids as numbers,
//! times as seconds or RFC 3339, localised names, both spellings of a field at once) and strict where
//! a body is not the feed it should be. What is not understood in a row goes to its `extra` column.

pub mod clock;
pub mod discovery;
mod envelope;
mod fields;
mod other_feed;
mod problems;
mod rows;
mod station_information;
mod station_status;
mod system_information;
mod vehicle_status;
mod vehicle_types;

pub use clock::{ClockNote, FeedTime, observation_time};
pub use discovery::{Discovery, parse_discovery};
pub use envelope::{Envelope, FeedError};
pub use other_feed::parse_other_feed;
pub use problems::Problems;
pub use station_information::parse_station_information;
pub use station_status::parse_station_status;
pub use system_information::parse_system_information;
pub use vehicle_status::parse_vehicle_status;
pub use vehicle_types::{VehicleType, VehicleTypes, parse_vehicle_types, vehicle_types_of_data};

/// A feed's rows, with what its envelope says and what was odd in it.
#[derive(Clone, Debug)]
pub struct Parsed<T> {
    /// The rows, in order of `station_id` where there is one; their clocks are still the fetch time.
    pub rows: Vec<T>,
    /// What the envelope says.
    pub envelope: Envelope,
    /// What was odd, but no reason to refuse the feed.
    pub problems: Problems,
}
