//! Which form and which coding a client accepts: RFC 9110, section 12.5.

use warp::http::header::{self, HeaderName};
use warp::http::{HeaderMap, HeaderValue};

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

/// The best of `offered` by a request's `Accept`; among equals the first offered. `None` where the
/// client accepts none of them.
pub(crate) fn format(request: &HeaderMap, offered: &[Format]) -> Option<Format> {
    let ranges: Vec<(&str, u16)> = weighted(request, header::ACCEPT).collect();
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

/// The coding by a request's `Accept-Encoding`: of those the client likes best, the smallest.
///
/// A coding that is not named has the weight of `*`. `identity`, named or not, is also the answer where
/// nothing else is acceptable: "no content codings" is what section 12.5.3 asks for then "unless the
/// identity coding is indicated as unacceptable", and for `identity;q=0` it leaves open what to send.
/// Of a refusal (406) a client has no more than of an answer that it may yet understand.
pub(crate) fn encoding(request: &HeaderMap) -> Encoding {
    let (mut named, mut others) = ([None; 4], None);
    for (coding, q) in weighted(request, header::ACCEPT_ENCODING) {
        let is_called =
            |known: &Encoding| known.name().unwrap_or("identity").eq_ignore_ascii_case(coding);
        match Encoding::ALL.iter().find(|known| is_called(known)) {
            Some(known) => named[*known as usize].get_or_insert(q),
            None if coding == "*" => others.get_or_insert(q),
            None => continue,
        };
    }
    let quality = |encoding: &Encoding| named[*encoding as usize].or(others).unwrap_or(0);
    let acceptable = Encoding::ALL.into_iter().filter(|encoding| quality(encoding) > 0);
    acceptable.max_by_key(quality).unwrap_or(Encoding::Identity)
}

/// The items of a list with their weights in thousandths (`q=0.5` is 500); several lines of one header
/// are one list (section 5.3).
fn weighted(request: &HeaderMap, name: HeaderName) -> impl Iterator<Item = (&str, u16)> {
    let lines = request.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(|item| {
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

    fn request(name: &HeaderName, lines: &[&str]) -> HeaderMap {
        let mut request = HeaderMap::new();
        for line in lines {
            request.append(name, HeaderValue::from_str(line).unwrap());
        }
        request
    }

    #[test]
    fn the_format_is_the_one_liked_best_among_those_offered() {
        let chosen = |lines: &[&str]| format(&request(&header::ACCEPT, lines), &Format::ALL);
        for (lines, expected) in [
            (&[][..], Some(Format::Json)),
            (&["*/*"], Some(Format::Json)),
            (&["text/html,application/xhtml+xml,*/*;q=0.8"], Some(Format::Json)),
            (&["application/geo+json"], Some(Format::GeoJson)),
            (&["text/*"], Some(Format::Csv)),
            (&["application/json;q=0.2, text/csv;q=0.9"], Some(Format::Csv)),
            (&["application/json;q=0.2", "text/csv;q=0.9"], Some(Format::Csv)),
            (&["image/png", "text/csv"], Some(Format::Csv)),
            (&["application/json;q=0, */*;q=0.1"], Some(Format::GeoJson)),
            (&["image/png"], None),
        ] {
            assert_eq!(chosen(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn the_coding_is_the_smallest_of_those_liked_best() {
        for (lines, expected) in [
            (&[][..], Encoding::Identity),
            (&["gzip, deflate, br, zstd"], Encoding::Brotli),
            (&["gzip", "deflate, br"], Encoding::Brotli),
            (&["gzip, br;q=0"], Encoding::Gzip),
            (&["gzip;q=1.0, zstd;q=0.5"], Encoding::Gzip),
            (&["*"], Encoding::Brotli),
            (&["compress, snappy;q=x"], Encoding::Identity),
            (&["gzip;q=0.1"], Encoding::Gzip),
        ] {
            assert_eq!(encoding(&request(&header::ACCEPT_ENCODING, lines)), expected, "{lines:?}");
        }
    }

    #[test]
    fn the_bytes_as_they_are_have_a_weight_too() {
        for (line, expected) in [
            ("identity;q=1, *;q=0.5", Encoding::Identity),
            ("identity, gzip;q=0.5", Encoding::Identity),
            ("gzip, identity", Encoding::Gzip),
            ("identity;q=0.5, gzip;q=0.9", Encoding::Gzip),
            ("br;q=0.1, zstd;q=0.1, gzip;q=0.1, *;q=0.5", Encoding::Identity),
            ("identity;q=0", Encoding::Identity),
            ("identity;q=0, compress", Encoding::Identity),
            ("*;q=0", Encoding::Identity),
            ("identity;q=0, gzip;q=0.1", Encoding::Gzip),
        ] {
            assert_eq!(encoding(&request(&header::ACCEPT_ENCODING, &[line])), expected, "{line}");
        }
    }
}
