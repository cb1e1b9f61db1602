//! Is everything well? Checks of the lake, the spool and each system's feeds, in words.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use hotspots_data::{Creates, Key, Lake, LakeError, Recorded, SystemId};

use crate::fetch::{Answer, Fetcher};
use crate::gbfs::{
    Envelope, VehicleTypes, observation_time, parse_discovery, parse_station_information,
    parse_station_status,
};
use crate::ingest::{Target, Tools};
use crate::ledger::public;
use crate::schedule::status_interval;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Good,
    /// It works, but somebody should know.
    Odd,
    /// It does not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How serious it is.
    pub level: Level,
    /// What it is about: the lake, the spool, a system.
    pub about: String,
    /// What was found, in a sentence.
    pub text: String,
}

/// Looks at the lake, the spool and every target's feeds.
pub async fn examine(tools: &Tools, targets: &[Target]) -> Vec<Finding> {
    let mut findings = examine_lake(tools).await;
    for target in targets {
        findings.extend(examine_system(tools, target).await);
    }
    findings
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Good => "good",
            Level::Odd => "odd ",
            Level::Bad => "BAD ",
        };
        write!(f, "{level}  {}: {}", self.about, self.text)
    }
}

fn finding(level: Level, about: &str, text: impl Into<String>) -> Finding {
    Finding { level, about: about.to_owned(), text: text.into() }
}

/// A difference of clocks from which an object's time misleads.
const SKEW: TimeDelta = TimeDelta::seconds(30);
/// What waits longer than this in the spool waits for somebody to look.
const LONG_WAIT: TimeDelta = TimeDelta::minutes(15);
/// An age that a status feed should not have (GBFS asks for 5 minutes).
const STALE: TimeDelta = TimeDelta::minutes(5);

async fn examine_lake(tools: &Tools) -> Vec<Finding> {
    let mut lake = tools.intake.lake().clone();
    let about = format!("lake {}", lake.location());
    let mut found = Vec::new();
    match lake.probe().await {
        Ok(Creates::Conditionally) => {
            found.push(finding(
                Level::Good,
                &about,
                "it takes writes and never replaces an object",
            ));
        }
        Ok(Creates::ByLookingFirst) => found.push(finding(
            Level::Odd,
            &about,
            "it has no conditional put: names made of content keep two scrapers apart",
        )),
        Err(error) => {
            found.push(finding(Level::Bad, &about, error.to_string()));
            return found;
        }
    }
    match lake.clock().await {
        Ok(theirs) => {
            let skew = (theirs - tools.clock.now()).abs();
            let text = format!("its clock and ours differ by {} s", skew.num_seconds());
            found.push(finding(if skew > SKEW { Level::Odd } else { Level::Good }, &about, text));
        }
        Err(error) => found.push(finding(Level::Bad, &about, error.to_string())),
    }
    match lake.systems(Recorded::StationStatus).await {
        Ok(systems) => {
            let text = format!("it can be listed; systems in it: {}", systems.len());
            found.push(finding(Level::Good, &about, text));
        }
        Err(error) => found.push(finding(Level::Bad, &about, error.to_string())),
    }
    if let Some(spool) = tools.intake.spool() {
        let depth = spool.depth();
        let waits_long = depth.oldest.is_some_and(|oldest| tools.clock.now() - oldest > LONG_WAIT);
        let level = if waits_long { Level::Odd } else { Level::Good };
        let text = format!("{} objects, {} bytes wait", depth.files, depth.bytes);
        found.push(finding(level, &format!("spool {}", spool.folder().display()), text));
    }
    found
}

async fn examine_system(tools: &Tools, target: &Target) -> Vec<Finding> {
    let about = target.system.to_string();
    let mut found = Vec::new();
    let mut listed = None;
    for url in &target.discovery {
        let body = get(&tools.fetcher, target, url).await;
        let parsed = body.and_then(|body| {
            parse_discovery(&body, url, target.feed_base.as_ref()).map_err(|e| e.to_string())
        });
        match parsed {
            Ok(discovery) => {
                let version = discovery.envelope.version.as_deref().unwrap_or("1.0");
                let names: Vec<&str> = discovery.feeds.keys().map(String::as_str).collect();
                let text = format!("GBFS {version} with {}", names.join(", "));
                found.push(finding(Level::Good, &about, text));
                listed = Some(discovery.feeds);
                break;
            }
            Err(error) => {
                let text = format!("discovery at {}: {error}", public(url));
                found.push(finding(Level::Bad, &about, text));
            }
        }
    }
    let Some(feeds) = listed else { return found };
    for feed in ["station_status", "station_information", "vehicle_status", "free_bike_status"] {
        let Some(url) = feeds.get(feed) else { continue };
        match get(&tools.fetcher, target, url).await {
            Ok(body) => {
                found.extend(examine_body(&about, feed, &body, tools.clock.now(), target));
            }
            Err(error) => {
                found.push(finding(Level::Bad, &about, format!("{feed}: {error}")));
            }
        }
    }
    found.push(match cadence(tools.intake.lake(), &target.system, tools.clock.now()).await {
        Ok(text) => finding(Level::Good, &about, text),
        Err(error) => finding(Level::Bad, &about, error.to_string()),
    });
    found
}

