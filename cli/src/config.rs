//! Settings: flags over environment over `hotspots.toml` over presets.

mod file;
mod selection;
mod systems;
mod units;
pub(crate) mod words;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use chrono_tz::Tz;
use hotspots_api::{Attribution, BaseMap};
use hotspots_data::{Lake, LakeError, SystemId};
use hotspots_pipeline::preset::PRESETS;
use hotspots_pipeline::{Intake, Target};

use self::file::File;
pub(crate) use self::selection::SelectionArguments;
use self::systems::{Entry, target};
pub(crate) use self::systems::{Licence, SystemArguments};
pub(crate) use self::units::{Size, Span};
use crate::logging::LogFormat;

/// Options of every command.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Common {
    // `Settings::read` looks into the environment, for `demo` takes the lake from the flag only.
    #[arg(long, global = true, value_name = "FOLDER|URL", help = LAKE)]
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
}

/// Options about the figures of a collector.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Running the collector")]
pub(crate) struct MetricsArguments {
    /// Address and port for Prometheus to read figures from, at /metrics
    #[arg(long, env = "HOTSPOTS_METRICS_BIND", value_name = "ADDRESS", value_parser = words::bind_address)]
    metrics_bind: Option<SocketAddr>,
}

/// Options about the map page.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct MapArguments {
    #[arg(long, env = "HOTSPOTS_MAP_STYLE", value_name = "URL", value_delimiter = ' ', help = MAP_STYLE)]
    pub(crate) map_style: Vec<String>,
}

const LAKE: &str = "Where the data lives: a folder, or a file:, s3:, gs: or az: URL \
    [env: HOTSPOTS_LAKE=] [default: ./lake]";

const MAP_STYLE: &str = "The map under the hexagons: the address of a MapLibre style, of two the \
    second for dark screens, or `none` [default: OpenFreeMap's positron and dark]";

/// Settings that do not depend on the command.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    lake: Option<String>,
    file: File,
}

const DEFAULT_FILE: &str = "hotspots.toml";
const LAKE_VARIABLE: &str = "HOTSPOTS_LAKE";
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
        let environment = std::env::var(LAKE_VARIABLE).ok().filter(|text| !text.is_empty());
        Ok(Self { lake: common.lake.or(environment), file })
    }

    /// The lake, which must be there: a mistake in its name must not make an empty one.
    pub(crate) fn lake(&self) -> anyhow::Result<Lake> {
        Lake::existing(self.location()).map_err(|error| match error {
            LakeError::NotThere { .. } => anyhow!(
                "{error}: name another with --lake, {LAKE_VARIABLE} or `lake` in {DEFAULT_FILE}, \
                 or make one with `hotspots ingest` or `hotspots import`"
            ),
            other => other.into(),
        })
    }

    /// The lake, made where it is a folder that is missing.
    pub(crate) fn lake_or_new(&self) -> anyhow::Result<Lake> {
        Ok(Lake::open(self.location())?)
    }

    fn location(&self) -> &str {
        self.lake.as_deref().or(self.file.lake.as_deref()).unwrap_or(DEFAULT_LAKE)
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

    /// The licences that the file and the presets know of, by system.
    pub(crate) fn licences(&self) -> HashMap<SystemId, Licence> {
        let known = PRESETS
            .into_iter()
            .filter_map(|known| Some((known.system.parse().ok()?, Licence::from(known))));
        let own = self.file.systems.iter().chain([&self.file.single]);
        let own = own.filter_map(|entry| Some((entry.system.clone()?, entry.licence()?)));
        let mut licences: HashMap<SystemId, Licence> = known.collect();
        for (system, own) in own {
            let known = licences.remove(&system).unwrap_or_default();
            licences.insert(system, own.over(known));
        }
        licences
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

    /// What is known of systems whose feeds do not say whom to credit.
    pub(crate) fn attributions(&self) -> HashMap<SystemId, Attribution> {
        let credit = |own: Licence| Attribution {
            license_id: own.license_id,
            license_url: own.license_url,
            attribution_organization_name: own.attribution,
            ..Attribution::default()
        };
        self.licences().into_iter().map(|(system, own)| (system, credit(own))).collect()
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
    pub(crate) fn metrics_bind(&self, arguments: &MetricsArguments) -> Option<SocketAddr> {
        arguments.metrics_bind.or(self.file.metrics_bind)
    }

    /// Who runs this.
    pub(crate) fn contact(&self, arguments: &IntakeArguments) -> Option<String> {
        arguments.contact.clone().or_else(|| self.file.contact.clone())
    }

    /// The way into a lake: a folder takes polls as safely as a spool would.
    pub(crate) fn intake(&self, lake: Lake, arguments: &IntakeArguments) -> anyhow::Result<Intake> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        Settings { lake: None, file: File::parse(text).unwrap() }
    }

    #[test]
    fn a_file_names_one_system_at_the_top_or_many_below() {
        let all = |text: &str| settings(text).targets(&SystemArguments::default()).unwrap();
        let names = |targets: &[Target]| -> Vec<String> {
            targets.iter().map(|target| target.system.to_string()).collect()
        };
        let one = all("system = \"oslo\"\nurl = \"https://a.example/gbfs.json\"\ninterval = 30");
        assert_eq!(names(&one), ["oslo"]);
        // A reason for an interval is welcome in either place, and asked for in none.
        assert_eq!(one[0].interval.unwrap().as_secs(), 30);
        let many = all("contact = \"me@example.org\"\n[[systems]]\nsystem = \"velib\"\n\n\
            [[systems]]\nsystem = \"oslo\"\nurl = [\"https://a.example/gbfs.json\"]\n\
            interval = \"30s\"\n");
        assert_eq!(names(&many), ["velib", "oslo"]);
        assert_eq!(many[1].interval.unwrap().as_secs(), 30);
    }

    #[test]
    fn a_licence_is_known_from_the_preset_and_the_file_goes_over_it() {
        let licence = |text: &str, system: &str| {
            settings(text).licences().get(&system.parse::<SystemId>().unwrap()).cloned()
        };
        let velib = licence("", "velib").unwrap();
        assert_eq!(velib.license_id.as_deref(), Some("etalab-2.0"));
        assert_eq!(velib.attribution.as_deref(), Some("Vélib' Métropole"));
        let file = "[[systems]]\nsystem = \"velib\"\nattribution = \"Smovengo\"\n\
            [[systems]]\nsystem = \"oslo\"\nlicense_id = \"NLOD-2.0\"\n\
            [[systems]]\nsystem = \"bergen\"\n";
        let velib = licence(file, "velib").unwrap();
        assert_eq!(velib.license_id.as_deref(), Some("etalab-2.0"));
        assert_eq!(velib.attribution.as_deref(), Some("Smovengo"));
        assert_eq!(licence(file, "oslo").unwrap().to_string(), "under the licence NLOD-2.0");
        assert_eq!(licence(file, "bergen"), None);
        let top = "system = \"oslo\"\nlicense_url = \"https://a.example/\"";
        assert_eq!(licence(top, "oslo").unwrap().to_string(), "at https://a.example/");
    }
}
