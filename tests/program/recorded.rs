//! The commands about the past, on a journal with runs and memberships of other days.

use campaign_group_sync::{
    domain::{
        ApprovedChange, ChangeKey, ChangeKind, ChangeOutcome, ChangeReport, Digest, GroupObservation, HeldRecord,
        InstanceMode, InstanceName, InstanceReport, OperatorGroupName, OperatorLogin, Outcome, ProductProfileName,
        RunId, RunMode, RunReport, SourceReport, Summary,
    },
    journal::{Journal, JournalLocation, JournalOptions},
};
use chrono::{DateTime, Utc};

use super::harness::{Served, run};
use super::recording::{Recording as _, RunBegin};

fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

/// A sandbox whose journal is written by `write`.
pub(crate) async fn with_journal(write: impl AsyncFnOnce(&Journal)) -> Served {
    let served = Served::of(&["first_day"]);
    let text = std::fs::read_to_string(&served.configuration).expect("written");
    let path = text.split("sqlite://").nth(1).and_then(|rest| rest.split('"').next()).expect("an address");
    let options = JournalOptions { location: JournalLocation::Sqlite(path.into()), watch: None };
    write(&Journal::open(&options).await.expect("opened")).await;
    served
}

async fn observe(journal: &Journal, at: &str, members: &[&str]) {
    let observation = GroupObservation {
        group: OperatorGroupName::new("delivery"),
        profile: ProductProfileName::new("Campaign - acme - delivery"),
        members: members.iter().map(|login| OperatorLogin::new(*login)).collect(),
    };
    journal.observe(&InstanceName::new("production"), time(at), &[observation], true).await.expect("written");
}

#[tokio::test]
async fn access_at_a_past_time_uses_the_time_zone_of_the_host() {
    let served = with_journal(async |journal| {
        observe(journal, "2026-03-01T06:00:00Z", &["ann@acme.com", "karl@acme.com"]).await;
        observe(journal, "2026-03-02T13:30:00Z", &["ann@acme.com", "=1+1@acme.com"]).await;
    })
    .await;
    let rows = |at: &str, zone: &str| {
        let finished = run(served.prepared(&["access", "--csv", "--at", at]).env("TZ", zone));
        assert_eq!(finished.exit, Some(0), "{}", finished.stderr);
        let login = |row: &str| row.split(',').nth(3).unwrap_or_default().to_owned();
        finished.stdout.split_terminator("\r\n").skip(1).map(login).collect::<Vec<_>>()
    };
    let (before, after) = (["ann@acme.com", "karl@acme.com"], ["'=1+1@acme.com", "ann@acme.com"]);
    assert!(rows("2026-03-01", "UTC").is_empty());
    assert_eq!(rows("2026-03-02", "UTC"), before);
    assert_eq!(rows("2026-03-02T13:29:59Z", "UTC"), before);
    assert_eq!(rows("2026-03-02T13:30:00Z", "UTC"), after);
    assert_eq!(rows("2026-03-02 14:00", "UTC"), after);
    // An hour earlier: 13:00 UTC.
    assert_eq!(rows("2026-03-02 14:00", "Europe/Berlin"), before);
}

fn report(name: &str, started_at: &str) -> RunReport {
    let change = ChangeReport {
        op: ChangeKind::Remove,
        operator: Some("karl@acme.com".into()),
        group: Some("delivery".into()),
        profile: "Campaign - acme - delivery".into(),
        reason: "not a member of profile Campaign - acme - delivery".into(),
        outcome: ChangeOutcome::Applied,
        detail: None,
        at: None,
        approved_by: None,
    };
    let mut instance =
        InstanceReport::failed("production", InstanceMode::Apply, Outcome::Applied, "only an example".to_owned());
    instance.summary = Summary::of(std::slice::from_ref(&change), 0, 0);
    instance.changes = vec![change];
    RunReport {
        version: 1,
        run: name.to_owned(),
        mode: RunMode::Apply,
        started_at: time(started_at),
        duration_ms: 1_000,
        outcome: Outcome::Applied,
        misconfigured: false,
        error: None,
        warnings: vec!["an example".to_owned()],
        source: SourceReport {
            organization: "0123456789ABCDEF01234567@AdobeOrg".to_owned(),
            users: 12,
            profiles: 6,
            calls: 3,
            read: None,
            complete: true,
        },
        instances: vec![instance],
        record: None,
        undo_of: None,
        approvals: Vec::new(),
    }
}

