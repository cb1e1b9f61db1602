//! The store behind the tables: a local folder or a bucket, with the four operations the lake needs.

mod error;
mod folder;
mod place;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use futures::TryStreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
    UpdateVersion,
};

pub use self::error::LakeError;
use self::error::{reason, unusable};
use self::folder::{has_objects, local_names, turn};
use self::place::Place;
pub use self::place::use_ring_for_tls;
use crate::cell::Resolution;
use crate::day::parse_date;
use crate::key::{Derived, Key, Recorded, SystemId};

/// The object by which a store is tried; no table's.
const PROBE: &str = "_hotspots/probe";

/// A lake: any `object_store` location, used through [`Key`]s only.
#[derive(Clone, Debug)]
pub struct Lake {
    store: Arc<dyn ObjectStore>,
    location: String,
    folder: Option<PathBuf>,
    creates: Creates,
}

/// How a store keeps one object from replacing another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creates {
    /// It refuses to create what is there: a conditional put.
    Conditionally,
    /// It has no conditional put: the lake looks first, and the content hash in the name makes a
    /// race between two writers harmless, for both write the same observations.
    ByLookingFirst,
}

/// What became of an object put where nothing may be overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The object is new.
    Created,
    /// The very object was there already, from an earlier poll or another scraper.
    AlreadyThere,
}

/// An object's content, with the version it was read at.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The content.
    pub bytes: Bytes,
    /// The version.
    pub version: Version,
    /// When the store last wrote it.
    pub modified: DateTime<Utc>,
}

/// Tells one state of an object from another without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// As the store has it.
    own: UpdateVersion,
    modified: DateTime<Utc>,
    size_bytes: u64,
}

impl Lake {
    /// Opens the lake at a folder (created when missing) or a `file:`, `s3:`, `gs:`, `az:` or
    /// `memory:` URL; a bucket's credentials and endpoint come from its usual environment variables.
    ///
    /// # Errors
    /// [`LakeError::Location`], [`LakeError::File`] or [`LakeError::Folder`] when the place is not
    /// understood or cannot be created.
    pub fn open(location: &str) -> Result<Self, LakeError> {
        match Place::of(location)? {
            Place::Folder(folder) => {
                if folder.is_file() {
                    return Err(LakeError::File { location: location.to_owned() });
                }
                std::fs::create_dir_all(&folder).map_err(|e| unusable(location, "make", &e))?;
                Self::in_folder(folder, location)
            }
            Place::Store(store) => Ok(Self::over(store, location)),
        }
    }

    /// Opens a lake as [`Lake::open`] does, but creates no folder.
    ///
    /// # Errors
    /// [`LakeError::NotThere`] when there is no such folder, else as [`Lake::open`].
    pub fn existing(location: &str) -> Result<Self, LakeError> {
        let folder = match Place::of(location)? {
            Place::Folder(folder) => folder,
            Place::Store(store) => return Ok(Self::over(store, location)),
        };
        let name = || location.to_owned();
        match std::fs::metadata(&folder) {
            Ok(found) if found.is_dir() => Self::in_folder(folder, location),
            Ok(_) => Err(LakeError::File { location: name() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(LakeError::NotThere { location: name() })
            }
            Err(error) => Err(unusable(location, "open", &error)),
        }
    }

    fn in_folder(folder: PathBuf, location: &str) -> Result<Self, LakeError> {
        let store = LocalFileSystem::new_with_prefix(&folder)
            .map_err(|error| unusable(location, "open", &error))?;
        let store = Arc::new(store.with_fsync(true));
        Ok(Self { folder: Some(folder), ..Self::over(store, location) })
    }

    /// A lake over a store made by the caller, as tests with faulty stores do.
    #[must_use]
    pub fn over(store: Arc<dyn ObjectStore>, location: &str) -> Self {
        let location = location.to_owned();
        Self { store, location, folder: None, creates: Creates::Conditionally }
    }

    /// The folder of a local lake. There, an object is written, synced and renamed before its
    /// [`Lake::put_new`] returns: what is stored survives a loss of power.
    #[must_use]
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.folder.as_deref()
    }

