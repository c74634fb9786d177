//! The page `/runs/RUN`: what one run read, decided and changed.

use askama::Template;

use crate::{
    domain::{
        ApprovalNote, ChangeOutcome, ChangeReport, InstanceReport, RunMode, RunReport, Skipped, SourceKind,
        SourceReport,
    },
    journal::{RunCandidate, RunEntry},
};

use super::{
    Layout,
    parts::{Badge, Clock, Name, RunLink, Time, change_badge, counted, duration, more, name, outcome_badge, run_link},
    sections::InstanceView,
};

/// The most changes of each instance on the page; the command shows all.
const MOST_CHANGES: usize = 500;

/// The most skipped subjects of each instance on the page.
const MOST_SKIPPED: usize = 500;

/// Everything on the page of a run.
#[derive(Template)]
#[template(path = "run.html", config = "src/daemon/http/page/askama.toml")]
pub(super) struct RunPage {
    layout: Layout,
    id: String,
    outcome: Badge,
    /// Whether the run is under way: the page then refreshes itself.
    is_running: bool,
    error: Option<Name>,
    warnings: Vec<Name>,
    began: Time,
    duration: String,
    mode: &'static str,
    scope: Option<Name>,
    organization: Name,
    source: String,
    calls: String,
    record: Option<String>,
    approvals: Vec<(String, Name, Time)>,
    instances: Vec<RunInstance>,
}

