//! A whole day of hours in one compact answer.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMillisecondType, UInt32Type};
use arrow::error::ArrowError;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat};
use hotspots_data::Cell;
use serde_json::json;

use super::{Header, columns};
use crate::selection::column;
use crate::wishes::Area;

/// One list a column: `hex_id`, `lat`, `lng`, and `values` with one list of hours a cell, in the order
/// of `hours`; null where the cell was not observed. `max` is what a weight of 1 stands for.
///
/// # Errors
/// When a column is missing.
pub(crate) fn hours(
    header: Header,
    batch: &RecordBatch,
    metric: &str,
    area: &Area,
) -> Result<Bytes, ArrowError> {
    let ids = column(batch, "hex_id")?.as_string::<i32>();
    let hour = column(batch, "hour")?.as_primitive::<UInt32Type>();
    let starts = column(batch, "hour_start")?.as_primitive::<TimestampMillisecondType>();
    let field = batch.schema().field_with_name(metric)?.clone();
    let values = column(batch, metric)?.as_primitive::<Float64Type>();

    let hours: BTreeMap<i64, u32> =
        (0..batch.num_rows()).map(|row| (starts.value(row), hour.value(row))).collect();
    let places: BTreeMap<i64, usize> = hours.keys().copied().zip(0..).collect();
    let mut cells: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
    let mut max = 0.0_f64;
    for row in (0..batch.num_rows()).filter(|&row| values.is_valid(row)) {
        max = max.max(values.value(row));
        let cell = cells.entry(ids.value(row)).or_insert_with(|| vec![None; hours.len()]);
        if let Some(&place) = places.get(&starts.value(row)) {
            cell[place] = Some(values.value(row));
        }
    }
    let of_city = cells.len();
    let cells: Vec<_> = cells
        .into_iter()
        .filter_map(|(id, values)| Some((id, id.parse::<Cell>().ok()?.centre(), values)))
        .filter(|(_, (lat, lng), _)| area.contains(*lat, *lng))
        .collect();

    let named: Vec<_> = hours
        .iter()
        .map(|(&start, hour)| {
            let start = DateTime::from_timestamp_millis(start).unwrap_or_default();
            json!({"hour": hour, "hour_start": start.to_rfc3339_opts(SecondsFormat::Secs, true)})
        })
        .collect();
    let decimals = columns::decimals(&field);
    let header = header
        .with("cells", of_city)
        .with("selected", cells.len())
        .with_number("max", max, decimals)
        .with("hours", named);
    let mut out = Vec::with_capacity(1024 + cells.len() * (hours.len() * 7 + 48));
    out.push(b'{');
    header.members(&mut out);
    list("hex_id", &cells, &mut out, |(id, ..): &(&str, _, _), out| columns::text(id, out));
    list("lat", &cells, &mut out, |(_, (lat, _), _), out| columns::number(*lat, 7, out));
    list("lng", &cells, &mut out, |(_, (_, lng), _), out| columns::number(*lng, 7, out));
    list("values", &cells, &mut out, |(_, _, values), out| {
        out.push(b'[');
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            match value {
                Some(value) => columns::number(*value, decimals, out),
                None => out.extend(b"null"),
            }
        }
        out.push(b']');
    });
    out.push(b'}');
    Ok(out.into())
}

fn list<T>(name: &str, items: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b',');
    columns::text(name, out);
    out.extend(b":[");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}
