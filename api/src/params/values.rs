//! One parameter's text as a value, or why not.

use chrono::NaiveDate;
use hotspots_data::{Resolution, SystemId, parse_date};

use super::vocabulary::{LARGEST_RADIUS_M, Param};
use crate::negotiate::Format;
use crate::problem::Problem;
use crate::wishes::{Bbox, Metric, RelativeTo};

pub(super) fn system(param: Param, text: &str) -> Result<SystemId, Problem> {
    text.parse::<SystemId>().map_err(|error| wrong(param, text, &error.to_string()))
}

pub(super) fn metric(param: Param, text: &str) -> Result<Metric, Problem> {
    Metric::ALL
        .into_iter()
        .find(|metric| metric.name() == text)
        .ok_or_else(|| one_of(param, text, Metric::ALL.map(Metric::name)))
}

pub(super) fn format(param: Param, text: &str) -> Result<Format, Problem> {
    Format::ALL
        .into_iter()
        .find(|format| format.name() == text)
        .ok_or_else(|| one_of(param, text, Format::ALL.map(Format::name)))
}

pub(super) fn resolution(param: Param, text: &str) -> Result<Resolution, Problem> {
    let all = [Resolution::HOTSPOTS].into_iter().chain(Resolution::COARSER);
    all.into_iter()
        .find(|resolution| resolution.to_string() == text)
        .ok_or_else(|| one_of(param, text, ["8", "9", "10"]))
}

pub(super) fn relative_to(param: Param, text: &str) -> Result<RelativeTo, Problem> {
    match text {
        "city" => Ok(RelativeTo::City),
        "selection" => Ok(RelativeTo::Selection),
        _ => Err(one_of(param, text, ["city", "selection"])),
    }
}

pub(super) fn truth(param: Param, text: &str) -> Result<bool, Problem> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(one_of(param, text, ["true", "false"])),
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
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
        wrong(param, text, &format!("`{text}` is not a whole number from {from} to {to}"))
            .with("allowed", [format!("{from} to {to}")])
    })
}

pub(super) fn radius(param: Param, text: &str) -> Result<f64, Problem> {
    number(text).filter(|radius_m| *radius_m > 0.0 && *radius_m <= LARGEST_RADIUS_M).ok_or_else(
        || {
            let reason =
                format!("`{text}` is not a number of metres above 0, up to {LARGEST_RADIUS_M}");
            wrong(param, text, &reason)
                .with("allowed", [format!("above 0, up to {LARGEST_RADIUS_M}")])
        },
    )
}

pub(super) fn weight(param: Param, text: &str) -> Result<f64, Problem> {
    number(text).filter(|weight| (-1.0..=1.0).contains(weight)).ok_or_else(|| {
        wrong(param, text, &format!("`{text}` is not a number from -1 to 1"))
            .with("allowed", ["-1 to 1"])
    })
}

pub(super) fn point(param: Param, text: &str) -> Result<(f64, f64), Problem> {
    match numbers(text).as_deref() {
        Some(&[lat, lng]) if is_place(lat, lng) => Ok((lat, lng)),
        _ => {
            let reason = format!("`{text}` is not lat,lng in degrees (-90 to 90, -180 to 180)");
            Err(wrong(param, text, &reason).with("allowed", ["lat,lng"]))
        }
    }
}

pub(super) fn bbox(param: Param, text: &str) -> Result<Bbox, Problem> {
    match numbers(text).as_deref() {
        Some(&[west, south, east, north])
            if is_place(south, west) && is_place(north, east) && south <= north =>
        {
            Ok(Bbox { west, south, east, north })
        }
        _ => {
            let reason = format!(
                "`{text}` is not west,south,east,north in degrees (-180 to 180, -90 to 90, south up to north)"
            );
            Err(wrong(param, text, &reason).with("allowed", ["west,south,east,north"]))
        }
    }
}

fn wrong(param: Param, value: &str, reason: &str) -> Problem {
    Problem::bad_request(format!("{}: {reason}", param.name()))
        .with("parameter", param.name())
        .with("value", value)
        .with("example", param.example())
}

fn one_of<'a>(param: Param, value: &str, allowed: impl IntoIterator<Item = &'a str>) -> Problem {
    let allowed: Vec<&str> = allowed.into_iter().collect();
    wrong(param, value, &format!("`{value}` is none of {}", allowed.join(", ")))
        .with("allowed", allowed)
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
