//! What is asserted of a cell: the outcome, what was written, the report against the world, and the runs after it.

use std::collections::BTreeSet;

use campaign_group_sync::domain::{ChangeKind, ChangeOutcome, ChangeReport, InstanceReport, Outcome, RunReport};

use super::{
    cell::{Expected, Written},
    world::{PRODUCTION, Rights, STAGE, Stage, Template},
};

/// The beginning of the detail of a change that was sent and could not be read back: it may be in place.
const NOT_READ_BACK: &str = "tried, and could not be read back";

/// Complaints about the disturbed run; empty when it was as expected.
pub(super) async fn of_disturbed_run(
    template: &Template,
    stage: &Stage,
    expected: &Expected,
    report: &RunReport,
) -> Vec<String> {
    let mut complaints = Vec::new();
    for fault in stage.sandbox.faults().iter().filter(|fault| fault.disturbed == 0) {
        complaints.push(format!("the fault was never met: {} {:?}", fault.fault.call, fault.fault.page));
    }
    if !expected.outcomes.contains(&report.outcome) {
        complaints.push(format!(
            "the outcome is {:?} instead of {:?}: {}",
            report.outcome,
            expected.outcomes,
            errors(report)
        ));
    }
    let now = stage.rights();
    for (at, (name, written)) in [(PRODUCTION, expected.production), (STAGE, expected.stage)].into_iter().enumerate() {
        let sent = stage.sandbox.requests().iter().filter(|request| is_write_to(request, name)).count();
        let (before, now, wanted) = (&template.before[at], &now[at], &template.wanted[at]);
        complaints.extend(wrong_changes(before, now, wanted).into_iter().map(|what| format!("{name}: {what}")));
        match written {
            Written::All if now != wanted => {
                complaints.push(format!("{name}: not everything was written: {}", missing(now, wanted)));
            }
            Written::Nothing if now != before || sent > 0 => {
                complaints.push(format!("{name}: {sent} writes were sent: {}", missing(before, now)));
            }
            _ => {}
        }
        let Some(instance) = report.instances.iter().find(|one| one.name == name) else {
            complaints.push(format!("{name} is not in the report"));
            continue;
        };
        complaints.extend(
            against_world(instance, before, now, wanted, expected).into_iter().map(|what| format!("{name}: {what}")),
        );
        if [instance.outcome, report.outcome].contains(&Outcome::Incomplete)
            && instance.outcome == Outcome::Incomplete
            && sent > 0
        {
            complaints.push(format!("{name}: exit status 5, and {sent} writes were sent"));
        }
    }
    complaints.extend(against_history(stage, report).await);
    complaints
}

fn is_write_to(request: &campaign_group_sync::sandbox::LoggedRequest, instance: &str) -> bool {
    request.call == "write" && request.instance.as_deref() == Some(instance)
}

/// Changes that nobody wanted: whatever the fault, none may be made.
fn wrong_changes(before: &Rights, now: &Rights, wanted: &Rights) -> Vec<String> {
    let set = |rights: &Rights| -> BTreeSet<(String, String)> { rights.memberships.iter().cloned().collect() };
    let (before_set, now_set, wanted_set) = (set(before), set(now), set(wanted));
    let mut wrong = Vec::new();
    for lost in before_set.difference(&now_set).filter(|lost| wanted_set.contains(*lost)) {
        wrong.push(format!("WRONG REMOVAL: {lost:?}"));
    }
    for given in now_set.difference(&before_set).filter(|given| !wanted_set.contains(*given)) {
        wrong.push(format!("WRONG ADDITION: {given:?}"));
    }
    for operator in
        now.operators.iter().filter(|one| !before.operators.contains(one) && !wanted.operators.contains(one))
    {
        wrong.push(format!("WRONG OPERATOR: {operator:?}"));
    }
    let names =
        |rights: &Rights| -> BTreeSet<String> { rights.operators.iter().map(|(name, _)| name.clone()).collect() };
    for gone in names(before).difference(&names(now)) {
        wrong.push(format!("THE OPERATOR {gone} IS GONE"));
    }
    for group in now.groups.iter().filter(|group| !before.groups.contains(group) && !wanted.groups.contains(group)) {
        wrong.push(format!("WRONG GROUP: {group}"));
    }
    for gone in before.groups.iter().filter(|group| !now.groups.contains(group)) {
        wrong.push(format!("THE GROUP {gone} IS GONE"));
    }
    wrong
}

/// What of `to` is not in `from`, and the other way round, in short.
fn missing(from: &Rights, to: &Rights) -> String {
    let of = |from: &Rights, to: &Rights| {
        let memberships =
            to.memberships.iter().filter(|one| !from.memberships.contains(one)).map(|one| format!("{one:?}"));
        let operators = to.operators.iter().filter(|one| !from.operators.contains(one)).map(|one| format!("{one:?}"));
        let groups = to.groups.iter().filter(|one| !from.groups.contains(one)).cloned();
        memberships.chain(operators).chain(groups).collect::<Vec<_>>().join(" ")
    };
    format!("+ {} - {}", of(from, to), of(to, from))
}

/// Whether Campaign has what a change was to produce.
fn is_in_place(change: &ChangeReport, rights: &Rights) -> bool {
    let (operator, group) =
        (change.operator.as_deref().unwrap_or_default(), change.group.as_deref().unwrap_or_default());
    let is_member = rights.memberships.iter().any(|(login, of)| login == operator && of == group);
    match change.op {
        ChangeKind::Add => is_member,
        ChangeKind::Remove => !is_member,
        ChangeKind::CreateGroup => rights.groups.iter().any(|name| name == group),
        ChangeKind::CreateOperator => rights.operators.iter().any(|(login, _)| login == operator),
        ChangeKind::DisableOperator => rights.operators.iter().any(|(login, disabled)| login == operator && *disabled),
    }
}

