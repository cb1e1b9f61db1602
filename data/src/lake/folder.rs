//! What a lake in a folder does without `object_store`: quick listings, and writers' turns.

use std::fs::{File, TryLockError};
use std::path::Path;

/// The file that writers in a folder lock in turn.
const TURN: &str = "_hotspots/turn";

/// A writer's turn in a folder, until it is dropped; `None` while another has it.
pub(super) fn turn(folder: &Path) -> Result<Option<File>, object_store::Error> {
    let open = || {
        let path = folder.join(TURN);
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        File::create(path)
    };
    let failed =
        |error| object_store::Error::Generic { store: "LocalFileSystem", source: Box::new(error) };
    let file = open().map_err(failed)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(None),
        // A file system may have no locks: then what is looked at has to do.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
    }
}

/// The names in a folder; none where it is missing. `object_store` would also ask for the size of each
/// file, which takes longer than the rest of a day's listing.
pub(super) fn local_names(folder: &Path) -> Result<Vec<String>, object_store::Error> {
    let failed =
        |error| object_store::Error::Generic { store: "LocalFileSystem", source: Box::new(error) };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.map_err(failed).map(|entry| entry.file_name())
    };
    entries.map(|entry| Ok(name(entry)?.to_string_lossy().into_owned())).collect()
}

/// Whether a folder holds objects, written to their end; of one that cannot be read, the reader says why.
pub(super) fn has_objects(folder: &Path) -> bool {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries
            .flatten()
            .any(|entry| entry.file_name().as_encoded_bytes().ends_with(b".parquet")),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}
