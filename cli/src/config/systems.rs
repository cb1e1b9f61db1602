//! The systems to poll, from flags, environment, file and presets.

use std::{env, fmt};

use anyhow::Context as _;
use chrono_tz::Tz;
use hotspots_data::SystemId;
use hotspots_pipeline::preset::{Preset, VELIB, preset};
use hotspots_pipeline::{Credential, KeyPlace, Target};
use serde::Deserialize;
use tracing::info;
use url::Url;

use super::units::Span;
use super::words;

/// Options about the system to poll.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "What to poll")]
pub(crate) struct SystemArguments {
    /// The system's name in the lake; `velib` needs nothing else [default: velib]
    #[arg(long, env = "HOTSPOTS_SYSTEM", value_name = "NAME")]
    pub(crate) system: Option<SystemId>,

    /// The system's GBFS discovery address (gbfs.json); several are tried in turn
    #[arg(long, env = "HOTSPOTS_URL", value_name = "URL", value_delimiter = ' ', value_parser = words::web_address)]
    pub(crate) url: Vec<Url>,

    /// Look for every feed below this address instead of where discovery says
    #[arg(long, env = "HOTSPOTS_FEED_BASE_URL", value_name = "URL", value_parser = words::web_address)]
    pub(crate) feed_base_url: Option<Url>,

    /// Time zone of local days, should the feed give no valid one, such as Europe/Paris
    #[arg(long, env = "HOTSPOTS_TIME_ZONE", value_name = "ZONE", value_parser = words::time_zone)]
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
    #[serde(default, deserialize_with = "words::file_web_addresses")]
    url: Vec<Url>,
    #[serde(default, deserialize_with = "words::file_web_address")]
    feed_base_url: Option<Url>,
    #[serde(default, deserialize_with = "words::file_time_zone")]
    pub(super) time_zone: Option<Tz>,
    pub(super) interval: Option<Span>,
    /// Why the feed's `ttl` is not honoured.
    interval_reason: Option<String>,
    key: Option<Key>,
    license_id: Option<String>,
    license_url: Option<String>,
    attribution: Option<String>,
}

/// Under which licence a system's data is published and whom to name, where the feed does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Licence {
    /// The licence's identifier, such as `etalab-2.0`.
    pub(crate) license_id: Option<String>,
    /// The address of its text.
    pub(crate) license_url: Option<String>,
    /// Whom to name.
    pub(crate) attribution: Option<String>,
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
    let reason = entry.interval_reason.as_deref().unwrap_or("the settings file says so");
    let preset_interval = known.map(|known| (known.interval, known.interval_reason));
    let file_interval = entry.interval.map(|span| (span.0, reason)).or(preset_interval);
    if let (None, Some((interval, reason))) = (arguments.interval, file_interval) {
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

impl Entry {
    /// What it says of the data's licence, if anything.
    pub(super) fn licence(&self) -> Option<Licence> {
        let Self { license_id, license_url, attribution, .. } = self.clone();
        let licence = Licence { license_id, license_url, attribution };
        (licence != Licence::default()).then_some(licence)
    }
}

impl Licence {
    /// What this says, over what `other` says.
    pub(super) fn over(self, other: Self) -> Self {
        Self {
            license_id: self.license_id.or(other.license_id),
            license_url: self.license_url.or(other.license_url),
            attribution: self.attribution.or(other.attribution),
        }
    }
}

impl From<&Preset> for Licence {
    fn from(known: &Preset) -> Self {
        Self {
            license_id: Some(known.license_id.to_owned()),
            license_url: Some(known.license_url.to_owned()),
            attribution: Some(known.attribution.to_owned()),
        }
    }
}

impl fmt::Display for Licence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { license_id, license_url, attribution } = self;
        let words = [
            ("to be credited to", attribution),
            ("under the licence", license_id),
            ("at", license_url),
        ];
        let said = |(before, word): (&str, &Option<String>)| {
            word.as_ref().map(|word| format!("{before} {word}"))
        };
        f.write_str(&words.into_iter().filter_map(said).collect::<Vec<_>>().join(" "))
    }
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
