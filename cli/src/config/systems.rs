//! The systems to poll, from flags, environment, file and presets.

use std::env;

use anyhow::Context as _;
use chrono_tz::Tz;
use hotspots_data::SystemId;
use hotspots_pipeline::preset::{VELIB, preset};
use hotspots_pipeline::{Credential, KeyPlace, Target};
use serde::Deserialize;
use tracing::info;
use url::Url;

use super::units::Span;

/// Options about the system to poll.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "What to poll")]
pub(crate) struct SystemArguments {
    /// The system's name in the lake; `velib` needs nothing else [default: velib]
    #[arg(long, env = "HOTSPOTS_SYSTEM", value_name = "NAME")]
    pub(crate) system: Option<SystemId>,

    /// The system's GBFS discovery address (gbfs.json); several are tried in turn
    #[arg(long, env = "HOTSPOTS_URL", value_name = "URL", value_delimiter = ' ')]
    pub(crate) url: Vec<Url>,

    /// Look for every feed below this address instead of where discovery says
    #[arg(long, env = "HOTSPOTS_FEED_BASE_URL", value_name = "URL")]
    pub(crate) feed_base_url: Option<Url>,

    /// Time zone of local days, should the feed give no valid one, such as Europe/Paris
    #[arg(long, env = "HOTSPOTS_TIME_ZONE", value_name = "ZONE")]
    pub(crate) time_zone: Option<Tz>,

    /// Pause between polls, such as 60s or 5m [default: the preset's, else the feed's ttl]
    #[arg(long, env = "HOTSPOTS_INTERVAL", value_name = "DURATION")]
    pub(crate) interval: Option<Span>,
}

/// What `hotspots.toml` says of a system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) system: Option<SystemId>,
    #[serde(default)]
    url: Vec<Url>,
    feed_base_url: Option<Url>,
    pub(super) time_zone: Option<Tz>,
    pub(super) interval: Option<Span>,
    /// Why the feed's `ttl` is not honoured.
    pub(super) interval_reason: Option<String>,
    key: Option<Key>,
}

/// Where a feed wants its key, and the environment variable that has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    env: String,
    header: Option<String>,
    query: Option<String>,
}

/// What to poll of a system: the flags over what the file says of it over its preset.
pub(super) fn target(entry: &Entry, arguments: &SystemArguments) -> anyhow::Result<Target> {
    let url = if arguments.url.is_empty() { &entry.url } else { &arguments.url };
    let system = match arguments.system.as_ref().or(entry.system.as_ref()) {
        Some(system) => system.clone(),
        None if url.is_empty() => VELIB.system.parse()?,
        None => anyhow::bail!("name the system of {}: add --system NAME", url[0]),
    };
    let known = preset(system.as_str());
    let discovery = if url.is_empty() {
        let known = known.with_context(|| {
            format!(
                "no address is known for `{system}`: add --url with its gbfs.json (known by name: {})",
                VELIB.system
            )
        })?;
        known.discovery.iter().map(|text| text.parse()).collect::<Result<_, _>>()?
    } else {
        url.clone()
    };
    let preset_interval = known.map(|known| (known.interval, Some(known.interval_reason)));
    let file_interval =
        entry.interval.map(|span| (span.0, entry.interval_reason.as_deref())).or(preset_interval);
    if let (None, Some((interval, Some(reason)))) = (arguments.interval, file_interval) {
        let interval_s = interval.as_secs();
        info!(%system, interval_s, "{system}: polled every {interval_s} s whatever its ttl: {reason}");
    }
    let interval = arguments.interval.map(|span| span.0).or(file_interval.map(|(span, _)| span));
    Ok(Target {
        discovery,
        feed_base: arguments.feed_base_url.clone().or_else(|| entry.feed_base_url.clone()),
        time_zone: arguments.time_zone.or(entry.time_zone).or(known.map(|known| known.time_zone)),
        interval,
        key: entry.key.as_ref().map(|key| key.read(&system)).transpose()?,
        system,
    })
}

impl Key {
    fn read(&self, system: &SystemId) -> anyhow::Result<Credential> {
        let place = match (&self.header, &self.query) {
            (Some(name), None) => KeyPlace::Header(name.clone()),
            (None, Some(name)) => KeyPlace::Query(name.clone()),
            _ => anyhow::bail!("the key of `{system}` goes into either a `header` or a `query`"),
        };
        let secret =
            env::var(&self.env).ok().filter(|secret| !secret.is_empty()).with_context(|| {
                format!("`{system}` wants a key: put it in the environment variable {}", self.env)
            })?;
        Ok(Credential::new(place, secret))
    }
}
