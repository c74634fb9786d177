//! The model: what the organization wants, and what has to wait for an approval, written from the promises of the
//! program alone. It keeps its own memory of what runs have seen, in plain names.
//!
//! Where a promise leaves open whether a change may be made, the model allows it: each violation that it reports is one.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    config::Config,
    view::{Pair, Person, View},
};

/// A change in plain names; a creation or a disablement has no group, or no operator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) op: String,
    pub(super) login: String,
    pub(super) group: String,
}

impl Key {
    pub(super) fn add((login, group): &Pair) -> Self {
        Self { op: "add".to_owned(), login: login.clone(), group: group.clone() }
    }

    pub(super) fn remove((login, group): &Pair) -> Self {
        Self { op: "remove".to_owned(), login: login.clone(), group: group.clone() }
    }

    pub(super) fn pair(&self) -> Pair {
        (self.login.clone(), self.group.clone())
    }

    pub(super) fn is_removal(&self) -> bool {
        self.op == "remove" || self.op == "disable_operator"
    }
}

/// The last read that was accepted.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    pub(super) mask: String,
    pub(super) direct_only: bool,
    pub(super) manage_all: bool,
    /// Users of the last accepted read of the organization: listed, and counted.
    pub(super) users: Option<(usize, usize)>,
    pub(super) profiles: usize,
}

/// What a digest stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Situation {
    pub(super) keys: BTreeSet<Key>,
    /// Wanted and actual members of the groups of these changes.
    pub(super) groups: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>,
}

/// What the program is expected to remember.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) config: Config,
    /// The state was lost, and no read has been accepted since.
    pub(super) is_lost: bool,
    pub(super) accepted: Option<Accepted>,
    /// The names under which profiles are known, by id.
    pub(super) names: BTreeMap<u64, String>,
    /// The profile that each group follows.
    pub(super) follows: BTreeMap<String, u64>,
    /// What undos took back: changes that must not be repeated without an approval.
    pub(super) undone: BTreeSet<Key>,
    /// What approvals released and no run has made so far.
    pub(super) begun: BTreeSet<Key>,
    pub(super) situations: BTreeMap<String, Situation>,
    /// Digests with a valid approval.
    pub(super) given: BTreeSet<String>,
    /// The operator that stands for each account, by the account's id.
    pub(super) stands: BTreeMap<String, String>,
    /// Every login that an account ever had.
    pub(super) former: BTreeMap<String, BTreeSet<String>>,
}

/// Operators that nothing changes: Campaign's own, and technical accounts.
fn is_built_in(login: &str) -> bool {
    !login.contains('@') && login != "night.batch" || login.ends_with("@techacct.adobe.com")
}

impl Model {
    /// Takes note of the present logins.
    pub(super) fn look(&mut self, view: &View) {
        for person in &view.people {
            self.former.entry(person.id.clone()).or_default().insert(person.login.clone());
        }
    }

    /// The state is gone: nothing is remembered.
    pub(super) fn forget(&mut self, is_lost: bool) {
        let config = std::mem::take(&mut self.config);
        let former = std::mem::take(&mut self.former);
        *self = Self { config, is_lost, former, ..Self::default() };
    }

    /// The profiles that stand for each operator group.
    pub(super) fn claims(&self, view: &View) -> BTreeMap<String, BTreeSet<u64>> {
        let mut claims: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for (id, name) in &view.profiles {
            if let Some(group) = self.config.mask.group(name) {
                claims.entry(group).or_default().insert(*id);
            }
        }
        claims
    }

    /// The only profile that stands for a group.
    pub(super) fn profile_of(&self, view: &View, group: &str) -> Option<u64> {
        let claims = self.claims(view);
        let ids = claims.get(group).filter(|ids| ids.len() == 1)?;
        ids.first().copied()
    }

