//! The rules of an instance, as the program has them by default.

use campaign_group_sync::domain::{
    AssociationMask, InstanceName, Manage, MissingPolicy, OrphanedGroup, Policy, WithoutGroups,
};

pub(crate) fn policy(instance: &str, mask: &str) -> Policy {
    Policy {
        instance: InstanceName::new(instance),
        mask: AssociationMask::parse(mask).expect("a valid mask"),
        missing_operator: MissingPolicy::Skip,
        missing_group: MissingPolicy::Skip,
        manage: Manage::Ims,
        without_groups: WithoutGroups::Keep,
        orphaned_group: OrphanedGroup::Keep,
        protected_operators: Vec::new(),
        protected_groups: Vec::new(),
    }
}
