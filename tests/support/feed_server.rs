//! A folder of feeds on loopback, as a publisher's web server shows it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use warp::Filter as _;
use warp::http::Response;

/// Files by name, served until dropped.
#[derive(Debug)]
pub struct FeedServer {
    address: SocketAddr,
    files: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl FeedServer {
    /// An empty server; what it has not is 404.
    pub fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).expect("a port");
        let address = listener.local_addr().expect("an address");
        let files: Arc<Mutex<HashMap<String, Vec<u8>>>> = Arc::default();
        let shared = Arc::clone(&files);
        let answer = warp::path::full().map(move |path: warp::path::FullPath| {
            let name = path.as_str().trim_start_matches('/').to_owned();
            let body = shared.lock().expect("no panic").get(&name).cloned();
            let status = if body.is_some() { 200 } else { 404 };
            let body = bytes::Bytes::from(body.unwrap_or_default());
            Response::builder().status(status).body(body).expect("a response")
        });
        runtime.spawn(warp::serve(answer).incoming(listener).run());
        Self { address, files, runtime: Some(runtime) }
    }

    /// Serves every JSON file of a folder under its name.
    pub fn of_folder(folder: &Path) -> Self {
        let server = Self::start();
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                server.put(&name, std::fs::read(&path).expect("bytes"));
            }
        }
        server
    }

    /// Serves `body` under `name` from now on.
    pub fn put(&self, name: &str, body: impl Into<Vec<u8>>) {
        self.files.lock().expect("no panic").insert(name.to_owned(), body.into());
    }

    /// The address of a file.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }
}

impl Drop for FeedServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
