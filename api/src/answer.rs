//! A finished answer: its bytes in every encoding, each made once, and its headers.

use std::io::Write as _;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use httpdate::HttpDate;
use tokio::sync::OnceCell;
use twox_hash::XxHash3_128;
use url::Url;
use warp::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use crate::conditions::{self, Validators, Verdict};
use crate::making::held;
use crate::negotiate::{self, Encoding, Format};
use crate::problem::{Kind, Problem};
use crate::range::{self, Part};
use crate::state::State;

/// The body of every answer.
pub(crate) type Body = Bytes;

/// Below this many bytes, compression saves no packet.
const WORTH_COMPRESSING_BYTES: usize = 1024;

/// How long a cache may keep an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Of a closed day: it changes only when somebody computes it again.
    Closed,
    /// Of a day that is not over, or of the list of days.
    Changing,
    /// Never: it is about this very moment.
    Now,
}

/// What to say when asked.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Bytes,
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "only Linux sends from files")
    )]
    hash: u128,
    format: Format,
    freshness: Freshness,
    modified: Option<(HttpDate, HeaderValue)>,
    file: Option<HeaderValue>,
    links: Option<HeaderValue>,
    etags: [HeaderValue; 4],
    encoded: [OnceCell<Bytes>; 3],
}

impl Answer {
    /// An answer with the bytes as they are without an encoding.
    pub(crate) fn new(format: Format, freshness: Freshness, body: impl Into<Vec<u8>>) -> Self {
        let body = held(body.into());
        // Whoever could choose bytes with equal hashes would deceive nobody but caches of his own data.
        let hash = XxHash3_128::oneshot(&body);
        let etags = Encoding::ALL.map(|encoding| match encoding.name() {
            None => value(&format!("\"{hash:032x}\"")),
            Some(name) => value(&format!("\"{hash:032x}-{name}\"")),
        });
        Self {
            body,
            hash,
            format,
            freshness,
            modified: None,
            file: None,
            links: None,
            etags,
            encoded: Default::default(),
        }
    }

    /// Has it in an encoding already.
    pub(crate) fn encoded_as(self, encoding: Encoding, bytes: &'static [u8]) -> Self {
        if let Some(cell) = self.cell(encoding) {
            let _ = cell.set(Bytes::from_static(bytes));
        }
        self
    }

    /// Says when its data was written.
    pub(crate) fn modified(mut self, at: DateTime<Utc>) -> Self {
        self.modified = conditions::http_date(at).map(|at| (at, value(&at.to_string())));
        self
    }

    /// Says what a file of it should be called, without the ending.
    pub(crate) fn called(mut self, name: &str) -> Self {
        let kind = if self.format.is_shown() { "inline" } else { "attachment" };
        let ending = self.format.name();
        self.file = Some(value(&format!("{kind}; filename=\"{name}.{ending}\"")));
        self
    }

    /// Points to the licence of its data, if that is an address of the web.
    pub(crate) fn licensed(mut self, url: Option<&str>) -> Self {
        // Parsing percent-encodes whatever a header, or the brackets in it, could not hold.
        let url = url.and_then(|url| Url::parse(url).ok());
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
        self.links = url.map(|url| value(&format!("<{url}>; rel=\"license\"")));
        self
    }

    /// All bytes held.
    pub(crate) fn size_bytes(&self) -> usize {
        let encoded: usize =
            self.encoded.iter().filter_map(|cell| cell.get()).map(Bytes::len).sum();
        // The headers and the cells around them.
        self.body.len() + encoded + 1024
    }

    /// The response to a GET or HEAD with these headers; a body in a new encoding is made once, off the
    /// threads that serve. `is_private` where the API is not for everybody.
    ///
    /// # Errors
    /// 412 and 416 where the client's conditions or range do not fit, 503 when the server has too much
    /// to do.
    pub(crate) async fn response(
        &self,
        method: &Method,
        request: &HeaderMap,
        is_private: bool,
        state: &State,
    ) -> Result<Response<Body>, Problem> {
        let encoding = self.encoding_for(request);
        match conditions::check(request, self.validators(encoding)) {
            Verdict::Unchanged => Ok(self.with_headers(encoding, None, is_private)),
            Verdict::Answer => {
                let body = self.encoded(encoding, state).await?;
                self.whole_or_part(method, request, encoding, body, is_private)
            }
            Verdict::Failed => {
                let detail = "it has changed since the client's copy, or never had that ETag";
                Err(Problem::new(Kind::PRECONDITION_FAILED, detail))
            }
        }
    }

