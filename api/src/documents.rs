//! What each path answers.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use chrono::NaiveDate;
use futures::StreamExt as _;
use hotspots_data::codec::{CodecError, Metadata};
use hotspots_data::table::TableName;
use hotspots_data::{Cell, DaySummary, Derived, Resolution, SystemId};
use serde_json::json;

use crate::answer::{Answer, Freshness};
use crate::negotiate::Format;
use crate::params::Params;
use crate::problem::Problem;
use crate::reply::{self, Geometry, Header};
use crate::routes::{Route, When};
use crate::selection::{self, Wishes};
use crate::state::{State, failure_problem};
use crate::tables::{DAYS, Figures, Table, name_of};

/// Days looked at at once when a range is asked for.
const DAYS_AT_ONCE: usize = 8;

/// An answer, and the path of what `latest` stands for.
pub(crate) type Found = (Arc<Answer>, Option<String>);

impl State {
    /// The cells of a day, or of an hour of it.
    pub(crate) async fn day(
        &self,
        when: When,
        params: Params,
        format: Format,
    ) -> Result<Found, Problem> {
        let wishes = params.wishes;
        let resolution = params.resolution.unwrap_or(Resolution::HOTSPOTS);
        let of = if wishes.hour.is_some() {
            Derived::HotspotsHourly(resolution)
        } else {
            Derived::Hotspots(resolution)
        };
        let (system, date) = self.system_and_date(params.system, when).await?;
        let table = self.need(of, &system, date).await?;
        let name = format!("day {} {}", format.name(), wishes.name());
        let answer = self.tables.answer(&table, &name, async || {
            let freshness = self.freshness(&table, &system, date).await;
            if format == Format::Parquet && wishes == Wishes::default() {
                let object = self.tables.object(&table.key).await;
                let object = object.map_err(|failure| failure_problem(&failure))?;
                return Ok(Answer::new(format, freshness, object).of(&table, &file(&system, date)));
            }
            let summary = self.summary(&table, &system, date).await;
            let (rows, of_name) = (Arc::clone(&table), name_of(of));
            let header = Header::of_day(&system, date, summary.as_ref())
                .with("resolution", u8::from(resolution))
                .with("metric", wishes.column());
            let body = self
                .render(move || {
                    let selected = selection::select(&rows.batch, &wishes)?;
                    let header = header
                        .with_some("hour", wishes.hour)
                        .with("relative_to", wishes.reference())
                        .with_number("weight_of_one", selected.weight_of_one, 6)
                        .of_summary(summary.as_ref())
                        .with("cells", selected.cells)
                        .with("selected", selected.batch.num_rows())
                        .with("attribution", rows.attribution.as_ref());
                    let mut metadata = rows.metadata.clone();
                    metadata.insert("hotspots.selection".to_owned(), format!("{wishes:?}"));
                    let batch = &selected.batch;
                    let hexagon = Geometry::Hexagon;
                    reply::table(format, of_name, "hotspots", &header, &metadata, batch, hexagon)
                })
                .await?;
            Ok(Answer::new(format, freshness, body).of(&table, &file(&system, date)))
        });
        Ok((answer.await?, Some(format!("/hotspots/{date}"))))
    }

    /// All hours of a day.
    pub(crate) async fn hours(
        &self,
        when: When,
        params: Params,
        format: Format,
    ) -> Result<Found, Problem> {
        let wishes = params.wishes;
        let resolution = params.resolution.unwrap_or(Resolution::HOTSPOTS);
        let of = Derived::HotspotsHourly(resolution);
        let (system, date) = self.system_and_date(params.system, when).await?;
        let table = self.need(of, &system, date).await?;
        let name = format!("hours {} {}", format.name(), wishes.name());
        let answer = self.tables.answer(&table, &name, async || {
            let freshness = self.freshness(&table, &system, date).await;
            let summary = self.summary(&table, &system, date).await;
            let header = Header::of_day(&system, date, summary.as_ref())
                .with("resolution", u8::from(resolution))
                .with("metric", wishes.column())
                .with("relative_to", Wishes { hour: Some(0), ..wishes }.reference())
                .of_summary(summary.as_ref())
                .with("attribution", table.attribution.as_ref());
            let (rows, of_name) = (Arc::clone(&table), name_of(of));
            let body = self
                .render(move || {
                    if format == Format::Json {
                        let metric = wishes.column();
                        return Ok(reply::hours(header, &rows.batch, metric, &wishes.area)?);
                    }
                    let batch = selection::all_hours(&rows.batch, &wishes)?;
                    let (metadata, none) = (&rows.metadata, Geometry::None);
                    reply::table(format, of_name, "hours", &header, metadata, &batch, none)
                })
                .await?;
            Ok(Answer::new(format, freshness, body)
                .of(&table, &format!("{}-hours", file(&system, date))))
        });
        Ok((answer.await?, Some(format!("/hotspots/{date}/hours"))))
    }

