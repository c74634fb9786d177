//! What was left out of a plan, and why.

use serde::{Deserialize, Serialize};

/// Why something was left out. The names are part of the JSON report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// A user of a matched profile has no operator.
    NoOperator,
    /// A matched profile has no operator group.
    NoGroup,
    /// The operator logs on with a password and only those of Adobe's identity service are managed.
    NotManaged,
    /// The operator is never touched.
    Protected,
    /// A name seen on users that the groups listing does not know as a profile.
    NotAProfile,
    /// A user with neither e-mail address nor user name.
    NoLogin,
    /// A user known by id has a new login that no operator has: the remembered operator stands for the user.
    Renamed,
    /// One user and two operators, or a user and an operator whose names only look alike.
    AmbiguousIdentity,
    /// Two profiles for one operator group, or for groups whose names look alike.
    AmbiguousProfile,
    /// Two operator groups of one name, or one that only looks like the group of the profile.
    AmbiguousGroup,
    /// An operator group that a profile stood for has another name in Campaign now.
    RenamedGroup,
    /// The members of a profile came under another name than the one in the groups listing.
    RenamedProfile,
    /// A record that concerns the mask and cannot be used.
    UnusableRecord,
    /// The mask matches and captures nothing.
    EmptyCapture,
    /// The group would fall below its least number of members, or lose a required one.
    ProtectedMinimum,
    /// A run was narrowed to somebody whom the organization does not know.
    #[serde(rename = "unknown-person")]
    UnknownUser,
    /// A run was narrowed to a group that no profile stands for.
    UnknownGroup,
}

impl SkipReason {
    /// Whether somebody has to mend something: the run then ends with 3.
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

/// One thing left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Skipped {
    /// Why.
    pub reason: SkipReason,
    /// Whom or what it is about: an e-mail address, a login, a profile or a group.
    pub subject: String,
    /// One sentence for the user who has to understand or mend it.
    pub detail: String,
}

impl Skipped {
    /// One thing left out.
    pub fn new(reason: SkipReason, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { reason, subject: subject.into(), detail: detail.into() }
    }
}
