//! What is skipped in a plan, and why.

use serde::{Deserialize, Serialize};

use super::{OperatorGroupName, all_variants};

/// Why something is skipped. The names are part of the JSON report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// A user of a matched profile has no operator.
    NoOperator,
    /// A matched profile has no operator group.
    NoGroup,
    /// The operator signs in with a password, and only operators of Adobe's identity service are managed.
    NotManaged,
    /// The operator is protected.
    Protected,
    /// A name on users that is not a profile in the groups listing.
    NotAProfile,
    /// A user with neither e-mail address nor user name.
    NoLogin,
    /// A user known by id has a new login that no operator has: the stored operator is used.
    Renamed,
    /// One user matches two operators, or the names of a user and an operator only look alike.
    AmbiguousIdentity,
    /// Two profiles map to one operator group, or to groups whose names look alike.
    AmbiguousProfile,
    /// Campaign has two operator groups with one name, or the name of a group only looks like that of the profile's
    /// group.
    AmbiguousGroup,
    /// An operator group that a profile maps to has another name in Campaign now.
    RenamedGroup,
    /// The pages of members carry another name of a profile than the groups listing.
    RenamedProfile,
    /// The record of a profile or of an operator in a managed group cannot be used.
    UnusableRecord,
    /// The mask matches and captures nothing.
    EmptyCapture,
    /// The group would fall below its minimum number of members, or lose a required member.
    ProtectedMinimum,
    /// A run was narrowed to a user that the organization does not have.
    #[serde(rename = "unknown-person")]
    UnknownUser,
    /// A run was narrowed to a group that no profile maps to.
    UnknownGroup,
}

impl SkipReason {
    /// Every reason; those that need no administrator come first.
    pub const ALL: [Self; 17] = all_variants!(
        SkipReason: NoOperator, NoGroup, NotManaged, Protected, NotAProfile, Renamed, NoLogin, AmbiguousIdentity,
        AmbiguousProfile, AmbiguousGroup, RenamedGroup, RenamedProfile, UnusableRecord, EmptyCapture, ProtectedMinimum,
        UnknownUser, UnknownGroup
    );

    /// Whether an administrator has to correct something: the run then exits with status 3.
    pub fn could_not_be_placed(self) -> bool {
        match self {
            Self::NoOperator
            | Self::NoGroup
            | Self::NotManaged
            | Self::Protected
            | Self::NotAProfile
            | Self::NoLogin
            | Self::Renamed => false,
            Self::AmbiguousIdentity
            | Self::AmbiguousProfile
            | Self::AmbiguousGroup
            | Self::RenamedGroup
            | Self::RenamedProfile
            | Self::UnusableRecord
            | Self::EmptyCapture
            | Self::ProtectedMinimum
            | Self::UnknownUser
            | Self::UnknownGroup => true,
        }
    }

    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoOperator => "no-operator",
            Self::NoGroup => "no-group",
            Self::NotManaged => "not-managed",
            Self::Protected => "protected",
            Self::NotAProfile => "not-a-profile",
            Self::NoLogin => "no-login",
            Self::AmbiguousIdentity => "ambiguous-identity",
            Self::AmbiguousProfile => "ambiguous-profile",
            Self::AmbiguousGroup => "ambiguous-group",
            Self::RenamedGroup => "renamed-group",
            Self::RenamedProfile => "renamed-profile",
            Self::UnusableRecord => "unusable-record",
            Self::EmptyCapture => "empty-capture",
            Self::ProtectedMinimum => "protected-minimum",
            Self::Renamed => "renamed",
            Self::UnknownUser => "unknown-person",
            Self::UnknownGroup => "unknown-group",
        }
    }
}

/// One skipped item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Skipped {
    /// Why it is skipped.
    pub reason: SkipReason,
    /// What is skipped: an e-mail address, a login, a profile or a group.
    pub subject: String,
    /// One sentence for the administrator: what happened and what to do.
    pub detail: String,
    /// The operator group whose membership of the subject is kept although it does not follow from the profile; `None`
    /// for anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

impl Skipped {
    /// One skipped item.
    pub fn new(reason: SkipReason, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { reason, subject: subject.into(), detail: detail.into(), group: None }
    }

    /// The same, as a membership of this operator group that is kept.
    #[must_use]
    pub(super) fn in_group(self, group: &OperatorGroupName) -> Self {
        Self { group: Some(group.to_string()), ..self }
    }
}