    /// One cell with its hours and its stations, as far as the lake has them.
    pub(crate) async fn cell(
        &self,
        when: When,
        cell: Cell,
        params: Params,
        format: Format,
    ) -> Result<Found, Problem> {
        let resolution = cell.resolution();
        let (system, date) = self.system_and_date(params.system, when).await?;
        let table = self.need(Derived::Hotspots(resolution), &system, date).await?;
        let hours = self.have(Derived::HotspotsHourly(resolution), &system, date).await?;
        let stations = self.have(Derived::StationDays, &system, date).await?;
        let serial = |table: &Option<Arc<Table>>| table.as_ref().map_or(0, |table| table.serial);
        let name = format!("{cell} {} {} {}", format.name(), serial(&hours), serial(&stations));
        let answer = self.tables.answer(&table, &name, async || {
            let freshness = self.freshness(&table, &system, date).await;
            let id = cell.to_string();
            let row = selection::equal(&table.batch, "hex_id", &id).map_err(mistake)?;
            if row.num_rows() == 0 {
                let detail = format!("no station of `{system}` was observed in {id} on {date}");
                return Err(Problem::not_found("the cell is empty", detail).with("value", id));
            }
            let summary = self.summary(&table, &system, date).await;
            let header = Header::of_day(&system, date, summary.as_ref())
                .with("resolution", u8::from(resolution))
                .of_summary(summary.as_ref())
                .with("attribution", table.attribution.as_ref());
            let body = self
                .render(move || {
                    let of =
                        |table: Option<Arc<Table>>, column: &str| -> Result<Vec<u8>, CodecError> {
                            let mut out = Vec::new();
                            match table {
                                Some(table) => {
                                    reply::array(
                                        &selection::equal(&table.batch, column, &id)?,
                                        &mut out,
                                    );
                                }
                                None => out.extend(b"null"),
                            }
                            Ok(out)
                        };
                    let mut more = b"\"hours\":".to_vec();
                    more.extend(of(hours, "hex_id")?);
                    more.extend(b",\"stations_of_cell\":");
                    more.extend(of(stations, &format!("hex_id_{resolution}"))?);
                    Ok(match format {
                        Format::GeoJson => reply::feature(&header, &row, Geometry::Hexagon, &more),
                        _ => reply::object(&header, "cell", &row, &more),
                    })
                })
                .await?;
            Ok(Answer::new(format, freshness, body)
                .of(&table, &format!("{}-{cell}", file(&system, date))))
        });
        Ok((answer.await?, Some(format!("/hotspots/{date}/{cell}"))))
    }

    /// The stations of a day.
    pub(crate) async fn stations(
        &self,
        when: When,
        params: Params,
        format: Format,
    ) -> Result<Found, Problem> {
        let wishes = params.wishes;
        let of = Derived::StationDays;
        let (system, date) = self.system_and_date(params.system, when).await?;
        let table = self.need(of, &system, date).await?;
        let name = format!("stations {} {}", format.name(), wishes.name());
        let answer = self.tables.answer(&table, &name, async || {
            let freshness = self.freshness(&table, &system, date).await;
            let summary = self.summary(&table, &system, date).await;
            let header = Header::of_day(&system, date, summary.as_ref());
            let (rows, of_name) = (Arc::clone(&table), name_of(of));
            let body = self
                .render(move || {
                    let inside = selection::within(&rows.batch, &wishes.area)?;
                    let batch = selection::first(&inside, wishes.limit);
                    let header = header
                        .with_some("provisional", summary.as_ref().map(|day| day.provisional))
                        .with("stations_of_day", rows.batch.num_rows())
                        .with("selected", batch.num_rows())
                        .with("attribution", rows.attribution.as_ref());
                    let (metadata, point) = (&rows.metadata, Geometry::Point);
                    reply::table(format, of_name, "stations", &header, metadata, &batch, point)
                })
                .await?;
            let name = format!("stations-{system}-{date}");
            Ok(Answer::new(format, freshness, body).of(&table, &name))
        });
        Ok((answer.await?, Some(format!("/stations/{date}"))))
    }

