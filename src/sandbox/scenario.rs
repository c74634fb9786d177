//! The document that a world is built from, and how its file is read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::behavior::{CallLimits, PageSizes, Quirks, TokenBehavior};
use super::built_in_scenarios::{MISCONFIGURED, WORLDS, text_of};
use super::campaign::{Build, InstanceBehavior, InstanceWorld};
use super::change::Change;
use super::error::SandboxError;
use super::fault::Fault;
use super::generate::Generate;
use super::misconfiguration::Misconfiguration;
use super::organization::Organization;
use super::tls::Tls;

/// A world as a document: a scenario file in TOML, or the response to `GET /sandbox/world` in JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// One line.
    pub title: String,
    /// The situation, and what a run shows.
    pub description: String,
    /// The id of the one prerequisite that fails in `check`, for scenarios that show one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// The Experience Cloud side.
    pub organization: Organization,
    /// The Campaign instances, by name; the first by name is also served at the root of the server.
    pub campaign: BTreeMap<String, InstanceWorld>,
    /// What is generated in addition to what is listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generate: Option<Generate>,
    /// Page sizes.
    pub pages: PageSizes,
    /// Call limits; off unless given.
    pub throttle: CallLimits,
    /// The tokens of IMS.
    pub tokens: TokenBehavior,
    /// What Adobe's documentation leaves open.
    pub quirks: Quirks,
    /// The endpoints that use HTTPS, and the certificate of the server; plain HTTP by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Changes that are applied before the world is served.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Faults that are injected from the start.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// Errors in the configuration of the client.
    #[serde(alias = "mistakes", skip_serializing_if = "Misconfiguration::is_empty")]
    pub misconfiguration: Misconfiguration,
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
        Self::from_toml(known(name)?)
    }

    /// Reads a scenario file.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Scenario`] with the key at fault, and its line where the file stands alone;
    /// [`SandboxError::UnknownScenario`] when it is based on one that is not built in.
    pub fn from_toml(text: &str) -> Result<Self, SandboxError> {
        let Basis { based_on, variants } = parsed(text)?;
        // A document of its own keeps the lines for errors.
        if based_on.is_none() && variants.is_none() {
            return parsed(text);
        }
        let mut document: Table = match based_on {
            None => parsed(text)?,
            Some(basis) => laid_over(&basis, text)?,
        };
        let of_toml = |error: toml::de::Error| SandboxError::of_toml(text, &error);
        if let Some(Value::Table(variants)) = document.remove("variants") {
            let keys = variant_keys(variants).map_err(of_toml)?;
            lay_below_dials(&mut document, &keys);
        }
        document.try_into().map_err(of_toml)
    }

    /// The scenario with this number of generated users, in addition to those it lists.
    #[must_use]
    pub fn with_users(mut self, users: usize) -> Self {
        self.generate.get_or_insert_default().users = users;
        self
    }

    /// Names of the built-in worlds, the default first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        WORLDS.iter().map(|(name, _)| *name)
    }

    /// Names of the built-in scenarios with one misconfiguration each, in the order of `check`.
    pub fn misconfigurations() -> impl Iterator<Item = &'static str> {
        MISCONFIGURED.iter().map(|(name, _)| *name)
    }
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, SandboxError> {
    toml::from_str(text).map_err(|error| SandboxError::of_toml(text, &error))
}

fn known(name: &str) -> Result<&'static str, SandboxError> {
    let all = || Scenario::names().chain(Scenario::misconfigurations());
    let unknown =
        || SandboxError::UnknownScenario { name: name.to_owned(), known: all().collect::<Vec<_>>().join(", ") };
    text_of(name).ok_or_else(unknown)
}

/// The keys that only files have. `based_on` is the scenario that is meant where they say nothing else: tables are laid
/// over its tables, lists and values take the place of its own. `variants` is how all instances behave where their
/// `dials` say nothing else: `build`, the name of a [`Build`], and any key of `dials`.
#[derive(Deserialize)]
struct Basis {
    based_on: Option<String>,
    variants: Option<Table>,
}

/// The build of a table `[variants]`; its other keys are those of [`InstanceBehavior`].
#[derive(Deserialize)]
struct Variants {
    build: Option<Build>,
}

