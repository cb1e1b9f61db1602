//! Settings: flags over environment over `hotspots.toml` over presets.

mod systems;
mod units;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono_tz::Tz;
use hotspots_api::BaseMap;
use hotspots_data::{Lake, SystemId};
use hotspots_pipeline::{Intake, Target, WhenFull};
use serde::Deserialize;

pub(crate) use self::systems::SystemArguments;
use self::systems::{Entry, target};
pub(crate) use self::units::{Size, Span};
use crate::logging::LogFormat;

/// Options of every command.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
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

/// Options about how polls are brought into the lake.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Running the collector")]
pub(crate) struct IntakeArguments {
    /// Folder in which polls wait, safe on disk, for a lake that is not a folder itself
    /// [default: ./spool; none for a folder]
    #[arg(long, env = "HOTSPOTS_SPOOL", value_name = "FOLDER")]
    spool: Option<PathBuf>,

    /// Most that may wait there [default: 10GB]
    #[arg(long, env = "HOTSPOTS_SPOOL_LIMIT", value_name = "SIZE")]
    spool_limit: Option<Size>,

    /// Who runs this, for the publishers' logs: an e-mail address or a web page
    #[arg(long, env = "HOTSPOTS_CONTACT", value_name = "ADDRESS")]
    contact: Option<String>,

    /// Address and port for Prometheus to read figures from, at /metrics
    #[arg(long, env = "HOTSPOTS_METRICS_BIND", value_name = "ADDRESS")]
    metrics_bind: Option<SocketAddr>,
}

/// Options about the map page.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct MapArguments {
    /// The map under the hexagons: the address of a `MapLibre` style, of two the second for dark
    /// screens, or `none` [default: `OpenFreeMap`'s positron and dark]
    #[arg(long, env = "HOTSPOTS_MAP_STYLE", value_name = "URL", value_delimiter = ' ')]
    pub(crate) map_style: Vec<String>,
}

/// Settings that do not depend on the command.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    lake: Option<String>,
    file: File,
}

/// `hotspots.toml`: one system's keys at the top, or many systems under `[[systems]]`.
#[derive(Clone, Debug, Default, Deserialize)]
struct File {
    lake: Option<String>,
    max_gap: Option<Span>,
    bind: Option<SocketAddr>,
    spool: Option<PathBuf>,
    spool_limit: Option<Size>,
    #[serde(default)]
    when_spool_full: WhenFull,
    contact: Option<String>,
    metrics_bind: Option<SocketAddr>,
    #[serde(default)]
    map_style: Vec<String>,
    #[serde(default)]
    systems: Vec<Entry>,
    /// What is none of the above: the keys of the one system.
    #[serde(flatten)]
    rest: toml::Table,
    #[serde(skip)]
    single: Entry,
}

