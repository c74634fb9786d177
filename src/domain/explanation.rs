//! Why a person is, or is not, in a group: from the user to the last change. The field names are part of the JSON form.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{ChangeReport, RunId};

/// What is said about one station of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The way goes on here.
    Yes,
    /// It ends here.
    No,
    /// It could not be found out.
    Unknown,
    /// Neither good nor bad: something to know.
    Note,
}

/// The stations of the way, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Station {
    /// The user in the Admin Console.
    User,
    /// The product profile, and whether it was given directly or comes through a user group.
    Profile,
    /// What the association mask makes of the profile.
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
    /// As people read it.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which station.
    pub station: Station,
    /// What is said about it.
    pub verdict: Verdict,
    /// The evidence, as a sentence.
    pub text: String,
}

/// One group on the way of one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupExplanation {
    /// The operator group.
    pub group: String,
    /// Whether the person's operator is in it now; `None` when that could not be read.
    pub is_member: Option<bool>,
    /// What was found, in order.
    pub findings: Vec<Finding>,
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstanceExplanation {
    /// The name in the configuration.
    pub name: String,
    /// What is true of all groups: the operator, or what could not be read.
    pub findings: Vec<Finding>,
    /// Each group that the person has, should have, or was asked about; by name.
    pub groups: Vec<GroupExplanation>,
}

/// A change of the past, as the journal knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastChange {
    /// The run that planned it.
    pub run: RunId,
    /// When it was last written about.
    pub at: DateTime<Utc>,
    /// What it was and what became of it.
    pub change: ChangeReport,
}

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Whom it is about, as asked.
    pub person: String,
    /// When it was found out.
    #[serde(serialize_with = "super::rfc3339")]
    pub at: DateTime<Utc>,
    /// When to ask again, where no call may be sent before; `None` where the question was answered as far as it can be.
    #[serde(skip)]
    pub ask_again_at: Option<DateTime<Utc>>,
    /// The user in the Admin Console, and their profiles.
    pub findings: Vec<Finding>,
    /// Each instance.
    pub instances: Vec<InstanceExplanation>,
}
