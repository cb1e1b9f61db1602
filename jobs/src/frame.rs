//! The few Polars operations the jobs are made of.
//!
//! Polars is used through its eager API: `lazy` would more than double a cold build. Everything added
//! up is an integer (bike-milliseconds), so that sums do not depend on order or number of threads.

use polars::prelude::*;

/// Groups by some columns and adds up all others, which keep their names. The order is not defined.
pub(crate) fn sums_by(frame: &DataFrame, keys: &[&str]) -> PolarsResult<DataFrame> {
    let groups = frame.group_by(keys.iter().copied())?;
    #[expect(deprecated, reason = "the replacement needs `lazy`, which doubles a cold build")]
    let mut sums = groups.sum()?;
    let names: Vec<PlSmallStr> = sums.get_column_names().into_iter().cloned().collect();
    for name in names {
        if let Some(plain) = name.strip_suffix("_sum") {
            sums.rename(&name, plain.into())?;
        }
    }
    Ok(sums)
}

/// A column of whole numbers as a vector; null is 0.
pub(crate) fn whole(frame: &DataFrame, name: &str) -> PolarsResult<Vec<i64>> {
    Ok(frame.column(name)?.i64()?.iter().map(Option::unwrap_or_default).collect())
}

/// A column of text as a vector.
pub(crate) fn text<'f>(frame: &'f DataFrame, name: &str) -> PolarsResult<Vec<Option<&'f str>>> {
    Ok(frame.column(name)?.str()?.iter().collect())
}
