//! Which objects a day is made of, found by listing that day's folders and no more.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use bytes::Bytes;
use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use futures::future::try_join_all;
use futures::try_join;
use hotspots_data::codec::{self, CodecError, TIME_ZONE};
use hotspots_data::table::{Hotspot, Row as _};
use hotspots_data::{
    Day, DaySummary, Derived, Key, Lake, LakeError, Recorded, Resolution, SystemId, Version,
};
use sha2::{Digest as _, Sha256};

use crate::baseline::{self, Baseline};
use crate::error::{JobError, damaged};
use crate::options::Options;
use crate::resolutions::Resolutions;
use crate::status_day::{StatusDay, metadata};

/// The objects that one local day is computed from.
#[derive(Clone, Debug)]
pub(crate) struct DayInputs {
    pub(crate) day: Day,
    /// The day before, if its last poll carries in.
    pub(crate) before: Option<StatusDay>,
    pub(crate) own: StatusDay,
    /// Information versions in order of time: the last before the day (or, where there is none, the
    /// first after it), then the day's own.
    pub(crate) information: Vec<Recording>,
    /// Polls of free-standing vehicles in order of time: at most one of the day before, then the
    /// day's own.
    pub(crate) vehicles: Vec<Recording>,
    pub(crate) provisional: bool,
}

/// An object and its observation time, in whole seconds as its name has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recording {
    pub(crate) key: Key,
    pub(crate) stamp: DateTime<Utc>,
}

/// Finds inputs of one system's days; listings shared by neighbouring days are made once.
pub(crate) struct Finder<'a> {
    lake: &'a Lake,
    system: &'a SystemId,
    information_dates: Vec<NaiveDate>,
    vehicle_dates: Vec<NaiveDate>,
    /// Resolutions of which there are cells of some day.
    resolutions: BTreeSet<Resolution>,
    /// Of each computed table that was listed: its days, with what they were like unless they were written
    /// since.
    listed: HashMap<Derived, HashMap<NaiveDate, Option<Version>>>,
    last: Option<(NaiveDate, StatusDay)>,
}

impl<'a> Finder<'a> {
    pub(crate) async fn new(lake: &'a Lake, system: &'a SystemId) -> Result<Self, LakeError> {
        let (information_dates, vehicle_dates, of_days, of_hours) = try_join!(
            lake.dates(Recorded::StationInformation, system),
            lake.dates(Recorded::VehicleStatus, system),
            lake.resolutions(Derived::Hotspots, system),
            lake.resolutions(Derived::HotspotsHourly, system),
        )?;
        let resolutions = of_days.into_iter().chain(of_hours).collect();
        let (listed, last) = (HashMap::new(), None);
        Ok(Self { lake, system, information_dates, vehicle_dates, resolutions, listed, last })
    }

    /// The inputs of the day `date`; `None` where no poll was stored under it.
    pub(crate) async fn find(
        &mut self,
        date: NaiveDate,
        options: &Options,
        now: DateTime<Utc>,
    ) -> Result<Option<DayInputs>, JobError> {
        let yesterday = date.checked_sub_days(Days::new(1));
        let last = self.last.take().filter(|(last, _)| Some(*last) == yesterday);
        let of_yesterday = async {
            let Some(yesterday) = yesterday else { return Ok((None, Vec::new())) };
            let status = async {
                match last {
                    Some((_, status)) => Ok(status),
                    None => StatusDay::find(self.lake, self.system, yesterday).await,
                }
            };
            let vehicles = async { Ok(self.vehicles(yesterday).await?) };
            let (status, vehicles) = try_join!(status, vehicles)?;
            Ok((Some(status), vehicles))
        };
        let (own, own_vehicles, (before, vehicles), information) = try_join!(
            StatusDay::find(self.lake, self.system, date),
            async { Ok(self.vehicles(date).await?) },
            of_yesterday,
            async { Ok(self.information(date).await?) },
        )?;
        let Some(time_zone) = self.time_zone(&own, &own_vehicles).await? else { return Ok(None) };
        let day = Day::new(date, time_zone);
        let carries_in = |stamp: DateTime<Utc>| stamp + options.max_gap() > day.start();
        self.last = Some((date, own.clone()));
        let before = before.filter(|before| {
            before.polls.last().is_some_and(|poll| carries_in(poll.recording.stamp))
        });
        let mut vehicles: Vec<Recording> = vehicles.into_iter().next_back().into_iter().collect();
        vehicles.retain(|poll| carries_in(poll.stamp));
        vehicles.extend(own_vehicles);
        let provisional = now < day.end();
        Ok(Some(DayInputs { day, before, own, information, vehicles, provisional }))
    }

