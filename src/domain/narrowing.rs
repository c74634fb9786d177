//! What is left of a desired state when a run is narrowed: nobody else is added, removed, or spoken of.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{
    CampaignSnapshot, DesiredState, FoldedName, History, MatchedSource, OperatorGroupName, OperatorId, Person, Policy,
    Scope, SkipReason, Skipped,
    desired_state::subject,
    identity::{Identity, OperatorIndex},
    matched_source::ReadScope,
    roster::Roster,
};

impl DesiredState {
    /// Leaves out whatever is not in `scope`. `source` and the rest are what this state was made from: of a read of a few users
    /// only the groups are left out, for it says nothing of other users.
    ///
    /// A group that no profile claims and that was never followed becomes a notice. People whom the organization does not
    /// know are not noticed here: only the caller can tell whether they exist.
    #[must_use]
    pub fn narrowed_to(
        mut self,
        scope: &Scope,
        source: &MatchedSource<'_>,
        campaign: &CampaignSnapshot,
        policy: &Policy,
        history: &History,
    ) -> Self {
        let is_of_users = source.reach == ReadScope::Users;
        if scope.is_everything() || is_of_users && scope.groups.is_empty() {
            return self;
        }
        let roster = source.roster;
        let chosen = if is_of_users { Chosen::all_of(roster, &scope.groups) } else { Chosen::new(scope, roster) };
        self.keep_notices(&chosen, source);
        if let Some(groups) = &chosen.groups {
            self.keep_groups(groups, &scope.groups, source);
        }
        if chosen.people.is_some() && !is_of_users {
            let index = OperatorIndex::new(campaign, policy.manage).remembering(history, &roster.people_read());
            let people: Vec<_> = chosen.people_of(roster).collect();
            let mut operators = operators_of(people.iter().copied(), &index);
            let named = scope.people.iter().flat_map(|name| index.of_login(&FoldedName::new(name)));
            operators.extend(named.map(|operator| operator.id));
            self.keep_people(&operators, &people, campaign);
        }
        self.drop_idle_newcomers();
        self
    }

    fn keep_notices(&mut self, chosen: &Chosen, source: &MatchedSource<'_>) {
        let subjects = chosen.subjects(source);
        self.skipped.retain(|skipped| subjects.contains(&FoldedName::new(&skipped.subject)));
    }

    fn keep_groups(&mut self, groups: &HashSet<FoldedName>, asked: &[OperatorGroupName], source: &MatchedSource<'_>) {
        let (kept, dropped): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.groups).into_iter().partition(|group| groups.contains(&group.name.folded()));
        self.groups = kept;
        self.matched.retain(|matched| groups.contains(&FoldedName::new(&matched.group)));
        self.orphans.retain(|orphan| groups.contains(&orphan.name.folded()));
        // Whoever belongs in a group that is left out may be about to join it, and is not without groups then.
        self.spared.extend(dropped.into_iter().flat_map(|group| group.members));
        self.spared.sort_unstable();
        self.spared.dedup();
        // Whom an earlier run left behind is in none of these groups: nobody narrowed this run to them.
        self.departures.clear();
        self.skipped.extend(unknown_groups(asked, source, self));
        self.skipped.sort_unstable();
        self.skipped.dedup();
    }

    /// Leaves in every group only what concerns these operators and people; about all others nothing is said.
    fn keep_people(&mut self, operators: &HashSet<OperatorId>, people: &[&Person], campaign: &CampaignSnapshot) {
        let addresses: HashSet<FoldedName> =
            people.iter().filter_map(|person| person.email.as_deref().map(FoldedName::new)).collect();
        let coming: Vec<bool> =
            self.new_operators.iter().map(|newcomer| addresses.contains(&newcomer.login.folded())).collect();
        for group in &mut self.groups {
            group.members.retain(|operator| operators.contains(operator));
            group.new_members.retain(|position| coming.get(*position).copied().unwrap_or_default());
            let present = group.id.into_iter().flat_map(|id| campaign.members(id));
            group.undecided.extend(present.filter(|operator| !operators.contains(operator)));
            group.undecided.sort_unstable();
            group.undecided.dedup();
        }
        self.departures.retain(|departure| operators.contains(&departure.operator));
        // An orphan has no members in the source to tell one person's leaving by: it is only reported.
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

/// A state that speaks of these users only, from whom it was made.
pub(super) fn only_these_users(
    mut desired: DesiredState,
    source: &MatchedSource<'_>,
    campaign: &CampaignSnapshot,
    policy: &Policy,
    history: &History,
) -> DesiredState {
    let roster = source.roster;
    desired.keep_notices(&Chosen::all_of(roster, &[]), source);
    let index = OperatorIndex::new(campaign, policy.manage).remembering(history, &roster.people_read());
    let people: Vec<_> = roster.people().iter().collect();
    desired.keep_people(&operators_of(roster.people().iter(), &index), &people, campaign);
    desired
}

fn operators_of<'p>(people: impl Iterator<Item = &'p Person>, index: &OperatorIndex<'_>) -> HashSet<OperatorId> {
    people
        .filter_map(|person| match index.identify(person) {
            Identity::Operator(operator) | Identity::Renamed(operator) => Some(operator.id),
            Identity::Undecided(_)
            | Identity::PassedOn(_)
            | Identity::Ambiguous(_)
            | Identity::LookAlike(_)
            | Identity::NotManaged(_)
            | Identity::Unknown
            | Identity::NoLogin => None,
        })
        .collect()
}

