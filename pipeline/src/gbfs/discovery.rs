//! `gbfs.json`: which feeds a system has, and where.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use url::Url;

use super::envelope::{Document, Envelope, FeedError};

const FEED: &str = "gbfs";

/// The feeds of a system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// What the envelope says.
    pub envelope: Envelope,
    /// Each feed's URL by its GBFS name, in the first language that lists stations.
    pub feeds: BTreeMap<String, Url>,
}

#[derive(serde::Deserialize)]
struct Listed {
    name: String,
    url: String,
}

#[derive(serde::Deserialize)]
struct Language {
    feeds: Vec<Listed>,
}

/// Reads a discovery document, with languages (up to 2.3) or without (3.0). Relative addresses are
/// taken from `discovery_url`; with `feed_base`, every feed is looked for below that address, under
/// the file name its own address ends in.
///
/// # Errors
/// [`FeedError`] when the body is not a discovery document.
pub fn parse_discovery(
    body: &[u8],
    discovery_url: &Url,
    feed_base: Option<&Url>,
) -> Result<Discovery, FeedError> {
    let (envelope, mut data) = Document::read(body)?.fields(FEED)?;
    let names: Vec<String> = data.names().map(str::to_owned).collect();
    let mut candidates: Vec<Vec<Listed>> = Vec::new();
    for name in &names {
        let read = |raw: &str| lists(name, raw);
        candidates.extend(data.raw(name).and_then(read));
    }
    let has_stations =
        |feeds: &&Vec<Listed>| feeds.iter().any(|feed| feed.name.starts_with("station_"));
    let chosen = candidates.iter().find(has_stations).or(candidates.first()).ok_or_else(|| {
        let reason = format!("`data` lists no `feeds`, only {names:?}");
        FeedError::WrongFeed { feed: FEED, reason }
    })?;
    let mut feeds = BTreeMap::new();
    for feed in chosen {
        let url = discovery_url.join(&feed.url).map_err(|error| FeedError::WrongFeed {
            feed: FEED,
            reason: format!("the address of {}, `{}`, is no URL: {error}", feed.name, feed.url),
        })?;
        feeds.insert(feed.name.clone(), rebased(url, feed_base));
    }
    Ok(Discovery { envelope, feeds })
}

/// `data.feeds` of 3.0, or `data.<language>.feeds`.
fn lists(name: &str, raw: &str) -> Option<Vec<Listed>> {
    if name == "feeds" {
        let list: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
        return Some(list.iter().filter_map(|one| serde_json::from_str(one.get()).ok()).collect());
    }
    serde_json::from_str::<Language>(raw).ok().map(|language| language.feeds)
}

fn rebased(url: Url, feed_base: Option<&Url>) -> Url {
    let file =
        url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
    feed_base.and_then(|base| as_folder(base).join(file).ok()).unwrap_or(url)
}

/// `http://host/a` means the folder `a`, as `http://host/a/` does.
fn as_folder(base: &Url) -> Url {
    let mut base = base.clone();
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    base
}
