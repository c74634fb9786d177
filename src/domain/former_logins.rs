//! Who has a login now that belongs to the operator of a user whose own login has changed since.

use std::{
    collections::{HashMap, HashSet},
    hash::BuildHasher,
};

use foldhash::quality::FixedState;

use super::{AdobeUser, DesiredState, FoldedName, Operator};

/// Which active user of the organization has a login now, as address or user name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginHolder {
    /// No user.
    NoUser,
    /// The user with this folded `id`, and no other.
    User(FoldedName),
    /// Several users, or one without `id`.
    Others,
}

impl LoginHolder {
    /// The holder that a search for the login found.
    pub fn found(user: Option<&AdobeUser>) -> Self {
        match user {
            Some(AdobeUser { id: Some(id), .. }) => Self::User(FoldedName::new(id)),
            Some(_) => Self::Others,
            None => Self::NoUser,
        }
    }

    /// Whether an operator with this login may still stand for `user`, who had it: nobody else has it.
    pub(super) fn leaves_it_to(&self, user: &AdobeUser) -> bool {
        match self {
            Self::NoUser => true,
            Self::User(id) => user.id.as_deref().is_some_and(|own| FoldedName::new(own) == *id),
            Self::Others => false,
        }
    }

    /// Both hold the login.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::NoUser, holder) | (holder, Self::NoUser) => holder,
            (one, other) if one == other => one,
            _ => Self::Others,
        }
    }
}

/// The answers of single-user calls, by folded login. They are remembered between runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginHolders(HashMap<FoldedName, LoginHolder>);

impl LoginHolders {
    /// Answers by folded login.
    pub fn new(answers: impl IntoIterator<Item = (FoldedName, LoginHolder)>) -> Self {
        Self(answers.into_iter().collect())
    }

    /// The answer for this folded login; `None` when it was not asked for.
    pub fn of(&self, login: &FoldedName) -> Option<&LoginHolder> {
        self.0.get(login)
    }

    /// Adds an answer.
    pub fn insert(&mut self, login: FoldedName, holder: LoginHolder) {
        self.0.insert(login, holder);
    }
}

/// Logins of operators that earlier runs knew users as. A walk over the organization keeps each user who has one of them,
/// and so tells of each who has it.
///
/// Holds 64 bits for a login. Of two logins with the same bits a walk keeps a user too many, which changes no decision:
/// names are compared again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginSet(HashSet<u64>);

impl LoginSet {
    /// The set of these logins.
    pub fn new(logins: impl IntoIterator<Item = FoldedName>) -> Self {
        Self(logins.into_iter().map(|login| hash(&login)).collect())
    }

    /// Whether this name, in any spelling that counts as the same, is one of the logins.
    pub fn contains(&self, name: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&hash(&FoldedName::new(name)))
    }
}

impl DesiredState {
    /// Why an operator leaves a group: what holds for all who leave it, and whether the operator has become another user's.
    pub(super) fn removal_reason(&self, operator: &Operator, reason: &str) -> String {
        match self.passed_on.get(&operator.id) {
            Some(former) => format!(
                "{reason}: {former} was this operator, and another active user of the organization has its login now"
            ),
            None => reason.to_owned(),
        }
    }
}

fn hash(login: &FoldedName) -> u64 {
    FixedState::default().hash_one(login.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: Option<&str>) -> AdobeUser {
        AdobeUser { id: id.map(str::to_owned), email: Some("old@x".to_owned()), user_name: None }
    }

    #[test]
    fn a_login_is_left_to_its_former_owner_while_nobody_else_has_it() {
        let ann = user(Some("ANN"));
        for (holder, expected) in [
            (LoginHolder::found(None), true),
            (LoginHolder::found(Some(&user(Some("ann ")))), true),
            (LoginHolder::found(Some(&user(Some("bob")))), false),
            (LoginHolder::found(Some(&user(None))), false),
            (LoginHolder::found(Some(&ann)).and(LoginHolder::NoUser), true),
            (LoginHolder::found(Some(&ann)).and(LoginHolder::found(Some(&ann))), true),
            (LoginHolder::found(Some(&ann)).and(LoginHolder::found(Some(&user(Some("bob"))))), false),
        ] {
            assert_eq!(holder.leaves_it_to(&ann), expected, "{holder:?}");
        }
    }

    #[test]
    fn a_set_of_logins_finds_them_in_any_letter_case() {
        let set = LoginSet::new(["ann@acme.com".into()]);
        assert!(set.contains(" Ann@ACME.com") && !set.contains("bob@acme.com") && !LoginSet::default().contains(""));
    }
}
