//! A state with many recorded changes, written through the journal as runs write it.

use campaign_group_sync::{
    domain::{
        ChangeKey, ChangeKind, ChangeOutcome, ChangeReport, FoldedName, GroupObservation, InstanceMode, InstanceName,
        InstanceReport, OperatorGroupName, OperatorLogin, ProductProfileName, RunId, RunMode, SharedText, Summary,
    },
    journal::{Journal, JournalLocation, JournalOptions},
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::Failure;

#[path = "../../tests/support/recording.rs"]
mod recording;
#[path = "../../tests/support/reports.rs"]
mod reports;

use recording::{Recording as _, RunBegin, Settlement};

/// The first argument of the process that writes the state; the others are its file and the number of changes.
pub(crate) const FILL: &str = "--fill-journal";

/// Changes of one run.
const CHANGES_OF_A_RUN: usize = 2_000;

/// Operator groups, each with a profile.
const GROUPS: usize = 40;

/// Users that the changes concern.
pub(crate) const USERS: usize = 50_000;

/// Hours between two runs.
const HOURS: usize = 2;

/// Members that stay from the first observation on.
const STAYING: usize = 25_000;

/// A time in the middle of the state, in text: half of a round of additions was made, so that about as many of the members
/// have left since then as have stayed.
pub(crate) fn middle(changes: usize) -> Result<String, Failure> {
    let (runs, round) = (runs_of(changes), USERS / CHANGES_OF_A_RUN);
    let half = runs / 2;
    let made = half - half % (round * 2) + half.min(round / 2);
    let before_now = hours_of(runs - made)? + TimeDelta::hours(1);
    Ok((Utc::now() - before_now).to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn runs_of(changes: usize) -> usize {
    changes.div_ceil(CHANGES_OF_A_RUN)
}

/// Writes runs that add and remove memberships in turn, one in two hours until now.
pub(crate) fn fill(file: &str, changes: usize) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let options = JournalOptions { location: JournalLocation::Sqlite(file.into()), watch: None };
        let journal = Journal::open(&options).await?;
        let runs = runs_of(changes);
        let observed: Vec<GroupObservation> = (0..GROUPS).map(observed).collect();
        let begin = Utc::now() - hours_of(runs + 1)?;
        journal.observe(&InstanceName::new("production"), begin, &observed, true).await?;
        for run in 0..runs {
            let before_now = hours_of(runs - run)?;
            record(&journal, run, Utc::now() - before_now).await?;
        }
        journal.close().await;
        Ok(())
    })
}

/// How long this number of runs takes.
fn hours_of(runs: usize) -> Result<TimeDelta, Failure> {
    Ok(TimeDelta::hours((HOURS * runs).try_into()?))
}

async fn record(journal: &Journal, run: usize, at: DateTime<Utc>) -> Result<(), Failure> {
    let (id, name) = (format!("01KB{run:022}"), InstanceName::new("production"));
    // The same membership is added by one run and removed by a later one.
    let rounds = USERS / CHANGES_OF_A_RUN;
    let op = if (run / rounds).is_multiple_of(2) { ChangeKind::Add } else { ChangeKind::Remove };
    let first = run % rounds * CHANGES_OF_A_RUN;
    let changes: Vec<ChangeReport> = (first..first + CHANGES_OF_A_RUN).map(|user| change(op, user, at)).collect();
    let begin = RunBegin {
        run: RunId::new(&id),
        mode: RunMode::Apply,
        scope: None,
        started_at: at,
        instances: vec![name.clone()],
    };
    journal.begin_run(&begin).await?;
    let pending = changes.iter().map(|change| ChangeReport { outcome: ChangeOutcome::Pending, ..change.clone() });
    journal.record_plan(&begin.run, at, &instance(pending.collect())).await?;
    let keys: Vec<ChangeKey> = changes.iter().map(key).collect();
    journal.about_to_write(&begin.run, &name, at, &keys, None).await?;
    let settle = |key| Settlement { key, outcome: ChangeOutcome::Applied, detail: None };
    let settled: Vec<Settlement> = keys.into_iter().map(settle).collect();
    journal.settled(&begin.run, &name, at, &settled).await?;
    journal.end_run(&reports::report(&id, at, vec![instance(changes)])).await?;
    Ok(())
}

fn key(change: &ChangeReport) -> ChangeKey {
    let folded = |name: &Option<SharedText>| FoldedName::from(name.as_deref().unwrap_or_default());
    ChangeKey { kind: change.op, group: folded(&change.group), operator: folded(&change.operator) }
}

/// The group of a user.
fn group_name(user: usize) -> String {
    format!("segment{:03}", user % GROUPS)
}

/// A managed group with the members that stay.
fn observed(number: usize) -> GroupObservation {
    let name = group_name(number);
    let members = (0..STAYING).filter(|member| member % GROUPS == number);
    GroupObservation {
        group: OperatorGroupName::new(name.as_str()),
        profile: ProductProfileName::new(format!("Campaign - acme - {name}")),
        members: members.map(|member| OperatorLogin::new(format!("staying{member:06}@acme.com"))).collect(),
    }
}

fn change(op: ChangeKind, user: usize, at: DateTime<Utc>) -> ChangeReport {
    let group = group_name(user);
    let reason = if op == ChangeKind::Add { "member" } else { "not a member" };
    ChangeReport {
        op,
        operator: Some(format!("user{user:06}@acme.com").into()),
        profile: format!("Campaign - acme - {group}").into(),
        reason: format!("{reason} of profile Campaign - acme - {group}").into(),
        group: Some(group.into()),
        outcome: ChangeOutcome::Applied,
        detail: None,
        at: Some(at),
        approved_by: None,
    }
}

fn instance(changes: Vec<ChangeReport>) -> InstanceReport {
    InstanceReport {
        name: "production".to_owned(),
        mode: InstanceMode::Apply,
        outcome: InstanceReport::outcome_of(&changes, &[]),
        error: None,
        warnings: Vec::new(),
        held: None,
        held_since: None,
        orphaned: Vec::new(),
        matched_profiles: Vec::new(),
        summary: Summary::of(&changes, 0, 0),
        changes,
        skipped: Vec::new(),
        approvals: Vec::new(),
    }
}
