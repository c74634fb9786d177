//! The simulated world in plain names, as the model sees it. Nothing here comes from the program under test: names are
//! compared in lower case, and the organization's memberships are resolved once more.

use std::collections::{BTreeMap, BTreeSet};

use campaign_group_sync::sandbox::{Organization, World, campaign::InstanceWorld};

/// The only instance.
pub(super) const INSTANCE: &str = "production";

/// The part of every profile's name before the name of the operator group.
pub(super) const PREFIX: &str = "Campaign - acme - ";

/// One account of the Admin Console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) id: String,
    pub(super) login: String,
    pub(super) is_active: bool,
    /// The ids of the profiles that were assigned to the account.
    pub(super) direct: BTreeSet<u64>,
    /// The same, with those through a user group.
    pub(super) effective: BTreeSet<u64>,
}

/// An operator of Campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OperatorView {
    pub(super) is_ims: bool,
    pub(super) is_disabled: bool,
}

/// A membership: login, operator group.
pub(super) type Pair = (String, String);

/// Both systems at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) people: Vec<Person>,
    /// The product profiles, by id.
    pub(super) profiles: BTreeMap<u64, String>,
    pub(super) operators: BTreeMap<String, OperatorView>,
    pub(super) groups: BTreeSet<String>,
    pub(super) members: BTreeSet<Pair>,
    /// Accounts that are counted and not listed.
    pub(super) technical: usize,
}

pub(super) fn lower(name: &str) -> String {
    name.trim().to_lowercase()
}

impl View {
    pub(super) fn of(world: &World) -> Self {
        let instance = world.instance(INSTANCE).expect("an instance").world();
        Self::new(world.organization(), &instance)
    }

    fn new(organization: &Organization, instance: &InstanceWorld) -> Self {
        let ids: BTreeMap<String, u64> =
            organization.groups.iter().map(|group| (lower(&group.name), group.group_id)).collect();
        let of = |names: &[String]| -> BTreeSet<u64> {
            let id = |name: &String| match name.strip_prefix("id:") {
                Some(id) => id.parse().ok(),
                None => ids.get(&lower(name)).copied(),
            };
            names.iter().filter_map(id).collect()
        };
        let inherited: BTreeMap<u64, BTreeSet<u64>> =
            organization.groups.iter().map(|group| (group.group_id, of(&group.profiles))).collect();
        let is_profile = |kind: Option<&str>| kind.is_none_or(|kind| kind == "PRODUCT_PROFILE");
        let people = organization.users.iter().map(|user| {
            let direct = of(&user.groups);
            let through = direct.iter().filter_map(|id| inherited.get(id)).flatten().copied();
            Person {
                id: user.id.clone().unwrap_or_default(),
                login: lower(user.username.as_deref().or(user.email.as_deref()).unwrap_or_default()),
                is_active: user.status.as_deref().is_none_or(|status| status == "active"),
                effective: direct.iter().copied().chain(through).collect(),
                direct,
            }
        });
        let profiles = organization.groups.iter().filter(|group| is_profile(group.kind.as_deref()));
        // The technical account becomes an operator when it signs in for the first time.
        let operators = instance.operators.iter().filter(|operator| !operator.name.ends_with("@techacct.adobe.com"));
        let operators = operators.map(|operator| {
            let view = OperatorView { is_ims: operator.authentication == "ims", is_disabled: operator.disabled };
            (lower(&operator.name), view)
        });
        Self {
            people: people.collect(),
            profiles: profiles.map(|group| (group.group_id, group.name.clone())).collect(),
            operators: operators.collect(),
            groups: instance.groups.iter().map(|group| lower(&group.name)).collect(),
            members: instance.memberships.iter().map(|(login, group)| (lower(login), lower(group))).collect(),
            technical: organization.technical_accounts,
        }
    }

    /// The number of users that a complete listing has, and the number that it counts.
    pub(super) fn users(&self) -> (usize, usize) {
        let active = self.people.iter().filter(|person| person.is_active).count();
        (active, active + self.technical)
    }

    /// The members of an operator group.
    pub(super) fn members_of(&self, group: &str) -> BTreeSet<String> {
        self.members.iter().filter(|(_, of)| of == group).map(|(login, _)| login.clone()).collect()
    }
}
