//! The read API: precomputed hotspots over HTTP.
//!
//! How a request is answered ([`state`]): [`routes`] (path → route) → [`params`] (query → typed wishes) →
//! [`tables`] (the day, from memory or the lake) → [`documents`] (what is said of it) → [`selection`]
//! (which cells, how heavy, by [`wishes`]) → [`reply`] (rows → bytes) → [`answer`] (bytes → response). Whatever goes wrong is a [`problem`].

mod answer;
mod answers;
mod attribution;
mod conditions;
mod connection;
mod docs;
mod documents;
mod fresh;
mod linger;
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
mod routes;
mod selection;
mod server;
mod state;
mod tables;
mod turns;
mod wishes;
mod workers;

pub use page::BaseMap;
pub use server::{Limits, Options, Server};
