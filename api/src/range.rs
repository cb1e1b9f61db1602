//! Parts of a body: RFC 9110, section 14.

use std::ops::Range;

use warp::http::{HeaderMap, header};

/// How much of a body was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// These bytes, at least one.
    Bytes(Range<usize>),
    /// Bytes none of which are there.
    Beyond,
}

/// The part of a body of `length` bytes that a `Range` asks for.
///
/// Several ranges, a unit other than bytes and what is no range at all are ignored, as section 14.2
/// allows: the answer is the whole.
pub(crate) fn part(request: &HeaderMap, length: usize) -> Part {
    let mut lines = request.get_all(header::RANGE).into_iter();
    let Some(line) = lines.next() else { return Part::Whole };
    if lines.next().is_some() {
        return Part::Whole;
    }
    let range = line.to_str().ok().and_then(|line| line.split_once('='));
    match range {
        Some((unit, range)) if unit.eq_ignore_ascii_case("bytes") => {
            of(range.trim(), length).unwrap_or(Part::Whole)
        }
        _ => Part::Whole,
    }
}

/// A single range of bytes; `None` where it is none.
fn of(range: &str, length: usize) -> Option<Part> {
    let (first, last) = range.split_once('-')?;
    let part = if first.is_empty() {
        length.saturating_sub(number(last)?)..length
    } else {
        let first = number(first)?;
        let last = if last.is_empty() { usize::MAX } else { number(last)? };
        if last < first {
            return None;
        }
        first..last.saturating_add(1).min(length)
    };
    Some(if part.is_empty() { Part::Beyond } else { Part::Bytes(part) })
}

/// A number of digits alone; one that is too large is as large as can be.
fn number(digits: &str) -> Option<usize> {
    let are_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    are_digits.then(|| digits.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use warp::http::HeaderValue;

    use super::*;

    fn asked(range: &str) -> Part {
        let mut request = HeaderMap::new();
        request.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
        part(&request, 100)
    }

    #[test]
    fn a_single_range_of_bytes_is_cut_to_what_is_there() {
        for (range, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=10-19", 10..20),
            ("Bytes=10-19", 10..20),
            ("bytes=90-", 90..100),
            ("bytes=0-", 0..100),
            ("bytes=90-1000", 90..100),
            ("bytes=-8", 92..100),
            ("bytes=-1000", 0..100),
            ("bytes=99-99999999999999999999999", 99..100),
            ("bytes=0-18446744073709551615", 0..100),
        ] {
            assert_eq!(asked(range), Part::Bytes(expected), "{range}");
        }
    }

    #[test]
    fn a_range_without_a_byte_in_it_is_beyond() {
        for range in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(asked(range), Part::Beyond, "{range}");
        }
        let mut request = HeaderMap::new();
        request.insert(header::RANGE, HeaderValue::from_static("bytes=0-"));
        assert_eq!(part(&request, 0), Part::Beyond);
    }

    #[test]
    fn what_is_no_single_range_of_bytes_is_the_whole() {
        for range in [
            "bytes=0-1,5-6",
            "bytes=9-8",
            "bytes=-",
            "bytes=",
            "bytes",
            "bytes=+1-2",
            "bytes=a-b",
            "bytes=1",
            "bytes=--1",
            "cells=0-1",
        ] {
            assert_eq!(asked(range), Part::Whole, "{range}");
        }
        assert_eq!(part(&HeaderMap::new(), 100), Part::Whole);
        let mut twice = HeaderMap::new();
        twice.append(header::RANGE, HeaderValue::from_static("bytes=0-1"));
        twice.append(header::RANGE, HeaderValue::from_static("bytes=5-6"));
        assert_eq!(part(&twice, 100), Part::Whole);
    }
}
