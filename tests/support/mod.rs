//! What the end-to-end tests share: running the binary, serving feeds, reading the lake.

pub(crate) mod fault_server;
mod faulty_store;
mod feed_server;
mod fixture;
pub mod http;
mod lake;
mod program;
pub(crate) mod rig;

pub use fault_server::{Fault, FaultServer};
pub use faulty_store::{Asked, FaultyStore, StoreFault};
pub use feed_server::FeedServer;
pub use fixture::Fixture;
pub use lake::TestLake;
pub use program::{Finished, Serving, hotspots};
pub use rig::Rig;

use std::path::PathBuf;

/// The folder of recorded feeds called `name`; `None`, said aloud, where there are none.
pub fn recorded(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("HOTSPOTS_REAL_DATA") else {
        eprintln!("SKIPPED: HOTSPOTS_REAL_DATA is not set, so there is no `{name}` to read");
        return None;
    };
    // Tests run in the package's folder, CI names the folder from the workspace's.
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = workspace.join(folder).join(name);
    assert!(path.exists(), "HOTSPOTS_REAL_DATA has no {name}: {}", path.display());
    Some(path)
}

/// Runs `future` to its end on a runtime of its own.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(future)
}
