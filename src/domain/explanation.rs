//! Why a user is, or is not, in an operator group, step by step. The field names are part of the JSON document.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ChangeOutcome, ChangeReport, Outcome, RunId, to_the_second};

/// The result at one station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing at this station keeps the user out of the group.
    Yes,
    /// This station keeps the user out of the group.
    No,
    /// Not known.
    Unknown,
    /// Information that decides nothing.
    Note,
}

/// The stations between a user and a membership, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Station {
    /// The user in the Admin Console.
    User,
    /// The product profile, and whether it is assigned directly or through a user group.
    Profile,
    /// What the association mask maps the profile to.
    Mask,
    /// The operator in Campaign.
    Operator,
    /// The operator group, and whether the operator is in it.
    OperatorGroup,
    /// Whether a guard holds a change.
    Guard,
    /// The last change that the journal knows.
    LastChange,
    /// What the next run would do.
    NextRun,
}

impl Station {
    /// The title for readers.
    pub fn title(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Profile => "product profile",
            Self::Mask => "association mask",
            Self::Operator => "operator",
            Self::OperatorGroup => "operator group",
            Self::Guard => "guard",
            Self::LastChange => "last change",
            Self::NextRun => "next run",
        }
    }
}

/// One station and what was found there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which station.
    pub station: Station,
    /// The result.
    pub verdict: Verdict,
    /// The evidence, as a sentence.
    pub text: String,
}

/// One operator group in the explanation of one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupExplanation {
    /// The operator group.
    pub group: String,
    /// Whether the user's operator is in the group now; `None` when that could not be read.
    pub is_member: Option<bool>,
    /// Whether the user has a profile of the group; `None` when that is not known.
    pub is_wanted: Option<bool>,
    /// What was found, in order.
    pub findings: Vec<Finding>,
    /// Everything that is recorded about this membership, in chronological order.
    pub record: Vec<RecordedEvent>,
    /// What the next run does about it.
    pub next_run: NextRun,
}

/// The kinds of recorded events of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedKind {
    /// A run planned to add the operator to the group.
    Add,
    /// A run planned to remove the operator from the group.
    Remove,
    /// A run planned to create the operator.
    CreateOperator,
    /// A run planned to disable the operator.
    DisableOperator,
    /// The operator was in the group when a run first saw the group.
    FirstSeen,
    /// The operator appeared in the group between two runs.
    Appeared,
    /// The operator vanished from the group between two runs.
    Vanished,
    /// The group stopped following a product profile: later events are not recorded.
    Unmanaged,
}

/// One recorded event, or several consecutive runs that recorded the same event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedEvent {
    /// When it was first recorded.
    #[serde(serialize_with = "super::rfc3339")]
    pub at: DateTime<Utc>,
    /// What happened.
    pub what: RecordedKind,
    /// The outcome of a planned change; `None` for a change made in Campaign by hand.
    pub outcome: Option<ChangeOutcome>,
    /// The run that planned it; the first of several.
    pub run: Option<RunId>,
    /// The reason that the run recorded.
    pub reason: Option<String>,
    /// Why it had this outcome.
    pub detail: Option<String>,
    /// Who approved it, where an approval released it.
    pub approved_by: Option<String>,
    /// The run that this run undid, where it is an undo.
    pub undo_of: Option<RunId>,
    /// How many consecutive runs recorded the same.
    pub runs: usize,
    /// When the last of those runs recorded it.
    #[serde(serialize_with = "super::rfc3339")]
    pub last_at: DateTime<Utc>,
}

impl RecordedEvent {
    /// The event as a sentence, without its time.
    pub fn in_words(&self) -> String {
        let part = |before: &str, text: Option<&str>, after: &str| {
            text.map(|text| format!("{before}{text}{after}")).unwrap_or_default()
        };
        let run = part(" by run ", self.run.as_ref().map(RunId::as_str), "");
        let again = match self.runs {
            0 | 1 => String::new(),
            runs => format!(", recorded by {runs} runs until {}", to_the_second(self.last_at)),
        };
        let reason = part(": ", self.reason.as_deref(), "");
        let detail = part(" (", self.detail.as_deref(), ")");
        let approved = part("; approved by ", self.approved_by.as_deref(), "");
        [self.what_happened(), run, again, reason, detail, approved].concat()
    }

