//! Schemas as lists of members, and types in a few words.

use std::fmt::Write as _;

use serde_json::Value;

use super::{escaped, text};

/// The members of a schema, and below them those of every schema that it is made of.
pub(super) fn tables(out: &mut String, document: &Value, schema: &Value) {
    let mut names: Vec<&str> = names_in(schema);
    let mut next = 0;
    while let Some(name) = names.get(next).copied() {
        let schema = &document["components"]["schemas"][name];
        if next > 0 {
            let _ = write!(out, "<h4>{}</h4>", escaped(name));
        }
        let _ = write!(out, "<p>{}</p>", text(&schema["description"]));
        members(out, schema);
        for name in names_in(&schema["properties"]) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        next += 1;
    }
}

/// Those always there in the order in which they are sent, then the others.
fn members(out: &mut String, schema: &Value) {
    let Some(properties) = schema["properties"].as_object() else { return };
    let always: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let sometimes = properties.keys().map(String::as_str).filter(|name| !always.contains(name));
    out.push_str("<dl>");
    for name in always.iter().copied().chain(sometimes) {
        let Some(member) = properties.get(name) else { continue };
        let is_always = always.contains(&name);
        let _ = write!(
            out,
            "<div><dt><code>{}</code><br><span class=soft>{}{}</span><dd>{}</div>",
            escaped(name),
            kind(member),
            if is_always { "" } else { ", optional" },
            text(&member["description"]),
        );
    }
    out.push_str("</dl>");
}

/// The schemas that a part of the document refers to.
fn names_in(part: &Value) -> Vec<&str> {
    match part {
        Value::Object(members) => match members.get("$ref").and_then(Value::as_str) {
            Some(reference) => vec![name_of(reference)],
            None => members.values().flat_map(names_in).collect(),
        },
        Value::Array(items) => items.iter().flat_map(names_in).collect(),
        _ => Vec::new(),
    }
}

fn name_of(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or_default()
}

/// A schema's type in a few words.
pub(super) fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return escaped(name_of(reference));
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        return joined(choices.iter().map(kind), " or ");
    }
    if !schema["const"].is_null() {
        return format!("<code>{}</code>", text(&schema["const"]));
    }
    let mut kind = match schema["enum"].as_array() {
        Some(values) => joined(values.iter().map(text), ", "),
        None if schema["type"] == "array" => format!("list of {}", self::kind(&schema["items"])),
        None => match &schema["type"] {
            Value::Array(kinds) => joined(kinds.iter().map(|kind| simple(kind, schema)), " or "),
            one => simple(one, schema),
        },
    };
    kind.push_str(&range(schema));
    if !schema["default"].is_null() {
        let _ = write!(kind, "; default {}", text(&schema["default"]));
    }
    kind
}

fn simple(kind: &Value, schema: &Value) -> String {
    match (kind.as_str(), schema["format"].as_str()) {
        (Some("string"), Some("date")) => "date".to_owned(),
        (Some("string"), Some("date-time")) => "UTC time".to_owned(),
        (Some("string"), _) => "text".to_owned(),
        (Some("integer"), _) => "whole number".to_owned(),
        (Some("boolean"), _) => "true or false".to_owned(),
        (Some(kind), _) => kind.to_owned(),
        (None, _) => "any".to_owned(),
    }
}

fn range(schema: &Value) -> String {
    let (least, above, most) =
        (&schema["minimum"], &schema["exclusiveMinimum"], &schema["maximum"]);
    match (least.is_null(), above.is_null(), most.is_null()) {
        (false, _, false) => format!(", {least} to {most}"),
        (true, false, false) => format!(", above {above}, up to {most}"),
        _ => String::new(),
    }
}

fn joined(parts: impl Iterator<Item = String>, separator: &str) -> String {
    parts.collect::<Vec<_>>().join(separator)
}
