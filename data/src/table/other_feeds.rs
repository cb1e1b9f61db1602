use chrono::{DateTime, Utc};

use super::definition::table;

table! {
    /// One version of a feed that has no table of its own (regions, alerts, pricing, …), as it came.
    OtherFeed = "other_feeds" version 1 Small {
        observed_at: DateTime<Utc> ["ms since 1970, UTC"] "When this version was seen; it holds until the next one.",
        fetched_at: DateTime<Utc> ["ms since 1970, UTC"] "When the answer arrived here.",
        last_updated: Option<DateTime<Utc>> ["ms since 1970, UTC"] "The feed's own clock, as it said.",
        feed: String ["name"] "The feed's GBFS name.",
        version: Option<String> ["GBFS version"] "The version the feed says it has; absent is 1.0.",
        data: String ["JSON"] "The feed's `data`, to the letter.",
    }
}