const DEFAULT_FILE: &str = "hotspots.toml";
const DEFAULT_LAKE: &str = "./lake";
const DEFAULT_SPOOL: &str = "./spool";
const DEFAULT_SPOOL_LIMIT: Size = Size { bytes: 10_000_000_000 };
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

    /// The systems to poll: the one that was named, else all of the file, else Vélib.
    pub(crate) fn targets(&self, arguments: &SystemArguments) -> anyhow::Result<Vec<Target>> {
        let named = arguments.system.is_some() || !arguments.url.is_empty();
        if named || self.file.systems.is_empty() {
            return Ok(vec![target(self.entry(arguments.system.as_ref()), arguments)?]);
        }
        self.file.systems.iter().map(|entry| target(entry, arguments)).collect()
    }

    /// What the file says of a system.
    fn entry(&self, system: Option<&SystemId>) -> &Entry {
        let named = |entry: &&Entry| system.is_some() && entry.system.as_ref() == system;
        self.file.systems.iter().find(named).unwrap_or(&self.file.single)
    }

    /// What lies under the map page's hexagons.
    pub(crate) fn base_map(&self, arguments: &MapArguments) -> BaseMap {
        let given = &arguments.map_style;
        let styles = if given.is_empty() { &self.file.map_style } else { given };
        let style = |at: usize| styles.get(at).filter(|style| *style != "none").cloned();
        if styles.is_empty() {
            BaseMap::default()
        } else {
            BaseMap { light: style(0), dark: style(1) }
        }
    }

    /// The system that was named, by flag or file.
    pub(crate) fn system(&self, argument: Option<&SystemId>) -> Option<SystemId> {
        let only = match self.file.systems.as_slice() {
            [only] => only.system.as_ref(),
            _ => self.file.single.system.as_ref(),
        };
        argument.or(only).cloned()
    }

    /// The time zone that was named for a system, by flag or file.
    pub(crate) fn time_zone(&self, argument: Option<Tz>, system: &SystemId) -> Option<Tz> {
        argument.or(self.entry(Some(system)).time_zone)
    }

    /// Where to listen.
    pub(crate) fn bind(&self, argument: Option<SocketAddr>) -> SocketAddr {
        argument.or(self.file.bind).unwrap_or(DEFAULT_BIND)
    }

    /// Where figures are to be read, if anywhere.
    pub(crate) fn metrics_bind(&self, arguments: &IntakeArguments) -> Option<SocketAddr> {
        arguments.metrics_bind.or(self.file.metrics_bind)
    }

    /// Who runs this.
    pub(crate) fn contact(&self, arguments: &IntakeArguments) -> Option<String> {
        arguments.contact.clone().or_else(|| self.file.contact.clone())
    }

    /// The way into the lake: a folder takes polls as safely as a spool would.
    pub(crate) fn intake(&self, arguments: &IntakeArguments) -> anyhow::Result<Intake> {
        let lake = self.lake()?;
        let chosen = arguments.spool.as_ref().or(self.file.spool.as_ref());
        let folder = match chosen {
            None if lake.folder().is_some() => return Ok(Intake::local(lake)?),
            None => Path::new(DEFAULT_SPOOL),
            Some(folder) => folder,
        };
        let limit = arguments.spool_limit.or(self.file.spool_limit).unwrap_or(DEFAULT_SPOOL_LIMIT);
        Ok(Intake::spooled(lake, folder, limit.bytes, self.file.when_spool_full)?)
    }

    /// How to aggregate.
    pub(crate) fn aggregation(
        &self,
        max_gap: Option<Span>,
    ) -> anyhow::Result<hotspots_jobs::Options> {
        let options = hotspots_jobs::Options::default();
        match max_gap.or(self.file.max_gap) {
            Some(span) => options.with_max_gap(span.0).context("`max_gap` is not right"),
            None => Ok(options),
        }
    }
}

impl File {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the settings file `{}`", path.display()))?;
        Self::parse(&text)
            .with_context(|| format!("the settings file `{}` is not right", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut file: Self = toml::from_str(text)?;
        file.single = std::mem::take(&mut file.rest).try_into()?;
        anyhow::ensure!(
            file.systems.is_empty() || file.single == Entry::default(),
            "write a system's keys either at the top or under [[systems]], not both"
        );
        let mut names = std::collections::HashSet::new();
        for entry in &file.systems {
            let name = entry.system.as_ref().context("an entry of [[systems]] has no `system`")?;
            anyhow::ensure!(names.insert(name), "system `{name}` is there twice");
            anyhow::ensure!(
                entry.interval.is_none() || entry.interval_reason.is_some(),
                "system `{name}` overrides its feed's ttl: say why with `interval_reason`"
            );
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_one_system_at_the_top_or_many_below() {
        let one =
            File::parse("system = \"oslo\"\nurl = [\"https://a.example/gbfs.json\"]").unwrap();
        assert_eq!(one.single.system.unwrap().as_str(), "oslo");
        let many = "contact = \"me@example.org\"\n[[systems]]\nsystem = \"velib\"\n\n[[systems]]\n\
            system = \"oslo\"\nurl = [\"https://a.example/gbfs.json\"]\ninterval = \"30s\"\n\
            interval_reason = \"agreed with the operator\"\n";
        let many = File::parse(many).unwrap();
        let settings = Settings { lake: None, file: many };
        let targets = settings.targets(&SystemArguments::default()).unwrap();
        let names: Vec<_> = targets.iter().map(|target| target.system.to_string()).collect();
        assert_eq!(names, ["velib", "oslo"]);
        assert_eq!(targets[1].interval.unwrap().as_secs(), 30);
    }

    #[test]
    fn what_is_wrong_in_a_file_is_said_by_name() {
        for (text, says) in [
            ("colour = \"red\"", "colour"),
            ("lake = \"./a\"\nsystem = \"Vélib\"", "Vélib"),
            ("system = \"a\"\n[[systems]]\nsystem = \"b\"", "not both"),
            ("[[systems]]\nurl = [\"https://a.example\"]", "no `system`"),
            ("[[systems]]\nsystem = \"b\"\ninterval = \"5s\"", "interval_reason"),
            ("[[systems]]\nsystem = \"b\"\n[[systems]]\nsystem = \"b\"", "twice"),
            ("spool_limit = \"lots\"", "lots"),
        ] {
            let error = format!("{:#}", File::parse(text).unwrap_err());
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
