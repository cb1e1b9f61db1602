//! The lake's computed tables in memory: bounded, fresh, and with the answers made of them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use hotspots_data::Version;
use hotspots_data::codec::{self, Metadata};
use hotspots_data::table::{
    Hotspot, HotspotHour, QualityCheck, Row, StationDay, StationStatus, TableName,
};
use hotspots_data::{DaySummary, Derived, Key, Lake, LakeError, SystemId};
use tokio::sync::Semaphore;

use crate::answer::Answer;
use crate::answers::Answers;
use crate::attribution::Attribution;
use crate::fresh::{Failure, Fresh, TRUSTED_FOR};

/// How long a closed day's figures are trusted in the list of days.
const CLOSED_TRUSTED_FOR: Duration = Duration::from_mins(1);
/// How long a system's name and licence are trusted.
const ATTRIBUTION_TRUSTED_FOR: Duration = Duration::from_mins(1);
/// Tables read from the lake at once.
const LOADS: usize = 8;

/// Values by what they are of.
type Shelf<K, V> = RwLock<HashMap<K, Arc<Fresh<V>>>>;

/// Every table that was asked for and still fits.
#[derive(Debug)]
pub(crate) struct Tables {
    lake: Lake,
    limit_bytes: usize,
    slots: RwLock<HashMap<Key, Arc<Slot>>>,
    systems: Fresh<Vec<SystemId>>,
    dates: Shelf<(Derived, SystemId), Vec<NaiveDate>>,
    attributions: Shelf<SystemId, Attribution>,
    loads: Semaphore,
    serial: AtomicU64,
    turn: AtomicU64,
    evictions: AtomicU64,
}

#[derive(Debug, Default)]
struct Slot {
    table: Fresh<Table>,
    /// The turn of the last request; the lowest is the first to go.
    used: AtomicU64,
    figures: Fresh<Figures>,
}

/// A table of one system and day.
#[derive(Debug)]
pub(crate) struct Table {
    /// The rows.
    pub(crate) batch: RecordBatch,
    /// What the file says of itself.
    pub(crate) metadata: Metadata,
    /// The system whose it is, and whom to thank for it.
    pub(crate) attribution: Arc<Attribution>,
    /// When the lake's object was written.
    pub(crate) modified: DateTime<Utc>,
    /// Another one for each table loaded.
    pub(crate) serial: u64,
    /// Where it lies.
    pub(crate) key: Key,
    version: Version,
    answers: Answers,
}

/// A day in the list of days.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    /// What the day's table says of the day.
    pub(crate) summary: DaySummary,
    /// Its cells.
    pub(crate) cells: usize,
    version: Version,
}

impl Tables {
    pub(crate) fn new(lake: Lake, limit_bytes: usize) -> Self {
        Self {
            lake,
            limit_bytes,
            slots: RwLock::default(),
            systems: Fresh::default(),
            dates: RwLock::default(),
            attributions: RwLock::default(),
            loads: Semaphore::new(LOADS),
            serial: AtomicU64::new(1),
            turn: AtomicU64::new(1),
            evictions: AtomicU64::new(0),
        }
    }

    /// The systems that have hotspots, by name.
    pub(crate) async fn systems(&self) -> Result<Arc<Vec<SystemId>>, Failure> {
        let look = async |kept: Option<Arc<Vec<SystemId>>>| {
            let found = self.lake.derived_systems(Derived::DAYS).await?;
            if found.is_empty() && kept.is_some_and(|kept| !kept.is_empty()) {
                return Err(Failure::Empty(self.lake.location().to_owned()));
            }
            Ok(Some(Arc::new(found)))
        };
        Ok(self.systems.get(TRUSTED_FOR, look).await?.unwrap_or_default())
    }

    /// Why the lake's folders could not be listed when last looked at, if they could not.
    pub(crate) fn trouble(&self) -> Option<Failure> {
        self.systems.failure()
    }

    /// The local dates that a table has of a system, earliest first.
    pub(crate) async fn dates(
        &self,
        table: Derived,
        system: &SystemId,
    ) -> Result<Arc<Vec<NaiveDate>>, Failure> {
        if !self.systems().await?.contains(system) {
            return Ok(Arc::default());
        }
        let fresh = entry(&self.dates, &(table, system.clone()));
        let look = async |kept: Option<Arc<Vec<NaiveDate>>>| {
            let found = self.lake.derived_dates(table, system).await?;
            if found.is_empty() && kept.is_some_and(|kept| !kept.is_empty()) {
                self.check_that_it_is_there().await?;
            }
            Ok(Some(Arc::new(found)))
        };
        Ok(fresh.get(TRUSTED_FOR, look).await?.unwrap_or_default())
    }

