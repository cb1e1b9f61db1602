use chrono::{DateTime, Utc};
use hotspots_data::table::OtherFeed;
use serde_json::value::RawValue;

use super::Parsed;
use super::envelope::{Envelope, FeedError};
use super::problems::Problems;

#[derive(serde::Deserialize)]
struct WithData<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// Reads a feed that has no table of its own: one row with its `data` to the letter.
///
/// # Errors
/// [`FeedError`] when the body is no GBFS feed or has no `data`.
pub fn parse_other_feed(
    feed: &str,
    body: &[u8],
    fetched_at: DateTime<Utc>,
) -> Result<Parsed<OtherFeed>, FeedError> {
    let envelope = Envelope::read(body)?;
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let data = serde_json::from_slice::<WithData<'_>>(body)
        .ok()
        .and_then(|with| with.data)
        .ok_or_else(|| FeedError::NotGbfs { reason: "it has no `data`".to_owned() })?;
    let row = OtherFeed {
        observed_at: fetched_at,
        fetched_at,
        last_updated: envelope.last_updated.map(|time| time.at),
        feed: feed.to_owned(),
        version: envelope.version.clone(),
        data: data.get().to_owned(),
    };
    Ok(Parsed { rows: vec![row], envelope, problems: Problems::default() })
}
