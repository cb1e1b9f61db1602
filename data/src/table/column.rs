//! What a Rust type is as an Arrow column.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMillisecondArray, UInt32Array,
};
use arrow::datatypes::{
    DataType, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMillisecondType, UInt32Type,
};
use chrono::{DateTime, Utc};

/// A type that a table's row can have as a field.
pub(super) trait Column: Sized {
    const NULLABLE: bool = false;

    fn data_type() -> DataType;

    /// The values as an array, none of them null.
    fn full<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef
    where
        Self: 'a,
    {
        Self::array(values.map(Some))
    }

    /// The values as an array; `None` is null.
    fn array<'a>(values: impl Iterator<Item = Option<&'a Self>>) -> ArrayRef
    where
        Self: 'a;

    /// The value at `row`, `None` where it is null or the array is of another type.
    fn read(array: &dyn Array, row: usize) -> Option<Self>;

    /// The value's bytes, for the content hash.
    fn bytes(&self, into: &mut Vec<u8>);
}

macro_rules! primitive_column {
    ($rust:ty, $array:ident, $arrow:ident, $data_type:expr) => {
        impl Column for $rust {
            fn data_type() -> DataType {
                $data_type
            }

            fn full<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
                Arc::new($array::from_iter_values(values.copied()))
            }

            fn array<'a>(values: impl Iterator<Item = Option<&'a Self>>) -> ArrayRef {
                Arc::new(values.map(Option::<&Self>::copied).collect::<$array>())
            }

            fn read(array: &dyn Array, row: usize) -> Option<Self> {
                array.as_primitive_opt::<$arrow>().filter(|a| a.is_valid(row)).map(|a| a.value(row))
            }

            fn bytes(&self, into: &mut Vec<u8>) {
                into.extend(self.to_le_bytes());
            }
        }
    };
}

primitive_column!(i32, Int32Array, Int32Type, DataType::Int32);
primitive_column!(i64, Int64Array, Int64Type, DataType::Int64);
primitive_column!(u32, UInt32Array, UInt32Type, DataType::UInt32);
primitive_column!(f64, Float64Array, Float64Type, DataType::Float64);

impl Column for bool {
    fn data_type() -> DataType {
        DataType::Boolean
    }

    fn array<'a>(values: impl Iterator<Item = Option<&'a Self>>) -> ArrayRef {
        Arc::new(values.map(Option::<&Self>::copied).collect::<BooleanArray>())
    }

    fn read(array: &dyn Array, row: usize) -> Option<Self> {
        array.as_boolean_opt().filter(|a| a.is_valid(row)).map(|a| a.value(row))
    }

    fn bytes(&self, into: &mut Vec<u8>) {
        into.push(u8::from(*self));
    }
}

impl Column for String {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn full<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(values))
    }

    fn array<'a>(values: impl Iterator<Item = Option<&'a Self>>) -> ArrayRef {
        Arc::new(values.map(|v| v.map(String::as_str)).collect::<StringArray>())
    }

    fn read(array: &dyn Array, row: usize) -> Option<Self> {
        array.as_string_opt::<i32>().filter(|a| a.is_valid(row)).map(|a| a.value(row).to_owned())
    }

    fn bytes(&self, into: &mut Vec<u8>) {
        into.extend((self.len() as u64).to_le_bytes());
        into.extend(self.as_bytes());
    }
}

impl Column for DateTime<Utc> {
    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
    }

    fn array<'a>(values: impl Iterator<Item = Option<&'a Self>>) -> ArrayRef {
        let millis = values.map(|v| v.map(Self::timestamp_millis));
        Arc::new(millis.collect::<TimestampMillisecondArray>().with_timezone("UTC"))
    }

    fn read(array: &dyn Array, row: usize) -> Option<Self> {
        let array = array.as_primitive_opt::<TimestampMillisecondType>()?;
        if array.is_valid(row) { Self::from_timestamp_millis(array.value(row)) } else { None }
    }

    fn bytes(&self, into: &mut Vec<u8>) {
        self.timestamp_millis().bytes(into);
    }
}

impl<T: Column> Column for Option<T> {
    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        T::data_type()
    }

    fn full<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef
    where
        T: 'a,
    {
        T::array(values.map(Self::as_ref))
    }

    fn array<'a>(values: impl Iterator<Item = Option<&'a Self>>) -> ArrayRef
    where
        T: 'a,
    {
        T::array(values.map(|value| value.and_then(Self::as_ref)))
    }

    fn read(array: &dyn Array, row: usize) -> Option<Self> {
        Some(T::read(array, row))
    }

    fn bytes(&self, into: &mut Vec<u8>) {
        into.push(u8::from(self.is_some()));
        if let Some(value) = self {
            value.bytes(into);
        }
    }
}
