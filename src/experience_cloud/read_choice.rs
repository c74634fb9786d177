//! Which calls read the memberships: how many calls each way costs, and the choice between them.

use crate::domain::{ProductProfile, ReadKind};

/// Users on a page: Adobe's maximum since 2021-04-27 (UMAPI documentation, news). Used to estimate costs only.
const USERS_PER_PAGE: u64 = 2000;

/// Which calls read the memberships, as configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadChoice {
    /// The way that costs fewer calls.
    #[default]
    Auto,
    /// Always list all users of the organization.
    Organization,
    /// Always list the members of each matching profile.
    Profiles,
}

/// The number of calls for users that each way costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadCosts {
    /// Calls to list the members of each matching profile; `None` if a profile has no `memberCount`.
    pub(super) profiles: Option<u64>,
    /// Least number of calls to list all users: the organization has at least as many users as its largest group.
    pub(super) organization: u64,
}

impl ReadCosts {
    /// The costs for these profiles in an organization whose largest group has `largest_group` members.
    pub(super) fn of<'a>(matched: impl Iterator<Item = &'a ProductProfile>, largest_group: u64) -> Self {
        let mut each = matched.map(|profile| profile.member_count.map(pages));
        Self {
            profiles: each.try_fold(0_u64, |sum, pages| Some(sum.saturating_add(pages?))),
            organization: pages(largest_group),
        }
    }
}

impl ReadChoice {
    /// Chooses the way to read. Profiles are read one by one only if that is certainly cheaper: the real size of the
    /// organization is unknown, and one listing is more consistent than several.
    pub(super) fn choose(self, costs: ReadCosts) -> ReadKind {
        match self {
            Self::Profiles => ReadKind::Profiles,
            Self::Auto if costs.profiles.is_some_and(|profiles| profiles < costs.organization) => ReadKind::Profiles,
            Self::Organization | Self::Auto => ReadKind::Organization,
        }
    }
}

fn pages(members: u64) -> u64 {
    members.div_ceil(USERS_PER_PAGE).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ProductProfileName;

    fn check(members: &[Option<u64>], largest_group: u64, expected: (Option<u64>, u64), kind: ReadKind) {
        let name = ProductProfileName::new("P");
        let profiles: Vec<_> =
            members.iter().map(|count| ProductProfile { id: None, name: name.clone(), member_count: *count }).collect();
        let costs = ReadCosts::of(profiles.iter(), largest_group);
        assert_eq!((costs.profiles, costs.organization), expected, "{members:?} of {largest_group}");
        assert_eq!(ReadChoice::Auto.choose(costs), kind, "{members:?} of {largest_group}");
    }

    #[test]
    fn profiles_are_read_one_by_one_only_when_that_is_certainly_cheaper() {
        check(&[Some(3), Some(0)], 1999, (Some(2), 1), ReadKind::Organization);
        check(&[Some(3)], 2000, (Some(1), 1), ReadKind::Organization);
        check(&[Some(3)], 2001, (Some(1), 2), ReadKind::Profiles);
        check(&[Some(2000), Some(2001)], 6000, (Some(3), 3), ReadKind::Organization);
        check(&[Some(2000), Some(2001)], 6001, (Some(3), 4), ReadKind::Profiles);
        check(&[Some(3), None], 1_000_000, (None, 500), ReadKind::Organization);
        check(&[Some(u64::MAX), Some(u64::MAX)], 1, (Some(18_446_744_073_709_552), 1), ReadKind::Organization);
    }

    #[test]
    fn a_configured_way_is_taken_whatever_it_costs() {
        let costs = ReadCosts { profiles: Some(1), organization: 9 };
        assert_eq!(ReadChoice::Organization.choose(costs), ReadKind::Organization);
        assert_eq!(ReadChoice::Profiles.choose(ReadCosts { profiles: Some(9), organization: 1 }), ReadKind::Profiles);
    }
}
