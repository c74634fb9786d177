//! What one Campaign instance should hold: the managed groups, who belongs in them, and what cannot be placed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    CampaignSnapshot, Departure, FoldedName, History, MaskMatch, Missing, OperatorGroup, OperatorGroupId,
    OperatorGroupName, OperatorId, OperatorLogin, OrganizationSnapshot, OrphanGroup, Person, Policy, ProductProfile,
    ProfileDoubt, ProfileRead, SkipReason, Skipped, UserSnapshot,
    departures::departures,
    identity::{Identity, OperatorIndex},
    narrowing::only_these_users,
    orphans::orphans,
    roster::Roster,
    unusable::{unusable_operator_of, unusable_operators},
};

/// An operator group whose members follow a product profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedGroup {
    /// The group in Campaign's spelling, or in the profile's where it has to be created.
    pub name: OperatorGroupName,
    /// Its key; `None` when it has to be created.
    pub id: Option<OperatorGroupId>,
    /// The profile it follows.
    pub profile: ProductProfile,
    /// What is known of the members of that profile.
    pub read: ProfileRead,
    /// How many people the profile has.
    pub people: usize,
    /// Operators that belong in it, by key.
    pub members: Vec<OperatorId>,
    /// Positions in [`DesiredState::new_operators`] of people who belong in it and have no operator yet.
    pub new_members: Vec<usize>,
    /// Operators about whom nothing can be said: neither added nor removed. By key.
    pub undecided: Vec<OperatorId>,
}

impl ManagedGroup {
    /// Whether the members came under another name than that of the profile, so that nothing at all is planned.
    pub(super) fn is_renamed(&self) -> bool {
        matches!(self.read, ProfileRead::Doubtful(ProfileDoubt::Renamed { .. }))
    }
}

/// An operator to be created.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewOperator {
    /// The login, which is the e-mail address where operators log on through Adobe.
    pub login: OperatorLogin,
    /// The e-mail address.
    pub email: String,
}

/// What one instance should hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DesiredState {
    /// Managed groups, by folded name.
    pub groups: Vec<ManagedGroup>,
    /// Operators to be created, by folded login.
    pub new_operators: Vec<NewOperator>,
    /// Groups that a profile fed once and none does any more, and that still have members; by folded name.
    pub orphans: Vec<OrphanGroup>,
    /// Operators who are not disabled whatever they lose here: this state does not say everything that they are given. By key.
    pub spared: Vec<OperatorId>,
    /// Operators whom an earlier run left in no group and did not get to disable. By key.
    pub departures: Vec<Departure>,
    /// What could not be placed, sorted.
    pub skipped: Vec<Skipped>,
}

impl DesiredState {
    /// Puts the profile of this group in doubt, which a later read brought up.
    pub fn doubt(&mut self, group: &OperatorGroupName, doubt: &ProfileDoubt) {
        let Some(managed) = self.groups.iter_mut().find(|managed| managed.name == *group) else { return };
        managed.read = ProfileRead::Doubtful(doubt.clone());
        self.skipped.push(doubt.skipped(&managed.profile));
        self.skipped.sort_unstable();
        self.skipped.dedup();
    }

    /// Whether one of `members` is somebody whom this group is meant to keep, or about whom nothing is known.
    pub fn keeps_somebody(&self, group: OperatorGroupId, mut members: impl Iterator<Item = OperatorId>) -> bool {
        let Some(group) = self.groups.iter().find(|managed| managed.id == Some(group)) else { return false };
        members.any(|id| group.members.binary_search(&id).is_ok() || group.undecided.binary_search(&id).is_ok())
    }
}

/// No profile of the listing matches the mask: a wrong mask, not a wish to remove everybody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "none of the {profiles} product profiles matches the association mask \"{mask}\": \
     compare the mask with the names in the Admin Console"
)]
pub struct NoMatch {
    /// Profiles in the listing.
    pub profiles: usize,
    /// The mask.
    pub mask: String,
}

