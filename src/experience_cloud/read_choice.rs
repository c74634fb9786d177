//! Which calls read the memberships: how many calls each way costs, and the choice between them.

use std::{num::NonZeroU32, time::Duration};

use super::{first_page::FirstPage, groups_listing::ListingOrigin, profile_names::MatchedListing};
use crate::domain::{ProductProfile, ReadKind};

/// Users on a page: Adobe's maximum since 2021-04-27 (UMAPI documentation, news). Used to estimate costs only.
const USERS_PER_PAGE: u64 = 2000;

/// The window of the limits of calls, in seconds.
const MINUTE: u64 = 60;

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

/// The number of calls for users that each way costs, as far as it is known before the first of them. An error of these
/// numbers costs calls and nothing else: each way proves by itself that its read is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadCosts {
    /// The members of each matching profile; `None` if a profile has no `memberCount`.
    members: Vec<Option<u64>>,
    /// The members of the matching profiles that are read after a walk as well, because a group of another type has, or
    /// may have, the same name.
    members_after_walk: Vec<Option<u64>>,
    /// Number of users at the last accepted read of all users.
    remembered_users: Option<u64>,
    /// The organization has at least as many users as its largest group.
    largest_group: u64,
}

impl ReadCosts {
    /// The costs of a read of these profiles.
    pub(super) fn of(matched: &MatchedListing) -> Self {
        let MatchedListing { listing, positions, remembered_users, .. } = matched;
        let profiles = || positions.iter().filter_map(|position| listing.readable(*position));
        let shared = profiles().filter(|profile| listing.is_shared(&profile.name));
        let largest_group = match &listing.origin {
            ListingOrigin::Read { largest_group, .. } => *largest_group,
            ListingOrigin::Remembered => largest(listing.profiles()),
        };
        Self {
            members: profiles().map(|profile| profile.member_count).collect(),
            members_after_walk: shared.map(|profile| profile.member_count).collect(),
            remembered_users: *remembered_users,
            largest_group,
        }
    }

    /// Number of matching profiles.
    pub fn profile_count(&self) -> usize {
        self.members.len()
    }

    /// Calls to list the members of each matching profile, of which each has at least one page.
    pub fn profiles(&self) -> u64 {
        calls(&self.members, USERS_PER_PAGE)
    }

    /// Calls to list all users, as far as the size of the organization is known; otherwise the least number of calls.
    pub fn organization(&self) -> u64 {
        pages(self.remembered_users.unwrap_or_default().max(self.largest_group), USERS_PER_PAGE)
    }

    /// Chooses before the first call. Profiles are read one by one only if that is cheaper than the whole walk: one
    /// listing is more consistent than several. Where the size of the organization is not known, page 0 of the walk
    /// tells it.
    fn choose(&self) -> ReadKind {
        let walk = self.organization().saturating_add(calls(&self.members_after_walk, USERS_PER_PAGE));
        if self.is_counted() && self.profiles() < walk { ReadKind::Profiles } else { ReadKind::Organization }
    }

    /// Whether a walk is abandoned after its page 0: where the members of each profile cost fewer calls than what is
    /// left of the walk. Answers the number of pages of the walk, and of the profiles.
    pub(super) fn abandoned(&self, first: AnnouncedWalk) -> Option<(u64, u64)> {
        let AnnouncedWalk { pages: walk, users_per_page } = first;
        let profiles = calls(&self.members, users_per_page);
        let left = walk.saturating_sub(1).saturating_add(calls(&self.members_after_walk, users_per_page));
        (self.is_counted() && profiles < left).then_some((walk, profiles))
    }

    /// Whether the members of each matching profile take longer to list than it takes to wait for `length` and then to
    /// list all users. `false` if the size of the organization is not known.
    pub fn is_waiting_quicker(&self, length: Duration, per_minute: NonZeroU32) -> bool {
        let seconds = |calls: u64| calls.saturating_mul(MINUTE) / u64::from(per_minute.get());
        let walk = Duration::from_secs(seconds(self.organization()));
        self.remembered_users.is_some() && Duration::from_secs(seconds(self.profiles())) > length.saturating_add(walk)
    }

