//! Which of the names on a user are product profiles that matter. Each spelling is judged once.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use crate::domain::{AssociationMask, FoldedName, MaskMatch, ProductProfile, ProductProfileName};

/// Spellings whose verdict is remembered. An organization has some hundred; beyond this the memory begins anew.
const REMEMBERED_SPELLINGS: usize = 64 * 1024;

/// The product profiles that a mask matches, by name, and what was learnt from the names on users.
#[derive(Debug)]
pub(super) struct ProfileNames<'a> {
    masks: &'a [AssociationMask],
    /// Folded name to positions in the listing; more than one when two profiles have one name.
    by_name: HashMap<FoldedName, Vec<u32>>,
    verdicts: HashMap<Box<str>, Box<[u32]>, RandomState>,
    /// Folded name to the first spelling seen.
    unlisted: BTreeMap<FoldedName, ProductProfileName>,
}

impl<'a> ProfileNames<'a> {
    /// The names of those of `profiles` that at least one of the masks matches.
    pub(super) fn new(profiles: &[ProductProfile], masks: &'a [AssociationMask]) -> Self {
        let mut by_name: HashMap<FoldedName, Vec<u32>> = HashMap::new();
        for position in matched(profiles, masks) {
            if let Some(profile) = profiles.get(position as usize) {
                by_name.entry(profile.name.folded()).or_default().push(position);
            }
        }
        Self { masks, by_name, verdicts: HashMap::default(), unlisted: BTreeMap::new() }
    }

    /// Hands the positions of the profiles that a name on a user stands for to `found`; none for a name that does not matter.
    pub(super) fn look_up(&mut self, name: &str, found: &mut Vec<u32>) {
        if let Some(positions) = self.verdicts.get(name) {
            found.extend_from_slice(positions);
            return;
        }
        let folded = FoldedName::new(name);
        let positions: Box<[u32]> =
            self.by_name.get(&folded).map(|positions| positions.as_slice().into()).unwrap_or_default();
        if positions.is_empty() && is_matched(self.masks, name) {
            self.unlisted.entry(folded).or_insert_with(|| ProductProfileName::new(name));
        }
        found.extend_from_slice(&positions);
        if self.verdicts.len() >= REMEMBERED_SPELLINGS {
            self.verdicts.clear();
        }
        self.verdicts.insert(name.into(), positions);
    }

    /// Whether a mask matches this name.
    pub(super) fn is_matched(&self, name: &str) -> bool {
        is_matched(self.masks, name)
    }

    /// Names that a mask matches and that no listed product profile has: ghosts, and other groups.
    pub(super) fn into_unlisted(self) -> Vec<ProductProfileName> {
        self.unlisted.into_values().collect()
    }
}

/// Positions of the profiles that at least one of the masks matches, be it with an empty capture.
pub(super) fn matched(profiles: &[ProductProfile], masks: &[AssociationMask]) -> Vec<u32> {
    (0..)
        .zip(profiles)
        .filter(|(_, profile)| is_matched(masks, profile.name.as_str()))
        .map(|(position, _)| position)
        .collect()
}

fn is_matched(masks: &[AssociationMask], name: &str) -> bool {
    masks.iter().any(|mask| mask.matches(name) != MaskMatch::NoMatch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &str) -> ProductProfile {
        ProductProfile { id: None, name: ProductProfileName::new(name), member_count: None }
    }

    #[test]
    fn names_are_matched_in_any_case_and_ghosts_are_kept_apart() {
        let listing = ["Campaign - acme - a", "Photoshop", "Campaign - acme - b", "CAMPAIGN - ACME - B"].map(profile);
        let masks = [AssociationMask::parse("Campaign - acme - (.*)").expect("a mask")];
        let mut names = ProfileNames::new(&listing, &masks);
        for (name, expected) in [
            ("campaign - acme - A ", &[0][..]),
            ("Campaign - acme - b", &[2, 3]),
            ("Photoshop", &[]),
            ("Campaign - acme - b-provisioning", &[]),
            ("Campaign - Acme - B-Provisioning", &[]),
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
