//! One HTTP request for one feed, with a limit on everything.

use std::time::Duration;

use futures::StreamExt as _;
use hotspots_data::table::Outcome;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use url::Url;

/// What a request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Time to connect.
    pub connect: Duration,
    /// Time between two pieces of the answer.
    pub read: Duration,
    /// Time for the whole of it.
    pub whole: Duration,
    /// Size of the body, after decompression, in bytes.
    pub body_bytes: usize,
}

/// Fetches feeds.
#[derive(Clone, Debug)]
pub struct Fetcher {
    client: reqwest::Client,
    limits: Limits,
}

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The client cannot be made.
    #[error("no HTTP client: {0}")]
    Client(String),
    /// No connection, or it broke.
    #[error("{0}")]
    Refused(String),
    /// A time limit passed.
    #[error("no complete answer within {0} s")]
    Timeout(u64),
    /// Another status than 200.
    #[error("HTTP status {0}")]
    Status(u16),
    /// The body passed the limit.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(15),
            whole: Duration::from_secs(30),
            body_bytes: 64 << 20,
        }
    }
}

impl Fetcher {
    /// A fetcher that introduces itself as `hotspots` with its version and project page.
    ///
    /// # Errors
    /// [`FetchError::Client`] when the system's TLS roots cannot be loaded.
    pub fn new(limits: Limits) -> Result<Self, FetchError> {
        hotspots_data::lake::use_ring_for_tls();
        let accept = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        let client = reqwest::Client::builder()
            .user_agent(concat!(
                "hotspots/",
                env!("CARGO_PKG_VERSION"),
                " (+",
                env!("CARGO_PKG_REPOSITORY"),
                ")"
            ))
            .default_headers(accept)
            .connect_timeout(limits.connect)
            .read_timeout(limits.read)
            .timeout(limits.whole)
            .redirect(reqwest::redirect::Policy::limited(5))
            .build()
            .map_err(|error| FetchError::Client(chain(&error)))?;
        Ok(Self { client, limits })
    }

    /// The body at `url`.
    ///
    /// # Errors
    /// [`FetchError`], with the reason in words.
    pub async fn get(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        let answer = self.client.get(url.clone()).send().await.map_err(|e| self.failed(&e))?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        let expected = answer.content_length().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let mut body = Vec::with_capacity(expected.min(self.limits.body_bytes));
        let mut pieces = answer.bytes_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| self.failed(&error))?;
            if body.len() + piece.len() > self.limits.body_bytes {
                return Err(FetchError::TooLarge(self.limits.body_bytes));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn failed(&self, error: &reqwest::Error) -> FetchError {
        if error.is_timeout() {
            FetchError::Timeout(self.limits.whole.as_secs())
        } else {
            FetchError::Refused(chain(error))
        }
    }
}

impl FetchError {
    /// The outcome's name for the ledger.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Client(_) | Self::Refused(_) => Outcome::Refused,
            Self::Timeout(_) => Outcome::Timeout,
            Self::Status(_) => Outcome::HttpStatus,
            Self::TooLarge(_) => Outcome::TooLarge,
        }
    }

    /// The HTTP status, where there was an answer.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        if let Self::Status(status) = self { Some(*status) } else { None }
    }
}

/// An error with its causes, without the URL (which may hold a key).
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut next = error.source();
    while let Some(cause) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}
