//! The document a world is built from, and the built-in ones of `config/scenarios`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::campaign::InstanceWorld;
use super::dials::{Pages, Quirks, Throttle, Tokens};
use super::error::SandboxError;
use super::generate::Generate;
use super::organization::Organization;
use super::tls::Tls;

/// The built-in scenarios with their text, the default first.
const BUILT_IN: [(&str, &str); 7] = [
    ("first_day", include_str!("../../config/scenarios/first_day.toml")),
    ("joiners_and_leavers", include_str!("../../config/scenarios/joiners_and_leavers.toml")),
    ("inherited_through_user_group", include_str!("../../config/scenarios/inherited_through_user_group.toml")),
    ("hostile_names", include_str!("../../config/scenarios/hostile_names.toml")),
    ("two_instances", include_str!("../../config/scenarios/two_instances.toml")),
    ("misconfigured", include_str!("../../config/scenarios/misconfigured.toml")),
    ("large", include_str!("../../config/scenarios/large.toml")),
];

/// A world as a document: a scenario file in TOML, or the answer to `GET /sandbox/world` in JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// One line.
    pub title: String,
    /// The story, and what a run against it shows.
    pub description: String,
    /// The Experience Cloud side.
    pub organization: Organization,
    /// The Campaign instances, by name; the first by name is also served at the root of the server.
    pub campaign: BTreeMap<String, InstanceWorld>,
    /// What is made from a seed beside what is listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generate: Option<Generate>,
    /// Page sizes.
    pub pages: Pages,
    /// Call limits; off unless given.
    pub throttle: Throttle,
    /// What the identity service issues.
    pub tokens: Tokens,
    /// What the vendor's documentation leaves open.
    pub quirks: Quirks,
    /// Which vendors are reached over https, and how the server proves itself; plain http throughout unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

impl Scenario {
    /// Name of the scenario that is served when none is named.
    pub const DEFAULT: &'static str = "first_day";

    /// The built-in scenario of this name.
    ///
    /// # Errors
    ///
    /// [`SandboxError::UnknownScenario`], which lists the known names.
    pub fn named(name: &str) -> Result<Self, SandboxError> {
        let unknown = || SandboxError::UnknownScenario {
            name: name.to_owned(),
            known: Self::names().collect::<Vec<_>>().join(", "),
        };
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name).ok_or_else(unknown)?;
        Self::from_toml(text)
    }

    /// Reads a scenario file.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Scenario`] with the line and the key at fault.
    pub fn from_toml(text: &str) -> Result<Self, SandboxError> {
        toml::from_str(text).map_err(SandboxError::Scenario)
    }

    /// The scenario with so many generated people, beside those it lists.
    #[must_use]
    pub fn with_users(mut self, users: usize) -> Self {
        self.generate.get_or_insert_default().users = users;
        self
    }

    /// Names of the built-in scenarios, the default first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }
}
