//! GeoJSON (RFC 7946).

use arrow::array::RecordBatch;
use bytes::Bytes;
use hotspots_data::Cell;

use super::{Columns, Header, columns};

/// Where a row is on the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Geometry {
    /// The hexagon of its `hex_id`.
    Hexagon,
    /// The point of its `lat` and `lon`.
    Point,
    /// Nowhere.
    None,
}

/// All rows as a `FeatureCollection`; the header's members stand beside `features`.
pub(crate) fn features(header: &Header, batch: &RecordBatch, geometry: Geometry) -> Bytes {
    let columns = Columns::of(batch);
    let mut out = Vec::with_capacity(1024 + batch.num_rows() * (batch.num_columns() * 24 + 300));
    out.extend(b"{\"type\":\"FeatureCollection\",");
    let before = out.len();
    header.members(&mut out);
    if out.len() > before {
        out.push(b',');
    }
    out.extend(b"\"features\":[");
    for row in 0..batch.num_rows() {
        if row > 0 {
            out.push(b',');
        }
        one(&columns, row, geometry, None, &mut out);
    }
    out.extend(b"]}");
    out.into()
}

/// The first row as a `Feature` with the header's members beside it; `more` are further properties
/// as JSON members.
pub(crate) fn feature(
    header: &Header,
    batch: &RecordBatch,
    geometry: Geometry,
    more: &[u8],
) -> Bytes {
    let mut out = Vec::new();
    one(&Columns::of(batch), 0, geometry, Some(more), &mut out);
    out.pop();
    out.push(b',');
    header.members(&mut out);
    out.push(b'}');
    out.into()
}

fn one(
    columns: &Columns<'_>,
    row: usize,
    geometry: Geometry,
    more: Option<&[u8]>,
    out: &mut Vec<u8>,
) {
    let id = match geometry {
        Geometry::Hexagon => "hex_id",
        Geometry::Point | Geometry::None => "station_id",
    };
    out.extend(b"{\"type\":\"Feature\",");
    // A cell that has a row for each of several days or hours needs them to be told apart.
    let when = ["date", "hour_start"].into_iter().find_map(|name| columns.named(name));
    if let Some(id) = columns.named(id) {
        out.extend(b"\"id\":");
        id.json(row, out);
        if let Some(when) = when {
            let mut text = Vec::new();
            when.csv(row, &mut text);
            out.pop();
            out.push(b'/');
            out.extend(text);
            out.push(b'"');
        }
        out.push(b',');
    }
    out.extend(b"\"geometry\":");
    match geometry {
        Geometry::Hexagon => hexagon(columns, row, out),
        Geometry::Point => point(columns, row, out),
        Geometry::None => out.extend(b"null"),
    }
    out.extend(b",\"properties\":");
    columns.object(row, out);
    if let Some(more) = more.filter(|more| !more.is_empty()) {
        out.pop();
        out.push(b',');
        out.extend(more);
        out.push(b'}');
    }
    out.push(b'}');
}

fn hexagon(columns: &Columns<'_>, row: usize, out: &mut Vec<u8>) {
    let id = columns.named("hex_id").and_then(|column| column.text(row));
    let Some(cell) = id.and_then(|id| id.parse::<Cell>().ok()) else {
        out.extend(b"null");
        return;
    };
    let corners = cell.corners();
    let crosses = |pair: &[(f64, f64)]| (pair[0].1 - pair[1].1).abs() > 180.0;
    let closed: Vec<(f64, f64)> = corners.iter().chain(corners.first()).copied().collect();
    if !closed.windows(2).any(crosses) {
        out.extend(b"{\"type\":\"Polygon\",\"coordinates\":[");
        ring(&closed, out);
        out.extend(b"]}");
        return;
    }
    // RFC 7946, 3.1.9: cut at the antimeridian.
    out.extend(b"{\"type\":\"MultiPolygon\",\"coordinates\":[[");
    let east: Vec<(f64, f64)> =
        closed.iter().map(|&(lat, lng)| (lat, if lng < 0.0 { lng + 360.0 } else { lng })).collect();
    ring(&cut(&east, |lng| lng <= 180.0), out);
    out.extend(b"],[");
    let west: Vec<_> = cut(&east, |lng| lng >= 180.0);
    ring(&west.into_iter().map(|(lat, lng)| (lat, lng - 360.0)).collect::<Vec<_>>(), out);
    out.extend(b"]]}");
}

/// The part of a convex closed ring (longitudes 0 to 360) on one side of 180 degrees, closed.
fn cut(closed: &[(f64, f64)], keeps: impl Fn(f64) -> bool) -> Vec<(f64, f64)> {
    let mut part = Vec::new();
    for pair in closed.windows(2) {
        let ((lat, lng), (to_lat, to_lng)) = (pair[0], pair[1]);
        if keeps(lng) {
            part.push((lat, lng));
        }
        if keeps(lng) != keeps(to_lng) {
            part.push((lat + (to_lat - lat) * (180.0 - lng) / (to_lng - lng), 180.0));
        }
    }
    part.extend(part.first().copied());
    part
}

fn ring(points: &[(f64, f64)], out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, &(lat, lng)) in points.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        position(lat, lng, out);
    }
    out.push(b']');
}

fn point(columns: &Columns<'_>, row: usize, out: &mut Vec<u8>) {
    let degrees = |name: &str| columns.named(name).and_then(|column| column.float(row));
    match (degrees("lat"), degrees("lon")) {
        // RFC 7946 knows no place outside the globe; the properties keep what the feed said.
        (Some(lat), Some(lon)) if lat.abs() <= 90.0 && lon.abs() <= 180.0 => {
            out.extend(b"{\"type\":\"Point\",\"coordinates\":");
            position(lat, lon, out);
            out.push(b'}');
        }
        _ => out.extend(b"null"),
    }
}

fn position(lat: f64, lng: f64, out: &mut Vec<u8>) {
    out.push(b'[');
    columns::number(lng, 7, out);
    out.push(b',');
    columns::number(lat, 7, out);
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_across_the_antimeridian_is_cut_into_two_closed_ones() {
        let square = [(0.0, 179.0), (0.0, 181.0), (1.0, 181.0), (1.0, 179.0), (0.0, 179.0)];
        assert_eq!(
            cut(&square, |lng| lng <= 180.0),
            [(0.0, 179.0), (0.0, 180.0), (1.0, 180.0), (1.0, 179.0), (0.0, 179.0)]
        );
        assert_eq!(
            cut(&square, |lng| lng >= 180.0),
            [(0.0, 180.0), (0.0, 181.0), (1.0, 181.0), (1.0, 180.0), (0.0, 180.0)]
        );
    }
}