/// One instance on the page of a run.
struct RunInstance {
    view: InstanceView,
    counts: Vec<(usize, &'static str)>,
    hold: Option<HoldView>,
    changes: Vec<RunChange>,
    more_changes: Option<String>,
    skipped: Vec<RunSkip>,
    more_skipped: Option<String>,
}

/// What the run held, and whether it still waits for an approval.
struct HoldView {
    digest: String,
    since: Option<Time>,
    is_waiting: bool,
}

struct RunChange {
    what: Name,
    outcome: Badge,
    reason: Name,
    detail: Option<Name>,
    approved_by: Option<Name>,
    at: Option<Time>,
}

struct RunSkip {
    reason: &'static str,
    subject: Name,
    detail: Name,
}

impl RunPage {
    /// `held` are the digests that wait for an approval now.
    pub(super) fn new(report: &RunReport, entry: Option<&RunEntry>, held: &[String], clock: &Clock) -> Self {
        let is_running = entry.is_some_and(|entry| entry.outcome.is_none());
        let source = &report.source;
        let approval = |note: &ApprovalNote| (note.digest.clone(), name(&note.described), clock.time(note.at));
        Self {
            layout: Layout::new(clock),
            id: report.run.clone(),
            outcome: outcome_badge((!is_running).then_some(report.outcome)),
            is_running,
            error: report.error.as_ref().map(name),
            warnings: report.warnings.iter().map(name).collect(),
            began: clock.time_and_distance(report.started_at),
            duration: duration(report.duration_ms),
            mode: match report.mode {
                RunMode::Apply => "apply",
                RunMode::DryRun => "dry run: nothing was written",
            },
            scope: entry.and_then(|entry| entry.scope.as_ref()).map(name),
            organization: name(&source.organization),
            source: read(source),
            calls: counted(source.calls, "call"),
            record: report.record.clone(),
            approvals: report.approvals.iter().map(approval).collect(),
            instances: report.instances.iter().map(|it| RunInstance::new(it, held, clock)).collect(),
        }
    }
}

/// What the run read of the organization, and how.
fn read(source: &SourceReport) -> String {
    if !source.complete {
        return "not read completely".to_owned();
    }
    let how = match source.read {
        Some(SourceKind::Organization) => ", from the listing of all users",
        Some(SourceKind::Profiles) => ", from the members of each matching profile",
        Some(SourceKind::Users) => ", user by user",
        None => "",
    };
    format!("{} and {}{how}", counted(source.users, "user"), counted(source.profiles, "product profile"))
}

impl RunInstance {
    fn new(instance: &InstanceReport, waiting: &[String], clock: &Clock) -> Self {
        let mut changes: Vec<&ChangeReport> = instance.changes.iter().collect();
        // The most urgent outcomes first, and the order of the plan within an outcome.
        changes.sort_by_key(|change| urgency(change.outcome));
        let hold = instance.held.as_ref().map(|digest| HoldView {
            digest: digest.clone(),
            since: instance.held_since.map(|since| clock.time_and_distance(since)),
            is_waiting: waiting.contains(digest),
        });
        Self {
            view: InstanceView::new(instance),
            counts: counts(instance),
            hold,
            changes: changes.iter().take(MOST_CHANGES).map(|change| RunChange::new(change, clock)).collect(),
            more_changes: more(changes.len(), MOST_CHANGES, "change"),
            skipped: instance.skipped.iter().take(MOST_SKIPPED).map(RunSkip::new).collect(),
            more_skipped: more(instance.skipped.len(), MOST_SKIPPED, "skipped subject"),
        }
    }
}

fn urgency(outcome: ChangeOutcome) -> u8 {
    match outcome {
        ChangeOutcome::Failed => 0,
        ChangeOutcome::Unconfirmed => 1,
        ChangeOutcome::Held => 2,
        ChangeOutcome::Pending => 3,
        ChangeOutcome::Applied => 4,
        ChangeOutcome::Already => 5,
    }
}

/// The numbers that are not zero, and always the number of unchanged memberships.
fn counts(instance: &InstanceReport) -> Vec<(usize, &'static str)> {
    let summary = &instance.summary;
    let all = [
        (summary.applied, "applied"),
        (summary.already, "already so"),
        (summary.held, "held"),
        (summary.failed, "failed"),
        (summary.unconfirmed, "unconfirmed"),
        (summary.pending, "pending"),
        (summary.skipped, "skipped"),
    ];
    let seen = all.into_iter().filter(|(number, _)| *number > 0);
    seen.chain([(summary.unchanged, "unchanged")]).collect()
}

impl RunChange {
    fn new(change: &ChangeReport, clock: &Clock) -> Self {
        Self {
            what: name(change.described()),
            outcome: change_badge(change.outcome),
            reason: name(&change.reason),
            detail: change.detail.as_ref().map(name),
            approved_by: change.approved_by.as_ref().map(name),
            at: change.at.map(|at| clock.time(at)),
        }
    }
}

impl RunSkip {
    fn new(skipped: &Skipped) -> Self {
        Self { reason: skipped.reason.as_str(), subject: name(&skipped.subject), detail: name(&skipped.detail) }
    }
}

/// A page that says why a run is not shown.
#[derive(Template)]
#[template(path = "no_run.html", config = "src/daemon/http/page/askama.toml")]
pub(super) struct NoRunPage {
    layout: Layout,
    heading: &'static str,
    text: String,
    /// The runs that a shortened id may mean.
    candidates: Vec<(RunLink, Time)>,
    has_more: bool,
}

impl NoRunPage {
    pub(super) fn new(heading: &'static str, text: String, clock: &Clock) -> Self {
        Self { layout: Layout::new(clock), heading, text, candidates: Vec::new(), has_more: false }
    }

    /// The page for an id that no run has.
    pub(super) fn unknown(id: &str, clock: &Clock) -> Self {
        let text = format!(
            "The history has no run \"{id}\". The id is wrong, or the run was deleted after the retention period."
        );
        Self::new("Unknown run", text, clock)
    }

    /// The page for a shortened id that fits several runs.
    pub(super) fn ambiguous(id: &str, candidates: &[RunCandidate], has_more: bool, clock: &Clock) -> Self {
        let text = format!("The ids of several runs begin with \"{id}\".");
        let candidate = |run: &RunCandidate| (run_link(&run.run), clock.time(run.started_at));
        let candidates = candidates.iter().map(candidate).collect();
        Self { candidates, has_more, ..Self::new("Several runs", text, clock) }
    }
}
