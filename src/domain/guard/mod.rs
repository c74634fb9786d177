//! The guard: which changes may be applied immediately, and which are held until an administrator approves them.
//!
//! Every removal of any kind passes [`review`], and only `review` creates an [`ApprovedPlan`].

mod digest;
mod hold_rules;
mod limits;
mod prior_decisions;
mod profile_doubts;
mod settled_decisions;
mod source;

use std::collections::{BTreeSet, HashMap, HashSet};

pub use self::{digest::Digest, limits::Limits};
use self::{
    digest::{DigestInput, digest},
    hold_rules::{Hold, HoldCause, holds},
    prior_decisions::PriorDecisions,
    profile_doubts::ProfileDoubts,
    settled_decisions::{Contradiction, SettledDecisions},
    source::SourceDoubts,
};
use super::{
    Approval, ApprovalState, CampaignSnapshot, Change, ChangeKey, DesiredState, EarlierHold, FoldedName, History,
    InstanceName, OperatorGroupName, Plan, SourceRead, profile_changes::ProfileChange,
};

/// A held change and why it is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldChange {
    /// The change.
    pub change: Change,
    /// The most important reason for holding it.
    pub why: String,
}

/// The changes that may be applied. Only [`review`] creates one, and changes can only be taken out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedPlan {
    changes: Vec<Change>,
}

/// The changes that wait for an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPlan {
    /// The held changes, in plan order.
    pub changes: Vec<HeldChange>,
    /// The digest that identifies them; `None` when nothing is held.
    pub digest: Option<Digest>,
}

impl ApprovedPlan {
    /// The changes, in the order in which they are applied.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The same plan without the changes that `keep` refuses.
    #[must_use]
    pub fn only(mut self, keep: impl Fn(&Change) -> bool) -> Self {
        self.changes.retain(keep);
        self
    }
}

/// The held part of a plan that an approval released as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The digest under which it was held.
    pub digest: Digest,
    changes: HashSet<ChangeKey>,
}

impl Release {
    /// Whether the approval released the change.
    pub fn contains(&self, change: &Change) -> bool {
        self.changes.contains(&change.key())
    }
}

/// Whether counts prove that the organization was read completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceCounts {
    /// The counts prove it.
    Proven,
    /// The responses carried no counts: every removal is held.
    Missing,
}

/// Everything besides the plan that a review depends on.
#[derive(Clone, Copy, Debug)]
pub struct ReviewContext<'a> {
    /// The instance's name in the configuration: plans of two instances never have the same digest.
    pub instance: &'a InstanceName,
    /// How much one run may change.
    pub limits: &'a Limits,
    /// Whether counts prove that the organization was read completely; `Proven` for a plan that does not rest on such a
    /// read.
    pub counts: SourceCounts,
    /// How the organization was read; `None` for a plan that does not rest on such a read, like that of an undo.
    pub read: Option<&'a SourceRead>,
    /// What earlier runs saw and decided.
    pub history: &'a History,
}

/// A plan split into what may be applied and what is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// What may be applied.
    pub approved: ApprovedPlan,
    /// What waits for an approval.
    pub held: HeldPlan,
    /// The changes that an approval of this digest released in this run.
    pub released: Option<Release>,
    /// Approvals of another digest that no run has begun to apply; empty when nothing is held.
    pub unused_approvals: Vec<Approval>,
    /// Changes that are neither approved nor held, because the members of their profile are in doubt. In plan order,
    /// each with the reason.
    pub unconfirmed: Vec<(Change, String)>,
    /// Whether the read counts as accepted: no change is held because the read differs from the last accepted one, and no
    /// profile is in doubt whose removals would be held for that.
    pub is_read_accepted: bool,
    /// Changes named by an approval in use, by an undo or by a pending disablement that were made or that the
    /// organization contradicts: these decisions have ended. Valid only for a plan over everything.
    pub ended: Vec<ChangeKey>,
    /// Changes that earlier runs held and that this plan does not contain because their group, profile or operator is
    /// absent: they stay held.
    pub dormant: Vec<EarlierHold>,
    /// Groups, by folded name, that follow another profile than before, or are different groups than before, and whose
    /// changes are not approved: what is known about them stays as it is, see
    /// [`KnownProfiles::after`](super::KnownProfiles::after).
    pub unsettled: BTreeSet<FoldedName>,
}

/// Splits a plan into what may be applied and what is held.
///
/// No change of a group whose profile is in doubt is released, approved or not, and none counts against a limit. The
/// limits count the rest of the plan, approved changes included. The changes that are held before new approvals are
/// applied have a digest: an approval of exactly this digest releases all of them, any other approval releases none.
pub fn review(plan: &Plan, desired: &DesiredState, campaign: &CampaignSnapshot, context: &ReviewContext<'_>) -> Review {
    let doubts = SourceDoubts::new(context, campaign);
    let reviewed = review_without_new_approvals(plan, desired, campaign, context, &doubts);
    let Some(digest) = &reviewed.held.digest else { return reviewed };
    let given = context.history.approvals.iter().filter(|approval| approval.state == ApprovalState::Given);
    let (matching, others): (Vec<&Approval>, Vec<&Approval>) = given.partition(|given| given.digest == *digest);
    if let Some(approval) = matching.first() {
        return reviewed.released_by(approval, plan, &ProfileDoubts::new(desired), &doubts);
    }
    let for_undos = &context.history.held_for_undos;
    let unused = others.into_iter().filter(|approval| !for_undos.contains(&approval.digest));
    Review { unused_approvals: unused.cloned().collect(), ..reviewed }
}

