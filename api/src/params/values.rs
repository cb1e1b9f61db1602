//! One parameter's text as a value, or why not.

use chrono::NaiveDate;
use hotspots_data::{Resolution, SystemId, parse_date};

use super::refused;
use super::vocabulary::{LARGEST_RADIUS_M, Param};
use crate::negotiate::Format;
use crate::problem::Problem;
use crate::wishes::{Bbox, Metric, RelativeTo};

pub(super) fn system(param: Param, text: &str) -> Result<SystemId, Problem> {
    text.parse::<SystemId>().map_err(|error| wrong(param, text, &error.to_string()))
}

pub(super) fn metric(param: Param, text: &str) -> Result<Metric, Problem> {
    let metric = Metric::ALL.into_iter().find(|metric| metric.name() == text);
    metric.ok_or_else(|| none_of(param, text))
}

pub(super) fn format(param: Param, text: &str) -> Result<Format, Problem> {
    let format = Format::ALL.into_iter().find(|format| format.name() == text);
    format.ok_or_else(|| none_of(param, text))
}

pub(super) fn resolution(param: Param, text: &str) -> Result<Resolution, Problem> {
    let resolution = text.parse().ok().filter(|number: &Resolution| number.to_string() == text);
    resolution.ok_or_else(|| is_not(param, text))
}

pub(super) fn relative_to(param: Param, text: &str) -> Result<RelativeTo, Problem> {
    match text {
        "city" => Ok(RelativeTo::City),
        "selection" => Ok(RelativeTo::Selection),
        _ => Err(none_of(param, text)),
    }
}

pub(super) fn truth(param: Param, text: &str) -> Result<bool, Problem> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(none_of(param, text)),
    }
}

pub(super) fn date(param: Param, text: &str) -> Result<NaiveDate, Problem> {
    parse_date(text).map_err(|error| wrong(param, text, &error.to_string()))
}

pub(super) fn whole<T: TryFrom<usize>>(
    param: Param,
    text: &str,
    from: usize,
    to: usize,
) -> Result<T, Problem> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse::<usize>().ok().filter(|n| digits && (from..=to).contains(n));
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| is_not(param, text))
}

pub(super) fn radius(param: Param, text: &str) -> Result<f64, Problem> {
    let radius_m = number(text).filter(|metres| *metres > 0.0 && *metres <= LARGEST_RADIUS_M);
    radius_m.ok_or_else(|| is_not(param, text))
}

pub(super) fn weight(param: Param, text: &str) -> Result<f64, Problem> {
    let weight = number(text).filter(|weight| (-1.0..=1.0).contains(weight));
    weight.ok_or_else(|| is_not(param, text))
}

pub(super) fn point(param: Param, text: &str) -> Result<(f64, f64), Problem> {
    match numbers(text).as_deref() {
        Some(&[lat, lng]) if is_place(lat, lng) => Ok((lat, lng)),
        _ => Err(is_not(param, text)),
    }
}

pub(super) fn bbox(param: Param, text: &str) -> Result<Bbox, Problem> {
    match numbers(text).as_deref() {
        Some(&[west, south, east, north])
            if is_place(south, west) && is_place(north, east) && south <= north =>
        {
            Ok(Bbox { west, south, east, north })
        }
        _ => Err(is_not(param, text)),
    }
}

fn wrong(param: Param, value: &str, reason: &str) -> Problem {
    refused(param, value, format!("{}: {reason}", param.name()), param.allowed())
}

/// For a parameter whose values are described.
fn is_not(param: Param, value: &str) -> Problem {
    wrong(param, value, &format!("`{value}` is not {}", param.allowed().join(", ")))
}

/// For a parameter whose values are few.
fn none_of(param: Param, value: &str) -> Problem {
    wrong(param, value, &format!("`{value}` is none of {}", param.allowed().join(", ")))
}

fn is_place(lat: f64, lng: f64) -> bool {
    (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lng)
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split(',').map(|part| number(part.trim())).collect()
}

/// A plain decimal number.
fn number(text: &str) -> Option<f64> {
    let plain =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'e' | b'E' | b'+');
    text.parse::<f64>().ok().filter(|number| number.is_finite() && text.bytes().all(plain))
}
