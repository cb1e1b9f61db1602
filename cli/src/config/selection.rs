use chrono::NaiveDate;
use hotspots_data::{SystemId, parse_date};
use hotspots_jobs::Selection;

/// Options about the days to work on.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SelectionArguments {
    /// Only this system [default: all in the lake]
    #[arg(long, env = "HOTSPOTS_SYSTEM", value_name = "NAME")]
    system: Option<SystemId>,

    /// Only from this local date on, such as 2026-11-22
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    from: Option<NaiveDate>,

    /// Only up to this local date, included
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    to: Option<NaiveDate>,
}

impl SelectionArguments {
    /// The days asked for.
    pub(crate) fn selection(&self) -> anyhow::Result<Selection> {
        let Self { system, from, to } = self.clone();
        if let (Some(from), Some(to)) = (from, to) {
            anyhow::ensure!(from <= to, "--from {from} is after --to {to}: give the earlier first");
        }
        Ok(Selection { system, from, to })
    }
}