/// The review without approvals that no run has begun to apply.
fn review_without_new_approvals(
    plan: &Plan,
    desired: &DesiredState,
    campaign: &CampaignSnapshot,
    context: &ReviewContext<'_>,
    doubts: &SourceDoubts,
) -> Review {
    let (mut approved, mut held, mut is_read_accepted) = (Vec::new(), Vec::new(), true);
    let unread = ProfileDoubts::new(desired);
    let (certain, unconfirmed) = unread.split(plan);
    // A later run with a complete read has to know the same doubt.
    is_read_accepted &= !unread.hide_removals(doubts);
    for (change, hold) in certain.changes.iter().zip(holds(&certain, desired, context, doubts)) {
        match hold {
            Some(Hold { why, cause }) => {
                is_read_accepted &= cause != HoldCause::Source;
                held.push(HeldChange { change: change.clone(), why });
            }
            None => approved.push(change.clone()),
        }
    }
    let ReviewContext { instance, history, limits, .. } = *context;
    // A change that waits for an approval keeps waiting while its profile is in doubt.
    let prior = PriorDecisions::new(history, limits);
    let (waiting, unconfirmed): (Vec<_>, Vec<_>) =
        unconfirmed.into_iter().partition(|(change, _)| prior.held(&change.key()).is_some());
    held.extend(waiting.into_iter().map(|(change, why)| HeldChange { change, why }));
    held.sort_by_cached_key(|held| held.change.key());
    let doubted = doubts.profiles().keys().cloned().collect();
    let input = DigestInput { instance, held: &held, approved: &approved, desired, campaign, doubted: &doubted };
    let digest = (!held.is_empty()).then(|| digest(&input));
    let contradicts =
        if doubts.is_about_everything() { Contradiction::Nowhere } else { Contradiction::ExceptIn(&doubted) };
    let settled = SettledDecisions::new(plan.changes.iter().map(Change::key).collect(), desired, campaign, contradicts);
    let mut ended = prior_decisions::ended(history, &settled);
    ended.retain(|key| !unread.concern(key));
    Review {
        dormant: prior_decisions::dormant(history, &settled),
        unsettled: unsettled(
            doubts,
            &approved,
            held.iter().map(|held| &held.change).chain(unconfirmed.iter().map(|(change, _)| change)),
        ),
        approved: ApprovedPlan { changes: approved },
        held: HeldPlan { changes: held, digest },
        released: None,
        unused_approvals: Vec::new(),
        unconfirmed,
        is_read_accepted,
        ended,
    }
}

impl Review {
    /// The changes that approvals released, each with its approval: the one that released the held part, or one that an
    /// earlier run began to apply. An approval that a dry run only tries is not included.
    pub fn approvals<'h>(&self, history: &'h History) -> HashMap<ChangeKey, &'h Approval> {
        let mut by_change = HashMap::new();
        for approval in history.approvals.iter().filter(|approval| approval.given_at.is_some()) {
            match approval.state {
                ApprovalState::InUse => {
                    by_change.extend(approval.changes.iter().map(|change| (change.key.clone(), approval)));
                }
                ApprovalState::Given => {
                    let released = self.released.iter().filter(|released| released.digest == approval.digest);
                    by_change.extend(released.flat_map(|one| &one.changes).map(|key| (key.clone(), approval)));
                }
            }
        }
        for held in &self.held.changes {
            by_change.remove(&held.change.key());
        }
        by_change
    }

    /// The review after an approval of everything that is held. A change whose profile is in doubt is not released.
    fn released_by(self, approval: &Approval, plan: &Plan, unread: &ProfileDoubts<'_>, doubts: &SourceDoubts) -> Self {
        let changes = self.held.changes.iter().map(|held| held.change.key()).collect();
        let (certain, unconfirmed) = unread.split(plan);
        let waiting = unconfirmed.iter().map(|(change, _)| change);
        Self {
            unsettled: unsettled(doubts, &certain.changes, waiting),
            approved: ApprovedPlan { changes: certain.changes },
            held: HeldPlan { changes: Vec::new(), digest: None },
            released: Some(Release { digest: approval.digest.clone(), changes }),
            unconfirmed,
            is_read_accepted: !unread.hide_removals(doubts),
            ..self
        }
    }
}

/// The doubted groups whose changes were not approved. A group without changes was not approved either: its first
/// change decides. Of a group that was deleted and created again only removals are held, so that without removals it is
/// not doubted.
fn unsettled<'c>(
    doubts: &SourceDoubts,
    approved: &[Change],
    waiting: impl Iterator<Item = &'c Change> + Clone,
) -> BTreeSet<FoldedName> {
    let leaving: BTreeSet<_> = waiting.clone().filter(|change| change.is_removal()).filter_map(group_of).collect();
    let (waiting, passed): (BTreeSet<_>, BTreeSet<_>) =
        (waiting.filter_map(group_of).collect(), approved.iter().filter_map(group_of).collect());
    let is_unsettled = |group: &FoldedName, change: &ProfileChange| {
        if change.holds_everything() {
            waiting.contains(group) || !passed.contains(group)
        } else {
            leaving.contains(group)
        }
    };
    let doubted = doubts.profiles().iter();
    doubted.filter(|(group, change)| is_unsettled(group, change)).map(|(group, _)| group.clone()).collect()
}

fn group_of(change: &Change) -> Option<FoldedName> {
    change.group().map(OperatorGroupName::folded)
}
