//! Every secret that the program can have, at trace level, and none in anything that it prints, logs, serves, sends,
//! stores or leaves behind.
//!
//! `support::secrets` has the search. Every program that any test starts is searched by it; here are all secrets at
//! once, in a spelling that is another one in each encoding.

mod every_output;
mod of_a_process;

/// What makes each encoding of a secret different.
const HOSTILE: &str = "\"<&'> +/é%";

/// A secret of this name: it is found by its name alone, where an output shows only its letters.
fn secret(name: &str) -> String {
    format!("Marked-{name}-{HOSTILE}-6Vx2kQ9w")
}
