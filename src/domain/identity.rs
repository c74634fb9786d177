//! Which operator a person is.

use std::collections::HashMap;

use super::{CampaignSnapshot, LogOn, Manage, Operator, Person, fold};

/// What is known of a person in one instance.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Identity<'a> {
    /// Exactly this operator.
    Operator(&'a Operator),
    /// Several operators answer to the same name; nobody can say which is meant.
    Ambiguous(Vec<&'a Operator>),
    /// An operator that logs on with a password, where only those of Adobe's identity service are managed.
    NotManaged(&'a Operator),
    /// No operator of that name.
    Unknown,
    /// The person has neither e-mail address nor user name.
    NoLogin,
}

/// Finds operators by login.
pub(super) struct OperatorIndex<'a> {
    by_login: HashMap<String, Vec<&'a Operator>>,
    manage: Manage,
}

impl<'a> OperatorIndex<'a> {
    pub(super) fn new(campaign: &'a CampaignSnapshot, manage: Manage) -> Self {
        let mut by_login: HashMap<String, Vec<&Operator>> = HashMap::with_capacity(campaign.operators().len());
        for operator in campaign.operators() {
            by_login.entry(operator.login.folded()).or_default().push(operator);
        }
        Self { by_login, manage }
    }

    pub(super) fn manages(&self, operator: &Operator) -> bool {
        self.manage == Manage::All || operator.log_on == LogOn::Ims
    }

    /// The person's e-mail address decides; the user name only where no operator has the address as login.
    pub(super) fn identify(&self, person: &Person) -> Identity<'a> {
        let mut named = false;
        for login in [&person.email, &person.user_name].into_iter().flatten().map(|login| fold(login)) {
            if login.is_empty() {
                continue;
            }
            named = true;
            if let Some(operators) = self.by_login.get(&login) {
                return self.among(operators);
            }
        }
        if named { Identity::Unknown } else { Identity::NoLogin }
    }

    fn among(&self, operators: &[&'a Operator]) -> Identity<'a> {
        let managed: Vec<_> = operators.iter().copied().filter(|operator| self.manages(operator)).collect();
        match (managed.as_slice(), operators) {
            ([operator], _) => Identity::Operator(operator),
            ([], [operator, ..]) => Identity::NotManaged(operator),
            ([], []) => Identity::Unknown,
            _ => Identity::Ambiguous(managed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OperatorId, OperatorLogin};
    use super::*;

    fn check(operators: &[(&str, LogOn)], email: Option<&str>, user_name: Option<&str>, expected: &str) {
        let operators = (1001..).zip(operators).map(|(id, (login, log_on))| Operator {
            id: OperatorId(id),
            login: OperatorLogin::new(*login),
            label: String::new(),
            log_on: *log_on,
            disabled: false,
        });
        let campaign = CampaignSnapshot::new(operators.collect(), Vec::new(), [], OperatorLogin::new("sync"));
        let index = OperatorIndex::new(&campaign, Manage::Ims);
        let person = Person { id: None, email: email.map(str::to_owned), user_name: user_name.map(str::to_owned) };
        let found = match index.identify(&person) {
            Identity::Operator(operator) => operator.login.to_string(),
            Identity::Ambiguous(operators) => format!("ambiguous: {}", operators.len()),
            Identity::NotManaged(operator) => format!("native: {}", operator.login),
            Identity::Unknown => "unknown".to_owned(),
            Identity::NoLogin => "no login".to_owned(),
        };
        assert_eq!(found, expected, "{person:?}");
    }

    #[test]
    fn the_address_decides_and_then_the_user_name() {
        let operators = [("Ann@Acme.com", LogOn::Ims), ("bob", LogOn::Ims), ("eve@acme.com", LogOn::Native)];
        check(&operators, Some("ann@acme.COM "), None, "Ann@Acme.com");
        check(&operators, Some("ann@acme.com"), Some("bob"), "Ann@Acme.com");
        check(&operators, Some("robert@acme.com"), Some("BOB"), "bob");
        check(&operators, Some("eve@acme.com"), Some("bob"), "native: eve@acme.com");
        check(&operators, Some("zoe@acme.com"), None, "unknown");
        check(&operators, None, None, "no login");
        check(&operators, Some(""), Some("  "), "no login");
    }

    #[test]
    fn two_operators_of_one_name_are_refused_unless_only_one_is_managed() {
        check(
            &[("ann@acme.com", LogOn::Ims), ("ANN@acme.com", LogOn::Ims)],
            Some("ann@acme.com"),
            None,
            "ambiguous: 2",
        );
        check(
            &[("ann@acme.com", LogOn::Native), ("ANN@acme.com", LogOn::Ims)],
            Some("ann@acme.com"),
            None,
            "ANN@acme.com",
        );
    }
}
