//! End-to-end tests: the real binary, real HTTP, real Parquet.
//!
//! Tests that need recorded feeds read the folder named by `HOTSPOTS_REAL_DATA`, and say so and do
//! nothing where it is not set.

// Without this, clippy takes the helpers beside the tests for code that must not unwrap.
#![cfg(test)]
#![expect(unreachable_pub, reason = "the support modules are shared within this one binary")]

mod aggregation;
mod api;
mod api_clients;
mod api_days;
mod api_document;
mod api_hostile;
mod api_hours;
mod api_ranges;
mod bad_input;
mod compaction_races;
mod ingest_faults;
mod ingest_full_disk;
mod ingest_kills;
mod ingest_manners;
mod ingest_stores;
mod ingest_tools;
mod ingest_versions;
mod main_job;
mod recorded_feeds;
mod support;
