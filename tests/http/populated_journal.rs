//! Runs, held plans and answers to show.

use campaign_group_sync::{
    daemon::{DaemonState, Outstanding},
    domain::{
        ApprovalNote, ApprovedChange, Approver, BegunApproval, ChangeKey, ChangeKind, ChangeOutcome, ChangeReport,
        Digest, EarlierHold, Explanation, Finding, FoldedName, GroupExplanation, GroupObservation, HeldRecord,
        InstanceExplanation, InstanceMode, InstanceName, InstanceReport, MatchedProfile, NextRun, NextRunAction,
        OperatorGroupName, OperatorLogin, Orphan, ProductProfileName, RunId, RunReport, SkipReason, Skipped, Station,
        Summary, SystemUser, Verdict,
    },
    journal::{HoldEntry, Journal},
};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use super::options::limits;
use super::recording::{Recording as _, RunBegin};
pub(crate) use super::reports::report;

pub(crate) const DIGEST: &str = "00c0ffee00c0ffee";

/// Of a plan that was approved and applied.
pub(crate) const OLD_DIGEST: &str = "0ddba110ddba1100";

pub(crate) const LAST_RUN: &str = "01KB9999999999999999999999";

/// The run that made what was approved.
pub(crate) const APPROVED_RUN: &str = "01KA0000000000000000000002";

pub(crate) fn change(op: ChangeKind, operator: &str, group: &str, outcome: ChangeOutcome) -> ChangeReport {
    let held = (outcome == ChangeOutcome::Held).then(|| format!("the group {group} would be emptied"));
    ChangeReport {
        op,
        operator: Some(operator.into()),
        group: Some(group.into()),
        profile: format!("Campaign - acme - {group}").into(),
        reason: match op {
            ChangeKind::Remove => format!("not a member of profile Campaign - acme - {group} any more"),
            _ => format!("member of profile Campaign - acme - {group}"),
        }
        .into(),
        outcome,
        detail: held,
        at: None,
        approved_by: None,
    }
}

pub(crate) fn instance(name: &str, groups: &[&str], changes: Vec<ChangeReport>) -> InstanceReport {
    let summary = Summary::of(&changes, 1, 140);
    InstanceReport {
        name: name.to_owned(),
        mode: InstanceMode::Apply,
        outcome: InstanceReport::outcome_of(&changes, &[]),
        error: None,
        warnings: Vec::new(),
        held: (summary.held > 0).then(|| DIGEST.to_owned()),
        held_since: None,
        orphaned: Vec::new(),
        matched_profiles: groups.iter().zip(3..).map(|(group, members)| matched(group, members)).collect(),
        changes,
        skipped: Vec::new(),
        summary,
        approvals: Vec::new(),
    }
}

fn matched(group: &str, members: usize) -> MatchedProfile {
    MatchedProfile { profile: format!("Campaign - acme - {group}"), group: group.to_owned(), members }
}

pub(crate) fn orphan(group: &str) -> Orphan {
    Orphan { group: group.to_owned(), profile: format!("Campaign - acme - {group}"), members: 3 }
}

/// Writes a complete run with its holds into the journal and into the state.
pub(crate) async fn record(journal: &Journal, daemon_state: &DaemonState, report: RunReport) {
    let run = RunId::new(&report.run);
    let names = report.instances.iter().map(|instance| InstanceName::new(&instance.name)).collect();
    let begin =
        RunBegin { run: run.clone(), mode: report.mode, scope: None, started_at: report.started_at, instances: names };
    journal.begin_run(&begin).await.expect("begun");
    for instance in &report.instances {
        let name = InstanceName::new(&instance.name);
        journal.record_held(&name, held(&run, report.started_at, instance).as_ref(), true).await.expect("recorded");
    }
    journal.end_run(&report).await.expect("ended");
    let outstanding = outstanding(&report);
    daemon_state.run_ended(report, outstanding);
}

/// What is waited for after this run: what it holds, since it began.
pub(crate) fn outstanding(report: &RunReport) -> Outstanding {
    let hold = |instance: &InstanceReport| {
        Some(HoldEntry {
            digest: Digest::parse(instance.held.as_deref()?).expect("a digest"),
            instance: instance.name.clone(),
            since: report.started_at.trunc_subsecs(0),
            changes: instance.summary.held,
        })
    };
    Outstanding { throttled_until: None, holds: report.instances.iter().filter_map(hold).collect() }
}

