//! The lake's path grammar: the one place that builds or reads an object's path.
//!
//! ```text
//! <table>/system=<system>/date=<local date>/<observation time>-<content hash>.parquet
//! <table of cells>/system=<system>/resolution=<H3 resolution>/date=<local date>/<table>.parquet
//! <table of a day>/system=<system>/date=<local date>/<table>.parquet
//! ```
//! Parsing a path and building it again gives the same text.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SubsecRound as _, Utc};
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::cell::Resolution;
use crate::day::parse_date;

/// A bike-share system's name in the lake: letters, digits, `_`, `-` and inner dots, at most 64.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SystemId(String);

/// The tables that hold what was recorded, one object a poll or version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recorded {
    /// One row per station and poll.
    StationStatus,
    /// One row per station and version.
    StationInformation,
    /// One row per version.
    SystemInformation,
    /// One row per free-standing vehicle and poll.
    VehicleStatus,
    /// Every other feed that discovery lists, as it came, one row per version.
    OtherFeeds,
    /// The ledger: one row per attempt to poll a feed.
    Polls,
}

/// The tables that jobs compute, one object a system and day (and resolution).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Derived {
    /// One row per cell: the hotspots of a day at a resolution.
    Hotspots(Resolution),
    /// One row per cell and local hour, at a resolution.
    HotspotsHourly(Resolution),
    /// One row per station.
    StationDays,
    /// One row per check of the day's data.
    Quality,
    /// All status polls of a closed day in one object.
    StationStatusDaily,
}

/// First 32 bits of the SHA-256 of an object's observations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(u32);

/// The name of one object in the lake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Something recorded, never changed once written.
    Recorded {
        /// The table.
        table: Recorded,
        /// The system.
        system: SystemId,
        /// The local date of `stamp`.
        date: NaiveDate,
        /// When it was observed, in whole seconds.
        stamp: DateTime<Utc>,
        /// What was observed.
        hash: ContentHash,
    },
    /// Something computed, replaced when the day is computed again.
    Derived {
        /// The table.
        table: Derived,
        /// The system.
        system: SystemId,
        /// The local date.
        date: NaiveDate,
    },
}

/// Why a text is not part of the grammar.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// A system's name with other characters, empty or too long.
    #[error(
        "`{0}` cannot name a system: use 1 to 64 letters, digits, `_`, `-` or inner dots, such as velib"
    )]
    NotASystem(String),
    /// A path that this program did not write.
    #[error("`{0}` is not a path of the lake")]
    NotAKey(String),
}

impl Recorded {
    /// Every recorded table.
    pub const ALL: [Self; 6] = [
        Self::StationStatus,
        Self::StationInformation,
        Self::SystemInformation,
        Self::VehicleStatus,
        Self::OtherFeeds,
        Self::Polls,
    ];

    /// The table's name, which is its folder's.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::StationStatus => "station_status",
            Self::StationInformation => "station_information",
            Self::SystemInformation => "system_information",
            Self::VehicleStatus => "vehicle_status",
            Self::OtherFeeds => "other_feeds",
            Self::Polls => "polls",
        }
    }

    /// The folder of all systems.
    #[must_use]
    pub fn folder(self) -> Path {
        Path::from(self.name())
    }

    /// The folder of all dates of one system.
    #[must_use]
    pub fn dates_folder(self, system: &SystemId) -> Path {
        Path::from(format!("{}/system={system}", self.name()))
    }

    /// The folder of one local day.
    #[must_use]
    pub fn day_folder(self, system: &SystemId, date: NaiveDate) -> Path {
        Path::from(format!("{}/system={system}/date={date}", self.name()))
    }

    /// The key of an object by its [`Key::name`], such as `20261122T101500Z-3f9c2a1b`.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] for any other text.
    pub fn named(self, system: &SystemId, date: NaiveDate, name: &str) -> Result<Key, KeyError> {
        let key = parse_name(name).map(|(stamp, hash)| Key::Recorded {
            table: self,
            system: system.clone(),
            date,
            stamp,
            hash,
        });
        // Only the text that this type would write itself is a name.
        key.filter(|key| key.name().as_deref() == Some(name)).ok_or_else(|| {
            KeyError::NotAKey(format!("{}/{name}.parquet", self.day_folder(system, date)))
        })
    }

    /// The key of an object observed at `stamp` (cut to whole seconds), whose local date is `date`.
    #[must_use]
    pub fn key(
        self,
        system: &SystemId,
        date: NaiveDate,
        stamp: DateTime<Utc>,
        hash: ContentHash,
    ) -> Key {
        Key::Recorded {
            table: self,
            system: system.clone(),
            date,
            stamp: stamp.trunc_subsecs(0),
            hash,
        }
    }
}

