//! Computes the desired state of one Campaign instance: places the users of each matching profile in its operator group.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
};

use super::{
    AdobeUser, CampaignSnapshot, DesiredState, FoldedName, History, LooseName, ManagedGroup, MatchedSource,
    MissingPolicy, NewOperator, Operator, OperatorGroup, OperatorGroupId, OperatorGroupName, OperatorId, OperatorIds,
    OperatorLogin, PendingDisablement, Policy, ProductProfile, SkipReason, Skipped, WithoutGroups,
    claims::{
        GroupsByName, NoMatch, groups_by_folded_name, matched_profiles, profiles_by_group, renamed_group_notices,
    },
    folded_name::spelled_out,
    identity::{Identity, OperatorIndex, display_name},
    known_profiles::{RenamedGroup, renamed_groups},
    look_alikes::{look_alikes, spellings},
    matched_source::ReadScope,
    narrowing::only_these_users,
    orphans::{followed_groups, orphans},
    roster::Roster,
    unusable::{unusable_operator_of, unusable_operators},
};

/// Computes what the instance should hold from a read of the organization and a read of the instance.
///
/// A read of a few users leaves all other operators unchanged. A user whose login changed is neither added nor removed
/// until a call for the old login shows who has it now.
pub fn desired_state(
    source: &MatchedSource<'_>,
    campaign: &CampaignSnapshot,
    policy: &Policy,
    history: &History,
) -> Result<DesiredState, NoMatch> {
    let desired = whole_organization(source, campaign, policy, history)?;
    Ok(match source.scope {
        ReadScope::Organization => desired,
        ReadScope::Users => only_these_users(desired, source, campaign, policy, history),
    })
}

fn whole_organization(
    source: &MatchedSource<'_>,
    campaign: &CampaignSnapshot,
    policy: &Policy,
    history: &History,
) -> Result<DesiredState, NoMatch> {
    let (roster, claims) = (source.roster, profiles_by_group(source));
    if source.matches().next().is_none() {
        return Err(NoMatch { profiles: roster.profiles().len(), mask: source.mask().as_str().to_owned() });
    }
    let mut skipped: BTreeSet<Skipped> = unplaced_names(source).collect();
    let groups_by_name = groups_by_folded_name(campaign);
    let matching = matched_profiles(&claims, &groups_by_name, source);
    let renamed = renamed_groups(&history.known, campaign, &followed_groups(&claims, roster));
    skipped.extend(renamed_group_notices(&renamed, &claims, &groups_by_name));
    let mut orphans = orphans(&claims, &groups_by_name, campaign, history, &renamed);
    skipped.extend(roster.unusable().keep_orphan_members(&mut orphans).cloned());
    let (mut newcomers, mut reassigned) = (BTreeMap::new(), BTreeMap::new());
    let (mut groups, pending_disablements, keep_enabled) = {
        let mut placement = Placement {
            index: OperatorIndex::new(campaign, policy.manage).remembering(history, &roster.users_read()),
            groups: groups_by_name,
            alike: OnceCell::new(),
            campaign,
            renamed: &renamed,
            roster,
            policy,
            newcomers: &mut newcomers,
            reassigned: &mut reassigned,
            skipped: &mut skipped,
        };
        let given = claims.values().flatten().flat_map(|(_, position)| roster.members(*position));
        let pending_disablements =
            pending_disablements(given.map(|(_, user)| user), &placement.index, campaign, history);
        let (mut groups, mut without_group) = (Vec::with_capacity(claims.len()), Vec::new());
        for claims in claims.into_values() {
            match placement.only_claim(&claims).and_then(|(name, position)| placement.place(name, position)) {
                Some(placed) => groups.push(placed),
                None => without_group.extend(claims.into_iter().map(|(_, position)| position)),
            }
        }
        let keep_enabled = match policy.without_groups {
            // Their users are to be in a group, which is missing or not certain: they have not left.
            WithoutGroups::Disable => {
                let users = without_group.into_iter().flat_map(|position| roster.members(position));
                placement.index.all_that_may_be(users.map(|(_, user)| user))
            }
            WithoutGroups::Keep => HashSet::new(),
        };
        (groups, pending_disablements, keep_enabled)
    };
    groups.sort_by_cached_key(|placed| placed.group.name.folded());
    skipped.extend(unusable_operators(groups.iter().map(|placed| &placed.group), campaign));
    Ok(DesiredState {
        matched: matching,
        orphans,
        keep_enabled,
        pending_disablements,
        reassigned,
        ..settle(groups, newcomers, skipped)
    })
}

