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

# The map page's library (embedded by the next build), its types and hashes (needs npm)
page:
    cd api/page && npm ci && npm run build && npm run check && npm test

# The map page in headless Chromium, on the last build (needs npm and chromium)
map:
    cd tests/page && npm ci && npm test

# Compute a lake's tables again by plain SQL and compare (needs Python with oracle/requirements.txt)
oracle LAKE:
    python3 oracle/check.py {{LAKE}}

# Time the aggregation beside DuckDB, Polars and gbfs-toolkit
bench *ARGS:
    cargo build --release
    python3 bench/aggregate/run.py "${CARGO_TARGET_DIR:-target}/release/hotspots" {{ARGS}}

# What a first build costs, from an empty target folder
bench-build:
    bench/cold-build.sh

# Time the API beside nginx (needs wrk, nginx, jq, curl)
bench-api *ARGS:
    bench/api/run {{ARGS}}

# Poll 1,500 simulated systems for ten minutes
bench-ingest *ARGS:
    python3 bench/ingest/scale.py {{ARGS}}

# Everything that CI checks, from nothing
ci:
    .ci/run
