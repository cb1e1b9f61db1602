//! The schemas of the OpenAPI document.

use arrow::datatypes::{DataType, Schema};
use hotspots_data::table::{Hotspot, HotspotHour, QualityCheck, Row as _, StationDay};
use serde_json::{Map, Value, json};

use super::reference;
use crate::selection::meaning;

/// What each kind of answer holds, by its name.
#[expect(clippy::too_many_lines, reason = "one list of what answers hold")]
pub(super) fn schemas() -> Value {
    let number = || json!({"type": "number"});
    let integer = || json!({"type": "integer", "minimum": 0});
    let text = || json!({"type": "string"});
    let maybe = |kind: &str| json!({"type": [kind, "null"]});
    let list = |of: Value| json!({"type": "array", "items": of});
    let day = [
        ("system", text()),
        ("date", json!({"type": "string", "format": "date"})),
        ("time_zone", text()),
        (
            "provisional",
            json!({"type": "boolean", "description": "Whether the day was not over when it was computed."}),
        ),
        ("attribution", reference("Attribution")),
    ];
    let summary = [
        (
            "coverage",
            json!({"type": "number", "minimum": 0, "maximum": 1, "description": "Share of the day during which some poll's state holds."}),
        ),
        ("polls", integer()),
        ("first_poll", json!({"type": ["string", "null"], "format": "date-time"})),
        ("last_poll", json!({"type": ["string", "null"], "format": "date-time"})),
        ("longest_unobserved_s", number()),
        ("stations", integer()),
        ("stations_without_information", integer()),
        ("stations_without_position", integer()),
        ("bikes", number()),
    ];
    let cells = [
        ("resolution", integer()),
        ("metric", text()),
        (
            "relative_to",
            json!({"type": "string", "description": "What a weight of 1 is, in words."}),
        ),
        (
            "cells",
            json!({"type": "integer", "minimum": 0, "description": "Cells of the whole city that have the metric."}),
        ),
        (
            "selected",
            json!({"type": "integer", "minimum": 0, "description": "Of these, in this answer."}),
        ),
    ];
    let with_day = |more: Vec<(&str, Value)>, required: &[&str]| {
        let members = day.iter().cloned().chain(more);
        object(members, &[&["system", "date", "attribution"], required].concat())
    };
    let summed = |more: Vec<(&'static str, Value)>| -> Vec<(&'static str, Value)> {
        summary.iter().cloned().chain(more).collect()
    };
    let hotspot = columns(&Hotspot::schema(), &["rank", "weight", "share"]);
    let mut hour_row = columns(&HotspotHour::schema(), &[]);
    hour_row["additionalProperties"] = json!(true);
    let day_cells = {
        let mut more = summed(cells.to_vec());
        more.push((
            "weight_of_one",
            json!({"type": "number", "description": "The metric's value that has weight 1."}),
        ));
        more.push(("hour", json!({"type": "integer", "minimum": 0, "maximum": 23})));
        more.push((
            "hotspots",
            list(json!({"anyOf": [reference("Hotspot"), reference("HotspotOfHour")]})),
        ));
        with_day(
            more,
            &[
                "resolution",
                "metric",
                "relative_to",
                "weight_of_one",
                "cells",
                "selected",
                "hotspots",
            ],
        )
    };
    let of_hour = {
        let mut of_hour = columns(&HotspotHour::schema(), &["rank", "weight", "share"]);
        of_hour["properties"]["lat"] = number();
        of_hour["properties"]["lng"] = number();
        of_hour
    };
    let hours = {
        let mut more = summed(cells.to_vec());
        more.push(("max", json!({"type": "number", "description": "The largest value of any cell in any hour of the day: weight 1."})));
        more.push((
            "hours",
            list(object(
                [
                    ("hour", integer()),
                    ("hour_start", json!({"type": "string", "format": "date-time"})),
                ],
                &["hour", "hour_start"],
            )),
        ));
        more.push(("hex_id", list(text())));
        more.push(("lat", list(number())));
        more.push(("lng", list(number())));
        more.push(("values", list(list(maybe("number")))));
        with_day(more, &["resolution", "metric", "max", "hours", "hex_id", "lat", "lng", "values"])
    };
    let day_row = object(
        [
            ("date", json!({"type": "string", "format": "date"})),
            ("provisional", maybe("boolean")),
            ("coverage", maybe("number")),
            ("polls", maybe("integer")),
            ("cells", maybe("integer")),
            ("stations", maybe("integer")),
            ("bikes", maybe("number")),
            ("href", text()),
        ],
        &["date", "provisional", "coverage", "polls", "cells", "stations", "bikes", "href"],
    );
    let cell_day = {
        let mut row = hotspot.clone();
        row["properties"]["date"] = json!({"type": "string", "format": "date"});
        row
    };
    json!({
        "Index": object([("name", text()), ("version", text()), ("paths", json!({"type": "object"}))], &["name", "version", "paths"]),
        "Status": object([("status", text())], &["status"]),
        "Attribution": object(
            ["name", "operator", "url", "license_id", "license_url", "attribution_organization_name"]
                .map(|name| (name, maybe("string"))),
            &[],
        ),
        "Systems": object([("systems", list(object([
            ("system", text()), ("days", integer()), ("first", maybe("string")),
            ("last", maybe("string")), ("href", text()), ("attribution", reference("Attribution")),
        ], &["system", "days", "first", "last", "href", "attribution"])))], &["systems"]),
        "Hotspot": hotspot,
        "HotspotOfHour": of_hour,
        "HourOfCell": hour_row,
        "StationDay": columns(&StationDay::schema(), &[]),
        "QualityCheck": columns(&QualityCheck::schema(), &[]),
        "Day": day_cells,
        "Hours": hours,
        "Days": object([
            ("system", text()),
            ("from", text()), ("to", text()),
            ("resolution", integer()),
            ("attribution", reference("Attribution")),
            ("hex_id", text()), ("lat", number()), ("lng", number()),
            ("days", list(json!({"anyOf": [day_row, cell_day]}))),
        ], &["system", "attribution", "days"]),
        "Cell": with_day(summed(vec![
            ("resolution", integer()),
            ("cell", reference("Hotspot")),
            ("hours", json!({"anyOf": [list(reference("HourOfCell")), {"type": "null"}]})),
            ("stations_of_cell", json!({"anyOf": [list(reference("StationDay")), {"type": "null"}]})),
        ]), &["resolution", "cell", "hours", "stations_of_cell"]),
        "Stations": with_day(vec![
            ("stations_of_day", integer()), ("selected", integer()),
            ("stations", list(reference("StationDay"))),
        ], &["stations_of_day", "selected", "stations"]),
        "Station": with_day(vec![("station", reference("StationDay"))], &["station"]),
        "Quality": with_day(summed(vec![("checks", list(reference("QualityCheck")))]), &["checks"]),
        "Feature": {
            "type": "object",
            "required": ["type", "geometry", "properties"],
            "properties": {
                "type": {"const": "Feature"},
                "geometry": {"type": ["object", "null"]},
                "properties": {"type": "object"},
            },
        },
        "FeatureCollection": {
            "type": "object",
            "required": ["type", "features"],
            "properties": {
                "type": {"const": "FeatureCollection"},
                "features": list(reference("Feature")),
            },
        },
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "detail", "instance", "request_id"],
            "properties": {
                "type": text(), "title": text(), "detail": text(), "instance": text(), "request_id": text(),
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "parameter": {"type": "string", "description": "The parameter that is wrong."},
                "value": {"description": "Its value."},
                "allowed": {"type": "array", "items": text(), "description": "What it may be."},
            },
        },
    })
}

/// A table's columns as the schema of one row; those `computed` are the answer's own.
fn columns(schema: &Schema, computed: &[&str]) -> Value {
    let of_table = schema.fields().iter().map(|field| field.as_ref().clone());
    let fields = of_table.filter(|field| !computed.contains(&field.name().as_str()));
    let fields: Vec<_> = computed.iter().map(|name| meaning(name)).chain(fields).collect();
    let required: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| {
            let kind = match field.data_type() {
                DataType::Int32 | DataType::Int64 | DataType::UInt32 => "integer",
                DataType::Float64 => "number",
                DataType::Boolean => "boolean",
                _ => "string",
            };
            let kind = if field.is_nullable() { json!([kind, "null"]) } else { json!(kind) };
            let about = |key: &str| field.metadata().get(key).cloned().unwrap_or_default();
            let description = format!("{} Unit: {}.", about("meaning"), about("unit"));
            (field.name().clone(), json!({"type": kind, "description": description}))
        })
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Value)>, required: &[&str]) -> Value {
    let members: Map<String, Value> =
        members.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({
        "type": "object",
        "properties": members,
        "required": required,
        "additionalProperties": false,
    })
}
