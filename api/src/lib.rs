//! The read API: precomputed hotspots over HTTP.
//!
//! A request's walk: [`routes`] (path → route) → [`params`] (query → typed wishes) → [`days`] (the day,
//! from memory or the lake) → [`reply`] (bytes). Whatever goes wrong is a [`problem`].

mod days;
mod params;
mod problem;
mod reply;
mod routes;
mod server;

pub use server::{Options, Server};
