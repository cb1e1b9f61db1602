//! Errors as RFC 9457 problem documents.

use arrow::error::ArrowError;
use hotspots_data::codec::CodecError;
use serde_json::{Map, Value, json};
use warp::http::header::{self, HeaderName};
use warp::http::{HeaderValue, Response, StatusCode};

use crate::answer::Body;
use crate::fresh::Failure;

/// One kind of problem; the `type` of its documents is `/docs#<name>`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The end of its `type`, which does not change once published.
    pub(crate) name: &'static str,
    /// The status of every response of this kind.
    pub(crate) status: StatusCode,
    /// The `title`: the same for every problem of this kind.
    pub(crate) title: &'static str,
    /// One sentence about when it happens and what helps.
    pub(crate) meaning: &'static str,
}

/// Declares every kind once: as a constant of [`Kind`] and in [`KINDS`].
macro_rules! kinds {
    ($($constant:ident = $name:literal, $status:ident, $title:literal, $meaning:literal;)+) => {
        impl Kind {
            $(pub(crate) const $constant: &'static Self = &Self {
                name: $name,
                status: StatusCode::$status,
                title: $title,
                meaning: $meaning,
            };)+
        }

        /// Every kind of problem there is, by status.
        pub(crate) const KINDS: [&Kind; [$($name),+].len()] = [$(Kind::$constant),+];
    };
}

kinds! {
    BAD_REQUEST = "bad-request", BAD_REQUEST,
        "the request cannot be understood",
        "A parameter or a part of the path is unknown, malformed or contradicts another; `parameter`, `value` and `allowed` say which and what would be right.";
    UNREADABLE_REQUEST = "unreadable-request", BAD_REQUEST,
        "the request cannot be read",
        "The bytes sent are not an HTTP/1.1 request, for instance because the client speaks TLS or HTTP/2 to this port.";
    UNAUTHORIZED = "unauthorized", UNAUTHORIZED,
        "a token is needed",
        "This server answers only requests with its token in the header `Authorization: Bearer <token>`.";
    NO_SUCH_PATH = "no-such-path", NOT_FOUND,
        "there is no such path",
        "The path is none of the API; `GET /` lists those there are.";
    EMPTY_LAKE = "empty-lake", NOT_FOUND,
        "there are no hotspots yet",
        "The lake has no aggregated day of any system.";
    NO_SUCH_SYSTEM = "no-such-system", NOT_FOUND,
        "there is no such system",
        "The lake has no aggregated day of that system; `systems` lists those it has.";
    NO_SUCH_DAY = "no-such-day", NOT_FOUND,
        "there are no hotspots of that day",
        "The system has no hotspots of that day; `first`, `last` and `nearest` name days it has.";
    NOT_COMPUTED = "not-computed", NOT_FOUND,
        "that table of the day is not computed",
        "The day has hotspots, but the table asked for was not computed; `hotspots aggregate` computes it.";
    NO_SUCH_CELL = "no-such-cell", NOT_FOUND,
        "the cell is empty",
        "No station was observed in that cell on that day.";
    NO_SUCH_STATION = "no-such-station", NOT_FOUND,
        "there is no such station",
        "The system had no station of that id on that day; `stations` is the path of those it had.";
    METHOD_NOT_ALLOWED = "method-not-allowed", METHOD_NOT_ALLOWED,
        "the method is not allowed",
        "The API only reads; the header `Allow` lists the methods it answers.";
    NOT_ACCEPTABLE = "not-acceptable", NOT_ACCEPTABLE,
        "there is no such form of it",
        "The path comes in none of the media types that the header `Accept` allows; `allowed` lists those it comes in.";
    PRECONDITION_FAILED = "precondition-failed", PRECONDITION_FAILED,
        "the data is not in the state asked for",
        "The condition in `If-Match` or `If-Unmodified-Since` does not hold: the data has changed, so start again without the condition.";
    URI_TOO_LONG = "uri-too-long", URI_TOO_LONG,
        "the request line is too long",
        "The path and the query are longer than the server reads.";
    RANGE_NOT_SATISFIABLE = "range-not-satisfiable", RANGE_NOT_SATISFIABLE,
        "the range is beyond the end",
        "The header `Range` asks for no byte that there is; `Content-Range` says how many there are.";
    HEADERS_TOO_LONG = "headers-too-long", REQUEST_HEADER_FIELDS_TOO_LARGE,
        "the request's headers are too long",
        "The request line and the headers are together longer than the server reads.";
    INTERNAL = "internal", INTERNAL_SERVER_ERROR,
        "the server made a mistake",
        "The program is wrong somewhere: the server's log has more under the request's id.";
    UNAVAILABLE = "unavailable", SERVICE_UNAVAILABLE,
        "the data cannot be read now",
        "The lake does not answer or a table in it is damaged, and nothing of it is in memory; the server's log says why.";
    BUSY = "busy", SERVICE_UNAVAILABLE,
        "the server has too much to do",
        "The request waited too long for its turn; try again after the time in `Retry-After`.";
    STOPPING = "stopping", SERVICE_UNAVAILABLE,
        "the server is about to stop",
        "The server was asked to stop; only `/readyz` says so, and requests are answered until it ends.";
}