    /// A table of a day; `None` where the lake has none.
    pub(crate) async fn table(
        &self,
        table: Derived,
        system: &SystemId,
        date: NaiveDate,
    ) -> Result<Option<Arc<Table>>, Failure> {
        let key = table.key(system, date);
        let Some(slot) = self.slot(&key, table, system, date).await? else { return Ok(None) };
        let before = slot.table.peek().map_or(0, |table| table.serial);
        let found = slot
            .table
            .get(TRUSTED_FOR, |kept| Box::pin(self.look(table, system, &key, kept)))
            .await?;
        if found.as_ref().is_some_and(|found| found.serial != before) {
            self.make_room();
        }
        Ok(found)
    }

    /// What the list of days says of a day; `None` where the lake has none.
    pub(crate) async fn figures(
        &self,
        table: Derived,
        system: &SystemId,
        date: NaiveDate,
    ) -> Result<Option<Arc<Figures>>, Failure> {
        let key = table.key(system, date);
        let Some(slot) = self.slot(&key, table, system, date).await? else { return Ok(None) };
        let is_closed = slot.figures.peek().is_some_and(|figures| !figures.summary.provisional);
        let trusted_for = if is_closed { CLOSED_TRUSTED_FOR } else { TRUSTED_FOR };
        slot.figures.get(trusted_for, |kept| self.look_at_figures(&key, kept)).await
    }

    /// A table's own object.
    pub(crate) async fn object(&self, key: &Key) -> Result<Bytes, Failure> {
        Ok(self.lake.get(key).await?.bytes)
    }

    /// Who runs a system, as far as it says so.
    pub(crate) async fn attribution(&self, system: &SystemId) -> Arc<Attribution> {
        let fresh = entry(&self.attributions, system);
        let look = |_| async { Ok(Some(Arc::new(Attribution::read(&self.lake, system).await?))) };
        fresh.get(ATTRIBUTION_TRUSTED_FOR, look).await.ok().flatten().unwrap_or_default()
    }

