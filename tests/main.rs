//! End-to-end tests: the real binary, real HTTP, real Parquet.
//!
//! Tests that need recorded feeds read the folder named by `HOTSPOTS_REAL_DATA`, and say so and do
//! nothing where it is not set.

#![expect(unreachable_pub, reason = "the support modules are shared within this one binary")]

mod aggregation;
mod api;
mod api_document;
mod api_hostile;
mod api_ranges;
mod bad_input;
#[cfg(test)]
mod compaction_races;
#[cfg(test)]
mod ingest_faults;
#[cfg(test)]
mod ingest_full_disk;
#[cfg(test)]
mod ingest_kills;
#[cfg(test)]
mod ingest_manners;
#[cfg(test)]
mod ingest_stores;
#[cfg(test)]
mod ingest_tools;
#[cfg(test)]
mod ingest_versions;
mod main_job;
mod recorded_feeds;
mod support;
