//! The OpenAPI document as a page for people: no scripts, nothing from elsewhere.

mod schema;

use std::fmt::Write as _;

use serde_json::Value;

use crate::negotiate::Format;
use crate::openapi::{A_PROBLEM, Tag, example, words};
use crate::problem::KINDS;
use crate::routes::Route;
use crate::state::formats;

/// The page.
pub(crate) fn page(document: &Value) -> String {
    let mut out = String::from("<!doctype html><html lang=en><meta charset=utf-8>");
    out.push_str("<meta name=viewport content=\"width=device-width,initial-scale=1\">");
    out.push_str("<title>hotspots: the API</title><style>");
    out.push_str(include_str!("docs/style.css"));
    out.push_str("</style><a class=skip href=\"#start\">Skip to the text</a><div class=page>");
    contents(&mut out);
    out.push_str("<main>");
    introduction(&mut out, document);
    out.push_str(include_str!("docs/start.html"));
    out.push_str("<h2 id=conventions>Conventions</h2>");
    out.push_str(include_str!("docs/conventions.html"));
    formats_of_answers(&mut out);
    out.push_str(include_str!("docs/http.html"));
    errors(&mut out);
    for tag in Tag::ALL {
        group(&mut out, tag, document);
    }
    out.push_str("</main></div></html>");
    out
}

/// The headings of the conventions: an anchor and a name.
const CONVENTIONS: [(&str, &str); 7] = [
    ("dates", "Dates and hours"),
    ("weights", "Weights and ranks"),
    ("areas", "Areas"),
    ("formats", "Formats"),
    ("caching", "Caching and ranges"),
    ("licence", "Licence"),
    ("errors", "Errors"),
];

/// What each form that can be asked for is good for.
const USES: [(Format, &str); 5] = [
    (Format::Json, "Everything; what one gets without asking."),
    (Format::GeoJson, "QGIS, geojson.io: cells as hexagons, stations as points (RFC 7946)."),
    (Format::Csv, "Spreadsheets; kepler.gl shows `hex_id` as an H3 layer by itself."),
    (Format::Arrow, "`polars.read_ipc`, `pyarrow.feather`."),
    (Format::Parquet, "DuckDB, Polars, pandas; a whole day is the lake's own file."),
];

fn in_group(tag: Tag) -> impl Iterator<Item = Route> {
    Route::examples().into_iter().filter(move |route| words(route).tag == tag)
}

fn contents(out: &mut String) {
    out.push_str("<nav aria-label=Contents><h2>Guide</h2><ul>");
    out.push_str("<li><a href=\"#start\">Getting started</a>");
    for (id, name) in CONVENTIONS {
        let _ = write!(out, "<li><a href=\"#{id}\">{name}</a>");
    }
    for tag in Tag::ALL {
        let _ = write!(out, "</ul><h2>{}</h2><ul>", tag.name());
        for route in in_group(tag) {
            let (id, path) = (words(&route).id, escaped(route.pattern()));
            let _ = write!(out, "<li><a href=\"#{id}\"><code>{path}</code></a>");
        }
    }
    out.push_str("</ul></nav>");
}

fn introduction(out: &mut String, document: &Value) {
    let info = &document["info"];
    let _ = write!(
        out,
        "<h1>{} API <small>{}</small></h1><p class=lead>{}</p><p>{}</p>",
        text(&info["title"]),
        text(&info["version"]),
        text(&info["summary"]),
        text(&info["description"]),
    );
    out.push_str("<p><a href=\"/\">Map</a> · <a href=\"/openapi.json\">OpenAPI 3.1 document</a>, the same for programs.");
    if !document["components"]["securitySchemes"].is_null() {
        out.push_str("<p>This server needs a token: send the header <code>Authorization: Bearer …</code> with every request.");
    }
}

fn formats_of_answers(out: &mut String) {
    out.push_str("<h3 id=formats>Formats</h3><p>Ask with <code>?format=</code> or with the header <code>Accept</code>; the parameter overrides the header. Every format has the same rows. JSON, GeoJSON and CSV are rounded (ratios to 6 decimals, positions to 7, counts to 3); Arrow and Parquet are not.</p>");
    out.push_str("<dl>");
    for (format, uses) in USES {
        let (name, media, uses) = (format.name(), format.media_type(), code(uses));
        let _ = write!(
            out,
            "<div><dt><code>{name}</code><dd><code>{media}</code><br><span class=soft>{uses}</span></div>"
        );
    }
    out.push_str("</dl>");
}

