//! A table's columns as text: the one way numbers, texts and instants are written in JSON and CSV.
//!
//! Ratios have 6 decimals, positions 7 (a centimetre), counts of bikes and minutes 3; Arrow and
//! Parquet answers have every bit.

use arrow::array::{
    Array as _, AsArray as _, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMillisecondArray, UInt32Array,
};
use arrow::datatypes::{
    DataType, Field, Float64Type, Int32Type, Int64Type, TimestampMillisecondType, UInt32Type,
};
use chrono::{DateTime, SecondsFormat};

/// The columns of some rows.
#[derive(Debug)]
pub(crate) struct Columns<'a>(Vec<Column<'a>>);

/// A column that knows how its values are written.
#[derive(Debug)]
pub(crate) struct Column<'a> {
    pub(crate) name: &'a str,
    /// What comes before a value in a JSON object that is not empty: `,"name":`.
    member: Vec<u8>,
    values: Values<'a>,
}

#[derive(Debug)]
enum Values<'a> {
    Text(&'a StringArray),
    Float(&'a Float64Array, usize),
    Int(&'a Int32Array),
    Long(&'a Int64Array),
    UInt(&'a UInt32Array),
    Instant(&'a TimestampMillisecondArray),
    Flag(&'a BooleanArray),
    Unknown,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(batch: &'a RecordBatch) -> Self {
        let fields = batch.schema_ref().fields().iter();
        let columns = fields.zip(batch.columns()).map(|(field, array)| {
            let values = match field.data_type() {
                DataType::Utf8 => Values::Text(array.as_string()),
                DataType::Float64 => {
                    Values::Float(array.as_primitive::<Float64Type>(), decimals(field))
                }
                DataType::Int32 => Values::Int(array.as_primitive::<Int32Type>()),
                DataType::Int64 => Values::Long(array.as_primitive::<Int64Type>()),
                DataType::UInt32 => Values::UInt(array.as_primitive::<UInt32Type>()),
                DataType::Timestamp(..) => {
                    Values::Instant(array.as_primitive::<TimestampMillisecondType>())
                }
                DataType::Boolean => Values::Flag(array.as_boolean()),
                _ => Values::Unknown,
            };
            let name = field.name();
            let mut member = vec![b','];
            text(name, &mut member);
            member.push(b':');
            Column { name, member, values }
        });
        Self(columns.collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Column<'a>> {
        self.0.iter()
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Column<'a>> {
        self.0.iter().find(|column| column.name == name)
    }

    /// A row as a JSON object.
    pub(crate) fn object(&self, row: usize, out: &mut Vec<u8>) {
        out.push(b'{');
        for (index, column) in self.0.iter().enumerate() {
            let is_first = usize::from(index == 0);
            out.extend_from_slice(&column.member[is_first..]);
            column.json(row, out);
        }
        out.push(b'}');
    }
}

impl Column<'_> {
    /// The value as JSON.
    pub(crate) fn json(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            out.extend(b"null");
            return;
        }
        match &self.values {
            Values::Text(values) => text(values.value(row), out),
            Values::Instant(values) => {
                out.push(b'"');
                instant(values.value(row), out);
                out.push(b'"');
            }
            _ => self.plain(row, out),
        }
    }

    /// The value as a CSV field; nothing for null.
    pub(crate) fn csv(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            return;
        }
        match &self.values {
            Values::Text(values) => field(values.value(row), out),
            Values::Instant(values) => instant(values.value(row), out),
            _ => self.plain(row, out),
        }
    }

    /// The value, if it is text.
    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        match &self.values {
            Values::Text(values) if values.is_valid(row) => Some(values.value(row)),
            _ => None,
        }
    }

    /// The value, if it is a number with a fraction.
    pub(crate) fn float(&self, row: usize) -> Option<f64> {
        match &self.values {
            Values::Float(values, _) if values.is_valid(row) => Some(values.value(row)),
            _ => None,
        }
    }

    fn plain(&self, row: usize, out: &mut Vec<u8>) {
        match &self.values {
            Values::Float(values, decimals) => number(values.value(row), *decimals, out),
            Values::Int(values) => integer(values.value(row).into(), out),
            Values::Long(values) => integer(values.value(row), out),
            Values::UInt(values) => integer(values.value(row).into(), out),
            Values::Flag(values) => {
                out.extend(if values.value(row) { &b"true"[..] } else { b"false" });
            }
            Values::Text(_) | Values::Instant(_) | Values::Unknown => {}
        }
    }

    fn is_null(&self, row: usize) -> bool {
        match &self.values {
            Values::Text(values) => values.is_null(row),
            Values::Float(values, _) => values.is_null(row) || !values.value(row).is_finite(),
            Values::Int(values) => values.is_null(row),
            Values::Long(values) => values.is_null(row),
            Values::UInt(values) => values.is_null(row),
            Values::Instant(values) => values.is_null(row),
            Values::Flag(values) => values.is_null(row),
            Values::Unknown => true,
        }
    }
}

/// How many decimals a column's unit deserves.
pub(crate) fn decimals(field: &Field) -> usize {
    match field.metadata().get("unit").map(String::as_str) {
        Some(unit) if unit.starts_with("degrees") => 7,
        Some("0 to 1" | "-1 to 1" | "ratio" | "probability") => 6,
        _ => 3,
    }
}

/// A number with at most so many decimals and no zeros at its end.
pub(crate) fn number(value: f64, decimals: usize, out: &mut Vec<u8>) {
    const POWERS: [u32; 8] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000];
    let mut decimals = decimals.min(7);
    let power = POWERS[decimals];
    let scaled = (value * f64::from(power)).abs();
    // Beyond the integers that a float can tell apart, its own shortest form.
    if scaled.is_nan() || scaled >= 9e15 {
        out.extend(if value.is_finite() { format!("{value}") } else { "null".to_owned() }.bytes());
        return;
    }
    // Rounded, halves away from 0.
    let floor = scaled as u64;
    let rounded = floor + u64::from(scaled - floor as f64 >= 0.5);
    let (whole, mut rest) = (rounded / u64::from(power), (rounded % u64::from(power)) as u32);
    if value < 0.0 && rounded > 0 {
        out.push(b'-');
    }
    out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    if rest == 0 {
        return;
    }
    while rest.is_multiple_of(10) {
        rest /= 10;
        decimals -= 1;
    }
    let mut text = *b".0000000";
    for digit in text[1..=decimals].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&text[..=decimals]);
}

/// A JSON string.
pub(crate) fn text(value: &str, out: &mut Vec<u8>) {
    if value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(value.as_bytes());
        out.push(b'"');
    } else {
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(out, value);
    }
}

