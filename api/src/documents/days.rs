//! What is answered of many days: the list of them, one cell over them, and the systems.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use futures::{StreamExt as _, TryStreamExt as _};
use hotspots_data::codec::Metadata;
use hotspots_data::table::TableName;
use hotspots_data::{Cell, Derived, Resolution, SystemId};
use serde_json::json;

use super::SystemDay;
use crate::answer::{Answer, Freshness};
use crate::fresh::Failure;
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
        let days = self.tables.days(of, &system).await?;
        if days.last().is_none() && of != Derived::DAYS {
            let last = self.tables.days(Derived::DAYS, &system).await?.last();
            if let Some(date) = last {
                return Err(self.no_table(of, &SystemDay { system, date }).await);
            }
        }
        let credit = self.tables.credit(&system).await;
        let range = (params.from, params.to);
        let name = format!("{:?} {range:?} {} {:x}", params.hex_id, format.name(), credit.number());
        let make = async || {
            let wanted = |date: &NaiveDate| {
                range.0.is_none_or(|from| from <= *date) && range.1.is_none_or(|to| *date <= to)
            };
            let dates: Vec<NaiveDate> = days.dates().filter(wanted).collect();
            let header = Header::default()
                .with("system", &system)
                .with_some("from", range.0)
                .with_some("to", range.1)
                .with_some("resolution", of.resolution().map(u8::from))
                .with("attribution", &credit.attribution);
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
            let body = self.render(move || {
                let (is, none) = (TableName { name: "days", version: 1 }, Metadata::new());
                Ok(reply::table(format, is, "days", &header, &none, &batch, geometry)?)
            });
            let what = params.hex_id.map_or_else(|| "days".to_owned(), |cell| cell.to_string());
            Ok::<_, Problem>(
                Answer::new(format, Freshness::Changing, body.await?)
                    .called(&format!("{what}-{system}{}", span(range)))
                    .licensed(credit.attribution.license_url.as_deref()),
            )
        };
        self.tables.answer(days.as_ref(), &name, make).await
    }

    /// The systems of the lake.
    pub(crate) async fn systems_document(&self) -> Result<Arc<Answer>, Problem> {
        let mut documents = Vec::new();
        for system in self.tables.systems().await?.iter() {
            let days = self.tables.days(Derived::DAYS, system).await?;
            let credit = self.tables.credit(system).await;
            documents.push(json!({
                "system": system,
                "days": days.dates().len(),
                "first": days.first(),
                "last": days.last(),
                "href": format!("/hotspots?system={system}"),
                "attribution": credit.attribution,
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
        let mut figures = futures::stream::iter(dates.iter().copied())
            .map(|date| async move {
                match self.tables.figures(of, system, date).await {
                    // A damaged day is listed without figures; the log says why.
                    Err(Failure::Damaged { .. }) => Ok(None),
                    other => other,
                }
            })
            .buffered(DAYS_AT_ONCE);
        let mut all = Vec::with_capacity(dates.len());
        while let Some(figures) = figures.try_next().await? {
            all.push(figures);
        }
        Ok(days_batch(system, of, dates, &all)?)
    }

    async fn series(
        &self,
        of: Derived,
        system: &SystemId,
        dates: &[NaiveDate],
        cell: Cell,
    ) -> Result<RecordBatch, Problem> {
        let _turn = self.making.turn(&self.tables).await?;
        let id = cell.to_string();
        let id = id.as_str();
        let mut rows = futures::stream::iter(dates.iter().copied())
            .map(|date| async move {
                let Some(rows) = self.tables.rows(of, system, date).await? else { return Ok(None) };
                let row = selection::equal(&rows, "hex_id", id)?;
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
    table: Derived,
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
    let resolution = match table.resolution() {
        Some(resolution) if table != Derived::DAYS => format!("&resolution={resolution}"),
        _ => String::new(),
    };
    let href = |date: &NaiveDate| format!("/hotspots/{date}?system={system}{resolution}");
    let hrefs = dates.iter().map(href);
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

/// The range in a file's name.
fn span((from, to): (Option<NaiveDate>, Option<NaiveDate>)) -> String {
    let mut span = String::new();
    for (word, date) in [("from", from), ("to", to)] {
        if let Some(date) = date {
            let _ = write!(span, "-{word}-{date}");
        }
    }
    span
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