    /// The response, if it is not a problem and there is no need to wait for an encoding.
    pub(crate) fn response_at_once(
        &self,
        method: &Method,
        request: &HeaderMap,
        is_private: bool,
    ) -> Option<Response<Body>> {
        let encoding = self.encoding_for(request);
        match conditions::check(request, self.validators(encoding)) {
            Verdict::Unchanged => Some(self.with_headers(encoding, None, is_private)),
            Verdict::Answer => {
                let body = self.ready(encoding)?.clone();
                self.whole_or_part(method, request, encoding, body, is_private).ok()
            }
            Verdict::Failed => None,
        }
    }

    fn encoding_for(&self, request: &HeaderMap) -> Encoding {
        if self.format.is_compressible() && self.body.len() >= WORTH_COMPRESSING_BYTES {
            negotiate::encoding(request)
        } else {
            Encoding::Identity
        }
    }

    fn validators(&self, encoding: Encoding) -> Validators<'_> {
        let modified = self.modified.as_ref().map(|(at, _)| *at);
        Validators { etag: &self.etags[encoding as usize], modified }
    }

    /// The response with the body in an encoding, or with the part of it that was asked for.
    fn whole_or_part(
        &self,
        method: &Method,
        request: &HeaderMap,
        encoding: Encoding,
        body: Bytes,
        is_private: bool,
    ) -> Result<Response<Body>, Problem> {
        let length = body.len();
        // Of other methods, HEAD among them, a range means nothing (RFC 9110, 14.2).
        let is_part = *method == Method::GET
            && request.contains_key(header::RANGE)
            && conditions::allow_range(request, self.validators(encoding));
        let part = if is_part { range::part(request, length) } else { Part::Whole };
        match part {
            Part::Whole => {
                #[cfg(target_os = "linux")]
                crate::hot::asked(&body, self.hash);
                Ok(self.with_headers(encoding, Some(body), is_private))
            }
            Part::Bytes(part) => {
                let place = value(&format!("bytes {}-{}/{length}", part.start, part.end - 1));
                let mut response = self.with_headers(encoding, Some(body.slice(part)), is_private);
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                response.headers_mut().insert(header::CONTENT_RANGE, place);
                Ok(response)
            }
            Part::Beyond => {
                let detail = format!("it has {length} bytes in this form and encoding");
                Err(Problem::new(Kind::RANGE_NOT_SATISFIABLE, detail)
                    .with_header(header::CONTENT_RANGE, value(&format!("bytes */{length}"))))
            }
        }
    }

    /// The response with a body, or without one to who has it already.
    fn with_headers(
        &self,
        encoding: Encoding,
        body: Option<Bytes>,
        is_private: bool,
    ) -> Response<Body> {
        let mut response = Response::new(Bytes::new());
        // Room for all headers at once, those of every answer included. With few, the map is small enough
        // for the allocator to have one at hand, and for those of many connections to stay in a cache.
        response.headers_mut().reserve(if body.is_some() { 16 } else { 6 });
        if let Some(body) = body {
            *response.body_mut() = body;
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, self.format.content_type());
            headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            if let Some((_, modified)) = &self.modified {
                headers.insert(header::LAST_MODIFIED, copied(modified));
            }
            if let Some(links) = &self.links {
                headers.insert(header::LINK, copied(links));
            }
            if let Some(name) = encoding.name() {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
            }
            if let Some(file) = &self.file {
                headers.insert(header::CONTENT_DISPOSITION, copied(file));
            }
        } else {
            // What describes a body is left out with it (RFC 9110, 15.4.5).
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        headers.insert(header::ETAG, copied(&self.etags[encoding as usize]));
        headers.insert(header::CACHE_CONTROL, self.cache_control(is_private));
        headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        response
    }

    fn cache_control(&self, is_private: bool) -> HeaderValue {
        HeaderValue::from_static(match (self.freshness, is_private) {
            (Freshness::Closed, false) => "public, max-age=3600, stale-while-revalidate=86400",
            (Freshness::Closed, true) => "private, max-age=3600",
            (Freshness::Changing, false) => "public, max-age=15",
            (Freshness::Changing, true) => "private, max-age=15",
            (Freshness::Now, _) => "no-store",
        })
    }

    /// The body in an encoding, if it was made.
    fn ready(&self, encoding: Encoding) -> Option<&Bytes> {
        self.cell(encoding).map_or(Some(&self.body), OnceCell::get)
    }

    fn cell(&self, encoding: Encoding) -> Option<&OnceCell<Bytes>> {
        (encoding as usize).checked_sub(1).and_then(|at| self.encoded.get(at))
    }

    async fn encoded(&self, encoding: Encoding, state: &State) -> Result<Bytes, Problem> {
        if let Some(ready) = self.ready(encoding) {
            return Ok(ready.clone());
        }
        let Some(cell) = self.cell(encoding) else { return Ok(self.body.clone()) };
        let body = self.body.clone();
        let make = async || {
            let turn = state.making.turn(&state.tables).await?;
            // The turn goes with the work, which goes on when its client has hung up.
            let encode = move || {
                let _turn = turn;
                compressed(encoding, &body).map(held)
            };
            let encoded = tokio::task::spawn_blocking(encode).await;
            let mistake = |error: std::io::Error| Problem::internal(error.to_string());
            encoded.map_err(|error| mistake(error.into()))?.map_err(mistake)
        };
        // Boxed: what is done once must not make the future of every request larger.
        let encoded = Box::pin(cell.get_or_try_init(make)).await?.clone();
        state.tables.make_room();
        Ok(encoded)
    }
}