fn integer(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn instant(millis: i64, out: &mut Vec<u8>) {
    if let Some(instant) = DateTime::from_timestamp_millis(millis) {
        out.extend(instant.to_rfc3339_opts(SecondsFormat::Millis, true).bytes());
    }
}

/// RFC 4180: quoted where it must be.
fn field(value: &str, out: &mut Vec<u8>) {
    if value.contains([',', '"', '\n', '\r']) {
        out.push(b'"');
        out.extend(value.replace('"', "\"\"").bytes());
        out.push(b'"');
    } else {
        out.extend(value.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_and_have_no_idle_zeros() {
        let written = |value: f64, decimals: usize| {
            let mut out = Vec::new();
            number(value, decimals, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(12.3456, 3), "12.346");
        assert_eq!(written(12.0, 3), "12");
        assert_eq!(written(0.5, 6), "0.5");
        assert_eq!(written(0.000_000_4, 6), "0");
        assert_eq!(written(-0.000_000_4, 6), "0");
        assert_eq!(written(-2.275_725, 7), "-2.275725");
        assert_eq!(written(0.05, 3), "0.05");
        assert_eq!(written(0.0005, 3), "0.001");
        assert_eq!(written(-2.5, 0), "-3");
        assert_eq!(written(0.499_999_999_999_999_94, 0), "0");
        assert_eq!(written(0.999_999_9, 6), "1");
        assert_eq!(written(-7.000_000_1, 7), "-7.0000001");
        assert_eq!(written(100.0, 0), "100");
        assert_eq!(written(1e300, 3).parse::<f64>(), Ok(1e300));
        assert_eq!(written(f64::NAN, 3), "null");
    }

    #[test]
    fn every_number_reads_back_as_itself_rounded() {
        for step in 0..100_000_u32 {
            let value = f64::from(step) * 0.012_345_7 - 617.0;
            let mut out = Vec::new();
            number(value, 3, &mut out);
            let read: f64 = String::from_utf8(out).unwrap().parse().unwrap();
            assert!((read - value).abs() <= 0.000_500_1, "{value} {read}");
        }
    }

    #[test]
    fn a_csv_field_is_quoted_where_it_must_be() {
        let written = |value: &str| {
            let mut out = Vec::new();
            field(value, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written("Gare de l'Est"), "Gare de l'Est");
        assert_eq!(written("Rue \"X\", 2"), "\"Rue \"\"X\"\", 2\"");
    }
}
