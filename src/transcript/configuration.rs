//! What of the configuration is needed to replay a transcript: with pseudonyms, in its first line.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{pseudonyms::Pseudonyms, values::ValueKind};
use crate::domain::AssociationMask;

/// The part of the configuration that a transcript names, with its real values.
#[derive(Clone, Debug, Default)]
pub struct RecordedConfiguration {
    /// The id of the organization; `None` where it is not configured or not valid, as for every other field.
    pub organization_id: Option<String>,
    /// The address of IMS.
    pub ims_url: Option<String>,
    /// The address of the User Management API.
    pub umapi_url: Option<String>,
    /// The client id of the credential for it.
    pub client_id: Option<String>,
    /// The instances, in the order in which they are checked.
    pub instances: Vec<RecordedInstance>,
}

/// One instance in the configuration, with its real values.
#[derive(Clone, Debug)]
pub struct RecordedInstance {
    /// Its name.
    pub name: String,
    /// Its address.
    pub url: Option<String>,
    /// Its tenant.
    pub tenant: Option<String>,
    /// Its association mask.
    pub association_mask: Option<String>,
    /// Its mode: `observe` or `apply`.
    pub mode: &'static str,
    /// Keys of its section with one of a few values, such as `missing_group` with `create`.
    pub choices: Vec<(&'static str, &'static str)>,
    /// How the program signs in.
    pub sign_in: RecordedSignIn,
}

/// How the program signs in to an instance.
#[derive(Clone, Debug)]
pub enum RecordedSignIn {
    /// With this login and a password.
    Native {
        /// The login.
        login: String,
    },
    /// With a token of IMS for this client.
    Ims {
        /// The client id.
        client_id: String,
    },
}

/// The configuration with pseudonyms.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ShownConfiguration {
    pub(super) organization_id: Option<String>,
    ims_url: Option<String>,
    umapi_url: Option<String>,
    /// The name of the credential in the lines of IMS.
    credential: Option<&'static str>,
    pub(super) instances: Vec<ShownInstance>,
}

/// One instance with pseudonyms.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ShownInstance {
    pub(super) name: String,
    pub(super) url: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) association_mask: Option<String>,
    mode: &'static str,
    choices: BTreeMap<&'static str, &'static str>,
    authentication: &'static str,
    login: Option<String>,
    /// The name of the credential in the lines of IMS; `None` with a login.
    credential: Option<String>,
}

/// The name of the credential for the organization in lines of IMS.
const OF_THE_ORGANIZATION: &str = "experience_cloud";

impl RecordedConfiguration {
    /// The masks that can be used.
    pub(super) fn masks(&self) -> Vec<AssociationMask> {
        let masks = self.instances.iter().filter_map(|instance| instance.association_mask.as_deref());
        masks.filter_map(|mask| AssociationMask::parse(mask).ok()).collect()
    }

    /// Names that are the customer's own, whatever words they are.
    pub(super) fn own_names(&self) -> impl Iterator<Item = &str> {
        self.instances.iter().filter_map(|instance| instance.tenant.as_deref())
    }

    /// The name of the instance at this position: it tells only the order.
    pub(super) fn instance_name(at: usize) -> String {
        format!("instance{}", at + 1)
    }

    /// The name of the credential with this client id.
    pub(super) fn credential(&self, client_id: &str) -> Option<String> {
        if self.client_id.as_deref() == Some(client_id) {
            return Some(OF_THE_ORGANIZATION.to_owned());
        }
        let has_it = |instance: &RecordedInstance| matches!(&instance.sign_in, RecordedSignIn::Ims { client_id: own } if own == client_id);
        self.instances.iter().position(has_it).map(Self::instance_name)
    }

    /// The configuration with pseudonyms.
    pub(super) fn shown(&self, pseudonyms: &mut Pseudonyms) -> ShownConfiguration {
        let mut value = |kind, text: &Option<String>| text.as_deref().map(|text| pseudonyms.value(kind, text));
        let (organization_id, ims_url, umapi_url) = (
            value(ValueKind::Organization, &self.organization_id),
            value(ValueKind::Url, &self.ims_url),
            value(ValueKind::Url, &self.umapi_url),
        );
        let mut instances = Vec::with_capacity(self.instances.len());
        for (at, instance) in self.instances.iter().enumerate() {
            let (authentication, login, credential) = match &instance.sign_in {
                RecordedSignIn::Native { login } => ("native", value(ValueKind::Name, &Some(login.clone())), None),
                RecordedSignIn::Ims { client_id } => ("ims", None, self.credential(client_id)),
            };
            instances.push(ShownInstance {
                name: Self::instance_name(at),
                url: value(ValueKind::Url, &instance.url),
                tenant: value(ValueKind::Name, &instance.tenant),
                association_mask: value(ValueKind::Mask, &instance.association_mask),
                mode: instance.mode,
                choices: instance.choices.iter().copied().collect(),
                authentication,
                login,
                credential,
            });
        }
        ShownConfiguration {
            organization_id,
            ims_url,
            umapi_url,
            credential: self.client_id.as_ref().map(|_| OF_THE_ORGANIZATION),
            instances,
        }
    }
}
