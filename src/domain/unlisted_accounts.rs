//! How many accounts each listing counts and does not list. Adobe counts technical accounts, which normally have product
//! profiles, and does not list them. An unchanged number is harmless; a larger number may mean that users are missing
//! from the listing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FoldedName, FollowedGroup, ProductProfile, ProductProfileId, ProductProfileName, SourceRead};

/// The number of unlisted accounts in each listing, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlistedAccounts {
    /// In the listing of the organization's users.
    organization: Option<u64>,
    /// In the listing of each profile's members that was read, by [`key`].
    profiles: BTreeMap<String, u64>,
}

/// The key of a profile: its id, or its folded name if it has no id.
fn key(id: Option<ProductProfileId>, name: &ProductProfileName) -> String {
    id.map_or_else(|| format!("name:{}", name.folded().as_str()), |id| id.to_string())
}

impl UnlistedAccounts {
    /// The number in a walk over the users of the organization; `None` without a walk or without counts.
    pub fn of_organization(organization: Option<u64>) -> Self {
        Self { organization, profiles: BTreeMap::new() }
    }

    /// Adds the numbers of these profiles' own listings.
    pub fn count<'p>(&mut self, profiles: impl Iterator<Item = (&'p ProductProfile, u64)>) {
        self.profiles.extend(profiles.map(|(profile, unlisted)| (key(profile.id, &profile.name), unlisted)));
    }

    /// These numbers, and the numbers of `before` for listings that were not read now.
    #[must_use]
    pub fn or_before(&self, before: &Self) -> Self {
        let profiles = before.profiles.iter().chain(&self.profiles);
        Self {
            organization: self.organization.or(before.organization),
            profiles: profiles.map(|(key, unlisted)| (key.clone(), *unlisted)).collect(),
        }
    }

    /// Whether more accounts of the organization are unlisted than in `before`.
    pub fn has_grown(&self, before: &Self) -> bool {
        self.organization.zip(before.organization).is_some_and(|(now, before)| now > before)
    }

    fn of(&self, followed: &FollowedGroup) -> Option<u64> {
        self.profiles.get(&key(followed.profile_id, &followed.profile)).copied()
    }
}

/// The groups whose removals rest on a listing with more unlisted accounts than at the last accepted read, by folded
/// name, each with the reason.
///
/// A removal rests on the profile's own listing if that was read and its number is 0 or an earlier number is stored;
/// otherwise on the walk over the organization. A number without a stored one counts as unchanged.
pub(super) fn grown(now: &SourceRead, before: &SourceRead) -> BTreeMap<FoldedName, String> {
    let walk = now.unlisted.organization.zip(before.unlisted.organization).filter(|(now, before)| now > before);
    let why = |followed: &FollowedGroup| match (now.unlisted.of(followed), before.unlisted.of(followed)) {
        (Some(now), Some(before)) if now > before => {
            Some(in_words(&format!("of the members of profile \"{}\"", followed.profile), now, before))
        }
        (Some(_), Some(_)) | (Some(0), None) => None,
        _ => walk.map(|(now, before)| in_words("of the users of the organization", now, before)),
    };
    now.matched.iter().filter_map(|followed| Some((followed.group.folded(), why(followed)?))).collect()
}

fn in_words(listing: &str, now: u64, before: u64) -> String {
    format!(
        "{now} {listing} are counted and not listed, {before} at the last accepted read: compare them with the Admin \
         Console; an approval accepts the new number"
    )
}

#[cfg(test)]
mod tests {
    use super::{
        super::{OperatorGroupName, SourceRead},
        *,
    };

    fn read(organization: Option<u64>, profile: Option<u64>) -> SourceRead {
        let name = ProductProfileName::new("P - one");
        let followed = FollowedGroup {
            group: OperatorGroupName::new("One"),
            group_id: None,
            profile_id: Some(ProductProfileId(7)),
            profile: name.clone(),
        };
        let mut unlisted = UnlistedAccounts::of_organization(organization);
        let listed = ProductProfile { id: Some(ProductProfileId(7)), name, member_count: None };
        unlisted.count(profile.map(|number| (&listed, number)).into_iter());
        SourceRead {
            mask: "P - (.*)".into(),
            membership: "effective".into(),
            manage: "ims".into(),
            users: None,
            matched: vec![followed],
            profiles: Vec::new(),
            unlisted,
        }
    }

    #[test]
    fn removals_are_in_doubt_if_their_listing_has_more_unlisted_accounts_than_before() {
        for (now, before, expected) in [
            ((Some(3), None), (Some(3), None), None),
            ((Some(2), None), (Some(3), None), None),
            ((Some(4), None), (None, None), None),
            ((Some(4), None), (Some(3), None), Some("4 of the users of the organization")),
            ((Some(4), Some(0)), (Some(3), None), None),
            ((Some(4), Some(1)), (Some(3), None), Some("4 of the users of the organization")),
            ((Some(4), Some(1)), (Some(3), Some(1)), None),
            ((Some(3), Some(2)), (Some(3), Some(1)), Some("2 of the members of profile \"P - one\"")),
            ((None, Some(4)), (None, None), None),
            ((None, Some(4)), (Some(3), Some(0)), Some("4 of the members of profile \"P - one\"")),
        ] {
            let doubts = grown(&read(now.0, now.1), &read(before.0, before.1));
            let found = doubts.get(&FoldedName::new("one")).map(String::as_str);
            match expected {
                None => assert_eq!(found, None, "{now:?} after {before:?}"),
                Some(part) => {
                    assert!(found.is_some_and(|why| why.contains(part)), "{now:?} after {before:?}: {found:?}");
                }
            }
        }
    }

    #[test]
    fn a_listing_that_was_not_read_keeps_its_number() {
        let kept = read(None, Some(2)).unlisted.or_before(&read(Some(3), Some(1)).unlisted);
        assert_eq!(kept, read(Some(3), Some(2)).unlisted);
    }
}