/// An error as the client sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    kind: &'static Kind,
    detail: String,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of a kind; `detail` says what is wrong this time and what would be right.
    pub(crate) fn new(kind: &'static Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), members: Map::new(), headers: Vec::new() }
    }

    /// 400: the request cannot be understood; `detail` says what would be.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(Kind::BAD_REQUEST, detail)
    }

    /// 400, 414 or 431: not even the head could be read, of which at most `most_bytes` are.
    pub(crate) fn unreadable(status: StatusCode, most_bytes: usize) -> Self {
        let kind = match status {
            StatusCode::URI_TOO_LONG => Kind::URI_TOO_LONG,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Kind::HEADERS_TOO_LONG,
            _ => {
                let detail =
                    "its head is not HTTP/1.1 (is it TLS or HTTP/2? this server speaks neither)";
                return Self::new(Kind::UNREADABLE_REQUEST, detail);
            }
        };
        let detail =
            format!("the request line and all headers may have {most_bytes} bytes together");
        Self::new(kind, detail)
    }

    /// 405, with the methods that are allowed.
    pub(crate) fn method_not_allowed(method: &str, allow: &'static str) -> Self {
        let detail = format!("this API only reads: {method} is not among {allow}");
        Self::new(Kind::METHOD_NOT_ALLOWED, detail)
            .with_header(header::ALLOW, HeaderValue::from_static(allow))
    }

    /// 401: the API is not for everybody.
    pub(crate) fn unauthorized() -> Self {
        let detail = "send the header `Authorization: Bearer <token>` with the server's token";
        Self::new(Kind::UNAUTHORIZED, detail)
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 500: the program is wrong somewhere.
    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self::new(Kind::INTERNAL, detail)
    }

    /// Adds a member beside the standard ones.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header to the response.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What kind of problem it is.
    pub(crate) fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// What is wrong this time.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The HTTP status.
    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.kind.status
    }

    /// A member beside the standard ones.
    #[cfg(test)]
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// The response; `instance` is the path, where one is known.
    pub(crate) fn response(&self, instance: Option<&str>, request_id: &str) -> Response<Body> {
        let Kind { name, status, title, .. } = self.kind;
        let mut document = json!({
            "type": format!("/docs#{name}"),
            "title": title,
            "status": status.as_u16(),
            "detail": self.detail,
            "request_id": request_id,
        });
        if let Some(document) = document.as_object_mut() {
            document.extend(instance.map(|path| ("instance".to_owned(), path.into())));
            document.extend(self.members.clone());
        }
        let mut response = Response::new(Body::from(document.to_string()));
        *response.status_mut() = *status;
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if *status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        headers.extend(self.headers.iter().cloned());
        response
    }
}

/// A failure of the lake as its client sees it.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Damaged { .. } => Self::new(Kind::UNAVAILABLE, failure.to_string()),
            // What a store says may name places that are none of the client's business.
            Failure::Lake(_) | Failure::Slow(_) | Failure::Empty(_) => {
                let detail = "the lake does not answer; the server's log says why";
                Self::new(Kind::UNAVAILABLE, detail)
            }
        }
    }
}

impl From<ArrowError> for Problem {
    fn from(error: ArrowError) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<CodecError> for Problem {
    fn from(error: CodecError) -> Self {
        Self::internal(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_an_error_with_a_type_and_a_title_of_its_own() {
        for (index, kind) in KINDS.iter().enumerate() {
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            assert!(kind.name.bytes().all(is_plain), "an anchor as it is: {}", kind.name);
            assert!(kind.status.is_client_error() || kind.status.is_server_error());
            assert!(kind.meaning.ends_with('.') && !kind.title.ends_with('.'), "{}", kind.name);
            for other in &KINDS[..index] {
                assert!(other.name != kind.name && other.title != kind.title, "{}", kind.name);
                assert!(other.status <= kind.status, "by status: {}", kind.name);
            }
        }
        assert!(KINDS.contains(&Kind::NO_SUCH_DAY), "{}", KINDS.len());
    }

    #[test]
    fn a_document_names_its_kind_and_what_is_wrong_this_time() {
        let problem = Problem::new(Kind::NO_SUCH_DAY, "velib has no such day").with("first", "1");
        let response = problem.response(Some("/hotspots/1999-01-01"), "id-1");
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let document: Value = serde_json::from_slice(response.body()).unwrap();
        let expected = json!({
            "type": "/docs#no-such-day",
            "title": "there are no hotspots of that day",
            "status": 404,
            "detail": "velib has no such day",
            "request_id": "id-1",
            "instance": "/hotspots/1999-01-01",
            "first": "1",
        });
        assert_eq!(document, expected);
    }
}