fn errors(out: &mut String) {
    out.push_str("<h3 id=errors>Errors</h3><p>Errors are problem documents (RFC 9457, <code>application/problem+json</code>). <code>type</code> names the kind of problem, <code>detail</code> says what is wrong with this request and what would be right, and <code>request_id</code> is also in <code>X-Request-Id</code> and in the server's log. A parameter that is unknown, malformed or contradicts another is refused, never ignored:</p>");
    let _ = write!(out, "<pre><code>{}</code></pre>", escaped(A_PROBLEM.trim_end()));
    out.push_str("<p>The kinds of problems, each with its status:</p><dl>");
    for kind in KINDS {
        let (name, status) = (kind.name, kind.status.as_u16());
        let (title, meaning) = (code(&escaped(kind.title)), code(&escaped(kind.meaning)));
        let _ = write!(
            out,
            "<div id=\"{name}\"><dt><code>{name}</code> <span class=soft>{status}</span><dd>{title}<br><span class=soft>{meaning}</span></div>"
        );
    }
    out.push_str("</dl>");
}

fn group(out: &mut String, tag: Tag, document: &Value) {
    let (name, about) = (tag.name(), tag.description());
    let id = name.to_ascii_lowercase().replace(' ', "-");
    let _ = write!(out, "<h2 id=\"group-{id}\">{name}</h2><p>{about}</p>");
    for route in in_group(tag) {
        operation(out, &route, document);
    }
}

fn operation(out: &mut String, route: &Route, document: &Value) {
    let (words, path) = (words(route), escaped(route.pattern()));
    let described = &document["paths"][route.pattern()]["get"];
    let _ = write!(
        out,
        "<section id=\"{}\"><h3>{}</h3><p class=path><code>GET {path}</code></p><p>{}</p>",
        words.id,
        escaped(words.summary),
        code(&escaped(words.description)),
    );
    let request = escaped(words.request);
    let _ = write!(out, "<pre class=line><code>curl 'localhost:8080{request}'</code></pre>");
    parameters(out, &described["parameters"]);
    forms(out, route);
    let json = &described["responses"]["200"]["content"]["application/json"]["schema"];
    if !json.is_null() {
        out.push_str("<details><summary>Members of the JSON answer</summary>");
        schema::tables(out, document, json);
        out.push_str("</details>");
    }
    if let Some(example) = example(route) {
        let example = escaped(example.trim_end());
        let _ = write!(
            out,
            "<details><summary>Example answer</summary><pre><code>{example}</code></pre></details>"
        );
    }
    out.push_str("</section>");
}

fn parameters(out: &mut String, parameters: &Value) {
    let parameters = parameters.as_array().map_or(&[][..], Vec::as_slice);
    if parameters.is_empty() {
        return;
    }
    out.push_str("<h4>Parameters</h4><dl>");
    for parameter in parameters {
        let place = if parameter["in"] == "path" { ", in the path" } else { "" };
        let _ = write!(
            out,
            "<div><dt><code>{}</code><br><span class=soft>{}{place}</span><dd>{} <span class=soft>Example: <code>{}</code></span></div>",
            text(&parameter["name"]),
            schema::kind(&parameter["schema"]),
            text(&parameter["description"]),
            text(&parameter["example"]),
        );
    }
    out.push_str("</dl>");
}

fn forms(out: &mut String, route: &Route) {
    out.push_str("<p class=soft>Comes as ");
    for (index, format) in formats(route).iter().enumerate() {
        let separator = if index > 0 { ", " } else { "" };
        let _ = write!(out, "{separator}<code>{}</code>", format.media_type());
    }
    out.push_str("</p>");
}

/// A value as text, with `code` between backticks.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => code(&escaped(text)),
        other => escaped(&other.to_string()),
    }
}

/// `code` between backticks.
fn code(text: &str) -> String {
    let mut out = String::new();
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            let _ = write!(out, "<code>{part}</code>");
        } else {
            out.push_str(part);
        }
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
