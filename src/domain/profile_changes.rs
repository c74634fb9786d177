//! Operator groups that follow another product profile than before, and profiles that map to another group than before.
//!
//! An administrator who may rename a profile in the Admin Console, or a group in Campaign, must not be able to grant
//! the rights of a group by a rename.

use std::collections::{BTreeMap, HashMap};

use super::{
    CampaignSnapshot, FoldedName, FollowedGroup, KnownProfiles, OperatorGroupId, OperatorGroupName, ProductProfileId,
    SourceRead,
    known_profiles::{RenamedGroup, renamed_groups},
};

/// How the tie between a group and its profile differs from the stored one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TieChange {
    /// The profile had another name, which mapped to another group or to none.
    RenamedProfile,
    /// The group follows another profile than before.
    OtherProfile,
    /// The group with this name is not the one that the profile mapped to, which exists under another name.
    RenamedGroup,
    /// The group was deleted and created again: its members were added in another way.
    GroupMadeAgain,
}

/// A group whose tie to its profile differs from the stored one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProfileChange {
    pub(super) tie: TieChange,
    /// The profile that claims the group now; `None` if it has no id.
    pub(super) profile: Option<ProductProfileId>,
    /// What is different, for readers.
    pub(super) what: String,
}

impl ProfileChange {
    /// Whether additions and creations are held as well as removals. A group that was deleted and created again has
    /// only the rights that were given to it on purpose.
    pub(super) fn holds_everything(&self) -> bool {
        self.tie != TieChange::GroupMadeAgain
    }

    /// What is different and what to do, for readers.
    pub(super) fn why(&self) -> String {
        let remedy = match self.tie {
            TieChange::RenamedProfile => {
                "if that is intended, approve these changes; otherwise rename the profile back in the Admin Console"
            }
            TieChange::OtherProfile => {
                "compare the members of both in the Admin Console, and approve these changes if they are right"
            }
            TieChange::RenamedGroup => {
                "give the groups their former names in Campaign, or approve these changes if they are right"
            }
            TieChange::GroupMadeAgain => "its members were added in another way; approve their removal if it is right",
        };
        format!("{}: {remedy}", self.what)
    }
}

/// The changed groups, by folded name.
pub(super) fn profile_changes(
    read: &SourceRead,
    campaign: &CampaignSnapshot,
    known: &KnownProfiles,
) -> BTreeMap<FoldedName, ProfileChange> {
    let ties = Ties::new(campaign, known);
    let renamed = renamed_groups(known, campaign, &read.matched);
    let mut changes = BTreeMap::new();
    let mut moved = Vec::new();
    for claim in &read.matched {
        let Some(change) = ties.change_of(claim, &renamed) else { continue };
        if change.tie == TieChange::RenamedProfile {
            moved.extend(ties.stood_for(claim).map(|before| (before.group.folded(), change.clone())));
        }
        changes.entry(claim.group.folded()).or_insert(change);
    }
    // The former group of a renamed profile is held as well: otherwise it would lose its members while the new group
    // gains them.
    for (group, change) in moved {
        changes.entry(group).or_insert(change);
    }
    changes
}

/// The stored groups by name and by key, and the present keys of the groups.
pub(super) struct Ties<'a> {
    known: &'a KnownProfiles,
    by_name: HashMap<FoldedName, &'a FollowedGroup>,
    by_key: HashMap<OperatorGroupId, &'a FollowedGroup>,
    keys: HashMap<FoldedName, OperatorGroupId>,
}

impl<'a> Ties<'a> {
    pub(super) fn new(campaign: &CampaignSnapshot, known: &'a KnownProfiles) -> Self {
        let groups = known.groups();
        Self {
            known,
            by_name: groups.iter().map(|before| (before.group.folded(), before)).collect(),
            by_key: groups.iter().filter_map(|before| Some((before.group_id?, before))).collect(),
            keys: campaign.groups().iter().map(|group| (group.name.folded(), group.id)).collect(),
        }
    }

    /// Whether the profile of this claim mapped to the same group before, whatever their names were.
    pub(super) fn is_as_before(&self, claim: &FollowedGroup) -> bool {
        let before = self.key_of(&claim.group).and_then(|key| self.by_key.get(&key));
        before.is_some_and(|before| before.is_of_same_profile(claim))
    }

    fn key_of(&self, group: &OperatorGroupName) -> Option<OperatorGroupId> {
        self.keys.get(&group.folded()).copied()
    }

