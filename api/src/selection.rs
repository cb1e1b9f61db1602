//! Which cells, in what order, how heavy: pure functions over a table's columns.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Float64Array, RecordBatch, StringArray,
    TimestampMillisecondArray, UInt32Array,
};
use arrow::compute::{take, take_record_batch};
use arrow::datatypes::{
    DataType, Field, Float64Type, Schema, TimestampMillisecondType, UInt32Type,
};
use arrow::error::ArrowError;
use hotspots_data::table::{HotspotHour, Row as _};
use hotspots_data::{Cell, Hour};

use crate::wishes::{Area, Order, RelativeTo, Wishes};

/// The cells wished for.
#[derive(Clone, Debug)]
pub(crate) struct Selected {
    /// The table's columns, with `rank`, `weight` and `share` of the metric wished for.
    pub(crate) batch: RecordBatch,
    /// Cells that have the metric at all, in the whole city (and hour); one that has it in both hours
    /// of a repeated one counts once.
    pub(crate) cells: usize,
    /// What a weight of 1 stands for, in the metric's unit.
    pub(crate) weight_of_one: f64,
}

/// The cells of a table of hotspots, or with [`Wishes::hour`] of hourly ones, as wished. Where clocks
/// are set back and the hour comes twice, a cell has a row of each, ranked among those of the same.
///
/// # Errors
/// When a column is missing or of another type.
pub(crate) fn select(table: &RecordBatch, wishes: &Wishes) -> Result<Selected, ArrowError> {
    let located = match table.column_by_name("lat") {
        Some(_) => table.clone(),
        None => with_centres(table)?,
    };
    let values = floats(&located, wishes.column())?;
    let hours = match wishes.hour {
        Some(hour) => Some((column(&located, "hour")?.as_primitive::<UInt32Type>(), hour)),
        None => None,
    };
    let starts = match wishes.hour {
        Some(_) => Some(instants(&located, "hour_start")?),
        None => None,
    };
    let start = |row: usize| starts.map_or(0, |starts| starts.value(row));
    let in_hour = |row: usize| hours.is_none_or(|(hours, hour)| hours.value(row) == hour);
    let mut rows: Vec<usize> =
        (0..located.num_rows()).filter(|&row| values.is_valid(row) && in_hour(row)).collect();
    let ids = column(&located, "hex_id")?.as_string::<i32>();
    rows.sort_by(|&a, &b| {
        let by_value = values.value(b).total_cmp(&values.value(a));
        by_value.then_with(|| (ids.value(a), start(a)).cmp(&(ids.value(b), start(b))))
    });
    let cells = match starts {
        Some(_) => rows.iter().map(|&row| ids.value(row)).collect::<HashSet<_>>().len(),
        None => rows.len(),
    };

    let (lats, lngs) = (floats(&located, "lat")?, floats(&located, "lng")?);
    let inside = |row: &usize| wishes.area.contains(lats.value(*row), lngs.value(*row));
    let largest = |rows: &[usize]| {
        let values = rows.iter().map(|&row| values.value(row));
        let signed = wishes.order == Order::Baseline;
        values.map(|value| if signed { value.abs() } else { value }).fold(0.0, f64::max)
    };
    let mut ranks = ranks(&rows, values, start);
    let mut sums = sums(&rows, values, start);
    let mut weight_of_one = 0.0;
    match wishes.relative_to {
        RelativeTo::City => {
            let told: Vec<usize> =
                (0..located.num_rows()).filter(|&row| values.is_valid(row)).collect();
            weight_of_one = largest(&told);
            let (kept, kept_ranks) = rows.iter().zip(&ranks).filter(|(row, _)| inside(row)).unzip();
            (rows, ranks) = (kept, kept_ranks);
        }
        RelativeTo::Selection => {
            rows.retain(inside);
            weight_of_one = f64::max(weight_of_one, largest(&rows));
            sums = self::sums(&rows, values, start);
            ranks = self::ranks(&rows, values, start);
        }
    }

    let mut weights: Vec<f64> =
        rows.iter().map(|&row| ratio(values.value(row), weight_of_one)).collect();
    // In order of rank, so of weight: those that are heavy enough come first.
    let heavy =
        wishes.min_weight.map_or(rows.len(), |least| weights.partition_point(|w| *w >= least));
    let kept = heavy.min(wishes.limit.unwrap_or(usize::MAX));
    rows.truncate(kept);
    ranks.truncate(kept);
    weights.truncate(kept);
    let adds_up = wishes.metric.adds_up() && wishes.order != Order::Baseline;
    let share = |&row: &usize| {
        let sum = *of_start(&mut sums, start(row));
        adds_up.then(|| ratio(values.value(row), sum))
    };
    let shares: Vec<Option<f64>> = rows.iter().map(share).collect();
    let indices: UInt32Array = rows.iter().map(|&row| row as u32).collect::<Vec<_>>().into();
    let taken = take_record_batch(&located, &indices)?;
    let batch = replaced(
        &taken,
        vec![
            ("rank", Arc::new(UInt32Array::from(ranks))),
            ("weight", Arc::new(Float64Array::from(weights))),
            ("share", Arc::new(Float64Array::from(shares))),
        ],
    )?;
    Ok(Selected { batch, cells, weight_of_one })
}

