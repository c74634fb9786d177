//! Metrics in both text forms, read by a parser of the test's own, and the names that alerts and dashboard rely on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use campaign_group_sync::{
    domain::{ChangeKind, ChangeOutcome, Evidence, InstanceName, NotificationTarget, RunEvent, SettledChanges},
    journal::NotificationTargetState,
};
use chrono::Utc;

use super::{
    harness::Harness,
    populated_journal::{change, fill, instance, outstanding, report},
};

const OPEN_METRICS: (&str, &str) =
    ("Accept", "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.4,*/*;q=0.1");

/// One exposition: families with their types, and every series with its value.
#[derive(Debug, Default)]
struct Exposition {
    families: BTreeMap<String, String>,
    units: BTreeMap<String, String>,
    series: BTreeMap<String, f64>,
}

/// Parses strictly: each family's HELP and TYPE stand once, before its samples, and no series stands twice.
fn parse(text: &str) -> Exposition {
    let mut found = Exposition::default();
    let mut helped = BTreeSet::new();
    let mut family = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words.as_slice() {
            ["#", "HELP", name, help] => {
                assert!(!help.is_empty() && helped.insert((*name).to_owned()), "a second HELP: {line}");
            }
            ["#", "TYPE", name, kind] => {
                (*name).clone_into(&mut family);
                assert!(helped.contains(&family), "TYPE without HELP: {line}");
                assert!(found.families.insert(family.clone(), (*kind).to_owned()).is_none(), "a second TYPE: {line}");
            }
            ["#", "UNIT", name, unit] => {
                assert!(name.ends_with(&format!("_{unit}")), "{line}");
                found.units.insert((*name).to_owned(), (*unit).to_owned());
            }
            ["#", "EOF"] => assert!(text.ends_with("# EOF\n"), "nothing comes after the end"),
            _ => {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                assert!(series.starts_with(&family), "{series} is not of {family}");
                let value = value.parse().expect("a number");
                assert!(found.series.insert(series.to_owned(), value).is_none(), "twice: {series}");
            }
        }
    }
    found
}

