//! One program with all fuzz targets: linking is what costs. The variable `FUZZ_TARGET` names the target; `fuzz/run` sets it.

#![no_main]

mod configuration;
mod control_message;
mod groups_listing;
mod json;
mod mask;
mod soap_answer;
mod token_answer;
mod transcript;
mod umapi_page;
mod xtk_escaping;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

/// A target: panics where a property does not hold for the input.
type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 9] = [
    ("mask", mask::check),
    ("umapi_page", umapi_page::check),
    ("groups_listing", groups_listing::check),
    ("token_answer", token_answer::check),
    ("soap_answer", soap_answer::check),
    ("xtk_escaping", xtk_escaping::check),
    ("configuration", configuration::check),
    ("control_message", control_message::check),
    ("transcript", transcript::check),
];

/// What stands for a secret or a name that must not be shown: no word of any message.
const MARK: &str = "zq9budokevaxi";

fn chosen() -> Target {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    found.unwrap_or_else(|| panic!("FUZZ_TARGET names no target: {name:?}")).1
}

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(|data: &[u8]| TARGET.get_or_init(chosen)(data));

/// The first byte, which chooses a variant, and the rest.
fn divided(data: &[u8]) -> (usize, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (usize::from(*first), rest))
}

/// The input with each `SECRET` in it replaced by [`MARK`].
fn marked(data: &[u8]) -> Vec<u8> {
    let mut rest = data;
    let mut marked = Vec::with_capacity(data.len() + 64);
    while let Some(at) = rest.windows(6).position(|window| window == b"SECRET") {
        marked.extend_from_slice(&rest[..at]);
        marked.extend_from_slice(MARK.as_bytes());
        rest = &rest[at + 6..];
    }
    marked.extend_from_slice(rest);
    marked
}

/// Stops where a text shows [`MARK`] in any letter case.
fn assert_unmarked(text: &str, what: &str) {
    assert!(!text.to_ascii_lowercase().contains(MARK), "{what} shows a secret: {text}");
}

/// Positions at which a text of this length is cut: all of a short one, and a few of a long one.
fn cuts(length: usize) -> impl Iterator<Item = usize> {
    let step = length / 48 + 1;
    (0..length).rev().take(8).chain((0..length).step_by(step))
}