    /// The baseline of a day at each resolution, and what it is made from.
    pub(crate) async fn baselines(
        &mut self,
        date: NaiveDate,
        resolutions: &[Resolution],
    ) -> Result<Vec<(Baseline, Vec<String>)>, JobError> {
        self.list(resolutions.iter().copied().map(Derived::Hotspots)).await?;
        try_join_all(resolutions.iter().map(|&resolution| self.baseline(date, resolution))).await
    }

    async fn baseline(
        &self,
        date: NaiveDate,
        resolution: Resolution,
    ) -> Result<(Baseline, Vec<String>), JobError> {
        let mut baseline = Baseline::default();
        let mut inputs = Vec::new();
        for earlier in baseline::dates(date) {
            let Some((rows, summary)) = self.hotspots(earlier, resolution).await? else { continue };
            if !summary.provisional {
                inputs.push(format!("{earlier} {}", summary.observations));
                baseline.add(rows.into_iter().map(|row| (row.hex_id, row.bikes)));
            }
        }
        Ok((baseline, inputs))
    }

    /// The stored table of a day's hotspots, at a resolution of which a baseline was asked for.
    pub(crate) async fn hotspots(
        &self,
        date: NaiveDate,
        resolution: Resolution,
    ) -> Result<Option<(Vec<Hotspot>, DaySummary)>, LakeError> {
        if !self.has(Derived::Hotspots(resolution), date) {
            return Ok(None);
        }
        stored_hotspots(self.lake, &Derived::Hotspots(resolution).key(self.system, date)).await
    }

    /// Takes note that a day's tables were written.
    pub(crate) fn is_written(&mut self, date: NaiveDate) {
        self.listed.values_mut().for_each(|days| {
            days.insert(date, None);
        });
    }

    /// The resolutions asked for and those in which the day has cells already, so that none of its tables
    /// lags behind the others.
    pub(crate) async fn resolutions(
        &mut self,
        date: NaiveDate,
        asked: Resolutions,
    ) -> Result<Resolutions, LakeError> {
        let of_cells =
            |resolution| [Derived::Hotspots, Derived::HotspotsHourly].map(|of| of(resolution));
        let known: Vec<Resolution> = self.resolutions.iter().copied().collect();
        self.list(known.iter().copied().flat_map(of_cells)).await?;
        let is_there = |&resolution: &Resolution| {
            of_cells(resolution).into_iter().any(|table| self.has(table, date))
        };
        Ok(asked.list().into_iter().chain(known.into_iter().filter(is_there)).collect())
    }

