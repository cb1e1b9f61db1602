//! The `hotspots` binary, run as a user runs it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;

use super::lake::TestLake;

/// The binary with `arguments` on a lake; its environment has no settings of the developer's own. The
/// demo is told of the lake by its flag, for it takes it from nowhere else.
pub fn hotspots(lake: &TestLake, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotspots"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HOTSPOTS_")) {
        command.env_remove(name);
    }
    if arguments.first() == Some(&"demo") {
        command.args(["--lake", &lake.location()]);
    }
    command
        .args(arguments)
        .env("HOTSPOTS_LAKE", lake.location())
        .env("HOTSPOTS_LOG_FORMAT", "json")
        .current_dir(lake.folder())
        .stdin(Stdio::null());
    command
}

/// What a finished run left behind.
#[derive(Debug)]
pub struct Finished {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Runs to the end.
    pub fn of(mut command: Command) -> Self {
        let output = command.output().expect("the binary runs");
        Self {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs to a good end.
    pub fn good(command: Command) -> Self {
        let finished = Self::of(command);
        assert!(finished.success, "{finished:#?}");
        finished
    }

    /// The log's lines as JSON.
    pub fn log(&self) -> Vec<Value> {
        self.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The messages of warnings and errors.
    pub fn complaints(&self) -> Vec<String> {
        self.log()
            .into_iter()
            .filter(|line| line["level"] == "WARN" || line["level"] == "ERROR")
            .filter_map(|line| line["message"].as_str().map(str::to_owned))
            .collect()
    }
}

/// A run that serves until it is dropped.
#[derive(Debug)]
pub struct Serving {
    child: Child,
    address: String,
    log: Option<JoinHandle<String>>,
}

impl Serving {
    /// Starts a command that serves on a free port, and waits until it does.
    pub fn start(mut command: Command) -> Self {
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its stderr is a pipe"));
        let mut text = String::new();
        let address = loop {
            let mut line = String::new();
            let read = lines.read_line(&mut line).expect("its log is text");
            assert!(read > 0, "it ended before it served:\n{text}");
            text.push_str(&line);
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = event["address"].as_str() {
                break address.to_owned();
            }
        };
        let log = std::thread::spawn(move || {
            let _ = lines.read_to_string(&mut text);
            text
        });
        Self { child, address, log: Some(log) }
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// GET: the status, the content type and the body as JSON.
    pub fn get(&self, path: &str) -> (u16, String, Value) {
        self.ask(reqwest::Method::GET, path)
    }

    /// Any method: the status, the content type and the body as JSON.
    pub fn ask(&self, method: reqwest::Method, path: &str) -> (u16, String, Value) {
        super::wait(async {
            hotspots_data::lake::use_ring_for_tls();
            let client = reqwest::Client::new();
            let answer = client.request(method, self.url(path)).send().await.expect("an answer");
            let status = answer.status().as_u16();
            let content_type = answer
                .headers()
                .get("content-type")
                .map(|value| value.to_str().expect("text").to_owned())
                .unwrap_or_default();
            let body = answer.bytes().await.expect("a body");
            (status, content_type, serde_json::from_slice(&body).unwrap_or_default())
        })
    }

    /// Asks it to end as a service manager does, and gives its exit status and its log.
    pub fn terminate(mut self) -> (bool, String) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().expect("kill runs");
        assert!(sent.success());
        let status = self.child.wait().expect("it ends");
        let log = self.log.take().expect("not taken before").join().expect("its log was read");
        (status.success(), log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
