//! A request as the log and refusals tell of it.

use std::fmt::{self, Display, Formatter, Write as _};
use std::time::Duration;

use tracing::{Level, debug, error, info};
use warp::http::header::HeaderName;
use warp::http::{HeaderValue, Response, StatusCode};

use crate::answer::Body;
use crate::metrics::Timer;
use crate::problem::Problem;

/// Names a request, in its answer and in the log.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is said of a request in the log and in refusals.
pub(crate) struct RequestContext<'a> {
    pub(crate) method: &'a str,
    /// Empty where it could not be read.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) id: HeaderValue,
    pub(crate) timer: Timer<'a>,
}

impl RequestContext<'_> {
    /// Its id, which is plain text, whoever made it.
    fn shown_id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    /// The response that says what is wrong.
    pub(crate) fn refusal(&self, problem: &Problem) -> Response<Body> {
        let instance = Some(self.path).filter(|path| !path.is_empty());
        problem.response(instance, self.shown_id())
    }

    /// Logs what came of it.
    pub(crate) fn log(&self, status: StatusCode, duration: Duration, problem: Option<&Problem>) {
        let reason = match problem {
            Some(problem) if status == StatusCode::INTERNAL_SERVER_ERROR => problem.detail(),
            Some(problem) => problem.kind().title,
            None => status.canonical_reason().unwrap_or_default(),
        };
        // The arguments are evaluated only where the level is logged.
        macro_rules! log {
            ($level:ident) => {
                $level!(
                    request_id = self.shown_id(),
                    method = self.method,
                    path = %Escaped(self.path),
                    query = %Escaped(self.query),
                    status = status.as_u16(),
                    problem = problem.map(|problem| problem.kind().name),
                    us = duration.as_micros() as u64,
                    "{} {} {}: {} {}",
                    self.shown_id(),
                    self.method,
                    Escaped(self.path),
                    status.as_u16(),
                    Escaped(reason),
                )
            };
        }
        match level(status) {
            Level::ERROR => log!(error),
            Level::INFO => log!(info),
            _ => log!(debug),
        }
    }
}

/// The level at which a response is logged: the server's own mistakes as errors, refusals as
/// information, all else only for debugging.
///
/// A lake that fails is logged as an error once, where that is found: the refusals that follow from it
/// (503) must not flood the log with errors.
fn level(status: StatusCode) -> Level {
    match status.as_u16() {
        503 | 400..=499 => Level::INFO,
        500..=599 => Level::ERROR,
        _ => Level::DEBUG,
    }
}

/// A client's text, or some made of it, such that it can neither end a line of the log nor command a
/// terminal nor fill the disk.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let mut letters = self.0.chars();
        for letter in letters.by_ref().take(MOST_LOGGED) {
            match letter {
                '"' | '\'' => formatter.write_char(letter)?,
                other => write!(formatter, "{}", other.escape_debug())?,
            }
        }
        if letters.next().is_some() { formatter.write_str("…") } else { Ok(()) }
    }
}

/// So many letters of a client's text are logged.
const MOST_LOGGED: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_errors_refusals_are_information_and_answers_are_for_debugging() {
        for (status, expected) in [
            (200, Level::DEBUG),
            (206, Level::DEBUG),
            (304, Level::DEBUG),
            (400, Level::INFO),
            (404, Level::INFO),
            (416, Level::INFO),
            (503, Level::INFO),
            (500, Level::ERROR),
        ] {
            assert_eq!(level(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
    }

    #[test]
    fn what_a_client_sends_stays_on_its_line_of_the_log() {
        for (text, expected) in [
            ("/hotspots/latest", "/hotspots/latest"),
            ("/vélo?a='\"", "/vélo?a='\""),
            ("/\n2026-11-22 ERROR", "/\\n2026-11-22 ERROR"),
            ("/\u{1b}[31m\u{9b}31m\u{202e}", "/\\u{1b}[31m\\u{9b}31m\\u{202e}"),
        ] {
            assert_eq!(Escaped(text).to_string(), expected);
        }
        let shown = Escaped(&"x".repeat(10_000)).to_string();
        assert_eq!(shown, format!("{}…", "x".repeat(MOST_LOGGED)));
    }
}
