//! What may be applied at once, and what is held until somebody looked at it.
//!
//! Every removal of any kind passes [`review`], and only it makes an [`ApprovedPlan`].

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    Action, CampaignSnapshot, Change, ChangeKey, DesiredState, History, OperatorGroupName, OperatorId, OperatorLogin,
    Plan, SourceRead,
};

/// Below this many removals of an instance, a percentage says nothing.
const FEW_REMOVALS: usize = 4;

/// Below this many members of a group, a percentage says nothing.
const FEW_MEMBERS: usize = 3;

/// How much one run may change in one instance. Exceeding any one limit holds what the limit is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Removals.
    pub max_removals: usize,
    /// Removals, in percent of the managed memberships; not counted below 4 removals.
    pub max_removals_percent: u8,
    /// Removals of one group of 3 members or more, in percent of its managed members.
    pub max_group_removals_percent: u8,
    /// Operators created.
    pub max_new_operators: usize,
    /// Operator groups created.
    pub max_new_groups: usize,
    /// Loss of users or of matching profiles against the last accepted read beyond which removals are held, in percent.
    pub max_source_shrink_percent: u8,
}

/// Names a held plan: the same situation has the same digest in every run, any other has another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Reads 16 hexadecimal digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_digest = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A held change and why it is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldChange {
    /// The change.
    pub change: Change,
    /// Which limit holds it.
    pub why: String,
}

/// The changes that may be applied. Only [`review`] makes one, and it can only become smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedPlan {
    changes: Vec<Change>,
}

/// The changes that wait for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPlan {
    /// The held changes, in plan order.
    pub changes: Vec<HeldChange>,
    /// Names them; `None` when nothing is held.
    pub digest: Option<Digest>,
}

impl ApprovedPlan {
    /// The changes, in the order of doing.
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

/// Whether the source proved by counts that it was read completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceCounts {
    /// It did.
    Proven,
    /// The answers carried no counts: nobody is removed on their word.
    Missing,
}

/// What a plan is judged by, beside itself.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// How much one run may change.
    pub limits: &'a Limits,
    /// Whether the source proved by counts that it was read completely.
    pub counts: SourceCounts,
    /// How the organization was read; `None` for a plan that does not come from it, as that of an undo.
    pub read: Option<&'a SourceRead>,
    /// What earlier runs saw and decided.
    pub history: &'a History,
}

/// A plan split into what may be applied and what is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// What may be applied.
    pub approved: ApprovedPlan,
    /// What waits for somebody.
    pub held: HeldPlan,
    /// Whether the read may be remembered as accepted: nothing is held because of how it differs from the last one.
    pub is_read_accepted: bool,
    /// Changes that an approval or an undo named and that this plan does not hold any more: what was said of them is over.
    /// Only a plan over everything can tell.
    pub over: Vec<ChangeKey>,
}

/// Splits a plan into what may be applied and what is held.
pub fn review(
    plan: &Plan,
    desired: &DesiredState,
    campaign: &CampaignSnapshot,
    circumstances: &Circumstances<'_>,
) -> Review {
    let Circumstances { limits, counts, .. } = *circumstances;
    let verdicts = Verdicts {
        all_removals: hold_all_removals(plan, limits, counts),
        groups: hold_groups(plan, limits),
        creations: hold_creations(plan, limits),
    };
    let (mut approved, mut held) = (Vec::new(), Vec::new());
    for change in &plan.changes {
        match verdicts.of(change) {
            Some(why) => held.push(HeldChange { change: change.clone(), why }),
            None => approved.push(change.clone()),
        }
    }
    let digest = (!held.is_empty()).then(|| digest(&held, &approved, desired, campaign));
    Review {
        approved: ApprovedPlan { changes: approved },
        held: HeldPlan { changes: held, digest },
        is_read_accepted: true,
        over: Vec::new(),
    }
}

struct Verdicts {
    all_removals: Option<String>,
    groups: BTreeMap<OperatorGroupName, String>,
    creations: Option<String>,
}

impl Verdicts {
    fn of(&self, change: &Change) -> Option<String> {
        match &change.action {
            Action::DisableOperator { .. } => self.all_removals.clone(),
            Action::Remove { group, .. } => self.all_removals.clone().or_else(|| self.groups.get(group).cloned()),
            // A membership waits with the operator or the group that it needs.
            Action::Add { operator_id: Some(_), group_id: Some(_), .. } => None,
            Action::CreateGroup { .. } | Action::CreateOperator { .. } | Action::Add { .. } => self.creations.clone(),
        }
    }
}

