//! Which group names of a user are product profiles that match a mask. Each spelling is matched once.

use std::{
    collections::{BTreeMap, HashMap},
    hash::BuildHasher as _,
};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::{error::ExperienceCloudError, groups_listing::ProfileListing, read_choice::ReadCosts};
use crate::domain::{AssociationMask, FoldedName, MaskMatch, ProductProfileName};

/// Maximum number of remembered spellings. An organization has some hundred; at this number all are forgotten.
const REMEMBERED_SPELLINGS: usize = 64 * 1024;

/// A groups listing with the profiles that match a mask; at least one does.
#[derive(Clone, Debug)]
pub struct MatchedListing {
    pub(super) listing: ProfileListing,
    pub(super) masks: Vec<AssociationMask>,
    /// Positions of the profiles that at least one of the masks matches, including with an empty capture.
    pub(super) positions: Vec<u32>,
    /// Number of users at the last accepted read of all users.
    pub(super) remembered_users: Option<u64>,
}

impl MatchedListing {
    /// The same in an organization that had `users` users when all of them were last read. The number only serves to
    /// choose the cheaper way to read.
    #[must_use]
    pub fn in_organization_of(self, users: Option<u64>) -> Self {
        Self { remembered_users: users, ..self }
    }

    /// What each way to read the memberships costs.
    pub fn costs(&self) -> ReadCosts {
        ReadCosts::of(self)
    }
}

impl ProfileListing {
    /// Matches the profiles. Fails with [`ExperienceCloudError::NoMatch`] if no mask matches any profile.
    pub fn matched_by(self, masks: Vec<AssociationMask>) -> Result<MatchedListing, ExperienceCloudError> {
        let matches = (0..).zip(&self.profiles).filter(|(_, profile)| is_matched(&masks, profile.name.as_str()));
        let positions: Vec<u32> = matches.map(|(position, _)| position).collect();
        if positions.is_empty() {
            let masks = masks.iter().map(|mask| format!("\"{}\"", mask.as_str())).collect::<Vec<_>>().join(", ");
            return Err(ExperienceCloudError::NoMatch { profiles: self.profiles.len(), masks });
        }
        Ok(MatchedListing { listing: self, masks, positions, remembered_users: None })
    }
}

/// The product profiles that match a mask, by name, and the group names seen on users.
#[derive(Debug)]
pub(super) struct ProfileNames<'a> {
    masks: &'a [AssociationMask],
    /// Maps a folded name to positions in the listing; several if two profiles have the same name.
    by_name: HashMap<FoldedName, Vec<u32>>,
    /// Every spelling seen. Each group name of each user is looked up here.
    verdicts: HashTable<Verdict>,
    hasher: RandomState,
    /// Maps a folded name to one of the spellings seen: the same one in whatever order the pages arrive.
    unlisted: BTreeMap<FoldedName, ProductProfileName>,
}

/// One spelling of a group name, and the positions of the matching profiles with this name.
#[derive(Debug)]
struct Verdict {
    spelling: Box<str>,
    positions: Box<[u32]>,
}

impl<'a> ProfileNames<'a> {
    /// The names of the matching profiles.
    pub(super) fn new(matched: &'a MatchedListing) -> Self {
        let mut by_name: HashMap<FoldedName, Vec<u32>> = HashMap::new();
        for &position in &matched.positions {
            if let Some(profile) = matched.listing.profiles.get(position as usize) {
                by_name.entry(profile.name.folded()).or_default().push(position);
            }
        }
        Self {
            masks: &matched.masks,
            by_name,
            verdicts: HashTable::new(),
            hasher: RandomState::default(),
            unlisted: BTreeMap::new(),
        }
    }

    /// Adds the positions of the matching profiles with this name to `found`.
    pub(super) fn look_up(&mut self, name: &str, found: &mut Vec<u32>) {
        let hash = self.hasher.hash_one(name.as_bytes());
        if let Some(verdict) = self.verdicts.find(hash, |verdict| is_same(&verdict.spelling, name)) {
            // Most names are those of other groups.
            if !verdict.positions.is_empty() {
                found.extend_from_slice(&verdict.positions);
            }
            return;
        }
        let folded = FoldedName::new(name);
        let positions: Box<[u32]> =
            self.by_name.get(&folded).map(|positions| positions.as_slice().into()).unwrap_or_default();
        if positions.is_empty() && is_matched(self.masks, name) {
            let kept = self.unlisted.entry(folded).or_insert_with(|| ProductProfileName::new(name));
            if name > kept.as_str() {
                *kept = ProductProfileName::new(name);
            }
        }
        found.extend_from_slice(&positions);
        if self.verdicts.len() >= REMEMBERED_SPELLINGS {
            self.verdicts.clear();
        }
        let hash_of = |verdict: &Verdict| self.hasher.hash_one(verdict.spelling.as_bytes());
        self.verdicts.insert_unique(hash, Verdict { spelling: name.into(), positions }, hash_of);
    }

    /// Whether a mask matches this name.
    pub(super) fn is_matched(&self, name: &str) -> bool {
        is_matched(self.masks, name)
    }

    /// Names that a mask matches and that no listed product profile has: those of deleted profiles and of other groups.
    pub(super) fn into_unlisted(self) -> Vec<ProductProfileName> {
        self.unlisted.into_values().collect()
    }
}

/// Whether two names are equal, eight bytes at a time: the general comparison is made for longer texts.
fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    match (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        (Some(end), Some(other_end)) => {
            let (chunks, other_chunks) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
            one.len() == other.len()
                && end == other_end
                && chunks.iter().zip(other_chunks).all(|(one, other)| one == other)
        }
        _ => one == other,
    }
}

fn is_matched(masks: &[AssociationMask], name: &str) -> bool {
    masks.iter().any(|mask| mask.matches(name) != MaskMatch::NoMatch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ProductProfile;

    fn profile(name: &str) -> ProductProfile {
        ProductProfile { id: None, name: ProductProfileName::new(name), member_count: None }
    }

    #[test]
    fn names_of_any_length_are_compared_as_a_whole() {
        for length in 0..40 {
            let name = "x".repeat(length);
            assert!(is_same(&name, &name.clone()));
            assert!(!is_same(&name, &format!("{name}x")));
            for at in 0..length {
                let mut other = name.clone();
                other.replace_range(at..=at, "y");
                assert!(!is_same(&name, &other), "{other}");
            }
        }
    }

    #[test]
    fn letter_case_does_not_matter_and_names_without_a_profile_are_kept_apart() {
        let listing = ["Campaign - acme - a", "Photoshop", "Campaign - acme - b", "CAMPAIGN - ACME - B"].map(profile);
        let masks = vec![AssociationMask::parse("Campaign - acme - (.*)").expect("a mask")];
        let matched = ProfileListing::remembered(listing.to_vec()).matched_by(masks).expect("a match");
        let mut names = ProfileNames::new(&matched);
        for (name, expected) in [
            ("campaign - acme - A ", &[0][..]),
            ("Campaign - acme - b", &[2, 3]),
            ("Photoshop", &[]),
            ("Campaign - Acme - B-Provisioning", &[]),
            ("Campaign - acme - b-provisioning", &[]),
            ("Campaign - acme - B-provisioning", &[]),
            ("_org_admin", &[]),
        ] {
            for _ in 0..2 {
                let mut found = Vec::new();
                names.look_up(name, &mut found);
                assert_eq!(found, expected, "{name}");
            }
        }
        assert_eq!(names.into_unlisted(), [ProductProfileName::new("Campaign - acme - b-provisioning")]);
    }
}
