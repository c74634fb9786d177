//! `[instances.NAME]`: one Campaign instance.

use std::{collections::BTreeMap, path::Path};

use chrono::NaiveDate;

use super::{
    Problem,
    experience_cloud::scopes,
    layers::{Layers, Origin},
    partial_settings::PartialInstance,
    redacted::redacted_value,
    schema::{IMS_KEYS, NATIVE_KEYS, PROTECTED_GROUPS},
    secrets::secret,
    section_reader::{SectionReader, list_of, number_of},
};
use crate::{
    domain::{
        AssociationMask, FoldedName, InstanceMode, InstanceName, Manage, MissingPolicy, OperatorGroupName,
        OperatorLogin, OrphanedGroup, Policy, ProtectedGroup, WithoutGroups,
    },
    transport::{BaseUrl, SecretString},
};

/// How the program signs in to an instance.
#[derive(Clone, Debug)]
pub enum InstanceAuthentication {
    /// As a technical account, with an IMS token on every call.
    Ims {
        /// Client id of the credential.
        client_id: String,
        /// Secret of the credential.
        client_secret: SecretString,
        /// Last day on which the secret is valid, in UTC; `None` where the key is not set.
        client_secret_expires: Option<NaiveDate>,
        /// The scopes of the token, separated by commas, without spaces.
        scopes: String,
    },
    /// As an operator with a password, in a session.
    Native {
        /// The login of the operator.
        login: OperatorLogin,
        /// The operator's password.
        password: SecretString,
    },
}

/// One Campaign instance.
#[derive(Clone, Debug)]
pub struct Instance {
    /// How the program reaches it.
    pub access: InstanceAccess,
    /// The mask, what is created, and which operators are managed and protected.
    pub policy: Policy,
}

/// Where an instance is, how the program signs in, and whether it writes there.
#[derive(Clone, Debug)]
pub struct InstanceAccess {
    /// Its name in the configuration.
    pub name: InstanceName,
    /// The address of its SOAP router, without the path.
    pub url: BaseUrl,
    /// The tenant, which is only shown.
    pub tenant: Option<String>,
    /// Whether changes are written.
    pub mode: InstanceMode,
    /// Whether a layer above the defaults sets the mode.
    pub is_mode_explicit: bool,
    /// How the program signs in.
    pub authentication: InstanceAuthentication,
}

/// The value of the key `authentication`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AuthenticationKind {
    Ims,
    Native,
}

impl Instance {
    /// Its name in the configuration.
    pub fn name(&self) -> &InstanceName {
        &self.access.name
    }
}

impl PartialInstance {
    pub(super) fn read(layers: &Layers, name: &str, credentials: Option<&Path>, problems: &mut Vec<Problem>) -> Self {
        let mut section = SectionReader::of_instance(layers, name, problems);
        let name = InstanceName::new(name);
        let url = section.address("url");
        let tenant = section.find("tenant").map(|_| section.text("tenant"));
        let mask = section.parse_untrimmed("association_mask", "write one such as \"Campaign - acme - (.*)\"", mask);
        let is_mode_explicit = section.find("mode").is_some_and(|found| found.origin != Origin::Default);
        let mode = section.choice("mode", &[("apply", InstanceMode::Apply), ("observe", InstanceMode::Observe)]);
        let authentication = authentication(&mut section, credentials);
        let missing = [("skip", MissingPolicy::Skip), ("create", MissingPolicy::Create)];
        let missing_operator = section.choice("missing_operator", &missing);
        let missing_group = section.choice("missing_group", &missing);
        let manage = section.choice("manage", &[("ims", Manage::Ims), ("all", Manage::All)]);
        let choices = [("keep", WithoutGroups::Keep), ("disable", WithoutGroups::Disable)];
        let without_groups = section.choice("without_groups", &choices);
        let choices = [("keep", OrphanedGroup::Keep), ("empty", OrphanedGroup::Empty)];
        let orphaned_group = section.choice("orphaned_group", &choices);
        let protected_operators = section.list("protected_operators").map(logins);
        let protected_groups = protected_groups(&mut section);
        let access = || {
            Some(InstanceAccess {
                name: name.clone(),
                url: url.clone()?,
                // A missing tenant is valid; an unreadable one is a problem.
                tenant: tenant.map_or(Some(None), |tenant| tenant.map(Some))?,
                mode: mode?,
                is_mode_explicit,
                authentication: authentication?,
            })
        };
        let policy = || {
            Some(Policy {
                instance: name.clone(),
                mask: mask?,
                missing_operator: missing_operator?,
                missing_group: missing_group?,
                manage: manage?,
                without_groups: without_groups?,
                orphaned_group: orphaned_group?,
                protected_operators: protected_operators?,
                protected_groups: protected_groups?,
            })
        };
        Self { access: access(), policy: policy(), name, url }
    }
}

