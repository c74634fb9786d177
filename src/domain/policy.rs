//! The configured rules of one instance, as far as decisions need them.

use super::{AssociationMask, InstanceName, OperatorGroupName, OperatorLogin};

/// What a run does about a user without operator, or a profile without operator group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingPolicy {
    /// Skip it with a notice.
    Skip,
    /// Create it.
    Create,
}

/// Which operators' memberships follow the profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manage {
    /// Only operators that sign in through Adobe's identity service.
    Ims,
    /// Every operator.
    All,
}

impl Manage {
    /// The value in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ims => "ims",
            Self::All => "all",
        }
    }
}

/// What a run does about an operator of Adobe's identity service that it leaves in no group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutGroups {
    /// It leaves the operator enabled.
    Keep,
    /// It disables the operator.
    Disable,
}

/// What a run does about the members of a group that has lost its profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrphanedGroup {
    /// The members stay, and every report lists the group.
    Keep,
    /// The run plans their removals, which need an approval.
    Empty,
}

/// Which memberships of profiles count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Membership {
    /// All, including those through a user group.
    #[default]
    Effective,
    /// Only those assigned to the user directly.
    Direct,
}

impl Membership {
    /// The value in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Effective => "effective",
            Self::Direct => "direct",
        }
    }
}

/// A group with a minimum number of members or with required members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedGroup {
    /// The group.
    pub name: OperatorGroupName,
    /// Minimum number of members: removals below it are skipped.
    pub min_members: usize,
    /// Operators that are never removed from it.
    pub required: Vec<OperatorLogin>,
}

/// The rules of one Campaign instance.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The name of the instance in the configuration.
    pub instance: InstanceName,
    /// Maps profiles to operator groups.
    pub mask: AssociationMask,
    /// What to do about users without operator.
    pub missing_operator: MissingPolicy,
    /// What to do about profiles without operator group.
    pub missing_group: MissingPolicy,
    /// Which operators are managed.
    pub manage: Manage,
    /// What to do about operators that a run leaves in no group.
    pub without_groups: WithoutGroups,
    /// What to do about groups that have lost their profile.
    pub orphaned_group: OrphanedGroup,
    /// Operators that are never changed, besides the built-in ones.
    pub protected_operators: Vec<OperatorLogin>,
    /// Groups with a minimum number of members or with required members.
    pub protected_groups: Vec<ProtectedGroup>,
}
