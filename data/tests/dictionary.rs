//! The data dictionary, `data/README.md`, says what the schemas say.
//!
//! `HOTSPOTS_UPDATE_DICTIONARY=1 cargo test -p hotspots-data --test dictionary` writes it anew.

use std::fmt::Write as _;

use arrow::datatypes::DataType;
use hotspots_data::table::{self, Row, TableName};

struct Section {
    table: TableName,
    text: String,
}

fn section<R: Row>() -> Section {
    let mut text = String::from("| column | type | unit | meaning |\n| --- | --- | --- | --- |\n");
    for field in R::schema().fields() {
        let metadata = field.metadata();
        let nullable = if field.is_nullable() { ", may be null" } else { "" };
        let _ = writeln!(
            text,
            "| `{}` | {}{nullable} | {} | {} |",
            field.name(),
            type_name(field.data_type()),
            metadata["unit"],
            metadata["meaning"].replace('|', "\\|"),
        );
    }
    Section { table: R::TABLE, text }
}

fn type_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Utf8 => "text",
        DataType::Boolean => "boolean",
        DataType::Int32 => "int32",
        DataType::Int64 => "int64",
        DataType::UInt32 => "uint32",
        DataType::Float64 => "float64",
        DataType::Timestamp(..) => "timestamp (ms, UTC)",
        other => panic!("the dictionary has no name for {other}"),
    }
}

/// Every table that the lake holds.
fn sections() -> Vec<Section> {
    vec![
        section::<table::StationStatus>(),
        section::<table::StationInformation>(),
        section::<table::SystemInformation>(),
        section::<table::VehicleStatus>(),
        section::<table::OtherFeed>(),
        section::<table::Poll>(),
        section::<table::Hotspot>(),
        section::<table::HotspotHour>(),
        section::<table::StationDay>(),
        section::<table::QualityCheck>(),
        section::<table::StationStatusDaily>(),
    ]
}

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

fn begin(table: TableName) -> String {
    format!("<!-- columns of {} {} -->\n", table.name, table.version)
}
const END: &str = "<!-- end -->";

#[test]
fn the_dictionary_says_what_the_schemas_say() {
    let mut dictionary = std::fs::read_to_string(PATH).unwrap();
    let update = std::env::var_os("HOTSPOTS_UPDATE_DICTIONARY").is_some();
    let mut described = 0;
    for Section { table, text } in sections() {
        let name = table.name;
        let begin = begin(table);
        let start = dictionary
            .find(&begin)
            .unwrap_or_else(|| panic!("data/README.md lacks the line {begin} for table {name}"));
        let start = start + begin.len();
        let end = start + dictionary[start..].find(END).expect("a section that ends");
        if update {
            dictionary.replace_range(start..end, &text);
        } else {
            assert_eq!(&dictionary[start..end], text, "data/README.md is not the schema of {name}");
        }
        described += 1;
    }
    assert_eq!(dictionary.matches("<!-- columns of ").count(), described);
    if update {
        std::fs::write(PATH, dictionary).unwrap();
    }
}

#[test]
fn every_column_has_a_unit_and_a_meaning_in_a_sentence() {
    for Section { table, text } in sections() {
        for row in text.lines().skip(2) {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            assert!(cells.iter().all(|cell| !cell.is_empty()), "{}: {row}", table.name);
            assert!(cells[3].ends_with('.'), "{}: {row}", table.name);
        }
    }
}
