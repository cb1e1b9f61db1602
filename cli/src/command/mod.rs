//! One file a subcommand.

pub(crate) mod aggregate;
pub(crate) mod compact;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod import;
pub(crate) mod ingest;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod systems;
pub(crate) mod verify;