impl Derived {
    /// The table by which a day is known: of a day's tables it is written last.
    pub const DAYS: Self = Self::Hotspots(Resolution::HOTSPOTS);

    /// The table's name, which is its folder's and its file's.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hotspots(_) => "hotspots",
            Self::HotspotsHourly(_) => "hotspots_hourly",
            Self::StationDays => "station_days",
            Self::Quality => "quality",
            Self::StationStatusDaily => "station_status_daily",
        }
    }

    /// The resolution of a table of cells.
    #[must_use]
    pub fn resolution(self) -> Option<Resolution> {
        match self {
            Self::Hotspots(resolution) | Self::HotspotsHourly(resolution) => Some(resolution),
            Self::StationDays | Self::Quality | Self::StationStatusDaily => None,
        }
    }

    /// The folder of all systems.
    #[must_use]
    pub fn folder(self) -> Path {
        Path::from(self.name())
    }

    /// The folder of one system; of a table of cells, that of all its resolutions.
    #[must_use]
    pub fn system_folder(self, system: &SystemId) -> Path {
        Path::from(format!("{}/system={system}", self.name()))
    }

    /// The folder of all dates of one system.
    #[must_use]
    pub fn dates_folder(self, system: &SystemId) -> Path {
        Path::from(self.dates_folder_text(system))
    }

    /// The key of a system's day.
    #[must_use]
    pub fn key(self, system: &SystemId, date: NaiveDate) -> Key {
        Key::Derived { table: self, system: system.clone(), date }
    }

    fn dates_folder_text(self, system: &SystemId) -> String {
        match self.resolution() {
            Some(resolution) => format!("{}/system={system}/resolution={resolution}", self.name()),
            None => format!("{}/system={system}", self.name()),
        }
    }

    fn parse(name: &str, resolution: Option<&str>) -> Option<Self> {
        let resolution = match resolution {
            Some(text) => Some(text.strip_prefix("resolution=")?.parse().ok()?),
            None => None,
        };
        match (name, resolution) {
            ("hotspots", Some(resolution)) => Some(Self::Hotspots(resolution)),
            ("hotspots_hourly", Some(resolution)) => Some(Self::HotspotsHourly(resolution)),
            ("station_days", None) => Some(Self::StationDays),
            ("quality", None) => Some(Self::Quality),
            ("station_status_daily", None) => Some(Self::StationStatusDaily),
            _ => None,
        }
    }
}

impl Key {
    /// The last part of a recorded object's path without its ending: when and what was observed.
    /// [`Recorded::named`] makes the key from it again.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Recorded { stamp, hash, .. } => Some(format!("{}-{hash}", stamp.format(STAMP))),
            Self::Derived { .. } => None,
        }
    }

    /// The object's path below the lake's root.
    #[must_use]
    pub fn path(&self) -> Path {
        Path::from(self.to_string())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded { table, system, date, stamp, hash } => write!(
                f,
                "{}/system={system}/date={date}/{}-{hash}.parquet",
                table.name(),
                stamp.format(STAMP),
            ),
            Self::Derived { table, system, date } => {
                let folder = table.dates_folder_text(system);
                write!(f, "{folder}/date={date}/{}.parquet", table.name())
            }
        }
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(path: &str) -> Result<Self, KeyError> {
        let parts: Vec<&str> = path.split('/').collect();
        let key = match parts.as_slice() {
            [table, system, date, file] => parse_recorded(table, system, date, file)
                .or_else(|| parse_derived(table, system, None, date)),
            [table, system, resolution, date, _] => {
                parse_derived(table, system, Some(resolution), date)
            }
            _ => None,
        };
        // Only the text that this type would write itself is a key.
        key.filter(|key| key.to_string() == path).ok_or_else(|| KeyError::NotAKey(path.to_owned()))
    }
}

const STAMP: &str = "%Y%m%dT%H%M%SZ";

fn parse_recorded(table: &str, system: &str, date: &str, file: &str) -> Option<Key> {
    let (stamp, hash) = parse_name(file.strip_suffix(".parquet")?)?;
    Some(Key::Recorded {
        table: Recorded::ALL.into_iter().find(|known| known.name() == table)?,
        system: system.strip_prefix("system=")?.parse().ok()?,
        date: parse_date(date.strip_prefix("date=")?).ok()?,
        stamp,
        hash,
    })
}