    /// Finds out whether the store has conditional puts, and keeps to what it has from now on.
    /// Writes the small object `_hotspots/probe`.
    ///
    /// # Errors
    /// [`LakeError::Store`] when nothing can be written at all.
    pub async fn probe(&mut self) -> Result<Creates, LakeError> {
        let path = Path::from(PROBE);
        let put = |mode| {
            let payload = PutPayload::from_static(PROBE.as_bytes());
            self.store.put_opts(&path, payload, PutOptions::from(mode))
        };
        let mut creates = Creates::ByLookingFirst;
        // The first put may create it; the second must be refused.
        for _ in 0..2 {
            match put(PutMode::Create).await {
                Err(object_store::Error::AlreadyExists { .. }) => creates = Creates::Conditionally,
                Ok(_) => {}
                // What a store says to a header it does not know differs: a plain put decides.
                Err(_) => {
                    put(PutMode::Overwrite)
                        .await
                        .map_err(|error| self.failed("write", &path, &error))?;
                    break;
                }
            }
        }
        self.creates = creates;
        Ok(creates)
    }

    /// Where the lake is, as it was given.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// What the store's clock said when this just wrote the probe's object anew.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn clock(&self) -> Result<DateTime<Utc>, LakeError> {
        let path = Path::from(PROBE);
        let failed = |error| self.failed("write", &path, &error);
        self.store.put(&path, PutPayload::from_static(PROBE.as_bytes())).await.map_err(failed)?;
        let meta = self.store.head(&path).await.map_err(|e| self.failed("look up", &path, &e))?;
        Ok(meta.last_modified)
    }

    /// Stores an object that must not replace another; the same object twice is success.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn put_new(&self, key: &Key, bytes: Bytes) -> Result<Put, LakeError> {
        let mode = match self.creates {
            Creates::Conditionally => PutMode::Create,
            Creates::ByLookingFirst if self.version(key).await?.is_some() => {
                return Ok(Put::AlreadyThere);
            }
            Creates::ByLookingFirst => PutMode::Overwrite,
        };
        match self.store.put_opts(&key.path(), PutPayload::from(bytes), mode.into()).await {
            Ok(_) => Ok(Put::Created),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Put::AlreadyThere),
            Err(source) => Err(self.failed("write", &key.path(), &source)),
        }
    }

    /// Stores an object, replacing the one before it in one step: a reader sees either.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn replace(&self, key: &Key, bytes: Bytes) -> Result<(), LakeError> {
        let path = key.path();
        self.store
            .put(&path, PutPayload::from(bytes))
            .await
            .map_err(|e| self.failed("write", &path, &e))?;
        Ok(())
    }

    /// Stores an object in place of the state of it that was seen, or where none was; `false`, and
    /// nothing is stored, when it is in another state by now or another writer has its turn.
    ///
    /// A bucket is asked to compare when it stores. One that has no such conditions is looked at right
    /// before; so is a folder, where writers on machines that see each other's file locks take turns.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn replace_seen(
        &self,
        key: &Key,
        bytes: Bytes,
        seen: Option<&Version>,
    ) -> Result<bool, LakeError> {
        let path = key.path();
        let turn = self.folder.as_deref().map(turn).transpose();
        let turn = turn.map_err(|error| self.failed("lock", &path, &error))?;
        if turn.as_ref().is_some_and(Option::is_none) || self.version(key).await?.as_ref() != seen {
            return Ok(false);
        }
        if turn.is_none() {
            let mode = seen.map_or(PutMode::Create, |seen| PutMode::Update(seen.own.clone()));
            let put = self.store.put_opts(&path, PutPayload::from(bytes.clone()), mode.into());
            match put.await {
                Ok(_) => return Ok(true),
                Err(
                    object_store::Error::AlreadyExists { .. }
                    | object_store::Error::NotFound { .. }
                    | object_store::Error::Precondition { .. },
                ) => return Ok(false),
                // What a store says to a condition it does not know differs: a plain put decides,
                // unless this one was done and its answer lost.
                Err(_) if self.version(key).await?.as_ref() != seen => return Ok(false),
                Err(_) => {}
            }
        }
        self.replace(key, bytes).await.map(|()| true)
    }

    /// Deletes an object; one that is gone already is success.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn delete(&self, key: &Key) -> Result<(), LakeError> {
        let path = key.path();
        match self.store.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("delete", &path, &error)),
        }
    }

    /// Reads an object.
    ///
    /// # Errors
    /// [`LakeError::Missing`] or [`LakeError::Store`].
    pub async fn get(&self, key: &Key) -> Result<Fetched, LakeError> {
        let path = key.path();
        let result = self
            .store
            .get_opts(&path, GetOptions::default())
            .await
            .map_err(|error| self.failed("read", &path, &error))?;
        let (version, modified) = (Version::of(&result.meta), result.meta.last_modified);
        let bytes = result.bytes().await.map_err(|error| self.failed("read", &path, &error))?;
        Ok(Fetched { bytes, version, modified })
    }

    /// Reads an object of a local lake on this thread: for many small ones, handing each to a task
    /// takes longer than reading it.
    ///
    /// # Errors
    /// [`LakeError::Missing`] or [`LakeError::Store`], the latter also where the lake is no folder.
    pub fn get_local(&self, key: &Key) -> Result<Bytes, LakeError> {
        let path = key.path();
        let read = match &self.folder {
            Some(folder) => std::fs::read(folder.join(path.as_ref())),
            None => Err(std::io::Error::other("the lake is not a folder")),
        };
        let bytes = read.map_err(|error| {
            let is_missing = error.kind() == std::io::ErrorKind::NotFound;
            let (path_text, source) = (path.to_string(), Box::new(error));
            let error = if is_missing {
                object_store::Error::NotFound { path: path_text, source }
            } else {
                object_store::Error::Generic { store: "LocalFileSystem", source }
            };
            self.failed("read", &path, &error)
        })?;
        Ok(bytes.into())
    }

    /// The version of an object, without reading it; `None` where there is none.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn version(&self, key: &Key) -> Result<Option<Version>, LakeError> {
        let path = key.path();
        match self.store.head(&path).await {
            Ok(meta) => Ok(Some(Version::of(&meta))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("look up", &path, &error)),
        }
    }

    /// The objects of one recorded table, system and local day, in order of observation time.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn list_day(
        &self,
        table: Recorded,
        system: &SystemId,
        date: NaiveDate,
    ) -> Result<Vec<Key>, LakeError> {
        let folder = table.day_folder(system, date);
        let names = match &self.folder {
            Some(root) => local_names(&root.join(folder.as_ref())),
            None => {
                self.store.list(Some(&folder)).map_ok(|meta| file_name(&meta)).try_collect().await
            }
        };
        let names: Vec<String> = names.map_err(|error| self.failed("list", &folder, &error))?;
        let key = |name: &String| table.named(system, date, name.strip_suffix(".parquet")?).ok();
        let mut keys: Vec<Key> = names.iter().filter_map(key).collect();
        keys.sort();
        Ok(keys)
    }

    /// The local dates that a recorded table has of a system, earliest first.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn dates(
        &self,
        table: Recorded,
        system: &SystemId,
    ) -> Result<Vec<NaiveDate>, LakeError> {
        self.dates_in(&table.dates_folder(system)).await
    }

    /// The local dates that a computed table has of a system, earliest first.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn derived_dates(
        &self,
        table: Derived,
        system: &SystemId,
    ) -> Result<Vec<NaiveDate>, LakeError> {
        self.dates_in(&table.dates_folder(system)).await
    }

    /// The resolutions that a table of cells has of a system, coarsest first.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn resolutions(
        &self,
        table: fn(Resolution) -> Derived,
        system: &SystemId,
    ) -> Result<Vec<Resolution>, LakeError> {
        let folder = table(Resolution::HOTSPOTS).system_folder(system);
        self.folders(&folder, "resolution=", |text| text.parse().ok()).await
    }

    /// The days of a computed table with the version of each one's object, earliest first.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn derived_days(
        &self,
        table: Derived,
        system: &SystemId,
    ) -> Result<Vec<(NaiveDate, Version)>, LakeError> {
        let folder = table.dates_folder(system);
        let objects: Result<Vec<ObjectMeta>, _> =
            self.store.list(Some(&folder)).try_collect().await;
        let objects = objects.map_err(|error| self.failed("list", &folder, &error))?;
        let day = |meta: &ObjectMeta| match meta.location.as_ref().parse() {
            Ok(Key::Derived { date, .. }) => Some((date, Version::of(meta))),
            _ => None,
        };
        let mut days: Vec<(NaiveDate, Version)> = objects.iter().filter_map(day).collect();
        days.sort_by_key(|(date, _)| *date);
        Ok(days)
    }

    /// The systems that a recorded table knows, by name.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn systems(&self, table: Recorded) -> Result<Vec<SystemId>, LakeError> {
        self.folders(&table.folder(), "system=", |text| text.parse().ok()).await
    }

    /// The systems that a computed table knows, by name.
    ///
    /// # Errors
    /// [`LakeError::Store`].
    pub async fn derived_systems(&self, table: Derived) -> Result<Vec<SystemId>, LakeError> {
        self.folders(&table.folder(), "system=", |text| text.parse().ok()).await
    }

    async fn dates_in(&self, folder: &Path) -> Result<Vec<NaiveDate>, LakeError> {
        let dates = self.folders(folder, "date=", |text| parse_date(text).ok()).await?;
        let Some(root) = &self.folder else { return Ok(dates) };
        // A day's folder is there before its first object is, and after its last.
        let root = root.join(folder.as_ref());
        let kept = tokio::task::spawn_blocking(move || {
            dates
                .into_iter()
                .filter(|date| has_objects(&root.join(format!("date={date}"))))
                .collect()
        });
        kept.await.map_err(|error| {
            let source = object_store::Error::JoinError { source: error };
            self.failed("list", folder, &source)
        })
    }

    async fn folders<T: Ord>(
        &self,
        folder: &Path,
        prefix: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, LakeError> {
        let listing = self
            .store
            .list_with_delimiter(Some(folder))
            .await
            .map_err(|error| self.failed("list", folder, &error))?;
        let mut found: Vec<T> = listing
            .common_prefixes
            .iter()
            .filter_map(|path| parse(path.filename()?.strip_prefix(prefix)?))
            .collect();
        found.sort();
        Ok(found)
    }

    fn failed(&self, action: &'static str, path: &Path, source: &object_store::Error) -> LakeError {
        if matches!(source, object_store::Error::NotFound { .. }) {
            return LakeError::Missing { key: path.to_string() };
        }
        let (location, path) = (self.location.clone(), path.to_string());
        let reason = reason(&location, source);
        LakeError::Store { location, action, path, reason }
    }
}

impl Version {
    /// Whether the object was written after another.
    #[must_use]
    pub fn is_after(&self, other: &Self) -> bool {
        self.modified > other.modified
    }

    fn of(meta: &ObjectMeta) -> Self {
        Self {
            own: UpdateVersion { e_tag: meta.e_tag.clone(), version: meta.version.clone() },
            modified: meta.last_modified,
            size_bytes: meta.size,
        }
    }
}

fn file_name(meta: &ObjectMeta) -> String {
    meta.location.filename().unwrap_or_default().to_owned()
}