/// Notices of profiles from which the mask captures nothing, and of names that are on users and not in the groups
/// listing.
fn unplaced_names<'a>(source: &'a MatchedSource<'_>) -> impl Iterator<Item = Skipped> + use<'a> {
    let mask = source.mask().as_str();
    let empty = source.matches().filter(|(.., group)| group.is_none()).map(move |(_, profile, _)| {
        let detail = format!("the association mask \"{mask}\" captures no group name from it");
        Skipped::new(SkipReason::EmptyCapture, profile.name.as_str(), detail)
    });
    let ghosts = source.unlisted().map(|(name, _)| {
        let detail = "seen on users and not in the listing of product profiles: ignored";
        Skipped::new(SkipReason::NotAProfile, name.as_str(), detail)
    });
    empty.chain(ghosts)
}

/// The disablements of earlier runs that are still due, by key. `users` are all users with a profile that the mask
/// matches, whether or not the group of that profile was found: an operator that may belong to one of them stays
/// enabled.
fn pending_disablements<'p>(
    users: impl Iterator<Item = &'p AdobeUser>,
    index: &OperatorIndex<'_>,
    campaign: &CampaignSnapshot,
    history: &History,
) -> Vec<PendingDisablement> {
    // Usually nothing is pending: then a second pass over all users is not necessary.
    if history.unfinished_disablements.is_empty() {
        return Vec::new();
    }
    let wanted = index.all_that_may_be(users);
    let with_group: HashSet<OperatorId> = campaign.memberships().map(|operator| operator.id).collect();
    let unfinished = history.unfinished_disablements.iter();
    let mut pending_disablements: Vec<_> = unfinished
        .filter_map(|unfinished| {
            // Among several operators with one login, the one that the earlier run meant is not known.
            let [operator] = *index.of_login(&unfinished.operator) else { return None };
            let is_left = !wanted.contains(&operator.id) && !with_group.contains(&operator.id);
            is_left.then(|| PendingDisablement { operator: operator.id, profile: unfinished.profile.clone() })
        })
        .collect();
    pending_disablements.sort_unstable();
    pending_disablements.dedup_by_key(|pending| pending.operator);
    pending_disablements
}

/// A group while its members are being determined; users without operator are still named by folded login.
struct PlacedGroup {
    group: ManagedGroup,
    newcomers: BTreeSet<FoldedName>,
}

/// The members of one profile that have an operator or get one.
#[derive(Default)]
struct PlacedMembers {
    decided: Vec<OperatorId>,
    undecided: Vec<OperatorId>,
    newcomers: BTreeSet<FoldedName>,
}

struct Placement<'a> {
    index: OperatorIndex<'a>,
    groups: GroupsByName<'a>,
    /// Campaign's groups by loose name; computed when Campaign has no group with exactly the name that a profile maps
    /// to.
    alike: OnceCell<HashMap<LooseName, Vec<&'a OperatorGroup>>>,
    campaign: &'a CampaignSnapshot,
    renamed: &'a BTreeMap<FoldedName, RenamedGroup<'a>>,
    roster: &'a Roster,
    policy: &'a Policy,
    newcomers: &'a mut BTreeMap<FoldedName, NewOperator>,
    reassigned: &'a mut BTreeMap<OperatorId, String>,
    skipped: &'a mut BTreeSet<Skipped>,
}

