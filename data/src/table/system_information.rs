use chrono::{DateTime, Utc};

use super::definition::table;

table! {
    /// One version of GBFS `system_information`.
    SystemInformation = "system_information" version 1 Small {
        observed_at: DateTime<Utc> ["ms since 1970, UTC"] "When this version was seen; it holds until the next one.",
        fetched_at: DateTime<Utc> ["ms since 1970, UTC"] "When the answer arrived here.",
        last_updated: Option<DateTime<Utc>> ["ms since 1970, UTC"] "The feed's own clock, as it said.",
        system_id: Option<String> ["id"] "GBFS `system_id`, the operator's own; the lake's name is in the path.",
        name: Option<String> ["text"] "The system's name.",
        operator: Option<String> ["text"] "Who runs it.",
        timezone: Option<String> ["IANA time zone"] "The time zone as published, valid or not.",
        language: Option<String> ["IETF language tag"] "GBFS `language`, or the first of `languages`.",
        url: Option<String> ["URL"] "The system's web page.",
        license_id: Option<String> ["SPDX id"] "GBFS `license_id`.",
        license_url: Option<String> ["URL"] "GBFS `license_url`.",
        attribution_organization_name: Option<String> ["text"] "Who must be named when the data is used.",
        extra: Option<String> ["JSON object"] "Every other field that is not null, as it came.",
    }
}
