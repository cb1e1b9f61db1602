//! The API as an OpenAPI 3.1 document, made of the same routes, parameters and columns that answer.

use arrow::datatypes::{DataType, Schema};
use hotspots_data::table::{Hotspot, HotspotHour, QualityCheck, Row as _, StationDay};
use serde_json::{Map, Value, json};

use crate::negotiate::Format;
use crate::routes::Route;
use crate::selection::meaning;
use crate::state::formats;

/// The document; `needs_token` where the API is not for everybody.
pub(crate) fn document(needs_token: bool) -> Value {
    let paths: Map<String, Value> = Route::examples()
        .iter()
        .map(|route| (route.pattern().to_owned(), json!({"get": operation(route, needs_token)})))
        .collect();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "hotspots",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Where in this city, on this day, are the bikes piling up?",
            "description": "Mean numbers of bikes on H3 hexagons of 75 m edges, day by day and hour by hour, from public bike-share feeds (GBFS). Read-only. Every answer has a strong ETag; errors are problem documents (RFC 9457).",
            "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"},
        },
        "paths": paths,
        "components": {"schemas": schemas(), "responses": {
            "NotModified": {"description": "The copy that `If-None-Match` or `If-Modified-Since` names is still right."},
            "Problem": {
                "description": "What is wrong, and what would be right.",
                "content": {"application/problem+json": {"schema": reference("Problem")}},
            },
        }},
    });
    if needs_token {
        document["components"]["securitySchemes"] =
            json!({"token": {"type": "http", "scheme": "bearer"}});
    }
    document
}

fn operation(route: &Route, needs_token: bool) -> Value {
    let (id, summary, description) = words(route);
    let mut responses = Map::new();
    responses.insert("200".to_owned(), success(route));
    responses.insert("304".to_owned(), json!({"$ref": "#/components/responses/NotModified"}));
    let mut problems = vec!["400", "503"];
    if !matches!(
        route,
        Route::Health
            | Route::Ready
            | Route::Metrics
            | Route::OpenApi
            | Route::Docs
            | Route::Index
            | Route::Systems
    ) {
        problems.extend(["404", "406"]);
    }
    let is_open = matches!(route, Route::Health | Route::Ready);
    if needs_token && !is_open {
        problems.push("401");
    }
    for status in problems {
        responses.insert(status.to_owned(), json!({"$ref": "#/components/responses/Problem"}));
    }
    let mut operation = json!({
        "operationId": id,
        "summary": summary,
        "description": description,
        "parameters": parameters(route),
        "responses": responses,
    });
    if needs_token && !is_open {
        operation["security"] = json!([{"token": []}]);
    }
    operation
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = |name: &str, description: &str, schema: Value, example: &str| {
        json!({
            "name": name, "in": "path", "required": true,
            "description": description, "schema": schema, "example": example,
        })
    };
    let pattern = route.pattern();
    let mut parameters = Vec::new();
    if pattern.contains("{date}") {
        let schema = json!({"anyOf": [{"const": "latest"}, {"type": "string", "format": "date"}]});
        let what = "A local date, or `latest` for the last day there is.";
        parameters.push(in_path("date", what, schema, "latest"));
    }
    if pattern.contains("{hex_id}") {
        let schema = json!({"type": "string", "pattern": "^8[0-9a-f]{14}$"});
        let what = "An H3 cell; its resolution is in its name.";
        parameters.push(in_path("hex_id", what, schema, "8a1fb475a4dffff"));
    }
    if pattern.contains("{station_id}") {
        let schema = json!({"type": "string", "minLength": 1});
        parameters.push(in_path("station_id", "GBFS `station_id`.", schema, "213688169"));
    }
    parameters.extend(route.params().iter().map(|param| {
        let mut schema = param.schema();
        if param.name() == "format" {
            schema["enum"] = formats(route).iter().map(|format| format.name()).collect();
        }
        json!({
            "name": param.name(), "in": "query", "required": false,
            "description": param.meaning(), "schema": schema, "example": param.example(),
        })
    }));
    parameters
}

fn success(route: &Route) -> Value {
    let content: Map<String, Value> = formats(route)
        .iter()
        .map(|format| (format.media_type().to_owned(), json!({"schema": body(route, *format)})))
        .collect();
    json!({"description": words(route).1, "content": content})
}

fn body(route: &Route, format: Format) -> Value {
    match format {
        Format::GeoJson => match route {
            Route::Cell(..) | Route::Station(..) => reference("Feature"),
            _ => reference("FeatureCollection"),
        },
        Format::Json => reference(match route {
            Route::Index => "Index",
            Route::Health | Route::Ready => "Status",
            Route::Systems => "Systems",
            Route::Days => "Days",
            Route::Day(_) => "Day",
            Route::Hours(_) => "Hours",
            Route::Cell(..) => "Cell",
            Route::Stations(_) => "Stations",
            Route::Station(..) => "Station",
            _ => "Quality",
        }),
        Format::OpenApi => json!({"type": "object"}),
        // The rows as a file.
        _ => json!({"type": "string"}),
    }
}

/// An id, a sentence and more sentences.
pub(crate) fn words(route: &Route) -> (&'static str, &'static str, &'static str) {
    match route {
        Route::Index => ("index", "What there is", "The paths, each with a few words."),
        Route::Docs => ("docs", "This document for people", "HTML without scripts."),
        Route::OpenApi => ("openapi", "This document", "OpenAPI 3.1."),
        Route::Health => ("health", "Whether the process lives", "200 as long as it does."),
        Route::Ready => (
            "ready",
            "Whether the lake answers",
            "503 while the lake cannot be read or the server is about to stop; what is in memory is served all the same.",
        ),
        Route::Metrics => ("metrics", "Figures for Prometheus", "Text format 0.0.4."),
        Route::Systems => (
            "systems",
            "The systems there are",
            "With their first and last day and whom the data is owed to.",
        ),
        Route::Days => (
            "days",
            "The days there are, or one cell over days",
            "Without `hex_id`, each day with its figures. With `hex_id`, that cell's row on each day on which it had a station.",
        ),
        Route::Day(_) => (
            "day",
            "The cells of a day, the heaviest first",
            "`weight` is the metric's value ÷ the largest of any cell of the whole city that day, unless `relative_to` says otherwise: an area or a limit leaves weights and ranks as they are. With `hour`, the columns are those of the hourly table and the weight is relative to every hour of the day; where clocks are set back, the repeated hour gives two rows a cell.",
        ),
        Route::Hours(_) => (
            "hours",
            "All hours of a day in one compact answer",
            "For a slider over the day. JSON has one list a column: `values[i][j]` is the metric in cell `hex_id[i]` during `hours[j]`, null where it was not observed; ÷ `max` it is the weight. CSV, Arrow and Parquet have one row per cell and hour with every column.",
        ),
        Route::Cell(..) => (
            "cell",
            "One cell with its hours and its stations",
            "`hours` and `stations_of_cell` are null where the lake has no such table of that day.",
        ),
        Route::Stations(_) => (
            "stations",
            "The stations of a day",
            "One row a station; the area is that of the station's own position.",
        ),
        Route::Station(..) => ("station", "One station of a day", "By its GBFS `station_id`."),
        Route::Quality(_) => {
            ("quality", "What is odd about a day's data", "One row a check; nothing is repaired.")
        }
    }
}

#[expect(clippy::too_many_lines, reason = "one list of what answers hold")]
fn schemas() -> Value {
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

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
