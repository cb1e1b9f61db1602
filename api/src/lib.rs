//! The read API: precomputed hotspots over HTTP.
//!
//! How a request is answered ([`state`]): [`routes`] (path → route) → [`params`] (query → typed wishes) →
//! [`lookup`] (which system and day) → [`tables`] (the day, from memory or the lake) → [`documents`] (what is said of it) → [`selection`]
//! (which cells, how heavy, by [`wishes`]) → [`reply`] (rows → bytes) → [`answer`] (bytes → response). Whatever goes wrong is a [`problem`].

mod answer;
mod answers;
mod attribution;
mod conditions;
mod connection;
mod docs;
mod documents;
mod door;
mod files;
mod fresh;
#[cfg(target_os = "linux")]
mod hot;
mod linger;
mod lookup;
mod making;
mod metrics;
mod negotiate;
mod openapi;
mod page;
mod params;
mod problem;
mod range;
mod recent;
mod refusal;
mod reply;
mod request;
mod routes;
mod selection;
mod server;
mod service;
mod state;
mod store;
mod tables;
mod turns;
mod wishes;
mod workers;

pub use attribution::Attribution;
pub use page::BaseMap;
pub use server::{Limits, Options, Server};