fn parse_name(name: &str) -> Option<(DateTime<Utc>, ContentHash)> {
    let (stamp, hash) = name.split_once('-')?;
    let stamp = NaiveDateTime::parse_from_str(stamp, STAMP).ok()?.and_utc();
    Some((stamp, ContentHash(u32::from_str_radix(hash, 16).ok()?)))
}

fn parse_derived(table: &str, system: &str, resolution: Option<&str>, date: &str) -> Option<Key> {
    Some(Key::Derived {
        table: Derived::parse(table, resolution)?,
        system: system.strip_prefix("system=")?.parse().ok()?,
        date: parse_date(date.strip_prefix("date=")?).ok()?,
    })
}

impl ContentHash {
    /// The hash of the bytes given, in their order.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        Self(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl SystemId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SystemId {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let ok = (1..=64).contains(&text.len())
            && text.chars().all(allowed)
            && !text.starts_with('.')
            && !text.ends_with('.');
        if ok { Ok(Self(text.to_owned())) } else { Err(KeyError::NotASystem(text.to_owned())) }
    }
}

impl TryFrom<String> for SystemId {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<SystemId> for String {
    fn from(system: SystemId) -> Self {
        system.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_poll_is_named_by_system_local_date_time_and_content() {
        let stamp = "2026-11-22T10:15:00.250Z".parse().unwrap();
        let key = Recorded::StationStatus.key(
            &"velib".parse().unwrap(),
            parse_date("2026-11-22").unwrap(),
            stamp,
            ContentHash::of(b"abc"),
        );
        // SHA-256("abc") begins ba7816bf (FIPS 180-2, example B.1).
        let path = "station_status/system=velib/date=2026-11-22/20261122T101500Z-ba7816bf.parquet";
        assert_eq!(key.to_string(), path);
        assert_eq!(path.parse(), Ok(key));
    }

    proptest! {
        #[test]
        fn every_key_survives_the_round_trip(
            table in 0..Recorded::ALL.len(), seconds in 0_i64..7_000_000_000, days in 0_i32..40_000,
            hash in any::<u32>(), system in "[A-Za-z0-9_-][A-Za-z0-9._-]{0,60}[A-Za-z0-9_-]", resolution in 0_u8..16,
        ) {
            let system: SystemId = system.parse().unwrap();
            let date = NaiveDate::from_epoch_days(days).unwrap();
            let stamp = DateTime::from_timestamp(seconds, 0).unwrap();
            let recorded = Recorded::ALL[table].key(&system, date, stamp, ContentHash(hash));
            let resolution = resolution.to_string().parse().unwrap();
            let derived = [
                Derived::Hotspots(resolution),
                Derived::HotspotsHourly(resolution),
                Derived::StationDays,
                Derived::Quality,
                Derived::StationStatusDaily,
            ];
            let derived = derived.map(|table| table.key(&system, date));
            let named = Recorded::ALL[table].named(&system, date, &recorded.name().unwrap());
            prop_assert_eq!(named, Ok(recorded.clone()));
            for key in derived.into_iter().chain([recorded]) {
                prop_assert_eq!(&key.to_string().parse::<Key>().unwrap(), &key);
                prop_assert_eq!(key.path().to_string(), key.to_string());
            }
        }
    }

    #[test]
    fn what_the_program_does_not_write_is_not_a_key() {
        for wrong in [
            "",
            "station_status",
            "station_status/system=velib/date=2026-11-22/20261122T101500Z-BA7816BF.parquet",
            "station_status/system=velib/date=2026-11-22/20261122T101500Z-ba7816bf.parquet#1",
            "station_status/system=velib/date=2026-1-22/20261122T101500Z-ba7816bf.parquet",
            "station_status/system=../date=2026-11-22/20261122T101500Z-ba7816bf.parquet",
            "other/system=velib/date=2026-11-22/20261122T101500Z-ba7816bf.parquet",
            "hotspots/system=velib/resolution=16/date=2026-11-22/hotspots.parquet",
            "hotspots/system=velib/resolution=10/date=2026-11-22/other.parquet",
            "hotspots/system=velib/date=2026-11-22/hotspots.parquet",
        ] {
            assert_eq!(wrong.parse::<Key>(), Err(KeyError::NotAKey(wrong.to_owned())));
        }
    }

    #[test]
    fn a_system_is_named_without_path_characters() {
        let long = "x".repeat(65);
        for wrong in ["", ".", "..", "a/b", "a b", "Vélib", "a=b", ".a", "a.", &long] {
            assert!(wrong.parse::<SystemId>().is_err(), "{wrong}");
        }
        for right in ["velib", "dott-abu-dhabi", "careem_bike", "v2.systems", "BA"] {
            assert!(right.parse::<SystemId>().is_ok(), "{right}");
        }
    }
}