/// What the instance should hold, from what the organization wants and what the instance knows.
pub fn desired_state(
    organization: &OrganizationSnapshot,
    campaign: &CampaignSnapshot,
    policy: &Policy,
    history: &History,
) -> Result<DesiredState, NoMatch> {
    of_roster(organization.roster(), Reach::Everybody, campaign, policy, history)
}

/// The same decisions for a few users only; about everybody else nothing is said.
///
/// A user whose login changed is neither added nor removed here: calls for single users cannot tell whether somebody
/// else has the old login now.
pub fn desired_state_of_users(
    users: &UserSnapshot,
    campaign: &CampaignSnapshot,
    policy: &Policy,
    history: &History,
) -> Result<DesiredState, NoMatch> {
    let desired = of_roster(users.roster(), Reach::Users, campaign, policy, history)?;
    Ok(only_these_users(desired, users, campaign, policy))
}

/// Whom a read speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Everybody,
    Users,
}

fn of_roster(
    roster: &Roster,
    reach: Reach,
    campaign: &CampaignSnapshot,
    policy: &Policy,
    history: &History,
) -> Result<DesiredState, NoMatch> {
    let mut skipped = BTreeSet::new();
    let claims = profiles_by_group(roster, policy, &mut skipped);
    if claims.is_empty() && !skipped.iter().any(|skip: &Skipped| skip.reason == SkipReason::EmptyCapture) {
        return Err(NoMatch { profiles: roster.profiles().len(), mask: policy.mask.as_str().to_owned() });
    }
    for name in roster.unlisted().iter().filter(|name| policy.mask.matches(name.as_str()) != MaskMatch::NoMatch) {
        let detail = "seen on users and absent from the listing of product profiles: ignored";
        skipped.insert(Skipped::new(SkipReason::NotAProfile, name.as_str(), detail));
    }
    let groups_by_name = groups_by_folded_name(campaign);
    let mut orphans = orphans(&claims, &groups_by_name, campaign, history);
    skipped.extend(roster.unusable().spare(&mut orphans).cloned());
    let mut newcomers = BTreeMap::new();
    let (groups, departures) = {
        let mut placement = Placement {
            index: OperatorIndex::new(campaign, policy.manage).remembering(&history.identities, roster.people().iter()),
            groups: groups_by_name,
            roster,
            reach,
            policy,
            campaign,
            newcomers: &mut newcomers,
            skipped: &mut skipped,
        };
        let given = claims.values().flatten().flat_map(|(_, position)| roster.members(*position));
        let departures = departures(given.map(|(_, person)| person), &placement.index, campaign, history);
        let groups = claims
            .into_values()
            .filter_map(|claims| {
                let (name, position) = placement.only_claim(&claims)?;
                placement.place(name, position)
            })
            .collect::<Vec<_>>();
        (groups, departures)
    };
    skipped.extend(unusable_operators(groups.iter().map(|placed| &placed.group), campaign));
    Ok(DesiredState { orphans, departures, ..settle(groups, newcomers, skipped) })
}

/// The product profiles that claim each operator group, by folded group name.
pub(super) type Claims = BTreeMap<FoldedName, Vec<(OperatorGroupName, usize)>>;

pub(super) fn profiles_by_group(roster: &Roster, policy: &Policy, skipped: &mut BTreeSet<Skipped>) -> Claims {
    let mut claims = Claims::new();
    for (position, profile) in roster.profiles().iter().enumerate() {
        match policy.mask.matches(profile.name.as_str()) {
            MaskMatch::Group(group) => claims.entry(group.folded()).or_default().push((group, position)),
            MaskMatch::EmptyCapture => {
                let detail =
                    format!("the association mask \"{}\" captures no group name from it", policy.mask.as_str());
                skipped.insert(Skipped::new(SkipReason::EmptyCapture, profile.name.as_str(), detail));
            }
            MaskMatch::NoMatch => {}
        }
    }
    claims
}

/// Campaign's groups by folded name; several that differ in letter case only share one.
pub(super) type GroupsByName<'a> = HashMap<FoldedName, Vec<&'a OperatorGroup>>;

