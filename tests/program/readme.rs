//! What the README shows is what the program prints.

use super::support::{program, run};

#[test]
fn the_output_in_the_readme_is_real() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    let shown = readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example output");
    let printed = run(&mut program(&["--sync-now", "--sandbox"])).stdout;
    let settled = |text: &str| {
        let mut lines = text.trim().lines();
        let first = lines.next().unwrap_or_default();
        // The run's name and how long it took differ from run to run.
        assert!(first.starts_with("Run 01") && first.ends_with("ms)"), "{first}");
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(settled(shown), settled(&printed), "README.md shows another output than the program");
}

#[test]
fn the_two_commands_of_the_readme_come_first() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    let commands: Vec<_> = readme.lines().filter(|line| line.starts_with("cargo ")).collect();
    assert_eq!(commands.first(), Some(&"cargo run --release -- --sync-now --sandbox"));
    assert_eq!(commands.get(1), Some(&"cargo test"));
}