/// A scope in folded names; `None` where it leaves nobody, or nothing, out.
struct Chosen {
    groups: Option<HashSet<FoldedName>>,
    /// By position in the roster.
    people: Option<Vec<bool>>,
    names: HashSet<FoldedName>,
}

impl Chosen {
    fn new(scope: &Scope, roster: &Roster) -> Self {
        let names: HashSet<FoldedName> = scope.people.iter().map(|name| FoldedName::new(name)).collect();
        let is_named = |person: &Person| {
            [&person.email, &person.user_name].into_iter().flatten().any(|name| names.contains(&FoldedName::new(name)))
        };
        let people = (!names.is_empty()).then(|| roster.people().iter().map(is_named).collect());
        Self { people, names, ..Self::of_groups(&scope.groups) }
    }

    /// Everybody of the roster.
    fn all_of(roster: &Roster, groups: &[OperatorGroupName]) -> Self {
        Self { people: Some(vec![true; roster.people().len()]), ..Self::of_groups(groups) }
    }

    fn of_groups(groups: &[OperatorGroupName]) -> Self {
        let groups: HashSet<FoldedName> = groups.iter().map(OperatorGroupName::folded).collect();
        Self { groups: (!groups.is_empty()).then_some(groups), people: None, names: HashSet::new() }
    }

    fn has_group(&self, name: &OperatorGroupName) -> bool {
        self.groups.as_ref().is_none_or(|groups| groups.contains(&name.folded()))
    }

    fn has_person(&self, position: usize) -> bool {
        self.people.as_ref().is_none_or(|people| people.get(position).copied().unwrap_or_default())
    }

    fn people_of<'r>(&'r self, roster: &'r Roster) -> impl Iterator<Item = &'r Person> {
        let people = roster.people().iter().enumerate();
        people.filter(|(position, _)| self.has_person(*position)).map(|(_, person)| person)
    }

    /// The folded names of whom and what a notice of this scope may be about.
    fn subjects(&self, source: &MatchedSource<'_>) -> HashSet<FoldedName> {
        let mut subjects = self.names.clone();
        for (position, profile, group) in source.matches() {
            if !group.map_or(self.groups.is_none(), |group| self.has_group(group)) {
                continue;
            }
            let mut people = source.roster.members(position).filter(|(at, _)| self.has_person(*at)).peekable();
            if self.people.is_some() && people.peek().is_none() {
                continue;
            }
            subjects.insert(FoldedName::new(profile.name.as_str()));
            subjects.extend(group.map(OperatorGroupName::folded));
            subjects.extend(people.map(|(_, person)| FoldedName::new(&subject(person))));
        }
        let unlisted = source.unlisted().filter(|(_, group)| group.is_some_and(|group| self.has_group(group)));
        // A listing of everybody does not tell whose record carried the name: a few people are not bothered with it.
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
