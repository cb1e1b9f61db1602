//! What is answered of a day's stations, and of what is odd about its data.

use std::sync::Arc;

use hotspots_data::Derived;

use super::{Context, Source, SystemDay};
use crate::answer::Answer;
use crate::negotiate::Format;
use crate::params::Params;
use crate::problem::{Kind, Problem};
use crate::reply::{self, Geometry};
use crate::selection;
use crate::state::State;
use crate::tables::name_of;

impl State {
    /// The stations of a day.
    pub(super) async fn stations(
        &self,
        day: &SystemDay,
        params: &Params,
        format: Format,
    ) -> Result<Arc<Answer>, Problem> {
        let wishes = params.wishes;
        let of = Derived::StationDays;
        let table = self.need(of, day).await?;
        let name = format!("stations {} {}", format.name(), wishes.name());
        let source = Source { day, table: &table, others: [None; 2], format, name };
        let file = || format!("stations-{}-{}{}", day.system, day.date, wishes.suffix());
        self.made(source, file, async |Context { header, summary, credit }| {
            let table = Arc::clone(&table);
            let make = move || {
                let inside = selection::within(&table.batch, &wishes.area)?;
                let rows = selection::first(&inside, wishes.limit);
                let header = header
                    .with_some("provisional", summary.map(|day| day.provisional))
                    .with("stations_of_day", table.batch.num_rows())
                    .with("selected", rows.num_rows())
                    .with("attribution", &credit.attribution);
                let (metadata, point) = (&table.metadata, Geometry::Point);
                Ok(reply::table(format, name_of(of), "stations", &header, metadata, &rows, point)?)
            };
            self.render(make).await
        })
        .await
    }

    /// One station of a day.
    pub(super) async fn station(
        &self,
        day: &SystemDay,
        station: String,
        format: Format,
    ) -> Result<Arc<Answer>, Problem> {
        let table = self.need(Derived::StationDays, day).await?;
        let name = format!("station {} {station}", format.name());
        let source = Source { day, table: &table, others: [None; 2], format, name };
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let id: String = station.chars().map(plain).take(64).collect();
        let file = || format!("station-{}-{}-{id}", day.system, day.date);
        self.made(source, file, async |Context { header, summary, credit }| {
            let row = selection::equal(&table.batch, "station_id", &station)?;
            if row.num_rows() == 0 {
                let SystemDay { system, date } = day;
                let detail = format!("`{system}` had no station `{station}` on {date}");
                return Err(Problem::new(Kind::NO_SUCH_STATION, detail)
                    .with("value", station)
                    .with("stations", format!("/stations/{date}?system={system}")));
            }
            let header = header
                .with_some("provisional", summary.map(|day| day.provisional))
                .with("attribution", &credit.attribution);
            Ok(match format {
                Format::GeoJson => reply::feature(&header, &row, Geometry::Point, &[]),
                _ => reply::object(&header, "station", &row, &[]),
            })
        })
        .await
    }

    /// What is odd about a day's data.
    pub(super) async fn quality(
        &self,
        day: &SystemDay,
        format: Format,
    ) -> Result<Arc<Answer>, Problem> {
        let of = Derived::Quality;
        let table = self.need(of, day).await?;
        let name = format!("quality {}", format.name());
        let source = Source { day, table: &table, others: [None; 2], format, name };
        let file = || format!("quality-{}-{}", day.system, day.date);
        self.made(source, file, async |Context { header, summary, credit }| {
            let header =
                header.of_record(summary.as_ref()).with("attribution", &credit.attribution);
            let (metadata, rows, none) = (&table.metadata, &table.batch, Geometry::None);
            Ok(reply::table(format, name_of(of), "checks", &header, metadata, rows, none)?)
        })
        .await
    }
}
