//! Which operator belongs to a user, now and over time.

use std::{
    borrow::Cow,
    cell::OnceCell,
    collections::{HashMap, HashSet},
};

use super::{
    AdobeUser, CampaignSnapshot, FoldedName, History, Identities, LoginHolder, LoginSet, LooseName, Manage,
    MatchedSource, Operator, OperatorId, OperatorLogin, OrganizationSnapshot, Policy, SignInMethod, StoredOperator,
    folded_name::fold,
};

/// The operator of a user in one instance.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Identity<'a> {
    /// Exactly this operator.
    Operator(&'a Operator),
    /// This operator at last sight: no operator has a present name of the user, and no other active user has its login.
    Renamed(&'a Operator),
    /// This operator at last sight; it is not known who has its login now, so the operator may or may not be the
    /// user's.
    Undecided(&'a Operator),
    /// This operator at last sight; another active user has its login now, so it is that user's. The user has no
    /// operator.
    Reassigned(&'a Operator),
    /// Several operators have the same name; it is not known which one is the user's.
    Ambiguous(Vec<&'a Operator>),
    /// An operator that signs in with a password, where only operators of Adobe's identity service are managed.
    NotManaged(&'a Operator),
    /// No operator has that name.
    Unknown,
    /// No operator has that name, and these operators have one that looks the same and is not the name of another user:
    /// either one user in two spellings, or two users.
    LookAlike(Vec<&'a Operator>),
    /// The user has neither e-mail address nor user name.
    NoLogin,
}

/// Finds operators by login, and by the stored operator of a user's `id`.
pub(super) struct OperatorIndex<'a> {
    manage: Manage,
    campaign: &'a CampaignSnapshot,
    remembered: Option<RememberedIdentities<'a>>,
    /// All users that were read.
    users: Vec<&'a AdobeUser>,
    by_loose_login: OnceCell<HashMap<LooseName, Vec<&'a Operator>>>,
    /// Operators whose login is the name of one of the users, by strict key.
    owned: OnceCell<HashSet<OperatorId>>,
}

/// Which operators users had in earlier runs, and who has the logins of these operators now, as far as that is known.
struct RememberedIdentities<'a> {
    identities: &'a Identities,
    holders: HashMap<OperatorId, LoginHolder>,
    /// Whether it is not known of some of these operators who has their login.
    is_incomplete: bool,
}

/// The users of one read or of several.
pub(super) struct UsersRead<'r, I> {
    /// The users that were kept.
    pub(super) users: I,
    /// Logins whose holders were all kept.
    pub(super) logins: &'r LoginSet,
}

impl<'a> OperatorIndex<'a> {
    /// An index of present logins only.
    pub(super) fn new(campaign: &'a CampaignSnapshot, manage: Manage) -> Self {
        let (by_loose_login, owned) = (OnceCell::new(), OnceCell::new());
        Self { manage, campaign, remembered: None, users: Vec::new(), by_loose_login, owned }
    }

    /// Adds the users that earlier runs matched. An operator whose login another active user has now belongs to that
    /// user only.
    #[must_use]
    pub(super) fn remembering(
        mut self,
        history: &'a History,
        read: &UsersRead<'_, impl Iterator<Item = &'a AdobeUser> + Clone>,
    ) -> Self {
        let identities = &history.identities;
        self.users = read.users.clone().collect();
        let sought: HashSet<OperatorId> = read
            .users
            .clone()
            .filter_map(|user| {
                let operator = self.campaign.operator(identities.operator_of(user)?)?;
                (!is_named(user, operator)).then_some(operator.id)
            })
            .collect();
        let mut holders: HashMap<OperatorId, LoginHolder> = HashMap::new();
        // Usually no user has a new login: then a second pass over all users is not necessary.
        if !sought.is_empty() {
            for user in read.users.clone() {
                for operator in self.named_by(user).filter(|operator| sought.contains(&operator.id)) {
                    let holder = LoginHolder::found(Some(user));
                    let known = holders.remove(&operator.id).unwrap_or(LoginHolder::NoUser);
                    holders.insert(operator.id, known.and(holder));
                }
            }
        }
        for operator in sought.iter().filter_map(|id| self.campaign.operator(*id)) {
            if holders.contains_key(&operator.id) {
                continue;
            }
            if read.logins.contains(operator.login.as_str()) {
                holders.insert(operator.id, LoginHolder::NoUser);
            } else if let Some(answer) = history.login_holders.of(&operator.login.folded()) {
                holders.insert(operator.id, answer.clone());
            }
        }
        let is_incomplete = sought.iter().any(|operator| !holders.contains_key(operator));
        self.remembered = Some(RememberedIdentities { identities, holders, is_incomplete });
        self
    }

    pub(super) fn manages(&self, operator: &Operator) -> bool {
        self.manage == Manage::All || operator.sign_in == SignInMethod::Ims
    }

    /// Every operator with this login.
    pub(super) fn of_login(&self, login: &FoldedName) -> Vec<&'a Operator> {
        self.campaign.operators_called(login.as_str()).collect()
    }

    /// The operator of this user. The present names decide. The stored operator counts only if no operator, managed or
    /// not, has one of the names; look-alikes are searched only if no operator is stored either.
    pub(super) fn identify(&self, user: &AdobeUser) -> Identity<'a> {
        match self.present(user) {
            found @ (Identity::Operator(_) | Identity::Ambiguous(_) | Identity::NotManaged(_)) => found,
            found => match self.remembered(user) {
                Some(remembered @ (Identity::Renamed(_) | Identity::Undecided(_))) => remembered,
                _ if found == Identity::NoLogin => found,
                former => match self.resembling(user) {
                    Identity::Unknown => former.unwrap_or(found),
                    resembling => resembling,
                },
            },
        }
    }

    /// Operators whose login looks like one of the user's names, unless the login is exactly the name of another user.
    fn resembling(&self, user: &AdobeUser) -> Identity<'a> {
        let by_login = self.by_loose_login.get_or_init(|| {
            let mut by_login: HashMap<LooseName, Vec<&'a Operator>> = HashMap::new();
            for operator in self.campaign.operators() {
                by_login.entry(operator.login.folded().loose()).or_default().push(operator);
            }
            by_login
        });
        let Some(alike) = names(user).find_map(|name| by_login.get(&FoldedName::new(&name).loose())) else {
            return Identity::Unknown;
        };
        let owned = self.owned.get_or_init(|| {
            self.users.iter().flat_map(|user| self.named_by(user)).map(|operator| operator.id).collect()
        });
        let alike: Vec<_> = alike.iter().copied().filter(|operator| !owned.contains(&operator.id)).collect();
        if alike.is_empty() { Identity::Unknown } else { Identity::LookAlike(alike) }
    }

    /// Every operator that belongs, or may belong, to one of these users. Look-alikes are not included.
    pub(super) fn all_that_may_be<'p>(&self, users: impl Iterator<Item = &'p AdobeUser>) -> HashSet<OperatorId> {
        users
            .flat_map(|user| match self.identify(user) {
                Identity::Operator(operator)
                | Identity::Renamed(operator)
                | Identity::Undecided(operator)
                | Identity::NotManaged(operator) => vec![operator.id],
                Identity::Ambiguous(operators) => operators.iter().map(|operator| operator.id).collect(),
                // The guard holds removals of look-alikes by name, so that they can be approved.
                Identity::LookAlike(_) | Identity::Reassigned(_) | Identity::Unknown | Identity::NoLogin => Vec::new(),
            })
            .collect()
    }

    /// The user's e-mail address decides; the user name counts only if no operator has the address as login.
    fn present(&self, user: &AdobeUser) -> Identity<'a> {
        let mut names = names(user).peekable();
        if names.peek().is_none() {
            return Identity::NoLogin;
        }
        let mut found = names.map(|login| self.among(&self.campaign.operators_called(&login)));
        found.find(|found| *found != Identity::Unknown).unwrap_or(Identity::Unknown)
    }

    fn remembered(&self, user: &AdobeUser) -> Option<Identity<'a>> {
        let memory = self.remembered.as_ref()?;
        let operator = self.campaign.operator(memory.identities.operator_of(user)?)?;
        if !self.manages(operator) || is_named(user, operator) {
            return None;
        }
        Some(match memory.holders.get(&operator.id) {
            None => Identity::Undecided(operator),
            Some(holder) if holder.leaves_it_to(user) => Identity::Renamed(operator),
            Some(_) => Identity::Reassigned(operator),
        })
    }

    /// Every operator whose login is a present name of this user, be it the address or the user name.
    fn named_by(&self, user: &AdobeUser) -> impl Iterator<Item = &'a Operator> {
        let named = names(user).map(|login| self.campaign.operators_called(&login).collect::<Vec<_>>());
        named.flatten().collect::<Vec<_>>().into_iter()
    }

    /// The operator of a name that these operators have.
    fn among(&self, operators: &(impl Iterator<Item = &'a Operator> + Clone)) -> Identity<'a> {
        let managed = operators.clone().filter(|operator| self.manages(operator));
        let mut first_two = managed.clone();
        match (first_two.next(), first_two.next()) {
            (Some(operator), None) => Identity::Operator(operator),
            (Some(_), Some(_)) => Identity::Ambiguous(managed.collect()),
            (None, _) => operators.clone().next().map_or(Identity::Unknown, Identity::NotManaged),
        }
    }
}

/// Managed operators that share a login, so that its user cannot be matched. Each group of them together, sorted by
/// login.
pub fn ambiguous_operators(campaign: &CampaignSnapshot, manage: Manage) -> Vec<Vec<&Operator>> {
    let index = OperatorIndex::new(campaign, manage);
    let namesakes = campaign.namesakes().into_values();
    let found = namesakes.filter_map(|operators| match index.among(&operators.into_iter()) {
        Identity::Ambiguous(operators) => Some(operators),
        _ => None,
    });
    found.collect()
}

/// Logins whose present holder must be known before renamed members of profiles can be matched; sorted.
pub fn unsettled_logins(
    source: &MatchedSource<'_>,
    campaign: &CampaignSnapshot,
    policy: &Policy,
    history: &History,
) -> Vec<OperatorLogin> {
    let roster = source.roster;
    let index = OperatorIndex::new(campaign, policy.manage).remembering(history, &roster.users_read());
    // Usually all is known: then a second pass over all users is not necessary.
    if !index.remembered.as_ref().is_some_and(|memory| memory.is_incomplete) {
        return Vec::new();
    }
    let mut logins: Vec<_> = roster
        .users()
        .iter()
        .filter_map(|user| match index.identify(user) {
            Identity::Undecided(operator) => Some(operator.login.clone()),
            _ => None,
        })
        .collect();
    logins.sort_unstable();
    logins.dedup();
    logins
}

/// Which users and operators a read matched, as far as that is not stored already.
#[derive(Clone, Debug, Default)]
pub struct IdentitiesSeen {
    /// The operator of each user that has exactly one, and the present login of each stored operator.
    pub new: Identities,
    /// Users, by folded `id`, whose stored operator belongs to another user now: the stored match has ended.
    pub ended: Vec<FoldedName>,
}

/// Compares the operators of users by present logins with what `history` stores.
pub fn identities_seen(
    organization: &OrganizationSnapshot,
    campaign: &CampaignSnapshot,
    policy: &Policy,
    history: &History,
) -> IdentitiesSeen {
    let index = OperatorIndex::new(campaign, policy.manage);
    let (mut new, mut owners) = (Identities::default(), Vec::new());
    for user in organization.users() {
        let Some(id) = user.id().map(str::trim).filter(|id| !id.is_empty()) else { continue };
        let known = history.identities.known(user);
        let operator = if let Identity::Operator(operator) = index.present(user) {
            owners.push((operator.id, id));
            operator
        } else if let Some(operator) = known.as_ref().and_then(|known| campaign.operator(known.id)) {
            operator
        } else {
            continue;
        };
        let login = operator.login.folded();
        if known.is_none_or(|known| known.id != operator.id || known.login != Some(login.as_str())) {
            new.add(&fold(id), operator.id, Some(login.as_str()));
        }
    }
    owners.sort_unstable();
    let is_ended = |(user, known): &(&str, StoredOperator<'_>)| {
        let first = owners.partition_point(|(of, _)| *of < known.id);
        let mut users = owners.get(first..).unwrap_or_default().iter().take_while(|(of, _)| *of == known.id).peekable();
        users.peek().is_some() && !users.any(|(_, id)| fold(id) == *user)
    };
    // Sorted, because the stored identities are.
    let ended = history.identities.iter().filter(is_ended).map(|(user, _)| FoldedName::stored(user)).collect();
    IdentitiesSeen { new: new.sorted(), ended }
}

/// The folded names by which a user may be an operator, in the order in which they decide.
pub(super) fn names(user: &AdobeUser) -> impl Iterator<Item = Cow<'_, str>> {
    user.names().map(fold).filter(|name| !name.is_empty())
}

