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
use hotspots_data::codec::{self, CodecError, Layout, Metadata};
use hotspots_data::table::{
    Hotspot, HotspotHour, QualityCheck, Row, StationDay, StationStatus, TableName,
};
use hotspots_data::{DaySummary, Derived, Key, Lake, Resolution, SystemId};
use tokio::sync::Semaphore;

use crate::answer::Answer;
use crate::answers::Answers;
use crate::attribution::{Attribution, Credit};
use crate::fresh::{Failure, Fresh, TRUSTED_FOR};
use crate::store::Store;

/// How long a system's name and licence are trusted.
const CREDIT_TRUSTED_FOR: Duration = Duration::from_secs(5);
/// Tables read from the lake at once.
const LOADS: usize = 8;

/// Values by what they are of.
type Shelf<K, V> = RwLock<HashMap<K, Arc<Fresh<V>>>>;

/// Every table that was asked for and still fits.
#[derive(Debug)]
pub(crate) struct Tables {
    store: Store,
    limit_bytes: usize,
    slots: RwLock<HashMap<Key, Arc<Slot>>>,
    systems: Fresh<Vec<SystemId>>,
    days: Shelf<(Derived, SystemId), Days>,
    credits: Shelf<SystemId, Credit>,
    /// Of systems that do not say it themselves.
    known: HashMap<SystemId, Attribution>,
    loads: Arc<Semaphore>,
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

/// The days of one table and system, as the lake last had them.
#[derive(Debug, Default)]
pub(crate) struct Days {
    /// Earliest first.
    days: Vec<(NaiveDate, Version)>,
    /// What was answered about many of them.
    answers: Answers,
}

/// A table of one system and day.
#[derive(Debug)]
pub(crate) struct Table {
    /// The rows.
    pub(crate) batch: RecordBatch,
    /// What the file says of itself.
    pub(crate) metadata: Metadata,
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
    pub(crate) fn new(
        lake: Lake,
        limit_bytes: usize,
        known: HashMap<SystemId, Attribution>,
    ) -> Self {
        Self {
            store: Store::new(lake),
            limit_bytes,
            slots: RwLock::default(),
            systems: Fresh::default(),
            days: RwLock::default(),
            credits: RwLock::default(),
            known,
            loads: Arc::new(Semaphore::new(LOADS)),
            serial: AtomicU64::new(1),
            turn: AtomicU64::new(1),
            evictions: AtomicU64::new(0),
        }
    }

    /// The systems that have hotspots, by name.
    pub(crate) async fn systems(&self) -> Result<Arc<Vec<SystemId>>, Failure> {
        let look = async |kept: Option<Arc<Vec<SystemId>>>| {
            let found = self.store.systems().await?;
            if found.is_empty() && kept.is_some_and(|kept| !kept.is_empty()) {
                return Err(Failure::Empty(self.store.location().to_owned()));
            }
            Ok(Some(Arc::new(found)))
        };
        Ok(self.systems.get(TRUSTED_FOR, look).await?.unwrap_or_default())
    }

    /// Why the lake's folders could not be listed when last looked at, if they could not.
    pub(crate) fn trouble(&self) -> Option<Failure> {
        self.systems.failure()
    }

    /// The resolutions of which a system has hotspots, coarsest first; not kept in memory.
    pub(crate) async fn resolutions(&self, system: &SystemId) -> Result<Vec<Resolution>, Failure> {
        self.store.resolutions(system).await
    }

    /// How many tables were not read when last looked at, as they are damaged or out of reach.
    pub(crate) fn failing(&self) -> usize {
        read(&self.slots).values().filter(|slot| slot.table.failure().is_some()).count()
    }

