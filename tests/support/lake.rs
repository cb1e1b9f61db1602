//! A lake in a temporary folder, read through the library.

use std::collections::BTreeMap;
use std::path::Path;

use hotspots_data::summary::DaySummary;
use hotspots_data::table::{Hotspot, Poll, Row, StationStatus};
use hotspots_data::{Derived, Lake, Recorded, Resolution, SystemId, parse_date};

/// A lake that goes when dropped.
#[derive(Debug)]
pub struct TestLake {
    folder: tempfile::TempDir,
}

impl TestLake {
    /// An empty lake.
    pub fn new() -> Self {
        let lake = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        std::fs::create_dir(lake.location()).expect("its folder");
        lake
    }

    /// A folder beside the lake, for settings and recordings.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn location(&self) -> String {
        self.folder.path().join("lake").display().to_string()
    }

    pub fn open(&self) -> Lake {
        Lake::open(&self.location()).expect("the lake opens")
    }

    /// Every Parquet object's path and bytes.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        fn walk(folder: &Path, root: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    walk(&path, root, found);
                } else if path.extension().is_some_and(|extension| extension == "parquet") {
                    let name = path.strip_prefix(root).expect("below the root");
                    found.insert(name.display().to_string(), std::fs::read(&path).expect("bytes"));
                }
            }
        }
        let mut found = BTreeMap::new();
        let root = self.folder.path().join("lake");
        walk(&root, &root, &mut found);
        found
    }

    /// The paths of a table's objects, in order.
    pub fn paths(&self, table: &str) -> Vec<String> {
        let prefix = format!("{table}/");
        self.objects().into_keys().filter(|path| path.starts_with(&prefix)).collect()
    }

    /// All rows of a recorded table on all days of a system, in order of time.
    pub fn rows<R: Row>(&self, table: Recorded, system: &str) -> Vec<R> {
        super::wait(async {
            let (lake, system) = (self.open(), system.parse::<SystemId>().expect("a system"));
            let mut rows = Vec::new();
            for date in lake.dates(table, &system).await.expect("dates") {
                for key in lake.list_day(table, &system, date).await.expect("a listing") {
                    let bytes = lake.get(&key).await.expect("an object").bytes;
                    rows.extend(R::decode(bytes).expect("a table").0);
                }
            }
            rows
        })
    }

    pub fn ledger(&self, system: &str) -> Vec<Poll> {
        self.rows(Recorded::Polls, system)
    }

    pub fn status(&self, system: &str) -> Vec<StationStatus> {
        self.rows(Recorded::StationStatus, system)
    }

    /// The hotspots of a day and what they say of it.
    pub fn hotspots(&self, system: &str, date: &str) -> (Vec<Hotspot>, DaySummary) {
        super::wait(async {
            let table = Derived::Hotspots(Resolution::HOTSPOTS);
            let key =
                table.key(&system.parse().expect("a system"), parse_date(date).expect("a date"));
            let bytes = self.open().get(&key).await.expect("the day is aggregated").bytes;
            let (rows, metadata) = Hotspot::decode(bytes).expect("a table");
            (rows, DaySummary::from_metadata(&metadata).expect("a summary"))
        })
    }
}