impl Placement<'_> {
    /// The one profile that claims a group. Several are all refused, because it is not known which one is meant.
    fn only_claim(&mut self, claims: &[(OperatorGroupName, usize)]) -> Option<(OperatorGroupName, usize)> {
        let ((name, position), others) = claims.split_first()?;
        if others.is_empty() {
            return Some((name.clone(), *position));
        }
        let profiles = claims.iter().filter_map(|(_, position)| self.roster.profiles().get(*position));
        let list = profiles.map(described).collect::<Vec<_>>().join(" and ");
        let is_one_name = claims.iter().all(|(other, _)| other.folded() == name.folded());
        let alike = if is_one_name { "" } else { ", whose groups look alike" };
        let detail = format!(
            "claimed by {list}{alike}: decide which of them is to feed the group, assign it to the users who are to stay, and \
             rename the others"
        );
        self.skipped.insert(Skipped::new(SkipReason::AmbiguousProfile, name.as_str(), detail));
        None
    }

    fn place(&mut self, name: OperatorGroupName, position: usize) -> Option<PlacedGroup> {
        let roster = self.roster;
        let (profile, read) = (roster.profiles().get(position)?.clone(), roster.read(position));
        self.skipped.extend(read.doubt().map(|doubt| doubt.skipped(&profile)));
        let (name, id) = self.target(name, &profile)?;
        let mut users = PlacedMembers::default();
        for (_, user) in roster.members(position) {
            self.put(user, &profile, &mut users);
        }
        let PlacedMembers { decided, undecided, newcomers } = users;
        let (members, undecided): (OperatorIds, OperatorIds) =
            (decided.into_iter().collect(), undecided.into_iter().collect());
        let new_members = Vec::new();
        let mut group =
            ManagedGroup { name, id, profile, read, members, new_members, undecided, look_alikes: Vec::new() };
        let users = roster.members(position).map(|(_, user)| user);
        group.look_alikes = look_alikes(group.leaving(self.campaign), users);
        Some(PlacedGroup { group, newcomers })
    }

    /// Adds one member of a profile to the members of its group, or records why not.
    fn put(&mut self, user: &AdobeUser, profile: &ProductProfile, members: &mut PlacedMembers) {
        match self.index.identify(user) {
            Identity::Operator(operator) => members.decided.push(operator.id),
            Identity::Renamed(operator) => {
                let detail = format!(
                    "was operator \"{}\" and has the login \"{}\" now, which no operator has: the old operator is used \
                     until one has it",
                    operator.login,
                    display_name(user)
                );
                self.skip(SkipReason::Renamed, user, detail);
                members.decided.push(operator.id);
            }
            Identity::Undecided(operator) => {
                let detail = format!(
                    "was operator \"{}\" and has the login \"{}\" now; whether another active user has the old login is \
                     not known yet: the operator is neither added nor removed until a later run has asked",
                    operator.login,
                    display_name(user)
                );
                self.skip(SkipReason::Renamed, user, detail);
                members.undecided.push(operator.id);
            }
            Identity::Reassigned(operator) => {
                // If several users were this operator, the first by name is reported, so that the order of responses
                // has no effect.
                let who = self.reassigned.entry(operator.id).or_insert_with(|| display_name(user));
                *who = std::mem::take(who).min(display_name(user));
                members.newcomers.extend(self.newcomer(user, Some(operator)));
            }
            Identity::Ambiguous(operators) => {
                members.undecided.extend(operators.iter().map(|operator| operator.id));
                let logins = operators.iter().map(|o| format!("\"{}\"", o.login)).collect::<Vec<_>>().join(" and ");
                self.skip(SkipReason::AmbiguousIdentity, user, format!("matches the operators {logins}"));
            }
            Identity::NotManaged(operator) => {
                let detail = format!("operator \"{}\" does not sign in through Adobe", operator.login);
                self.skip(SkipReason::NotManaged, user, detail);
            }
            Identity::LookAlike(operators) => {
                let logins: Vec<_> = operators.iter().map(|operator| operator.login.as_str()).collect();
                let detail = format!(
                    "no operator is called {}, and {} looks the same: spell both alike if they are one user; if they are \
                     two, no user of this organization has the operator, so rename it in Campaign",
                    spelled_out(&display_name(user)),
                    spellings(&logins)
                );
                self.skip(SkipReason::AmbiguousIdentity, user, detail);
            }
            Identity::Unknown => match unusable_operator_of(user, self.campaign) {
                Some(operator) => {
                    let detail = format!("its operator has a record that cannot be used ({})", operator.what);
                    self.skip(SkipReason::UnusableRecord, user, detail);
                }
                None => members.newcomers.extend(self.newcomer(user, None)),
            },
            Identity::NoLogin => {
                let detail = format!("a user of profile \"{}\" without e-mail address and user name", profile.name);
                self.skip(SkipReason::NoLogin, user, detail);
            }
        }
    }

    /// The operator group that a profile maps to, in Campaign's spelling.
    fn target(
        &mut self,
        name: OperatorGroupName,
        profile: &ProductProfile,
    ) -> Option<(OperatorGroupName, Option<OperatorGroupId>)> {
        let look_alikes = self.look_alikes_of(&name);
        match self.groups.get(&name.folded()).map(Vec::as_slice) {
            Some([group]) => Some((group.name.clone(), Some(group.id))),
            Some(groups @ [_, ..]) => {
                let names = spellings(&groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>());
                let detail = format!("Campaign has the operator groups {names}, which are spellings of one name");
                self.skipped.insert(Skipped::new(SkipReason::AmbiguousGroup, name.as_str(), detail));
                None
            }
            // Reported already: the group exists under another name.
            _ if self.renamed.contains_key(&name.folded()) => None,
            _ if !look_alikes.is_empty() => {
                let detail = format!(
                    "profile \"{}\" stands for operator group {}, and Campaign has {}, which looks the same: spell both \
                     alike, or rename one of them so that they cannot be taken for each other",
                    profile.name,
                    spelled_out(name.as_str()),
                    spellings(&look_alikes)
                );
                self.skipped.insert(Skipped::new(SkipReason::AmbiguousGroup, name.as_str(), detail));
                None
            }
            _ if self.policy.missing_group == MissingPolicy::Create => Some((name, None)),
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

    /// The names of Campaign's groups that look like this name, where no group has exactly this name.
    fn look_alikes_of(&self, name: &OperatorGroupName) -> Vec<String> {
        let key = name.folded();
        if self.groups.contains_key(&key) {
            return Vec::new();
        }
        let alike = self.alike.get_or_init(|| {
            let mut alike: HashMap<LooseName, Vec<&OperatorGroup>> = HashMap::new();
            for group in self.campaign.groups() {
                alike.entry(group.name.folded().loose()).or_default().push(group);
            }
            alike
        });
        alike.get(&key.loose()).into_iter().flatten().map(|group| group.name.to_string()).collect()
    }

    /// Registers an operator to be created for a user; returns its folded login. `former` is the operator that the user
    /// was and that belongs to another user now.
    fn newcomer(&mut self, user: &AdobeUser, former: Option<&Operator>) -> Option<FoldedName> {
        let email = user.email().map(str::trim).filter(|email| !email.is_empty());
        let (MissingPolicy::Create, Some(email)) = (self.policy.missing_operator, email) else {
            let detail = match self.policy.missing_operator {
                MissingPolicy::Skip => {
                    "has no operator: the first sign-in creates it, or missing_operator = \"create\""
                }
                MissingPolicy::Create => "has no operator and no e-mail address to create one from",
            };
            let former = former.map(|operator| {
                format!(
                    "was operator \"{login}\"; another active user of the organization has the login \"{login}\" now, so \
                     that operator follows that user's profiles; ",
                    login = operator.login
                )
            });
            self.skip(SkipReason::NoOperator, user, former.unwrap_or_default() + detail);
            return None;
        };
        let newcomer = NewOperator { login: OperatorLogin::new(email), email: email.to_owned() };
        // Two accounts of one address may spell it differently: the smaller spelling is used, so that every run chooses
        // the same.
        let known = self.newcomers.entry(FoldedName::new(email)).or_insert_with(|| newcomer.clone());
        if newcomer < *known {
            *known = newcomer;
        }
        Some(FoldedName::new(email))
    }

    fn skip(&mut self, reason: SkipReason, user: &AdobeUser, detail: String) {
        self.skipped.insert(Skipped::new(reason, display_name(user), detail));
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

fn described(profile: &ProductProfile) -> String {
    match profile.id {
        Some(id) => format!("profile \"{}\" (id {id})", profile.name),
        None => format!("profile \"{}\" (without id)", profile.name),
    }
}
