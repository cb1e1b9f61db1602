# What people and CI run. `just` alone lists it.

_default:
    @just --list --unsorted

# Poll Vélib' Métropole every minute into ./lake, until Ctrl-C
ingest *ARGS:
    cargo run --release -- ingest {{ARGS}}

# Bring the daily hotspots up to date
aggregate *ARGS:
    cargo run --release -- aggregate {{ARGS}}

# Serve the hotspots on http://127.0.0.1:8080
serve *ARGS:
    cargo run --release -- serve {{ARGS}}

# Poll, aggregate and serve in one process
run *ARGS:
    cargo run --release -- run {{ARGS}}

# See it work without a network
demo *ARGS:
    cargo run --release -- demo {{ARGS}}

# The tests; `just test -- --show-output` shows what was skipped
test *ARGS:
    cargo test --workspace {{ARGS}}

# Format and lints
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# The README's recipes, exactly as printed (needs Python with duckdb and polars)
recipes:
    cargo build --release
    python3 .ci/recipes.py README.md "${CARGO_TARGET_DIR:-target}/release/hotspots"

# Everything that CI checks, from nothing
ci:
    .ci/run
