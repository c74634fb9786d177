//! The ways to request the members of one profile, and how a second read differs from the first.
//!
//! | the first read requested | the second requests |
//! |---|---|
//! | all users, or single users | by id; by name if the id finds nothing |
//! | by id | by name; by id with the groups of each user if the name finds nothing |
//! | by id, and the name may be that of another group, or has a dot | by id, with the groups of each user |
//! | by name | by id; by name with the groups of each user if the id finds nothing |

use super::users_walk::GroupsOfUsers;
use crate::domain::{MembersQuery, ProductProfile};

/// One way to request the members of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MembersCall {
    pub(super) asked: MembersQuery,
    /// The id or the name of the profile, for the path.
    pub(super) address: String,
    pub(super) groups: GroupsOfUsers,
}

/// The ways of a first read, the better one first. `is_shared`: another group has, or may have, the same name.
pub(super) fn first(profile: &ProductProfile, is_shared: bool) -> Vec<MembersCall> {
    let asked = if is_shared || !is_addressable(profile) { MembersQuery::ByIdOnly } else { MembersQuery::ById };
    let excluded = GroupsOfUsers::Excluded;
    [by_id(profile, asked, excluded), by_name(profile, excluded)].into_iter().flatten().collect()
}

/// The ways of a second read: requests that differ from those of the `first` read.
pub(super) fn second(profile: &ProductProfile, first: Option<MembersQuery>) -> Vec<MembersCall> {
    use GroupsOfUsers::{Excluded, Shown};
    let id = |groups| by_id(profile, MembersQuery::ById, groups);
    let calls = match first {
        None => [id(Excluded), by_name(profile, Excluded)],
        Some(MembersQuery::ById) => [by_name(profile, Excluded), id(Shown)],
        Some(MembersQuery::ByIdOnly) => [id(Shown), None],
        Some(MembersQuery::ByName) => [id(Excluded), by_name(profile, Shown)],
    };
    calls.into_iter().flatten().collect()
}

fn by_id(profile: &ProductProfile, asked: MembersQuery, groups: GroupsOfUsers) -> Option<MembersCall> {
    profile.id.map(|id| MembersCall { asked, address: id.to_string(), groups })
}

fn by_name(profile: &ProductProfile, groups: GroupsOfUsers) -> Option<MembersCall> {
    let address = profile.name.as_str().to_owned();
    is_addressable(profile).then_some(MembersCall { asked: MembersQuery::ByName, address, groups })
}

/// Whether UMAPI finds a profile by its name. UMAPI cut a name in a path at its last dot, also if the dot was encoded
/// (umapi-documentation issue 53), and the rest may be the name of another profile.
fn is_addressable(profile: &ProductProfile) -> bool {
    !profile.name.as_str().contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ProductProfileId, ProductProfileName};

    fn written(calls: Vec<MembersCall>) -> Vec<String> {
        let groups = |groups| if groups == GroupsOfUsers::Shown { " with groups" } else { "" };
        calls.into_iter().map(|call| format!("{}{}", call.address, groups(call.groups))).collect()
    }

    #[test]
    fn a_second_read_never_sends_a_request_of_the_first() {
        for (id, name) in [(Some(7), "P"), (None, "P"), (Some(7), "P 1.2"), (None, "P 1.2")] {
            let name = ProductProfileName::new(name);
            let profile = ProductProfile { id: id.map(ProductProfileId), name, member_count: None };
            for is_shared in [false, true] {
                for call in first(&profile, is_shared) {
                    let again = second(&profile, Some(call.asked));
                    assert!(!again.is_empty() && !again.contains(&call), "{profile:?}: {call:?}, {again:?}");
                    let same = |other: &MembersCall| (&other.address, other.groups) == (&call.address, call.groups);
                    assert!(!again.iter().any(same), "{profile:?}: {call:?}, {again:?}");
                }
            }
        }
    }

    #[test]
    fn a_name_that_may_be_that_of_another_group_is_not_requested_in_a_second_read() {
        let profile = |name: &str| ProductProfile {
            id: Some(ProductProfileId(7)),
            name: ProductProfileName::new(name),
            member_count: None,
        };
        assert_eq!(written(second(&profile("P"), Some(MembersQuery::ById))), ["P", "7 with groups"]);
        assert_eq!(written(second(&profile("P"), Some(MembersQuery::ByIdOnly))), ["7 with groups"]);
        assert_eq!(written(second(&profile("P 1.2"), None)), ["7"]);
        assert_eq!(written(first(&profile("P"), true)), ["7", "P"]);
    }
}
