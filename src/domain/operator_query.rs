//! The operators that a lookup of one user reads from Campaign.

use std::collections::BTreeSet;

use super::{AdobeUser, FoldedName, Identities, OperatorId, OperatorLogin, identity::names};

/// The operators to read for one user. Campaign compares logins like its database, in most cases with letter case, so
/// that the query has to name every possible spelling and every possible key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperatorQuery {
    /// Logins, each once, sorted.
    pub logins: Vec<OperatorLogin>,
    /// Keys, each once, sorted.
    pub ids: Vec<OperatorId>,
}

impl OperatorQuery {
    /// The operators with the user's names, in Adobe's spelling and folded; the stored operator of the user; and the
    /// operators `alike`, whose login looked like one of the names at last sight.
    pub fn of(user: &AdobeUser, identities: &Identities, alike: Vec<OperatorId>) -> Self {
        let written = user.names().map(str::trim);
        let mut logins: BTreeSet<_> = written.filter(|name| !name.is_empty()).map(OperatorLogin::new).collect();
        for name in login_candidates(user) {
            logins.insert(OperatorLogin::new(&*name.shown()));
            logins.insert(OperatorLogin::new(name.as_str()));
        }
        let ids: BTreeSet<_> = identities.operator_of(user).into_iter().chain(alike).collect();
        Self { logins: logins.into_iter().collect(), ids: ids.into_iter().collect() }
    }
}

/// The folded names that the login of the user's operator may have.
pub fn login_candidates(user: &AdobeUser) -> Vec<FoldedName> {
    names(user).map(FoldedName::stored).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::KnownOperator;

    fn logins(email: &str, user_name: Option<&str>) -> Vec<String> {
        let user = AdobeUser::new(None, Some(email), user_name);
        let sought = OperatorQuery::of(&user, &Identities::default(), Vec::new());
        sought.logins.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_spelling_of_the_names_of_a_user_is_read() {
        for (email, user_name, expected) in [
            ("ann@acme.com", None, &["ann@acme.com"][..]),
            (" Ann@ACME.com", None, &["Ann@ACME.com", "ann@acme.com"]),
            ("ann@acme.com", Some("ACME-Ann"), &["ACME-Ann", "acme-ann", "ann@acme.com"]),
            ("ann@b\u{fc}cher.de", None, &["ann@b\u{fc}cher.de", "ann@xn--bcher-kva.de"]),
            ("", Some(" "), &[]),
        ] {
            assert_eq!(logins(email, user_name), expected, "{email:?} {user_name:?}");
        }
    }

    #[test]
    fn the_stored_operator_and_those_that_look_alike_are_read_by_key() {
        let identities = Identities::new([("ID1".into(), KnownOperator { id: OperatorId(7), login: None })]);
        let user = AdobeUser::new(Some("id1"), None, None);
        assert_eq!(
            OperatorQuery::of(&user, &identities, vec![OperatorId(9), OperatorId(7)]).ids,
            [7, 9].map(OperatorId)
        );
    }
}
