//! Scenarios with a single mistake: `check` finds it with its remedy, and nothing else fails. The scenarios describe
//! it.

use std::{fmt::Write as _, fs, path::Path, thread};

use campaign_group_sync::sandbox::Scenario;
use regex::Regex;
use serde_json::Value;

use super::program::{check, printed};

/// How many programs run at the same time.
const AT_ONCE: usize = 4;

/// The report of `check` about one scenario.
struct Checked {
    name: &'static str,
    exit: Option<i32>,
    findings: Vec<Value>,
}

impl Checked {
    fn of(name: &'static str) -> Self {
        let output = check(&["--sandbox", name, "--output", "json"]);
        let report: Value = serde_json::from_str(&printed(&output)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let findings = report["findings"].as_array().expect("findings").clone();
        Self { name, exit: output.status.code(), findings }
    }

    /// The only finding with a problem; asserts that there is no other.
    fn finding(&self) -> &Value {
        let name = self.name;
        let is_wrong = |finding: &&Value| matches!(text(finding, "verdict"), "failed" | "warning");
        let wrong: Vec<&Value> = self.findings.iter().filter(is_wrong).collect();
        let [finding] = wrong.as_slice() else { panic!("{name}: {wrong:#?}") };
        let scenario = Scenario::named(name).expect("built in");
        let expected = scenario.finding.expect("a scenario of this folder says what is found");
        assert_eq!(text(finding, "id"), expected, "{name}: {finding:#}");
        assert!(!text(finding, "evidence").is_empty() && !text(finding, "remedy").is_empty(), "{name}: {finding:#}");
        for waiting in self.findings.iter().filter(|finding| !finding["waits_for"].is_null()) {
            assert_eq!(text(waiting, "waits_for"), expected, "{name}: {waiting:#}");
        }
        let exit = match (text(finding, "verdict"), finding["cause"].as_str()) {
            ("warning", None) => 3,
            ("failed", Some("incomplete")) => 5,
            ("failed", Some("unavailable")) => 6,
            ("failed", Some("refused")) => 77,
            ("failed", Some("configuration")) => 78,
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(self.exit, Some(exit), "{name}: {finding:#}");
        finding
    }

    /// The text of the finding, without parts that differ between runs.
    fn shown(&self) -> String {
        let (finding, name) = (self.finding(), self.name.trim_start_matches("misconfigured/"));
        let verdict = text(finding, "verdict");
        let evidence = match text(finding, "id") {
            "campaign.clock" => "(seconds apart)",
            "host.schedule" => text(finding, "evidence").lines().next().unwrap_or_default(),
            _ => text(finding, "evidence"),
        };
        let mut out = format!(
            "{name}\n  {verdict} {}\n    {}\n    -> {}\n",
            text(finding, "id"),
            lasting(evidence),
            lasting(text(finding, "remedy"))
        );
        let waiting: Vec<&str> = self
            .findings
            .iter()
            .filter(|finding| !finding["waits_for"].is_null())
            .map(|finding| text(finding, "id"))
            .collect();
        if !waiting.is_empty() {
            let _ = writeln!(out, "  waiting: {}", waiting.join(" "));
        }
        out
    }
}

fn text<'a>(finding: &'a Value, key: &str) -> &'a str {
    finding[key].as_str().unwrap_or_default()
}

/// Replaces the private folder of the sandbox, its port, and times.
fn lasting(text: &str) -> String {
    let folder = Regex::new(r"/[^ ]*/campaign-group-sync-sandbox-\w+").expect("an expression");
    let port = Regex::new(r"(127\.0\.0\.1):\d{2,}").expect("an expression");
    let time = Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").expect("an expression");
    let text = port.replace_all(&folder.replace_all(text, "FOLDER"), "$1:PORT").into_owned();
    let days = Regex::new(r"\d+ days ago").expect("an expression");
    days.replace_all(&time.replace_all(&text, "TIME"), "DAYS ago").replace('\n', "\n    ")
}

/// The findings of the scenarios about prerequisites with one of these prefixes.
fn shown_of(prefixes: &[&str]) -> String {
    let shows = |name: &&str| {
        let finding = Scenario::named(name).expect("built in").finding.expect("what is found");
        prefixes.iter().any(|prefix| finding.starts_with(prefix))
    };
    let names: Vec<&'static str> = Scenario::misconfigurations().filter(shows).collect();
    let each = names.len().div_ceil(AT_ONCE).max(1);
    let findings: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = names
            .chunks(each)
            .map(|names| scope.spawn(|| names.iter().map(|name| Checked::of(name).shown()).collect::<Vec<_>>()))
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("each is checked")).collect()
    });
    findings.join("\n")
}

#[test]
fn a_mistake_in_the_configuration_or_the_credential_is_the_only_finding() {
    insta::assert_snapshot!(shown_of(&["configuration", "experience_cloud"]));
}

#[test]
fn a_mistake_in_an_instance_or_its_external_account_is_the_only_finding() {
    insta::assert_snapshot!(shown_of(&["campaign", "external_account"]));
}

#[test]
fn a_mistake_in_names_or_on_the_host_is_the_only_finding() {
    insta::assert_snapshot!(shown_of(&["names", "host"]));
}

#[test]
fn every_file_of_the_folder_is_a_built_in_scenario_with_a_description() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/scenarios/misconfigured");
    let files = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<String> =
        files.map(|path| format!("misconfigured/{}", path.file_stem().expect("a name").to_string_lossy())).collect();
    let mut built_in: Vec<&str> = Scenario::misconfigurations().collect();
    files.sort();
    built_in.sort_unstable();
    assert_eq!(built_in, files);
    for name in built_in {
        let scenario = Scenario::named(name).expect("read");
        assert!(!scenario.title.is_empty() && !scenario.description.is_empty(), "{name}");
    }
}
