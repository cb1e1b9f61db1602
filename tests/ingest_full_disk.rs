//! The real binary with its spool on a real disk that is full for a while.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use hotspots_data::Recorded;
use hotspots_data::table::{Poll, StationStatus};
use serde_json::Value;

use crate::support::{FaultServer, TestLake, hotspots};

/// A file system of 256 KiB in memory.
struct TinyDisk(PathBuf);

impl TinyDisk {
    fn mount(at: PathBuf) -> Option<Self> {
        std::fs::create_dir(&at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(&at);
        if !mount.output().is_ok_and(|output| output.status.success()) {
            eprintln!("SKIPPED: no tmpfs can be mounted here (it takes root)");
            return None;
        }
        Some(Self(at))
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut ballast =
            OpenOptions::new().create(true).append(true).open(self.ballast()).unwrap();
        while ballast.write(&[0; 512]).is_ok_and(|written| written > 0) {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

/// The next `station_status` line of the log with `outcome`; `meanwhile` is done until it comes.
fn next_key(lines: &Receiver<Value>, outcome: &str, meanwhile: impl Fn()) -> Option<String> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_mins(1) {
        meanwhile();
        let Ok(line) = lines.recv_timeout(Duration::from_millis(50)) else { continue };
        if line["feed"] == "station_status" && line["outcome"] == outcome {
            return Some(line["key"].as_str().unwrap_or_default().to_owned());
        }
    }
    None
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().flatten().all(|entry| {
        let path = entry.path();
        if path.is_dir() {
            is_empty(&path)
        } else {
            path.extension().is_none_or(|e| e != "parquet")
        }
    })
}

#[test]
fn a_full_disk_loses_nothing_reported_and_the_next_poll_lands_once_there_is_room() {
    let (lake, server) = (TestLake::new(), FaultServer::start());
    let Some(disk) = TinyDisk::mount(lake.folder().join("disk")) else { return };
    server.list(&[
        ("station_information", "station_information"),
        ("station_status", "counting"),
        ("system_information", "system_information"),
    ]);
    let (url, spool) = (server.url("gbfs.json"), disk.0.join("spool").display().to_string());
    let arguments =
        ["ingest", "--system", "full", "--url", &url, "--interval", "1s", "--spool", &spool];
    let mut child =
        hotspots(&lake, &arguments).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (send, lines) = channel();
    let reader = std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            let _ = send.send(serde_json::from_str(&line).unwrap_or_default());
        }
    });

    let before = next_key(&lines, "stored", || {}).expect("a poll before");
    next_key(&lines, "lake", || disk.fill()).expect("a poll that the full disk refuses");
    disk.make_room();
    let after = next_key(&lines, "stored", || {}).expect("a poll once there is room");
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    reader.join().unwrap();
    let rest = lines.try_iter().filter(|line| line["outcome"] == "stored");
    let rest = rest.filter_map(|line| Some(line["key"].as_str()?.to_owned()));

    assert!(is_empty(Path::new(&spool)), "the spool is empty");
    let objects = lake.objects();
    for key in [before.clone(), after.clone()].into_iter().chain(rest) {
        assert!(objects.contains_key(&key), "{key} was reported as stored");
    }
    let ledger: Vec<Poll> = lake.rows(Recorded::Polls, "full");
    let place = |key: &str| ledger.iter().position(|row| row.key.as_deref() == Some(key));
    let refused = ledger.iter().position(|row| row.outcome == "lake").expect("in the ledger");
    let message = ledger[refused].message.as_deref().unwrap_or_default();
    assert!(message.contains("No space left on device"), "{message}");
    assert!(place(&before) < Some(refused) && Some(refused) < place(&after), "{ledger:#?}");
    let stored = |row: &&Poll| row.feed == "station_status" && row.outcome == "stored";
    let rows: Vec<StationStatus> = lake.status("full");
    // Two stations a poll.
    assert_eq!(rows.len(), 2 * ledger.iter().filter(stored).count());
}