/// All hours of the cells in the area that have the metric, with their centres; a row's weight is its
/// metric's value ÷ the largest of any cell of the city in any hour.
///
/// # Errors
/// When a column is missing or of another type.
pub(crate) fn all_hours(table: &RecordBatch, wishes: &Wishes) -> Result<Selected, ArrowError> {
    let located = with_centres(table)?;
    let values = floats(&located, wishes.column())?;
    let told = matching(&located, |row| values.is_valid(row))?;
    let ids = column(&told, "hex_id")?.as_string::<i32>();
    let cells = ids.iter().collect::<HashSet<_>>().len();
    let values = floats(&told, wishes.column())?.values();
    let weight_of_one = values.iter().copied().fold(0.0, f64::max);
    let weights = values.iter().map(|&value| ratio(value, weight_of_one));
    let weights: ArrayRef = Arc::new(Float64Array::from_iter_values(weights));
    let weighed = replaced(&told, vec![("weight", weights)])?;
    let (lats, lngs) = (floats(&weighed, "lat")?, floats(&weighed, "lng")?);
    let inside = |row| wishes.area.contains(lats.value(row), lngs.value(row));
    let batch = matching(&weighed, inside)?;
    Ok(Selected { batch, cells, weight_of_one })
}

/// One cell's rows of the hourly table for every hour of the day; in an hour in which it was not
/// observed, all that was observed is null.
///
/// # Errors
/// When a column is missing or of another type.
pub(crate) fn every_hour(
    table: &RecordBatch,
    hex_id: &str,
    hours: &[Hour],
) -> Result<RecordBatch, ArrowError> {
    let rows = equal(table, "hex_id", hex_id)?;
    let starts = instants(&rows, "hour_start")?;
    let place: HashMap<i64, u32> =
        starts.values().iter().zip(0..).map(|(start, row)| (*start, row)).collect();
    let of = |hour: &Hour| place.get(&hour.start.timestamp_millis()).copied();
    let at: UInt32Array = hours.iter().map(of).collect();
    let schema = table.schema();
    let column = |(field, values): (&Arc<Field>, &ArrayRef)| -> Result<ArrayRef, ArrowError> {
        Ok(match field.name().as_str() {
            "hex_id" => Arc::new(StringArray::from(vec![hex_id; hours.len()])),
            "hour" => Arc::new(hours.iter().map(|hour| hour.hour).collect::<UInt32Array>()),
            "hour_start" => {
                let starts = hours.iter().map(|hour| hour.start.timestamp_millis());
                let starts = TimestampMillisecondArray::from_iter_values(starts);
                Arc::new(starts.with_data_type(field.data_type().clone()))
            }
            _ => take(values, &at, None)?,
        })
    };
    let columns: Result<Vec<ArrayRef>, ArrowError> =
        schema.fields().iter().zip(rows.columns()).map(column).collect();
    RecordBatch::try_new(Arc::new(with_unobserved_hours(&schema)), columns?)
}

/// The columns of a cell's hours.
pub(crate) fn hour_of_cell() -> Schema {
    with_unobserved_hours(&HotspotHour::schema())
}

/// The schema of the hourly table with nulls allowed wherever something was observed.
fn with_unobserved_hours(schema: &Schema) -> Schema {
    let field = |field: &Arc<Field>| {
        let is_known = ["hex_id", "hour", "hour_start"].contains(&field.name().as_str());
        field.as_ref().clone().with_nullable(!is_known)
    };
    Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>())
}

/// The stations (`lat`, `lon`) in the area; all of them where it is the globe.
///
/// # Errors
/// When a column is missing or of another type.
pub(crate) fn within(table: &RecordBatch, area: &Area) -> Result<RecordBatch, ArrowError> {
    if area.is_everywhere() {
        return Ok(table.clone());
    }
    let (lats, lngs) = (floats(table, "lat")?, floats(table, "lon")?);
    matching(table, |row| {
        lats.is_valid(row) && lngs.is_valid(row) && area.contains(lats.value(row), lngs.value(row))
    })
}

