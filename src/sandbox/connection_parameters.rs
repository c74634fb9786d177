//! The parameters that a client of a sandbox is configured with.

use serde::{Deserialize, Serialize};

use super::campaign::InstanceAuthentication;
use super::ims::instance_credential;
use super::tls::Endpoint;
use super::world::World;

/// The parameters that a client of a sandbox is configured with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionParameters {
    /// Base URL of IMS.
    pub ims_url: String,
    /// Base URL of UMAPI, with its path.
    pub umapi_url: String,
    /// Id of the simulated organization.
    pub organization_id: String,
    /// Client id of the credential for UMAPI; its `X-Api-Key` as well.
    pub client_id: String,
    /// Secret of that credential; it is valid in this sandbox only.
    pub client_secret: String,
    /// The Campaign instances, by name.
    pub instances: Vec<InstanceParameters>,
    /// The certificate authority to trust instead of the host's, in PEM; `None` without TLS.
    pub authority: Option<String>,
}

/// The parameters of one simulated Campaign instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceParameters {
    /// The name of the instance in the scenario.
    pub name: String,
    /// Base URL, to which a client adds `/nl/jsp/soaprouter.jsp`.
    pub url: String,
    /// The tenant, as the external account names it.
    pub tenant: String,
    /// The association mask of the external account.
    pub association_mask: String,
    /// How a client signs in.
    pub authentication: InstanceCredential,
}

/// How a client signs in to a simulated Campaign instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceCredential {
    /// `xtk:session#Logon` with a login and a password.
    Native {
        /// Login of the service operator.
        login: String,
        /// Its password.
        password: String,
    },
    /// A bearer token of IMS on every call.
    Ims {
        /// Client id of the technical account.
        client_id: String,
        /// Its secret.
        client_secret: String,
    },
}

impl ConnectionParameters {
    /// The parameters for a server at this host and port, with its certificate authority.
    pub(super) fn of(host: &str, world: &World, authority: Option<&str>) -> Self {
        let organization = world.organization();
        let instances = world
            .instances()
            .map(|(name, instance)| {
                let instance = instance.definition();
                InstanceParameters {
                    name: name.to_owned(),
                    url: format!("{}/campaign/{name}", world.address_of(Endpoint::Campaign, host)),
                    tenant: instance.tenant.clone(),
                    association_mask: instance.association_mask.clone(),
                    authentication: match instance.authentication {
                        InstanceAuthentication::Native => {
                            let (login, password) = (instance.login.clone(), instance.password.clone());
                            InstanceCredential::Native { login, password }
                        }
                        InstanceAuthentication::Ims => {
                            let (client_id, client_secret) = instance_credential(name);
                            InstanceCredential::Ims { client_id, client_secret }
                        }
                    },
                }
            })
            .collect();
        Self {
            ims_url: world.address_of(Endpoint::Ims, host),
            umapi_url: format!("{}/v2/usermanagement", world.address_of(Endpoint::Umapi, host)),
            organization_id: organization.id.clone(),
            client_id: organization.client_id.clone(),
            client_secret: organization.client_secret.clone(),
            instances,
            authority: authority.map(str::to_owned),
        }
    }
}
