//! Narrowing of a desired state to users and groups: operators and groups outside the scope are not changed or
//! reported.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{
    AdobeUser, CampaignSnapshot, DesiredState, FoldedName, History, MatchedSource, OperatorGroupName, OperatorId,
    Policy, SkipReason, Skipped,
    identity::{Identity, OperatorIndex, display_name},
    matched_source::ReadScope,
    roster::Roster,
};

/// The users and operator groups that a run is narrowed to. It changes no other memberships.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// E-mail addresses or user names; empty for all users.
    pub users: Vec<String>,
    /// Operator groups; empty for all.
    pub groups: Vec<OperatorGroupName>,
}

impl Scope {
    /// Whether the run is not narrowed.
    pub fn is_everything(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }

    /// The scope for readers: `user ann@acme.com, group delivery`; `None` for everything.
    pub fn described(&self) -> Option<String> {
        let users = self.users.iter().map(|user| format!("user {user}"));
        let groups = self.groups.iter().map(|group| format!("group {group}"));
        let parts: Vec<_> = users.chain(groups).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

impl DesiredState {
    /// Removes everything outside `scope`. `source` and the other arguments are those that this state was computed
    /// from. If `source` is a read of a few users, only groups are removed, because the state contains no other users.
    ///
    /// A group that no profile maps to and that was never followed becomes a notice. Users that the organization does
    /// not have are not reported here: only the caller knows whether they exist.
    #[must_use]
    pub fn narrowed_to(
        mut self,
        scope: &Scope,
        source: &MatchedSource<'_>,
        campaign: &CampaignSnapshot,
        policy: &Policy,
        history: &History,
    ) -> Self {
        let is_of_users = source.scope == ReadScope::Users;
        if scope.is_everything() || is_of_users && scope.groups.is_empty() {
            return self;
        }
        let roster = source.roster;
        let filter =
            if is_of_users { ScopeFilter::all_of(roster, &scope.groups) } else { ScopeFilter::new(scope, roster) };
        self.keep_notices(&filter, source);
        if let Some(groups) = &filter.groups {
            self.keep_groups(groups, &scope.groups, source);
        }
        if filter.users.is_some() && !is_of_users {
            let index = OperatorIndex::new(campaign, policy.manage).remembering(history, &roster.users_read());
            let users: Vec<_> = filter.users_of(roster).collect();
            let mut operators = operators_of(users.iter().copied(), &index);
            let named = scope.users.iter().flat_map(|name| index.of_login(&FoldedName::new(name)));
            operators.extend(named.map(|operator| operator.id));
            self.keep_users(&operators, &users, campaign);
        }
        self.drop_idle_newcomers();
        self
    }

    fn keep_notices(&mut self, filter: &ScopeFilter, source: &MatchedSource<'_>) {
        let subjects = filter.subjects(source);
        self.skipped.retain(|skipped| subjects.contains(&FoldedName::new(&skipped.subject)));
    }

    fn keep_groups(&mut self, groups: &HashSet<FoldedName>, asked: &[OperatorGroupName], source: &MatchedSource<'_>) {
        let (kept, dropped): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.groups).into_iter().partition(|group| groups.contains(&group.name.folded()));
        self.groups = kept;
        self.matched.retain(|matched| groups.contains(&FoldedName::new(&matched.group)));
        self.orphans.retain(|orphan| groups.contains(&orphan.name.folded()));
        // An operator that belongs in a group outside the scope may be about to join it, and then it is not without
        // groups.
        self.keep_enabled.extend(dropped.into_iter().flat_map(|group| group.members));
        // The operators of pending disablements are in none of these groups, and the scope does not name them.
        self.pending_disablements.clear();
        self.skipped.extend(unknown_groups(asked, source, self));
        self.skipped.sort_unstable();
        self.skipped.dedup();
    }

    /// Keeps in every group only these operators and users; the present members among all others become undecided.
    fn keep_users(&mut self, operators: &HashSet<OperatorId>, users: &[&AdobeUser], campaign: &CampaignSnapshot) {
        let addresses: HashSet<FoldedName> =
            users.iter().filter_map(|user| user.email().map(FoldedName::new)).collect();
        let coming: Vec<bool> =
            self.new_operators.iter().map(|newcomer| addresses.contains(&newcomer.login.folded())).collect();
        for group in &mut self.groups {
            group.members.retain(|operator| operators.contains(&operator));
            group.new_members.retain(|position| coming.get(*position).copied().unwrap_or_default());
            let present = group.id.into_iter().flat_map(|id| campaign.members(id)).map(|member| member.id);
            group.undecided.extend(present.filter(|operator| !operators.contains(operator)));
        }
        self.pending_disablements.retain(|pending| operators.contains(&pending.operator));
        // An orphaned group has no profile that shows whether a single user left it: the group is only reported.
        for orphan in &mut self.orphans {
            orphan.undecided.clone_from(&orphan.members);
        }
    }

    fn drop_idle_newcomers(&mut self) {
        let wanted: BTreeSet<usize> = self.groups.iter().flat_map(|group| group.new_members.iter().copied()).collect();
        let moved: HashMap<usize, usize> = wanted.iter().copied().zip(0..).collect();
        self.new_operators = wanted.iter().filter_map(|position| self.new_operators.get(*position).cloned()).collect();
        for group in &mut self.groups {
            group.new_members = group.new_members.iter().filter_map(|position| moved.get(position).copied()).collect();
        }
    }
}

/// The desired state with only the users of this read.
pub(super) fn only_these_users(
    mut desired: DesiredState,
    source: &MatchedSource<'_>,
    campaign: &CampaignSnapshot,
    policy: &Policy,
    history: &History,
) -> DesiredState {
    let roster = source.roster;
    desired.keep_notices(&ScopeFilter::all_of(roster, &[]), source);
    let index = OperatorIndex::new(campaign, policy.manage).remembering(history, &roster.users_read());
    let users: Vec<_> = roster.users().iter().collect();
    desired.keep_users(&operators_of(roster.users().iter(), &index), &users, campaign);
    desired
}

fn operators_of<'p>(users: impl Iterator<Item = &'p AdobeUser>, index: &OperatorIndex<'_>) -> HashSet<OperatorId> {
    users
        .filter_map(|user| match index.identify(user) {
            Identity::Operator(operator) | Identity::Renamed(operator) => Some(operator.id),
            Identity::Undecided(_)
            | Identity::Reassigned(_)
            | Identity::Ambiguous(_)
            | Identity::LookAlike(_)
            | Identity::NotManaged(_)
            | Identity::Unknown
            | Identity::NoLogin => None,
        })
        .collect()
}