#[tokio::test]
async fn prometheus_text_names_counters_with_total_and_times_with_their_unit() {
    let harness = Harness::start().await;
    fill(&harness.journal, &harness.daemon_state).await;
    let answer = harness.get("/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let metrics = parse(&answer.body);
    for (name, kind) in &metrics.families {
        assert!(name.starts_with("campaign_group_sync_"), "{name}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        let is_time = ["timestamp", "duration", "within"].iter().any(|word| name.contains(word));
        assert_eq!(is_time, name.ends_with("_seconds"), "{name}");
    }
    assert!(!answer.body.contains("# EOF"));
}

#[tokio::test]
async fn open_metrics_is_sent_to_clients_that_accept_it() {
    let harness = Harness::start().await;
    fill(&harness.journal, &harness.daemon_state).await;
    let answer = harness.ask("GET", "/metrics", &[OPEN_METRICS]).await;
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(answer.body.ends_with("# EOF\n"));
    let newer = parse(&answer.body);
    assert!(newer.families.keys().all(|name| !name.ends_with("_total")), "{:?}", newer.families);
    assert_eq!(
        newer.units.get("campaign_group_sync_last_success_timestamp_seconds").map(String::as_str),
        Some("seconds")
    );
    let older = parse(&harness.get("/metrics").await.body);
    assert_eq!(newer.series, older.series, "both forms say the same");
    let refusing = [("Accept", "application/openmetrics-text;q=0, text/plain")];
    assert!(harness.ask("GET", "/metrics", &refusing).await.header("content-type").starts_with("text/plain"));
}

#[tokio::test]
async fn metrics_show_the_numbers_of_the_state() {
    let harness = Harness::start().await;
    let before = parse(&harness.get("/metrics").await.body).series;
    let value = |series: &BTreeMap<String, f64>, name: &str| -> f64 {
        *series.get(&format!("campaign_group_sync_{name}")).unwrap_or_else(|| panic!("{name} is missing: {series:#?}"))
    };
    assert!(value(&before, "last_success_timestamp_seconds").abs() < f64::EPSILON, "never is 0");
    assert!(
        value(&before, "runs_total{outcome=\"refused\"}").abs() < f64::EPSILON,
        "each outcome is there from the start"
    );
    let started_at = Utc::now();
    let changes = vec![
        change(ChangeKind::Add, "ann@acme.com", "delivery", ChangeOutcome::Applied),
        change(ChangeKind::Remove, "bob@acme.com", "delivery", ChangeOutcome::Held),
    ];
    let held = report("01A", started_at, vec![instance("pro\"duction", &["delivery", "ops"], changes)]);
    let name = InstanceName::new(&held.instances[0].name);
    let changes = held.instances[0].changes.as_slice();
    let settled = SettledChanges { instance: &name, changes, evidence: Evidence::ReadBack };
    harness.daemon_state.event_recorded(&RunEvent::Settled(&settled));
    let outstanding = outstanding(&held);
    harness.daemon_state.run_ended(held, outstanding);
    let after = parse(&harness.get("/metrics").await.body).series;
    for (name, expected) in [
        ("runs_total{outcome=\"held\"}", 1.0),
        ("changes_total{op=\"add\",outcome=\"applied\"}", 1.0),
        ("changes_total{op=\"remove\",outcome=\"held\"}", 1.0),
        ("changes_total{op=\"remove\",outcome=\"applied\"}", 0.0),
        ("umapi_calls_total", 4.0),
        ("state{state=\"blocked\"}", 1.0),
        ("state{state=\"starting\"}", 0.0),
        ("held_changes{instance=\"pro\\\"duction\"}", 1.0),
        ("matched_profiles{instance=\"pro\\\"duction\"}", 2.0),
        ("managed_members{instance=\"pro\\\"duction\"}", 7.0),
        ("orphaned_groups{instance=\"pro\\\"duction\"}", 0.0),
        ("last_run_duration_seconds", 5.123),
        ("ready_within_seconds", 600.0),
    ] {
        assert!((value(&after, name) - expected).abs() < 1e-9, "{name}: {} is not {expected}", value(&after, name));
    }
    // The state has whole seconds, like the journal after a restart.
    let began: f64 = started_at.timestamp().to_string().parse().expect("a number");
    for name in ["last_run_timestamp_seconds", "held_since_timestamp_seconds{instance=\"pro\\\"duction\"}"] {
        assert!((value(&after, name) - began).abs() < 0.001, "{name}: {began}");
    }
    assert!(value(&after, "last_success_timestamp_seconds") > 0.0, "held is a success");
    assert!(value(&after, "last_clean_timestamp_seconds").abs() < f64::EPSILON, "held is not clean");
    assert_eq!(after.keys().filter(|name| name.contains("_state{")).count(), 7);
}

/// Every name with our prefix in a text.
fn named(text: &str) -> BTreeSet<String> {
    let is_sign = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c: char| !is_sign(c))
        .filter(|word| word.starts_with("campaign_group_sync_"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn alerts_and_dashboard_name_only_metrics_that_exist() {
    let harness = Harness::start().await;
    fill(&harness.journal, &harness.daemon_state).await;
    let webhook = NotificationTargetState {
        waiting: 1,
        failing_since: Some(Utc::now()),
        ..NotificationTargetState::new(NotificationTarget::Webhook)
    };
    harness.daemon_state.update(|facts| facts.status.notifications = vec![webhook]);
    let metrics = parse(&harness.get("/metrics").await.body);
    for file in ["prometheus-alerts.yml", "grafana-dashboard.json"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(file);
        let names = named(&fs::read_to_string(path).expect("a readable file"));
        assert!(names.len() > 5, "{file} names {names:?}");
        for name in names {
            assert!(metrics.families.contains_key(&name), "{file} names {name}, which does not exist");
        }
    }
}

#[test]
fn the_dashboard_is_a_document() {
    let text = include_str!("../../config/grafana-dashboard.json");
    let dashboard: serde_json::Value = serde_json::from_str(text).expect("JSON");
    assert!(dashboard["panels"].as_array().is_some_and(|panels| !panels.is_empty()));
}