    /// The group that the profile of this claim mapped to before, if it is another one.
    fn stood_for(&self, claim: &FollowedGroup) -> Option<&'a FollowedGroup> {
        let id = claim.profile_id?;
        let mut before = self.known.groups().iter().filter(|before| before.profile_id == Some(id));
        before.find(|before| before.group.folded() != claim.group.folded())
    }

    fn change_of(
        &self,
        claim: &FollowedGroup,
        renamed: &BTreeMap<FoldedName, RenamedGroup<'_>>,
    ) -> Option<ProfileChange> {
        // The same profile maps to the same group: names do not matter.
        if self.is_as_before(claim) {
            return None;
        }
        let folded = claim.group.folded();
        let (before, key) = (self.by_name.get(&folded).copied(), self.key_of(&claim.group));
        let was_another = key.and_then(|key| self.by_key.get(&key)).filter(|known| known.group.folded() != folded);
        let before_and_now = before.filter(|before| before.is_of_same_profile(claim));
        let (tie, what) = if let Some(before) = before_and_now {
            let (Some(known_key), Some(key)) = (before.group_id, key) else { return None };
            match (renamed.get(&folded), was_another) {
                _ if known_key == key => return None,
                (Some(group), _) => (TieChange::RenamedGroup, renamed_group_in_words(group, key)),
                (None, Some(group)) => (TieChange::RenamedGroup, taken_group_in_words(group, claim)),
                (None, None) => (TieChange::GroupMadeAgain, made_again_in_words(claim, known_key, key)),
            }
        } else if let Some(name) = self.earlier_name(claim) {
            let what = match before {
                Some(before) => format!("{name}, and takes the place of {} there", described(before)),
                None => name,
            };
            (TieChange::RenamedProfile, what)
        } else if let Some(before) = before {
            (TieChange::OtherProfile, other_profile_in_words(before, claim))
        } else {
            (TieChange::RenamedGroup, taken_group_in_words(was_another?, claim))
        };
        Some(ProfileChange { tie, profile: claim.profile_id, what })
    }

    /// A sentence about the former name of the profile of this claim; `None` if the profile is not known under another
    /// name. Letter case is ignored.
    fn earlier_name(&self, claim: &FollowedGroup) -> Option<String> {
        let (id, now) = (claim.profile_id?, &claim.profile);
        let before = self.known.name(id).filter(|before| before.folded() != now.folded())?;
        let group = &claim.group;
        Some(match self.stood_for(claim) {
            Some(stood) => format!(
                "profile \"{before}\" was renamed to \"{now}\" (id {id}), and so stands for group \"{group}\" instead of \"{}\"",
                stood.group
            ),
            None => {
                format!("profile \"{before}\" was renamed to \"{now}\" (id {id}), and so stands for group \"{group}\"")
            }
        })
    }
}

fn other_profile_in_words(before: &FollowedGroup, now: &FollowedGroup) -> String {
    format!(
        "group \"{}\" followed {} before and follows {} now: the profile was deleted and created again, or another one \
         has its name now",
        now.group,
        described(before),
        described(now)
    )
}

fn renamed_group_in_words(group: &RenamedGroup<'_>, key: OperatorGroupId) -> String {
    let RenamedGroup { before, now } = group;
    let (name, profile) = (&before.group, &before.profile);
    format!(
        "group \"{name}\" (id {}), which profile \"{profile}\" stood for, is called \"{}\" in Campaign now, and another \
         group (id {key}) has its name",
        now.id, now.name
    )
}

fn taken_group_in_words(before: &FollowedGroup, claim: &FollowedGroup) -> String {
    format!(
        "group \"{}\", which {} stood for, is called \"{}\" in Campaign now, a name that {} stands for",
        before.group,
        described(before),
        claim.group,
        described(claim)
    )
}

fn made_again_in_words(claim: &FollowedGroup, before: OperatorGroupId, now: OperatorGroupId) -> String {
    format!(
        "group \"{}\" was deleted and created again in Campaign (id {now} instead of {before}) since profile \"{}\" stood for it",
        claim.group, claim.profile
    )
}

