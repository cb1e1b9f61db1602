//! What a client accepts and already has: RFC 9110, sections 8.8, 12.5 and 13.

use chrono::{DateTime, NaiveDateTime, Utc};
use warp::http::{HeaderMap, HeaderValue, header};

/// The forms an answer can take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Json,
    GeoJson,
    Csv,
    Arrow,
    Parquet,
    /// The metrics, in Prometheus' text format; not negotiated.
    Prometheus,
    /// The documentation; not negotiated.
    Html,
    /// The OpenAPI document; not negotiated.
    OpenApi,
}

/// Content codings, the one preferred among equals last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Zstd,
    Brotli,
}

impl Format {
    /// Those a client can ask for.
    pub(crate) const ALL: [Self; 5] =
        [Self::Json, Self::GeoJson, Self::Csv, Self::Arrow, Self::Parquet];

    /// Its name, which is also a file's ending.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json | Self::OpenApi => "json",
            Self::GeoJson => "geojson",
            Self::Csv => "csv",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
            Self::Prometheus => "txt",
            Self::Html => "html",
        }
    }

    /// Its media type without parameters.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::GeoJson => "application/geo+json",
            Self::Csv => "text/csv",
            Self::Arrow => "application/vnd.apache.arrow.file",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Prometheus => "text/plain",
            Self::Html => "text/html",
            Self::OpenApi => "application/vnd.oai.openapi+json",
        }
    }

    /// Its media type as a header.
    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::OpenApi => "application/vnd.oai.openapi+json;version=3.1",
            other => other.media_type(),
        })
    }

    /// Whether a browser should show it rather than save it.
    pub(crate) fn is_shown(self) -> bool {
        !matches!(self, Self::Csv | Self::Arrow | Self::Parquet)
    }

    /// Whether it is not compressed in itself.
    pub(crate) fn is_compressible(self) -> bool {
        self != Self::Parquet
    }
}

impl Encoding {
    pub(crate) const ALL: [Self; 4] = [Self::Identity, Self::Gzip, Self::Zstd, Self::Brotli];

    /// Its name in headers; `None` for the bytes as they are.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
            Self::Brotli => Some("br"),
        }
    }
}

/// The best of `offered` for an `Accept` header; among equals the first offered. `None` where the
/// client accepts none of them.
pub(crate) fn format(accept: Option<&HeaderValue>, offered: &[Format]) -> Option<Format> {
    let accept = accept.and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    let ranges: Vec<(&str, u16)> = weighted(accept).collect();
    if ranges.is_empty() {
        return offered.first().copied();
    }
    let quality = |format: Format| {
        let (kind, _) = format.media_type().split_once('/').unwrap_or_default();
        let specific = |range: &str| {
            if range.eq_ignore_ascii_case(format.media_type()) {
                Some(2)
            } else if range.strip_suffix("/*").is_some_and(|r| r.eq_ignore_ascii_case(kind)) {
                Some(1)
            } else {
                (range == "*/*").then_some(0)
            }
        };
        let matching = ranges.iter().filter_map(|(range, q)| Some((specific(range)?, *q)));
        matching.max_by_key(|(specific, _)| *specific).map_or(0, |(_, q)| q)
    };
    let mut best = None;
    for &format in offered {
        let q = quality(format);
        if q > best.map_or(0, |(_, q)| q) {
            best = Some((format, q));
        }
    }
    best.map(|(format, _)| format)
}

/// The coding for an `Accept-Encoding` header: of those the client likes best, the smallest.
pub(crate) fn encoding(accept: Option<&HeaderValue>) -> Encoding {
    let Some(accept) = accept.and_then(|value| value.to_str().ok()) else {
        return Encoding::Identity;
    };
    let mut best = (Encoding::Identity, 0);
    for encoding in Encoding::ALL.into_iter().skip(1) {
        let name = encoding.name().unwrap_or_default();
        let named = weighted(accept).find(|(coding, _)| coding.eq_ignore_ascii_case(name));
        let any = || weighted(accept).find(|(coding, _)| *coding == "*");
        let q = named.or_else(any).map_or(0, |(_, q)| q);
        if q > 0 && q >= best.1 {
            best = (encoding, q);
        }
    }
    best.0
}

