//! The large organization: users, profiles and operators made from a seed, the same ones every time.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::campaign::{self, InstanceWorld};
use super::organization::{Organization, UmapiGroup, User};
use super::random::Numbers;
use super::scenario::Scenario;

const FIRST_NAMES: [&str; 12] =
    ["Ada", "Ben", "Chloe", "Dan", "Eva", "Finn", "Gina", "Hal", "Ida", "Jon", "Kim", "Leo"];
const LAST_NAMES: [&str; 8] = ["Abel", "Berg", "Costa", "Dubois", "Ek", "Fischer", "Garcia", "Hansen"];
const COUNTRIES: [&str; 6] = ["DE", "FR", "US", "SE", "IT", "JP"];

/// What is generated, in addition to what a scenario lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Generate {
    /// Users.
    pub users: usize,
    /// Names that `groups[]` of a user may hold, the matching profiles among them.
    pub groups: usize,
    /// Profiles `Campaign - TENANT - segment…` for each instance, with an operator group for each.
    pub profiles: usize,
    /// Fewest groups of one user.
    pub fewest: usize,
    /// Most groups of one user.
    pub most: usize,
    /// Memberships that Campaign lacks, at each instance.
    pub missing: usize,
    /// Memberships that Campaign has and the organization does not, at each instance.
    pub superfluous: usize,
    /// Another seed gives other users.
    pub seed: u64,
}

impl Default for Generate {
    fn default() -> Self {
        Self { users: 100_000, groups: 400, profiles: 40, fewest: 3, most: 12, missing: 200, superfluous: 40, seed: 1 }
    }
}

impl Generate {
    /// Adds users, profiles and operators to a scenario.
    pub(super) fn extend(&self, scenario: &mut Scenario) {
        let mut numbers = Numbers::from_seed(self.seed);
        let Scenario { organization, campaign, .. } = scenario;
        let tenants: Vec<&str> = campaign.values().map(|instance| instance.tenant.as_str()).collect();
        self.add_groups(organization, &tenants);
        self.add_users(organization, &mut numbers);
        for instance in campaign.values_mut() {
            self.fill(instance, organization, &mut numbers);
        }
    }

    fn add_groups(&self, organization: &mut Organization, tenants: &[&str]) {
        let matching = tenants.iter().flat_map(|tenant| (0..self.profiles).map(move |place| profile(tenant, place)));
        let others = self.groups.saturating_sub(self.profiles * tenants.len());
        let first_id = organization.groups.iter().map(|group| group.group_id).max().unwrap_or(100_000) + 1;
        // Every tenth of the others is a plain user group.
        let other = |place: usize| match place % 10 {
            0 => UmapiGroup::user_group(0, &format!("Team {place:04}"), &[]),
            _ => UmapiGroup::profile(0, &format!("Product {place:04} - default")),
        };
        let groups = matching.map(|name| UmapiGroup::profile(0, &name)).chain((0..others).map(other));
        let numbered = groups.zip(first_id..).map(|(group, group_id)| UmapiGroup { group_id, ..group });
        organization.groups.extend(numbered);
    }

    fn add_users(&self, organization: &mut Organization, numbers: &mut Numbers) {
        let names: Vec<String> = organization.groups.iter().map(|group| group.name.clone()).collect();
        let spread = self.most.saturating_sub(self.fewest) + 1;
        organization.users.reserve(self.users);
        for place in 0..self.users {
            let wanted = (self.fewest + numbers.below(spread)).min(names.len());
            let mut chosen = BTreeSet::new();
            while chosen.len() < wanted {
                chosen.insert(numbers.below(names.len()));
            }
            let groups = chosen.into_iter().filter_map(|group| names.get(group).cloned()).collect();
            organization.users.push(user(place, groups, numbers));
        }
    }

