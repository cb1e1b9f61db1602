//! The OpenAPI document against the running server: every path, every form, every example.

use chrono::NaiveDate;
use hotspots_data::{Resolution, parse_date};
use serde_json::Value;

use crate::support::http::{Response, ask, get};
use crate::support::{Fixture, Serving, TestLake, hotspots, wait};

/// What is wrong with a value by the part of JSON Schema that the document uses; a rule that this does
/// not know is an error too, so that none goes unchecked.
fn check(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    const KNOWN: [&str; 14] = [
        "$ref",
        "anyOf",
        "const",
        "enum",
        "type",
        "properties",
        "required",
        "items",
        "additionalProperties",
        "minimum",
        "maximum",
        "description",
        "format",
        "default",
    ];
    let fails = |why: &str| Err(format!("{at}: {why}: {value}"));
    for rule in schema.as_object().ok_or("no schema")?.keys() {
        if !KNOWN.contains(&rule.as_str()) {
            return fails(&format!("this test does not know `{rule}`"));
        }
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#'));
        return check(document, target.ok_or(reference)?, value, at);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let tried = choices.iter().map(|choice| check(document, choice, value, at));
        let wrong: Vec<String> = tried.map_while(Result::err).collect();
        return if wrong.len() < choices.len() { Ok(()) } else { fails(&wrong.join(" nor ")) };
    }
    if !schema["const"].is_null() && schema["const"] != *value {
        return fails("is another");
    }
    if schema["enum"].as_array().is_some_and(|values| !values.contains(value)) {
        return fails("is none of them");
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    let is = |kind: &&str| match *kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        _ => value.is_object(),
    };
    if !kinds.is_empty() && !kinds.iter().any(is) {
        return fails(&format!("is no {kinds:?}"));
    }
    let number = value.as_f64().unwrap_or(0.0);
    if schema["minimum"].as_f64().is_some_and(|least| number < least)
        || schema["maximum"].as_f64().is_some_and(|most| number > most)
    {
        return fails("is out of range");
    }
    if let (Some(items), false) = (value.as_array(), schema["items"].is_null()) {
        for (index, item) in items.iter().enumerate() {
            check(document, &schema["items"], item, &format!("{at}[{index}]"))?;
        }
    }
    let Some(members) = value.as_object() else { return Ok(()) };
    for name in schema["required"].as_array().into_iter().flatten() {
        if !members.contains_key(name.as_str().unwrap_or("")) {
            return fails(&format!("{name} is missing"));
        }
    }
    for (name, member) in members {
        match schema["properties"].get(name) {
            Some(schema) => check(document, schema, member, &format!("{at}.{name}"))?,
            None if schema["additionalProperties"] == false => {
                return fails(&format!("`{name}` is not in the document"));
            }
            None => {}
        }
    }
    Ok(())
}

/// Headers that every HTTP answer of this server has, whatever it is an answer to.
const OF_HTTP: [&str; 7] = [
    "accept-ranges",
    "content-type",
    "content-length",
    "date",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "x-content-type-options",
];

/// Every header sent is in the document, and every one that it requires is sent.
fn check_headers(document: &Value, known: &Value, response: &Response, path: &str) {
    let known = known["headers"].as_object().expect("headers");
    for name in response.headers.keys() {
        let is_known = known.keys().any(|known| known.eq_ignore_ascii_case(name));
        assert!(is_known || OF_HTTP.contains(&name.as_str()), "{path}: {name} is unknown");
    }
    for (name, header) in known {
        let header = document.pointer(header["$ref"].as_str().expect("a reference")[1..].as_ref());
        let header = header.expect("a definition");
        assert!(!header["description"].as_str().expect("a description").is_empty(), "{name}");
        let is_sent = response.headers.iter().any(|(sent, _)| sent.eq_ignore_ascii_case(name));
        assert!(is_sent || header["required"] == false, "{path}: {name} is not sent");
    }
}

fn served() -> (TestLake, Serving, Fixture, NaiveDate) {
    let (lake, fixture) = (TestLake::new(), Fixture::of("velib", 14));
    let date = parse_date("2026-11-22").expect("a date");
    wait(async {
        fixture.write(&lake.open(), date).await.expect("written");
        fixture.write_system(&lake.open(), date).await.expect("written");
    });
    let serving = Serving::start(hotspots(&lake, &["serve", "--bind", "127.0.0.1:0"]));
    (lake, serving, fixture, date)
}