/// The name of a user in notices.
pub(super) fn display_name(user: &AdobeUser) -> String {
    let name = user.names().find(|name| !name.trim().is_empty());
    name.map_or_else(|| "(nameless)".to_owned(), |name| name.trim().to_owned())
}

fn is_named(user: &AdobeUser, operator: &Operator) -> bool {
    let login = fold(operator.login.as_str());
    names(user).any(|name| name == login)
}

#[cfg(test)]
mod tests {
    use super::super::OperatorLogin;
    use super::*;

    fn check(operators: &[(&str, SignInMethod)], email: Option<&str>, user_name: Option<&str>, expected: &str) {
        let operators = (1001..).zip(operators).map(|(id, (login, sign_in))| Operator {
            id: OperatorId(id),
            login: OperatorLogin::new(*login),
            has_agent_label: false,
            sign_in: *sign_in,
            disabled: false,
        });
        let campaign = CampaignSnapshot::new(operators.collect(), Vec::new(), [], OperatorLogin::new("sync"));
        let index = OperatorIndex::new(&campaign, Manage::Ims);
        let user = AdobeUser::new(None, email, user_name);
        let found = match index.identify(&user) {
            Identity::Operator(operator) => operator.login.to_string(),
            Identity::Renamed(operator) => format!("renamed: {}", operator.login),
            Identity::Undecided(operator) => format!("undecided: {}", operator.login),
            Identity::Reassigned(operator) => format!("passed on: {}", operator.login),
            Identity::Ambiguous(operators) => format!("ambiguous: {}", operators.len()),
            Identity::NotManaged(operator) => format!("native: {}", operator.login),
            Identity::Unknown => "unknown".to_owned(),
            Identity::LookAlike(operators) => format!("looks like: {}", operators.len()),
            Identity::NoLogin => "no login".to_owned(),
        };
        assert_eq!(found, expected, "{user:?}");
    }

