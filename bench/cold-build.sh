#!/usr/bin/env bash
# What a first build costs: wall and CPU seconds of the README's two commands from an empty target
# folder (crates already downloaded), crates in the tree, size of the binary.
#
#     bench/cold-build.sh
set -euo pipefail
cd "$(dirname "$0")/.."
target="$(mktemp -d)"
trap 'rm -rf "$target"' EXIT
export CARGO_TARGET_DIR="$target"
cargo fetch --locked --quiet

timed() {
    local what="$1"; shift
    local TIMEFORMAT="$what: %R s wall, %U s user, %S s system"
    time "$@" > "$target.log" 2>&1 || { cat "$target.log" >&2; exit 1; }
}

timed "cargo run --release -- demo (built, polled, aggregated)" \
    cargo run --release -- demo --no-serve --lake "$target/lake"
timed "the same again, once built" \
    cargo run --release -- demo --no-serve --lake "$target/lake-2"
timed "cargo test --workspace after it" cargo test --workspace
rm -f "$target.log"

echo "crates in the tree: $(cargo tree --workspace --prefix none -e normal,build | awk '{print $1, $2}' | sort -u | wc -l)"
echo "crates in several versions: $(cargo tree --workspace --duplicates --depth 0 --prefix none -e normal | awk 'NF {print $1}' | sort -u | tr '\n' ' ')"
echo "binary: $(stat -c %s "$target/release/hotspots") bytes"
