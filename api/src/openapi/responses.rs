//! Headers and responses that many paths share, each defined once.

use serde_json::{Map, Value, json};

use super::schemas::reference;
use crate::routes::Route;

/// The headers: a name, whether it is on every response that lists it, and what it says.
const HEADERS: [(&str, bool, &str); 13] = [
    (
        "ETag",
        true,
        "A strong validator of this representation: another format or encoding has another one.",
    ),
    ("Last-Modified", false, "When the table behind the answer was written."),
    (
        "Cache-Control",
        true,
        "How long a cache may keep the answer: an hour for closed days, 15 seconds for what may still change.",
    ),
    ("Vary", true, "The request headers that the answer depends on."),
    ("Content-Location", false, "For `latest`: the path of the day that it stands for."),
    ("Content-Disposition", false, "What to call a file of the answer."),
    ("Content-Range", false, "Which bytes these are, and how many there are altogether."),
    ("Accept-Ranges", true, "`bytes`: a part of the answer can be asked for."),
    ("Content-Encoding", false, "How the answer is compressed, if it is."),
    ("Link", false, "The data's licence (`rel=\"license\"`), if the system publishes one."),
    ("X-Request-Id", true, "The request's id: the client's own if it sent one, else a new one."),
    ("Retry-After", false, "After how many seconds to try again."),
    ("WWW-Authenticate", false, "`Bearer`: a token is needed."),
];

/// The headers that every answer has, with or without a body.
const OF_EVERY: &[&str] = &["ETag", "Cache-Control", "Vary", "X-Request-Id"];
/// The headers of a body.
const OF_A_BODY: &[&str] = &["Accept-Ranges", "Content-Encoding"];
/// The headers that an answer of many days has besides.
const OF_DAYS: &[&str] = &["Content-Disposition", "Link"];
/// The headers that an answer of one day has besides.
const OF_A_DAY: &[&str] = &["Last-Modified", "Content-Location", "Content-Disposition", "Link"];

/// The shared responses that are problems: a name, further headers, and when it is sent.
const PROBLEMS: [(&str, &[&str], &str); 5] = [
    ("Problem", &[], "What is wrong, and what would be right."),
    ("Unauthorized", &["WWW-Authenticate"], "The server's token is missing or wrong."),
    (
        "PreconditionFailed",
        &[],
        "The condition in `If-Match` or `If-Unmodified-Since` does not hold.",
    ),
    (
        "RangeNotSatisfiable",
        &["Content-Range"],
        "The header `Range` asks for no byte that there is.",
    ),
    (
        "Unavailable",
        &["Retry-After"],
        "The lake cannot be read, or the server has too much to do; try again later.",
    ),
];

/// The headers by name, for the document's components.
pub(super) fn headers() -> Map<String, Value> {
    let header = |&(name, is_required, about): &(&str, bool, &str)| {
        let schema = json!({"type": "string"});
        let header = json!({"description": about, "required": is_required, "schema": schema});
        (name.to_owned(), header)
    };
    HEADERS.iter().map(header).collect()
}

/// The shared responses by name, for the document's components.
pub(super) fn responses(example: &Value) -> Map<String, Value> {
    let problem = json!({"application/problem+json": {
        "schema": reference("Problem"), "example": example,
    }});
    let mut responses = Map::new();
    for (name, more, about) in PROBLEMS {
        let headers = listed(&[&["X-Request-Id"], more]);
        let response = json!({"description": about, "headers": headers, "content": problem});
        responses.insert(name.to_owned(), response);
    }
    responses.insert("NotModified".to_owned(), json!({
        "description": "The copy that `If-None-Match` or `If-Modified-Since` names is still right.",
        "headers": listed(&[OF_EVERY, &["Content-Location"]]),
    }));
    responses.insert(
        "PartialContent".to_owned(),
        json!({
            "description": "The bytes that the header `Range` asks for.",
            "headers": listed(&[OF_EVERY, OF_A_BODY, OF_A_DAY, &["Content-Range"]]),
            "content": {"*/*": {}},
        }),
    );
    responses
}

/// The responses of a path besides the successful one: statuses with the names of their definitions.
pub(super) fn others(route: &Route, needs_token: bool) -> Map<String, Value> {
    let of_data: &[_] = match route {
        Route::OfDay(..) | Route::Days => &[("404", "Problem"), ("406", "Problem")],
        _ => &[],
    };
    let token: &[_] = if needs_token { &[("401", "Unauthorized")] } else { &[] };
    let every = [
        ("206", "PartialContent"),
        ("304", "NotModified"),
        ("400", "Problem"),
        ("412", "PreconditionFailed"),
        ("416", "RangeNotSatisfiable"),
        ("503", "Unavailable"),
    ];
    every
        .iter()
        .chain(of_data)
        .chain(token)
        .map(|(status, name)| {
            let reference = json!({"$ref": format!("#/components/responses/{name}")});
            ((*status).to_owned(), reference)
        })
        .collect()
}

/// The headers of a successful answer.
pub(super) fn of_success(route: &Route) -> Map<String, Value> {
    listed(match route {
        Route::OfDay(..) => &[OF_EVERY, OF_A_BODY, OF_A_DAY],
        Route::Days => &[OF_EVERY, OF_A_BODY, OF_DAYS],
        _ => &[OF_EVERY, OF_A_BODY],
    })
}

fn listed(groups: &[&[&str]]) -> Map<String, Value> {
    let names = groups.iter().copied().flatten();
    names
        .map(|name| ((*name).to_owned(), json!({"$ref": format!("#/components/headers/{name}")})))
        .collect()
}
