//! The map page, from memory: its own files, and the map library where the build found it.

use std::collections::HashMap;
use std::fmt::Write as _;

use warp::http::{HeaderMap, HeaderValue, Method, Response, header};

use crate::answer::{Answer, Body, Freshness};
use crate::negotiate::{self, Encoding, Format};
use crate::problem::Problem;
use crate::state::State;

include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// What draws the map.
const LIBRARY: &str = "maplibre-gl.mjs";
/// Where the library comes from when it is not embedded; `libraries.js` has the hashes it must have.
const CDN: &str = "https://cdn.jsdelivr.net";
/// What a browser that finds another version's page must not reuse.
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// The base map under the hexagons: addresses of `MapLibre` styles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseMap {
    /// The style by day; `None` is a plain ground.
    pub light: Option<String>,
    /// The style for those whose screen is dark; `None` is the light one.
    pub dark: Option<String>,
}

impl Default for BaseMap {
    /// `OpenFreeMap`: open data, open styles, no key.
    fn default() -> Self {
        Self {
            light: Some("https://tiles.openfreemap.org/styles/positron".to_owned()),
            dark: Some("https://tiles.openfreemap.org/styles/dark".to_owned()),
        }
    }
}

/// Everything that `/` and `/page/` answer.
#[derive(Debug)]
pub(crate) struct Page {
    index: Answer,
    files: HashMap<String, (HeaderValue, Answer)>,
    policy: HeaderValue,
}

impl Page {
    pub(crate) fn new(base: &BaseMap) -> Self {
        let plain = LIBRARIES.iter().filter(|(name, _)| ending(name) != "br");
        let files = OWN.iter().chain(plain).map(|(name, bytes)| {
            let mut answer = Answer::new(Format::Html, Freshness::Closed, *bytes);
            // A megabyte takes tens of milliseconds to compress: that was done with the build.
            if let Some(ready) = library(&format!("{name}.br")) {
                answer = answer.encoded_as(Encoding::Brotli, ready);
            }
            (format!("/page/{VERSION}/{name}"), (content_type(name), answer))
        });
        let policy = policy(base);
        Self {
            index: Answer::new(Format::Html, Freshness::Changing, index(base)),
            files: files.collect(),
            policy: HeaderValue::from_str(&policy)
                .unwrap_or_else(|_| HeaderValue::from_static("default-src 'self'")),
        }
    }

    /// The response to a request for the page or a file of it; `None` where it is for the API.
    /// `GET /` is the page for whoever takes HTML, as browsers do.
    pub(crate) async fn respond(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        state: &State,
    ) -> Option<Result<Response<Body>, Problem>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        let file = if path.starts_with("/page/") { self.files.get(path) } else { None };
        if let Some((content_type, answer)) = file {
            let answered = answer.response(method, headers, false, state).await;
            return Some(answered.map(|mut response| {
                let headers = response.headers_mut();
                headers.insert(header::CACHE_CONTROL, FOR_GOOD);
                if headers.contains_key(header::CONTENT_TYPE) {
                    headers.insert(header::CONTENT_TYPE, content_type.clone());
                }
                response
            }));
        }
        let offered = [Format::Json, Format::Html];
        if path != "/" || negotiate::format(headers, &offered) != Some(Format::Html) {
            return None;
        }
        let answered = self.index.response(method, headers, false, state).await;
        Some(answered.map(|mut response| {
            let headers = response.headers_mut();
            headers.insert(header::CACHE_CONTROL, ASK_AGAIN);
            headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
            headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
            response
        }))
    }
}

/// The document, which knows where its files are and what lies under the hexagons.
fn index(base: &BaseMap) -> String {
    let page = format!("/page/{VERSION}");
    let module = |name: &str| format!("<link rel=\"modulepreload\" href=\"{page}/{name}\">\n");
    // The largest goes first; from elsewhere at least the connection.
    let first = if library(LIBRARY).is_some() {
        module(LIBRARY)
    } else {
        format!("<link rel=\"preconnect\" href=\"{CDN}\" crossorigin>\n")
    };
    // Side by side rather than one after the other as each names the next.
    let preloads: String =
        OWN.iter().filter(|(name, _)| is_module(name)).map(|(name, _)| module(name)).collect();
    let mut root = String::from("<html");
    for (name, value) in [
        ("data-libraries", (!LIBRARIES.is_empty()).then_some(page.as_str())),
        ("data-map-style", base.light.as_deref()),
        ("data-map-style-dark", base.dark.as_deref()),
    ] {
        if let Some(value) = value {
            // Writing to memory does not fail.
            let _ = write!(root, " {name}=\"{}\"", escaped(value));
        }
    }
    INDEX
        .replacen("<html", &root, 1)
        .replace("{{page}}", &page)
        .replace("{{library}}\n", &first)
        .replace("{{preloads}}\n", &preloads)
}

