//! Which system, day and table a request means, or which there are instead.

use std::sync::Arc;

use chrono::NaiveDate;
use hotspots_data::{Derived, Resolution, SystemId};

use crate::documents::SystemDay;
use crate::fresh::Failure;
use crate::problem::{Kind, Problem};
use crate::routes::When;
use crate::state::State;
use crate::tables::Table;

/// So many days at the end of a system may be damaged before `latest` gives up.
const MOST_DAMAGED: usize = 7;

impl State {
    /// The system asked for, else the configured one, else the only one there is.
    pub(crate) async fn system(&self, asked: Option<SystemId>) -> Result<SystemId, Problem> {
        let systems = self.tables.systems().await?;
        if let Some(system) = asked {
            return if systems.contains(&system) {
                Ok(system)
            } else {
                Err(no_system(&system, &systems))
            };
        }
        if let Some(system) = &self.system {
            return Ok(system.clone());
        }
        match systems.as_slice() {
            [] => Err(Problem::new(
                Kind::EMPTY_LAKE,
                "the lake has no aggregated day: run `hotspots ingest` and `hotspots aggregate`",
            )),
            [only] => Ok(only.clone()),
            several => {
                let names: Vec<String> = several.iter().map(ToString::to_string).collect();
                let detail = format!(
                    "the lake has several systems: add ?system= with one of {}",
                    names.join(", ")
                );
                Err(Problem::bad_request(detail)
                    .with("parameter", "system")
                    .with("value", serde_json::Value::Null)
                    .with("allowed", names))
            }
        }
    }

    /// The system asked for, and the day meant.
    pub(crate) async fn day_meant(
        &self,
        asked: Option<SystemId>,
        when: When,
    ) -> Result<SystemDay, Problem> {
        let system = self.system(asked).await?;
        let date = match when {
            When::On(date) => date,
            When::Latest => match self.last_good_day(&system).await? {
                Some(date) => date,
                None => return Err(self.no_day(&system, None).await),
            },
        };
        Ok(SystemDay { system, date })
    }

    /// The last day whose hotspots can be read: a damaged one, which the log tells of, must not take
    /// `latest` away.
    async fn last_good_day(&self, system: &SystemId) -> Result<Option<NaiveDate>, Problem> {
        let days = self.tables.days(Derived::DAYS, system).await?;
        for date in days.dates().rev().take(MOST_DAMAGED) {
            match self.tables.table(Derived::DAYS, system, date).await {
                Ok(Some(_)) => return Ok(Some(date)),
                Ok(None) | Err(Failure::Damaged { .. }) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(days.last())
    }

    /// A table of a day, or why there is none.
    pub(crate) async fn need(&self, of: Derived, day: &SystemDay) -> Result<Arc<Table>, Problem> {
        match self.have(of, day).await? {
            Some(table) => Ok(table),
            None => Err(Box::pin(self.no_table(of, day)).await),
        }
    }

    /// A table of a day, if there is one.
    pub(crate) async fn have(
        &self,
        of: Derived,
        day: &SystemDay,
    ) -> Result<Option<Arc<Table>>, Problem> {
        Ok(self.tables.table(of, &day.system, day.date).await?)
    }

    /// 404 that says how to get the table, or which days there are.
    pub(crate) async fn no_table(&self, of: Derived, day: &SystemDay) -> Problem {
        let SystemDay { system, date } = day;
        match self.tables.days(Derived::DAYS, system).await {
            Err(failure) => return failure.into(),
            Ok(days) if of == Derived::DAYS || !days.contains(*date) => {
                return self.no_day(system, Some(*date)).await;
            }
            Ok(_) => {}
        }
        let computed = match self.resolutions(day).await {
            Ok(computed) => computed,
            Err(failure) => return failure.into(),
        };
        let name = of.name();
        match of.resolution() {
            Some(resolution) if !computed.contains(&resolution) => {
                let allowed: Vec<String> = computed.iter().map(ToString::to_string).collect();
                let detail = format!(
                    "the lake has no cells of resolution {resolution} on {date}, but of {}; `hotspots aggregate --resolutions` computes others",
                    allowed.join(", ")
                );
                Problem::new(Kind::NOT_COMPUTED, detail)
                    .with("parameter", "resolution")
                    .with("value", resolution.to_string())
                    .with("allowed", allowed)
            }
            _ => {
                let detail = format!(
                    "the lake has hotspots of {date} but no table `{name}`: run `hotspots aggregate` to compute it"
                );
                Problem::new(Kind::NOT_COMPUTED, detail).with("table", name)
            }
        }
    }

    /// The resolutions of which a day has hotspots.
    async fn resolutions(&self, day: &SystemDay) -> Result<Vec<Resolution>, Failure> {
        let mut computed = Vec::new();
        for resolution in self.tables.resolutions(&day.system).await? {
            let days = self.tables.days(Derived::Hotspots(resolution), &day.system).await?;
            if days.contains(day.date) {
                computed.push(resolution);
            }
        }
        Ok(computed)
    }

    /// 404 that names the first, the last and the nearest days there are.
    async fn no_day(&self, system: &SystemId, date: Option<NaiveDate>) -> Problem {
        let days = match self.tables.days(Derived::DAYS, system).await {
            Ok(days) => days,
            Err(failure) => return failure.into(),
        };
        let (Some(first), Some(last)) = (days.first(), days.last()) else {
            return match self.tables.systems().await {
                Ok(systems) => no_system(system, &systems),
                Err(failure) => failure.into(),
            };
        };
        let date = date.unwrap_or(last);
        let dates: Vec<NaiveDate> = days.dates().collect();
        let nearest: Vec<String> = nearest(&dates, date).map(ToString::to_string).collect();
        let detail = format!(
            "system `{system}` has days from {first} to {last}; nearest to {date}: {}",
            nearest.join(" and ")
        );
        Problem::new(Kind::NO_SUCH_DAY, detail)
            .with("first", first.to_string())
            .with("last", last.to_string())
            .with("nearest", nearest)
    }
}

/// 404 for a system without any day.
fn no_system(system: &SystemId, systems: &[SystemId]) -> Problem {
    let names: Vec<String> = systems.iter().map(ToString::to_string).collect();
    let detail = format!("the lake has no aggregated day of system `{system}`");
    Problem::new(Kind::NO_SUCH_SYSTEM, detail)
        .with("parameter", "system")
        .with("value", system.to_string())
        .with("allowed", names)
}

/// The last day before and the first day after.
fn nearest(dates: &[NaiveDate], date: NaiveDate) -> impl Iterator<Item = &NaiveDate> {
    let at = dates.partition_point(|known| *known < date);
    let before = at.checked_sub(1).and_then(|index| dates.get(index));
    before.into_iter().chain(dates.get(at))
}
