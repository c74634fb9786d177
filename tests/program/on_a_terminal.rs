//! The log on a terminal, and without one.

use std::process::Command;

use super::harness::{Finished, program, run};

/// Runs the program on a pseudo-terminal, which receives standard output and standard error.
fn on_terminal(environment: &[(&str, &str)]) -> Finished {
    let inner = format!("{} --sync-now --sandbox first_day -v", env!("CARGO_BIN_EXE_campaign-group-sync"));
    let mut command = Command::new("script");
    command
        .args(["-qec", &inner, "/dev/null"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(environment.iter().copied());
    let finished = run(&mut command);
    assert!(finished.stdout.contains("run begins") && finished.stdout.contains("run ends"), "{finished:?}");
    finished
}

/// Whether a text sets colours: `ESC [ … m`.
fn has_colours(text: &str) -> bool {
    text.split("\u{1b}[")
        .skip(1)
        .any(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m'))
}

#[test]
fn the_log_has_colours_only_on_a_terminal_that_supports_them() {
    assert!(has_colours(&on_terminal(&[("TERM", "xterm-256color")]).stdout));
    let plain = on_terminal(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]);
    assert!(!has_colours(&plain.stdout), "{plain:?}");
    let dumb = on_terminal(&[("TERM", "dumb")]);
    assert!(!dumb.stdout.contains('\u{1b}'), "{dumb:?}");
    let piped = run(program(&["--sync-now", "--sandbox", "first_day", "-v"]).env("TERM", "xterm-256color"));
    assert!(piped.stderr.contains("run begins") && !piped.stderr.contains('\u{1b}'), "{piped:?}");
    assert!(!piped.stdout.contains('\u{1b}'), "{piped:?}");
}
