use std::fmt;

use chrono::{DateTime, Utc};

use super::definition::table;

table! {
    /// The ledger: one attempt to poll one feed, whatever came of it.
    Poll = "polls" version 1 Small {
        scheduled_at: DateTime<Utc> ["ms since 1970, UTC"] "When the attempt was due.",
        started_at: DateTime<Utc> ["ms since 1970, UTC"] "When it began.",
        duration_ms: i64 ["ms"] "From asking to the stored object, or to the failure.",
        fetch_ms: Option<i64> ["ms"] "Of these, until the whole body was here; null where no body came.",
        feed: String ["name"] "The feed, by its GBFS name; `gbfs` is discovery.",
        url: String ["URL"] "What was asked, without a key or password.",
        outcome: String ["name"] "`stored`, `unchanged`, `not_modified`, `refused`, `timeout`, `http_status`, `too_large`, `invalid`, `spool_full` or `lake`.",
        http_status: Option<i32> ["HTTP status"] "The answer's status, where there was one.",
        bytes: i64 ["bytes"] "Size of the body.",
        rows: i32 ["rows"] "Rows understood.",
        version: Option<String> ["GBFS version"] "The version the feed says it has; absent is 1.0.",
        ttl_s: Option<i64> ["s"] "The feed's `ttl`.",
        last_updated: Option<DateTime<Utc>> ["ms since 1970, UTC"] "The feed's own clock, as it said.",
        observed_at: Option<DateTime<Utc>> ["ms since 1970, UTC"] "The observation time given to the rows.",
        key: Option<String> ["path"] "The object that holds the rows.",
        message: Option<String> ["text"] "What failed, or what was odd in a feed that was stored.",
    }
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The rows are in the lake, in a new object.
    Stored,
    /// The rows were in the lake already.
    Unchanged,
    /// The publisher answered 304: nothing new since the last answer, which is in the lake.
    NotModified,
    /// No connection, or it broke.
    Refused,
    /// A time limit passed.
    Timeout,
    /// An HTTP status other than success.
    HttpStatus,
    /// The body passed the size limit.
    TooLarge,
    /// The body is not the feed it should be.
    Invalid,
    /// The rows were understood, but the spool is full and told to refuse.
    SpoolFull,
    /// The rows were understood, but the lake did not take them.
    Lake,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 10] = [
        Self::Stored,
        Self::Unchanged,
        Self::NotModified,
        Self::Refused,
        Self::Timeout,
        Self::HttpStatus,
        Self::TooLarge,
        Self::Invalid,
        Self::SpoolFull,
        Self::Lake,
    ];

    /// Whether what the feed said is now in the lake.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Stored | Self::Unchanged | Self::NotModified)
    }

    /// The outcome's name in the ledger.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Unchanged => "unchanged",
            Self::NotModified => "not_modified",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::HttpStatus => "http_status",
            Self::TooLarge => "too_large",
            Self::Invalid => "invalid",
            Self::SpoolFull => "spool_full",
            Self::Lake => "lake",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
