//! Settings: flags over environment over `hotspots.toml` over presets.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use chrono_tz::Tz;
use hotspots_data::{Lake, SystemId};
use hotspots_pipeline::Target;
use hotspots_pipeline::preset::{VELIB, preset};
use serde::Deserialize;
use url::Url;

use crate::logging::LogFormat;

/// Options of every command.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    /// Where the data lives: a folder, or a file:, s3:, gs: or az: URL [default: ./lake]
    #[arg(long, global = true, env = "HOTSPOTS_LAKE", value_name = "FOLDER|URL")]
    pub(crate) lake: Option<String>,

    /// Settings file [default: ./hotspots.toml, if there is one]
    #[arg(long, global = true, env = "HOTSPOTS_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// How much to log: off, error, warn, info, debug or trace [default: info]
    #[arg(long, global = true, env = "HOTSPOTS_LOG", value_name = "LEVEL")]
    pub(crate) log: Option<String>,

    /// How log lines look [default: text on a terminal, json elsewhere]
    #[arg(long, global = true, env = "HOTSPOTS_LOG_FORMAT", value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

/// Options about the system to poll.
#[derive(Clone, Debug, Default, clap::Args)]
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

/// Settings that do not depend on the command.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    lake: Option<String>,
    file: File,
}

/// `hotspots.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    lake: Option<String>,
    system: Option<SystemId>,
    #[serde(default)]
    url: Vec<Url>,
    feed_base_url: Option<Url>,
    time_zone: Option<Tz>,
    interval: Option<Span>,
    max_gap: Option<Span>,
    bind: Option<SocketAddr>,
}

/// A duration as people write it: `90s`, `15m`, `2h`, or plain seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Span(pub(crate) Duration);

const DEFAULT_FILE: &str = "hotspots.toml";
const DEFAULT_LAKE: &str = "./lake";
const DEFAULT_BIND: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

impl Settings {
    /// Reads the settings file and puts the flags and the environment over it.
    pub(crate) fn read(common: Common) -> anyhow::Result<Self> {
        let file = match &common.config {
            Some(path) => File::read(path)?,
            None if Path::new(DEFAULT_FILE).is_file() => File::read(Path::new(DEFAULT_FILE))?,
            None => File::default(),
        };
        Ok(Self { lake: common.lake, file })
    }

    /// The lake, opened.
    pub(crate) fn lake(&self) -> anyhow::Result<Lake> {
        self.lake_or(DEFAULT_LAKE)
    }

    /// The lake that was asked for, else the one at `default`.
    pub(crate) fn lake_or(&self, default: &str) -> anyhow::Result<Lake> {
        let location = self.lake.as_deref().or(self.file.lake.as_deref()).unwrap_or(default);
        Ok(Lake::open(location)?)
    }

    /// The system to poll.
    pub(crate) fn target(&self, arguments: &SystemArguments) -> anyhow::Result<Target> {
        let file = &self.file;
        let url = if arguments.url.is_empty() { &file.url } else { &arguments.url };
        let system = arguments.system.clone().or_else(|| file.system.clone());
        let system = match system {
            Some(system) => system,
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
        let chosen = arguments.interval.or(file.interval).map(|span| span.0);
        Ok(Target {
            system,
            discovery,
            feed_base: arguments.feed_base_url.clone().or_else(|| file.feed_base_url.clone()),
            time_zone: self.time_zone(arguments.time_zone).or(known.map(|known| known.time_zone)),
            interval: chosen.or(known.map(|known| known.interval)),
        })
    }

    /// The system that was named, by flag or file.
    pub(crate) fn system(&self, argument: Option<&SystemId>) -> Option<SystemId> {
        argument.or(self.file.system.as_ref()).cloned()
    }

    /// The time zone that was named, by flag or file.
    pub(crate) fn time_zone(&self, argument: Option<Tz>) -> Option<Tz> {
        argument.or(self.file.time_zone)
    }

    /// Where to listen.
    pub(crate) fn bind(&self, argument: Option<SocketAddr>) -> SocketAddr {
        argument.or(self.file.bind).unwrap_or(DEFAULT_BIND)
    }

    /// How to aggregate.
    pub(crate) fn aggregation(&self, max_gap: Option<Span>) -> hotspots_jobs::Options {
        let mut options = hotspots_jobs::Options::default();
        if let Some(span) = max_gap.or(self.file.max_gap) {
            options.max_gap = span.0;
        }
        options
    }
}

impl File {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the settings file `{}`", path.display()))?;
        toml::from_str(&text)
            .with_context(|| format!("the settings file `{}` is not right", path.display()))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a duration: write 90s, 15m or 2h");
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let unit = match &text[digits.len()..] {
            "" | "s" => 1,
            "m" | "min" => 60,
            "h" => 3600,
            _ => return Err(wrong()),
        };
        number.checked_mul(unit).map(|s| Self(Duration::from_secs(s))).ok_or_else(wrong)
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_reads_as_people_write_it() {
        let seconds = |text: &str| text.parse::<Span>().map(|span| span.0.as_secs());
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("2h"), Ok(7200));
        for wrong in ["", "m", "1.5h", "-1s", "5 m", "1d", "99999999999999999999s"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
