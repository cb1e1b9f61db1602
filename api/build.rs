//! Embeds the map page: its own files always, the libraries where `npm run build` put them into
//! `page/dist`. Needs no Node.

use std::collections::hash_map::DefaultHasher;
use std::fmt::Write as _;
use std::hash::Hasher as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("page");
    // The whole folder: a `dist` that appears or goes changes its time.
    println!("cargo::rerun-if-changed=page");
    println!("cargo::rerun-if-changed=build.rs");

    let own = files(&root.join("src"))?;
    let libraries = files(&root.join("dist"))?;
    let index = root.join("index.html");
    // Of the same bytes always the same: files are cached for good under it.
    let mut hasher = DefaultHasher::new();
    for path in own.iter().chain(&libraries).chain([&index]) {
        hasher.write(path.file_name().unwrap_or_default().as_encoded_bytes());
        hasher.write(&fs::read(path)?);
    }
    let mut text = format!(
        "const VERSION: &str = \"{:016x}\";\nconst INDEX: &str = include_str!({:?});\n",
        hasher.finish(),
        index.to_string_lossy()
    );
    for (name, paths) in [("OWN", own), ("LIBRARIES", libraries)] {
        let entries = paths.iter().try_fold(String::new(), |mut all, path| {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let path = path.to_string_lossy();
            writeln!(all, "    ({file:?}, include_bytes!({path:?})),").map(|()| all)
        });
        let entries = entries.map_err(io::Error::other)?;
        writeln!(text, "const {name}: &[(&str, &[u8])] = &[\n{entries}];")
            .map_err(io::Error::other)?;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("page.rs"), text)
}

/// The files of a folder by name; none where it does not exist.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let paths: io::Result<Vec<PathBuf>> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}
