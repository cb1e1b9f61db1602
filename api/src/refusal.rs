//! Refusals of requests whose head the HTTP parser cannot read.
//!
//! hyper answers these by itself, before any code of this crate sees a request, with a status and no
//! body. What it sends is known by its look, and a problem document is sent in its place, so that every
//! refusal is one.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use warp::http::{Response, StatusCode, header};

use crate::answer::Body;

/// Makes the response to a request refused with a status.
pub(crate) type Refuse = Arc<dyn Fn(StatusCode) -> Response<Body> + Send + Sync>;

/// What hyper refuses a head with.
const STATUSES: [StatusCode; 3] = [
    StatusCode::BAD_REQUEST,
    StatusCode::URI_TOO_LONG,
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
];
/// More than hyper's own heads are.
const MOST_BYTES: usize = 256;
const EMPTY: &[u8] = b"content-length: 0\r\n";

/// The status, if these bytes are a refusal that hyper made by itself: a head alone, of a body without
/// a byte, which none of this crate's refusals is.
pub(crate) fn refused(bytes: &[u8]) -> Option<StatusCode> {
    let status = StatusCode::from_bytes(bytes.get(9..12)?).ok()?;
    let is_whole = || bytes.len() < MOST_BYTES && bytes.ends_with(b"\r\n\r\n");
    let is_empty = || bytes.windows(EMPTY.len()).any(|part| part.eq_ignore_ascii_case(EMPTY));
    (STATUSES.contains(&status) && bytes.starts_with(b"HTTP/1.") && is_whole() && is_empty())
        .then_some(status)
}

/// The refusal with a response's headers and body in place of none; its own status, date and end of the
/// connection stay.
pub(crate) fn with_body(refusal: &[u8], response: &Response<Body>) -> Bytes {
    let body = response.body();
    let mut out = BytesMut::with_capacity(1024);
    for line in refusal.split_inclusive(|&byte| byte == b'\n') {
        if !line.eq_ignore_ascii_case(EMPTY) && line != b"\r\n" {
            out.put_slice(line);
        }
    }
    for (name, value) in response.headers() {
        if name != header::CONNECTION {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                out.put_slice(part);
            }
        }
    }
    out.put_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    out.put_slice(body);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\
                       content-length: 0\r\ndate: Sun, 22 Nov 2026 10:15:00 GMT\r\n\r\n";

    #[test]
    fn only_a_refusal_without_a_body_is_taken_for_hypers_own() {
        assert_eq!(refused(OWN.as_bytes()), Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        for other in [
            OWN.replace("431 Request Header Fields Too Large", "204 No Content"),
            OWN.replace("content-length: 0", "content-length: 210"),
            OWN.replace("\r\n\r\n", "\r\n"),
            format!("{OWN}{{}}"),
            "{\"count\": 400}".to_owned(),
            String::new(),
        ] {
            assert_eq!(refused(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_refusal_gets_a_body_and_keeps_the_rest() {
        let mut response = Response::new(Bytes::from_static(b"{}"));
        for (name, value) in [("content-type", "application/problem+json"), ("connection", "close")]
        {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        let whole = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\
                     date: Sun, 22 Nov 2026 10:15:00 GMT\r\n\
                     content-type: application/problem+json\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(with_body(OWN.as_bytes(), &response), whole.as_bytes());
    }
}
