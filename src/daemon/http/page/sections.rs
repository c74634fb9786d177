//! The sections of the page `/`, as plain values: state, held plans, approvals, changes made in Campaign, instances,
//! runs.

use std::collections::BTreeMap;

use crate::{
    daemon::{DaemonFacts, ServiceState},
    domain::{
        ChangeReport, InstanceMode, InstanceReport, MatchedProfile, Orphan, RunMode, RunReport, SkipReason, Skipped,
    },
    journal::{GivenApproval, ManualChange, ManualChangeKind},
};

use super::{
    history::{HeldPlan, PastRun},
    parts::{Badge, Clock, Name, RunLink, Time, badge, counted, more, name, outcome_badge, run_link},
};

/// The most changes of a held plan on the page; the command shows all.
const MOST_CHANGES: usize = 200;

/// The most product profiles of an instance on the page.
const MOST_PROFILES: usize = 500;

/// The most subjects that are named for each skip reason; the page of the run shows more.
const MOST_SUBJECTS: usize = 8;

/// The state of the daemon, and the time of its next run.
pub(super) struct StateView {
    pub(super) badge: Badge,
    pub(super) reason: String,
    pub(super) progress: String,
    pub(super) is_reload_failed: bool,
    pub(super) last_run: Option<(RunLink, Badge)>,
    pub(super) last_success: Option<Time>,
    pub(super) last_clean: Option<Time>,
    pub(super) next_run: Option<Time>,
    pub(super) paused_until: Option<Time>,
    pub(super) organization: Option<Name>,
    pub(super) leader: Option<Name>,
}

impl StateView {
    pub(super) fn new(facts: &DaemonFacts, clock: &Clock) -> Self {
        let status = &facts.status;
        let past = |at: Option<_>| at.map(|at| clock.time_and_distance(at));
        Self {
            badge: state(status.state),
            reason: status.reason.clone(),
            progress: facts.progress.clone(),
            is_reload_failed: facts.reload_problem.is_some(),
            last_run: status.last_run.as_ref().map(|last| (run_link(&last.run), outcome_badge(Some(last.outcome)))),
            last_success: past(status.last_success),
            last_clean: past(status.last_clean),
            next_run: past(status.next_run),
            paused_until: past(status.throttled_until.filter(|until| *until > clock.now)),
            organization: status.organization.clone().map(name),
            leader: status.leader.clone().map(name),
        }
    }
}

fn state(state: ServiceState) -> Badge {
    match state {
        ServiceState::Starting => badge("info", "Starting"),
        ServiceState::Idle => badge("good", "Idle"),
        ServiceState::Running => badge("info", "Running"),
        ServiceState::Waiting => badge("info", "Waiting"),
        ServiceState::Throttled => badge("doubt", "Rate limited"),
        ServiceState::Blocked => badge("doubt", "Blocked"),
        ServiceState::Failing => badge("bad", "Failing"),
    }
}

/// A plan that waits for an approval, and the command that approves it.
pub(super) struct HeldView {
    pub(super) changes: String,
    pub(super) instance: Name,
    /// Whether only a dry run or an observed instance showed the plan.
    pub(super) is_only_shown: bool,
    pub(super) since: Time,
    pub(super) digest: String,
    pub(super) run: RunLink,
    /// The approver and the time of an approval; the next run then makes the changes.
    pub(super) approval: Option<(Name, Time)>,
    pub(super) list: Vec<HeldChange>,
    pub(super) more: Option<String>,
}

pub(super) struct HeldChange {
    pub(super) what: Name,
    pub(super) reason: Name,
    pub(super) why_held: Name,
}

