//! The schemas of the OpenAPI document, made of the tables of members and of the tables' own columns.

use arrow::datatypes::{DataType, Field, Schema};
use hotspots_data::table::{Hotspot, HotspotHour, QualityCheck, Row as _, StationDay};
use serde_json::{Map, Value, json};

use super::members::{CENTRE, DOCUMENTS, OPEN_DOCUMENTS};
use crate::selection::{self, meaning};
use Kind::{
    Anything, Count, Date, Degrees, Either, Flag, Hour, Instant, Integer, List, Number, Object, Of,
    Only, OrNull, Share, Status, Text,
};
use Presence::Always;

/// The schema of that name, by reference.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// What each kind of answer holds, by its name.
pub(super) fn schemas() -> Map<String, Value> {
    let closed = DOCUMENTS.iter().map(|(name, about, groups)| (*name, document(about, groups)));
    let open = OPEN_DOCUMENTS.iter().map(|(name, about, members)| {
        let mut schema = document(about, &[members]);
        schema["additionalProperties"] = json!(true);
        (*name, schema)
    });
    let all = closed.chain(open).chain(rows());
    all.map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// The type of a member.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    Date,
    Instant,
    Flag,
    Number,
    Integer,
    Count,
    Share,
    Hour,
    Status,
    Degrees,
    Anything,
    Object,
    /// Always this text.
    Only(&'static str),
    /// Another schema.
    Of(&'static str),
    /// One of some other schemas.
    Either(&'static [&'static str]),
    List(&'static Kind),
    OrNull(&'static Kind),
}

/// Whether a member is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Always,
    Sometimes,
}

/// A member of a document: its name, its type, whether it is always there, and what it means.
pub(super) type Member = (&'static str, Kind, Presence, &'static str);

/// The schemas of rows, from the tables' own columns.
fn rows() -> [(&'static str, Value); 6] {
    let computed = ["rank", "weight", "share"];
    let hotspot = columns("One cell on one day.", &Hotspot::schema(), &computed);
    let of_day = with(&hotspot, &[("date", Date, Always, "The local date.")]);
    let of_hour = columns("One cell in one hour.", &HotspotHour::schema(), &computed);
    let of_hour = with(&of_hour, CENTRE);
    [
        ("Hotspot", hotspot),
        ("HotspotOfDay", of_day),
        ("HotspotOfHour", of_hour),
        ("HourOfCell", columns("The cell in one hour.", &selection::hour_of_cell(), &[])),
        ("StationDay", columns("One station on one day.", &StationDay::schema(), &[])),
        ("QualityCheck", columns("One check of a day's data.", &QualityCheck::schema(), &[])),
    ]
}

/// The schema with more members.
fn with(schema: &Value, members: &[Member]) -> Value {
    let mut schema = schema.clone();
    for (name, kind, _, meaning) in members {
        schema["properties"][name] = kind.described(meaning);
        if let Some(required) = schema["required"].as_array_mut() {
            required.push(json!(name));
        }
    }
    schema
}

fn document(about: &str, groups: &[&[Member]]) -> Value {
    let members: Vec<&Member> = groups.iter().copied().flatten().collect();
    let always = members.iter().filter(|(_, _, presence, _)| *presence == Always);
    let required: Vec<&str> = always.map(|(name, ..)| *name).collect();
    let properties: Map<String, Value> = members
        .iter()
        .map(|(name, kind, _, meaning)| ((*name).to_owned(), kind.described(meaning)))
        .collect();
    object(about, &properties, &required)
}

impl Kind {
    fn described(self, meaning: &str) -> Value {
        let mut schema = self.schema();
        schema["description"] = json!(meaning);
        schema
    }

    fn schema(self) -> Value {
        match self {
            Text => json!({"type": "string"}),
            Date => json!({"type": "string", "format": "date"}),
            Instant => json!({"type": "string", "format": "date-time"}),
            Flag => json!({"type": "boolean"}),
            Number => json!({"type": "number"}),
            Integer => json!({"type": "integer"}),
            Count => json!({"type": "integer", "minimum": 0}),
            Share => json!({"type": "number", "minimum": 0, "maximum": 1}),
            Hour => json!({"type": "integer", "minimum": 0, "maximum": 23}),
            Status => json!({"type": "integer", "minimum": 400, "maximum": 599}),
            Degrees => json!({"type": "number", "minimum": -180, "maximum": 180}),
            Anything => json!({}),
            Object => json!({"type": "object"}),
            Only(text) => json!({"const": text}),
            Of(name) => reference(name),
            Either(names) => {
                json!({"anyOf": names.iter().map(|name| reference(name)).collect::<Vec<_>>()})
            }
            List(kind) => json!({"type": "array", "items": kind.schema()}),
            OrNull(kind) => or_null(kind.schema()),
        }
    }
}

/// The schema, or null.
fn or_null(mut schema: Value) -> Value {
    match schema["type"].as_str() {
        Some("array") | None => json!({"anyOf": [schema, {"type": "null"}]}),
        Some(kind) => {
            schema["type"] = json!([kind, "null"]);
            schema
        }
    }
}

/// A table's columns as the schema of one row; those `computed` are the answer's own.
fn columns(about: &str, schema: &Schema, computed: &[&str]) -> Value {
    let of_table = schema.fields().iter().map(|field| field.as_ref().clone());
    let fields = of_table.filter(|field| !computed.contains(&field.name().as_str()));
    let fields: Vec<Field> = computed.iter().map(|name| meaning(name)).chain(fields).collect();
    let required: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    let properties = fields.iter().map(|field| {
        let about = |key: &str| field.metadata().get(key).cloned().unwrap_or_default();
        let description = format!("{} Unit: {}.", about("meaning"), about("unit"));
        (field.name().clone(), kind_of(field).described(&description))
    });
    object(about, &properties.collect(), &required)
}

fn kind_of(field: &Field) -> Kind {
    let (kind, or_null) = match field.data_type() {
        DataType::Int32 | DataType::Int64 => (Integer, OrNull(&Integer)),
        DataType::UInt32 => (Count, OrNull(&Count)),
        DataType::Float64 => (Number, OrNull(&Number)),
        DataType::Boolean => (Flag, OrNull(&Flag)),
        DataType::Timestamp(..) => (Instant, OrNull(&Instant)),
        _ => (Text, OrNull(&Text)),
    };
    if field.is_nullable() { or_null } else { kind }
}

fn object(about: &str, properties: &Map<String, Value>, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "description": about,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