    /// Gives an instance the groups, an operator for each user with a matching profile, and nearly the right
    /// memberships.
    fn fill(&self, instance: &mut InstanceWorld, organization: &Organization, numbers: &mut Numbers) {
        let prefix = format!("Campaign - {} - ", instance.tenant);
        let group_names: Vec<String> = (0..self.profiles).map(segment).collect();
        let group =
            |name: &String| campaign::OperatorGroup { name: name.clone(), ..campaign::OperatorGroup::default() };
        instance.groups.extend(group_names.iter().map(group));
        let mut wanted = Vec::new();
        let mut logins = Vec::new();
        for user in &organization.users {
            let Some(login) = &user.email else { continue };
            let before = wanted.len();
            let groups = user.groups.iter().filter_map(|name| name.strip_prefix(&prefix));
            wanted.extend(groups.map(|group| (login.clone(), group.to_owned())));
            if wanted.len() > before {
                instance.operators.push(operator(user, login));
                logins.push(login.clone());
            }
        }
        let superfluous = self.superfluous(&wanted, &logins, &group_names, numbers);
        // Not more than a quarter of a small organization, so that nothing is emptied.
        for _ in 0..self.missing.min(wanted.len() / 4) {
            let place = numbers.below(wanted.len());
            wanted.swap_remove(place);
        }
        instance.memberships.extend(wanted);
        instance.memberships.extend(superfluous);
    }

    fn superfluous(
        &self,
        wanted: &[(String, String)],
        logins: &[String],
        groups: &[String],
        numbers: &mut Numbers,
    ) -> BTreeSet<(String, String)> {
        let wanted_pairs: BTreeSet<&(String, String)> = wanted.iter().collect();
        let mut superfluous = BTreeSet::new();
        let enough = self.superfluous.min(wanted.len() / 10);
        // Some draws hit a wanted membership; the bound ends the search where nearly all are wanted.
        for _ in 0..enough * 20 {
            if superfluous.len() >= enough {
                break;
            }
            let (login, group) = (logins.get(numbers.below(logins.len())), groups.get(numbers.below(groups.len())));
            if let (Some(login), Some(group)) = (login, group) {
                let pair = (login.clone(), group.clone());
                if !wanted_pairs.contains(&pair) {
                    superfluous.insert(pair);
                }
            }
        }
        superfluous
    }
}

fn segment(place: usize) -> String {
    format!("segment{place:03}")
}

fn profile(tenant: &str, place: usize) -> String {
    format!("Campaign - {tenant} - {}", segment(place))
}

fn user(place: usize, groups: Vec<String>, numbers: &mut Numbers) -> User {
    let (first, last) = (numbers.pick(&FIRST_NAMES), numbers.pick(&LAST_NAMES));
    let email = format!("{}.{}.{place:06}@acme.com", first.to_lowercase(), last.to_lowercase());
    User {
        id: Some(format!("{:08X}{:016X}@acme.com", place, numbers.next())),
        username: Some(email.clone()),
        email: Some(email),
        domain: Some("acme.com".to_owned()),
        firstname: Some(first.to_owned()),
        lastname: Some(last.to_owned()),
        country: Some(numbers.pick(&COUNTRIES).to_owned()),
        kind: Some("federatedID".to_owned()),
        status: Some("active".to_owned()),
        groups,
        ..User::default()
    }
}

fn operator(user: &User, login: &str) -> campaign::Operator {
    let name = [&user.firstname, &user.lastname].into_iter().flatten().map(String::as_str).collect::<Vec<_>>();
    campaign::Operator {
        name: login.to_owned(),
        label: name.join(" "),
        email: login.to_owned(),
        authentication: "ims".to_owned(),
        ..campaign::Operator::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(users: usize) -> Scenario {
        let mut scenario = Scenario::named("large").unwrap().with_users(users);
        scenario.generate.take().unwrap().extend(&mut scenario);
        scenario
    }

    #[test]
    fn the_same_seed_makes_the_same_users() {
        assert_eq!(generated(50), generated(50));
    }

    #[test]
    fn users_are_in_three_to_twelve_of_four_hundred_groups() {
        let Scenario { organization, .. } = generated(500);
        assert_eq!((organization.users.len(), organization.groups.len()), (500, 400));
        assert!(organization.users.iter().all(|user| (3..=12).contains(&user.groups.len())));
        assert_eq!(organization.groups.iter().filter(|group| group.name.starts_with("Campaign - acme - ")).count(), 40);
        assert_eq!(organization.check(), Ok(()));
    }

    #[test]
    fn campaign_is_nearly_right() {
        let Scenario { organization, campaign, .. } = generated(2000);
        let held: BTreeSet<_> = campaign["production"].memberships.iter().cloned().collect();
        let mut wanted = BTreeSet::new();
        for user in &organization.users {
            let groups = user.groups.iter().filter_map(|name| name.strip_prefix("Campaign - acme - "));
            wanted.extend(groups.map(|group| (user.email.clone().unwrap(), group.to_owned())));
        }
        assert_eq!(wanted.difference(&held).count(), 200);
        assert_eq!(held.difference(&wanted).count(), 40);
    }
}
