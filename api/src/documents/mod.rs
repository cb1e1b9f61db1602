//! What each path answers.

mod cells;
mod days;
mod stations;

use std::sync::Arc;

use bytes::Bytes;
use chrono::NaiveDate;
use hotspots_data::{DaySummary, Derived, SystemId};
use serde_json::json;

use crate::answer::{Answer, Freshness};
use crate::attribution::Credit;
use crate::negotiate::Format;
use crate::params::Params;
use crate::problem::Problem;
use crate::reply::Header;
use crate::routes::{OfDay, Route};
use crate::state::State;
use crate::tables::Table;

/// One day of one system.
#[derive(Debug)]
pub(crate) struct SystemDay {
    pub(crate) system: SystemId,
    pub(crate) date: NaiveDate,
}

/// What an answer about a day is made of.
struct Source<'a> {
    day: &'a SystemDay,
    /// The table that its rows are of; the answer is kept with it.
    table: &'a Table,
    /// Other tables that it tells of.
    others: [Option<&'a Table>; 2],
    format: Format,
    /// Another for each other answer of the table.
    name: String,
}

/// What is known of a day beside the rows of an answer.
struct Context {
    /// What every answer says of its day.
    header: Header,
    /// The day's figures.
    summary: Option<DaySummary>,
    /// Who must be credited.
    credit: Arc<Credit>,
}

impl State {
    /// Something of a day.
    pub(crate) async fn of_day(
        &self,
        day: &SystemDay,
        what: OfDay,
        params: Params,
        format: Format,
    ) -> Result<Arc<Answer>, Problem> {
        match what {
            OfDay::Cells => self.cells(day, &params, format).await,
            OfDay::Hours => self.hours(day, &params, format).await,
            OfDay::Cell(cell) => self.cell(day, cell, format).await,
            OfDay::Stations => self.stations(day, &params, format).await,
            OfDay::Station(station) => self.station(day, station, format).await,
            OfDay::Quality => self.quality(day, format).await,
        }
    }

    /// An answer about a day, made at most once of one state of its tables and of whom it credits.
    /// `make` is given what every answer says of its day, and the day's figures; `file` is what a file of
    /// it should be called.
    async fn made(
        &self,
        source: Source<'_>,
        file: impl FnOnce() -> String,
        make: impl AsyncFnOnce(Context) -> Result<Bytes, Problem>,
    ) -> Result<Arc<Answer>, Problem> {
        let Source { day, table, others, format, name } = source;
        let credit = self.tables.credit(&day.system).await;
        let name = format!("{name} {:x}", credit.number());
        let make = async || {
            let summary = self.summary(day, table).await;
            let is_closed = summary.as_ref().is_some_and(|summary| !summary.provisional);
            let freshness = if is_closed { Freshness::Closed } else { Freshness::Changing };
            let header = Header::default()
                .with("system", &day.system)
                .with("date", day.date)
                .with_some("time_zone", summary.as_ref().map(|day| day.time_zone.name()));
            let modified = others.iter().flatten().map(|other| other.modified);
            let modified = modified.chain(credit.modified).fold(table.modified, Ord::max);
            let licence = credit.attribution.license_url.clone();
            let body = make(Context { header, summary, credit }).await?;
            Ok(Answer::new(format, freshness, body)
                .modified(modified)
                .called(&file())
                .licensed(licence.as_deref()))
        };
        self.tables.answer(table, &name, make).await
    }

    /// The day's figures: its own where the table has them, else those of its hotspots.
    async fn summary(&self, day: &SystemDay, table: &Table) -> Option<DaySummary> {
        if let Some(summary) = table.summary() {
            return Some(summary);
        }
        let figures =
            self.tables.figures(Derived::DAYS, &day.system, day.date).await.ok().flatten();
        figures.map(|figures| figures.summary.clone())
    }

    /// Makes a body off the threads that serve.
    async fn render(
        &self,
        make: impl FnOnce() -> Result<Bytes, Problem> + Send + 'static,
    ) -> Result<Bytes, Problem> {
        let turn = self.making.turn(&self.tables).await?;
        // The turn goes with the work, which goes on when its client has hung up.
        let make = move || {
            let _turn = turn;
            make()
        };
        let body = tokio::task::spawn_blocking(make).await;
        body.map_err(|error| Problem::internal(error.to_string()))?
    }
}

impl Header {
    fn of_summary(self, summary: Option<&DaySummary>) -> Self {
        let Some(day) = summary else { return self };
        self.with("provisional", day.provisional)
            .with_number("coverage", day.coverage, 6)
            .with("polls", day.polls)
            .with("polls_expected", day.polls_expected)
            .with("vehicle_polls", day.vehicle_polls)
            .with("first_poll", day.first_poll)
            .with("last_poll", day.last_poll)
            .with_number("longest_unobserved_s", day.longest_unobserved_s, 3)
            .with("stations", day.stations)
            .with("stations_without_information", day.stations_without_information)
            .with("stations_without_position", day.stations_without_position)
            .with_number("bikes", day.bikes, 3)
            .with_number("vehicles", day.vehicles, 3)
    }

    /// All that the day's own record says, for those who judge how far to trust it.
    fn of_record(self, summary: Option<&DaySummary>) -> Self {
        let Some(day) = summary else { return self };
        self.of_summary(summary)
            .with("stations_without_status", day.stations_without_status)
            .with("stations_not_installed", day.stations_not_installed)
            .with("stations_without_counts", day.stations_without_counts)
            .with("polls_outside_day", day.polls_outside_day)
            .with("cadence_s", day.cadence_s)
            .with("max_gap_s", day.max_gap_s)
            .with_some("baseline_days", day.baseline_days)
            .with_some("gi_rings", day.gi_rings)
            .with_some("gi_radius_m", day.gi_radius_m)
            .with("method", day.method)
            .with("observations", &day.observations)
            .with("inputs", &day.inputs)
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
