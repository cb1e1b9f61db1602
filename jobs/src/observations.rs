//! A day's status polls as sums per station: decoded with arrow-rs, added up with Polars, in parallel.

use std::collections::HashMap;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, Int32Array, StringArray};
use arrow::datatypes::Int32Type;
use chrono::TimeDelta;
use hotspots_data::codec::{self, CodecError};
use hotspots_data::table::{Row as _, StationStatus};
use polars::prelude::*;
use rayon::prelude::*;

use crate::aggregate::AggregateError;
use crate::frame::sums_by;

/// One poll: its object, how long its state holds, and which information version was in force.
pub(crate) struct WeightedPoll {
    pub(crate) key: String,
    pub(crate) bytes: bytes::Bytes,
    pub(crate) hold: TimeDelta,
    pub(crate) version: usize,
}

/// The columns of [`station_sums`] that are added up.
pub(crate) const SUMS: [&str; 9] = [
    "hold_ms",
    "bike_ms",
    "ebike_hold_ms",
    "ebike_ms",
    "mechanical_hold_ms",
    "mechanical_ms",
    "dock_hold_ms",
    "dock_ms",
    "installed",
];

const COLUMNS: [&str; 6] = [
    "station_id",
    "num_bikes_available",
    "num_ebikes_available",
    "num_mechanical_available",
    "num_docks_available",
    "is_installed",
];
/// Polls that one task decodes and adds up: bounds memory, and is enough to be worth a task.
const CHUNK: usize = 32;

/// Per station and information version: the time observed (`hold_ms`), the bikes present times that
/// time (`bike_ms`), the same for the other counts, and the number of polls that saw it installed.
pub(crate) fn station_sums(polls: &[WeightedPoll]) -> Result<DataFrame, AggregateError> {
    let parts: Vec<DataFrame> =
        polls.par_chunks(CHUNK).map(chunk_sums).collect::<Result<_, AggregateError>>()?;
    let mut all = parts.first().map(DataFrame::clear).unwrap_or_default();
    for part in &parts {
        all.vstack_mut(part)?;
    }
    all.align_chunks_par();
    Ok(sums_by(&all, &["station_id", "version"])?)
}

fn chunk_sums(polls: &[WeightedPoll]) -> Result<DataFrame, AggregateError> {
    let mut rows = Rows::default();
    for poll in polls {
        rows.add(poll)
            .map_err(|source| AggregateError::Object { key: poll.key.clone(), source })?;
    }
    Ok(rows.into_sums()?)
}

/// Rows of several polls, column by column, ready for Polars.
#[derive(Default)]
struct Rows {
    codes: StationCodes,
    station: Vec<u32>,
    version: Vec<u32>,
    sums: [Vec<i64>; SUMS.len()],
}

impl Rows {
    fn add(&mut self, poll: &WeightedPoll) -> Result<(), CodecError> {
        let schema = StationStatus::schema_of(&COLUMNS);
        let (batch, _) = codec::decode(&schema, poll.bytes.clone())?;
        let [ids, counts @ .., installed] = batch.columns() else {
            return Err(CodecError::MissingColumn(COLUMNS[0].to_owned()));
        };
        let ids: &StringArray = ids.as_string();
        let installed: &BooleanArray = installed.as_boolean();
        let counts: Vec<&Int32Array> =
            counts.iter().map(ArrayRef::as_primitive::<Int32Type>).collect();
        let hold_ms = poll.hold.num_milliseconds();
        self.station.extend_from_slice(self.codes.encode(ids));
        for row in 0..ids.len() {
            // Only `false` says that a station is not there; the flag may be absent.
            let stands = installed.is_null(row) || installed.value(row);
            let value = |column: usize| {
                let counts = counts[column];
                (stands && counts.is_valid(row)).then(|| i64::from(counts.value(row)))
            };
            self.version.push(poll.version as u32);
            // Without a number of bikes the station was not observed.
            let bikes = value(0);
            for (index, count) in [bikes, value(1), value(2), value(3)].into_iter().enumerate() {
                let count = count.filter(|_| bikes.is_some());
                self.sums[2 * index].push(if count.is_some() { hold_ms } else { 0 });
                self.sums[2 * index + 1].push(count.unwrap_or(0) * hold_ms);
            }
            self.sums[8].push(i64::from(stands));
        }
        Ok(())
    }

    /// Groups by code, which is fast, and only then puts the ids in the codes' place.
    fn into_sums(self) -> PolarsResult<DataFrame> {
        let mut columns = vec![
            Column::new("code".into(), self.station),
            Column::new("version".into(), self.version),
        ];
        for (name, values) in SUMS.into_iter().zip(self.sums) {
            columns.push(Column::new(name.into(), values));
        }
        let mut sums = sums_by(&DataFrame::new_infer_height(columns)?, &["code", "version"])?;
        let ids: Vec<&str> = sums
            .column("code")?
            .u32()?
            .no_null_iter()
            .map(|code| self.codes.names[code as usize].as_str())
            .collect();
        sums.replace("code", Column::new("code".into(), ids))?;
        sums.rename("code", "station_id".into())?;
        Ok(sums)
    }
}

/// Station ids as dense numbers. Polls list the same stations in the same order nearly always, so the
/// codes of the last poll mostly serve the next one as they are.
#[derive(Default)]
struct StationCodes {
    by_name: HashMap<String, u32>,
    names: Vec<String>,
    last_ids: Option<StringArray>,
    last: Vec<u32>,
}

impl StationCodes {
    fn encode(&mut self, ids: &StringArray) -> &[u32] {
        if self.last_ids.as_ref() != Some(ids) {
            self.last = ids.iter().map(|id| self.code(id.unwrap_or_default())).collect();
            self.last_ids = Some(ids.clone());
        }
        &self.last
    }

    fn code(&mut self, id: &str) -> u32 {
        if let Some(&code) = self.by_name.get(id) {
            return code;
        }
        let code = self.names.len() as u32;
        self.names.push(id.to_owned());
        self.by_name.insert(id.to_owned(), code);
        code
    }
}
