//! Faults of real feeds, switched on by name.

use std::str::FromStr;

/// Something that is wrong with one of the twin's feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Status: the body ends in the middle.
    CutShort,
    /// Status: a ZIP archive.
    Zip,
    /// Status: an HTML page, with status 200.
    Html,
    /// Status: the body of `station_information`.
    OtherFeed,
    /// Status: no station in the list.
    NoStations,
    /// Status: the first station has no counts, the second has null, the third a text.
    OddCounts,
    /// Status: HTTP status 500.
    ServerError,
    /// Status: no feed timestamp.
    NoTimestamp,
    /// Status: a feed timestamp a day ahead.
    Future,
    /// Status: a feed timestamp in milliseconds.
    Milliseconds,
    /// Status: the feed timestamp stands still while the counts change.
    Frozen,
    /// System information: a time zone that does not exist.
    UnknownTimeZone,
    /// Station information: the first station's latitude is impossible.
    FarAway,
}

/// No fault has this name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a fault of the twin")]
pub struct UnknownFault(String);

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 13] = [
        Self::CutShort,
        Self::Zip,
        Self::Html,
        Self::OtherFeed,
        Self::NoStations,
        Self::OddCounts,
        Self::ServerError,
        Self::NoTimestamp,
        Self::Future,
        Self::Milliseconds,
        Self::Frozen,
        Self::UnknownTimeZone,
        Self::FarAway,
    ];

    /// The fault's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CutShort => "cut_short",
            Self::Zip => "zip",
            Self::Html => "html",
            Self::OtherFeed => "other_feed",
            Self::NoStations => "no_stations",
            Self::OddCounts => "odd_counts",
            Self::ServerError => "server_error",
            Self::NoTimestamp => "no_timestamp",
            Self::Future => "future",
            Self::Milliseconds => "milliseconds",
            Self::Frozen => "frozen",
            Self::UnknownTimeZone => "unknown_time_zone",
            Self::FarAway => "far_away",
        }
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let known = Self::ALL.into_iter().find(|fault| fault.name() == text);
        known.ok_or_else(|| UnknownFault(text.to_owned()))
    }
}
