//! One HTTP request for one feed, with a limit on everything and the manners of a good guest.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use hotspots_data::table::Outcome;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, StatusCode, redirect};
use tokio::sync::Semaphore;
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
    /// Redirects followed.
    pub redirects: usize,
    /// Requests to one host at a time, of all systems together.
    pub per_host: usize,
}

/// Fetches feeds; its clones share the connections and the limit per host.
#[derive(Clone, Debug)]
pub struct Fetcher {
    open: Client,
    /// For requests with a key: it follows no redirect to another host.
    keyed: Client,
    limits: Limits,
    hosts: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

/// A key that a feed wants; it is shown by its place only.
#[derive(Clone)]
pub struct Credential {
    place: KeyPlace,
    secret: String,
}

/// Where a request carries its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In the header of this name.
    Header(String),
    /// In the query parameter of this name.
    Query(String),
}

/// What lets a publisher say that nothing has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    e_tag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
}

/// A good answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A body, with what to send back next time.
    Body(Vec<u8>, Validators),
    /// The one before still holds.
    NotModified,
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
    #[error("no complete answer within {0:?}")]
    Timeout(Duration),
    /// Another status than 200.
    #[error("HTTP status {status}{}", After(*.retry_after))]
    Status {
        /// The status.
        status: u16,
        /// When the publisher wants to be asked again.
        retry_after: Option<RetryAfter>,
    },
    /// The body passed the limit.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
}

/// `Retry-After`, in either of its forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// After so long.
    Pause(TimeDelta),
    /// Not before this instant.
    At(DateTime<Utc>),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(15),
            whole: Duration::from_secs(30),
            body_bytes: 64 << 20,
            redirects: 5,
            per_host: 8,
        }
    }
}

impl Fetcher {
    /// A fetcher that introduces itself as `hotspots` with its version, its project page and, where
    /// given, the address of whoever runs it.
    ///
    /// # Errors
    /// [`FetchError::Client`] when `contact` does not fit a header or TLS cannot be set up.
    pub fn new(limits: Limits, contact: Option<&str>) -> Result<Self, FetchError> {
        hotspots_data::lake::use_ring_for_tls();
        let contact = contact.map(|text| format!("; {text}")).unwrap_or_default();
        let program = env!("CARGO_PKG_VERSION");
        let page = env!("CARGO_PKG_REPOSITORY");
        let agent = format!("hotspots/{program} (+{page}{contact})");
        let json = HeaderValue::from_static("application/json");
        let client = |policy| {
            Client::builder()
                .user_agent(&agent)
                .default_headers(HeaderMap::from_iter([(header::ACCEPT, json.clone())]))
                .connect_timeout(limits.connect)
                .read_timeout(limits.read)
                .timeout(limits.whole)
                .redirect(policy)
                .build()
                .map_err(|error| FetchError::Client(chain(error)))
        };
        let open = client(redirect::Policy::limited(limits.redirects))?;
        let keyed = client(redirect::Policy::custom(move |next| {
            let first = &next.previous()[0];
            if next.previous().len() > limits.redirects {
                next.error("too many redirects")
            } else if (first.scheme(), first.host_str())
                != (next.url().scheme(), next.url().host_str())
            {
                next.error("redirected to another host, which must not see the key")
            } else {
                next.follow()
            }
        }))?;
        Ok(Self { open, keyed, limits, hosts: Arc::default() })
    }

    /// The body at `url`, unless `validators` show that nothing has changed.
    ///
    /// # Errors
    /// [`FetchError`], with the reason in words and never with the key.
    pub async fn get(
        &self,
        url: &Url,
        key: Option<&Credential>,
        validators: Option<&Validators>,
    ) -> Result<Answer, FetchError> {
        let turn = self.host(url);
        let _turn = turn.acquire().await;
        let client = if key.is_some() { &self.keyed } else { &self.open };
        let mut url = url.clone();
        let mut headers = validators.map(Validators::headers).unwrap_or_default();
        if let Some(key) = key {
            key.put(&mut url, &mut headers)?;
        }
        let answer =
            client.get(url).headers(headers).send().await.map_err(|error| self.failed(error))?;
        match answer.status() {
            StatusCode::OK => self.body(answer).await,
            StatusCode::NOT_MODIFIED if validators.is_some() => Ok(Answer::NotModified),
            status => Err(FetchError::Status {
                status: status.as_u16(),
                retry_after: answer.headers().get(header::RETRY_AFTER).and_then(RetryAfter::read),
            }),
        }
    }

