//! A whole day of hours in one compact answer.

use std::collections::BTreeMap;

use arrow::array::AsArray as _;
use arrow::error::ArrowError;
use bytes::Bytes;
use chrono::SecondsFormat;
use hotspots_data::Hour;
use serde_json::json;

use super::{Header, columns};
use crate::selection::{Selected, column, floats, instants};

/// A cell's centre, and the metric in each hour.
type Hours = ((f64, f64), Vec<Option<f64>>);

/// One list a column: `hex_id`, `lat`, `lng`, and `values` with one list of hours a cell, in the order
/// of `hours`, which are all those of the day; null where the cell was not observed. `max` is what a
/// weight of 1 stands for.
///
/// # Errors
/// When a column is missing.
pub(crate) fn hours(
    header: Header,
    selected: &Selected,
    metric: &str,
    hours: &[Hour],
) -> Result<Bytes, ArrowError> {
    let Selected { batch, cells: of_city, weight_of_one } = selected;
    let ids = column(batch, "hex_id")?.as_string::<i32>();
    let starts = instants(batch, "hour_start")?;
    let (lats, lngs) = (floats(batch, "lat")?, floats(batch, "lng")?);
    let field = batch.schema().field_with_name(metric)?.clone();
    let values = floats(batch, metric)?;

    let places: BTreeMap<i64, usize> =
        hours.iter().map(|hour| hour.start.timestamp_millis()).zip(0..).collect();
    let mut cells: BTreeMap<&str, Hours> = BTreeMap::new();
    for row in 0..batch.num_rows() {
        let centre = (lats.value(row), lngs.value(row));
        let (_, cell) =
            cells.entry(ids.value(row)).or_insert_with(|| (centre, vec![None; hours.len()]));
        if let Some(&place) = places.get(&starts.value(row)) {
            cell[place] = Some(values.value(row));
        }
    }
    let cells: Vec<_> =
        cells.into_iter().map(|(id, (centre, values))| (id, centre, values)).collect();

    let named = |hour: &Hour| {
        let start = hour.start.to_rfc3339_opts(SecondsFormat::Millis, true);
        json!({"hour": hour.hour, "hour_start": start})
    };
    let decimals = columns::decimals(&field);
    let header = header
        .with("cells", of_city)
        .with("selected", cells.len())
        .with_number("max", *weight_of_one, decimals)
        .with("hours", hours.iter().map(named).collect::<Vec<_>>());
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
