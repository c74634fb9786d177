//! What is left of a desired state when a run is narrowed: nobody else is added, removed, or spoken of.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{
    CampaignSnapshot, DesiredState, FoldedName, History, MaskMatch, OperatorGroupName, OperatorId,
    OrganizationSnapshot, Person, Policy, ProductProfileName, Scope, SkipReason, Skipped, UserSnapshot,
    desired_state::subject,
    identity::{Identity, OperatorIndex},
    roster::Roster,
};

impl DesiredState {
    /// Leaves out whatever is not in `scope`. `organization` and the rest are what this state was made from.
    ///
    /// A group that no profile claims and that was never followed becomes a notice. People whom the organization does not
    /// know are not noticed here: only the caller can tell whether they exist.
    #[must_use]
    pub fn narrowed_to(
        mut self,
        scope: &Scope,
        organization: &OrganizationSnapshot,
        campaign: &CampaignSnapshot,
        policy: &Policy,
        history: &History,
    ) -> Self {
        if scope.is_everything() {
            return self;
        }
        let roster = organization.roster();
        let reach = Reach::new(scope, roster);
        self.keep_notices(&reach, roster, policy);
        if let Some(groups) = &reach.groups {
            self.keep_groups(groups, &scope.groups, roster, policy);
        }
        if reach.people.is_some() {
            let index = OperatorIndex::new(campaign, policy.manage).remembering(history, &roster.people_read());
            let people: Vec<_> = reach.chosen(roster).collect();
            let mut operators = operators_of(people.iter().copied(), &index);
            let named = scope.people.iter().flat_map(|name| index.of_login(&FoldedName::new(name)));
            operators.extend(named.map(|operator| operator.id));
            self.keep_people(&operators, &people, campaign);
        }
        self.drop_idle_newcomers();
        self
    }

    /// Leaves out the groups that are not in `groups`; an empty list leaves none out. For a state made from `users`.
    #[must_use]
    pub fn narrowed_to_groups(mut self, groups: &[OperatorGroupName], users: &UserSnapshot, policy: &Policy) -> Self {
        let roster = users.roster();
        let reach = Reach { people: Some(vec![true; roster.people().len()]), ..Reach::of_groups(groups) };
        if let Some(kept) = &reach.groups {
            self.keep_notices(&reach, roster, policy);
            self.keep_groups(kept, groups, roster, policy);
            self.drop_idle_newcomers();
        }
        self
    }

    fn keep_notices(&mut self, reach: &Reach, roster: &Roster, policy: &Policy) {
        let subjects = reach.subjects(roster, policy);
        self.skipped.retain(|skipped| subjects.contains(&FoldedName::new(&skipped.subject)));
    }

    fn keep_groups(
        &mut self,
        groups: &HashSet<FoldedName>,
        asked: &[OperatorGroupName],
        roster: &Roster,
        policy: &Policy,
    ) {
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
        self.skipped.extend(unknown_groups(asked, roster, policy, self));
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
    users: &UserSnapshot,
    campaign: &CampaignSnapshot,
    policy: &Policy,
    history: &History,
) -> DesiredState {
    let roster = users.roster();
    let reach = Reach { people: Some(vec![true; users.people().len()]), ..Reach::of_groups(&[]) };
    desired.keep_notices(&reach, roster, policy);
    let index = OperatorIndex::new(campaign, policy.manage).remembering(history, &roster.people_read());
    let people: Vec<_> = users.people().iter().collect();
    desired.keep_people(&operators_of(users.people().iter(), &index), &people, campaign);
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
struct Reach {
    groups: Option<HashSet<FoldedName>>,
    /// By position in the roster.
    people: Option<Vec<bool>>,
    names: HashSet<FoldedName>,
}

impl Reach {
    fn new(scope: &Scope, roster: &Roster) -> Self {
        let names: HashSet<FoldedName> = scope.people.iter().map(|name| FoldedName::new(name)).collect();
        let is_named = |person: &Person| {
            [&person.email, &person.user_name].into_iter().flatten().any(|name| names.contains(&FoldedName::new(name)))
        };
        let people = (!names.is_empty()).then(|| roster.people().iter().map(is_named).collect());
        Self { people, names, ..Self::of_groups(&scope.groups) }
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

    fn chosen<'r>(&'r self, roster: &'r Roster) -> impl Iterator<Item = &'r Person> {
        let people = roster.people().iter().enumerate();
        people.filter(|(position, _)| self.has_person(*position)).map(|(_, person)| person)
    }

    /// The folded names of whom and what a notice of this scope may be about.
    fn subjects(&self, roster: &Roster, policy: &Policy) -> HashSet<FoldedName> {
        let mut subjects = self.names.clone();
        for (position, profile) in roster.profiles().iter().enumerate() {
            let group = match policy.mask.matches(profile.name.as_str()) {
                MaskMatch::Group(group) if self.has_group(&group) => Some(group),
                MaskMatch::EmptyCapture if self.groups.is_none() => None,
                MaskMatch::Group(_) | MaskMatch::EmptyCapture | MaskMatch::NoMatch => continue,
            };
            let mut people = roster.members(position).filter(|(at, _)| self.has_person(*at)).peekable();
            if self.people.is_some() && people.peek().is_none() {
                continue;
            }
            subjects.insert(FoldedName::new(profile.name.as_str()));
            subjects.extend(group.map(|group| group.folded()));
            subjects.extend(people.map(|(_, person)| FoldedName::new(&subject(person))));
        }
        let unlisted = roster.unlisted().iter().filter(|name| match policy.mask.matches(name.as_str()) {
            MaskMatch::Group(group) => self.has_group(&group),
            MaskMatch::EmptyCapture | MaskMatch::NoMatch => false,
        });
        // A listing of everybody does not tell whose record carried the name: a few people are not bothered with it.
        if self.names.is_empty() {
            subjects.extend(unlisted.map(ProductProfileName::folded));
        }
        subjects
    }
}

fn unknown_groups(
    asked: &[OperatorGroupName],
    roster: &Roster,
    policy: &Policy,
    desired: &DesiredState,
) -> Vec<Skipped> {
    let claimed = roster.profiles().iter().filter_map(|profile| match policy.mask.matches(profile.name.as_str()) {
        MaskMatch::Group(group) => Some(group.folded()),
        MaskMatch::EmptyCapture | MaskMatch::NoMatch => None,
    });
    let orphaned = desired.orphans.iter().map(|orphan| orphan.name.folded());
    let known: HashSet<FoldedName> = claimed.chain(orphaned).collect();
    let unknown = asked.iter().filter(|name| !known.contains(&name.folded()));
    let detail = format!("no product profile that \"{}\" matches stands for this group", policy.mask.as_str());
    unknown.map(|name| Skipped::new(SkipReason::UnknownGroup, name.as_str(), detail.clone())).collect()
}