    /// One station of a day.
    pub(crate) async fn station(
        &self,
        when: When,
        station: String,
        params: Params,
        format: Format,
    ) -> Result<Found, Problem> {
        let (system, date) = self.system_and_date(params.system, when).await?;
        let table = self.need(Derived::StationDays, &system, date).await?;
        let freshness = self.freshness(&table, &system, date).await;
        let row = selection::equal(&table.batch, "station_id", &station).map_err(mistake)?;
        if row.num_rows() == 0 {
            let detail = format!("`{system}` had no station `{station}` on {date}");
            let problem = Problem::not_found("there is no such station", detail);
            return Err(problem
                .with("value", station)
                .with("stations", format!("/stations/{date}")));
        }
        let summary = self.summary(&table, &system, date).await;
        let header = Header::of_day(&system, date, summary.as_ref())
            .with_some("provisional", summary.as_ref().map(|day| day.provisional))
            .with("attribution", table.attribution.as_ref());
        let body = match format {
            Format::GeoJson => reply::feature(&header, &row, Geometry::Point, &[]),
            _ => reply::object(&header, "station", &row, &[]),
        };
        let answer = Answer::new(format, freshness, body)
            .modified(table.modified)
            .licensed(table.attribution.license_url.as_deref());
        Ok((Arc::new(answer), None))
    }

    /// What is odd about a day's data.
    pub(crate) async fn quality(
        &self,
        when: When,
        params: Params,
        format: Format,
    ) -> Result<Found, Problem> {
        let of = Derived::Quality;
        let (system, date) = self.system_and_date(params.system, when).await?;
        let table = self.need(of, &system, date).await?;
        let name = format!("quality {}", format.name());
        let answer = self.tables.answer(&table, &name, async || {
            let freshness = self.freshness(&table, &system, date).await;
            let summary = self.summary(&table, &system, date).await;
            let header = Header::of_day(&system, date, summary.as_ref())
                .of_summary(summary.as_ref())
                .with("attribution", table.attribution.as_ref());
            let (metadata, none) = (&table.metadata, Geometry::None);
            let body =
                reply::table(format, name_of(of), "checks", &header, metadata, &table.batch, none);
            let body = body.map_err(mistake)?;
            Ok(Answer::new(format, freshness, body).of(&table, &format!("quality-{system}-{date}")))
        });
        Ok((answer.await?, Some(format!("/quality/{date}"))))
    }

    /// The days there are; with a cell, its row on each of them.
    pub(crate) async fn days(&self, params: Params, format: Format) -> Result<Found, Problem> {
        let system = self.system(params.system.clone()).await?;
        let resolution = params.hex_id.map(Cell::resolution).or(params.resolution);
        let of = Derived::Hotspots(resolution.unwrap_or(Resolution::HOTSPOTS));
        let dates = self.tables.dates(of, &system).await;
        let dates = dates.map_err(|failure| failure_problem(&failure))?;
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
        let answer = Answer::new(format, Freshness::Changing, body.map_err(mistake)?)
            .called(&name)
            .licensed(attribution.license_url.as_deref());
        Ok((Arc::new(answer), None))
    }

