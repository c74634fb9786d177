//! Doubts about the source: how this read of the organization differs from the last one whose word was taken.
//!
//! A doubt about the read as a whole holds removals and nothing else: an addition too many is noticed and taken back, a right
//! too few stops work. Where a group follows another profile than before, its additions are held as well.

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

/// Why removals, and changes of single groups, are doubted; the most important reason first.
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

    /// Whether the read as a whole is doubted.
    pub(super) fn is_about_everything(&self) -> bool {
        self.all.is_some()
    }

    /// The groups that follow another profile than before, or are others than their profile stood for, by folded name.
    pub(super) fn profiles(&self) -> &BTreeMap<FoldedName, ProfileChange> {
        &self.profiles
    }

    /// Why every change of the group of this folded name waits, if it does.
    pub(super) fn about_profile(&self, group: &FoldedName) -> Option<String> {
        self.profiles.get(group).filter(|change| change.holds_everything()).map(ProfileChange::why)
    }

    /// The same of a removal: those from a group that was made again wait as well.
    pub(super) fn about_profile_left(&self, group: &FoldedName) -> Option<String> {
        self.profiles.get(group).map(ProfileChange::why)
    }

    /// Why a removal from the group of this folded name is doubted; of an empty name, one from no particular group.
    /// What is said against its profile goes before that it has one only now.
    pub(super) fn about(&self, group: &FoldedName) -> Option<&String> {
        self.all.as_ref().or_else(|| self.groups.get(group).filter(|_| !self.profiles.contains_key(group)))
    }
}

fn lost(memory: &Memory) -> Option<String> {
    let Memory::Lost(reason) = memory else { return None };
    Some(format!(
        "what earlier runs saw is lost ({reason}), so nobody can tell whether the organization shrank: \
         compare the removals with the Admin Console"
    ))
}

fn missing(counts: SourceCounts) -> Option<String> {
    (counts == SourceCounts::Missing).then(|| {
        "the listing of users came without X-Total-Count and X-Page-Count, which prove that it is complete".to_owned()
    })
}

/// Letter case counts here: `\W` is not `\w`.
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
    // From all to ims fewer users are managed, and nobody loses anything by that.
    (now.manage == "all" && before.manage == "ims").then(|| {
        format!(
            "instances.{instance}.manage was changed from \"ims\" to \"all\": operators who log on with a password can \
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

/// Groups that the mask matches a profile for now and did not before: whoever is in them came there in another way.
/// A group that was renamed together with its profile is no new one.
fn newly_matched(now: &SourceRead, before: &SourceRead, ties: &Ties<'_>) -> BTreeMap<FoldedName, String> {
    let known: BTreeSet<FoldedName> = before.matched.iter().map(|followed| followed.group.folded()).collect();
    let new =
        now.matched.iter().filter(|followed| !known.contains(&followed.group.folded()) && !ties.is_as_before(followed));
    let why = |followed: &FollowedGroup| {
        format!(
            "profile \"{}\" stands for group \"{}\" only since the last accepted read: its members came there in another way",
            followed.profile, followed.group
        )
    };
    new.map(|followed| (followed.group.folded(), why(followed))).collect()
}