impl HeldView {
    pub(super) fn new(plan: &HeldPlan, clock: &Clock) -> Self {
        let record = &plan.record;
        let approval = plan.approval.as_ref();
        Self {
            changes: counted(record.changes.len(), "change"),
            instance: name(record.instance.as_str()),
            is_only_shown: plan.since.is_none(),
            since: clock.time_and_distance(plan.since.unwrap_or(record.at)),
            digest: record.digest.to_string(),
            run: run_link(record.run.as_str()),
            approval: approval.map(|note| (name(&note.described), clock.time_and_distance(note.at))),
            list: plan.changes.iter().take(MOST_CHANGES).map(HeldChange::new).collect(),
            more: more(plan.changes.len(), MOST_CHANGES, "held change"),
        }
    }
}

impl HeldChange {
    fn new(change: &ChangeReport) -> Self {
        Self {
            what: name(change.described()),
            reason: name(&change.reason),
            why_held: name(change.detail.as_deref().unwrap_or_default()),
        }
    }
}

/// An approval that was given.
pub(super) struct ApprovalView {
    pub(super) at: Time,
    pub(super) by: Name,
    pub(super) instance: Name,
    pub(super) digest: String,
    pub(super) changes: String,
    pub(super) used: Used,
}

/// Whether a run used an approval.
pub(super) enum Used {
    ByRun(RunLink),
    /// By a run that an earlier version of the program did not record.
    BySome,
    Expired,
    NotYet,
}

impl ApprovalView {
    pub(super) fn new(given: &GivenApproval, clock: &Clock) -> Self {
        Self {
            at: clock.time(given.at),
            by: name(given.approver.to_string()),
            instance: name(given.instance.as_str()),
            digest: given.digest.clone(),
            changes: counted(given.changes, "change"),
            used: match (&given.used_by, given.used_at) {
                (Some(run), _) => Used::ByRun(run_link(run.as_str())),
                (None, Some(_)) => Used::BySome,
                (None, None) if given.expires_at <= clock.now => Used::Expired,
                (None, None) => Used::NotYet,
            },
        }
    }
}

/// A membership that changed in Campaign without a run.
pub(super) struct ManualChangeView {
    pub(super) seen_at: Time,
    pub(super) seen_by: Option<RunLink>,
    pub(super) instance: Name,
    pub(super) login: Name,
    pub(super) verb: &'static str,
    pub(super) group: Name,
}

impl ManualChangeView {
    pub(super) fn new(change: &ManualChange, clock: &Clock) -> Self {
        Self {
            seen_at: clock.time(change.seen_at),
            seen_by: change.seen_by.as_ref().map(|run| run_link(run.as_str())),
            instance: name(&change.instance),
            login: name(&change.login),
            verb: match change.kind {
                ManualChangeKind::Appeared => "appeared in",
                ManualChangeKind::Vanished => "vanished from",
            },
            group: name(&change.group),
        }
    }
}

/// The instances in the report of one run.
pub(super) struct InstancesView {
    pub(super) seen_at: Time,
    pub(super) run: RunLink,
    pub(super) list: Vec<InstanceView>,
    /// Whether any of them skipped something.
    pub(super) has_skipped: bool,
}

impl InstancesView {
    /// `None` where the report has no instance.
    pub(super) fn new(report: &RunReport, clock: &Clock) -> Option<Self> {
        let list: Vec<InstanceView> = report.instances.iter().map(InstanceView::new).collect();
        let has_skipped = list.iter().any(|instance| !instance.skipped.is_empty());
        let (seen_at, run) = (clock.time(report.started_at), run_link(&report.run));
        (!list.is_empty()).then_some(Self { seen_at, run, list, has_skipped })
    }
}

pub(super) struct InstanceView {
    pub(super) name: Name,
    pub(super) is_observed: bool,
    pub(super) outcome: Badge,
    pub(super) groups: usize,
    pub(super) members: usize,
    /// Changes that are needed and not made.
    pub(super) not_made: usize,
    /// The error, then the warnings.
    pub(super) notes: Vec<Name>,
    pub(super) orphaned: Vec<OrphanView>,
    pub(super) profile_count: usize,
    pub(super) profiles: Vec<ProfileView>,
    pub(super) more_profiles: Option<String>,
    pub(super) skipped: Vec<SkippedView>,
}