    /// The systems of the lake.
    pub(crate) async fn systems_document(&self) -> Result<Found, Problem> {
        let systems = self.tables.systems().await;
        let mut documents = Vec::new();
        for system in systems.map_err(|failure| failure_problem(&failure))?.iter() {
            let dates = self.tables.dates(DAYS, system).await;
            let dates = dates.map_err(|failure| failure_problem(&failure))?;
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
        Ok((Arc::new(Answer::new(Format::Json, Freshness::Changing, body)), None))
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
        days_batch(system, dates, &figures).map_err(mistake)
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
                let table = self.have(of, system, date).await?;
                let Some(table) = table else { return Ok(None) };
                let row = selection::equal(&table.batch, "hex_id", id).map_err(mistake)?;
                Ok::<_, Problem>(Some(dated(&row, date).map_err(mistake)?))
            })
            .buffered(DAYS_AT_ONCE);
        let mut batches = vec![
            dated(&RecordBatch::new_empty(crate::tables::schema_of(of)), NaiveDate::default())
                .map_err(mistake)?,
        ];
        while let Some(row) = rows.next().await {
            batches.extend(row?);
        }
        concat_batches(&batches[0].schema(), &batches).map_err(mistake)
    }

    /// The day's figures: its own where the table has them, else those of its hotspots.
    async fn summary(
        &self,
        table: &Table,
        system: &SystemId,
        date: NaiveDate,
    ) -> Option<DaySummary> {
        if let Some(summary) = table.summary() {
            return Some(summary);
        }
        let figures = self.tables.figures(DAYS, system, date).await.ok().flatten();
        figures.map(|figures| figures.summary.clone())
    }

    /// Makes a body off the threads that serve.
    async fn render(
        &self,
        make: impl FnOnce() -> Result<Bytes, CodecError> + Send + 'static,
    ) -> Result<Bytes, Problem> {
        let _turn = self.turn().await?;
        let body = tokio::task::spawn_blocking(make).await;
        body.map_err(mistake)?.map_err(mistake)
    }

    async fn freshness(&self, table: &Table, system: &SystemId, date: NaiveDate) -> Freshness {
        match self.summary(table, system, date).await {
            Some(summary) if !summary.provisional => Freshness::Closed,
            _ => Freshness::Changing,
        }
    }
}

impl Answer {
    fn of(self, table: &Table, name: &str) -> Self {
        self.modified(table.modified)
            .called(name)
            .licensed(table.attribution.license_url.as_deref())
    }
}

impl Header {
    fn of_day(system: &SystemId, date: NaiveDate, summary: Option<&DaySummary>) -> Self {
        Self::default()
            .with("system", system)
            .with("date", date)
            .with_some("time_zone", summary.map(|day| day.time_zone.name()))
    }

    fn of_summary(self, summary: Option<&DaySummary>) -> Self {
        let Some(day) = summary else { return self };
        self.with("provisional", day.provisional)
            .with_number("coverage", day.coverage, 6)
            .with("polls", day.polls)
            .with("first_poll", day.first_poll)
            .with("last_poll", day.last_poll)
            .with_number("longest_unobserved_s", day.longest_unobserved_s, 3)
            .with("stations", day.stations)
            .with("stations_without_information", day.stations_without_information)
            .with("stations_without_position", day.stations_without_position)
            .with_number("bikes", day.bikes, 3)
    }
}

/// What the API offers.
pub(crate) fn index() -> Bytes {
    let paths: serde_json::Map<String, serde_json::Value> = Route::examples()
        .iter()
        .map(|route| (route.pattern().to_owned(), json!(route.summary())))
        .collect();
    Header::default()
        .with("name", "hotspots")
        .with("version", env!("CARGO_PKG_VERSION"))
        .with("paths", paths)
        .json()
}

fn mistake(error: impl std::fmt::Display) -> Problem {
    Problem::internal(error.to_string())
}

fn file(system: &SystemId, date: NaiveDate) -> String {
    format!("hotspots-{system}-{date}")
}

fn days_batch(
    system: &SystemId,
    dates: &[NaiveDate],
    figures: &[Option<Arc<Figures>>],
) -> Result<RecordBatch, arrow::error::ArrowError> {
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
fn dated(rows: &RecordBatch, date: NaiveDate) -> Result<RecordBatch, arrow::error::ArrowError> {
    let mut fields = vec![Field::new("date", DataType::Utf8, false)];
    fields.extend(rows.schema().fields().iter().map(|field| field.as_ref().clone()));
    let dates = vec![date.to_string(); rows.num_rows()];
    let mut columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(dates))];
    columns.extend(rows.columns().iter().cloned());
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}