    /// Whether the day has all its other tables beside those of hotspots, made from the same observations.
    /// They are written before the hotspots, so only one that was written after these is read.
    pub(crate) async fn has_other_tables(
        &mut self,
        date: NaiveDate,
        resolutions: &[Resolution],
        observations: &str,
    ) -> Result<bool, LakeError> {
        let hourly = resolutions.iter().copied().map(Derived::HotspotsHourly);
        let others: Vec<Derived> =
            [Derived::StationDays, Derived::Quality].into_iter().chain(hourly).collect();
        self.list(others.iter().copied().chain([Derived::DAYS])).await?;
        for table in others {
            if !self.has(table, date) {
                return Ok(false);
            }
            let (Some(this), Some(last)) = (self.seen(table, date), self.seen(Derived::DAYS, date))
            else {
                continue;
            };
            if this.is_after(last) && !self.is_of(table, date, observations).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a table says that it was made from these observations.
    async fn is_of(
        &self,
        table: Derived,
        date: NaiveDate,
        observations: &str,
    ) -> Result<bool, LakeError> {
        let bytes = match self.lake.get(&table.key(self.system, date)).await {
            Ok(object) => object.bytes,
            Err(LakeError::Missing { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        let summary = codec::read_metadata(bytes).and_then(|all| DaySummary::from_metadata(&all));
        Ok(summary.is_ok_and(|day| day.observations == observations))
    }

    /// Lists the days of computed tables, each table once: of most dates there is none, and to ask for
    /// each would take a distant store a while.
    async fn list(&mut self, tables: impl Iterator<Item = Derived>) -> Result<(), LakeError> {
        let unknown = tables.filter(|table| !self.listed.contains_key(table));
        let (lake, system) = (self.lake, self.system);
        let list = async |table: Derived| {
            let days = lake.derived_days(table, system).await?;
            let days = days.into_iter().map(|(date, version)| (date, Some(version))).collect();
            Ok::<_, LakeError>((table, days))
        };
        let listed = try_join_all(unknown.map(list)).await?;
        self.listed.extend(listed);
        Ok(())
    }

    fn has(&self, table: Derived, date: NaiveDate) -> bool {
        self.listed.get(&table).is_some_and(|days| days.contains_key(&date))
    }

    /// What a table was like when it was listed.
    fn seen(&self, table: Derived, date: NaiveDate) -> Option<&Version> {
        self.listed.get(&table)?.get(&date)?.as_ref()
    }

    async fn vehicles(&self, date: NaiveDate) -> Result<Vec<Recording>, LakeError> {
        if self.vehicle_dates.contains(&date) {
            return list(self.lake, Recorded::VehicleStatus, self.system, date).await;
        }
        Ok(Vec::new())
    }

    async fn information(&self, date: NaiveDate) -> Result<Vec<Recording>, LakeError> {
        let dates = &self.information_dates;
        let at = dates.partition_point(|&known| known < date);
        let of = |date| list(self.lake, Recorded::StationInformation, self.system, date);
        let mut versions = Vec::new();
        if let Some(&before) = at.checked_sub(1).and_then(|index| dates.get(index)) {
            versions.extend(of(before).await?.pop());
        }
        match dates.get(at) {
            Some(&same) if same == date => versions.extend(of(same).await?),
            Some(&after) if versions.is_empty() => {
                versions.extend(of(after).await?.into_iter().next());
            }
            _ => {}
        }
        Ok(versions)
    }

    /// The time zone that defines the day, as the file of its first poll says; `None` without polls.
    async fn time_zone(
        &self,
        own: &StatusDay,
        vehicles: &[Recording],
    ) -> Result<Option<Tz>, JobError> {
        let (key, metadata) = match (own.any_metadata(self.lake).await?, vehicles.first()) {
            (Some(object), _) => object,
            (None, Some(poll)) => metadata(self.lake, &poll.key).await?,
            (None, None) => return Ok(None),
        };
        let zone = metadata.get(TIME_ZONE).and_then(|name| name.parse().ok());
        zone.map(Some).ok_or_else(|| damaged(&key)(CodecError::Metadata(TIME_ZONE)))
    }
}

impl DayInputs {
    /// Every status poll that counts, in order of time.
    pub(crate) fn polls(&self) -> Vec<&Recording> {
        let before = self.before.iter().filter_map(|before| before.polls.last());
        before.chain(&self.own.polls).map(|poll| &poll.recording).collect()
    }

    /// SHA-256 over everything that the observations' tables depend on: names of the inputs (each
    /// holds a hash of its content), parameters, and whether the day is over. Whether polls are read
    /// from their own objects or from the compacted day makes no difference.
    pub(crate) fn observations(&self, options: &Options) -> String {
        let mut text = format!(
            "method {METHOD}\n{} {}\nmax_gap {} s\nprovisional {}\n",
            self.day.date(),
            self.day.time_zone(),
            options.max_gap.as_secs_f64(),
            self.provisional,
        );
        for input in self.polls().into_iter().chain(&self.information).chain(&self.vehicles) {
            let _ = writeln!(text, "{}", input.key);
        }
        sha256(&text)
    }
}

/// Raised whenever the same inputs would give other numbers.
pub(crate) const METHOD: u32 = 3;

/// SHA-256 of a hotspot table's inputs: the observations, the resolution and the baseline.
pub(crate) fn fingerprint(
    observations: &str,
    resolution: Resolution,
    baseline: &[String],
) -> String {
    let mut text = format!("{observations}\nresolution {resolution}\n");
    for day in baseline {
        let _ = writeln!(text, "baseline {day}");
    }
    sha256(&text)
}

/// The rows and the summary of a stored table of hotspots; `None` where there is none, or a damaged
/// one, which is as good as none: it will be made anew.
pub(crate) async fn stored_hotspots(
    lake: &Lake,
    key: &Key,
) -> Result<Option<(Vec<Hotspot>, DaySummary)>, LakeError> {
    let bytes: Bytes = match lake.get(key).await {
        Ok(object) => object.bytes,
        Err(LakeError::Missing { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Hotspot::decode(bytes)
        .ok()
        .and_then(|(rows, metadata)| Some((rows, DaySummary::from_metadata(&metadata).ok()?))))
}

/// The objects of a table's day in order of time.
pub(crate) async fn list(
    lake: &Lake,
    table: Recorded,
    system: &SystemId,
    date: NaiveDate,
) -> Result<Vec<Recording>, LakeError> {
    let keys = lake.list_day(table, system, date).await?;
    let recording = |key: Key| match key {
        Key::Recorded { stamp, .. } => Some(Recording { key, stamp }),
        Key::Derived { .. } => None,
    };
    Ok(keys.into_iter().filter_map(recording).collect())
}

fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// Bytes as text, two digits each.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