/// The bytes in an encoding. The levels are those at which a day of 1,500 cells takes a few
/// milliseconds: it is done once, but somebody waits for it.
fn compressed(encoding: Encoding, body: &[u8]) -> std::io::Result<Vec<u8>> {
    match encoding {
        Encoding::Identity => Ok(body.to_vec()),
        Encoding::Gzip => {
            let level = flate2::Compression::new(6);
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), level);
            writer.write_all(body)?;
            writer.finish()
        }
        Encoding::Brotli => {
            let parameters = brotli::enc::BrotliEncoderParams {
                quality: 5,
                // A window as wide as the body and no wider: it is memory.
                lgwin: (usize::BITS - body.len().leading_zeros()).clamp(10, 22) as i32,
                size_hint: body.len(),
                ..Default::default()
            };
            let mut compressed = Vec::new();
            brotli::BrotliCompress(&mut &body[..], &mut compressed, &parameters)?;
            Ok(compressed)
        }
        Encoding::Zstd => zstd::bulk::compress(body, 6),
    }
}

/// The same value in bytes of its own: a clone would share them, and all cores would wait for each other
/// to count who does.
fn copied(value: &HeaderValue) -> HeaderValue {
    HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone())
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_licence_is_linked_whatever_letters_its_address_has() {
        let link = |url| {
            let answer = Answer::new(Format::Json, Freshness::Closed, "{}").licensed(Some(url));
            let response = answer.response_at_once(&Method::GET, &HeaderMap::new(), false);
            let headers = response.unwrap().into_parts().0.headers;
            headers.get("link").map(|link| link.to_str().unwrap().to_owned())
        };
        for (url, expected) in [
            ("https://licence.example/terms", "https://licence.example/terms"),
            (
                "https://vélo.example/données ouvertes?é=<>",
                "https://xn--vlo-bma.example/donn%C3%A9es%20ouvertes?%C3%A9=%3C%3E",
            ),
            ("HTTP://licence.example", "http://licence.example/"),
        ] {
            assert_eq!(link(url), Some(format!("<{expected}>; rel=\"license\"")), "{url}");
        }
        for none in ["", "ODbL-1.0", "data:a>b", "terms.html"] {
            assert_eq!(link(none), None, "{none}");
        }
    }

    #[tokio::test]
    async fn every_encoding_unpacks_to_the_same_bytes() {
        let text = "Where are the bikes piling up? ".repeat(100);
        let answer = Answer::new(Format::Json, Freshness::Changing, text.clone());
        let lake = hotspots_data::Lake::open("memory:///").unwrap();
        let tables = crate::tables::Tables::new(lake, 0, std::collections::HashMap::new());
        let state = State::new(
            tables,
            None,
            None,
            &crate::Limits::default(),
            &crate::page::BaseMap::default(),
        );
        let mut etags = Vec::new();
        for encoding in ["identity", "gzip", "br", "zstd"] {
            let mut request = HeaderMap::new();
            request.insert("accept-encoding", value(encoding));
            let response = answer.response(&Method::GET, &request, false, &state).await.unwrap();
            let body = response.body();
            let unpacked = match encoding {
                "gzip" => {
                    let mut text = Vec::new();
                    let mut reader = flate2::write::GzDecoder::new(&mut text);
                    reader.write_all(body).unwrap();
                    reader.finish().unwrap();
                    text
                }
                "br" => {
                    let mut text = Vec::new();
                    brotli::BrotliDecompress(&mut &body[..], &mut text).unwrap();
                    text
                }
                "zstd" => zstd::decode_all(&body[..]).unwrap(),
                _ => body.to_vec(),
            };
            assert_eq!(unpacked, text.as_bytes(), "{encoding}");
            etags.push(response.headers()["etag"].clone());
        }
        etags.dedup();
        assert_eq!(etags.len(), 4, "another representation, another strong ETag: {etags:?}");
    }
}
