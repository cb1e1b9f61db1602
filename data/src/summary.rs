//! A day in figures: what a hotspot table says of the day as a whole.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::codec::{CodecError, DAY, Metadata};
use crate::key::SystemId;

/// How much of a day was seen, and what was left out of its table. Stored with the table itself (the
/// metadata entry `hotspots.day`), so that a reader never sees one without the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DaySummary {
    /// The system.
    pub system: SystemId,
    /// The local date.
    pub date: NaiveDate,
    /// The time zone of the date.
    pub time_zone: Tz,
    /// H3 resolution of the cells; as all that is of a resolution, only where the table has cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<u8>,
    /// Whether the day was not over when it was aggregated.
    pub provisional: bool,
    /// Share of the day during which the state of some poll holds, of stations or of vehicles, 0 to 1.
    pub coverage: f64,
    /// Polls of stations observed within the day.
    pub polls: u32,
    /// Polls of stations that the day would have at the observed cadence, with the last one where the
    /// day is not over; as many as were seen where no cadence was observed.
    pub polls_expected: u32,
    /// The observed cadence: the median time between the day's polls of stations, in seconds; null below
    /// two polls.
    pub cadence_s: Option<f64>,
    /// Polls of free-standing vehicles observed within the day.
    pub vehicle_polls: u32,
    /// Polls of both kinds that lie in the day's folder and are not of the day, because the time zone was
    /// changed in between: they are in no table.
    #[serde(default)]
    pub polls_outside_day: u32,
    /// Time of the first poll of the day, of stations or of vehicles, UTC.
    pub first_poll: Option<Timestamp>,
    /// Time of the last poll of the day, of stations or of vehicles, UTC.
    pub last_poll: Option<Timestamp>,
    /// Longest stretch of the day in which no poll's state holds, of stations or of vehicles, in seconds.
    pub longest_unobserved_s: f64,
    /// Longest time that a poll's state is taken to hold, in seconds.
    pub max_gap_s: f64,
    /// Stations whose bikes are in the table.
    pub stations: u32,
    /// Stations in status without any information: no position, so in no cell.
    pub stations_without_information: u32,
    /// Stations in information that no poll mentions.
    pub stations_without_status: u32,
    /// Stations whose coordinates are missing or impossible: in no cell.
    pub stations_without_position: u32,
    /// Stations never installed during the day.
    pub stations_not_installed: u32,
    /// Stations installed, but never with a number of bikes.
    pub stations_without_counts: u32,
    /// Mean number of bikes in all cells of the table together.
    pub bikes: f64,
    /// Of these, free-standing: at no station.
    pub vehicles: f64,
    /// Rings of cells around a cell that are its neighbourhood for Gi*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gi_rings: Option<u32>,
    /// How far that reaches between centres of cells, in metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gi_radius_m: Option<f64>,
    /// Earlier days of the same weekday that the baseline is taken from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline_days: Option<u32>,
    /// The version of the method: raised whenever the same inputs would give other numbers.
    pub method: u32,
    /// SHA-256 over the names of the observations and the parameters: all tables computed together
    /// from one state of a day have the same.
    pub observations: String,
    /// SHA-256 over `observations`, the resolution and the baseline's own inputs: the table is
    /// computed again only when it changes. Without cells, `observations`.
    pub inputs: String,
}

/// An instant that reads and writes as RFC 3339 with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub DateTime<Utc>);

impl DaySummary {
    /// The summary in a hotspot file's metadata.
    ///
    /// # Errors
    /// [`CodecError::Metadata`] when it is missing or not understood.
    pub fn from_metadata(metadata: &Metadata) -> Result<Self, CodecError> {
        metadata
            .get(DAY)
            .and_then(|json| serde_json::from_str(json).ok())
            .ok_or(CodecError::Metadata(DAY))
    }

    /// The same of a table without cells: it is the same whatever resolutions are computed beside it.
    #[must_use]
    pub fn without_cells(&self) -> Self {
        Self {
            resolution: None,
            gi_rings: None,
            gi_radius_m: None,
            baseline_days: None,
            inputs: self.observations.clone(),
            ..self.clone()
        }
    }

    /// The metadata entries that hold this summary.
    #[must_use]
    pub fn to_metadata(&self) -> Metadata {
        let json = serde_json::to_string(self).unwrap_or_default();
        Metadata::from([
            (DAY.to_owned(), json),
            (crate::codec::TIME_ZONE.to_owned(), self.time_zone.to_string()),
        ])
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}