fn held(run: &RunId, at: DateTime<Utc>, instance: &InstanceReport) -> Option<HeldRecord> {
    let digest = Digest::parse(instance.held.as_deref()?).expect("a digest");
    let held = instance.changes.iter().filter(|change| change.outcome == ChangeOutcome::Held);
    let keyed: Vec<(ChangeKey, String)> = held
        .map(|change| {
            let folded = |name: Option<&str>| FoldedName::from(name.unwrap_or_default());
            let (group, operator) = (folded(change.group.as_deref()), folded(change.operator.as_deref()));
            (ChangeKey { kind: change.op, group, operator }, change.profile.to_string())
        })
        .collect();
    Some(HeldRecord {
        instance: InstanceName::new(&instance.name),
        digest,
        run: run.clone(),
        at,
        is_dry_run: false,
        is_narrowed: false,
        changes: keyed
            .iter()
            .map(|(key, profile)| ApprovedChange { key: key.clone(), profile: ProductProfileName::new(profile) })
            .collect(),
        held: keyed
            .into_iter()
            .map(|(key, _)| EarlierHold { key, why: "the group would be emptied".to_owned(), limits: limits() })
            .collect(),
        undo: None,
    })
}

/// One change that an approval through `sudo` released, and the run that made it.
async fn fill_approved(journal: &Journal, daemon_state: &DaemonState, now: DateTime<Utc>) {
    let digest = Digest::parse(OLD_DIGEST).expect("a digest");
    let removal = |outcome| change(ChangeKind::Remove, "old@acme.com", "content", outcome);
    let mut held = instance("production", &["content"], vec![removal(ChangeOutcome::Held)]);
    held.held = Some(OLD_DIGEST.to_owned());
    record(journal, daemon_state, report("01KA0000000000000000000001", now - TimeDelta::hours(60), vec![held])).await;
    let given_at = now - TimeDelta::hours(59);
    let approver = Approver::claimed("carol").as_user(Some(SystemUser { uid: 0, name: Some("root".to_owned()) }));
    let approver = approver.signed_in_as(Some(SystemUser { uid: 1_004, name: Some("carol".to_owned()) }));
    journal.approve(&digest, &approver, given_at, given_at + TimeDelta::hours(24)).await.expect("approved");
    let mut made = removal(ChangeOutcome::Applied);
    (made.at, made.approved_by) = (Some(now - TimeDelta::hours(58)), Some(approver.to_string()));
    let key = made.key();
    let mut applied = instance("production", &["content"], vec![made]);
    applied.approvals.push(ApprovalNote::new(OLD_DIGEST, &approver, given_at));
    let applied = RunReport {
        approvals: applied.approvals.clone(),
        ..report(APPROVED_RUN, now - TimeDelta::hours(58), vec![applied])
    };
    let (run, instance) = (RunId::new(APPROVED_RUN), InstanceName::new("production"));
    let names = vec![instance.clone()];
    let begin = RunBegin {
        run: run.clone(),
        mode: applied.mode,
        scope: None,
        started_at: applied.started_at,
        instances: names,
    };
    journal.begin_run(&begin).await.expect("begun");
    journal.record_plan(&run, applied.started_at, &applied.instances[0]).await.expect("planned");
    let approval = BegunApproval { digest: &digest, is_all: true };
    journal.about_to_write(&run, &instance, applied.started_at, &[key], Some(approval)).await.expect("recorded");
    journal.end_run(&applied).await.expect("ended");
}

/// Who is in the group "offers", as a run sees it.
pub(crate) async fn observe_offers(journal: &Journal, at: DateTime<Utc>, members: &[&str]) {
    let seen = GroupObservation {
        group: OperatorGroupName::new("offers"),
        profile: ProductProfileName::new("Campaign - acme - offers"),
        members: members.iter().map(|login| OperatorLogin::new(*login)).collect(),
    };
    journal.observe(&InstanceName::new("production"), at, &[seen], true).await.expect("observed");
}

