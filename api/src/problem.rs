//! Errors as RFC 9457 problem documents.

use arrow::error::ArrowError;
use hotspots_data::codec::CodecError;
use serde_json::{Map, Value, json};
use warp::http::{HeaderValue, Response, StatusCode, header};

use crate::answer::Body;
use crate::fresh::Failure;

/// An error as the client sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
    members: Map<String, Value>,
    allow: Option<&'static str>,
}

impl Problem {
    fn new(status: StatusCode, title: &'static str, detail: String) -> Self {
        Self { status, title, detail, members: Map::new(), allow: None }
    }

    /// 400: the request cannot be understood; `detail` says what would be.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "the request cannot be understood", detail.into())
    }

    /// 400, 414 or 431: not even the head could be read.
    pub(crate) fn unreadable(status: StatusCode, most_bytes: usize) -> Self {
        let (title, detail) = match status {
            StatusCode::URI_TOO_LONG | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (
                "the request's head is too long",
                format!("the request line and all headers may have {most_bytes} bytes together"),
            ),
            _ => (
                "the request cannot be read",
                "its head is not HTTP/1.1 (is it TLS or HTTP/2? this server speaks neither)"
                    .to_owned(),
            ),
        };
        Self::new(status, title, detail)
    }

    /// 404: there is no such thing.
    pub(crate) fn not_found(title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, title, detail.into())
    }

    /// 405, with the methods that are allowed.
    pub(crate) fn method_not_allowed(method: &str, allow: &'static str) -> Self {
        let detail = format!("this API only reads: {method} is not among {allow}");
        let problem =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, "the method is not allowed", detail);
        Self { allow: Some(allow), ..problem }
    }

    /// 503: the lake does not answer; trying again later may help.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the data cannot be read now", detail.into())
    }

    /// Adds a member beside the standard ones.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// 406: none of the forms there are is accepted.
    pub(crate) fn not_acceptable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, "there is no such form of it", detail.into())
    }

    /// 401: the API is not for everybody.
    pub(crate) fn unauthorized() -> Self {
        let detail = "send the header `Authorization: Bearer <token>` with the server's token";
        Self::new(StatusCode::UNAUTHORIZED, "a token is needed", detail.to_owned())
    }

    /// 500: the program is wrong somewhere.
    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the server made a mistake", detail.into())
    }

    /// A member beside the standard ones.
    #[cfg(test)]
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// The HTTP status.
    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer.
    pub(crate) fn response(&self, instance: Option<&str>, request_id: &str) -> Response<Body> {
        let mut document = json!({
            "type": "about:blank",
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
                        "request_id": request_id,
        });
        if let Some(document) = document.as_object_mut() {
            document.extend(instance.map(|path| ("instance".to_owned(), path.into())));
            document.extend(self.members.clone());
        }
        let mut response = Response::new(Body::from(document.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

/// A failure of the lake as its client sees it.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Damaged { .. } => Self::unavailable(failure.to_string()),
            // What a store says may name places that are none of the client's business.
            Failure::Lake(_) | Failure::Slow(_) | Failure::Empty(_) => {
                Self::unavailable("the lake does not answer; the server's log says why")
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
