//! `hotspots.toml`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use hotspots_pipeline::WhenFull;
use serde::Deserialize;

use super::systems::Entry;
use super::units::{Size, Span};
use super::words;

/// `hotspots.toml`: one system's keys at the top, or many systems under `[[systems]]`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct File {
    pub(super) lake: Option<String>,
    pub(super) max_gap: Option<Span>,
    #[serde(default, deserialize_with = "words::file_bind_address")]
    pub(super) bind: Option<SocketAddr>,
    pub(super) spool: Option<PathBuf>,
    pub(super) spool_limit: Option<Size>,
    #[serde(default)]
    pub(super) when_spool_full: WhenFull,
    pub(super) contact: Option<String>,
    #[serde(default, deserialize_with = "words::file_bind_address")]
    pub(super) metrics_bind: Option<SocketAddr>,
    #[serde(default, deserialize_with = "words::one_or_many")]
    pub(super) map_style: Vec<String>,
    #[serde(default)]
    pub(super) systems: Vec<Entry>,
    /// What is none of the above: the keys of the one system.
    #[serde(flatten)]
    rest: toml::Table,
    #[serde(skip)]
    pub(super) single: Entry,
}

/// Every key that may stand at the top: those of [`File`], then those of [`Entry`].
const KEYS: [&str; 20] = [
    "lake",
    "max_gap",
    "bind",
    "spool",
    "spool_limit",
    "when_spool_full",
    "contact",
    "metrics_bind",
    "map_style",
    "systems",
    "system",
    "url",
    "feed_base_url",
    "time_zone",
    "interval",
    "interval_reason",
    "key",
    "license_id",
    "license_url",
    "attribution",
];

impl File {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the settings file `{}`", path.display()))?;
        Self::parse(&text)
            .with_context(|| format!("the settings file `{}` is not right", path.display()))
    }

    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let table: toml::Table = toml::from_str(text)?;
        if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            anyhow::bail!("`{key}` is not a setting: there are {}", KEYS.join(", "));
        }
        let mut file: Self = toml::from_str(text)?;
        file.single = std::mem::take(&mut file.rest).try_into()?;
        anyhow::ensure!(
            file.systems.is_empty() || file.single == Entry::default(),
            "write a system's keys either at the top or under [[systems]], not both"
        );
        anyhow::ensure!(
            file.single.system.is_some() || file.single.licence().is_none(),
            "say whose licence it is: add `system`"
        );
        let mut names = std::collections::HashSet::new();
        for entry in &file.systems {
            let name = entry.system.as_ref().context("an entry of [[systems]] has no `system`")?;
            anyhow::ensure!(names.insert(name), "system `{name}` is there twice");
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_known_and_takes_the_forms_that_people_write() {
        let text = "lake = \"./a\"\nmax_gap = 900\nbind = \"127.0.0.1:1\"\nspool = \"./s\"\n\
            spool_limit = 7\nwhen_spool_full = \"drop_oldest\"\ncontact = \"me@example.org\"\n\
            metrics_bind = \"127.0.0.1:2\"\nmap_style = \"none\"\nsystems = []\nsystem = \"oslo\"\n\
            url = \"https://a.example/gbfs.json\"\nfeed_base_url = \"https://a.example/\"\n\
            time_zone = \"Europe/Oslo\"\ninterval = 60\ninterval_reason = \"agreed\"\n\
            key = { env = \"KEY\", header = \"Authorization\" }\nlicense_id = \"NLOD-2.0\"\n\
            license_url = \"https://data.norge.no/nlod/en/2.0\"\nattribution = \"Oslo Bysykkel\"\n";
        let file = File::parse(text).unwrap();
        assert_eq!(text.lines().count(), KEYS.len());
        assert_eq!(file.single.interval.unwrap().0.as_secs(), 60);
        assert_eq!((file.max_gap.unwrap().0.as_secs(), file.spool_limit.unwrap().bytes), (900, 7));
        assert_eq!(file.map_style, ["none"]);
    }

    #[test]
    fn what_is_wrong_in_a_file_is_said_by_name_with_what_to_write() {
        for (text, says) in [
            ("colour = \"red\"", "`colour` is not a setting: there are lake, max_gap, bind"),
            ("lake = \"./a\"\nsystem = \"Vélib\"", "Vélib"),
            ("system = \"a\"\n[[systems]]\nsystem = \"b\"", "not both"),
            ("[[systems]]\nurl = [\"https://a.example\"]", "no `system`"),
            ("[[systems]]\nsystem = \"b\"\ncolour = 1", "expected one of `system`, `url`"),
            ("[[systems]]\nsystem = \"b\"\n[[systems]]\nsystem = \"b\"", "twice"),
            ("spool_limit = \"lots\"", "lots"),
            ("spool_limit = 1.5", "expected 500MB, 10GB or whole bytes"),
            ("interval = 1.5", "expected 90s, 15m, 2h or whole seconds"),
            ("interval = 0", "write 1s or more"),
            ("interval = -60", "write 90s, 15m or 2h"),
            ("url = 7", "or a list of such"),
            ("url = \"notaurl\"", "write https://…/gbfs.json"),
            ("time_zone = \"Paris\"", "such as Europe/Paris"),
            ("bind = \"localhost:8080\"", "write 127.0.0.1:8080"),
            ("license_id = \"CC0-1.0\"", "whose licence"),
        ] {
            let error = format!("{:#}", File::parse(text).unwrap_err());
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
