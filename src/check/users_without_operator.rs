//! Users of matched profiles who have no operator, as the last complete run recorded them.

use std::collections::HashSet;

use super::{
    findings::{CheckOutcome, Findings},
    names::{NAMES_SHOWN, listed},
    prerequisites::WITHOUT_OPERATOR,
};
use crate::{
    domain::{
        CampaignSnapshot, FoldedName, InstanceName, InstanceReport, MissingPolicy, Outcome as RunOutcome, Policy,
        RunReport, SkipReason, to_the_second,
    },
    journal::{Journal, JournalError},
    observability::Chain,
};

/// How many runs are searched for a complete one: a week of runs every two hours.
const RUNS: usize = 84;

/// Checks one instance from the journal, because Adobe would have to be read profile by profile.
pub(super) async fn check(
    findings: &mut Findings,
    policy: &Policy,
    journal: Option<&Journal>,
    campaign: &CampaignSnapshot,
) {
    let outcome = match last_read(journal, &policy.instance).await {
        Ok(Some((run, report))) => without_operator(&run, &report, campaign, policy.missing_operator),
        Ok(None) => CheckOutcome::not_checked(
            "no recorded run has read them; campaign-group-sync --sync-now --dry-run lists them as no-operator",
        ),
        Err(error) => CheckOutcome::not_checked(format!("the journal cannot be read: {}", Chain(&error))),
    };
    findings.record_for(policy.instance.as_str(), WITHOUT_OPERATOR, outcome);
}

/// The last complete run over all users and groups, and its part for this instance.
async fn last_read(
    journal: Option<&Journal>,
    instance: &InstanceName,
) -> Result<Option<(RunReport, InstanceReport)>, JournalError> {
    let Some(journal) = journal else { return Ok(None) };
    for run in journal.full_runs(RUNS).await? {
        let Some(report) = journal.run(&run).await? else { continue };
        let has_read = |one: &&InstanceReport| FoldedName::new(&one.name) == instance.folded() && one.error.is_none();
        let part = report.instances.iter().find(has_read).cloned();
        if let Some(part) = part
            && report.source.complete
            && report.outcome != RunOutcome::Interrupted
        {
            return Ok(Some((report, part)));
        }
    }
    Ok(None)
}

/// The outcome is always ok: a user who never signs in needs no operator.
fn without_operator(
    run: &RunReport,
    part: &InstanceReport,
    campaign: &CampaignSnapshot,
    missing: MissingPolicy,
) -> CheckOutcome {
    let logins: HashSet<_> = campaign.operators().iter().map(|operator| operator.login.folded()).collect();
    let users: Vec<&str> = part
        .skipped
        .iter()
        .filter(|skipped| {
            skipped.reason == SkipReason::NoOperator && !logins.contains(&FoldedName::new(&skipped.subject))
        })
        .map(|skipped| skipped.subject.as_str())
        .collect();
    let as_of = format!("as of run {} at {}", run.run, to_the_second(run.started_at));
    if users.is_empty() {
        return CheckOutcome::ok(format!("none, {as_of}"));
    }
    let to_come = match missing {
        MissingPolicy::Skip => {
            "Campaign creates each at the first sign-in; with missing_operator = \"create\" a run creates them"
        }
        MissingPolicy::Create => "the next run creates those who have an e-mail address",
    };
    CheckOutcome::ok(format!("{}, {as_of}: {}; {to_come}", users.len(), listed(&users, NAMES_SHOWN)))
}
