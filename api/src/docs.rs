//! The OpenAPI document as a page for people: no scripts, nothing from elsewhere.

use std::fmt::Write as _;

use serde_json::Value;

/// The page.
pub(crate) fn page(document: &Value) -> String {
    let mut out = String::from(HEAD);
    let info = &document["info"];
    let _ = write!(
        out,
        "<h1>{} <small>{}</small></h1><p class=lead>{}</p><p>{}</p>",
        text(&info["title"]),
        text(&info["version"]),
        text(&info["summary"]),
        text(&info["description"]),
    );
    out.push_str(
        "<p>The same for programs: <a href=\"/openapi.json\">/openapi.json</a>. Try <a href=\"/hotspots/latest?limit=3\">/hotspots/latest?limit=3</a>.</p>",
    );
    let empty = serde_json::Map::new();
    let paths = document["paths"].as_object().unwrap_or(&empty);
    out.push_str("<nav>");
    for (path, item) in paths {
        let (id, summary) = (text(&item["get"]["operationId"]), text(&item["get"]["summary"]));
        let _ = write!(out, "<a href=\"#{id}\"><code>{}</code> {summary}</a>", escaped(path));
    }
    out.push_str("</nav>");
    for (path, item) in paths {
        operation(&mut out, path, &item["get"]);
    }
    out.push_str("<h2>What answers hold</h2>");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap_or(&empty) {
        let _ = write!(out, "<h3 id=\"schema-{0}\">{0}</h3>", escaped(name));
        properties(&mut out, schema);
    }
    out.push_str("</main></html>");
    out
}

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\"><title>hotspots: the API</title><style>
:root{color-scheme:light dark;--line:#8884;--dim:#777}
body{font:16px/1.5 system-ui,sans-serif;margin:0}
main{max-width:60rem;margin:auto;padding:1.5rem}
h1 small,.dim{color:var(--dim);font-weight:400}
.lead{font-size:1.25rem}
nav{display:grid;gap:.2rem;margin:1.5rem 0}
nav a{color:inherit;text-decoration:none;padding:.15rem 0;border-bottom:1px solid var(--line)}
nav code{display:inline-block;min-width:18rem}
section{border-top:2px solid var(--line);margin-top:2rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line)}
code{font:.9em ui-monospace,monospace}
pre{overflow:auto;padding:.6rem;border:1px solid var(--line)}
</style><main>";

fn operation(out: &mut String, path: &str, operation: &Value) {
    let _ = write!(
        out,
        "<section id=\"{}\"><h2>{}</h2><p><code>GET {}</code></p><p>{}</p>",
        text(&operation["operationId"]),
        text(&operation["summary"]),
        escaped(path),
        text(&operation["description"]),
    );
    let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    if !parameters.is_empty() {
        out.push_str("<table><tr><th>Parameter<th>Type<th>Meaning<th>Example</tr>");
        for parameter in parameters {
            let _ = write!(
                out,
                "<tr><td><code>{}</code><td>{}<td>{}<td><code>{}</code></tr>",
                text(&parameter["name"]),
                kind(&parameter["schema"]),
                text(&parameter["description"]),
                text(&parameter["example"]),
            );
        }
        out.push_str("</table>");
    }
    out.push_str("<p class=dim>Answers: ");
    let empty = serde_json::Map::new();
    let content = operation["responses"]["200"]["content"].as_object().unwrap_or(&empty);
    for (index, (media, body)) in content.iter().enumerate() {
        let separator = if index > 0 { ", " } else { "" };
        let _ = write!(out, "{separator}<code>{}</code>", escaped(media));
        if let Some(name) = body["schema"]["$ref"].as_str().and_then(|at| at.rsplit('/').next()) {
            let _ = write!(out, " (<a href=\"#schema-{0}\">{0}</a>)", escaped(name));
        }
    }
    out.push_str("</p></section>");
}

fn properties(out: &mut String, schema: &Value) {
    let Some(members) = schema["properties"].as_object() else { return };
    out.push_str("<table><tr><th>Member<th>Type<th>Meaning</tr>");
    for (name, member) in members {
        let _ = write!(
            out,
            "<tr><td><code>{}</code><td>{}<td>{}</tr>",
            escaped(name),
            kind(member),
            text(&member["description"]),
        );
    }
    out.push_str("</table>");
}

/// A schema's type in a few words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|at| at.rsplit('/').next()) {
        return format!("<a href=\"#schema-{0}\">{0}</a>", escaped(name));
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(text).collect();
        return values.join(", ");
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let kinds: Vec<String> = choices.iter().map(kind).collect();
        return kinds.join(" or ");
    }
    if !schema["const"].is_null() {
        return text(&schema["const"]);
    }
    if schema["type"] == "array" {
        return format!("list of {}", kind(&schema["items"]));
    }
    let mut kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
        other => text(other),
    };
    if !schema["minimum"].is_null() && !schema["maximum"].is_null() {
        let _ = write!(kind, " {} to {}", schema["minimum"], schema["maximum"]);
    }
    kind
}

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
