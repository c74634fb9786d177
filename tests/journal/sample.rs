//! Values to write into a journal.

use campaign_group_sync::{
    domain::{
        ApprovedChange, ChangeKey, ChangeKind, ChangeOutcome, ChangeReport, Digest, EarlierHold, FollowedGroup,
        HeldRecord, InstanceMode, InstanceName, InstanceReport, MatchedProfile, OperatorGroupName, Outcome,
        ProductProfileId, ProductProfileName, RunId, RunMode, RunReport, SourceRead, Summary, UnlistedAccounts,
    },
    journal::Journal,
};
use chrono::{DateTime, Utc};

use super::options::limits;
use super::recording::{Recording as _, RunBegin, Settlement};

/// A time, in seconds, with a fraction that must be preserved.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_795_000_000_123 + seconds * 1_000).expect("a time")
}

pub(crate) fn production() -> InstanceName {
    InstanceName::new("production")
}

pub(crate) fn run_id(name: &str) -> RunId {
    RunId::new(name)
}

pub(crate) fn begin(run: &str, mode: RunMode, started_at: DateTime<Utc>) -> RunBegin {
    RunBegin { run: run_id(run), mode, scope: Some("user ann".to_owned()), started_at, instances: vec![production()] }
}

pub(crate) fn change(op: ChangeKind, operator: &str, group: &str) -> ChangeReport {
    ChangeReport {
        op,
        operator: Some(operator.into()),
        group: Some(group.into()),
        profile: format!("Campaign - acme - {group}").into(),
        reason: "because of the test".into(),
        outcome: ChangeOutcome::Pending,
        detail: None,
        at: None,
        approved_by: None,
    }
}

pub(crate) fn key(kind: ChangeKind, operator: &str, group: &str) -> ChangeKey {
    ChangeKey { kind, group: group.into(), operator: operator.into() }
}

pub(crate) fn settled(operator: &str, group: &str, outcome: ChangeOutcome) -> Settlement {
    Settlement { key: key(ChangeKind::Add, operator, group), outcome, detail: Some(format!("{operator} was seen")) }
}

pub(crate) fn plan(changes: Vec<ChangeReport>) -> InstanceReport {
    let summary = Summary::of(&changes, 0, 7);
    InstanceReport {
        name: "production".to_owned(),
        mode: InstanceMode::Apply,
        outcome: Outcome::ChangesPending,
        error: None,
        warnings: vec!["mind the gap".to_owned()],
        held: None,
        held_since: None,
        orphaned: Vec::new(),
        matched_profiles: vec![MatchedProfile {
            profile: "Campaign - acme - delivery".to_owned(),
            group: "delivery".to_owned(),
            members: 3,
        }],
        changes,
        skipped: Vec::new(),
        summary,
        approvals: Vec::new(),
    }
}

pub(crate) fn report(run: &str, started_at: DateTime<Utc>, outcome: Outcome, instance: InstanceReport) -> RunReport {
    RunReport { outcome, ..super::reports::report(run, started_at, vec![instance]) }
}

/// Begins a run that plans three additions, sends two, settles one and then dies.
pub(crate) async fn begin_and_die(journal: &Journal, run: &str, started_at: DateTime<Utc>) {
    journal.begin_run(&begin(run, RunMode::Apply, started_at)).await.expect("begun");
    let changes = ["Ann@acme.com", "Bob@acme.com", "Cid@acme.com"].map(|who| change(ChangeKind::Add, who, "Delivery"));
    let run = run_id(run);
    journal.record_plan(&run, started_at, &plan(changes.to_vec())).await.expect("planned");
    let sent = ["ann@acme.com", "bob@acme.com"].map(|who| key(ChangeKind::Add, who, "delivery"));
    journal.about_to_write(&run, &production(), started_at, &sent, None).await.expect("sent");
    let settlement = settled("ann@acme.com", "delivery", ChangeOutcome::Applied);
    journal.settled(&run, &production(), started_at, &[settlement]).await.expect("settled");
}

pub(crate) fn digest(text: &str) -> Digest {
    Digest::parse(text).expect("a digest")
}

/// Removals of these operators from the group `delivery`, held.
pub(crate) fn held(text: &str, run: &str, at: DateTime<Utc>, operators: &[&str]) -> HeldRecord {
    let keys = || operators.iter().map(|operator| key(ChangeKind::Remove, operator, "delivery"));
    let profile = ProductProfileName::new("Campaign - acme - delivery");
    HeldRecord {
        instance: production(),
        digest: digest(text),
        run: run_id(run),
        at,
        is_dry_run: false,
        is_narrowed: false,
        changes: keys().map(|key| ApprovedChange { key, profile: profile.clone() }).collect(),
        held: keys().map(|key| EarlierHold { key, why: "too many".to_owned(), limits: limits() }).collect(),
        undo: None,
    }
}

pub(crate) fn followed(group: &str) -> FollowedGroup {
    FollowedGroup {
        group: OperatorGroupName::new(group),
        group_id: None,
        profile_id: Some(ProductProfileId(4_711)),
        profile: ProductProfileName::new(format!("Campaign - acme - {group}")),
    }
}

pub(crate) fn read(groups: &[&str]) -> SourceRead {
    SourceRead {
        mask: "Campaign - acme - (.*)".to_owned(),
        membership: "effective".to_owned(),
        manage: "ims".to_owned(),
        users: Some(1_204),
        matched: groups.iter().map(|group| followed(group)).collect(),
        profiles: Vec::new(),
        unlisted: UnlistedAccounts::of_organization(Some(2)),
    }
}