#[test]
fn every_answer_is_as_the_document_says() {
    let (_lake, serving, fixture, date) = served();
    let response = get(serving.address(), "/openapi.json");
    assert_eq!(response.header("content-type"), "application/vnd.oai.openapi+json;version=3.1");
    let document = response.json();
    assert_eq!(document["openapi"], "3.1.0");
    let id = &fixture.hotspots(date, Resolution::HOTSPOTS)[0].hex_id;
    let (mut asked, mut checked) = (0, 0);
    for (path, item) in document["paths"].as_object().expect("paths") {
        let operation = &item["get"];
        let path = path
            .replace("{date}", "latest")
            .replace("{hex_id}", id)
            .replace("{station_id}", "10003");
        // Each parameter's example on its own (a point needs its radius), and none at all.
        let mut queries = vec![String::new()];
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "path" {
                continue;
            }
            let example = match &parameter["example"] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let name = parameter["name"].as_str().expect("a name");
            let choices = parameter["schema"]["enum"].as_array();
            let is_one = choices.is_none_or(|choices| choices.contains(&parameter["example"]));
            assert!(is_one, "{path}: {name}={example} is none of its own choices");
            queries.push(match name {
                "near" => format!("near={example}&radius_m=5000"),
                "radius_m" => format!("near=48.8566,2.3522&radius_m={example}"),
                "hex_id" => format!("hex_id={id}"),
                _ => format!("{name}={example}"),
            });
        }
        let content = operation["responses"]["200"]["content"].as_object().expect("content");
        for query in &queries {
            for media in content.keys() {
                let accept = format!("accept: {media}");
                let path = format!("{path}?{query}");
                let response = ask(serving.address(), "GET", &path, &[&accept]);
                let text = String::from_utf8_lossy(&response.body).into_owned();
                assert_eq!(response.status, 200, "{path} as {media}: {text}");
                let sent = response.header("content-type").split(';').next().unwrap_or_default();
                // The parameter overrides the header.
                let is_asked_for = sent == media || query.starts_with("format=");
                assert!(is_asked_for && content.contains_key(sent), "{path}: {sent}");
                check_headers(&document, &operation["responses"]["200"], &response, &path);
                asked += 1;
                if sent.ends_with("json") && sent != "application/vnd.oai.openapi+json" {
                    let schema = &content[sent]["schema"];
                    check(&document, schema, &response.json(), &path).unwrap();
                    checked += 1;
                }
            }
        }
    }
    assert!(asked > 120 && checked > 40, "{asked} asked, {checked} checked");
}

/// Every schema in a part of the document, with its place.
fn schemas<'a>(part: &'a Value, at: &str, found: &mut Vec<(String, &'a Value)>) {
    for (name, schema) in part["properties"].as_object().into_iter().flatten() {
        let at = format!("{at}.{name}");
        schemas(schema, &at, found);
        found.push((at, schema));
    }
}

#[test]
fn every_member_of_every_schema_and_every_parameter_is_described_in_a_sentence() {
    let (_lake, serving, ..) = served();
    let document = get(serving.address(), "/openapi.json").json();
    let mut found = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        found.push((name.clone(), schema));
        schemas(schema, name, &mut found);
    }
    for (path, item) in document["paths"].as_object().expect("paths") {
        let parameters = item["get"]["parameters"].as_array().expect("parameters");
        let named = |parameter: &Value| format!("{path} {}", parameter["name"]);
        found.extend(parameters.iter().map(|parameter| (named(parameter), parameter)));
    }
    for (at, schema) in &found {
        let description = schema["description"].as_str().unwrap_or_default();
        assert!(description.ends_with('.') && description.len() > 8, "{at}: {description:?}");
    }
    assert!(found.len() > 200, "{} described", found.len());
}

#[test]
fn every_example_of_an_answer_is_as_the_document_says() {
    let (_lake, serving, ..) = served();
    let document = get(serving.address(), "/openapi.json").json();
    let mut shown = Vec::new();
    let paths = document["paths"].as_object().expect("paths").iter();
    let answers = paths.map(|(path, item)| (path, &item["get"]["responses"]["200"]));
    let shared = document["components"]["responses"].as_object().expect("responses").iter();
    for (of, response) in answers.chain(shared) {
        for content in response["content"].as_object().into_iter().flatten() {
            let (media, body) = content;
            if !body["example"].is_null() {
                check(&document, &body["schema"], &body["example"], of).unwrap();
                shown.push((of.as_str(), media.as_str()));
            }
        }
    }
    for of in ["/hotspots", "/hotspots/{date}", "/stations/{date}/{station_id}"] {
        assert!(shown.contains(&(of, "application/json")), "{of}: {shown:?}");
    }
    assert!(shown.contains(&("Problem", "application/problem+json")), "{shown:?}");
    // The refusal shown is the one that is sent.
    let problems = &document["components"]["responses"]["Problem"]["content"];
    let mut example = problems["application/problem+json"]["example"].clone();
    let mut sent = get(serving.address(), "/hotspots/latest?hour=25").json();
    for problem in [&mut example, &mut sent] {
        problem["request_id"] = Value::Null;
    }
    assert_eq!(example, sent);
}