    #[test]
    fn the_email_address_decides_before_the_user_name() {
        let operators =
            [("Ann@Acme.com", SignInMethod::Ims), ("bob", SignInMethod::Ims), ("eve@acme.com", SignInMethod::Native)];
        check(&operators, Some("ann@acme.COM "), None, "Ann@Acme.com");
        check(&operators, Some("ann@acme.com"), Some("bob"), "Ann@Acme.com");
        check(&operators, Some("robert@acme.com"), Some("BOB"), "bob");
        check(&operators, Some("eve@acme.com"), Some("bob"), "native: eve@acme.com");
        check(&operators, Some("zoe@acme.com"), None, "unknown");
        check(&operators, None, None, "no login");
        check(&operators, Some(""), Some("  "), "no login");
    }

    #[test]
    fn operators_are_ambiguous_when_several_managed_ones_have_one_login() {
        let operator = |id, login: &str, sign_in| {
            let login = OperatorLogin::new(login);
            Operator { id: OperatorId(id), login, has_agent_label: false, sign_in, disabled: false }
        };
        let operators = vec![
            operator(1001, "vic", SignInMethod::Ims),
            operator(1002, "Ann", SignInMethod::Native),
            operator(1003, "ann", SignInMethod::Ims),
            operator(1004, "Vic", SignInMethod::Ims),
            operator(1005, "vic ", SignInMethod::Native),
        ];
        let campaign = CampaignSnapshot::new(operators, Vec::new(), [], OperatorLogin::new("sync"));
        let ids = |manage| -> Vec<Vec<i64>> {
            let found = ambiguous_operators(&campaign, manage);
            found.iter().map(|twins| twins.iter().map(|operator| operator.id.0).collect()).collect()
        };
        assert_eq!(ids(Manage::Ims), [vec![1001, 1004]]);
        assert_eq!(ids(Manage::All), [vec![1002, 1003], vec![1001, 1004, 1005]]);
    }

    #[test]
    fn two_operators_with_one_name_are_ambiguous_unless_only_one_is_managed() {
        check(
            &[("ann@acme.com", SignInMethod::Ims), ("ANN@acme.com", SignInMethod::Ims)],
            Some("ann@acme.com"),
            None,
            "ambiguous: 2",
        );
        check(
            &[("ann@acme.com", SignInMethod::Native), ("ANN@acme.com", SignInMethod::Ims)],
            Some("ann@acme.com"),
            None,
            "ANN@acme.com",
        );
    }
}
