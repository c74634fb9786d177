//! Compares this program with Adobe's own clients, and measures it on large organizations.
//!
//! ```text
//! cargo bench --bench compare                                  everything: about half an hour
//! cargo bench --bench compare -- organization campaign-read    these sections
//! cargo bench --bench compare -- --rounds 7
//! cargo bench --bench compare -- --no-peers                    without Adobe's clients, Node and curl
//! cargo bench --profile release --bench compare -- --quick     small sizes, to see that everything runs
//! ```
//!
//! | file | contents |
//! |---|---|
//! | `sections` | what is measured |
//! | `measure` | one process: wall time, CPU time and peak memory, from the operating system |
//! | `table` | medians and ratios |
//! | `sandbox` | the built program as the server of a generated world |
//! | `frozen` | a server that serves recorded responses from memory |
//! | `large_journal` | a state with many recorded changes |
//! | `peers` | installs Adobe's clients into a temporary folder |
//!
//! All processes of a section run in turn in each round, and the first round, which warms up, is not counted.

#![expect(clippy::print_stdout, reason = "a benchmark reports on the terminal")]

mod frozen;
mod large_journal;
mod measure;
mod peers;
mod sandbox;
mod sections;
mod table;

use std::{env, error::Error};

use peers::Peers;
use sections::{SECTIONS, Setup};

type Failure = Box<dyn Error>;

/// Rounds that are counted, unless an argument says otherwise.
const DEFAULT_ROUNDS: usize = 5;

fn main() -> Result<(), Failure> {
    // `cargo bench` adds an argument of its own.
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [frozen::SERVE, upstream] => return frozen::serve(upstream),
        [large_journal::FILL, file, changes] => return large_journal::fill(file, changes.parse()?),
        _ => {}
    }
    let (mut is_quick, mut has_peers, mut rounds, mut wanted) = (false, true, None, Vec::new());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => is_quick = true,
            "--no-peers" => has_peers = false,
            "--rounds" => rounds = Some(arguments.next().ok_or("--rounds needs a number")?.parse()?),
            section if SECTIONS.iter().any(|(name, _)| *name == section) => wanted.push(argument),
            _ => {
                let names: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
                return Err(format!("unknown argument {argument}; the sections are {}", names.join(", ")).into());
            }
        }
    }
    let folder = tempfile::tempdir()?;
    let peers = if has_peers { Some(Peers::install(folder.path())?) } else { None };
    let rounds = rounds.unwrap_or(if is_quick { 1 } else { DEFAULT_ROUNDS });
    let setup = Setup { folder: folder.path().to_owned(), peers, rounds, is_quick };
    println!("{}", machine());
    for (name, section) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            section(&setup)?;
        }
    }
    Ok(())
}

/// The processors of this machine and their load, which decides how much wall times are worth.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown").to_owned();
    format!("{cores} processors, load at the start {load}")
}