    fn profiles_of<'p>(&self, person: &'p Person) -> &'p BTreeSet<u64> {
        if self.config.direct_only { &person.direct } else { &person.effective }
    }

    /// The active users with this profile.
    fn holders<'v>(&self, view: &'v View, profile: u64) -> Vec<&'v Person> {
        let has = |person: &&Person| person.is_active && self.profiles_of(person).contains(&profile);
        view.people.iter().filter(has).collect()
    }

    fn is_somebodys(view: &View, login: &str) -> bool {
        view.people.iter().any(|person| person.is_active && person.login == login)
    }

    /// The organization gives this operator this group: a user of that name has the profile.
    pub(super) fn gives(&self, view: &View, (login, group): &Pair) -> bool {
        let profile = self.profile_of(view, group);
        profile.is_some_and(|profile| self.holders(view, profile).iter().any(|person| person.login == *login))
    }

    /// The same, or a user whose operator this was before a change of address.
    pub(super) fn may_give(&self, view: &View, pair: &Pair) -> bool {
        let (login, group) = pair;
        let was = |person: &&Person| self.former.get(&person.id).is_some_and(|logins| logins.contains(login));
        self.gives(view, pair)
            || !Self::is_somebodys(view, login)
                && self.profile_of(view, group).is_some_and(|profile| self.holders(view, profile).iter().any(was))
    }

    /// The organization wants this membership for certain.
    pub(super) fn wants(&self, view: &View, pair: &Pair) -> bool {
        let (login, group) = pair;
        let stands = |person: &&Person| {
            self.stands.get(&person.id) == Some(login) && !view.operators.contains_key(&person.login)
        };
        self.gives(view, pair)
            || !Self::is_somebodys(view, login)
                && self.profile_of(view, group).is_some_and(|profile| self.holders(view, profile).iter().any(stands))
    }

    pub(super) fn is_protected(&self, login: &str) -> bool {
        is_built_in(login) || self.config.protected.iter().any(|protected| protected == login)
    }

    /// Whether runs may change the memberships of this operator.
    pub(super) fn is_managed(&self, view: &View, login: &str) -> bool {
        self.signs_in_as_configured(view, login) && !self.is_protected(login)
    }

    /// Whether this operator exists and signs in in a way that the program manages.
    fn signs_in_as_configured(&self, view: &View, login: &str) -> bool {
        view.operators.get(login).is_some_and(|operator| operator.is_ims || self.config.manage_all)
    }

    /// Memberships that the organization wants for certain and Campaign lacks.
    pub(super) fn missing(&self, view: &View) -> BTreeSet<Pair> {
        let mut missing = BTreeSet::new();
        for group in self.claims(view).keys().filter(|group| view.groups.contains(*group)) {
            for person in &view.people {
                let pair = (person.login.clone(), group.clone());
                if self.is_managed(view, &person.login) && self.gives(view, &pair) && !view.members.contains(&pair) {
                    missing.insert(pair);
                }
            }
        }
        missing
    }

    /// Memberships in groups of profiles that no user has any claim to.
    pub(super) fn surplus(&self, view: &View) -> BTreeSet<Pair> {
        let is_surplus = |pair: &&Pair| {
            let (login, group) = *pair;
            let was = |person: &Person| self.former.get(&person.id).is_some_and(|logins| logins.contains(login));
            let has = |profile: u64| {
                view.people.iter().any(|person| self.profiles_of(person).contains(&profile) && was(person))
            };
            self.is_managed(view, login) && self.profile_of(view, group).is_some_and(|profile| !has(profile))
        };
        view.members.iter().filter(is_surplus).cloned().collect()
    }

    /// Wanted members of a group, as far as they have an operator, and the actual ones.
    pub(super) fn picture(&self, view: &View, group: &str) -> (BTreeSet<String>, BTreeSet<String>) {
        // The organization wants a protected operator as well, whom no run changes.
        let placed = view.operators.keys().filter(|login| self.signs_in_as_configured(view, login));
        let wanted = placed.filter(|login| self.wants(view, &((*login).clone(), group.to_owned())));
        (wanted.cloned().collect(), view.members_of(group))
    }

    /// Why removals of every group wait for an approval.
    pub(super) fn doubt_of_all(&self, view: &View, counts_users: bool) -> Option<String> {
        if self.is_lost {
            return Some("the state was lost".to_owned());
        }
        let accepted = self.accepted.as_ref()?;
        let shrank = |before: usize, now: usize| before.saturating_sub(now) * 100 > self.config.shrink_percent * before;
        let profiles: usize = self.claims(view).values().map(BTreeSet::len).sum();
        let (listed, counted) = view.users();
        let users = accepted.users.filter(|_| counts_users);
        if accepted.mask != self.config.mask.text() {
            Some(format!("the mask was changed from {:?}", accepted.mask))
        } else if accepted.direct_only != self.config.direct_only {
            Some("membership was changed".to_owned())
        } else if self.config.manage_all && !accepted.manage_all {
            Some("manage was changed from ims to all".to_owned())
        } else if users.is_some_and(|(before, all)| shrank(before, listed) && shrank(all, counted)) {
            Some(format!("of {users:?} users {listed} are left"))
        } else if shrank(accepted.profiles, profiles) {
            Some(format!("of {} profiles {profiles} are left", accepted.profiles))
        } else {
            None
        }
    }

    /// Why all changes of a group wait for an approval: its profile is another one, or has another name, than before.
    pub(super) fn doubt_of_group(&self, view: &View, group: &str) -> Option<String> {
        let now = self.profile_of(view, group)?;
        let before = self.follows.get(group);
        if before.is_some_and(|before| *before != now) {
            return Some(format!("the group followed profile {before:?} and follows {now}"));
        }
        let known = self.names.get(&now)?;
        let stood_for = self.config.mask.group(known);
        (stood_for.as_deref() != Some(group)).then(|| format!("profile {now} was called {known:?}"))
    }
}
