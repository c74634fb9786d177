//! Doubts about the source: how this read of the organization differs from the last one whose word was taken.
//!
//! A doubt holds removals and nothing else: an addition too many is noticed and taken back, a right too few stops work.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{FoldedName, FollowedGroup, InstanceName, Limits, Memory, SourceRead, unlisted_accounts::grown},
    Circumstances, SourceCounts,
    limits::exceeds,
};

/// Why removals are doubted, the most important reason first.
pub(super) struct SourceDoubts {
    all: Option<String>,
    groups: BTreeMap<FoldedName, String>,
}

impl SourceDoubts {
    pub(super) fn new(circumstances: &Circumstances<'_>) -> Self {
        let Circumstances { instance, limits, counts, read, history } = *circumstances;
        let accepted = history.accepted.as_ref();
        let compared = read.zip(accepted);
        let all = read
            .and_then(|_| lost(&history.memory))
            .or_else(|| missing(counts))
            .or_else(|| compared.and_then(|(now, before)| other_mask(now, before)))
            .or_else(|| compared.and_then(|(now, before)| other_rules(now, before, instance)))
            .or_else(|| compared.and_then(|(now, before)| shrunk(now, before, limits)));
        let mut groups = compared.map(|(now, before)| newly_matched(now, before)).unwrap_or_default();
        groups.extend(compared.map(|(now, before)| renamed(now, before)).unwrap_or_default());
        for (group, why) in compared.map(|(now, before)| grown(now, before)).unwrap_or_default() {
            groups.entry(group).or_insert(why);
        }
        Self { all, groups }
    }

    /// Why a removal from the group of this folded name is doubted; of an empty name, one from no particular group.
    pub(super) fn about(&self, group: &FoldedName) -> Option<&String> {
        self.all.as_ref().or_else(|| self.groups.get(group))
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
            "experience_cloud.membership was changed from \"{}\" to \"{}\": other people count as members",
            before.membership, now.membership
        ));
    }
    // From all to ims fewer people are managed, and nobody loses anything by that.
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
fn newly_matched(now: &SourceRead, before: &SourceRead) -> BTreeMap<FoldedName, String> {
    let known: BTreeSet<FoldedName> = before.matched.iter().map(|followed| followed.group.folded()).collect();
    let new = now.matched.iter().filter(|followed| !known.contains(&followed.group.folded()));
    let why = |followed: &FollowedGroup| {
        format!(
            "profile \"{}\" stands for group \"{}\" only since the last accepted read: its members came there in another way",
            followed.profile, followed.group
        )
    };
    new.map(|followed| (followed.group.folded(), why(followed))).collect()
}

/// The groups concerned by a profile that was given another name, by folded name: the one it stood for and the one it
/// stands for now. What people call one thing would otherwise be emptied in one place and filled in another.
fn renamed(now: &SourceRead, before: &SourceRead) -> BTreeMap<FoldedName, String> {
    let known: BTreeMap<_, _> = before.matched.iter().filter_map(|old| Some((old.profile_id?, old))).collect();
    let moved = now.matched.iter().filter_map(|new| {
        let old = *known.get(&new.profile_id?)?;
        (old.group.folded() != new.group.folded()).then_some((old, new))
    });
    let mut concerned = BTreeMap::new();
    for (old, new) in moved {
        for group in [old, new] {
            concerned.entry(group.group.folded()).or_insert_with(|| moved_in_words(old, new));
        }
    }
    concerned
}

fn moved_in_words(old: &FollowedGroup, new: &FollowedGroup) -> String {
    format!(
        "profile \"{}\" was renamed to \"{}\", and so stands for group \"{}\" instead of \"{}\": \
         rename the group in Campaign, or the profile back",
        old.profile, new.profile, new.group, old.group
    )
}