pub(super) fn groups_by_folded_name(campaign: &CampaignSnapshot) -> GroupsByName<'_> {
    let mut groups = GroupsByName::new();
    for group in campaign.groups() {
        groups.entry(group.name.folded()).or_default().push(group);
    }
    groups
}

/// A group while its members are being found; people without operator are still named by folded login.
struct PlacedGroup {
    group: ManagedGroup,
    newcomers: BTreeSet<FoldedName>,
}

/// The people of one profile, as far as they have or will have an operator.
#[derive(Default)]
struct Members {
    decided: Vec<OperatorId>,
    undecided: Vec<OperatorId>,
    newcomers: BTreeSet<FoldedName>,
}

struct Placement<'a> {
    index: OperatorIndex<'a>,
    groups: GroupsByName<'a>,
    roster: &'a Roster,
    reach: Reach,
    policy: &'a Policy,
    campaign: &'a CampaignSnapshot,
    newcomers: &'a mut BTreeMap<FoldedName, NewOperator>,
    skipped: &'a mut BTreeSet<Skipped>,
}

impl Placement<'_> {
    /// The one profile that claims a group; several are all refused, because which is meant is anybody's guess.
    fn only_claim(&mut self, claims: &[(OperatorGroupName, usize)]) -> Option<(OperatorGroupName, usize)> {
        let ((name, position), others) = claims.split_first()?;
        if others.is_empty() {
            return Some((name.clone(), *position));
        }
        let profiles = claims.iter().filter_map(|(_, position)| self.roster.profiles().get(*position));
        let list = profiles.map(described).collect::<Vec<_>>().join(" and ");
        let detail = format!("claimed by {list}: rename or remove all but one");
        self.skipped.insert(Skipped::new(SkipReason::AmbiguousProfile, name.as_str(), detail));
        None
    }

    fn place(&mut self, name: OperatorGroupName, position: usize) -> Option<PlacedGroup> {
        let roster = self.roster;
        let (profile, read) = (roster.profiles().get(position)?.clone(), roster.read(position));
        self.skipped.extend(read.doubt().map(|doubt| doubt.skipped(&profile)));
        let (name, id) = self.target(name, &profile)?;
        let mut people = Members::default();
        for (_, person) in roster.members(position) {
            self.put(person, &profile, &mut people);
        }
        let Members { mut decided, mut undecided, newcomers } = people;
        for ids in [&mut decided, &mut undecided] {
            ids.sort_unstable();
            ids.dedup();
        }
        let people = match self.reach {
            Reach::Everybody => roster.count(position),
            // A few users say nothing of how many a profile has.
            Reach::Users => profile.member_count.and_then(|count| usize::try_from(count).ok()).unwrap_or_default(),
        };
        let members = decided;
        let group = ManagedGroup { name, id, profile, read, people, members, new_members: Vec::new(), undecided };
        Some(PlacedGroup { group, newcomers })
    }

    /// Puts one person of a profile where they belong in its group, or says why not.
    fn put(&mut self, person: &Person, profile: &ProductProfile, members: &mut Members) {
        match self.index.identify(person) {
            Identity::Operator(operator) => members.decided.push(operator.id),
            Identity::Renamed(operator) => {
                let detail = format!(
                    "was operator \"{}\" and has the login \"{}\" now, which no managed operator has: the old one stands \
                     for them until one does",
                    operator.login,
                    subject(person)
                );
                self.skip(SkipReason::Renamed, person, detail);
                match self.reach {
                    Reach::Everybody => members.decided.push(operator.id),
                    Reach::Users => members.undecided.push(operator.id),
                }
            }
            Identity::Ambiguous(operators) => {
                members.undecided.extend(operators.iter().map(|operator| operator.id));
                let logins = operators.iter().map(|o| format!("\"{}\"", o.login)).collect::<Vec<_>>().join(" and ");
                self.skip(SkipReason::AmbiguousIdentity, person, format!("answers to the operators {logins}"));
            }
            Identity::NotManaged(operator) => {
                let detail = format!("operator \"{}\" does not log on through Adobe", operator.login);
                self.skip(SkipReason::NotManaged, person, detail);
            }
            Identity::Unknown => match unusable_operator_of(person, self.campaign) {
                Some(operator) => {
                    let detail = format!("its operator has a record that cannot be used ({})", operator.what);
                    self.skip(SkipReason::UnusableRecord, person, detail);
                }
                None => members.newcomers.extend(self.newcomer(person)),
            },
            Identity::NoLogin => {
                let detail = format!("a user of profile \"{}\" without e-mail address and user name", profile.name);
                self.skip(SkipReason::NoLogin, person, detail);
            }
        }
    }

    /// The operator group a profile stands for, in Campaign's spelling.
    fn target(
        &mut self,
        name: OperatorGroupName,
        profile: &ProductProfile,
    ) -> Option<(OperatorGroupName, Option<OperatorGroupId>)> {
        match self.groups.get(&name.folded()).map(Vec::as_slice) {
            Some([group]) => Some((group.name.clone(), Some(group.id))),
            Some(groups @ [_, ..]) => {
                let names = groups.iter().map(|group| format!("\"{}\"", group.name)).collect::<Vec<_>>().join(" and ");
                let detail = format!("Campaign has the operator groups {names}, which differ only in letter case");
                self.skipped.insert(Skipped::new(SkipReason::AmbiguousGroup, name.as_str(), detail));
                None
            }
            _ if self.policy.missing_group == Missing::Create => Some((name, None)),
            _ => {
                let detail = format!(
                    "profile \"{}\" stands for an operator group that does not exist: create it in Campaign, \
                     or set missing_group = \"create\"",
                    profile.name
                );
                self.skipped.insert(Skipped::new(SkipReason::NoGroup, name.as_str(), detail));
                None
            }
        }
    }

    /// Remembers a person to create an operator for; gives the folded login.
    fn newcomer(&mut self, person: &Person) -> Option<FoldedName> {
        let email = person.email.as_deref().map(str::trim).filter(|email| !email.is_empty());
        let (Missing::Create, Some(email)) = (self.policy.missing_operator, email) else {
            let detail = match self.policy.missing_operator {
                Missing::Skip => "has no operator: the first logon creates it, or missing_operator = \"create\"",
                Missing::Create => "has no operator and no e-mail address to create one from",
            };
            self.skip(SkipReason::NoOperator, person, detail.to_owned());
            return None;
        };
        let newcomer = NewOperator { login: OperatorLogin::new(email), email: email.to_owned() };
        // Two accounts of one address may spell it differently; the smaller spelling makes the choice repeatable.
        let known = self.newcomers.entry(FoldedName::new(email)).or_insert_with(|| newcomer.clone());
        if newcomer < *known {
            *known = newcomer;
        }
        Some(FoldedName::new(email))
    }

    fn skip(&mut self, reason: SkipReason, person: &Person, detail: String) {
        self.skipped.insert(Skipped::new(reason, subject(person), detail));
    }
}

fn settle(
    groups: Vec<PlacedGroup>,
    newcomers: BTreeMap<FoldedName, NewOperator>,
    skipped: BTreeSet<Skipped>,
) -> DesiredState {
    let positions: HashMap<FoldedName, usize> = newcomers.keys().cloned().zip(0..).collect();
    let groups = groups.into_iter().map(|placed| ManagedGroup {
        new_members: placed.newcomers.iter().filter_map(|login| positions.get(login).copied()).collect(),
        ..placed.group
    });
    DesiredState {
        groups: groups.collect(),
        new_operators: newcomers.into_values().collect(),
        skipped: skipped.into_iter().collect(),
        ..DesiredState::default()
    }
}

/// The name under which a person appears among what was left out.
pub(super) fn subject(person: &Person) -> String {
    let name = [&person.email, &person.user_name].into_iter().flatten().find(|name| !name.trim().is_empty());
    name.map_or_else(|| "(nameless)".to_owned(), |name| name.trim().to_owned())
}

fn described(profile: &ProductProfile) -> String {
    match profile.id {
        Some(id) => format!("profile \"{}\" (id {id})", profile.name),
        None => format!("profile \"{}\" (without id)", profile.name),
    }
}
