//! What the administrator decided for one instance, as far as decisions need it.

use super::{AssociationMask, InstanceName, OperatorGroupName, OperatorLogin};

/// What becomes of a user without operator, or of a profile without operator group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingPolicy {
    /// Leave it out and say so.
    Skip,
    /// Create it.
    Create,
}

/// Whose memberships follow the profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manage {
    /// Operators who log on through Adobe's identity service only.
    Ims,
    /// Every operator.
    All,
}

impl Manage {
    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ims => "ims",
            Self::All => "all",
        }
    }
}

/// What becomes of an operator of Adobe's identity service whom a run leaves in no group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutGroups {
    /// Nothing.
    Keep,
    /// It is disabled.
    Disable,
}

/// What becomes of the members of a group whose profile vanished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrphanedGroup {
    /// They stay, and every report says so.
    Keep,
    /// They are to be removed, once somebody approved it.
    Empty,
}

/// Which memberships of profiles count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Membership {
    /// Also those that come through a user group.
    #[default]
    Effective,
    /// Only those given to the user.
    Direct,
}

impl Membership {
    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Effective => "effective",
            Self::Direct => "direct",
        }
    }
}

/// A group that must not run dry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedGroup {
    /// Which group.
    pub name: OperatorGroupName,
    /// Least number of members that removals leave.
    pub min_members: usize,
    /// Operators that are never removed from it.
    pub required: Vec<OperatorLogin>,
}

/// The rules of one Campaign instance.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The name of the instance in the configuration.
    pub instance: InstanceName,
    /// Ties profiles to operator groups.
    pub mask: AssociationMask,
    /// Users without operator.
    pub missing_operator: MissingPolicy,
    /// Profiles without operator group.
    pub missing_group: MissingPolicy,
    /// Whose memberships are managed.
    pub manage: Manage,
    /// Operators whom a run leaves in no group.
    pub without_groups: WithoutGroups,
    /// Groups whose profile vanished.
    pub orphaned_group: OrphanedGroup,
    /// Operators that are never touched, beside the built-in ones.
    pub protected_operators: Vec<OperatorLogin>,
    /// Groups that must not run dry.
    pub protected_groups: Vec<ProtectedGroup>,
}
