//! What is answered of a day's cells.

use std::fmt::Display;
use std::sync::Arc;

use chrono_tz::Tz;

use hotspots_data::table::TableName;
use hotspots_data::{Cell, Day, DaySummary, Derived, Hour, Resolution, hours};

use super::{Context, Source, SystemDay};
use crate::answer::Answer;
use crate::negotiate::Format;
use crate::params::Params;
use crate::problem::{Kind, Problem};
use crate::reply::{self, Geometry};
use crate::selection;
use crate::state::State;
use crate::tables::{Table, name_of};
use crate::wishes::Wishes;

impl State {
    /// The cells of a day, or of an hour of it.
    pub(super) async fn cells(
        &self,
        day: &SystemDay,
        params: &Params,
        format: Format,
    ) -> Result<Arc<Answer>, Problem> {
        let wishes = params.wishes;
        let resolution = params.resolution.unwrap_or(Resolution::HOTSPOTS);
        let of = if wishes.hour.is_some() {
            Derived::HotspotsHourly(resolution)
        } else {
            Derived::Hotspots(resolution)
        };
        let table = self.need(of, day).await?;
        let name = format!("day {} {}", format.name(), wishes.name());
        let source = Source { day, table: &table, others: [None; 2], format, name };
        let file = || file(day, resolution, wishes.suffix());
        self.made(source, file, async |Context { header, summary, credit }| {
            if format == Format::Parquet && wishes == Wishes::default() {
                return Ok(self.tables.parquet(&table, name_of(of)).await?);
            }
            let table = Arc::clone(&table);
            let make = move || {
                let selected = selection::select(&table.batch, &wishes)?;
                let header = header
                    .with("resolution", u8::from(resolution))
                    .with("metric", wishes.column())
                    .with_some("hour", wishes.hour)
                    .with("relative_to", wishes.reference())
                    .with_number("weight_of_one", selected.weight_of_one, 6)
                    .of_summary(summary.as_ref())
                    .with("cells", selected.cells)
                    .with("selected", selected.batch.num_rows())
                    .with("attribution", &credit.attribution);
                let (rows, hexagon) = (&selected.batch, Geometry::Hexagon);
                let (is, metadata) =
                    (TableName { name: "hotspots_selection", version: 1 }, &table.metadata);
                Ok(reply::table(format, is, "hotspots", &header, metadata, rows, hexagon)?)
            };
            self.render(make).await
        })
        .await
    }

    /// All hours of a day.
    pub(super) async fn hours(
        &self,
        day: &SystemDay,
        params: &Params,
        format: Format,
    ) -> Result<Arc<Answer>, Problem> {
        let wishes = params.wishes;
        let resolution = params.resolution.unwrap_or(Resolution::HOTSPOTS);
        let of = Derived::HotspotsHourly(resolution);
        let table = self.need(of, day).await?;
        let name = format!("hours {} {}", format.name(), wishes.name());
        let source = Source { day, table: &table, others: [None; 2], format, name };
        let file = || file(day, resolution, format!("-hours{}", wishes.suffix()));
        self.made(source, file, async |Context { header, summary, credit }| {
            let table = Arc::clone(&table);
            let all = hours_of(day, summary.as_ref());
            let make = move || {
                let selected = selection::all_hours(&table.batch, &wishes)?;
                let header = header
                    .with("resolution", u8::from(resolution))
                    .with("metric", wishes.column())
                    .with("relative_to", Wishes { hour: Some(0), ..wishes }.reference())
                    .of_summary(summary.as_ref())
                    .with("attribution", &credit.attribution);
                if format == Format::Json {
                    return Ok(reply::hours(header, &selected, wishes.column(), &all)?);
                }
                let header = header
                    .with_number("weight_of_one", selected.weight_of_one, 6)
                    .with("cells", selected.cells);
                let (rows, none) = (&selected.batch, Geometry::None);
                let (is, metadata) =
                    (TableName { name: "hotspots_hours", version: 1 }, &table.metadata);
                Ok(reply::table(format, is, "hours", &header, metadata, rows, none)?)
            };
            self.render(make).await
        })
        .await
    }

    /// One cell with its hours and its stations, as far as the lake has them.
    pub(super) async fn cell(
        &self,
        day: &SystemDay,
        cell: Cell,
        format: Format,
    ) -> Result<Arc<Answer>, Problem> {
        let resolution = cell.resolution();
        let table = self.need(Derived::Hotspots(resolution), day).await?;
        let hours = self.have(Derived::HotspotsHourly(resolution), day).await?;
        let stations = self.have(Derived::StationDays, day).await?;
        let serial = |table: &Option<Arc<Table>>| table.as_ref().map_or(0, |table| table.serial);
        let name = format!("{cell} {} {} {}", format.name(), serial(&hours), serial(&stations));
        let others = [hours.as_deref(), stations.as_deref()];
        let source = Source { day, table: &table, others, format, name };
        let file = || file(day, Resolution::HOTSPOTS, format!("-{cell}"));
        let (hours, stations) = (hours.clone(), stations.clone());
        self.made(source, file, async |Context { header, summary, credit }| {
            let id = cell.to_string();
            let row = selection::equal(&table.batch, "hex_id", &id)?;
            if row.num_rows() == 0 {
                let SystemDay { system, date } = day;
                let detail = format!("no station of `{system}` was observed in {id} on {date}");
                return Err(Problem::new(Kind::NO_SUCH_CELL, detail).with("value", id));
            }
            let header = header
                .with("resolution", u8::from(resolution))
                .of_summary(summary.as_ref())
                .with("attribution", &credit.attribution);
            let hours = hours.map(|table| (hours_of(day, summary.as_ref()), table));
            let make = move || {
                let mut more = b"\"hours\":".to_vec();
                match hours {
                    Some((hours, table)) => {
                        let rows = selection::every_hour(&table.batch, &id, &hours)?;
                        reply::array(&rows, &mut more);
                    }
                    None => more.extend(b"null"),
                }
                more.extend(b",\"stations_of_cell\":");
                match stations {
                    Some(table) => {
                        let rows = selection::stations_in(&table.batch, cell)?;
                        reply::array(&rows, &mut more);
                    }
                    None => more.extend(b"null"),
                }
                Ok(match format {
                    Format::GeoJson => reply::feature(&header, &row, Geometry::Hexagon, &more),
                    _ => reply::object(&header, "cell", &row, &more),
                })
            };
            self.render(make).await
        })
        .await
    }
}

/// All hours of a day.
fn hours_of(day: &SystemDay, summary: Option<&DaySummary>) -> Vec<Hour> {
    hours(Day::new(day.date, summary.map_or(Tz::UTC, |summary| summary.time_zone)))
}

fn file(day: &SystemDay, resolution: Resolution, more: impl Display) -> String {
    let SystemDay { system, date } = day;
    if resolution == Resolution::HOTSPOTS {
        format!("hotspots-{system}-{date}{more}")
    } else {
        format!("hotspots-{system}-{date}-resolution-{resolution}{more}")
    }
}
