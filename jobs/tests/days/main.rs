//! The jobs on lakes in memory, through the crate's public surface.

mod meaning;
mod properties;
mod support;
