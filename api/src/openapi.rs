//! The API as an OpenAPI 3.1 document, made of the same routes, parameters and columns that answer.

mod schemas;

use serde_json::{Map, Value, json};

use crate::negotiate::Format;
use crate::params::CELL_PATTERN;
use crate::routes::{OfDay, Route};
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
        "components": {"schemas": schemas::schemas(), "responses": {
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
        let schema = json!({"type": "string", "pattern": CELL_PATTERN});
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
            "description": param.meaning(route), "schema": schema, "example": param.example(),
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
            Route::OfDay(_, OfDay::Cell(_) | OfDay::Station(_)) => reference("Feature"),
            _ => reference("FeatureCollection"),
        },
        Format::Json => reference(match route {
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
        Route::OfDay(_, OfDay::Cells) => (
            "day",
            "The cells of a day, the heaviest first",
            "`weight` is the metric's value ÷ the largest of any cell of the whole city that day, unless `relative_to` says otherwise: an area or a limit leaves weights and ranks as they are. With `hour`, the columns are those of the hourly table and the weight is relative to every hour of the day; where clocks are set back, the repeated hour gives two rows a cell.",
        ),
        Route::OfDay(_, OfDay::Hours) => (
            "hours",
            "All hours of a day in one compact answer",
            "For a slider over the day. JSON has one list a column: `values[i][j]` is the metric in cell `hex_id[i]` during `hours[j]`, null where it was not observed; ÷ `max` it is the weight. CSV, Arrow and Parquet have one row per cell and hour with every column.",
        ),
        Route::OfDay(_, OfDay::Cell(_)) => (
            "cell",
            "One cell with its hours and its stations",
            "`hours` and `stations_of_cell` are null where the lake has no such table of that day.",
        ),
        Route::OfDay(_, OfDay::Stations) => (
            "stations",
            "The stations of a day",
            "One row a station; the area is that of the station's own position.",
        ),
        Route::OfDay(_, OfDay::Station(_)) => {
            ("station", "One station of a day", "By its GBFS `station_id`.")
        }
        Route::OfDay(_, OfDay::Quality) => {
            ("quality", "What is odd about a day's data", "One row a check; nothing is repaired.")
        }
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
