//! Rows as bytes: the same rows in each format.

mod columns;
mod geojson;
mod hours;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter;
use bytes::Bytes;
use hotspots_data::codec::{self, CodecError, Layout, Metadata};
use hotspots_data::table::TableName;
use serde::Serialize;
use serde_json::Value;

pub(crate) use columns::Columns;
pub(crate) use geojson::{Geometry, feature, features};
pub(crate) use hours::hours;

use crate::negotiate::Format;

/// Metadata key of what a Parquet or Arrow answer says of its rows: JSON, as in a JSON answer.
const ANSWER: &str = "hotspots.answer";

/// What an answer says of its rows, in this order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Header(Vec<(&'static str, Value)>);

impl Header {
    /// Adds a member.
    pub(crate) fn with(mut self, name: &'static str, value: impl Serialize) -> Self {
        // What is serialized here are numbers, texts and lists of them: it does not fail.
        self.0.push((name, serde_json::to_value(value).unwrap_or_default()));
        self
    }

    /// Adds a number with at most so many decimals.
    pub(crate) fn with_number(self, name: &'static str, value: f64, decimals: usize) -> Self {
        let mut text = Vec::new();
        columns::number(value, decimals, &mut text);
        self.with(name, serde_json::from_slice::<Value>(&text).unwrap_or_default())
    }

    /// Adds a member where there is a value.
    pub(crate) fn with_some(self, name: &'static str, value: Option<impl Serialize>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The members as JSON, without the braces around them.
    fn members(&self, out: &mut Vec<u8>) {
        for (index, (name, value)) in self.0.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            columns::text(name, out);
            out.push(b':');
            let _ = serde_json::to_writer(&mut *out, value);
        }
    }

    /// The whole as the text of a JSON object.
    fn text(&self) -> String {
        String::from_utf8(self.json().into()).unwrap_or_default()
    }

    /// The whole as a JSON object.
    pub(crate) fn json(&self) -> Bytes {
        let mut out = vec![b'{'];
        self.members(&mut out);
        out.push(b'}');
        out.into()
    }
}

/// Rows with what is said of them, in a format; `geometry` where rows have a place.
///
/// # Errors
/// When Arrow or Parquet cannot hold them.
pub(crate) fn table(
    format: Format,
    name: TableName,
    rows_are: &str,
    header: &Header,
    metadata: &Metadata,
    batch: &RecordBatch,
    geometry: Geometry,
) -> Result<Bytes, CodecError> {
    match format {
        Format::GeoJson => Ok(features(header, batch, geometry)),
        Format::Csv => Ok(csv(batch)),
        Format::Arrow => Ok(arrow_file(batch, header)?),
        Format::Parquet => {
            let mut metadata = metadata.clone();
            metadata.insert(ANSWER.to_owned(), header.text());
            codec::encode(name, Layout::Described, batch, &metadata)
        }
        _ => Ok(json(header, rows_are, batch)),
    }
}

/// `{header…, "<rows_are>": [{…}, …]}`.
fn json(header: &Header, rows_are: &str, batch: &RecordBatch) -> Bytes {
    let mut out = Vec::with_capacity(1024 + batch.num_rows() * batch.num_columns() * 24);
    out.push(b'{');
    header.members(&mut out);
    if out.len() > 1 {
        out.push(b',');
    }
    columns::text(rows_are, &mut out);
    out.push(b':');
    array(batch, &mut out);
    out.push(b'}');
    out.into()
}

/// Rows as a JSON array of objects.
pub(crate) fn array(batch: &RecordBatch, out: &mut Vec<u8>) {
    let columns = Columns::of(batch);
    out.push(b'[');
    for row in 0..batch.num_rows() {
        if row > 0 {
            out.push(b',');
        }
        columns.object(row, out);
    }
    out.push(b']');
}

/// A header row, then the rows; RFC 4180.
fn csv(batch: &RecordBatch) -> Bytes {
    let columns = Columns::of(batch);
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let mut out = names.join(",").into_bytes();
    out.extend(b"\r\n");
    for row in 0..batch.num_rows() {
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            column.csv(row, &mut out);
        }
        out.extend(b"\r\n");
    }
    out.into()
}

/// An Arrow IPC file, which is Feather version 2; its schema's metadata has the header.
fn arrow_file(batch: &RecordBatch, header: &Header) -> Result<Bytes, ArrowError> {
    let metadata = HashMap::from([(ANSWER.to_owned(), header.text())]);
    let schema = Arc::new(batch.schema().as_ref().clone().with_metadata(metadata));
    let mut writer = FileWriter::try_new(Vec::new(), &schema)?;
    writer.write(&batch.clone().with_schema(schema)?)?;
    Ok(writer.into_inner()?.into())
}

/// `{header…, "<is>": {…the first row}, more…}`; `more` are JSON members.
pub(crate) fn object(header: &Header, is: &str, row: &RecordBatch, more: &[u8]) -> Bytes {
    let mut out = vec![b'{'];
    header.members(&mut out);
    out.push(b',');
    columns::text(is, &mut out);
    out.push(b':');
    Columns::of(row).object(0, &mut out);
    if !more.is_empty() {
        out.push(b',');
        out.extend(more);
    }
    out.push(b'}');
    out.into()
}
