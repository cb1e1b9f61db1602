use std::fmt;

use chrono::{DateTime, Utc};

use super::definition::table;

table! {
    /// The ledger: one attempt to poll one feed, whatever came of it.
    Poll = "polls" version 1 Small {
        scheduled_at: DateTime<Utc> ["ms since 1970, UTC"] "When the attempt was due.",
        started_at: DateTime<Utc> ["ms since 1970, UTC"] "When it began.",
        duration_ms: i64 ["ms"] "From asking to the stored object, or to the failure.",
        feed: String ["name"] "The feed, by its GBFS name; `gbfs` is discovery.",
        url: String ["URL"] "What was asked, without a key or password.",
        outcome: String ["name"] "`stored`, `unchanged`, `refused`, `timeout`, `http_status`, `too_large`, `invalid` or `lake`.",
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
    /// The rows were understood, but the lake did not take them.
    Lake,
}

impl Outcome {
    /// Whether what the feed said is now in the lake.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Stored | Self::Unchanged)
    }

    /// The outcome's name in the ledger.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::HttpStatus => "http_status",
            Self::TooLarge => "too_large",
            Self::Invalid => "invalid",
            Self::Lake => "lake",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
