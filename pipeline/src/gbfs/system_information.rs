use chrono::{DateTime, Utc};
use hotspots_data::table::SystemInformation;

use super::Parsed;
use super::envelope::{Document, FeedError};
use super::problems::Problems;

const FEED: &str = "system_information";

/// Reads a `system_information` feed of any version: one row.
///
/// # Errors
/// [`FeedError`] when the body is not this feed.
pub fn parse_system_information(
    body: &[u8],
    fetched_at: DateTime<Utc>,
) -> Result<Parsed<SystemInformation>, FeedError> {
    let (envelope, mut data) = Document::read(body)?.fields(FEED)?;
    if !data.names().any(|name| matches!(name, "system_id" | "timezone")) {
        return Err(FeedError::WrongFeed {
            feed: FEED,
            reason: "`data` has neither `system_id` nor `timezone`".to_owned(),
        });
    }
    let mut problems = Problems::default();
    let p = &mut problems;
    let languages = data.read("languages", first_language, p);
    let language = data.text("language", None, p).or(languages);
    let text = language.as_deref();
    let row = SystemInformation {
        observed_at: fetched_at,
        fetched_at,
        last_updated: envelope.last_updated.map(|time| time.at),
        system_id: data.id(&["system_id"], p),
        name: data.text("name", text, p),
        operator: data.text("operator", text, p),
        timezone: data.text("timezone", None, p),
        url: data.text("url", text, p),
        license_id: data.text("license_id", None, p),
        license_url: data.text("license_url", None, p),
        attribution_organization_name: data.text("attribution_organization_name", text, p),
        language,
        extra: data.extra(),
    };
    Ok(Parsed { rows: vec![row], envelope, problems })
}

/// GBFS 3 lists languages; when there is only one, nothing is lost by taking it.
fn first_language(raw: &str) -> Option<String> {
    match serde_json::from_str::<Vec<String>>(raw).ok()?.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    }
}