pub(super) struct OrphanView {
    pub(super) group: Name,
    pub(super) profile: Name,
    pub(super) members: String,
}

pub(super) struct ProfileView {
    pub(super) profile: Name,
    pub(super) group: Name,
    pub(super) members: usize,
}

impl InstanceView {
    pub(super) fn new(instance: &InstanceReport) -> Self {
        let (summary, matched) = (&instance.summary, &instance.matched_profiles);
        let mut groups: Vec<_> = matched.iter().map(|matched| matched.group.to_lowercase()).collect();
        groups.sort_unstable();
        groups.dedup();
        let profile = |it: &MatchedProfile| ProfileView {
            profile: name(&it.profile),
            group: name(&it.group),
            members: it.members,
        };
        let orphan = |it: &Orphan| OrphanView {
            group: name(&it.group),
            profile: name(&it.profile),
            members: counted(it.members, "member"),
        };
        Self {
            name: name(&instance.name),
            is_observed: instance.mode == InstanceMode::Observe,
            outcome: outcome_badge(Some(instance.outcome)),
            groups: groups.len(),
            members: matched.iter().map(|matched| matched.members).sum(),
            not_made: summary.held + summary.pending + summary.failed + summary.unconfirmed,
            notes: instance.error.iter().chain(&instance.warnings).map(name).collect(),
            orphaned: instance.orphaned.iter().map(orphan).collect(),
            profile_count: matched.len(),
            profiles: matched.iter().take(MOST_PROFILES).map(profile).collect(),
            more_profiles: more(matched.len(), MOST_PROFILES, "product profile"),
            skipped: SkippedView::by_reason(&instance.skipped),
        }
    }
}

/// The subjects that were skipped for one reason.
pub(super) struct SkippedView {
    pub(super) reason: &'static str,
    /// Whether an administrator has to correct something.
    pub(super) is_to_correct: bool,
    pub(super) count: usize,
    pub(super) subjects: Vec<Name>,
    pub(super) more: Option<String>,
    /// The detail of the first subject, as an example.
    pub(super) example: Name,
}

impl SkippedView {
    /// Reasons that an administrator has to correct come first.
    fn by_reason(skipped: &[Skipped]) -> Vec<Self> {
        let mut reasons: BTreeMap<_, Vec<&Skipped>> = BTreeMap::new();
        for one in skipped {
            reasons.entry((!one.reason.could_not_be_placed(), one.reason)).or_default().push(one);
        }
        let view = |((is_harmless, reason), of_reason): ((bool, SkipReason), Vec<&Skipped>)| Self {
            reason: reason.as_str(),
            is_to_correct: !is_harmless,
            count: of_reason.len(),
            subjects: of_reason.iter().take(MOST_SUBJECTS).map(|one| name(&one.subject)).collect(),
            more: more(of_reason.len(), MOST_SUBJECTS, "subject"),
            example: name(of_reason.first().map_or("", |one| one.detail.as_str())),
        };
        reasons.into_iter().map(view).collect()
    }
}

/// One run in the table.
pub(super) struct RunView {
    pub(super) began: Time,
    pub(super) link: RunLink,
    pub(super) outcome: Badge,
    pub(super) note: &'static str,
    pub(super) added: usize,
    pub(super) removed: usize,
    pub(super) held: usize,
    pub(super) failed: usize,
}

impl RunView {
    pub(super) fn new(run: &PastRun, clock: &Clock) -> Self {
        Self {
            began: clock.time(run.entry.started_at),
            link: run_link(&run.entry.run),
            outcome: outcome_badge(run.entry.outcome),
            note: match (run.entry.mode, &run.entry.scope) {
                (RunMode::DryRun, None) => "dry run",
                (RunMode::DryRun, Some(_)) => "narrowed dry run",
                (RunMode::Apply, None) => "",
                (RunMode::Apply, Some(_)) => "narrowed",
            },
            added: run.bars.added,
            removed: run.bars.removed,
            held: run.bars.held,
            failed: run.entry.summary.failed,
        }
    }
}