/// The stations that stood last in a cell.
///
/// # Errors
/// When a column is missing.
pub(crate) fn stations_in(table: &RecordBatch, cell: Cell) -> Result<RecordBatch, ArrowError> {
    let resolution = cell.resolution();
    let stored = format!("hex_id_{resolution}");
    if table.column_by_name(&stored).is_some() {
        return equal(table, &stored, &cell.to_string());
    }
    let (lats, lngs) = (floats(table, "lat")?, floats(table, "lon")?);
    matching(table, |row| {
        lats.is_valid(row)
            && lngs.is_valid(row)
            && Cell::at(lats.value(row), lngs.value(row), resolution) == Ok(cell)
    })
}

/// The rows whose text column holds `value`.
///
/// # Errors
/// When the column is missing.
pub(crate) fn equal(
    table: &RecordBatch,
    name: &str,
    value: &str,
) -> Result<RecordBatch, ArrowError> {
    let texts = column(table, name)?.as_string::<i32>();
    matching(table, |row| texts.is_valid(row) && texts.value(row) == value)
}

/// The first `limit` rows.
pub(crate) fn first(table: &RecordBatch, limit: Option<usize>) -> RecordBatch {
    table.slice(0, table.num_rows().min(limit.unwrap_or(usize::MAX)))
}

/// A column of a table.
///
/// # Errors
/// When there is none.
pub(crate) fn column<'a>(table: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    table.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column `{name}`")))
}

/// A column of numbers.
///
/// # Errors
/// When there is none.
pub(crate) fn floats<'a>(
    table: &'a RecordBatch,
    name: &str,
) -> Result<&'a Float64Array, ArrowError> {
    column(table, name)?
        .as_primitive_opt::<Float64Type>()
        .ok_or_else(|| ArrowError::SchemaError(format!("column `{name}` holds no numbers")))
}

/// A column of instants.
///
/// # Errors
/// When there is none.
pub(crate) fn instants<'a>(
    table: &'a RecordBatch,
    name: &str,
) -> Result<&'a TimestampMillisecondArray, ArrowError> {
    column(table, name)?
        .as_primitive_opt::<TimestampMillisecondType>()
        .ok_or_else(|| ArrowError::SchemaError(format!("column `{name}` holds no instants")))
}

/// A part of a whole; 0 of nothing.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn matching(table: &RecordBatch, keep: impl Fn(usize) -> bool) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<u32> =
        (0..table.num_rows()).filter(|&row| keep(row)).map(|row| row as u32).collect();
    take_record_batch(table, &UInt32Array::from(rows))
}

/// 1 for the first of those that start alike; equal values have equal rank, and the next rank is left
/// out. The rows are in order of value.
fn ranks(rows: &[usize], values: &Float64Array, start: impl Fn(usize) -> i64) -> Vec<u32> {
    /// How many there were, and the last one's value and rank.
    #[derive(Clone, Copy, Default)]
    struct Last(u32, f64, u32);
    let mut last: Vec<(i64, Last)> = Vec::new();
    let rank = |&row: &usize| {
        let (value, last) = (values.value(row), of_start(&mut last, start(row)));
        #[expect(clippy::float_cmp, reason = "a tie is an equal number")]
        let ties = last.0 > 0 && last.1 == value;
        *last = Last(last.0 + 1, value, if ties { last.2 } else { last.0 + 1 });
        last.2
    };
    rows.iter().map(rank).collect()
}

/// The sums of the values of those that start alike.
fn sums(rows: &[usize], values: &Float64Array, start: impl Fn(usize) -> i64) -> Vec<(i64, f64)> {
    let mut sums = Vec::new();
    for &row in rows {
        *of_start(&mut sums, start(row)) += values.value(row);
    }
    sums
}

/// What is kept of those that start at one time: there are two at most, of an hour that comes twice.
fn of_start<T: Default>(kept: &mut Vec<(i64, T)>, start: i64) -> &mut T {
    let at = kept.iter().position(|(known, _)| *known == start).unwrap_or_else(|| {
        kept.push((start, T::default()));
        kept.len() - 1
    });
    &mut kept[at].1
}

