//! The API as an OpenAPI 3.1 document, made of the same routes, parameters and columns that answer.

#[rustfmt::skip]
mod members;
mod responses;
mod schemas;
mod words;

use serde_json::{Map, Value, json};

use crate::negotiate::Format;
use crate::params::{CELL_PATTERN, Param};
use crate::routes::{OfDay, Route};
use crate::state::formats;
use schemas::reference;
pub(crate) use words::{Tag, words};

/// The document; `needs_token` where the API is not for everybody.
pub(crate) fn document(needs_token: bool) -> Value {
    let paths: Map<String, Value> = Route::examples()
        .iter()
        .map(|route| (route.pattern().to_owned(), json!({"get": operation(route, needs_token)})))
        .collect();
    let tags = Tag::ALL.map(|tag| json!({"name": tag.name(), "description": tag.description()}));
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "hotspots",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Where in this city, on this day, are the bikes piling up?",
            "description": "The mean number of bikes in H3 hexagons with edges of 75 m, by day and by hour, computed from public bike-share feeds (GBFS). Read-only. Every answer has a strong ETag; errors are problem documents (RFC 9457).",
            "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas::schemas(),
            "headers": responses::headers(),
            "responses": responses::responses(&parsed(A_PROBLEM)),
        },
    });
    if needs_token {
        document["components"]["securitySchemes"] =
            json!({"token": {"type": "http", "scheme": "bearer"}});
    }
    document
}

/// A refusal, as the server sends it.
pub(crate) const A_PROBLEM: &str = include_str!("openapi/examples/problem.json");

/// An answer to `route` as a server of the demo's city sends it, where there is one to show.
pub(crate) fn example(route: &Route) -> Option<&'static str> {
    match route {
        Route::Days => Some(include_str!("openapi/examples/days.json")),
        Route::OfDay(_, OfDay::Cells) => Some(include_str!("openapi/examples/day.json")),
        Route::OfDay(_, OfDay::Station(_)) => Some(include_str!("openapi/examples/station.json")),
        _ => None,
    }
}

fn operation(route: &Route, needs_token: bool) -> Value {
    let words = words(route);
    let needs_token = needs_token && !matches!(route, Route::Health | Route::Ready);
    let mut responses = responses::others(route, needs_token);
    responses.insert("200".to_owned(), success(route));
    let mut operation = json!({
        "operationId": words.id,
        "tags": [words.tag.name()],
        "summary": words.summary,
        "description": words.description,
        "parameters": parameters(route),
        "responses": responses,
    });
    if needs_token {
        operation["security"] = json!([{"token": []}]);
    }
    operation
}

fn parameters(route: &Route) -> Vec<Value> {
    let mut parameters = in_path(route.pattern());
    parameters.extend(route.params().iter().map(|param| {
        let (mut schema, mut example) = (param.schema(), param.example());
        if *param == Param::Format {
            let names: Vec<&str> = formats(route).iter().map(|format| format.name()).collect();
            // The first is what one gets without asking.
            example = json!(names.get(1).or(names.first()));
            schema["enum"] = json!(names);
        }
        json!({
            "name": param.name(), "in": "query", "required": false,
            "description": param.meaning(route), "schema": schema, "example": example,
        })
    }));
    parameters
}

fn in_path(pattern: &str) -> Vec<Value> {
    let date = json!({"anyOf": [{"const": "latest"}, {"type": "string", "format": "date"}]});
    let cell = json!({"type": "string", "pattern": CELL_PATTERN});
    let station = json!({"type": "string", "minLength": 1});
    let all = [
        ("date", "A local date, or `latest` for the last day there is.", date, "latest"),
        ("hex_id", "An H3 cell; its name includes its resolution.", cell, "8a1fb475a4dffff"),
        ("station_id", "The station's GBFS `station_id`.", station, "213688169"),
    ];
    all.into_iter()
        .filter(|(name, ..)| pattern.contains(&format!("{{{name}}}")))
        .map(|(name, description, schema, example)| {
            json!({
                "name": name, "in": "path", "required": true,
                "description": description, "schema": schema, "example": example,
            })
        })
        .collect()
}

fn success(route: &Route) -> Value {
    let content: Map<String, Value> = formats(route)
        .iter()
        .map(|format| (format.media_type().to_owned(), body(route, *format)))
        .collect();
    json!({
        "description": words(route).summary,
        "headers": responses::of_success(route),
        "content": content,
    })
}

fn body(route: &Route, format: Format) -> Value {
    match format {
        Format::GeoJson => json!({"schema": reference(match route {
            Route::OfDay(_, OfDay::Cell(_) | OfDay::Station(_)) => "Feature",
            _ => "FeatureCollection",
        })}),
        Format::Json => {
            let mut body = json!({"schema": reference(schema_of(route))});
            if let Some(example) = example(route) {
                body["example"] = parsed(example);
            }
            body
        }
        Format::OpenApi => json!({"schema": {"type": "object"}}),
        Format::Csv | Format::Prometheus | Format::Html => json!({"schema": {"type": "string"}}),
        // Bytes have no schema (OpenAPI 3.1, Media Type Object).
        Format::Arrow | Format::Parquet => json!({}),
    }
}

/// The name of the schema of a path's JSON.
fn schema_of(route: &Route) -> &'static str {
    match route {
        Route::Index => "Index",
        Route::Health | Route::Ready => "Status",
        Route::Systems => "Systems",
        Route::Days => "Days",
        Route::OfDay(_, OfDay::Cells) => "Day",
        Route::OfDay(_, OfDay::Hours) => "Hours",
        Route::OfDay(_, OfDay::Cell(_)) => "Cell",
        Route::OfDay(_, OfDay::Stations) => "Stations",
        Route::OfDay(_, OfDay::Station(_)) => "Station",
        _ => "Quality",
    }
}

/// An example that is part of the program, as a value.
fn parsed(example: &str) -> Value {
    serde_json::from_str(example).unwrap_or_default()
}
