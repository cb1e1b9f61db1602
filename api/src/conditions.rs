//! Which state of the data a client has or wants: RFC 9110, sections 8.8 and 13.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use httpdate::HttpDate;
use warp::http::header::{self, HeaderName};
use warp::http::{HeaderMap, HeaderValue};

/// What tells a representation from others: its strong tag, and when its data was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validators<'a> {
    pub(crate) etag: &'a HeaderValue,
    pub(crate) modified: Option<HttpDate>,
}

/// What a request's conditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They hold, or there are none.
    Answer,
    /// The client's copy is still right: 304.
    Unchanged,
    /// The data is not in the state that the client wants: 412.
    Failed,
}

/// Evaluates the conditions of a GET or HEAD in the order of RFC 9110, section 13.2.2.
pub(crate) fn check(request: &HeaderMap, current: Validators<'_>) -> Verdict {
    let Validators { etag, modified } = current;
    let fails = if request.contains_key(header::IF_MATCH) {
        !lists(request, header::IF_MATCH, |tag| tag == etag.as_bytes())
    } else {
        let since = date(request, header::IF_UNMODIFIED_SINCE);
        since.zip(modified).is_some_and(|(since, modified)| modified > since)
    };
    if fails {
        return Verdict::Failed;
    }
    let is_unchanged = if request.contains_key(header::IF_NONE_MATCH) {
        lists(request, header::IF_NONE_MATCH, |tag| {
            tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes()
        })
    } else {
        let since = date(request, header::IF_MODIFIED_SINCE);
        since.zip(modified).is_some_and(|(since, modified)| modified <= since)
    };
    if is_unchanged { Verdict::Unchanged } else { Verdict::Answer }
}

/// Whether a `Range` may be served by the request's `If-Range`: a part of another state than the one
/// the client has would not fit to it.
pub(crate) fn allow_range(request: &HeaderMap, current: Validators<'_>) -> bool {
    match request.get(header::IF_RANGE) {
        None => true,
        Some(value) => match date(request, header::IF_RANGE) {
            Some(date) => current.modified == Some(date),
            None => value == current.etag,
        },
    }
}

/// An instant as HTTP writes it, in whole seconds; `None` for years that it cannot write.
pub(crate) fn http_date(at: DateTime<Utc>) -> Option<HttpDate> {
    let seconds = u64::try_from(at.timestamp()).ok().filter(|seconds| *seconds < YEAR_10000)?;
    Some((SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).into())
}

/// The first second, counted from 1970, whose year has five digits.
const YEAR_10000: u64 = 253_402_300_800;

/// Whether a list of tags has one that `matches`, or is `*`.
fn lists(request: &HeaderMap, name: HeaderName, matches: impl Fn(&[u8]) -> bool) -> bool {
    let lines = request.get_all(name).into_iter();
    let mut tags = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    tags.any(|tag| {
        let tag = tag.trim_ascii();
        tag == b"*" || matches(tag)
    })
}