    async fn body(&self, answer: Response) -> Result<Answer, FetchError> {
        let validators = Validators {
            e_tag: answer.headers().get(header::ETAG).cloned(),
            last_modified: answer.headers().get(header::LAST_MODIFIED).cloned(),
        };
        let expected = answer.content_length().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        if expected > self.limits.body_bytes {
            return Err(FetchError::TooLarge(self.limits.body_bytes));
        }
        let mut body = Vec::with_capacity(expected);
        let mut pieces = answer.bytes_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| self.failed(error))?;
            if body.len() + piece.len() > self.limits.body_bytes {
                return Err(FetchError::TooLarge(self.limits.body_bytes));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer::Body(body, validators))
    }

    fn host(&self, url: &Url) -> Arc<Semaphore> {
        let name = url.host_str().unwrap_or_default().to_owned();
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Semaphore::new(self.limits.per_host.max(1)));
        Arc::clone(hosts.entry(name).or_insert_with(new))
    }

    fn failed(&self, error: reqwest::Error) -> FetchError {
        if error.is_timeout() {
            let limit = if error.is_connect() { self.limits.connect } else { self.limits.whole };
            FetchError::Timeout(limit)
        } else {
            FetchError::Refused(chain(error))
        }
    }
}

impl Credential {
    /// The key `secret`, carried in `place`.
    #[must_use]
    pub fn new(place: KeyPlace, secret: String) -> Self {
        Self { place, secret }
    }

    fn put(&self, url: &mut Url, headers: &mut HeaderMap) -> Result<(), FetchError> {
        match &self.place {
            KeyPlace::Query(name) => {
                url.query_pairs_mut().append_pair(name, &self.secret);
            }
            KeyPlace::Header(name) => {
                let unfit = || FetchError::Client(format!("the key does not fit header `{name}`"));
                let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
                let mut value = HeaderValue::from_str(&self.secret).map_err(|_| unfit())?;
                value.set_sensitive(true);
                headers.insert(header, value);
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Validators {
    /// Whether there is anything to send back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.e_tag.is_none() && self.last_modified.is_none()
    }

    fn headers(&self) -> HeaderMap {
        let e_tag = self.e_tag.clone().map(|value| (header::IF_NONE_MATCH, value));
        let date = self.last_modified.clone().map(|value| (header::IF_MODIFIED_SINCE, value));
        e_tag.into_iter().chain(date).collect()
    }
}

impl RetryAfter {
    fn read(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?.trim();
        let seconds = text.parse().ok().and_then(TimeDelta::try_seconds).map(Self::Pause);
        let date = || DateTime::parse_from_rfc2822(text).ok().map(|at| Self::At(at.to_utc()));
        seconds.or_else(date)
    }

    /// The instant before which the publisher does not want to be asked again.
    #[must_use]
    pub fn instant(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Pause(pause) => now.checked_add_signed(pause).unwrap_or(now),
            Self::At(instant) => instant,
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
            Self::Status { .. } => Outcome::HttpStatus,
            Self::TooLarge(_) => Outcome::TooLarge,
        }
    }

    /// The HTTP status, where there was an answer.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        if let Self::Status { status, .. } = self { Some(*status) } else { None }
    }

    /// When the publisher wants to be asked again, if it said.
    #[must_use]
    pub fn retry_after(&self) -> Option<RetryAfter> {
        if let Self::Status { retry_after, .. } = self { *retry_after } else { None }
    }
}

struct After(Option<RetryAfter>);

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(RetryAfter::Pause(pause)) => {
                write!(f, ", to be asked again in {} s", pause.num_seconds())
            }
            Some(RetryAfter::At(at)) => write!(f, ", to be asked again at {at}"),
        }
    }
}

/// An error with its causes, without the URL (which may hold a key).
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = String::new();
    let mut next = std::error::Error::source(&error);
    while let Some(cause) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}
