//! What is answered of many days: the list of them, one cell over them, and the systems.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use futures::StreamExt as _;
use hotspots_data::codec::Metadata;
use hotspots_data::table::TableName;
use hotspots_data::{Cell, Derived, Resolution, SystemId};
use serde_json::json;

use crate::answer::{Answer, Freshness};
use crate::negotiate::Format;
use crate::params::Params;
use crate::problem::Problem;
use crate::reply::{self, Geometry, Header};
use crate::selection;
use crate::state::State;
use crate::tables::{Figures, schema_of};

/// Days looked at at once when a range is asked for.
const DAYS_AT_ONCE: usize = 8;

impl State {
    /// The days there are; with a cell, its row on each of them.
    pub(crate) async fn days(
        &self,
        params: Params,
        format: Format,
    ) -> Result<Arc<Answer>, Problem> {
        let system = self.system(params.system.clone()).await?;
        let resolution = params.hex_id.map(Cell::resolution).or(params.resolution);
        let of = Derived::Hotspots(resolution.unwrap_or(Resolution::HOTSPOTS));
        let dates = self.tables.dates(of, &system).await?;
        let wanted = |date: &NaiveDate| {
            params.from.is_none_or(|from| from <= *date) && params.to.is_none_or(|to| *date <= to)
        };
        let dates: Vec<NaiveDate> = dates.iter().copied().filter(wanted).collect();
        let attribution = self.tables.attribution(&system).await;
        let header = Header::default()
            .with("system", &system)
            .with_some("from", params.from)
            .with_some("to", params.to)
            .with_some("resolution", of.resolution().map(u8::from))
            .with("attribution", attribution.as_ref());
        let name = match params.hex_id {
            Some(cell) => format!("{cell}-{system}"),
            None => format!("days-{system}"),
        };
        let (batch, header, geometry) = match params.hex_id {
            Some(cell) => {
                let (lat, lng) = cell.centre();
                let header = header
                    .with("hex_id", cell.to_string())
                    .with_number("lat", lat, 7)
                    .with_number("lng", lng, 7);
                (self.series(of, &system, &dates, cell).await?, header, Geometry::Hexagon)
            }
            None => (self.list(of, &system, &dates).await?, header, Geometry::None),
        };
        let table = TableName { name: "days", version: 1 };
        let metadata = Metadata::new();
        let body = reply::table(format, table, "days", &header, &metadata, &batch, geometry);
        let answer = Answer::new(format, Freshness::Changing, body?)
            .called(&name)
            .licensed(attribution.license_url.as_deref());
        Ok(Arc::new(answer))
    }

    /// The systems of the lake.
    pub(crate) async fn systems_document(&self) -> Result<Arc<Answer>, Problem> {
        let mut documents = Vec::new();
        for system in self.tables.systems().await?.iter() {
            let dates = self.tables.dates(Derived::DAYS, system).await?;
            let attribution = self.tables.attribution(system).await;
            documents.push(json!({
                "system": system,
                "days": dates.len(),
                "first": dates.first(),
                "last": dates.last(),
                "href": format!("/hotspots?system={system}"),
                "attribution": *attribution,
            }));
        }
        let body = Header::default().with("systems", documents).json();
        Ok(Arc::new(Answer::new(Format::Json, Freshness::Changing, body)))
    }

    async fn list(
        &self,
        of: Derived,
        system: &SystemId,
        dates: &[NaiveDate],
    ) -> Result<RecordBatch, Problem> {
        let figures: Vec<Option<Arc<Figures>>> = futures::stream::iter(dates.iter().copied())
            // A damaged day is listed without figures; the log says why.
            .map(|date| async move { self.tables.figures(of, system, date).await.ok().flatten() })
            .buffered(DAYS_AT_ONCE)
            .collect()
            .await;
        Ok(days_batch(system, dates, &figures)?)
    }

    async fn series(
        &self,
        of: Derived,
        system: &SystemId,
        dates: &[NaiveDate],
        cell: Cell,
    ) -> Result<RecordBatch, Problem> {
        let id = cell.to_string();
        let id = id.as_str();
        let mut rows = futures::stream::iter(dates.iter().copied())
            .map(|date| async move {
                let table = self.tables.table(of, system, date).await?;
                let Some(table) = table else { return Ok(None) };
                let row = selection::equal(&table.batch, "hex_id", id)?;
                Ok::<_, Problem>(Some(dated(&row, date)?))
            })
            .buffered(DAYS_AT_ONCE);
        let mut batches =
            vec![dated(&RecordBatch::new_empty(schema_of(of)), NaiveDate::default())?];
        while let Some(row) = rows.next().await {
            batches.extend(row?);
        }
        Ok(concat_batches(&batches[0].schema(), &batches)?)
    }
}

fn days_batch(
    system: &SystemId,
    dates: &[NaiveDate],
    figures: &[Option<Arc<Figures>>],
) -> Result<RecordBatch, ArrowError> {
    let of = |name: &str, get: &dyn Fn(&Figures) -> f64, unit: &str| -> (Field, ArrayRef) {
        let unit = HashMap::from([("unit".to_owned(), unit.to_owned())]);
        let field = Field::new(name, DataType::Float64, true).with_metadata(unit);
        let values = figures.iter().map(|day| day.as_ref().map(|day| get(day)));
        (field, Arc::new(values.collect::<Float64Array>()))
    };
    let count = |name: &str, get: &dyn Fn(&Figures) -> u32| -> (Field, ArrayRef) {
        let values = figures.iter().map(|day| day.as_ref().map(|day| get(day)));
        (Field::new(name, DataType::UInt32, true), Arc::new(values.collect::<UInt32Array>()))
    };
    let text = |name: &str, values: Vec<String>| -> (Field, ArrayRef) {
        (Field::new(name, DataType::Utf8, false), Arc::new(StringArray::from(values)))
    };
    let provisional = figures.iter().map(|day| day.as_ref().map(|day| day.summary.provisional));
    let hrefs = dates.iter().map(|date| format!("/hotspots/{date}?system={system}"));
    let columns = vec![
        text("date", dates.iter().map(ToString::to_string).collect()),
        (
            Field::new("provisional", DataType::Boolean, true),
            Arc::new(provisional.collect::<BooleanArray>()) as ArrayRef,
        ),
        of("coverage", &|day| day.summary.coverage, "0 to 1"),
        count("polls", &|day| day.summary.polls),
        count("cells", &|day| day.cells as u32),
        count("stations", &|day| day.summary.stations),
        of("bikes", &|day| day.summary.bikes, "bikes"),
        text("href", hrefs.collect()),
    ];
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

/// Rows with the date put before them.
fn dated(rows: &RecordBatch, date: NaiveDate) -> Result<RecordBatch, ArrowError> {
    let mut fields = vec![Field::new("date", DataType::Utf8, false)];
    fields.extend(rows.schema().fields().iter().map(|field| field.as_ref().clone()));
    let dates = vec![date.to_string(); rows.num_rows()];
    let mut columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(dates))];
    columns.extend(rows.columns().iter().cloned());
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}