    /// The answer called `name` of a table, made at most once.
    pub(crate) async fn answer<E>(
        &self,
        table: &Table,
        name: &str,
        make: impl AsyncFnOnce() -> Result<Answer, E>,
    ) -> Result<Arc<Answer>, E> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if let Some(answer) = table.answers.ready(name, turn) {
            return Ok(answer);
        }
        // In a box: what is done once must not make the way of every request wider.
        let answer = Box::pin(table.answers.make(name, turn, make)).await?;
        self.make_room();
        Ok(answer)
    }

    /// Lets go of the tables that were not asked for longest, until the rest fits.
    pub(crate) fn make_room(&self) {
        let mut kept: Vec<(u64, usize, Arc<Slot>)> = read(&self.slots)
            .values()
            .filter_map(|slot| {
                let table = slot.table.peek()?;
                let used = slot.used.load(Ordering::Relaxed);
                Some((used, table.size_bytes(), Arc::clone(slot)))
            })
            .collect();
        let mut total: usize = kept.iter().map(|(_, size, _)| size).sum();
        if total <= self.limit_bytes {
            return;
        }
        kept.sort_by_key(|(used, _, _)| *used);
        let newest = kept.len().saturating_sub(1);
        for (index, (_, size, slot)) in kept.into_iter().enumerate() {
            if total <= self.limit_bytes {
                break;
            }
            // The newest may be in use by the very request that needs the room: it only forgets.
            match slot.table.peek() {
                Some(table) if index == newest => table.answers.forget_half(),
                _ => slot.table.forget(),
            }
            self.evictions.fetch_add(1, Ordering::Relaxed);
            total = total.saturating_sub(size);
        }
    }

    /// Tables in memory, their bytes with all answers, and tables let go since the start.
    pub(crate) fn usage(&self) -> (usize, usize, u64) {
        let slots = read(&self.slots);
        let sizes = slots.values().filter_map(|slot| Some(slot.table.peek()?.size_bytes()));
        let (count, bytes) = sizes.fold((0, 0), |(count, bytes), size| (count + 1, bytes + size));
        (count, bytes, self.evictions.load(Ordering::Relaxed))
    }

    /// The slot of a table that the lake has.
    async fn slot(
        &self,
        key: &Key,
        table: Derived,
        system: &SystemId,
        date: NaiveDate,
    ) -> Result<Option<Arc<Slot>>, Failure> {
        let known = read(&self.slots).get(key).cloned();
        let slot = match known {
            Some(slot) => slot,
            // Only what the lake has gets a slot: names made up by clients take no memory. A day that is
            // known has its tables, whatever the list says that was last looked at before.
            None if !self.dates(Derived::DAYS, system).await?.contains(&date)
                && !self.dates(table, system).await?.contains(&date) =>
            {
                return Ok(None);
            }
            None => Arc::clone(write(&self.slots).entry(key.clone()).or_default()),
        };
        slot.used.store(self.turn.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Ok(Some(slot))
    }

    async fn look(
        &self,
        table: Derived,
        system: &SystemId,
        key: &Key,
        kept: Option<Arc<Table>>,
    ) -> Result<Option<Arc<Table>>, Failure> {
        if let Some(kept) = kept {
            match self.lake.version(key).await? {
                None => {
                    self.check_that_it_is_there().await?;
                    return Ok(None);
                }
                Some(version) if version == kept.version => return Ok(Some(kept)),
                Some(_) => {}
            }
        }
        let _permit = self.loads.acquire().await;
        let object = match self.lake.get(key).await {
            Err(LakeError::Missing { .. }) => return Ok(None),
            other => other?,
        };
        let attribution = self.attribution(system).await;
        let (schema, bytes) = (schema_of(table), object.bytes);
        let decoded = tokio::task::spawn_blocking(move || codec::decode(&schema, bytes)).await;
        let damaged = |reason: String| Failure::Damaged { key: key.to_string(), reason };
        let (batch, metadata) = decoded
            .map_err(|error| damaged(error.to_string()))?
            .map_err(|error| damaged(error.to_string()))?;
        if matches!(table, Derived::Hotspots(_)) {
            DaySummary::from_metadata(&metadata).map_err(|error| damaged(error.to_string()))?;
        }
        Ok(Some(Arc::new(Table {
            batch,
            metadata,
            attribution,
            modified: object.modified,
            serial: self.serial.fetch_add(1, Ordering::Relaxed),
            key: key.clone(),
            version: object.version,
            answers: Answers::default(),
        })))
    }

    /// Tells a day that was removed from a lake that is not there.
    async fn check_that_it_is_there(&self) -> Result<(), Failure> {
        if self.lake.derived_systems(Derived::DAYS).await?.is_empty() {
            return Err(Failure::Empty(self.lake.location().to_owned()));
        }
        Ok(())
    }

    async fn look_at_figures(
        &self,
        key: &Key,
        kept: Option<Arc<Figures>>,
    ) -> Result<Option<Arc<Figures>>, Failure> {
        if let Some(kept) = kept
            && self.lake.version(key).await?.as_ref() == Some(&kept.version)
        {
            return Ok(Some(kept));
        }
        let _permit = self.loads.acquire().await;
        let object = match self.lake.get(key).await {
            Err(LakeError::Missing { .. }) => return Ok(None),
            other => other?,
        };
        let damaged = |reason: String| Failure::Damaged { key: key.to_string(), reason };
        let read = codec::read_metadata(object.bytes.clone())
            .and_then(|metadata| DaySummary::from_metadata(&metadata))
            .and_then(|summary| Ok((summary, codec::row_count(object.bytes)?)));
        let (summary, cells) = read.map_err(|error| damaged(error.to_string()))?;
        Ok(Some(Arc::new(Figures { summary, cells, version: object.version })))
    }
}

impl Table {
    /// What a table of hotspots says of its day.
    pub(crate) fn summary(&self) -> Option<DaySummary> {
        DaySummary::from_metadata(&self.metadata).ok()
    }

    fn size_bytes(&self) -> usize {
        self.batch.get_array_memory_size() + self.answers.size_bytes()
    }
}

/// A computed table's columns.
pub(crate) fn schema_of(table: Derived) -> SchemaRef {
    match table {
        Derived::Hotspots(_) => Hotspot::schema(),
        Derived::HotspotsHourly(_) => HotspotHour::schema(),
        Derived::StationDays => StationDay::schema(),
        Derived::Quality => QualityCheck::schema(),
        Derived::StationStatusDaily => StationStatus::schema(),
    }
}

/// A computed table's name and version.
pub(crate) fn name_of(table: Derived) -> TableName {
    match table {
        Derived::Hotspots(_) => Hotspot::TABLE,
        Derived::HotspotsHourly(_) => HotspotHour::TABLE,
        Derived::StationDays => StationDay::TABLE,
        Derived::Quality => QualityCheck::TABLE,
        Derived::StationStatusDaily => StationStatus::TABLE,
    }
}

fn entry<K: Clone + Eq + Hash, V>(map: &Shelf<K, V>, key: &K) -> Arc<Fresh<V>> {
    let known = read(map).get(key).cloned();
    known.unwrap_or_else(|| Arc::clone(write(map).entry(key.clone()).or_default()))
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
