//! Which objects a day is made of, found by listing that day's folders and no more.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use hotspots_data::codec::{self, TIME_ZONE};
use hotspots_data::{Day, Key, Lake, LakeError, Recorded, SystemId};
use sha2::{Digest as _, Sha256};

use crate::aggregate::{AggregateError, Options};

/// The objects that one local day is computed from.
#[derive(Clone, Debug)]
pub(crate) struct DayInputs {
    pub(crate) day: Day,
    /// Status polls in order of time: at most one of the day before, then the day's own.
    pub(crate) polls: Vec<Recordings>,
    /// Information versions in order of time: the last before the day (or, where there is none, the
    /// first after it), then the day's own.
    pub(crate) information: Vec<Recordings>,
    pub(crate) provisional: bool,
}

/// An object and its observation time, in whole seconds as its name has it.
#[derive(Clone, Debug)]
pub(crate) struct Recordings {
    pub(crate) key: Key,
    pub(crate) stamp: DateTime<Utc>,
}

/// Finds inputs of one system's days; listings shared by neighbouring days are made once.
pub(crate) struct Finder<'a> {
    lake: &'a Lake,
    system: &'a SystemId,
    information_dates: Vec<NaiveDate>,
    status_days: HashMap<NaiveDate, Vec<Recordings>>,
}

impl<'a> Finder<'a> {
    pub(crate) async fn new(lake: &'a Lake, system: &'a SystemId) -> Result<Self, LakeError> {
        let information_dates = lake.dates(Recorded::StationInformation, system).await?;
        Ok(Self { lake, system, information_dates, status_days: HashMap::new() })
    }

    /// The inputs of the day `date`; `None` where no poll was stored under it.
    pub(crate) async fn find(
        &mut self,
        date: NaiveDate,
        options: &Options,
        now: DateTime<Utc>,
    ) -> Result<Option<DayInputs>, AggregateError> {
        let own = self.status_day(date).await?;
        let Some(first) = own.first() else { return Ok(None) };
        let day = Day::new(date, self.time_zone(&first.key).await?);
        let before = self.status_day(day.previous().date()).await?;
        self.status_days.retain(|&kept, _| kept == date);
        let carries_in = |poll: &&Recordings| poll.stamp + options.max_gap() > day.start();
        let mut polls: Vec<Recordings> =
            before.last().filter(carries_in).cloned().into_iter().collect();
        polls.extend(own);
        let information = self.information(date).await?;
        Ok(Some(DayInputs { day, polls, information, provisional: now < day.end() }))
    }

    async fn status_day(&mut self, date: NaiveDate) -> Result<Vec<Recordings>, LakeError> {
        if let Some(listed) = self.status_days.get(&date) {
            return Ok(listed.clone());
        }
        let listed = list(self.lake, Recorded::StationStatus, self.system, date).await?;
        self.status_days.insert(date, listed.clone());
        Ok(listed)
    }

    async fn information(&self, date: NaiveDate) -> Result<Vec<Recordings>, LakeError> {
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

    /// The time zone that defines the day, as its first poll's file says.
    async fn time_zone(&self, key: &Key) -> Result<Tz, AggregateError> {
        let bytes = self.lake.get(key).await?.bytes;
        let metadata = codec::read_metadata(bytes)
            .map_err(|source| AggregateError::Object { key: key.to_string(), source })?;
        metadata.get(TIME_ZONE).and_then(|name| name.parse().ok()).ok_or_else(|| {
            let source = codec::CodecError::Metadata(TIME_ZONE);
            AggregateError::Object { key: key.to_string(), source }
        })
    }
}

impl DayInputs {
    /// SHA-256 over everything that the result depends on: names of the inputs (each holds a hash of
    /// its content), parameters, and whether the day is over.
    pub(crate) fn fingerprint(&self, options: &Options) -> String {
        let mut text = format!(
            "method {METHOD}\n{} {}\nmax_gap {} s\nresolution {}\nprovisional {}\n",
            self.day.date(),
            self.day.time_zone(),
            options.max_gap.as_secs(),
            options.resolution,
            self.provisional,
        );
        for input in self.polls.iter().chain(&self.information) {
            text.push_str(&input.key.to_string());
            text.push('\n');
        }
        let digest = Sha256::digest(text);
        digest.iter().fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}"))
    }
}

/// Raised whenever the same inputs would give other numbers.
const METHOD: u32 = 1;

async fn list(
    lake: &Lake,
    table: Recorded,
    system: &SystemId,
    date: NaiveDate,
) -> Result<Vec<Recordings>, LakeError> {
    let listed = lake.list_day(table, system, date).await?;
    Ok(listed
        .into_iter()
        .filter_map(|listed| match listed.key {
            Key::Recorded { stamp, .. } => Some(Recordings { key: listed.key, stamp }),
            Key::Derived { .. } => None,
        })
        .collect())
}
