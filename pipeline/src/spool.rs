//! The spool: a folder in which objects wait, safe on disk, until the lake has them.
//!
//! It has the lake's own paths, so that it is itself a small lake. An object is written, synced and
//! renamed before [`Spool::put_new`] returns, and removed only once the lake said that it has it.

use std::collections::{BinaryHeap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use hotspots_data::{Creates, Key, Lake, LakeError, Put, Recorded};
use tokio::sync::Notify;
use tracing::{error, info, warn};

use crate::clock::{Clock, Stop, delta};
use crate::metrics::Metrics;
use crate::schedule::{backoff, unit};

/// What a full spool does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// It refuses new polls and keeps the old ones; the ledger still notes each attempt.
    #[default]
    RefuseNew,
    /// It drops the oldest objects, saying how many, and takes the new ones.
    DropOldest,
}

/// Objects on their way to a lake.
#[derive(Debug)]
pub struct Spool {
    disk: Lake,
    folder: PathBuf,
    limit_bytes: u64,
    when_full: WhenFull,
    state: Mutex<State>,
    arrived: Notify,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Objects.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// When the first of them was observed.
    pub oldest: Option<DateTime<Utc>>,
}

/// Why an object is not in the spool.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The folder cannot be used.
    #[error("the spool `{path}` cannot be used: {reason}")]
    Folder {
        /// The folder.
        path: String,
        /// Why not.
        reason: std::io::Error,
    },
    /// The limit is reached.
    #[error(
        "the spool holds {held_mib} MiB of at most {limit_mib} MiB: the lake has taken nothing for too long"
    )]
    Full {
        /// What it holds.
        held_mib: u64,
        /// What it may hold.
        limit_mib: u64,
    },
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] LakeError),
}

#[derive(Debug, Default)]
struct State {
    files: u64,
    bytes: u64,
    /// What to upload next; the rest of what is on disk is looked up when this runs out.
    queue: VecDeque<Key>,
    /// Whether the disk has more than the queue, and than the search under way will add to it.
    more_on_disk: bool,
    /// The last eighth of the limit that was warned of.
    warned_eighth: u64,
}

/// Keys kept in memory, less than 300 kB: what waits beyond that is on disk only, so that a long
/// outage costs no memory. Half of it is looked up at a time, by a walk of the folder.
const QUEUE: usize = 2_048;
/// Uploads at a time.
const UPLOADS: usize = 16;
/// The ledger may pass the limit by this share, so that refusals are noted.
const LEDGER_SHARE: f64 = 1.05;

