//! File descriptors: how many connections the system lets this process have.

use tracing::warn;

/// File descriptors for all but connections: the lake's files, the log, the runtimes.
const OTHER_FILES: u64 = 128;

/// How many of these connections the system has file descriptors for, after asking it for as many as it
/// gives.
pub(crate) fn affordable(connections: usize) -> usize {
    let Some(files) = most_files() else { return connections };
    let affordable = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(connections);
    if affordable < connections {
        warn!(
            connections = affordable,
            "at most {affordable} connections at once, not {connections}: the system lets this process open {files} files (see `ulimit -n`)"
        );
    }
    connections.min(affordable.max(1))
}

/// The most files that this process may have open; `None` where that is not limited or not known.
#[cfg(unix)]
fn most_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Refused, the limit stays as it is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    getrlimit(Resource::Nofile).current
}

/// The most files that this process may have open; `None` where that is not limited or not known.
#[cfg(not(unix))]
fn most_files() -> Option<u64> {
    None
}
