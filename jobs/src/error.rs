//! What goes wrong with a day, in whichever job.

use hotspots_data::codec::CodecError;
use hotspots_data::{Key, LakeError, SystemId};
use polars::prelude::PolarsError;

/// Why a day or the whole job failed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The lake failed.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// An object in the lake is damaged.
    #[error(
        "`{key}` is damaged: {reason}; put back a good copy or remove it, and aggregate the day again"
    )]
    Object {
        /// Its path.
        key: String,
        /// What is wrong with it.
        reason: CodecError,
    },
    /// The table cannot be encoded.
    #[error("the table cannot be written: {0}")]
    Encode(#[source] CodecError),
    /// A compacted day does not give back the polls that it was made from.
    #[error(
        "`{key}` does not give back the polls that it should hold: nothing was deleted; remove it and compact the day again"
    )]
    NotTheSame {
        /// Its path.
        key: String,
    },
    /// Another compaction writes the same day.
    #[error(
        "`{key}` was written by others each time this was about to: nothing was deleted; run one `hotspots compact` at a time"
    )]
    Contended {
        /// Its path.
        key: String,
    },
    /// The lake has nothing of a system that was asked for.
    #[error("the lake has no system `{system}`: it has {}", if known.is_empty() { "none" } else { known })]
    NoSuchSystem {
        /// The system.
        system: SystemId,
        /// Those that it has, with commas between.
        known: String,
    },
    /// Polars failed.
    #[error("the sums cannot be taken: {0}")]
    Polars(#[from] PolarsError),
    /// The computation was cut off.
    #[error("the computation was cut off: {0}")]
    CutOff(String),
}

/// What is wrong with an object, with its name.
pub(crate) fn damaged(key: &Key) -> impl Fn(CodecError) -> JobError + use<> {
    let key = key.to_string();
    move |reason| JobError::Object { key: key.clone(), reason }
}

/// Whether an error says that an object went away between listing and reading.
pub(crate) fn is_gone(error: &JobError) -> bool {
    matches!(error, JobError::Lake(LakeError::Missing { .. }))
}
