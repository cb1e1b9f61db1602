//! What is answered of a day's cells.

use std::sync::Arc;

use hotspots_data::{Cell, Derived, Resolution};

use super::SystemDay;
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
        self.made(
            day,
            &table,
            &name,
            format,
            || file(day),
            async |header, summary| {
                if format == Format::Parquet && wishes == Wishes::default() {
                    return Ok(self.tables.object(&table.key).await?);
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
                        .with("attribution", table.attribution.as_ref());
                    let mut metadata = table.metadata.clone();
                    metadata.insert("hotspots.selection".to_owned(), format!("{wishes:?}"));
                    let (rows, hexagon) = (&selected.batch, Geometry::Hexagon);
                    let body = reply::table(
                        format,
                        name_of(of),
                        "hotspots",
                        &header,
                        &metadata,
                        rows,
                        hexagon,
                    );
                    Ok(body?)
                };
                self.render(make).await
            },
        )
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
        let file = || format!("{}-hours", file(day));
        self.made(day, &table, &name, format, file, async |header, summary| {
            let table = Arc::clone(&table);
            let make = move || {
                let header = header
                    .with("resolution", u8::from(resolution))
                    .with("metric", wishes.column())
                    .with("relative_to", Wishes { hour: Some(0), ..wishes }.reference())
                    .of_summary(summary.as_ref())
                    .with("attribution", table.attribution.as_ref());
                if format == Format::Json {
                    let (rows, metric) = (&table.batch, wishes.column());
                    return Ok(reply::hours(header, rows, metric, &wishes.area)?);
                }
                let rows = selection::all_hours(&table.batch, &wishes)?;
                let (metadata, none) = (&table.metadata, Geometry::None);
                Ok(reply::table(format, name_of(of), "hours", &header, metadata, &rows, none)?)
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
        let file = || format!("{}-{cell}", file(day));
        self.made(day, &table, &name, format, file, async |header, summary| {
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
                .with("attribution", table.attribution.as_ref());
            let make = move || {
                let of = |table: Option<Arc<Table>>, column: &str, out: &mut Vec<u8>| {
                    match table {
                        Some(table) => {
                            reply::array(&selection::equal(&table.batch, column, &id)?, out);
                        }
                        None => out.extend(b"null"),
                    }
                    Ok::<_, Problem>(())
                };
                let mut more = b"\"hours\":".to_vec();
                of(hours, "hex_id", &mut more)?;
                more.extend(b",\"stations_of_cell\":");
                of(stations, &format!("hex_id_{resolution}"), &mut more)?;
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

fn file(day: &SystemDay) -> String {
    format!("hotspots-{}-{}", day.system, day.date)
}
