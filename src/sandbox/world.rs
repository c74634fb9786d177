//! The current world: the organization, the Campaign instances, and the behavior.

use std::collections::BTreeMap;

use super::behavior::Behavior;
use super::campaign::{Instance, InstanceWorld};
use super::change::Change;
use super::error::SandboxError;
use super::organization::{MembershipIndex, MembershipScope, Organization, User};
use super::random::shuffle;
use super::scenario::Scenario;
use super::tls::{Endpoint, Tls, scheme};

/// What the server serves; changes are seen by the next request.
#[derive(Debug)]
pub struct World {
    title: String,
    description: String,
    organization: Organization,
    campaign: BTreeMap<String, Instance>,
    /// How UMAPI and IMS behave.
    pub behavior: Behavior,
    tls: Option<Tls>,
    /// The number of listings so far; each has its own order when listings are shuffled.
    listings: u64,
    /// The memberships, resolved; `None` after a change until they are needed.
    memberships: Option<MembershipIndex>,
}

impl World {
    /// Builds the world a scenario describes.
    ///
    /// # Errors
    ///
    /// [`SandboxError::World`] when the scenario contradicts itself.
    pub fn new(mut scenario: Scenario) -> Result<Self, SandboxError> {
        if let Some(generate) = scenario.generate.take() {
            generate.extend(&mut scenario);
        }
        let Scenario {
            title, description, organization, campaign, pages, throttle, tokens, quirks, tls, changes, ..
        } = scenario;
        let behavior = Behavior { pages, throttle, tokens, quirks };
        organization.check().and_then(|()| behavior.check()).map_err(SandboxError::World)?;
        let build = |(name, world): (String, InstanceWorld)| match Instance::new(world) {
            Ok(instance) => Ok((name, instance)),
            Err(reason) => Err(SandboxError::World(format!("instance {name}: {reason}"))),
        };
        let campaign = campaign.into_iter().map(build).collect::<Result<_, _>>()?;
        let mut world =
            Self { title, description, organization, campaign, behavior, tls, listings: 0, memberships: None };
        world.apply(&changes)?;
        Ok(world)
    }

    /// The world as a document, from which [`World::new`] builds the same world.
    pub fn describe(&self) -> Scenario {
        let Behavior { pages, throttle, tokens, quirks } = self.behavior.clone();
        Scenario {
            title: self.title.clone(),
            description: self.description.clone(),
            organization: self.organization.clone(),
            campaign: self.instances().map(|(name, instance)| (name.to_owned(), instance.world())).collect(),
            pages,
            throttle,
            tokens,
            quirks,
            tls: self.tls.clone(),
            ..Scenario::default()
        }
    }

    /// The Experience Cloud side.
    pub fn organization(&self) -> &Organization {
        &self.organization
    }

    /// The Experience Cloud side, to change; [`World::apply`] checks names, this does not.
    pub fn organization_mut(&mut self) -> &mut Organization {
        self.memberships = None;
        &mut self.organization
    }

    /// The Campaign instances with their names, in the order of the names.
    pub fn instances(&self) -> impl Iterator<Item = (&str, &Instance)> {
        self.campaign.iter().map(|(name, instance)| (name.as_str(), instance))
    }

    /// One Campaign instance.
    pub fn instance(&self, name: &str) -> Option<&Instance> {
        self.campaign.get(name)
    }

    /// One Campaign instance, to change.
    pub fn instance_mut(&mut self, name: &str) -> Option<&mut Instance> {
        self.campaign.get_mut(name)
    }

    /// Name of the instance that is also served at the root.
    pub(super) fn first_instance(&self) -> Option<&str> {
        self.campaign.keys().next().map(String::as_str)
    }

    /// Adds a user to a product profile or a user group.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Change`] when there is no such user or group.
    pub fn assign(&mut self, user: &str, group: &str) -> Result<(), SandboxError> {
        self.apply(&[Change::assign(user, group)])
    }

    /// Removes a user from a product profile or a user group.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Change`] when there is no such user or group, or the user is not in it.
    pub fn unassign(&mut self, user: &str, group: &str) -> Result<(), SandboxError> {
        self.apply(&[Change::unassign(user, group)])
    }

    /// E-mail addresses, or else user names, of all effective members of a product profile or user group.
    pub fn members(&mut self, group: &str) -> Vec<String> {
        let Some(position) = self.organization.group_position(group) else { return Vec::new() };
        let name = |user: &User| user.email.clone().or_else(|| user.username.clone());
        let (organization, memberships) = self.with_memberships();
        let members = memberships.members(position, MembershipScope::Effective).iter();
        members.filter_map(|&user| organization.users.get(user)).filter_map(name).collect()
    }

    /// The organization with its memberships resolved.
    pub(super) fn with_memberships(&mut self) -> (&Organization, &MembershipIndex) {
        let memberships = self.memberships.get_or_insert_with(|| MembershipIndex::of(&self.organization));
        (&self.organization, memberships)
    }

    /// How the server encrypts, when it does.
    pub(super) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// The address of an endpoint on the server with this host and port.
    pub(super) fn address_of(&self, endpoint: Endpoint, host: &str) -> String {
        format!("{}://{host}", scheme(self.tls(), endpoint))
    }

    /// Puts another world in place of this one; sessions of its instances end. The encryption of the server does not
    /// change.
    pub(super) fn replace(&mut self, scenario: Scenario) -> Result<(), SandboxError> {
        let world = Self::new(scenario)?;
        *self = Self { tls: self.tls.take(), ..world };
        Ok(())
    }

    pub(super) fn replace_organization(&mut self, organization: Organization) {
        self.organization = organization;
        self.memberships = None;
    }

    /// Puts the entries of the next listing in another order, where the world shuffles its listings.
    pub(super) fn shuffle(&mut self) -> impl FnOnce(&mut [usize]) + use<> {
        self.listings += 1;
        let seed = self.behavior.quirks.shuffle.then_some(self.listings);
        move |positions| {
            if let Some(seed) = seed {
                shuffle(positions, seed);
            }
        }
    }
}
