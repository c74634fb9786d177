//! Who has the former login of a user now. The operator with that login still belongs to the user, unless another user
//! has the login.

use std::collections::{HashMap, HashSet};

use super::{
    AdobeUser, DesiredState, FoldedName, Operator, SharedText,
    folded_name::{fold, hash_of_folded},
};

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
    /// The holder of a login for which a search found this user, or none.
    pub fn found(user: Option<&AdobeUser>) -> Self {
        match user.map(AdobeUser::id) {
            Some(Some(id)) => Self::User(FoldedName::new(id)),
            Some(None) => Self::Others,
            None => Self::NoUser,
        }
    }

    /// Whether an operator with this login may still belong to `user`, who had the login: no other user has it.
    pub(super) fn leaves_it_to(&self, user: &AdobeUser) -> bool {
        match self {
            Self::NoUser => true,
            Self::User(id) => user.id().is_some_and(|own| FoldedName::new(own) == *id),
            Self::Others => false,
        }
    }

    /// The holder of a login that both `self` and `other` hold.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::NoUser, holder) | (holder, Self::NoUser) => holder,
            (one, other) if one == other => one,
            _ => Self::Others,
        }
    }
}

/// The results of single-user calls, by folded login. They are stored between runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginHolders(HashMap<FoldedName, LoginHolder>);

impl LoginHolders {
    /// Results by folded login.
    pub fn new(answers: impl IntoIterator<Item = (FoldedName, LoginHolder)>) -> Self {
        Self(answers.into_iter().collect())
    }

    /// The result for this folded login; `None` when no call was made for it.
    pub fn of(&self, login: &FoldedName) -> Option<&LoginHolder> {
        self.0.get(login)
    }

    /// Adds a result.
    pub fn insert(&mut self, login: FoldedName, holder: LoginHolder) {
        self.0.insert(login, holder);
    }
}

/// Logins of operators that earlier runs matched with users. A walk over the organization keeps each user that has one
/// of them, so that the walk shows who has each login.
///
/// Stores a 64-bit hash of each login. After a collision the walk keeps one user too many, which changes no decision:
/// names are compared again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginSet(HashSet<u64>);

impl LoginSet {
    /// The set of these logins.
    pub fn new(logins: impl IntoIterator<Item = FoldedName>) -> Self {
        Self(logins.into_iter().map(|login| hash_of_folded(login.as_str())).collect())
    }

    /// Adds a folded login.
    pub fn insert(&mut self, folded: &str) {
        self.0.insert(hash_of_folded(folded));
    }

    /// Whether this name, in any equal spelling, is one of the logins.
    pub fn contains(&self, name: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&hash_of_folded(&fold(name)))
    }
}

impl DesiredState {
    /// Why an operator leaves a group: `reason`, and whether the operator belongs to another user now.
    pub(super) fn removal_reason(&self, operator: &Operator, reason: &SharedText) -> SharedText {
        match self.reassigned.get(&operator.id) {
            Some(former) => format!(
                "{reason}: {former} was this operator, and another active user of the organization has its login now"
            )
            .into(),
            None => reason.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: Option<&str>) -> AdobeUser {
        AdobeUser::new(id, Some("old@x"), None)
    }

    #[test]
    fn a_former_login_still_counts_while_no_other_user_has_it() {
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
