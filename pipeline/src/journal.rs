//! The ledger's journal: rows are safe on disk at once, and become one Parquet object now and then.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use hotspots_data::SystemId;
use hotspots_data::table::Poll;
use tracing::warn;

/// One process's journals, a file a system; the lock goes with the process, however it ends.
#[derive(Clone, Debug)]
pub(crate) struct Journals {
    folder: PathBuf,
    _lock: Arc<File>,
    /// Folders of processes that ended without emptying theirs.
    left: Vec<PathBuf>,
}

/// The rows of one system that no object of the lake has yet.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    rows: Vec<Poll>,
    /// How many of them are on disk: fewer than all after a write that failed.
    on_disk: usize,
    date: Option<NaiveDate>,
    file: Option<PathBuf>,
}

/// Rows that make an object.
const ROWS: usize = 500;
/// Time after which fewer rows make one.
const AGE: TimeDelta = TimeDelta::minutes(10);
/// Processes that may share one folder.
const PROCESSES: usize = 16;

impl Journals {
    /// Takes a place of its own in `folder`.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub(crate) fn open(folder: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let (mut own, mut left) = (None, Vec::new());
        for place in 1..=PROCESSES {
            let path = folder.join(place.to_string());
            if own.is_some() && !path.is_dir() {
                break;
            }
            std::fs::create_dir_all(&path)?;
            let lock = File::create(path.join("lock"))?;
            if lock.try_lock().is_err() {
                continue;
            }
            if own.is_none() {
                own = Some((path, lock));
            } else {
                left.push(path);
            }
        }
        let (folder, lock) = own.ok_or_else(|| {
            std::io::Error::other(format!("{PROCESSES} processes use {}", folder.display()))
        })?;
        Ok(Self { folder, _lock: Arc::new(lock), left })
    }

    /// The journal of a system, and the rows that ended processes left of it, a file each.
    pub(crate) fn of(&self, system: &SystemId) -> (Journal, Vec<(PathBuf, Vec<Poll>)>) {
        let name = format!("{system}.jsonl");
        let mut left = Vec::new();
        for place in std::iter::once(&self.folder).chain(&self.left) {
            // Renamed before it is read, so that new rows do not mix with it.
            let old = |number: usize| place.join(format!("{name}.{number}"));
            let mut count = 0;
            while old(count).exists() {
                count += 1;
            }
            if std::fs::rename(place.join(&name), old(count)).is_ok() {
                count += 1;
            }
            left.extend((0..count).map(|number| (old(number), read(&old(number)))));
        }
        (Journal { file: Some(self.folder.join(name)), ..Journal::default() }, left)
    }
}

impl Journal {
    /// Adds rows; on return they are on disk, where the journal has a file. Those that a full disk
    /// refuses come with the next.
    pub(crate) fn append(&mut self, rows: &[Poll], date: NaiveDate) {
        self.date = self.date.or(Some(date));
        self.rows.extend_from_slice(rows);
        let Some(path) = &self.file else { return };
        match append(path, &self.rows[self.on_disk..]) {
            Ok(()) => self.on_disk = self.rows.len(),
            Err(error) => {
                warn!("the ledger's journal `{}` cannot be written: {error}", path.display());
            }
        }
    }

    /// The rows, if it is time to make an object of them: `date` is the local date of what comes
    /// next, and `last` says that nothing will.
    pub(crate) fn due(&self, now: DateTime<Utc>, date: NaiveDate, last: bool) -> Option<&[Poll]> {
        let first = self.rows.first()?;
        let is_due = last
            || self.file.is_none()
            || self.rows.len() >= ROWS
            || now - first.started_at >= AGE
            || self.date != Some(date);
        is_due.then_some(&self.rows)
    }

    /// Forgets the rows: an object has them.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.on_disk = 0;
        self.date = None;
        if let Some(path) = &self.file {
            remove(path);
        }
    }
}

pub(crate) fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        warn!("the ledger's journal `{}` cannot be removed: {error}", path.display());
    }
}

fn append(path: &Path, rows: &[Poll]) -> std::io::Result<()> {
    let mut lines = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut lines, row)?;
        lines.push(b'\n');
    }
    let is_new = !path.exists();
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let before = file.metadata()?.len();
    if let Err(error) = file.write_all(&lines).and_then(|()| file.sync_data()) {
        // Half a line would spoil the one that is appended to it.
        let _ = file.set_len(before);
        return Err(error);
    }
    // The name of a new file is safe only once its folder is.
    match path.parent() {
        Some(folder) if is_new && cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// The rows of a journal; a last line that a crash cut short is no row.
fn read(path: &Path) -> Vec<Poll> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
