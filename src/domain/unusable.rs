//! Unusable records of profiles and operators. Their users and operators are neither added nor removed.

use std::collections::BTreeMap;

use super::{
    AdobeUser, CampaignSnapshot, FoldedName, ManagedGroup, OrphanGroup, ProductProfile, ProductProfileName,
    ProfileDoubt, ProfileRead, SkipReason, Skipped, UnusableOperator,
};

/// Product profiles whose record in the groups listing cannot be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnusableProfiles {
    /// By position in the listing.
    doubts: BTreeMap<u32, ProfileDoubt>,
    /// Notices about profiles whose name is not completely known, so that any group may be theirs.
    unnamed: Vec<(KnownName, Skipped)>,
}

/// How much of the name of a product profile is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownName {
    /// The whole name, or both ends of a name that is too long.
    Certain,
    /// The name except some characters.
    Damaged,
    /// Nothing.
    Missing,
}

impl UnusableProfiles {
    /// Adds the profile at this position.
    pub fn add(&mut self, position: u32, profile: &ProductProfile, what: String, known: KnownName) {
        if known != KnownName::Certain {
            let detail = format!(
                "the name of this product profile cannot be read ({what}): no group that no other profile stands for loses \
                 a member in this run; correct the name in the Admin Console"
            );
            self.unnamed.push((known, Skipped::new(SkipReason::UnusableRecord, profile.name.as_str(), detail)));
        }
        let profile = profile.name.clone();
        self.doubts.insert(position, ProfileDoubt::UnusableRecord { profile, what });
    }

    /// Whether the profile at this position is one of them.
    pub fn concerns(&self, position: u32) -> bool {
        self.doubts.contains_key(&position)
    }

    /// Whether a listing with these profiles may be stored as complete: every name is known, and none of them
    /// `matters`.
    pub fn are_foreign(&self, matters: impl Fn(&ProductProfileName) -> bool) -> bool {
        let names = self.doubts.values().filter_map(|doubt| match doubt {
            ProfileDoubt::UnusableRecord { profile, .. } => Some(profile),
            ProfileDoubt::Incomplete { .. } | ProfileDoubt::Renamed { .. } => None,
        });
        self.unnamed.is_empty() && !names.into_iter().any(matters)
    }

    /// The doubts about the profiles, by position.
    pub(super) fn doubts(&self) -> impl Iterator<Item = (u32, &ProfileDoubt)> {
        self.doubts.iter().map(|(position, doubt)| (*position, doubt))
    }

    /// Keeps the members of orphaned groups while the name of a profile is not known: the group may have followed that
    /// profile. Returns the notices. A damaged name is reported only if there is an orphaned group; if the mask matches
    /// the name, the doubt about the profile is reported anyway.
    pub(super) fn keep_orphan_members(&self, orphans: &mut [OrphanGroup]) -> impl Iterator<Item = &Skipped> {
        if !self.unnamed.is_empty() {
            for orphan in &mut *orphans {
                orphan.undecided.clone_from(&orphan.members);
            }
        }
        let has_orphans = !orphans.is_empty();
        let unnamed = self.unnamed.iter().filter(move |(known, _)| has_orphans || *known == KnownName::Missing);
        unnamed.map(|(_, notice)| notice)
    }
}

impl ManagedGroup {
    /// Whether the record of the profile in the groups listing cannot be used.
    pub(super) fn has_unusable_record(&self) -> bool {
        matches!(self.read, ProfileRead::Doubtful(ProfileDoubt::UnusableRecord { .. }))
    }
}

/// One notice for each operator in one of these groups whose record cannot be used. No plan contains such an operator,
/// because its user is not known.
pub(super) fn unusable_operators<'a>(
    groups: impl Iterator<Item = &'a ManagedGroup>,
    campaign: &CampaignSnapshot,
) -> Vec<Skipped> {
    let groups: Vec<_> = groups.filter_map(|group| Some((group.id?, &group.name))).collect();
    let notice = |operator: &UnusableOperator| {
        let names: Vec<_> = groups
            .iter()
            .filter(|(id, _)| operator.groups.contains(id))
            .map(|(_, name)| format!("\"{name}\""))
            .collect();
        (!names.is_empty()).then(|| {
            let detail = format!(
                "is in {} and has a record that cannot be used ({}): correct it in Campaign under Administration > \
                 Access management > Operators",
                names.join(", "),
                operator.what
            );
            Skipped::new(SkipReason::UnusableRecord, display_name(operator), detail)
        })
    };
    campaign.unusable().iter().filter_map(notice).collect()
}

/// The operator that has this user's login and a record that cannot be used.
pub(super) fn unusable_operator_of<'a>(
    user: &AdobeUser,
    campaign: &'a CampaignSnapshot,
) -> Option<&'a UnusableOperator> {
    let names = user.names();
    let logins: Vec<FoldedName> = names.map(FoldedName::new).collect();
    let has_login =
        |operator: &&UnusableOperator| operator.login.as_ref().is_some_and(|login| logins.contains(&login.folded()));
    campaign.unusable().iter().find(has_login)
}

fn display_name(operator: &UnusableOperator) -> String {
    operator.login.as_ref().map_or_else(|| format!("operator with id {}", operator.id), ToString::to_string)
}