impl Spool {
    /// Opens the spool in `folder`, with whatever an earlier process left there.
    ///
    /// # Errors
    /// [`SpoolError::Folder`] when the folder cannot be read or written.
    pub fn open(folder: &Path, limit_bytes: u64, when_full: WhenFull) -> Result<Self, SpoolError> {
        let failed = |reason| SpoolError::Folder { path: folder.display().to_string(), reason };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let mut state = State::default();
        for table in Recorded::ALL {
            remove_empty(&folder.join(table.name()));
        }
        walk(folder, &mut |path, size| match key_of(folder, path) {
            Some(_) => {
                state.files += 1;
                state.bytes += size;
            }
            // What a killed process had not finished writing never counted as taken.
            None if path.to_string_lossy().contains(".parquet#") => {
                let _ = std::fs::remove_file(path);
            }
            None => {}
        })
        .map_err(failed)?;
        state.more_on_disk = state.files > 0;
        let disk = Lake::open(&folder.display().to_string())?;
        let folder = folder.to_owned();
        let (state, arrived) = (Mutex::new(state), Notify::new());
        Ok(Self { disk, folder, limit_bytes, when_full, state, arrived })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How much waits.
    #[must_use]
    pub fn depth(&self) -> Depth {
        let state = self.state();
        let oldest = state.queue.iter().map(stamp).min();
        Depth { files: state.files, bytes: state.bytes, oldest }
    }

    /// Takes an object: once this returns, it survives a crash and will be in the lake.
    ///
    /// # Errors
    /// [`SpoolError::Full`] at the limit, [`SpoolError::Disk`] when the disk fails.
    pub async fn put_new(&self, key: &Key, bytes: Bytes) -> Result<Put, SpoolError> {
        let size = bytes.len() as u64;
        self.make_room(key, size).await?;
        let put = self.disk.put_new(key, bytes).await;
        let mut state = self.state();
        if !matches!(put, Ok(Put::Created)) {
            state.count_out(size);
            return Ok(put?);
        }
        if state.queue.len() < QUEUE && !state.more_on_disk {
            state.queue.push_back(key.clone());
        } else {
            state.more_on_disk = true;
        }
        self.warn_of_depth(&mut state);
        drop(state);
        self.arrived.notify_one();
        Ok(Put::Created)
    }

    /// Brings what waits into `lake` until asked to stop, and then until nothing waits or the lake
    /// fails. Whatever fails is tried again for ever, ever more slowly. The first thing asked of the
    /// lake is whether it has conditional puts.
    pub async fn upload(&self, lake: &Lake, clock: &dyn Clock, stop: &Stop, metrics: &Metrics) {
        let (mut lake, mut is_probed, mut failures) = (lake.clone(), false, 0);
        loop {
            let batch = self.next_batch().await;
            if batch.is_empty() {
                if stop.is_asked() {
                    return;
                }
                tokio::select! {
                    () = self.arrived.notified() => {}
                    () = stop.asked() => {}
                }
                continue;
            }
            let probed = if is_probed { Ok(()) } else { probe(&mut lake).await };
            is_probed = probed.is_ok();
            let uploaded = match probed {
                Ok(()) => self.upload_batch(&lake, batch, metrics).await,
                Err(error) => {
                    metrics.upload(false);
                    self.state().put_first(batch);
                    Err(error)
                }
            };
            match uploaded {
                Ok(()) => {
                    if failures > 0 {
                        info!("the lake takes uploads again; {} objects wait", self.depth().files);
                    }
                    failures = 0;
                }
                Err(error) => {
                    failures += 1;
                    let Depth { files, bytes, .. } = self.depth();
                    warn!(files, bytes, failures, "{files} objects wait in the spool: {error}");
                    if stop.is_asked() {
                        return;
                    }
                    let pause = backoff(failures, UPLOAD_PAUSES, unit("upload", failures));
                    stop.sleep_until(clock, clock.now() + delta(pause)).await;
                }
            }
        }
    }

    async fn next_batch(&self) -> Vec<Key> {
        let is_out = {
            let mut state = self.state();
            state.queue.is_empty() && std::mem::take(&mut state.more_on_disk)
        };
        if is_out {
            // What arrives meanwhile joins the queue: the search may have passed its folder.
            let found = self.oldest_on_disk(QUEUE / 2).await;
            let mut state = self.state();
            state.more_on_disk |= found.as_ref().is_none_or(|keys| keys.len() == QUEUE / 2);
            let found = found.unwrap_or_default();
            state.queue.retain(|key| !found.contains(key));
            state.put_first(found);
        }
        let mut state = self.state();
        let count = state.queue.len().min(UPLOADS * 4);
        state.queue.drain(..count).collect()
    }

    async fn upload_batch(
        &self,
        lake: &Lake,
        batch: Vec<Key>,
        metrics: &Metrics,
    ) -> Result<(), LakeError> {
        let one = |key: Key| async move {
            let result = self.upload_one(lake, &key).await;
            (key, result)
        };
        let mut uploads = futures::stream::iter(batch).map(one).buffered(UPLOADS);
        let (mut failed, mut first_error) = (Vec::new(), None);
        while let Some((key, result)) = uploads.next().await {
            metrics.upload(result.is_ok());
            if let Err(error) = result {
                failed.push(key);
                first_error.get_or_insert(error);
            }
        }
        self.state().put_first(failed);
        first_error.map_or(Ok(()), Err)
    }

    async fn upload_one(&self, lake: &Lake, key: &Key) -> Result<(), LakeError> {
        let bytes = match self.disk.get(key).await {
            Ok(fetched) => fetched.bytes,
            // Dropped to make room, or uploaded by another process meanwhile.
            Err(LakeError::Missing { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let size = bytes.len() as u64;
        lake.put_new(key, bytes).await?;
        self.forget(key, size);
        Ok(())
    }

    fn forget(&self, key: &Key, size: u64) {
        // Folders of days are not left to gather for years: the day before has had its uploads.
        if let Key::Recorded { table, system, date, .. } = key
            && let Some(before) = date.pred_opt()
        {
            let day = table.day_folder(system, before);
            let _ = std::fs::remove_dir(self.folder.join(day.as_ref()));
        }
        if std::fs::remove_file(self.folder.join(key.to_string())).is_ok() {
            let mut state = self.state();
            state.count_out(size);
            let eighth = state.bytes * 8 / self.limit_bytes.max(1);
            state.warned_eighth = state.warned_eighth.min(eighth);
        }
    }

    /// Counts an object in, with room made for it: before it is on disk, where the uploader may find
    /// it and count it out at once.
    async fn make_room(&self, key: &Key, size: u64) -> Result<(), SpoolError> {
        let is_ledger = matches!(key, Key::Recorded { table: Recorded::Polls, .. });
        let share = if is_ledger { LEDGER_SHARE } else { 1.0 };
        let limit = (self.limit_bytes as f64 * share) as u64;
        let held = {
            let mut state = self.state();
            if state.bytes + size <= limit {
                state.count_in(size);
                return Ok(());
            }
            state.bytes
        };
        if self.when_full == WhenFull::RefuseNew {
            let mib = |bytes: u64| bytes >> 20;
            let (held_mib, limit_mib) = (mib(held), mib(self.limit_bytes));
            return Err(SpoolError::Full { held_mib, limit_mib });
        }
        // A twentieth at a time, so that the folder is not searched for every poll.
        let target = self.limit_bytes - self.limit_bytes / 20;
        let mut dropped = 0;
        for key in self.oldest_on_disk(QUEUE).await.unwrap_or_default() {
            if self.state().bytes + size <= target {
                break;
            }
            let path = self.folder.join(key.to_string());
            let size = std::fs::metadata(&path).map_or(0, |meta| meta.len());
            self.forget(&key, size);
            dropped += 1;
        }
        error!(
            dropped,
            "the spool was full: its {dropped} oldest objects are dropped, as configured"
        );
        self.state().count_in(size);
        Ok(())
    }

    /// The oldest objects on disk, oldest first; `None`, and an error logged, where it cannot be read.
    async fn oldest_on_disk(&self, most: usize) -> Option<Vec<Key>> {
        let folder = self.folder.clone();
        let search = tokio::task::spawn_blocking(move || oldest_in(&folder, most));
        search
            .await
            .map_err(std::io::Error::other)
            .flatten()
            .inspect_err(|error| {
                error!("the spool `{}` cannot be read: {error}", self.folder.display());
            })
            .ok()
    }

    /// Says so when another eighth of the limit is reached, from the second on.
    fn warn_of_depth(&self, state: &mut State) {
        let eighth = state.bytes * 8 / self.limit_bytes.max(1);
        if eighth > state.warned_eighth {
            state.warned_eighth = eighth;
            let (files, bytes, limit) = (state.files, state.bytes, self.limit_bytes);
            let text = format!(
                "the spool is {eighth}/8 full: {files} objects, {bytes} of {limit} bytes wait for the lake"
            );
            if eighth >= 6 {
                error!(files, bytes, limit, "{text}");
            } else if eighth >= 2 {
                warn!(files, bytes, limit, "{text}");
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count_in(&mut self, size: u64) {
        self.files += 1;
        self.bytes += size;
    }

    fn count_out(&mut self, size: u64) {
        self.files = self.files.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(size);
    }

    fn put_first(&mut self, keys: Vec<Key>) {
        for key in keys.into_iter().rev() {
            self.queue.push_front(key);
        }
    }
}

/// Finds out how the lake creates objects, and says so where that is not as it should be.
async fn probe(lake: &mut Lake) -> Result<(), LakeError> {
    if lake.probe().await? == Creates::ByLookingFirst {
        warn!(
            lake = lake.location(),
            "the lake has no conditional put: objects are looked up before they are written"
        );
    }
    Ok(())
}

const UPLOAD_PAUSES: crate::schedule::Pauses = crate::schedule::Pauses {
    first: std::time::Duration::from_secs(1),
    longest: std::time::Duration::from_mins(1),
};

fn stamp(key: &Key) -> DateTime<Utc> {
    match key {
        Key::Recorded { stamp, .. } => *stamp,
        Key::Derived { .. } => DateTime::UNIX_EPOCH,
    }
}

fn key_of(folder: &Path, path: &Path) -> Option<Key> {
    path.strip_prefix(folder).ok()?.to_str()?.parse().ok()
}

/// The oldest objects in a folder, oldest first; at most `most`, and no more than that in memory.
fn oldest_in(folder: &Path, most: usize) -> std::io::Result<Vec<Key>> {
    let mut oldest = BinaryHeap::new();
    walk(folder, &mut |path, _| {
        if let Some(key) = key_of(folder, path) {
            oldest.push((stamp(&key), key));
            if oldest.len() > most {
                oldest.pop();
            }
        }
    })?;
    Ok(oldest.into_sorted_vec().into_iter().map(|(_, key)| key).collect())
}

/// Removes a folder where nothing is left in it.
fn remove_empty(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_empty(&entry.path());
        }
    }
    let _ = std::fs::remove_dir(folder);
}

/// Visits every file below `folder` with its size.
fn walk(folder: &Path, visit: &mut dyn FnMut(&Path, u64)) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // What goes while one looks has been uploaded.
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() {
            match walk(&entry.path(), visit) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                walked => walked?,
            }
        } else {
            visit(&entry.path(), meta.len());
        }
    }
    Ok(())
}
