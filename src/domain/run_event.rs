//! The events of a run. Each is recorded once, as soon as it is known, and the log, reports, the history and
//! notifications are created from these records.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    ApprovedChange, ChangeKey, ChangeOutcome, ChangeReport, Digest, EarlierHold, InstanceName, InstanceReport,
    OperatorGroupName, OperatorLogin, ProductProfileName, RunId, RunMode, RunReport, Skipped, SourceReport,
};

/// One event of a run.
#[derive(Clone, Copy, Debug)]
pub enum RunEvent<'a> {
    /// The run began.
    Started(&'a RunStart),
    /// The run ended without a report, because its process died. Recorded by the run that detects it.
    Interrupted,
    /// The organization was read, or could not be read.
    SourceRead(&'a SourceReport),
    /// The plan of the run for one instance.
    Planned(&'a InstancePlan<'a>),
    /// What the guard holds in one instance.
    Held(&'a HeldState<'a>),
    /// Changes of one instance are being sent.
    Sending(&'a Sending<'a>),
    /// The outcomes of changes of one instance.
    Settled(&'a SettledChanges<'a>),
    /// The members of managed groups of one instance.
    Observed(&'a ObservedGroups<'a>),
    /// The run ended in one instance.
    InstanceEnded(&'a InstanceReport),
    /// The run ended.
    Ended(&'a RunReport),
}

impl<'a> RunEvent<'a> {
    /// The changes whose outcome this event contains: changes that will not be applied have their outcome with the
    /// plan.
    pub fn outcomes(&self) -> impl Iterator<Item = &'a ChangeReport> + use<'a> {
        let (changes, is_plan) = match self {
            Self::Planned(plan) => (plan.report.changes.as_slice(), plan.next == AfterPlan::Apply),
            Self::Settled(settled) => (settled.changes, false),
            _ => (&[][..], false),
        };
        changes.iter().filter(move |change| !is_plan || change.outcome != ChangeOutcome::Pending)
    }
}

/// How a run begins.
#[derive(Clone, Debug)]
pub struct RunStart {
    /// The requested mode.
    pub mode: RunMode,
    /// What it was narrowed to, for readers; `None` for a run over everything.
    pub scope: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// The instances it is about.
    pub instances: Vec<InstanceName>,
}

/// The plan of one instance.
#[derive(Clone, Copy, Debug)]
pub struct InstancePlan<'a> {
    /// The report so far: its changes are all `pending`, `held` or `unconfirmed`.
    pub report: &'a InstanceReport,
    /// Whether the pending changes are applied next.
    pub next: AfterPlan,
    /// The skipped items that no earlier run has reported.
    pub new_skips: &'a [&'a Skipped],
}

/// What follows a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterPlan {
    /// The pending changes are applied.
    Apply,
    /// No change is applied: a dry run, or an observed instance.
    Nothing,
}

/// What is held in one instance.
#[derive(Clone, Copy, Debug)]
pub struct HeldState<'a> {
    /// The instance.
    pub instance: &'a InstanceName,
    /// The plan that waits for an approval; `None` if nothing is held.
    pub record: Option<&'a HeldRecord>,
    /// Holds of earlier runs that this plan does not contain because the profile, the group or the operator is absent.
    /// `None` if the run does not cover the whole instance.
    pub dormant: Option<&'a [EarlierHold]>,
    /// The run that this run undoes: the hold of an earlier undo of it ends. `None` for any other run, and if no change
    /// may be applied.
    pub undo_of: Option<&'a RunId>,
}

impl HeldState<'_> {
    /// Whether the run covers the whole instance, so that nothing else is held there.
    pub fn is_all(&self) -> bool {
        self.dormant.is_some()
    }
}

/// A plan that waits for an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRecord {
    /// The instance.
    pub instance: InstanceName,
    /// Its digest.
    pub digest: Digest,
    /// The run that held it.
    pub run: RunId,
    /// When it was held.
    pub at: DateTime<Utc>,
    /// Whether that was a dry run: its plan can be approved, and holds nothing in later runs.
    pub is_dry_run: bool,
    /// Whether that run was narrowed: other changes may be held as well.
    pub is_narrowed: bool,
    /// The held changes.
    pub changes: Vec<ApprovedChange>,
    /// The held changes with reason and limits, for the guard of later runs.
    pub held: Vec<EarlierHold>,
    /// Set if the plan is an undo: only an undo of the same run applies it.
    pub undo: Option<UndoHold>,
}

/// The hold of an undo. Other runs plan other changes and keep this hold until it expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoHold {
    /// The run that is undone.
    pub run: RunId,
    /// When the hold expires.
    pub until: DateTime<Utc>,
}

/// Changes that are being sent.
#[derive(Clone, Copy, Debug)]
pub struct Sending<'a> {
    /// The instance.
    pub instance: &'a InstanceName,
    /// The changes, each with its approval.
    pub changes: &'a [SentChange],
    /// The approval that the run begins to apply with these changes.
    pub begun: Option<BegunApproval<'a>>,
}

/// A change that is being sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentChange {
    /// The change.
    pub key: ChangeKey,
    /// The digest of the approval that released it, in this run or in an earlier one; `None` if it needed none.
    pub approval: Option<String>,
}

/// The approval of a held plan that a run begins to apply.
#[derive(Clone, Copy, Debug)]
pub struct BegunApproval<'a> {
    /// Its digest.
    pub digest: &'a Digest,
    /// Whether the run covers the whole instance, so that nothing else is held there.
    pub is_all: bool,
}

/// Changes with their outcomes.
#[derive(Clone, Copy, Debug)]
pub struct SettledChanges<'a> {
    /// The instance.
    pub instance: &'a InstanceName,
    /// Each change with its outcome.
    pub changes: &'a [ChangeReport],
    /// How the outcomes are known.
    pub evidence: Evidence,
}

/// How a run knows the outcome of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Campaign was read after the write, or nothing was sent.
    ReadBack,
    /// The write was sent, and Campaign could not be read afterwards: the next run that reads Campaign determines the
    /// outcome.
    Unread,
    /// A later run read Campaign.
    NextRun,
}

impl Evidence {
    /// The name in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadBack => "read_back",
            Self::Unread => "unread",
            Self::NextRun => "next_run",
        }
    }
}

/// The members of managed groups, as read from Campaign.
#[derive(Clone, Copy, Debug)]
pub struct ObservedGroups<'a> {
    /// The instance.
    pub instance: &'a InstanceName,
    /// The groups.
    pub groups: &'a [GroupObservation],
    /// Whether these are all managed groups, so that other groups are not managed any more.
    pub is_all: bool,
}

/// One managed group, as read from Campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupObservation {
    /// The group.
    pub group: OperatorGroupName,
    /// The profile it follows.
    pub profile: ProductProfileName,
    /// All its members, managed or not.
    pub members: Vec<OperatorLogin>,
}
