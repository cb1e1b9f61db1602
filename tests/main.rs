//! End-to-end tests: the real binary, real HTTP, real Parquet.
//!
//! Tests that need recorded feeds read the folder named by `HOTSPOTS_REAL_DATA`, and say so and do
//! nothing where it is not set.

mod api;
mod api_document;
mod api_hostile;
mod bad_input;
mod main_job;
mod recorded_feeds;
mod support;