async fn get(fetcher: &Fetcher, target: &Target, url: &url::Url) -> Result<Vec<u8>, String> {
    match fetcher.get(url, target.key.as_ref(), None).await {
        Ok(Answer::Body(body, _)) => Ok(body),
        Ok(Answer::NotModified) => Err("304 to a request without conditions".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// What a feed's body shows of its health.
fn examine_body(
    about: &str,
    feed: &str,
    body: &[u8],
    now: DateTime<Utc>,
    target: &Target,
) -> Vec<Finding> {
    let understood = match feed {
        "station_status" => parse_station_status(body, now, &VehicleTypes::default())
            .map(|parsed| (parsed.rows.len(), parsed.problems, parsed.envelope)),
        "station_information" => parse_station_information(body, now, None)
            .map(|parsed| (parsed.rows.len(), parsed.problems, parsed.envelope)),
        _ => crate::gbfs::parse_vehicle_status(body, now, &VehicleTypes::default())
            .map(|parsed| (parsed.rows.len(), parsed.problems, parsed.envelope)),
    };
    let (rows, problems, envelope) = match understood {
        Ok(understood) => understood,
        Err(error) => return vec![finding(Level::Bad, about, format!("{feed}: {error}"))],
    };
    let mut found = vec![finding(Level::Good, about, format!("{feed}: {rows} rows understood"))];
    if let Some(text) = problems.message() {
        found.push(finding(Level::Odd, about, format!("{feed}: {text}")));
    }
    if feed != "station_information" {
        found.extend(examine_time(about, feed, &envelope, now));
        let ttl = envelope.ttl_s.map_or("no ttl".to_owned(), |ttl| format!("a ttl of {ttl} s"));
        let interval = status_interval(target.interval, envelope.ttl_s).as_secs();
        let text = format!("{feed}: it has {ttl} and is polled every {interval} s");
        found.push(finding(Level::Good, about, text));
    }
    found
}

fn examine_time(
    about: &str,
    feed: &str,
    envelope: &Envelope,
    now: DateTime<Utc>,
) -> Option<Finding> {
    if let (_, Some(note)) = observation_time(envelope.last_updated, now, false) {
        return Some(finding(Level::Odd, about, format!("{feed}: {note}")));
    }
    let age = now - envelope.last_updated?.at;
    let text = format!("{feed}: it was written {} s ago", age.num_seconds().max(0));
    Some(finding(if age > STALE { Level::Odd } else { Level::Good }, about, text))
}

/// The cadence that the lake's last day of polls shows.
async fn cadence(lake: &Lake, system: &SystemId, now: DateTime<Utc>) -> Result<String, LakeError> {
    let Some(date) = lake.dates(Recorded::StationStatus, system).await?.pop() else {
        return Ok("the lake has no poll of it yet".to_owned());
    };
    let keys = lake.list_day(Recorded::StationStatus, system, date).await?;
    let stamps: Vec<DateTime<Utc>> = keys
        .iter()
        .filter_map(|key| match *key {
            Key::Recorded { stamp, .. } => Some(stamp),
            Key::Derived { .. } => None,
        })
        .collect();
    let mut gaps: Vec<i64> =
        stamps.windows(2).map(|pair| (pair[1] - pair[0]).num_seconds()).collect();
    gaps.sort_unstable();
    let median = gaps.get(gaps.len() / 2).map_or(String::new(), |gap| {
        format!(", {gap} s apart at the median, {} s at most", gaps.last().unwrap_or(gap))
    });
    let age = stamps.last().map_or(0, |last| (now - *last).num_seconds());
    Ok(format!("the lake has {} polls of {date}{median}; the last is {age} s old", stamps.len()))
}