/// Whether the client's copy, as its conditions tell, is still right.
pub(crate) fn is_unchanged(
    request: &HeaderMap,
    etag: &HeaderValue,
    modified: Option<&HeaderValue>,
) -> bool {
    if request.contains_key(header::IF_NONE_MATCH) {
        let given = request.get_all(header::IF_NONE_MATCH).iter();
        let mut tags =
            given.filter_map(|value| value.to_str().ok()).flat_map(|tags| tags.split(','));
        return tags.any(|tag| {
            let tag = tag.trim();
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == etag.as_bytes()
        });
    }
    let since = request.get(header::IF_MODIFIED_SINCE).and_then(parse_http_date);
    match (since, modified.and_then(parse_http_date)) {
        (Some(since), Some(modified)) => modified <= since,
        _ => false,
    }
}

const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// An instant as HTTP writes it, in whole seconds.
pub(crate) fn http_date(at: DateTime<Utc>) -> String {
    at.format(HTTP_DATE).to_string()
}

fn parse_http_date(value: &HeaderValue) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(value.to_str().ok()?, HTTP_DATE).ok()
}

/// The items of a list with their weights in thousandths (`q=0.5` is 500).
fn weighted(list: &str) -> impl Iterator<Item = (&str, u16)> {
    list.split(',').filter_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let q = parts
            .filter_map(|part| part.split_once('='))
            .find(|(key, _)| key.trim().eq_ignore_ascii_case("q"))
            .map_or(1.0, |(_, q)| q.trim().parse::<f64>().unwrap_or(0.0));
        Some((name, (q.clamp(0.0, 1.0) * 1000.0) as u16))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> HeaderValue {
        HeaderValue::from_str(text).unwrap()
    }

    #[test]
    fn the_format_is_the_one_liked_best_among_those_offered() {
        let chosen = |accept: &str| format(Some(&header(accept)), &Format::ALL);
        assert_eq!(format(None, &Format::ALL), Some(Format::Json));
        assert_eq!(chosen("*/*"), Some(Format::Json));
        assert_eq!(chosen("text/html,application/xhtml+xml,*/*;q=0.8"), Some(Format::Json));
        assert_eq!(chosen("application/geo+json"), Some(Format::GeoJson));
        assert_eq!(chosen("text/*"), Some(Format::Csv));
        assert_eq!(chosen("application/json;q=0.2, text/csv;q=0.9"), Some(Format::Csv));
        assert_eq!(chosen("application/json;q=0, */*;q=0.1"), Some(Format::GeoJson));
        assert_eq!(chosen("image/png"), None);
    }

    #[test]
    fn the_coding_is_the_smallest_of_those_liked_best() {
        let chosen = |accept: &str| encoding(Some(&header(accept)));
        assert_eq!(encoding(None), Encoding::Identity);
        assert_eq!(chosen("gzip, deflate, br, zstd"), Encoding::Brotli);
        assert_eq!(chosen("gzip, br;q=0"), Encoding::Gzip);
        assert_eq!(chosen("gzip;q=1.0, zstd;q=0.5"), Encoding::Gzip);
        assert_eq!(chosen("*"), Encoding::Brotli);
        assert_eq!(chosen("compress, snappy;q=x"), Encoding::Identity);
    }

    #[test]
    fn a_copy_is_unchanged_by_its_tag_or_else_by_its_date() {
        let etag = header("\"abc-gzip\"");
        let modified = header("Sun, 22 Nov 2026 10:15:00 GMT");
        let with = |name: &'static str, text: &str| {
            let mut request = HeaderMap::new();
            request.insert(name, header(text));
            is_unchanged(&request, &etag, Some(&modified))
        };
        assert!(with("if-none-match", "\"abc-gzip\""));
        assert!(with("if-none-match", "\"x\", W/\"abc-gzip\""));
        assert!(with("if-none-match", "*"));
        assert!(!with("if-none-match", "\"abc\""));
        assert!(with("if-modified-since", "Sun, 22 Nov 2026 10:15:00 GMT"));
        assert!(!with("if-modified-since", "Sun, 22 Nov 2026 10:14:59 GMT"));
        assert!(!with("if-modified-since", "yesterday"));
    }
}
