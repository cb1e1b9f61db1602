//! Where polls go: straight to a local lake, or through the spool to a distant one.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use hotspots_data::{Key, Lake, LakeError, Put};

use crate::clock::{Clock, Stop};
use crate::journal::Journals;
use crate::metrics::Metrics;
use crate::spool::{Spool, SpoolError, WhenFull};

/// The way into the lake.
#[derive(Clone, Debug)]
pub struct Intake {
    lake: Lake,
    spool: Option<Arc<Spool>>,
    journals: Option<Journals>,
}

/// Why an object was not taken.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The lake failed.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The spool failed.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The ledger's journal cannot be kept.
    #[error("the ledger's journal in `{path}` cannot be kept: {reason}")]
    Journal {
        /// The folder.
        path: String,
        /// Why not.
        reason: std::io::Error,
    },
}

impl Intake {
    /// Straight into `lake`, each round of attempts a ledger object of its own: for a lake in memory.
    #[must_use]
    pub fn direct(lake: Lake) -> Self {
        Self { lake, spool: None, journals: None }
    }

    /// Straight into a lake in a folder: its own write, sync and rename is all that a spool could
    /// give. The ledger's journal is kept in `_journal` below it.
    ///
    /// # Errors
    /// [`IntakeError::Journal`] when nothing can be written there.
    pub fn local(lake: Lake) -> Result<Self, IntakeError> {
        let Some(folder) = lake.folder() else { return Ok(Self::direct(lake)) };
        let journals = Some(journals(&folder.join("_journal"))?);
        Ok(Self { lake, spool: None, journals })
    }

    /// Through a spool in `folder` into any lake.
    ///
    /// # Errors
    /// [`IntakeError`] when the folder cannot be used.
    pub fn spooled(
        lake: Lake,
        folder: &Path,
        limit_bytes: u64,
        when_full: WhenFull,
    ) -> Result<Self, IntakeError> {
        let journals = Some(journals(&folder.join("_journal"))?);
        let spool = Some(Arc::new(Spool::open(folder, limit_bytes, when_full)?));
        Ok(Self { lake, spool, journals })
    }

    /// The lake.
    #[must_use]
    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    /// The spool, where there is one.
    #[must_use]
    pub fn spool(&self) -> Option<&Spool> {
        self.spool.as_deref()
    }

    pub(crate) fn journals(&self) -> Option<&Journals> {
        self.journals.as_ref()
    }

    /// Takes an object: once this returns, no crash can lose it.
    pub(crate) async fn put_new(&self, key: &Key, bytes: Bytes) -> Result<Put, IntakeError> {
        match &self.spool {
            Some(spool) => Ok(spool.put_new(key, bytes).await?),
            None => Ok(self.lake.put_new(key, bytes).await?),
        }
    }

    /// Brings what waits in the spool into the lake until asked to stop; with no spool, waits.
    pub(crate) async fn upload(&self, clock: &dyn Clock, stop: &Stop, metrics: &Metrics) {
        match &self.spool {
            Some(spool) => spool.upload(&self.lake, clock, stop, metrics).await,
            None => stop.asked().await,
        }
    }
}

fn journals(folder: &Path) -> Result<Journals, IntakeError> {
    Journals::open(folder)
        .map_err(|reason| IntakeError::Journal { path: folder.display().to_string(), reason })
}
