# The commands of a day; `just` lists them. Each recipe is a few plain commands, which can be typed without just as well.

# Lists the recipes.
[private]
default:
    @just --list --unsorted

# One run against the built-in sandbox, which needs no configuration: just sandbox joiners_and_leavers --dry-run
sandbox scenario="first_day" *arguments:
    cargo run --release -- --sync-now --sandbox {{ scenario }} {{ arguments }}

# Format, Clippy and unit tests: what .ci/run runs first
fast:
    bash .ci/run --fast

# All tests that this host can run without installing anything; what was skipped is named at the end
test:
    bash .ci/run --no-install

# Formats the code; then Clippy and the documentation, warnings being errors
lint:
    cargo fmt
    cargo clippy --locked --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

# The benchmarks, or the named sections of them: just bench organization journal
bench *arguments:
    cargo bench --locked --bench compare -- {{ arguments }}