async fn begin(journal: &Journal, report: &RunReport) {
    let begin = RunBegin {
        run: RunId::new(report.run.as_str()),
        mode: report.mode,
        scope: None,
        started_at: report.started_at,
        instances: vec![InstanceName::new("production")],
    };
    journal.begin_run(&begin).await.expect("written");
}

#[tokio::test]
async fn a_run_is_found_by_the_beginning_of_its_id_and_a_killed_one_is_interrupted() {
    let served = with_journal(async |journal| {
        let first = report("01KBAAAA000000000000000000", "2026-03-01T06:00:00Z");
        begin(journal, &first).await;
        journal.end_run(&first).await.expect("written");
        begin(journal, &report("01KBBBBB000000000000000000", "2026-03-01T08:00:00Z")).await;
    })
    .await;
    let document = served.command(&["history", "--output", "json"]).json();
    let runs = document["runs"].as_array().expect("a list");
    let listed: Vec<_> = runs.iter().map(|run| (run["run"].as_str(), run["outcome"].as_str())).collect();
    assert_eq!(
        listed,
        [
            (Some("01KBBBBB000000000000000000"), Some("interrupted")),
            (Some("01KBAAAA000000000000000000"), Some("applied"))
        ]
    );
    let text = served.command(&["history"]).stdout;
    assert!(text.contains("2026-03-01T06:00:00Z  apply  applied"), "{text}");
    assert!(text.contains("1 to remove: 1 applied"), "{text}");

    let one = served.command(&["history", "01KBA"]);
    assert_eq!(one.exit, Some(0), "{}", one.stderr);
    assert!(one.stdout.contains("Run 01KBAAAA000000000000000000") && one.stdout.contains("Note: an example"));
    assert_eq!(served.command(&["history", "01KB"]).exit, Some(64), "two runs begin like that");
    let dead = served.command(&["history", "01KBB"]);
    assert!(dead.stdout.contains("Interrupted before its end"), "{}", dead.stdout);
    assert_eq!(dead.exit, Some(0), "the outcome of the shown run does not matter");
}

#[tokio::test]
async fn an_approval_shows_the_released_changes_the_approver_and_its_expiry() {
    let digest = Digest::parse("0123456789abcdef").expect("a digest");
    let key = ChangeKey { kind: ChangeKind::Remove, group: "delivery".into(), operator: "karl@acme.com".into() };
    let record = HeldRecord {
        instance: InstanceName::new("production"),
        digest: digest.clone(),
        run: RunId::new("01KBAAAA000000000000000000"),
        at: time("2026-03-01T06:00:00Z"),
        is_dry_run: false,
        is_narrowed: false,
        changes: vec![ApprovedChange { key, profile: ProductProfileName::new("Campaign - acme - delivery") }],
        held: Vec::new(),
        undo: None,
    };
    let served = with_journal(async |journal| {
        journal.record_held(&record.instance, Some(&record), true).await.expect("written");
    })
    .await;

    let wrong = served.command(&["approve", "ffffffffffffffff"]);
    assert_eq!((wrong.exit, wrong.stdout.as_str()), (Some(4), ""));
    assert!(wrong.stderr.contains("0123456789abcdef"), "the held digest: {}", wrong.stderr);

    let begin = Utc::now();
    let approved = run(served.prepared(&["approve", "0123456789ABCDEF", "--output", "json"]).env("SUDO_USER", "zoe"));
    assert_eq!(approved.exit, Some(0), "{}", approved.stderr);
    let answer = approved.json();
    assert_eq!((&answer["outcome"], &answer["approver"]), (&"approved".into(), &"zoe".into()));
    let released = &answer["instances"][0]["released"][0];
    assert_eq!((&released["op"], &released["operator"]), (&"remove".into(), &"karl@acme.com".into()));
    let counts = time(answer["expires_at"].as_str().expect("a time")) - begin;
    // 24 hours by default; the response has no fractions of a second.
    assert_eq!((counts + chrono::TimeDelta::seconds(60)).num_hours(), 24, "{answer}");

    let text = served.command(&["approve", "0123456789abcdef"]).stdout;
    assert!(text.contains("production (1 change, held by run 01KBAAAA000000000000000000)"), "{text}");
    assert!(text.contains("remove  karl@acme.com  delivery  Campaign - acme - delivery"), "{text}");
}