    fn what_happened(&self) -> String {
        let planned = |done: &str, to_do: &str| match self.outcome {
            Some(ChangeOutcome::Applied) => done.to_owned(),
            Some(ChangeOutcome::Already) => format!("found {done} already"),
            Some(outcome) => format!("{to_do}: {}", outcome.as_str()),
            None => to_do.to_owned(),
        };
        match self.what {
            RecordedKind::Add => planned("added", "to be added"),
            RecordedKind::Remove => planned("removed", "to be removed"),
            RecordedKind::CreateOperator => planned("operator created", "operator to be created"),
            RecordedKind::DisableOperator => planned("operator disabled", "operator to be disabled"),
            RecordedKind::FirstSeen => "in the group when a run first saw it".to_owned(),
            RecordedKind::Appeared => "added in Campaign, by hand or at a sign-in: first seen then".to_owned(),
            RecordedKind::Vanished => "removed in Campaign, by hand or at a sign-in: first missed then".to_owned(),
            RecordedKind::Unmanaged => "no longer recorded: no product profile stands for the group".to_owned(),
        }
    }
}

/// What the next run does about one membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextRunAction {
    /// It adds the operator.
    Add,
    /// It removes the operator.
    Remove,
    /// A guard holds the change.
    Held,
    /// The membership is skipped.
    Skipped,
    /// The membership is as it should be.
    Nothing,
    /// Not known, because a system could not be read or there was no run yet.
    Unknown,
}

/// What the next run does about one membership, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextRun {
    /// As a keyword.
    pub does: NextRunAction,
    /// As a sentence.
    pub text: String,
    /// The digest under which the change is held, once a run has held it.
    pub digest: Option<String>,
    /// When this digest was first held.
    #[serde(serialize_with = "super::report::rfc3339_or_null")]
    pub held_since: Option<DateTime<Utc>>,
}

/// A part of the explanation that is missing because a system could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnansweredPart {
    /// What could not be read: Experience Cloud, an instance by name, or the state.
    pub part: String,
    /// The outcome of a run that fails for the same reason.
    pub outcome: Outcome,
    /// Whether the configuration of the host is the cause; a written [`Outcome`] does not show that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub misconfigured: bool,
    /// What happened, and what to do.
    pub why: String,
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceExplanation {
    /// The name in the configuration.
    pub name: String,
    /// Findings about all groups: the operator, or what could not be read.
    pub findings: Vec<Finding>,
    /// Each group that the user is in, should be in, or was in, and the requested group; by name.
    pub groups: Vec<GroupExplanation>,
    /// What is recorded about the operator itself: when runs created or disabled it.
    pub record: Vec<RecordedEvent>,
}

/// A past change, as the journal recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastChange {
    /// The run that planned it.
    pub run: RunId,
    /// What that run was narrowed to, or which run it undid.
    pub scope: Option<String>,
    /// When it was last recorded.
    pub at: DateTime<Utc>,
    /// The change and its outcome.
    pub change: ChangeReport,
}

/// The whole explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Version of this document: [`Explanation::VERSION`].
    pub version: u32,
    /// The organization's id.
    pub organization: String,
    /// The name in the request.
    #[serde(rename = "person")]
    pub user: String,
    /// When it was created.
    #[serde(serialize_with = "super::rfc3339")]
    pub at: DateTime<Utc>,
    /// When to retry, where a call limit or a pause prevented a call; `None` where a retry would not add anything.
    #[serde(skip)]
    pub retry_at: Option<DateTime<Utc>>,
    /// The user in the Admin Console, and their profiles.
    pub findings: Vec<Finding>,
    /// Each instance.
    pub instances: Vec<InstanceExplanation>,
    /// What could not be read; empty if the explanation is complete.
    pub unanswered: Vec<UnansweredPart>,
}

impl Explanation {
    /// Version of the document; a change that breaks programs raises it.
    pub const VERSION: u32 = 1;

    /// The outcome of a run that fails for the same reasons; [`Outcome::InSync`] for a complete explanation.
    pub fn outcome(&self) -> Outcome {
        Outcome::of_all(self.unanswered.iter().map(|part| part.outcome))
    }
}
