//! What happens in a run, as values: each is recorded once, at the moment it is known, and everything that is said of a run
//! (log, report, history, notification) comes from that record.

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
    /// The run ended without a report of its own: its process died. Recorded by the run that finds it.
    Interrupted,
    /// The organization was read, or could not be.
    SourceRead(&'a SourceReport),
    /// What the run is about to do in one instance.
    Planned(&'a InstancePlan<'a>),
    /// What the guard holds in one instance now.
    Held(&'a HeldState<'a>),
    /// Changes of one instance are being sent.
    Sending(&'a Sending<'a>),
    /// What became of changes of one instance.
    Settled(&'a SettledChanges<'a>),
    /// Who is in the managed groups of one instance.
    Observed(&'a ObservedGroups<'a>),
    /// The run is done with one instance.
    InstanceEnded(&'a InstanceReport),
    /// The run ended.
    Ended(&'a RunReport),
}

impl<'a> RunEvent<'a> {
    /// The changes whose outcome this event makes known: what is not going to be made is settled with the plan.
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
    /// What was asked.
    pub mode: RunMode,
    /// What it was narrowed to, in words; `None` for a run over everything.
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
    /// Whether the pending ones are about to be made.
    pub next: AfterPlan,
    /// Of what is skipped, what no run has named yet.
    pub new_skips: &'a [&'a Skipped],
}

/// What follows a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterPlan {
    /// The pending changes are made.
    Apply,
    /// Nothing: a dry run, or an instance that is only observed.
    Nothing,
}

/// What is held in one instance.
#[derive(Clone, Copy, Debug)]
pub struct HeldState<'a> {
    /// The instance.
    pub instance: &'a InstanceName,
    /// What waits for an approval; `None` when nothing does.
    pub record: Option<&'a HeldRecord>,
    /// Holds of earlier runs that this plan does not name, because a listing lacks the profile, or Campaign the group or the
    /// operator. `None` where the run says nothing of the whole instance.
    pub dormant: Option<&'a [EarlierHold]>,
    /// The run whose undo this is: what an earlier undo of it held is held no longer. `None` for any other run, and where
    /// nothing may be written.
    pub undo_of: Option<&'a RunId>,
}

impl HeldState<'_> {
    /// Whether the run is about the whole instance, so that nothing else is held there.
    pub fn is_all(&self) -> bool {
        self.dormant.is_some()
    }
}

/// A plan that waits for an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRecord {
    /// The instance.
    pub instance: InstanceName,
    /// Names it.
    pub digest: Digest,
    /// The run that held it.
    pub run: RunId,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether that was a dry run: such a plan can be approved, and holds nothing in later runs.
    pub is_dry_run: bool,
    /// Whether that run was narrowed: it says nothing of what else is held.
    pub is_narrowed: bool,
    /// The held changes.
    pub changes: Vec<ApprovedChange>,
    /// The same with reason and limits, for the guard of later runs.
    pub held: Vec<EarlierHold>,
    /// Set where the plan takes back what a run did: only an undo of that run makes it.
    pub undo: Option<UndoHold>,
}

/// The hold of an undo: runs over everything plan something else, and leave it alone until its time is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoHold {
    /// The run that is taken back.
    pub run: RunId,
    /// How long it waits for an approval.
    pub until: DateTime<Utc>,
}

/// Changes that are being sent.
#[derive(Clone, Copy, Debug)]
pub struct Sending<'a> {
    /// The instance.
    pub instance: &'a InstanceName,
    /// Which changes, each with the approval that it rests on.
    pub changes: &'a [SentChange],
    /// The approval that the run begins to apply with them.
    pub begun: Option<BegunApproval<'a>>,
}

/// A change that is being sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentChange {
    /// Which change.
    pub key: ChangeKey,
    /// The digest of the approval that released it, in this run or in an earlier one; `None` where it needed none.
    pub approval: Option<String>,
}

/// The approval of a held plan that a run begins to apply.
#[derive(Clone, Copy, Debug)]
pub struct BegunApproval<'a> {
    /// Names it.
    pub digest: &'a Digest,
    /// Whether the run is about the whole instance, so that it leaves nothing else held there.
    pub is_all: bool,
}

/// What became of changes.
#[derive(Clone, Copy, Debug)]
pub struct SettledChanges<'a> {
    /// The instance.
    pub instance: &'a InstanceName,
    /// Each change with its outcome.
    pub changes: &'a [ChangeReport],
    /// How it is known.
    pub evidence: Evidence,
}

/// How a run knows what became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Campaign was read after the write, or nothing was sent.
    ReadBack,
    /// The write was sent, and Campaign could not be read afterwards: the next run that reads it settles the change again.
    Unread,
    /// A later run read Campaign.
    NextRun,
}

impl Evidence {
    /// As the record writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadBack => "read_back",
            Self::Unread => "unread",
            Self::NextRun => "next_run",
        }
    }
}

/// Who was seen in managed groups.
#[derive(Clone, Copy, Debug)]
pub struct ObservedGroups<'a> {
    /// The instance.
    pub instance: &'a InstanceName,
    /// The groups.
    pub groups: &'a [GroupObservation],
    /// Whether these are all groups that are managed: others are not managed any more then.
    pub is_all: bool,
}

/// One managed group as Campaign was seen to hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupObservation {
    /// The group.
    pub group: OperatorGroupName,
    /// The profile it follows.
    pub profile: ProductProfileName,
    /// All its members, managed or not.
    pub members: Vec<OperatorLogin>,
}