    /// The local days that a table has of a system.
    pub(crate) async fn days(
        &self,
        table: Derived,
        system: &SystemId,
    ) -> Result<Arc<Days>, Failure> {
        if !self.systems().await?.contains(system) {
            return Ok(Arc::default());
        }
        let fresh = entry(&self.days, &(table, system.clone()));
        let look = async |kept: Option<Arc<Days>>| {
            let days = self.store.days(table, system).await?;
            match kept {
                Some(kept) if kept.days == days => return Ok(Some(kept)),
                Some(kept) if days.is_empty() && !kept.days.is_empty() => {
                    self.check_that_it_is_there().await?;
                }
                _ => {}
            }
            Ok(Some(Arc::new(Days { days, answers: Answers::default() })))
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
        let found =
            slot.table.get(TRUSTED_FOR, |kept| Box::pin(self.look(table, &key, kept))).await?;
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
        let days = self.days(table, system).await?;
        let kept = slot.figures.peek();
        let is_same = kept.is_some_and(|kept| days.version(date) == Some(&kept.version));
        let trusted_for = if is_same { Duration::MAX } else { Duration::ZERO };
        slot.figures.get(trusted_for, |_| self.read_figures(&key)).await
    }

    /// A table's rows, from memory if they are there; else they are read and not kept.
    pub(crate) async fn rows(
        &self,
        table: Derived,
        system: &SystemId,
        date: NaiveDate,
    ) -> Result<Option<RecordBatch>, Failure> {
        let key = table.key(system, date);
        let kept = read(&self.slots).get(&key).and_then(|slot| slot.table.peek());
        let days = self.days(table, system).await?;
        match kept.filter(|kept| days.version(date) == Some(&kept.version)) {
            Some(kept) => Ok(Some(kept.batch.clone())),
            None => Ok(self.read(table, &key).await?.map(|read| read.batch)),
        }
    }

    /// A table as Parquet: the lake's own object while it is the one that was read, else its rows
    /// written again.
    pub(crate) async fn parquet(
        &self,
        table: &Table,
        name: TableName,
    ) -> Result<Bytes, CodecError> {
        match self.store.get(&table.key).await {
            Ok(Some(object)) if object.version == table.version => Ok(object.bytes),
            _ => codec::encode(name, Layout::Described, &table.batch, &table.metadata),
        }
    }

    /// Who runs a system and must be credited, as far as anybody says so.
    pub(crate) async fn credit(&self, system: &SystemId) -> Arc<Credit> {
        let fresh = entry(&self.credits, system);
        let nothing = Attribution::default();
        let known = self.known.get(system).unwrap_or(&nothing);
        let look = |kept: Option<Arc<Credit>>| async move {
            let found = self.store.credit(system, known).await?;
            Ok(Some(kept.filter(|kept| **kept == found).unwrap_or_else(|| Arc::new(found))))
        };
        let found = fresh.get(CREDIT_TRUSTED_FOR, look).await.ok().flatten();
        found
            .unwrap_or_else(|| Arc::new(Credit { attribution: known.clone(), ..Credit::default() }))
    }

    /// The answer called `name` of a table or of many days, made at most once.
    pub(crate) async fn answer<E>(
        &self,
        of: &impl Answered,
        name: &str,
        make: impl AsyncFnOnce() -> Result<Answer, E>,
    ) -> Result<Arc<Answer>, E> {
        let (turn, answers) = (self.turn.fetch_add(1, Ordering::Relaxed), of.answers());
        if let Some(answer) = answers.ready(name, turn) {
            return Ok(answer);
        }
        // In a box: what is done once must not make the way of every request wider.
        let answer = Box::pin(answers.make(name, turn, make)).await?;
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
        let of_days = self.all_days();
        let bytes_of_days = || of_days.iter().map(|days| days.answers.size_bytes()).sum::<usize>();
        let of_tables: usize = kept.iter().map(|(_, size, _)| size).sum();
        if of_tables + bytes_of_days() <= self.limit_bytes {
            return;
        }
        for days in &of_days {
            days.answers.forget_half();
        }
        let mut total = of_tables + bytes_of_days();
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
        let of_days = self.all_days();
        let bytes_of_days: usize = of_days.iter().map(|days| days.answers.size_bytes()).sum();
        (count, bytes + bytes_of_days, self.evictions.load(Ordering::Relaxed))
    }

    fn all_days(&self) -> Vec<Arc<Days>> {
        read(&self.days).values().filter_map(|days| days.peek()).collect()
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
            None if !self.days(Derived::DAYS, system).await?.contains(date)
                && !self.days(table, system).await?.contains(date) =>
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
        key: &Key,
        kept: Option<Arc<Table>>,
    ) -> Result<Option<Arc<Table>>, Failure> {
        if let Some(kept) = kept {
            match self.store.version(key).await? {
                None => {
                    self.check_that_it_is_there().await?;
                    return Ok(None);
                }
                Some(version) if version == kept.version => return Ok(Some(kept)),
                Some(_) => {}
            }
        }
        Ok(self.read(table, key).await?.map(Arc::new))
    }

    /// Reads a table.
    async fn read(&self, table: Derived, key: &Key) -> Result<Option<Table>, Failure> {
        let permit = Arc::clone(&self.loads).acquire_owned().await;
        let Some(object) = self.store.get(key).await? else {
            self.check_that_it_is_there().await?;
            return Ok(None);
        };
        let (schema, bytes) = (schema_of(table), object.bytes);
        let decode = move || {
            let _permit = permit;
            codec::decode(&schema, bytes)
        };
        let decoded = tokio::task::spawn_blocking(decode).await;
        let damaged = |reason: String| Failure::Damaged { key: key.to_string(), reason };
        let (batch, metadata) = decoded
            .map_err(|error| damaged(error.to_string()))?
            .map_err(|error| damaged(error.to_string()))?;
        if matches!(table, Derived::Hotspots(_)) {
            DaySummary::from_metadata(&metadata).map_err(|error| damaged(error.to_string()))?;
        }
        Ok(Some(Table {
            batch,
            metadata,
            modified: object.modified,
            serial: self.serial.fetch_add(1, Ordering::Relaxed),
            key: key.clone(),
            version: object.version,
            answers: Answers::default(),
        }))
    }

    /// Tells a day that was removed from a lake that is not there.
    async fn check_that_it_is_there(&self) -> Result<(), Failure> {
        if self.store.systems().await?.is_empty() {
            return Err(Failure::Empty(self.store.location().to_owned()));
        }
        Ok(())
    }

    async fn read_figures(&self, key: &Key) -> Result<Option<Arc<Figures>>, Failure> {
        let _permit = self.loads.acquire().await;
        let Some(object) = self.store.get(key).await? else {
            self.check_that_it_is_there().await?;
            return Ok(None);
        };
        let damaged = |reason: String| Failure::Damaged { key: key.to_string(), reason };
        let read = codec::read_metadata(object.bytes.clone())
            .and_then(|metadata| DaySummary::from_metadata(&metadata))
            .and_then(|summary| Ok((summary, codec::row_count(object.bytes)?)));
        let (summary, cells) = read.map_err(|error| damaged(error.to_string()))?;
        Ok(Some(Arc::new(Figures { summary, cells, version: object.version })))
    }
}

impl Days {
    /// The local dates, earliest first.
    pub(crate) fn dates(
        &self,
    ) -> impl DoubleEndedIterator<Item = NaiveDate> + ExactSizeIterator + '_ {
        self.days.iter().map(|(date, _)| *date)
    }

    pub(crate) fn first(&self) -> Option<NaiveDate> {
        self.days.first().map(|(date, _)| *date)
    }

    pub(crate) fn last(&self) -> Option<NaiveDate> {
        self.days.last().map(|(date, _)| *date)
    }

    pub(crate) fn contains(&self, date: NaiveDate) -> bool {
        self.version(date).is_some()
    }

    fn version(&self, date: NaiveDate) -> Option<&Version> {
        let at = self.days.binary_search_by_key(&date, |(date, _)| *date).ok()?;
        Some(&self.days[at].1)
    }
}

/// What answers are made of, and kept with.
pub(crate) trait Answered {
    /// The answers made so far.
    fn answers(&self) -> &Answers;
}

impl Answered for Table {
    fn answers(&self) -> &Answers {
        &self.answers
    }
}

impl Answered for Days {
    fn answers(&self) -> &Answers {
        &self.answers
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