/// The keys of a table `[variants]`, laid over those of its build.
fn variant_keys(mut variants: Table) -> Result<Table, toml::de::Error> {
    let Variants { build } = Value::Table(variants.clone()).try_into()?;
    variants.remove("build");
    // An unknown key is named as one of the variants.
    let _: InstanceBehavior = Value::Table(variants.clone()).try_into()?;
    let mut keys = match build.map(InstanceBehavior::of).map(Table::try_from) {
        Some(keys) => keys.map_err(serde::de::Error::custom)?,
        None => Table::new(),
    };
    lay_over(&mut keys, variants);
    Ok(keys)
}

fn lay_below_dials(document: &mut Table, keys: &Table) {
    let instances = document.get_mut("campaign").and_then(Value::as_table_mut);
    for instance in instances.into_iter().flat_map(|instances| instances.iter_mut().map(|(_, instance)| instance)) {
        let Some(instance) = instance.as_table_mut() else { continue };
        let dials = instance.remove("dials");
        let mut below = keys.clone();
        match dials {
            None => drop(instance.insert("dials".to_owned(), Value::Table(below))),
            Some(Value::Table(dials)) => {
                lay_over(&mut below, dials);
                instance.insert("dials".to_owned(), Value::Table(below));
            }
            // Of another type: the error names it.
            Some(other) => drop(instance.insert("dials".to_owned(), other)),
        }
    }
}

/// The document of a file laid over that of the scenario it is based on, and so on.
fn laid_over(basis: &str, text: &str) -> Result<Table, SandboxError> {
    let below = known(basis)?;
    let Basis { based_on, .. } = parsed(below)?;
    let mut document = match based_on {
        None => parsed(below)?,
        Some(basis) => laid_over(&basis, below)?,
    };
    let mut own: Table = parsed(text)?;
    own.remove("based_on");
    lay_over(&mut document, own);
    Ok(document)
}

fn lay_over(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            (_, value) => drop(below.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_takes_from_another_what_it_does_not_say() {
        let text = "based_on = \"first_day\"\ntitle = \"Another\"\n\
                    [campaign.production]\ntenant = \"other\"\ngroups = []\n[campaign.production.dials]\nseed = 7\n";
        let (basis, own) = (Scenario::named("first_day").unwrap(), Scenario::from_toml(text).unwrap());
        assert_eq!(own.title, "Another");
        assert_eq!(own.organization, basis.organization);
        let (basis, own) = (&basis.campaign["production"], &own.campaign["production"]);
        assert_eq!((own.tenant.as_str(), own.behavior.seed, own.groups.len()), ("other", 7, 0));
        assert_eq!((&own.operators, &own.association_mask), (&basis.operators, &basis.association_mask));
    }

    #[test]
    fn dials_are_laid_over_variants_and_those_over_their_build() {
        let text = "based_on = \"two_instances\"\n[variants]\nbuild = \"v8.6\"\nseed = 5\nfault_status = 200\n\
                    [campaign.production.dials]\nseed = 7\n";
        let scenario = Scenario::from_toml(text).unwrap();
        let expected = |seed| InstanceBehavior { seed, fault_status: 200, ..InstanceBehavior::of(Build::V8_6) };
        assert_eq!(scenario.campaign["production"].behavior, expected(7));
        assert_eq!(scenario.campaign["stage"].behavior, expected(5));
        let same = Scenario::from_toml("based_on = \"two_instances\"\n[variants]\n").unwrap();
        assert_eq!(same, Scenario::named("two_instances").unwrap());
    }

    #[test]
    fn a_slip_in_the_variants_is_named() {
        for (text, parts) in [
            ("[variants]\nbuild = \"v9\"\n", ["v9", "v8.6"]),
            ("[variants]\nfault_state = 500\n", ["fault_state", "fault_status"]),
            ("[variants]\ngroups = \"none\"\n", ["none", "group_table"]),
        ] {
            let message = Scenario::from_toml(text).unwrap_err().to_string();
            assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        }
    }

    #[test]
    fn a_slip_in_a_file_is_named_with_its_line_or_with_the_scenarios_there_are() {
        let chain = |text: &str| Scenario::from_toml(text).unwrap_err().to_string();
        let message = chain("titel = \"x\"\n");
        assert!(message.contains("line 1") && message.contains("titel"), "{message}");
        let message = chain("based_on = \"first_day\"\n[campaign.production]\nmask = \"x\"\n");
        assert!(message.contains("campaign.production") && message.contains("mask"), "{message}");
        let message = chain("based_on = \"last_day\"\n");
        assert!(message.contains("last_day") && message.contains("first_day, joiners"), "{message}");
    }
}