/// What the page may load, and from where: itself, the base map's hosts, and the CDN where it needs
/// it.
fn policy(base: &BaseMap) -> String {
    let mut hosts: Vec<&str> =
        [&base.light, &base.dark].into_iter().flatten().filter_map(|url| origin(url)).collect();
    hosts.dedup();
    let maps = hosts.iter().fold(String::new(), |all, host| format!("{all} {host}"));
    let (cdn, run) =
        if LIBRARIES.is_empty() { (format!(" {CDN}"), " blob:") } else { (String::new(), "") };
    format!(
        "default-src 'none'; script-src 'self'{run}; worker-src 'self'{run}; style-src 'self'{cdn}; \
         connect-src 'self'{maps}{cdn}; img-src 'self' data: blob:{maps}; font-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors *"
    )
}

/// `https://host:port` of an address; `None` where it is on this server.
fn origin(url: &str) -> Option<&str> {
    let start = url.find("://")? + 3;
    let host = url[start..].find('/').map_or(url.len(), |at| start + at);
    let origin = &url[..host];
    // What would end the policy's list of hosts is no part of a host.
    origin
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b";,'\"".contains(&byte))
        .then_some(origin)
}

fn escaped(value: &str) -> String {
    value.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

/// A file of the library, where the build found it.
fn library(name: &str) -> Option<&'static [u8]> {
    LIBRARIES.iter().find(|(found, _)| *found == name).map(|(_, bytes)| *bytes)
}

fn is_module(name: &str) -> bool {
    ending(name) == "js"
}

fn ending(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

fn content_type(name: &str) -> HeaderValue {
    HeaderValue::from_static(match ending(name) {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    })
}

#[cfg(test)]
mod tests {
    use hotspots_data::Lake;

    use super::*;
    use crate::tables::Tables;

    /// A server's answer to GET with one header.
    async fn get(path: &str, name: header::HeaderName, value: &str) -> Response<Body> {
        let tables = Tables::new(Lake::open("memory:///").unwrap(), 1 << 20);
        let state = State::new(tables, None, None, 4, &BaseMap::default());
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        state.respond(&Method::GET, path, "", &headers).await
    }

    #[tokio::test]
    async fn a_browser_gets_the_page_and_a_program_the_api() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let page = get("/", header::ACCEPT, browser).await;
        assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
        let html = String::from_utf8(page.body().to_vec()).unwrap();
        assert!(html.contains(&format!("src=\"/page/{VERSION}/main.js\"")), "{html}");
        assert!(!html.contains("{{"), "{html}");
        assert!(page.headers().contains_key("content-security-policy"));
        // What the first picture needs is asked for first.
        let place = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text} in {html}"));
        let library = if LIBRARIES.is_empty() { "rel=\"preconnect\"" } else { LIBRARY };
        assert!(place(library) < place("/first.js\"></script>"));
        assert!(place("/first.js\"></script>") < place("/style.css"));
        for program in ["*/*", "application/json"] {
            let index = get("/", header::ACCEPT, program).await;
            assert_eq!(index.headers()["content-type"], "application/json", "{program}");
        }
    }

    #[tokio::test]
    async fn files_are_typed_compressed_cached_for_good_and_known_again() {
        let path = format!("/page/{VERSION}/main.js");
        let file = get(&path, header::ACCEPT_ENCODING, "gzip").await;
        assert_eq!(file.headers()["content-type"], "text/javascript; charset=utf-8");
        assert_eq!(file.headers()["content-encoding"], "gzip");
        assert_eq!(file.headers()["cache-control"], "public, max-age=31536000, immutable");
        let etag = file.headers()["etag"].to_str().unwrap().to_owned();
        let again = get(&path, header::IF_NONE_MATCH, &etag.replace("-gzip", "")).await;
        assert_eq!(again.status(), 304);
        assert_eq!(get("/page/0/main.js", header::ACCEPT, "*/*").await.status(), 404);
    }

    #[test]
    fn the_policy_allows_the_server_itself_and_the_hosts_of_the_base_map() {
        let base = BaseMap { light: Some("https://tiles.example:8443/a/b".to_owned()), dark: None };
        let policy = policy(&base);
        assert!(policy.contains("connect-src 'self' https://tiles.example:8443"), "{policy}");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(origin("https://a.example;script-src *"), None);
        assert_eq!(origin("/styles/own.json"), None);
        assert_eq!(escaped("a\"><script>"), "a&quot;>&lt;script>");
    }

    #[test]
    fn the_cdn_is_the_one_that_the_page_names() {
        let (_, libraries) = OWN.iter().find(|(name, _)| *name == "libraries.js").unwrap();
        assert!(String::from_utf8_lossy(libraries).contains(&format!("'{CDN}/")));
    }
}