fn hold_all_removals(plan: &Plan, limits: &Limits, counts: SourceCounts) -> Option<String> {
    let removals = plan.changes.iter().filter(|change| change.is_removal()).count();
    let managed = plan.managed_memberships();
    if removals == 0 {
        None
    } else if counts == SourceCounts::Missing {
        Some("the listing of users came without X-Total-Count and X-Page-Count, which prove that it is complete".into())
    } else if removals > limits.max_removals {
        Some(format!("{removals} removals exceed guard.max_removals = {}", limits.max_removals))
    } else if removals >= FEW_REMOVALS && exceeds(removals, managed, limits.max_removals_percent) {
        let percent = limits.max_removals_percent;
        Some(format!("{removals} removals of {managed} memberships exceed guard.max_removals_percent = {percent}"))
    } else {
        None
    }
}

fn hold_groups(plan: &Plan, limits: &Limits) -> BTreeMap<OperatorGroupName, String> {
    let mut leaving: BTreeMap<&OperatorGroupName, usize> = BTreeMap::new();
    let mut joined: BTreeSet<&OperatorGroupName> = BTreeSet::new();
    for change in &plan.changes {
        match &change.action {
            Action::Remove { group, .. } => *leaving.entry(group).or_default() += 1,
            // Somebody who is yet to be created may never come.
            Action::Add { group, operator_id: Some(_), .. } => {
                joined.insert(group);
            }
            Action::Add { .. }
            | Action::CreateGroup { .. }
            | Action::CreateOperator { .. }
            | Action::DisableOperator { .. } => {}
        }
    }
    let mut held = BTreeMap::new();
    for (group, leaving) in leaving {
        let managed = plan.managed_members.get(group).copied().unwrap_or_default();
        let percent = limits.max_group_removals_percent;
        if leaving >= managed && !joined.contains(group) {
            let why = format!("it would empty group \"{group}\": its last managed member would go");
            held.insert(group.clone(), why);
        } else if managed >= FEW_MEMBERS && exceeds(leaving, managed, percent) {
            let why = format!(
                "{leaving} removals of {managed} members of group \"{group}\" exceed \
                 guard.max_group_removals_percent = {percent}"
            );
            held.insert(group.clone(), why);
        }
    }
    held
}

fn hold_creations(plan: &Plan, limits: &Limits) -> Option<String> {
    let count = |wanted: fn(&Action) -> bool| plan.changes.iter().filter(|change| wanted(&change.action)).count();
    let operators = count(|action| matches!(action, Action::CreateOperator { .. }));
    let groups = count(|action| matches!(action, Action::CreateGroup { .. }));
    if operators > limits.max_new_operators {
        Some(format!("{operators} new operators exceed guard.max_new_operators = {}", limits.max_new_operators))
    } else if groups > limits.max_new_groups {
        Some(format!("{groups} new operator groups exceed guard.max_new_groups = {}", limits.max_new_groups))
    } else {
        None
    }
}

fn exceeds(part: usize, whole: usize, percent: u8) -> bool {
    part.saturating_mul(100) > whole.saturating_mul(usize::from(percent))
}

/// 16 hexadecimal digits over the held changes, and the wanted and actual members of the groups they touch, as they are
/// once the approved changes are made: the next run, which finds those made, comes to the same digest.
fn digest(held: &[HeldChange], approved: &[Change], desired: &DesiredState, campaign: &CampaignSnapshot) -> Digest {
    let mut hash = Sha256::new();
    let mut line = |text: String| {
        hash.update(text.as_bytes());
        hash.update(b"\n");
    };
    let touched: BTreeSet<_> = held.iter().filter_map(|held| held.change.group()).collect();
    for held in held {
        line(format!("{:?}", held.change.key()));
    }
    for group in desired.groups.iter().filter(|group| touched.contains(&group.name)) {
        let login = |id: &OperatorId| campaign.operator(*id).map(|operator| operator.login.folded());
        let mut actual: BTreeSet<String> =
            group.id.into_iter().flat_map(|id| campaign.members(id)).filter_map(|id| login(&id)).collect();
        let newcomers = group.new_members.iter().filter_map(|position| desired.new_operators.get(*position));
        let wanted: BTreeSet<String> =
            group.members.iter().filter_map(login).chain(newcomers.map(|newcomer| newcomer.login.folded())).collect();
        for change in approved.iter().filter(|change| change.group() == Some(&group.name)) {
            let operator = change.operator().map(OperatorLogin::folded);
            match (&change.action, operator) {
                (Action::Add { .. }, Some(operator)) => drop(actual.insert(operator)),
                (Action::Remove { .. }, Some(operator)) => drop(actual.remove(&operator)),
                _ => {}
            }
        }
        line(format!("{:?} wanted {wanted:?} actual {actual:?}", group.name.folded()));
    }
    let first = hash.finalize().iter().take(8).fold(0_u64, |digits, byte| (digits << 8) | u64::from(*byte));
    Digest(format!("{first:016x}"))
}
