//! How many lines a run logs, and that a name cannot forge a line.

use campaign_group_sync::domain::is_printable;

use super::{
    harness::{Finished, Served, run},
    process::LOG_LEVEL,
};

const USERS: usize = 60;

/// An organization in which Ann is to be added, and whose other users of her profile have no operator.
fn beside_ann(addresses: impl Iterator<Item = String>) -> String {
    let user = |email: String| format!("    {{ email = \"{email}\", groups = [\"Campaign - acme - delivery\"] }},");
    let users = addresses.map(user).collect::<Vec<_>>().join("\n");
    format!(
        r#"[organization]
groups = [{{ group_id = 1, name = "Campaign - acme - delivery", type = "PRODUCT_PROFILE" }}]
users = [
    {{ email = "ann@acme.com", groups = ["Campaign - acme - delivery"] }},
{users}
]
[campaign.production]
tenant = "acme"
association_mask = "Campaign - acme - (.*)"
authentication = "ims"
operators = [{{ name = "ann@acme.com", authentication = "ims" }}]
groups = [{{ name = "delivery" }}]
memberships = []
"#
    )
}

fn served(scenario: &str) -> (tempfile::TempDir, Served) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("scenario.toml");
    std::fs::write(&file, scenario).expect("written");
    let served = Served::of(&[file.to_str().expect("UTF-8")]);
    (folder, served)
}

fn lines<'r>(run: &'r Finished, part: &str) -> Vec<&'r str> {
    run.stderr.lines().filter(|line| line.contains(part)).collect()
}

#[test]
fn incident_32_a_run_that_changes_nothing_logs_a_line_a_reason_and_not_a_line_a_person() {
    let (_folder, served) = served(&beside_ann((0..USERS).map(|at| format!("p{at:02}@acme.com"))));
    let first = served.sync_now(&[]);
    assert_eq!(first.exit, Some(0), "{first:?}");
    assert_eq!(lines(&first, "applied: add ann@acme.com to delivery").len(), 1, "{}", first.stderr);
    assert_eq!(lines(&first, "skipped for the first time: ").len(), 20, "{}", first.stderr);
    let counted = lines(&first, "skipped: no-operator: 60, 60 of them new; 40 new ones are named in the report only");
    assert_eq!(counted.len(), 1, "{}", first.stderr);
    let second = run(served.prepared(&["--sync-now"]).env_remove(LOG_LEVEL));
    assert_eq!(second.exit, Some(0), "{second:?}");
    assert_eq!(lines(&second, "skipped: ").len(), 1, "{}", second.stderr);
    assert_eq!(lines(&second, "skipped: no-operator: 60, 0 of them new").len(), 1, "{}", second.stderr);
    assert!(lines(&second, "@acme.com").is_empty(), "{}", second.stderr);
    let all = served.sync_now(&["-v"]);
    assert_eq!(lines(&all, "skipped: p").len(), USERS, "at debug each is named: {}", all.stderr);
    // Only a new one is named.
    served.ask(
        reqwest::Method::POST,
        "world",
        r#"{"changes": [{"op": "add_user", "user": {"email": "new@acme.com", "groups": ["Campaign - acme - delivery"]}}]}"#,
    );
    let third = served.sync_now(&[]);
    assert_eq!(lines(&third, "skipped for the first time: new@acme.com").len(), 1, "{}", third.stderr);
    assert_eq!(lines(&third, "skipped for the first time").len(), 1, "{}", third.stderr);
}

/// An address in TOML that would add a line of its own and change the reading direction of the rest.
const FORGER: &str = r"eve\n2026-01-01T00:00:00Z  INFO run ends: in_sync\u2028\u202e\u2067@acme.com";

#[test]
fn incident_33_a_hostile_address_forges_no_line_in_log_or_report() {
    let (_folder, served) = served(&beside_ann(std::iter::once(FORGER.to_owned())));
    for format in ["text", "json"] {
        let run = run(served.prepared(&["--sync-now", "-v"]).env("CAMPAIGN_GROUP_SYNC__LOG__FORMAT", format));
        for (what, text) in [("log", &run.stderr), ("report", &run.stdout)] {
            let hidden = text.chars().filter(|c| *c != '\n' && !is_printable(*c)).collect::<Vec<_>>();
            assert!(hidden.is_empty(), "{format} {what}: {hidden:?}");
            assert!(!text.lines().any(|line| line.starts_with("2026-01-01T00:00:00Z")), "{format} {what}: {text}");
        }
        assert!(run.stdout.contains(r"eve\n2026-01-01T00:00:00Z  INFO run ends"), "{}", run.stdout);
    }
    for output in ["markdown", "json"] {
        let text = served.sync_now(&["--output", output, "-q"]).stdout;
        assert!(text.chars().all(|c| c == '\n' || is_printable(c)), "{output}: {text}");
    }
    let json = served.sync_now(&["--output", "json", "-q"]).json();
    let exact = "eve\n2026-01-01T00:00:00Z  INFO run ends: in_sync\u{2028}\u{202e}\u{2067}@acme.com";
    assert_eq!(json["instances"][0]["skipped"][0]["subject"], exact, "JSON has the exact name");
}