fn mask(text: &str) -> Result<AssociationMask, String> {
    AssociationMask::parse(text).map_err(|error| error.to_string())
}

fn authentication(section: &mut SectionReader<'_>, credentials: Option<&Path>) -> Option<InstanceAuthentication> {
    let kind = section
        .choice("authentication", &[("ims", AuthenticationKind::Ims), ("native", AuthenticationKind::Native)])?;
    match kind {
        AuthenticationKind::Ims => {
            refuse_keys(section, &NATIVE_KEYS, "native");
            let client_id = section.token("client_id");
            let client_secret = secret(section, "client_secret", credentials);
            let client_secret_expires =
                section.find("client_secret_expires").map(|_| section.day("client_secret_expires"));
            let scopes = scopes(section);
            Some(InstanceAuthentication::Ims {
                client_id: client_id?,
                client_secret: client_secret?,
                // A missing day is valid; an unreadable one is a problem.
                client_secret_expires: client_secret_expires.map_or(Some(None), |day| day.map(Some))?,
                scopes: scopes?,
            })
        }
        AuthenticationKind::Native => {
            refuse_keys(section, &IMS_KEYS, "ims");
            let login = section.text("login").map(OperatorLogin::new);
            let password = secret(section, "password", credentials);
            Some(InstanceAuthentication::Native { login: login?, password: password? })
        }
    }
}

/// Reports keys of the other kind of authentication, unless they are defaults of all instances.
fn refuse_keys(section: &mut SectionReader<'_>, keys: &[&str], kind: &str) {
    let layers = section.layers();
    for key in keys {
        let path = section.path(key);
        let origin = match (layers.value(&path), layers.secret(&path)) {
            (Some(found), _) => found.origin.clone(),
            (None, Some(variable)) => Origin::Variable(variable.name.clone()),
            (None, None) => continue,
        };
        let what = format!("belongs to authentication = \"{kind}\"");
        let remedy = format!("remove it, or write authentication = \"{kind}\"");
        section.problems.push(Problem::of_key(&path, &origin, what, remedy));
    }
}

/// The protected groups of all instances and of this one; a key of this one wins.
fn protected_groups(section: &mut SectionReader<'_>) -> Option<Vec<ProtectedGroup>> {
    let layers = section.layers();
    let mut groups: BTreeMap<FoldedName, ProtectedGroup> = BTreeMap::new();
    let mut is_valid = true;
    let paths: Vec<_> = section.paths(PROTECTED_GROUPS).collect();
    for found in paths.iter().rev().flat_map(|path| layers.below(path)) {
        let mut names = found.path.names().skip(3);
        let (Some(group), Some(key)) = (names.next(), names.next()) else { continue };
        let name = OperatorGroupName::new(group.trim());
        let group =
            groups.entry(name.folded()).or_insert(ProtectedGroup { name, min_members: 0, required: Vec::new() });
        let min_members = number_of(&found.value).and_then(|number| usize::try_from(number).ok());
        match (key, min_members, list_of(&found.value)) {
            ("min_members", Some(number), _) => group.min_members = number,
            ("required", _, Some(required)) => group.required = logins(required),
            ("min_members", ..) => {
                is_valid = false;
                let what = format!("{} is not a number of members", redacted_value(&found.value));
                section.report(found, what, "write a whole number, 0 or more");
            }
            _ => {
                is_valid = false;
                section.report(found, "is not a list of logins", "write it like [\"ann@acme.com\"]");
            }
        }
    }
    is_valid.then(|| groups.into_values().collect())
}

fn logins(texts: Vec<String>) -> Vec<OperatorLogin> {
    texts.into_iter().map(OperatorLogin::new).collect()
}