/// How the report of an instance disagrees with the instance.
fn against_world(
    instance: &InstanceReport,
    before: &Rights,
    now: &Rights,
    wanted: &Rights,
    expected: &Expected,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for change in &instance.changes {
        let (is_so, detail) = (is_in_place(change, now), change.detail.as_deref().unwrap_or_default());
        let agrees = match change.outcome {
            ChangeOutcome::Applied | ChangeOutcome::Already => is_so,
            ChangeOutcome::Failed => !is_so || expected.is_deceived || detail.starts_with(NOT_READ_BACK),
            ChangeOutcome::Held | ChangeOutcome::Unconfirmed | ChangeOutcome::Pending => !is_so,
        };
        if !agrees {
            wrong.push(format!(
                "{} is reported as {:?} and is {is_so} in Campaign: {detail}",
                change.described(),
                change.outcome
            ));
        }
    }
    let reported = |op: ChangeKind, operator: &str, group: &str| {
        instance.changes.iter().any(|change| {
            change.op == op
                && change.operator.as_deref().unwrap_or_default() == operator
                && change.group.as_deref().unwrap_or_default() == group
        })
    };
    for (login, group) in now.memberships.iter().filter(|one| !before.memberships.contains(one)) {
        if !reported(ChangeKind::Add, login, group) {
            wrong.push(format!("the addition of {login} to {group} is not reported"));
        }
    }
    for (login, group) in before.memberships.iter().filter(|one| !now.memberships.contains(one)) {
        if !reported(ChangeKind::Remove, login, group) {
            wrong.push(format!("the removal of {login} from {group} is not reported"));
        }
    }
    // Where the program was told something wrong, it cannot know what else is wanted.
    let is_told_everything = expected.production != Written::Some;
    if is_told_everything && matches!(instance.outcome, Outcome::InSync | Outcome::Applied) && now != wanted {
        wrong.push(format!("the report says {:?}, and the instance is not as wanted", instance.outcome));
    }
    wrong
}

/// How the history disagrees with the report.
async fn against_history(stage: &Stage, report: &RunReport) -> Vec<String> {
    let recorded = match stage.journal.find_run(&report.run).await {
        Ok(recorded) => recorded,
        Err(error) => return vec![format!("the run is not in the history: {error}")],
    };
    let changes = |report: &RunReport| -> BTreeSet<String> {
        let of = |instance: &InstanceReport| {
            let lines =
                instance.changes.iter().map(|one| format!("{}: {} {:?}", instance.name, one.described(), one.outcome));
            lines.collect::<Vec<_>>()
        };
        report.instances.iter().flat_map(of).collect()
    };
    let mut wrong = Vec::new();
    if recorded.outcome != report.outcome {
        wrong.push(format!("the history says {:?}, the report {:?}", recorded.outcome, report.outcome));
    }
    let (recorded, reported) = (changes(&recorded), changes(report));
    if recorded != reported {
        wrong.push(format!("the history differs from the report: {:?}", recorded.symmetric_difference(&reported)));
    }
    wrong
}

/// Complaints about a run after the fault has passed: one brings everything to what is wanted, and the last one writes
/// nothing.
pub(super) fn of_later_run(template: &Template, stage: &Stage, later: LaterRun, report: &RunReport) -> Vec<String> {
    let mut complaints = Vec::new();
    let now = stage.rights();
    for (at, name) in [PRODUCTION, STAGE].into_iter().enumerate() {
        let wrong = wrong_changes(&template.before[at], &now[at], &template.wanted[at]);
        complaints.extend(wrong.into_iter().map(|what| format!("{name}, after the fault: {what}")));
        if later != LaterRun::StillHeld && now[at] != template.wanted[at] {
            complaints.push(format!("{name}: {later:?} did not converge: {}", missing(&now[at], &template.wanted[at])));
        }
    }
    let good: &[Outcome] = match later {
        LaterRun::StillHeld => &[Outcome::Held],
        LaterRun::Converges => &[Outcome::Applied, Outcome::InSync],
        LaterRun::WritesNothing => &[Outcome::InSync],
    };
    if !good.contains(&report.outcome) {
        complaints.push(format!("{later:?} ended as {:?}: {}", report.outcome, errors(report)));
    }
    if later == LaterRun::WritesNothing && stage.writes() > 0 {
        complaints.push(format!("{later:?} sent {} writes", stage.writes()));
    }
    complaints
}

/// A run after the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LaterRun {
    /// What the disturbed run held stays held until it is approved.
    StillHeld,
    /// It makes what the disturbed run did not make.
    Converges,
    /// Nothing is left.
    WritesNothing,
}

/// The errors and the reasons in a report.
pub(super) fn errors(report: &RunReport) -> String {
    let of_instance = |instance: &InstanceReport| {
        let details = instance
            .changes
            .iter()
            .filter_map(|change| Some(format!("{}: {}", change.described(), change.detail.as_ref()?)));
        instance.error.iter().cloned().chain(instance.warnings.iter().cloned()).chain(details).collect::<Vec<_>>()
    };
    let all: Vec<_> = report.error.iter().cloned().chain(report.instances.iter().flat_map(of_instance)).collect();
    all.join("; ")
}
