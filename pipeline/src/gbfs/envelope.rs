//! What every GBFS feed has around its data, and bodies that are no feed at all.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::clock::FeedTime;
use super::fields::{Fields, Name, shortened, unquoted};

/// What a feed's envelope says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `last_updated` (Vélib: `lastUpdatedOther`).
    pub last_updated: Option<FeedTime>,
    /// `ttl` in seconds.
    pub ttl_s: Option<i64>,
    /// `version`; absent means 1.0.
    pub version: Option<String>,
}

/// Why a body is not the feed it should be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FeedError {
    /// Nothing at all.
    #[error("the body is empty")]
    Empty,
    /// A recognisable other format.
    #[error("the body is {0}, not JSON")]
    OtherFormat(&'static str),
    /// JSON that ends before its end.
    #[error("the JSON is cut short after {bytes} bytes")]
    CutShort {
        /// Size of the body.
        bytes: usize,
    },
    /// Not JSON.
    #[error("the body is not JSON: {reason}; it begins with `{start}`")]
    NotJson {
        /// The parser's reason, with line and column.
        reason: String,
        /// The first characters.
        start: String,
    },
    /// JSON, but not in the shape of a GBFS feed.
    #[error("the JSON is no GBFS feed: {reason}")]
    NotGbfs {
        /// What is wrong, with line and column.
        reason: String,
    },
    /// JSON, but not this feed.
    #[error("this is not {feed}: {reason}")]
    WrongFeed {
        /// The feed it should be.
        feed: &'static str,
        /// What is missing, and what is there.
        reason: String,
    },
    /// The feed, without a single station.
    #[error("{feed} lists no station")]
    NoStations {
        /// The feed.
        feed: &'static str,
    },
}

/// A feed's JSON: the envelope's fields and, of `data`, either its stations or its fields.
pub(super) struct Document<'a> {
    pub(super) envelope: Envelope,
    pub(super) data: Data<'a>,
}

pub(super) enum Data<'a> {
    /// There is no `data`; these are the fields there are.
    Missing(Vec<String>),
    /// `data.stations` is a list.
    Stations(Vec<Fields<'a>>),
    /// Any other object.
    Other(Fields<'a>),
}

impl Envelope {
    /// What a feed's envelope says, whatever the feed.
    ///
    /// # Errors
    /// [`FeedError`] when the body is no GBFS feed.
    pub fn read(body: &[u8]) -> Result<Self, FeedError> {
        Document::read(body).map(|document| document.envelope)
    }
}

impl<'a> Document<'a> {
    /// Reads a body in one pass.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, FeedError> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(FeedError::Empty);
        }
        serde_json::from_slice(body).map_err(|error| why_not_json(body, &error))
    }
}

fn why_not_json(body: &[u8], error: &serde_json::Error) -> FeedError {
    let start = String::from_utf8_lossy(&body[..body.len().min(200)]);
    let trimmed = start.trim_start();
    let format = if body.starts_with(b"PK\x03\x04") {
        Some("a ZIP archive")
    } else if body.starts_with(b"\x1f\x8b") {
        Some("gzip data")
    } else if trimmed.get(..9).is_some_and(|t| t.eq_ignore_ascii_case("<!doctype"))
        || trimmed.get(..5).is_some_and(|t| t.eq_ignore_ascii_case("<html"))
    {
        Some("an HTML page")
    } else if trimmed.starts_with('<') {
        Some("XML")
    } else {
        None
    };
    match format {
        Some(format) => FeedError::OtherFormat(format),
        None if error.is_eof() || is_cut_short(body) => FeedError::CutShort { bytes: body.len() },
        None if error.is_data() => FeedError::NotGbfs { reason: error.to_string() },
        None => FeedError::NotJson {
            reason: error.to_string(),
            start: shortened(trimmed.lines().next().unwrap_or_default()),
        },
    }
}

/// Whether the text ends before its JSON does, whatever that JSON is.
fn is_cut_short(body: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err_and(|error| error.is_eof())
}

impl<'de: 'a, 'a> Deserialize<'de> for Document<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor)
    }
}

struct DocumentVisitor;

impl<'a> Document<'a> {
    /// The stations of a feed that must have some.
    pub(super) fn stations(
        self,
        feed: &'static str,
    ) -> Result<(Envelope, Vec<Fields<'a>>), FeedError> {
        let reason = match self.data {
            Data::Stations(stations) if stations.is_empty() => {
                return Err(FeedError::NoStations { feed });
            }
            Data::Stations(stations) => return Ok((self.envelope, stations)),
            Data::Missing(names) => {
                format!("it has no `data`, only {}", listed(names.iter().map(String::as_str)))
            }
            Data::Other(fields) => {
                format!("`data` has no `stations`, only {}", listed(fields.names()))
            }
        };
        Err(FeedError::WrongFeed { feed, reason })
    }

    /// The fields of `data`, of a feed that is about the system as a whole.
    pub(super) fn fields(self, feed: &'static str) -> Result<(Envelope, Fields<'a>), FeedError> {
        let reason = match self.data {
            Data::Other(fields) => return Ok((self.envelope, fields)),
            Data::Stations(_) => "`data` has `stations`".to_owned(),
            Data::Missing(names) => {
                format!("it has no `data`, only {}", listed(names.iter().map(String::as_str)))
            }
        };
        Err(FeedError::WrongFeed { feed, reason })
    }
}

/// Some names, quoted.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let quoted: Vec<String> = names.take(6).map(|name| format!("`{}`", shortened(name))).collect();
    if quoted.is_empty() { "nothing".to_owned() } else { quoted.join(", ") }
}

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a GBFS document, which is a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut envelope = Envelope::default();
        let mut others = Vec::new();
        let mut data = None;
        while let Some(name) = map.next_key::<Name<'de>>()? {
            match name.0.as_ref() {
                "data" => data = Some(map.next_value::<Data<'de>>()?),
                "last_updated" | "lastUpdatedOther" | "lastUpdated" => {
                    let raw: &serde_json::value::RawValue = map.next_value()?;
                    envelope.last_updated = envelope.last_updated.or(FeedTime::read(raw.get()));
                }
                "ttl" => {
                    let raw: &serde_json::value::RawValue = map.next_value()?;
                    envelope.ttl_s = unquoted(raw.get()).parse().ok();
                }
                "version" => {
                    let raw: &serde_json::value::RawValue = map.next_value()?;
                    envelope.version = Some(unquoted(raw.get()).to_owned()).filter(|v| v != "null");
                }
                other => {
                    others.push(other.to_owned());
                    map.next_value::<serde::de::IgnoredAny>()?;
                }
            }
        }
        let data = data.unwrap_or(Data::Missing(others));
        Ok(Document { envelope, data })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Data<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object as `data`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut others = Vec::new();
        let mut stations = None;
        while let Some(name) = map.next_key::<Name<'de>>()? {
            if name.0 == "stations" {
                stations = Some(map.next_value::<Vec<Fields<'de>>>()?);
            } else {
                others.push((name.0, map.next_value()?));
            }
        }
        Ok(stations.map_or_else(|| Data::Other(Fields::new(others)), Data::Stations))
    }
}