fn described(followed: &FollowedGroup) -> String {
    match followed.profile_id {
        Some(id) => format!("profile \"{}\" (id {id})", followed.profile),
        None => format!("profile \"{}\" (without id)", followed.profile),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{OperatorGroup, OperatorLogin, ProductProfileName, UnlistedAccounts},
        *,
    };

    fn followed(group: &str, key: Option<i64>, id: Option<i64>, profile: &str) -> FollowedGroup {
        FollowedGroup {
            group: OperatorGroupName::new(group),
            group_id: key.map(OperatorGroupId),
            profile_id: id.map(ProductProfileId),
            profile: ProductProfileName::new(profile),
        }
    }

    /// `known` are the followed groups, `now` the present claims, `groups` the groups of Campaign.
    #[track_caller]
    fn check(known: &[FollowedGroup], now: &[FollowedGroup], groups: &[(i64, &str)], expected: &[(&str, TieChange)]) {
        let known = KnownProfiles::of_groups(known.to_vec());
        let group = |(id, name): &(i64, &str)| OperatorGroup {
            id: OperatorGroupId(*id),
            name: OperatorGroupName::new(*name),
            label: String::new(),
        };
        let groups = groups.iter().map(group).collect();
        let campaign = CampaignSnapshot::new(Vec::new(), groups, Vec::new(), OperatorLogin::new("sync"));
        let read = SourceRead {
            mask: "P - (.*)".into(),
            membership: "effective".into(),
            manage: "ims".into(),
            users: None,
            matched: now.to_vec(),
            profiles: Vec::new(),
            unlisted: UnlistedAccounts::default(),
        };
        let changes = profile_changes(&read, &campaign, &known);
        let found: Vec<_> = changes.iter().map(|(group, change)| (group.as_str(), change.tie)).collect();
        assert_eq!(found, expected, "{changes:#?}");
    }

    fn claim(group: &str, id: Option<i64>) -> FollowedGroup {
        followed(group, None, id, &format!("P - {group}"))
    }

    fn known(group: &str, key: Option<i64>, id: Option<i64>) -> FollowedGroup {
        FollowedGroup { group_id: key.map(OperatorGroupId), ..claim(group, id) }
    }

    #[test]
    fn incident_53_a_group_that_follows_another_profile_than_before_is_found() {
        use TieChange::{OtherProfile, RenamedProfile};
        let one = || known("one", Some(51), Some(1));
        let groups = [(51, "one"), (52, "two")];
        let swapped = [("one", RenamedProfile), ("two", RenamedProfile)];
        check(&[one()], &[claim("one", Some(1))], &groups, &[]);
        check(&[one()], &[claim("ONE", Some(1))], &groups, &[]);
        check(&[one()], &[claim("one", Some(9))], &groups, &[("one", OtherProfile)]);
        check(&[one()], &[claim("two", Some(1))], &groups, &swapped);
        let two = || known("two", Some(52), Some(2));
        check(&[one(), two()], &[claim("one", Some(2)), claim("two", Some(1))], &groups, &swapped);
        // A new profile for a group that was never followed.
        check(&[one()], &[claim("one", Some(1)), claim("two", Some(9))], &groups, &[]);
        // Another mask maps the same profile name to another group.
        check(&[one()], &[followed("two", None, Some(1), "P - one")], &groups, &[]);
    }

    #[test]
    fn incident_53_without_ids_names_are_compared() {
        let groups = [(51, "one")];
        check(&[known("one", Some(51), None)], &[claim("one", Some(1))], &groups, &[]);
        check(&[known("one", Some(51), Some(1))], &[claim("one", None)], &groups, &[]);
        check(&[known("one", Some(51), None)], &[claim("one", None)], &groups, &[]);
        let other = followed("one", None, None, "Q - one");
        check(&[known("one", None, None)], &[other], &groups, &[("one", TieChange::OtherProfile)]);
    }

    #[test]
    fn incident_31_a_group_that_is_not_the_known_one_is_found() {
        use TieChange::{GroupMadeAgain, RenamedGroup};
        let (one, two) = (|| known("one", Some(51), Some(1)), || known("two", Some(52), Some(2)));
        let claims = [claim("one", Some(1)), claim("two", Some(2))];
        check(&[one(), two()], &claims, &[(52, "one"), (51, "two")], &[("one", RenamedGroup), ("two", RenamedGroup)]);
        check(&[one(), two()], &claims, &[(51, "two")], &[("two", RenamedGroup)]);
        check(&[one()], &[claim("one", Some(1))], &[(99, "one")], &[("one", GroupMadeAgain)]);
        check(&[one()], &[claim("one", Some(1))], &[(99, "one"), (51, "former")], &[("one", RenamedGroup)]);
        check(&[one()], &[claim("one", Some(1)), claim("two", Some(9))], &[(51, "two")], &[("two", RenamedGroup)]);
        // Absent, or renamed together with its profile: the tie is the same.
        check(&[one()], &[claim("one", Some(1))], &[], &[]);
        check(&[one()], &[claim("two", Some(1))], &[(51, "two")], &[]);
    }

    #[test]
    fn a_state_without_keys_of_groups_reports_no_change_of_keys() {
        let claims = [claim("one", Some(1))];
        check(&[known("one", None, Some(1))], &claims, &[(51, "one")], &[]);
        check(&[], &claims, &[(51, "one")], &[]);
    }
}