    /// Whether every profile has a number of members.
    fn is_counted(&self) -> bool {
        self.members.iter().all(Option::is_some)
    }
}

/// The size of a walk, as its page 0 announces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AnnouncedWalk {
    /// Pages of the walk, page 0 included.
    pub(super) pages: u64,
    pub(super) users_per_page: u64,
}

impl AnnouncedWalk {
    /// What page 0 announces; `None` if it is the last page, or has no counting headers.
    pub(super) fn of(first: &FirstPage) -> Option<Self> {
        let received = &first.received;
        if received.page.is_last {
            return None;
        }
        let on_page = u64::try_from(received.page.keys.len()).unwrap_or(u64::MAX).max(1);
        let users_per_page = received.total_count.zip(received.page_count).map_or(on_page, |(users, pages)| {
            // Page 0 lacks the technical accounts, which the total counts.
            users.div_ceil(pages.max(1)).max(on_page)
        });
        let pages = received.page_count.or_else(|| Some(pages(received.total_count?, users_per_page)))?;
        Some(Self { pages, users_per_page })
    }
}

impl ReadChoice {
    /// Chooses the way to read before the first call.
    pub(super) fn choose(self, costs: &ReadCosts) -> ReadKind {
        match self {
            Self::Profiles => ReadKind::Profiles,
            Self::Organization => ReadKind::Organization,
            Self::Auto => costs.choose(),
        }
    }
}

/// Calls to list the members of profiles with these numbers of members. A profile without a number has at least one
/// page.
fn calls(members: &[Option<u64>], users_per_page: u64) -> u64 {
    let each = members.iter().map(|count| pages(count.unwrap_or_default(), users_per_page));
    each.fold(0, u64::saturating_add)
}

fn pages(users: u64, users_per_page: u64) -> u64 {
    users.div_ceil(users_per_page).max(1)
}