/// A scope in folded names; `None` where it does not restrict users or groups.
struct ScopeFilter {
    groups: Option<HashSet<FoldedName>>,
    /// By position in the roster.
    users: Option<Vec<bool>>,
    names: HashSet<FoldedName>,
}

impl ScopeFilter {
    fn new(scope: &Scope, roster: &Roster) -> Self {
        let names: HashSet<FoldedName> = scope.users.iter().map(|name| FoldedName::new(name)).collect();
        let is_named = |user: &AdobeUser| user.names().any(|name| names.contains(&FoldedName::new(name)));
        let users = (!names.is_empty()).then(|| roster.users().iter().map(is_named).collect());
        Self { users, names, ..Self::of_groups(&scope.groups) }
    }

    /// A filter that accepts all users of the roster.
    fn all_of(roster: &Roster, groups: &[OperatorGroupName]) -> Self {
        Self { users: Some(vec![true; roster.users().len()]), ..Self::of_groups(groups) }
    }

    fn of_groups(groups: &[OperatorGroupName]) -> Self {
        let groups: HashSet<FoldedName> = groups.iter().map(OperatorGroupName::folded).collect();
        Self { groups: (!groups.is_empty()).then_some(groups), users: None, names: HashSet::new() }
    }

    fn has_group(&self, name: &OperatorGroupName) -> bool {
        self.groups.as_ref().is_none_or(|groups| groups.contains(&name.folded()))
    }

    fn has_user(&self, position: usize) -> bool {
        self.users.as_ref().is_none_or(|users| users.get(position).copied().unwrap_or_default())
    }

    fn users_of<'r>(&'r self, roster: &'r Roster) -> impl Iterator<Item = &'r AdobeUser> {
        let users = roster.users().iter().enumerate();
        users.filter(|(position, _)| self.has_user(*position)).map(|(_, user)| user)
    }

    /// The folded names of users, profiles and groups that notices within this scope may be about.
    fn subjects(&self, source: &MatchedSource<'_>) -> HashSet<FoldedName> {
        let mut subjects = self.names.clone();
        for (position, profile, group) in source.matches() {
            if !group.map_or(self.groups.is_none(), |group| self.has_group(group)) {
                continue;
            }
            let mut users = source.roster.members(position).filter(|(at, _)| self.has_user(*at)).peekable();
            if self.users.is_some() && users.peek().is_none() {
                continue;
            }
            subjects.insert(FoldedName::new(profile.name.as_str()));
            subjects.extend(group.map(OperatorGroupName::folded));
            subjects.extend(users.map(|(_, user)| FoldedName::new(&display_name(user))));
        }
        let unlisted = source.unlisted().filter(|(_, group)| group.is_some_and(|group| self.has_group(group)));
        // A read of all users does not show which user carries the name, so a run for a few users does not report it.
        if self.names.is_empty() {
            subjects.extend(unlisted.map(|(name, _)| name.folded()));
        }
        subjects
    }
}

fn unknown_groups(asked: &[OperatorGroupName], source: &MatchedSource<'_>, desired: &DesiredState) -> Vec<Skipped> {
    let claimed = source.matches().filter_map(|(.., group)| group.map(OperatorGroupName::folded));
    let orphaned = desired.orphans.iter().map(|orphan| orphan.name.folded());
    let known: HashSet<FoldedName> = claimed.chain(orphaned).collect();
    let unknown = asked.iter().filter(|name| !known.contains(&name.folded()));
    let detail = format!("no product profile that \"{}\" matches stands for this group", source.mask().as_str());
    unknown.map(|name| Skipped::new(SkipReason::UnknownGroup, name.as_str(), detail.clone())).collect()
}
