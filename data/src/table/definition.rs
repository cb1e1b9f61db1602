//! `table!` writes a row type, its schema and the way between rows and columns from one list.

use std::collections::HashMap;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::Field;

use super::column::Column;
use crate::codec::CodecError;

/// Columns that say when a poll happened rather than what it saw.
pub const CLOCKS: [&str; 3] = ["observed_at", "fetched_at", "last_updated"];

/// Defines a table: `name: type [unit] "meaning"` for each column.
macro_rules! table {
    (
        $(#[$doc:meta])*
        $row:ident = $name:literal version $version:literal $layout:ident {
            $( $field:ident : $ty:ty [$unit:literal] $meaning:literal ),* $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $row {
            $( #[doc = $meaning] pub $field: $ty, )*
        }

        impl $crate::table::Row for $row {
            const TABLE: $crate::table::TableName =
                $crate::table::TableName { name: $name, version: $version };
            const LAYOUT: $crate::codec::Layout = $crate::codec::Layout::$layout;

            fn schema() -> arrow::datatypes::SchemaRef {
                static SCHEMA: std::sync::LazyLock<arrow::datatypes::SchemaRef> =
                    std::sync::LazyLock::new(|| {
                        std::sync::Arc::new(arrow::datatypes::Schema::new(vec![
                            $( $crate::table::definition::field::<$ty>(stringify!($field), $unit, $meaning), )*
                        ]))
                    });
                std::sync::Arc::clone(&SCHEMA)
            }

            fn to_batch(rows: &[Self]) -> arrow::array::RecordBatch {
                use $crate::table::column::Column as _;
                let columns: Vec<arrow::array::ArrayRef> = vec![
                    $( <$ty>::full(rows.iter().map(|row| &row.$field)), )*
                ];
                arrow::array::RecordBatch::try_new(Self::schema(), columns)
                    .expect("columns are made from the schema's own types")
            }

            fn from_batch(
                batch: &arrow::array::RecordBatch,
            ) -> Result<Vec<Self>, $crate::codec::CodecError> {
                $( let $field = $crate::table::definition::column(batch, stringify!($field))?; )*
                (0..batch.num_rows())
                    .map(|row| {
                        Ok(Self {
                            $( $field: $crate::table::definition::value($field, stringify!($field), row)?, )*
                        })
                    })
                    .collect()
            }

            fn hash_of(rows: &[Self], clocks: bool) -> $crate::key::ContentHash {
                use $crate::table::column::Column as _;
                let mut bytes = Vec::new();
                for row in rows {
                    $(
                        if $crate::table::definition::CLOCKS.contains(&stringify!($field)) == clocks {
                            row.$field.bytes(&mut bytes);
                        }
                    )*
                }
                $crate::key::ContentHash::of(&bytes)
            }
        }
    };
}
pub(super) use table;

pub(super) fn field<T: Column>(name: &str, unit: &str, meaning: &str) -> Field {
    Field::new(name, T::data_type(), T::NULLABLE).with_metadata(HashMap::from([
        ("unit".to_owned(), unit.to_owned()),
        ("meaning".to_owned(), meaning.to_owned()),
    ]))
}

pub(super) fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b dyn Array, CodecError> {
    let column = batch.column_by_name(name).map(AsRef::as_ref);
    column.ok_or_else(|| CodecError::MissingColumn(name.to_owned()))
}

pub(super) fn value<T: Column>(
    column: &dyn Array,
    name: &str,
    row: usize,
) -> Result<T, CodecError> {
    T::read(column, row).ok_or_else(|| CodecError::MissingColumn(name.to_owned()))
}
