//! Doubts about the source: how this read of the organization differs from the last accepted one.
//!
//! A doubt about the read as a whole holds only removals: a wrong addition is noticed and reverted, a wrong removal
//! stops a user's work. If a group follows another profile than before, its additions are held as well.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        CampaignSnapshot, FoldedName, FollowedGroup, InstanceName, Limits, Memory, SourceRead,
        profile_changes::{ProfileChange, Ties, profile_changes},
        unlisted_accounts::grown,
    },
    ReviewContext, SourceCounts,
    limits::exceeds,
};

/// The reasons for doubting removals and changes of single groups; the most important reason first.
pub(super) struct SourceDoubts {
    all: Option<String>,
    groups: BTreeMap<FoldedName, String>,
    profiles: BTreeMap<FoldedName, ProfileChange>,
}

impl SourceDoubts {
    pub(super) fn new(context: &ReviewContext<'_>, campaign: &CampaignSnapshot) -> Self {
        let ReviewContext { instance, limits, counts, read, history } = *context;
        let accepted = history.accepted.as_ref();
        let compared = read.zip(accepted);
        let all = read
            .and_then(|_| lost(&history.memory))
            .or_else(|| missing(counts))
            .or_else(|| compared.and_then(|(now, before)| other_mask(now, before)))
            .or_else(|| compared.and_then(|(now, before)| other_rules(now, before, instance)))
            .or_else(|| compared.and_then(|(now, before)| shrunk(now, before, limits)));
        let known = &history.known;
        let groups = compared.map(|(now, before)| newly_matched(now, before, &Ties::new(campaign, known)));
        let mut groups = groups.unwrap_or_default();
        for (group, why) in compared.map(|(now, before)| grown(now, before)).unwrap_or_default() {
            groups.entry(group).or_insert(why);
        }
        let profiles = read.map(|read| profile_changes(read, campaign, known)).unwrap_or_default();
        Self { all, groups, profiles }
    }

    /// Whether the read as a whole is in doubt.
    pub(super) fn is_about_everything(&self) -> bool {
        self.all.is_some()
    }

    /// The groups that follow another profile than before, or that are not the group that their profile mapped to; by
    /// folded name.
    pub(super) fn profiles(&self) -> &BTreeMap<FoldedName, ProfileChange> {
        &self.profiles
    }

    /// The reason for holding every change of the group with this folded name, if there is one.
    pub(super) fn about_profile(&self, group: &FoldedName) -> Option<String> {
        self.profiles.get(group).filter(|change| change.holds_everything()).map(ProfileChange::why)
    }

    /// The reason for holding removals from the group with this folded name, if there is one: also when the group was
    /// deleted and created again.
    pub(super) fn about_profile_left(&self, group: &FoldedName) -> Option<String> {
        self.profiles.get(group).map(ProfileChange::why)
    }

    /// Why a removal from the group with this folded name is in doubt; with an empty name, a removal from no particular
    /// group. A doubt about the profile takes precedence over the reason that the group has a profile only now.
    pub(super) fn about(&self, group: &FoldedName) -> Option<&String> {
        self.all.as_ref().or_else(|| self.groups.get(group).filter(|_| !self.profiles.contains_key(group)))
    }
}

fn lost(memory: &Memory) -> Option<String> {
    let Memory::Lost(reason) = memory else { return None };
    Some(format!(
        "the stored result of earlier runs is lost ({reason}), so it is not known whether the organization shrank: \
         compare the removals with the Admin Console"
    ))
}

fn missing(counts: SourceCounts) -> Option<String> {
    (counts == SourceCounts::Missing).then(|| {
        "the listing of users came without X-Total-Count and X-Page-Count, which prove that it is complete".to_owned()
    })
}

/// Compares masks with letter case: `\W` is not `\w`.
fn other_mask(now: &SourceRead, before: &SourceRead) -> Option<String> {
    (now.mask != before.mask).then(|| {
        format!(
            "the association mask was changed from \"{}\" to \"{}\": see with the command \"mask\" what it matches",
            before.mask, now.mask
        )
    })
}

fn other_rules(now: &SourceRead, before: &SourceRead, instance: &InstanceName) -> Option<String> {
    if now.membership != before.membership {
        return Some(format!(
            "experience_cloud.membership was changed from \"{}\" to \"{}\": other users count as members",
            before.membership, now.membership
        ));
    }
    // A change from all to ims manages fewer operators and removes no membership.
    (now.manage == "all" && before.manage == "ims").then(|| {
        format!(
            "instances.{instance}.manage was changed from \"ims\" to \"all\": operators that sign in with a password can \
             lose their groups now"
        )
    })
}

fn shrunk(now: &SourceRead, before: &SourceRead, limits: &Limits) -> Option<String> {
    let percent = limits.max_source_shrink_percent;
    let key = format!("that loss exceeds guard.max_source_shrink_percent = {percent}");
    if let (Some(now), Some(before)) = (now.users, before.users)
        && shrank(wide(now), wide(before), percent)
    {
        return Some(format!("{before} → {now} users since the last accepted read: {key}"));
    }
    let (now, before) = (now.matched.len(), before.matched.len());
    shrank(now, before, percent)
        .then(|| format!("{before} → {now} profiles match the association mask since the last accepted read: {key}"))
}

fn wide(users: u64) -> usize {
    usize::try_from(users).unwrap_or(usize::MAX)
}

fn shrank(now: usize, before: usize, percent: u8) -> bool {
    exceeds(before.saturating_sub(now), before, percent)
}

/// Groups that no profile mapped to before: their members were added in another way. A group that was renamed together
/// with its profile is not one of them.
fn newly_matched(now: &SourceRead, before: &SourceRead, ties: &Ties<'_>) -> BTreeMap<FoldedName, String> {
    let known: BTreeSet<FoldedName> = before.matched.iter().map(|followed| followed.group.folded()).collect();
    let new =
        now.matched.iter().filter(|followed| !known.contains(&followed.group.folded()) && !ties.is_as_before(followed));
    let why = |followed: &FollowedGroup| {
        format!(
            "profile \"{}\" stands for group \"{}\" only since the last accepted read: its members were added in another way",
            followed.profile, followed.group
        )
    };
    new.map(|followed| (followed.group.folded(), why(followed))).collect()
}