#[test]
fn every_path_is_in_a_group_and_groups_have_an_order() {
    let (_lake, serving, ..) = served();
    let document = get(serving.address(), "/openapi.json").json();
    let tags = document["tags"].as_array().expect("tags");
    let names: Vec<&str> = tags.iter().filter_map(|tag| tag["name"].as_str()).collect();
    assert_eq!(names, ["Hotspots", "Stations", "About the data", "Operations"]);
    for (path, item) in document["paths"].as_object().expect("paths") {
        let tag = item["get"]["tags"][0].as_str().expect("a tag");
        assert!(names.contains(&tag), "{path}: {tag}");
    }
    assert_eq!(document["servers"][0]["url"], "/");
}

#[test]
fn every_refusal_is_as_the_document_says() {
    let (_lake, serving, ..) = served();
    let document = get(serving.address(), "/openapi.json").json();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let path = path
            .replace("{date}", "1999-01-01")
            .replace("{hex_id}", "8a1fb475a4dffff")
            .replace("{station_id}", "none");
        for query in ["", "?none=1"] {
            let response = get(serving.address(), &format!("{path}{query}"));
            let known = &item["get"]["responses"][response.status.to_string()];
            assert!(!known.is_null(), "{path}{query}: {} is not in the document", response.status);
            if response.status >= 400 {
                let schema = &document["components"]["schemas"]["Problem"];
                check(&document, schema, &response.json(), &path).unwrap();
            }
        }
    }
}

#[test]
fn the_page_for_people_names_every_path_and_loads_nothing() {
    let (_lake, serving, ..) = served();
    let document = get(serving.address(), "/openapi.json").json();
    let page = get(serving.address(), "/docs");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let page = String::from_utf8(page.body).expect("text");
    for path in document["paths"].as_object().expect("paths").keys() {
        assert!(page.contains(&format!("GET {path}</code>")), "{path}");
    }
    for foreign in ["<script", "src=", "@import", "http://", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn parts_conditions_and_copies_are_answered_as_the_document_says() {
    let (_lake, serving, fixture, date) = served();
    let document = get(serving.address(), "/openapi.json").json();
    let id = &fixture.hotspots(date, Resolution::HOTSPOTS)[0].hex_id;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let path = path
            .replace("{date}", "latest")
            .replace("{hex_id}", id)
            .replace("{station_id}", "10003");
        for (header, status, name) in [
            ("range: bytes=0-0", 206, "PartialContent"),
            ("if-none-match: *", 304, "NotModified"),
            ("if-match: \"another\"", 412, "PreconditionFailed"),
            ("range: bytes=99999999-", 416, "RangeNotSatisfiable"),
        ] {
            let response = ask(serving.address(), "GET", &path, &[header]);
            assert_eq!(response.status, status, "{path} with {header}");
            let known = &item["get"]["responses"][status.to_string()]["$ref"];
            assert_eq!(*known, format!("#/components/responses/{name}"), "{path}");
            let shared = &document["components"]["responses"][name];
            if status < 400 {
                check_headers(&document, shared, &response, &path);
            } else {
                let problem = &document["components"]["schemas"]["Problem"];
                check(&document, problem, &response.json(), &path).unwrap();
            }
        }
    }
}

/// What stands between two marks, each time that it does.
fn between<'a>(page: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    page.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
}

#[test]
fn the_page_for_people_explains_every_kind_of_problem_where_its_type_points() {
    let (_lake, serving, ..) = served();
    let page = get(serving.address(), "/docs").body;
    let page = String::from_utf8(page).expect("text");
    for path in ["/nowhere", "/hotspots/1999-01-01", "/hotspots/latest?hour=24"] {
        let kind = get(serving.address(), path).json()["type"].clone();
        let (at, anchor) = kind.as_str().and_then(|kind| kind.split_once('#')).expect("an anchor");
        assert_eq!(at, "/docs");
        assert!(page.contains(&format!("id=\"{anchor}\"")), "{kind}");
    }
}

#[test]
fn every_link_within_the_page_leads_somewhere_and_every_request_on_it_is_answered() {
    let (_lake, serving, fixture, date) = served();
    let page = String::from_utf8(get(serving.address(), "/docs").body).expect("text");
    let anchors = between(&page, "href=\"#", "\"");
    assert!(anchors.len() > 20, "{anchors:?}");
    for anchor in anchors {
        let ids = [format!("id=\"{anchor}\""), format!("id={anchor}>")];
        assert!(ids.iter().any(|id| page.contains(id)), "#{anchor}");
    }
    let id = &fixture.hotspots(date, Resolution::HOTSPOTS)[0].hex_id;
    let requests = between(&page, "curl 'localhost:8080", "'");
    assert!(requests.len() > 15, "{requests:?}");
    for request in requests {
        let path = request
            .replace("&amp;", "&")
            .replace("8a1fb475a4dffff", id)
            .replace("213688169", "10003")
            .replace("2026-09-15", &date.to_string());
        assert_eq!(get(serving.address(), &path).status, 200, "{path}");
    }
}