/// Adds the centres of cells that a table knows by name only, as its second and third column.
fn with_centres(table: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let ids = column(table, "hex_id")?.as_string::<i32>();
    let mut known: HashMap<&str, (f64, f64)> = HashMap::new();
    let (mut lats, mut lngs) = (Vec::new(), Vec::new());
    for id in (0..ids.len()).map(|row| ids.value(row)) {
        let (lat, lng) = *known
            .entry(id)
            .or_insert_with(|| id.parse::<Cell>().map_or((f64::NAN, f64::NAN), Cell::centre));
        lats.push(lat);
        lngs.push(lng);
    }
    let unit = |name: &str| described(name, false, "degrees, WGS 84", "Of the cell's centre.");
    let mut fields: Vec<Field> =
        table.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    let mut columns = table.columns().to_vec();
    for (at, name, values) in [(1, "lat", lats), (2, "lng", lngs)] {
        fields.insert(at, unit(name));
        columns.insert(at, Arc::new(Float64Array::from(values)));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// The table with other values in `rank` (put first where it is new), `weight` and `share`.
fn replaced(
    table: &RecordBatch,
    changes: Vec<(&'static str, ArrayRef)>,
) -> Result<RecordBatch, ArrowError> {
    let schema = table.schema();
    let mut fields: Vec<Field> = schema.fields().iter().map(|f| f.as_ref().clone()).collect();
    let mut columns = table.columns().to_vec();
    for (name, values) in changes {
        let field = meaning(name);
        if let Ok(at) = schema.index_of(name) {
            let at = at + (fields.len() - schema.fields().len());
            (fields[at], columns[at]) = (field, values);
        } else {
            let before = if name == "rank" { 0 } else { after(&fields, "weight") };
            fields.insert(before, field);
            columns.insert(before, values);
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn after(fields: &[Field], name: &str) -> usize {
    fields.iter().position(|field| field.name() == name).map_or(fields.len(), |at| at + 1)
}

/// What the columns that every answer computes mean.
pub(crate) fn meaning(name: &str) -> Field {
    match name {
        "rank" => Field::new("rank", DataType::UInt32, false).with_metadata(unit_and_meaning(
            "rank",
            "1 for the largest value of the metric; equal values have equal rank, and the next rank is left out.",
        )),
        "weight" => described(
            "weight",
            false,
            "-1 to 1",
            "The metric's value ÷ what `relative_to` says; below 0 only for differences from the baseline.",
        ),
        _ => described(
            "share",
            true,
            "0 to 1",
            "The metric's value ÷ the sum over the same cells; null for ratios and differences, which do not add up.",
        ),
    }
}

fn described(name: &str, nullable: bool, unit: &str, meaning: &str) -> Field {
    Field::new(name, DataType::Float64, nullable).with_metadata(unit_and_meaning(unit, meaning))
}

fn unit_and_meaning(unit: &str, meaning: &str) -> HashMap<String, String> {
    [("unit".to_owned(), unit.to_owned()), ("meaning".to_owned(), meaning.to_owned())].into()
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;

    use super::*;
    use crate::wishes::Bbox;

    /// Three cells of Paris with 10, 5 and 1 bikes, and 6 fewer, 3 more and as many as usual.
    fn three() -> RecordBatch {
        let number = |name: &str| Field::new(name, DataType::Float64, true);
        let floats =
            |values: [f64; 3]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
        let fields = vec![
            Field::new("hex_id", DataType::Utf8, false),
            number("lat"),
            number("lng"),
            meaning("weight"),
            number("bikes"),
            number("baseline_difference"),
        ];
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec!["a", "b", "c"])),
            floats([48.80, 48.85, 48.90]),
            floats([2.3, 2.3, 2.3]),
            floats([0.0, 0.0, 0.0]),
            floats([10.0, 5.0, 1.0]),
            floats([-6.0, 3.0, 0.0]),
        ];
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    fn weights(wishes: Wishes) -> Vec<(String, f64)> {
        let batch = select(&three(), &wishes).unwrap().batch;
        let ids = column(&batch, "hex_id").unwrap().as_string::<i32>().clone();
        let weights = floats(&batch, "weight").unwrap().clone();
        (0..batch.num_rows()).map(|row| (ids.value(row).to_owned(), weights.value(row))).collect()
    }

    #[test]
    fn weights_are_what_one_works_out_by_hand() {
        let of = |pairs: &[(&str, f64)]| -> Vec<(String, f64)> {
            pairs.iter().map(|(id, weight)| ((*id).to_owned(), *weight)).collect()
        };
        let all = Wishes::default();
        assert_eq!(weights(all), of(&[("a", 1.0), ("b", 0.5), ("c", 0.1)]));
        let north = Area {
            bbox: Some(Bbox { west: 2.0, south: 48.82, east: 3.0, north: 49.0 }),
            near: None,
        };
        assert_eq!(weights(Wishes { area: north, ..all }), of(&[("b", 0.5), ("c", 0.1)]));
        let alone = Wishes { area: north, relative_to: RelativeTo::Selection, ..all };
        assert_eq!(weights(alone), of(&[("b", 1.0), ("c", 0.2)]));
        let unusual = Wishes { order: Order::Baseline, ..all };
        assert_eq!(weights(unusual), of(&[("b", 0.5), ("c", 0.0), ("a", -1.0)]));
        assert_eq!(weights(Wishes { min_weight: Some(0.5), ..all }).len(), 2);
        assert_eq!(weights(Wishes { limit: Some(1), ..all }), of(&[("a", 1.0)]));
    }
}