/// Memberships that were changed in Campaign by hand.
async fn fill_manual_changes(journal: &Journal, now: DateTime<Utc>) {
    observe_offers(journal, now - TimeDelta::hours(30), &["ann@acme.com", "ben@acme.com"]).await;
    observe_offers(journal, now - TimeDelta::hours(8), &["ann@acme.com", "Mallory@acme.com"]).await;
}

fn skipped() -> Vec<Skipped> {
    let nobody = |number: usize| {
        let user = format!("user{number:02}@acme.com");
        let detail = format!("no operator of instance production has the login {user}");
        Skipped::new(SkipReason::NoOperator, user, detail)
    };
    let mut skipped: Vec<Skipped> = (1..13).map(nobody).collect();
    let detail = "the operators rnaria@acme.com and maria@acme.com look alike; rename one of them in Campaign";
    skipped.push(Skipped::new(SkipReason::AmbiguousIdentity, "maria@acme.com", detail));
    skipped
}

/// Two days of runs, every two hours; the last one holds something in one of two instances.
pub(crate) async fn fill(journal: &Journal, daemon_state: &DaemonState) {
    let now = Utc::now();
    fill_approved(journal, daemon_state, now).await;
    fill_manual_changes(journal, now).await;
    for age in (1..26).rev() {
        let mut changes = Vec::new();
        for number in 0..(age * 7) % 5 {
            changes.push(change(ChangeKind::Add, &format!("a{number}@acme.com"), "delivery", ChangeOutcome::Applied));
        }
        for number in 0..(age * 5) % 4 {
            changes.push(change(ChangeKind::Remove, &format!("r{number}@acme.com"), "content", ChangeOutcome::Applied));
        }
        let production = instance("production", &["content", "delivery", "workflow"], changes);
        let run = format!("01KB{:022}", 26 - age);
        record(journal, daemon_state, report(&run, now - TimeDelta::hours(2 * age), vec![production])).await;
    }
    let removals = ["ann@acme.com", "ben@acme.com", "cid@acme.com"];
    let mut changes = vec![change(ChangeKind::Add, "nora@acme.com", "delivery", ChangeOutcome::Applied)];
    changes.extend(removals.map(|who| change(ChangeKind::Remove, who, "offers", ChangeOutcome::Held)));
    let mut production = instance("production", &["content", "delivery", "offers", "workflow"], changes);
    production.orphaned.push(orphan("ops"));
    production.skipped = skipped();
    production.summary.skipped = production.skipped.len();
    production.warnings.push("the mask looks like a pattern and has no capture group".to_owned());
    let mut harness = instance("stage", &["delivery"], Vec::new());
    harness.mode = InstanceMode::Observe;
    let last = report(LAST_RUN, now - TimeDelta::minutes(5), vec![production, harness]);
    record(journal, daemon_state, last).await;
    daemon_state.update(|facts| {
        facts.status.last_success = Some(now - TimeDelta::hours(2));
        facts.status.next_run = Some(now + TimeDelta::minutes(115));
    });
}

/// An answer with every verdict.
pub(crate) fn explanation(person: &str, group: &str) -> Explanation {
    let finding = |station, verdict, text: &str| Finding { station, verdict, text: text.to_owned() };
    Explanation {
        version: Explanation::VERSION,
        organization: "0123456789ABCDEF01234567@AdobeOrg".to_owned(),
        unanswered: Vec::new(),
        user: person.to_owned(),
        at: Utc::now(),
        retry_at: None,
        findings: vec![finding(Station::User, Verdict::Yes, "is an active user of the organization")],
        instances: vec![InstanceExplanation {
            name: "production".to_owned(),
            findings: vec![finding(Station::Operator, Verdict::Yes, "is the operator ann@acme.com")],
            record: Vec::new(),
            groups: vec![GroupExplanation {
                group: group.to_owned(),
                is_member: Some(true),
                is_wanted: Some(false),
                record: Vec::new(),
                next_run: NextRun {
                    does: NextRunAction::Held,
                    text: "nothing, until the change is approved".to_owned(),
                    digest: None,
                    held_since: None,
                },
                findings: vec![
                    finding(Station::Profile, Verdict::No, "does not have the profile \"Campaign - acme - offers\""),
                    finding(Station::Guard, Verdict::Note, "the removal is held until somebody approves it"),
                    finding(Station::LastChange, Verdict::Unknown, "the journal knows no change"),
                ],
            }],
        }],
    }
}
