//! One JSON object, its values still as they came, read field by field.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::clock::FeedTime;
use super::problems::Problems;

/// The fields of a JSON object that nobody has taken yet.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    left: Vec<(Cow<'a, str>, &'a RawValue)>,
    is_object: bool,
}

/// A text in one or several languages: `"x"` or `[{"text":"x","language":"en"}]`.
#[derive(serde::Deserialize)]
struct Localised<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(borrow, default)]
    language: Cow<'a, str>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(left: Vec<(Cow<'a, str>, &'a RawValue)>) -> Self {
        Self { left, is_object: true }
    }

    /// Whether the JSON value was an object at all.
    pub(super) fn is_object(&self) -> bool {
        self.is_object
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.left.iter().map(|(name, _)| name.as_ref())
    }

    /// Takes a field as it came; `null` is as good as absent.
    pub(super) fn raw(&mut self, name: &str) -> Option<&'a str> {
        let at = self.left.iter().position(|(known, _)| known == name)?;
        Some(self.left.swap_remove(at).1.get()).filter(|raw| *raw != "null")
    }

    /// Reads a field as it came and leaves it; `null` is as good as absent.
    pub(super) fn peek(&self, name: &str) -> Option<&'a str> {
        let (_, raw) = self.left.iter().find(|(known, _)| known == name)?;
        Some(raw.get()).filter(|raw| *raw != "null")
    }

    /// Takes the first of several spellings that is there, and drops the others that say the same.
    fn spelt<T: PartialEq>(
        &mut self,
        names: &[&str],
        read: impl Fn(&str) -> Option<T>,
        problems: &mut Problems,
    ) -> Option<T> {
        let mut found: Option<T> = None;
        for name in names {
            let Some(at) = self.left.iter().position(|(known, _)| known == name) else { continue };
            let raw = self.left[at].1.get();
            // Null and the empty text say nothing.
            if raw == "null" || raw == "\"\"" {
                self.left.swap_remove(at);
                continue;
            }
            let Some(value) = read(raw) else {
                // It stays among the fields left, so that `extra` keeps it.
                problems.note(&format!("`{name}` not understood"), &shortened(raw));
                continue;
            };
            if let Some(first) = &found
                && *first != value
            {
                problems.note(&format!("`{name}` contradicts `{}`", names[0]), &shortened(raw));
                continue;
            }
            self.left.swap_remove(at);
            found = found.or(Some(value));
        }
        found
    }

    /// A value in a form of its own.
    pub(super) fn read<T: PartialEq>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Option<T>,
        problems: &mut Problems,
    ) -> Option<T> {
        self.spelt(&[name], read, problems)
    }

    /// A number of things; a negative one is kept as it was sent, and noted.
    pub(super) fn count(&mut self, names: &[&str], problems: &mut Problems) -> Option<i32> {
        let count = self.spelt(names, read_count, problems);
        if let Some(below_0) = count.filter(|&count| count < 0) {
            problems.note(&format!("`{}` is negative", names[0]), &below_0.to_string());
        }
        count
    }

    /// A flag, as `0`/`1` or `false`/`true`.
    pub(super) fn flag(&mut self, name: &str, problems: &mut Problems) -> Option<bool> {
        self.spelt(&[name], read_flag, problems)
    }

    /// A number.
    pub(super) fn number(&mut self, names: &[&str], problems: &mut Problems) -> Option<f64> {
        self.spelt(
            names,
            |raw| unquoted(raw).parse().ok().filter(|n: &f64| n.is_finite()),
            problems,
        )
    }

    /// An id: a string, or a number as its digits.
    pub(super) fn id(&mut self, names: &[&str], problems: &mut Problems) -> Option<String> {
        self.spelt(names, read_id, problems)
    }

    /// An instant, as seconds (or milliseconds) since 1970 or RFC 3339.
    pub(super) fn time(
        &mut self,
        names: &[&str],
        problems: &mut Problems,
    ) -> Option<DateTime<Utc>> {
        self.spelt(names, |raw| FeedTime::read(raw).map(|time| time.at), problems)
    }

    /// A text, of several languages `language`'s, `en`'s or the first, without spaces around it.
    pub(super) fn text(
        &mut self,
        name: &str,
        language: Option<&str>,
        problems: &mut Problems,
    ) -> Option<String> {
        self.spelt(&[name], |raw| read_text(raw, language), problems)
    }

    /// What nobody took and is not null, as one JSON object; `None` when nothing is left.
    pub(super) fn extra(mut self) -> Option<String> {
        self.left.retain(|(_, raw)| raw.get() != "null");
        if self.left.is_empty() {
            return None;
        }
        self.left.sort_by(|a, b| a.0.cmp(&b.0));
        let mut json = String::from("{");
        for (index, (name, raw)) in self.left.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            json.push_str(&serde_json::to_string(name.as_ref()).unwrap_or_default());
            json.push(':');
            json.push_str(raw.get());
        }
        json.push('}');
        Some(json)
    }
}

fn read_count(raw: &str) -> Option<i32> {
    let text = unquoted(raw);
    let whole = text.parse().ok().or_else(|| {
        let float: f64 = text.parse().ok()?;
        (float.fract() == 0.0 && float.abs() <= f64::from(i32::MAX)).then_some(float as i32)
    })?;
    // The one number that tables keep for null.
    (whole != hotspots_data::NULL).then_some(whole)
}

fn read_flag(raw: &str) -> Option<bool> {
    match unquoted(raw) {
        "1" | "true" | "1.0" => Some(true),
        "0" | "false" | "0.0" => Some(false),
        _ => None,
    }
}

fn read_id(raw: &str) -> Option<String> {
    let id = if raw.starts_with('"') {
        serde_json::from_str::<String>(raw).ok()?
    } else if raw.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        raw.to_owned()
    } else {
        return None;
    };
    (!id.is_empty()).then_some(id)
}

fn read_text(raw: &str, language: Option<&str>) -> Option<String> {
    let text = if raw.starts_with('[') {
        let all: Vec<Localised> = serde_json::from_str(raw).ok()?;
        let of = |wanted: &str| all.iter().find(|one| one.language == wanted);
        language.and_then(of).or_else(|| of("en")).or(all.first())?.text.to_string()
    } else {
        serde_json::from_str::<String>(raw).ok()?
    };
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

pub(super) fn unquoted(raw: &str) -> &str {
    raw.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(raw).trim()
}

pub(super) fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain(['…']).collect()
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldsVisitor)
    }
}

/// A field's name, borrowed from the body unless it has escapes.
#[derive(serde::Deserialize)]
pub(super) struct Name<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

struct FieldsVisitor;

impl FieldsVisitor {
    fn not_an_object<'a>() -> Fields<'a> {
        Fields { left: Vec::new(), is_object: false }
    }
}

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut left = Vec::with_capacity(16);
        while let Some(name) = map.next_key::<Name<'de>>()? {
            left.push((name.0, map.next_value()?));
        }
        Ok(Fields::new(left))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::not_an_object())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Self::not_an_object())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Self::not_an_object())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Self::not_an_object())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Self::not_an_object())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Self::not_an_object())
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Self::not_an_object())
    }
}