fn largest(profiles: &[ProductProfile]) -> u64 {
    profiles.iter().filter_map(|profile| profile.member_count).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs(members: &[Option<u64>], largest_group: u64, remembered_users: Option<u64>) -> ReadCosts {
        ReadCosts { members: members.to_vec(), members_after_walk: Vec::new(), remembered_users, largest_group }
    }

    fn check(members: &[Option<u64>], largest_group: u64, expected: (u64, u64), kind: ReadKind) {
        let costs = costs(members, largest_group, None);
        assert_eq!((costs.profiles(), costs.organization()), expected, "{members:?} of {largest_group}");
        assert_eq!(ReadChoice::Auto.choose(&costs), kind, "{members:?} of {largest_group}");
    }

    #[test]
    fn before_page_0_profiles_are_read_one_by_one_only_when_that_is_certainly_cheaper() {
        check(&[Some(3), Some(0)], 1999, (2, 1), ReadKind::Organization);
        check(&[Some(3)], 2000, (1, 1), ReadKind::Organization);
        check(&[Some(3)], 2001, (1, 2), ReadKind::Profiles);
        check(&[Some(2000), Some(2001)], 6000, (3, 3), ReadKind::Organization);
        check(&[Some(2000), Some(2001)], 6001, (3, 4), ReadKind::Profiles);
        check(&[Some(3), None], 1_000_000, (2, 500), ReadKind::Organization);
        check(&[Some(u64::MAX), Some(u64::MAX)], 1, (18_446_744_073_709_552, 1), ReadKind::Organization);
    }

    #[test]
    fn a_configured_way_is_taken_whatever_it_costs() {
        let (cheap, dear) = (costs(&[Some(1)], 18_000, None), costs(&[Some(18_000)], 1, None));
        assert_eq!(ReadChoice::Organization.choose(&cheap), ReadKind::Organization);
        assert_eq!(ReadChoice::Profiles.choose(&dear), ReadKind::Profiles);
    }

    /// The calls of a read in an organization of `users`: page 0 of the walk, and whether it was abandoned, as the
    /// choice has it.
    fn spent(costs: &ReadCosts, users: u64) -> u64 {
        let walk = pages(users, USERS_PER_PAGE);
        if ReadChoice::Auto.choose(costs) == ReadKind::Profiles {
            return costs.profiles();
        }
        let announced = AnnouncedWalk { pages: walk, users_per_page: USERS_PER_PAGE };
        match costs.abandoned(announced) {
            Some(_) => 1 + costs.profiles(),
            None => walk,
        }
    }

    #[test]
    fn a_read_costs_the_minimum_of_calls_and_at_most_one_first_page() {
        let mut cells = 0;
        for users in [1_000_u64, 10_000, 100_000, 1_000_000] {
            for profiles in [5_u64, 50, 500] {
                for members in [5, users / 10] {
                    // The largest listed group is a matching profile, or a group of half of the organization.
                    for largest_group in [members, users / 2] {
                        for remembered in [None, Some(users), Some(users * 3 / 4), Some(users * 5 / 4)] {
                            let members = vec![Some(members); usize::try_from(profiles).expect("few")];
                            let costs = costs(&members, largest_group, remembered);
                            let least = pages(users, USERS_PER_PAGE).min(costs.profiles());
                            let spent = spent(&costs, users);
                            let case = format!(
                                "{users} users, {profiles} profiles of {members:?}, largest {largest_group}, {remembered:?}"
                            );
                            assert!(spent >= least, "{case}: {spent} calls are less than the minimum {least}");
                            match remembered {
                                Some(remembered) if remembered > users => {
                                    // A size that is remembered too large costs at most the profiles that it suggests.
                                    let believed = pages(remembered, USERS_PER_PAGE);
                                    assert!(spent <= least + 1 || spent < believed, "{case}: {spent} calls");
                                }
                                _ => assert!(spent <= least + 1, "{case}: {spent} calls, minimum {least}"),
                            }
                            if remembered == Some(users) {
                                assert_eq!(spent, least, "{case}: nothing has to be learned");
                            }
                            cells += 1;
                        }
                    }
                }
            }
        }
        assert_eq!(cells, 4 * 3 * 2 * 2 * 4);
    }

    #[test]
    fn a_walk_is_abandoned_only_for_fewer_calls_than_it_has_left() {
        let three = costs(&[Some(5), Some(5), Some(5)], 5, None);
        let of = |pages, users_per_page| three.abandoned(AnnouncedWalk { pages, users_per_page });
        assert_eq!(of(4, 2000), None, "three pages are left, and three are needed");
        assert_eq!(of(5, 2000), Some((5, 3)));
        assert_eq!(of(5, 2), None, "pages of two users: the profiles have nine");
        assert_eq!(of(u64::MAX, 2000), Some((u64::MAX, 3)));
        let uncounted = costs(&[Some(5), None], 5, None);
        assert_eq!(uncounted.abandoned(AnnouncedWalk { pages: 500, users_per_page: 2000 }), None);
        // Names that other groups have as well cost their calls after a walk.
        let shared = ReadCosts { members_after_walk: vec![Some(5)], ..three.clone() };
        assert_eq!(shared.abandoned(AnnouncedWalk { pages: 4, users_per_page: 2000 }), Some((4, 3)));
    }

    #[test]
    fn waiting_is_quicker_only_for_an_organization_of_known_size_and_many_calls() {
        let rate = NonZeroU32::new(25).expect("not zero");
        let quicker = |profiles: usize, users: Option<u64>, minutes: u64| {
            let costs = costs(&vec![Some(10); profiles], 10, users);
            costs.is_waiting_quicker(Duration::from_secs(minutes * 60), rate)
        };
        // 1,500 calls take an hour; 100 pages take four minutes.
        assert!(quicker(1500, Some(200_000), 55));
        assert!(!quicker(1500, Some(200_000), 56));
        assert!(!quicker(1500, None, 1), "the walk may have any length");
        assert!(!quicker(50, Some(20_000), 110), "50 calls take two minutes");
    }
}
