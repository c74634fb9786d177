//! What the README shows is what the program prints.

use super::support::{Served, program, run};

#[test]
fn the_output_in_the_readme_is_real() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    let shown = readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example output");
    let printed = run(&mut program(&["--sync-now", "--sandbox"])).stdout;
    let settled = |text: &str| {
        let mut lines = text.trim().lines();
        let first = lines.next().unwrap_or_default();
        // The run's name and how long it took differ from run to run.
        assert!(first.starts_with("Run 01") && first.ends_with("s)"), "{first}");
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(settled(shown), settled(&printed), "README.md shows another output than the program");
}

/// The example outputs after the first.
fn examples() -> Vec<String> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    let blocks = readme.split("```text\n").skip(2).map(|rest| rest.split("```").next().expect("an end").to_owned());
    blocks.collect()
}

/// A line without the names of runs and the times, which differ from run to run.
fn timeless(line: &str) -> String {
    let differs = |word: &&str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_run = word.len() == 26 && word.starts_with("01");
        let is_time = word.len() == 20 && word.starts_with("20") && word.ends_with('Z');
        !is_run && !is_time
    };
    line.trim_end().split(' ').filter(differs).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_the_readme_shows_of_later_commands_is_real() {
    let served = Served::of(&["joiners_and_leavers"]);
    let checked = served.command(&["check", "-q"]).stdout;
    let compared =
        run(&mut program(&["mask", "--sandbox", "-q", "Campaign - acme – delivery", "campaign-acme-report"]));
    let held = served.sync_now(&["-q"]).stdout;
    let explained = served.command(&["explain", "quinn@acme.com", "delivery", "-q"]).stdout;
    let examples = examples();
    // In the order of the README.
    let all_printed = [checked, compared.stdout, held, explained];
    assert_eq!(examples.len(), all_printed.len());
    for (shown, printed) in examples.iter().zip(all_printed) {
        let printed: Vec<_> = printed.lines().map(timeless).collect();
        for line in shown.lines().map(timeless) {
            assert!(printed.contains(&line), "README.md shows {line:?}; the program prints {printed:#?}");
        }
    }
}

#[test]
fn the_two_commands_of_the_readme_come_first() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    let commands: Vec<_> = readme.lines().filter(|line| line.starts_with("cargo ")).collect();
    assert_eq!(commands.first(), Some(&"cargo run --release -- --sync-now --sandbox"));
    assert_eq!(commands.get(1), Some(&"cargo test"));
}