/// The date in a header; `None` where there is none, none that is valid, or several.
fn date(request: &HeaderMap, name: HeaderName) -> Option<HttpDate> {
    let mut lines = request.get_all(name).into_iter();
    let line = lines.next().filter(|_| lines.next().is_none())?;
    line.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = "Sun, 22 Nov 2026 10:15:00 GMT";

    fn request(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut request = HeaderMap::new();
        for (name, value) in lines {
            request.append(*name, HeaderValue::from_str(value).unwrap());
        }
        request
    }

    fn verdict(lines: &[(&'static str, &str)]) -> Verdict {
        let etag = HeaderValue::from_static("\"abc-gzip\"");
        let modified = WRITTEN.parse().ok();
        check(&request(lines), Validators { etag: &etag, modified })
    }

    #[test]
    fn a_copy_is_unchanged_by_its_tag_or_else_by_its_date() {
        for (name, value, expected) in [
            ("if-none-match", "\"abc-gzip\"", Verdict::Unchanged),
            ("if-none-match", "\"x\", W/\"abc-gzip\"", Verdict::Unchanged),
            ("if-none-match", "*", Verdict::Unchanged),
            ("if-none-match", "\"abc\"", Verdict::Answer),
            ("if-modified-since", WRITTEN, Verdict::Unchanged),
            ("if-modified-since", "Sun, 22 Nov 2026 10:14:59 GMT", Verdict::Answer),
            ("if-modified-since", "yesterday", Verdict::Answer),
        ] {
            assert_eq!(verdict(&[(name, value)]), expected, "{name}: {value}");
        }
        let lines = [("if-none-match", "\"x\""), ("if-none-match", "\"y\", \"abc-gzip\"")];
        assert_eq!(verdict(&lines), Verdict::Unchanged, "several lines are one list");
        let lines = [("if-none-match", "\"x\""), ("if-modified-since", WRITTEN)];
        assert_eq!(verdict(&lines), Verdict::Answer, "the tag goes first");
    }

    #[test]
    fn another_state_than_the_one_wanted_is_not_sent() {
        for (name, value, expected) in [
            ("if-match", "\"abc-gzip\"", Verdict::Answer),
            ("if-match", "\"x\", \"abc-gzip\"", Verdict::Answer),
            ("if-match", "*", Verdict::Answer),
            ("if-match", "\"abc\"", Verdict::Failed),
            ("if-match", "W/\"abc-gzip\"", Verdict::Failed),
            ("if-unmodified-since", WRITTEN, Verdict::Answer),
            ("if-unmodified-since", "Sun, 22 Nov 2026 10:14:59 GMT", Verdict::Failed),
            ("if-unmodified-since", "yesterday", Verdict::Answer),
        ] {
            assert_eq!(verdict(&[(name, value)]), expected, "{name}: {value}");
        }
        let old = ("if-unmodified-since", "Sun, 22 Nov 2026 10:14:59 GMT");
        assert_eq!(verdict(&[("if-match", "*"), old]), Verdict::Answer, "the tag goes first");
        let both = [("if-match", "\"x\""), ("if-none-match", "\"abc-gzip\"")];
        assert_eq!(verdict(&both), Verdict::Failed, "before a copy is looked at");
    }

    #[test]
    fn a_range_is_of_the_state_that_the_client_has() {
        let etag = HeaderValue::from_static("\"abc\"");
        let current = Validators { etag: &etag, modified: WRITTEN.parse().ok() };
        assert!(allow_range(&HeaderMap::new(), current));
        for (value, expected) in [
            ("\"abc\"", true),
            ("\"abd\"", false),
            ("W/\"abc\"", false),
            (WRITTEN, true),
            ("Sun, 22 Nov 2026 10:15:01 GMT", false),
            ("*", false),
        ] {
            assert_eq!(allow_range(&request(&[("if-range", value)]), current), expected, "{value}");
        }
    }

    #[test]
    fn dates_are_read_in_all_three_forms_and_written_in_one() {
        for text in [WRITTEN, "Sunday, 22-Nov-26 10:15:00 GMT", "Sun Nov 22 10:15:00 2026"] {
            assert_eq!(verdict(&[("if-modified-since", text)]), Verdict::Unchanged, "{text}");
        }
        let lines = [("if-modified-since", WRITTEN), ("if-modified-since", WRITTEN)];
        assert_eq!(verdict(&lines), Verdict::Answer, "there is no list of dates");
        let written = |seconds| {
            http_date(DateTime::from_timestamp(seconds, 0).unwrap()).map(|date| date.to_string())
        };
        assert_eq!(written(1_795_342_500).as_deref(), Some(WRITTEN));
        assert_eq!(written(253_402_300_799).as_deref(), Some("Fri, 31 Dec 9999 23:59:59 GMT"));
        assert_eq!((written(-1), written(253_402_300_800)), (None, None));
    }
}
