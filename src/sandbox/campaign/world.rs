//! One Campaign instance in a scenario: its accounts and its tables.

use serde::{Deserialize, Serialize};

use super::external_account::ExternalAccount;
use super::instance_behavior::InstanceBehavior;

/// How programs sign in to the instance.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum InstanceAuthentication {
    /// Login and password by `Logon`.
    Native,
    /// An IMS bearer token on every call; native sign-in is off.
    #[default]
    Ims,
}

/// One Campaign instance as a scenario describes it, and as it stands at any later time.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct InstanceWorld {
    /// The tenant, as in `Campaign - <tenant> - (.*)`.
    pub tenant: String,
    /// The association mask of the external account; a capture group makes it a pattern, otherwise it is a prefix.
    pub association_mask: String,
    /// Native sign-in or IMS.
    #[serde(default)]
    pub authentication: InstanceAuthentication,
    /// The service account of native sign-in.
    #[serde(default = "default_login")]
    pub login: String,
    /// The password of the service account.
    #[serde(default = "default_password")]
    pub password: String,
    /// The operator of a valid bearer token; Campaign creates it at the first call.
    #[serde(default = "default_technical_account")]
    pub technical_account: String,
    /// Its external accounts of the Experience Cloud; one correct account by default.
    #[serde(default = "one_external_account")]
    pub external_accounts: Vec<ExternalAccount>,
    /// All operators; the built-in ones are added when they are missing.
    #[serde(default)]
    pub operators: Vec<Operator>,
    /// All operator groups.
    #[serde(default)]
    pub groups: Vec<OperatorGroup>,
    /// The memberships: login, internal name of the group.
    #[serde(default)]
    pub memberships: Vec<(String, String)>,
    /// Named rights held by an operator or a group; they live in the same relation as the memberships.
    #[serde(default)]
    pub named_rights: Vec<(String, String)>,
    /// How this instance behaves where real instances differ; `dials` in a scenario.
    #[serde(default, rename = "dials")]
    pub behavior: InstanceBehavior,
}

fn one_external_account() -> Vec<ExternalAccount> {
    vec![ExternalAccount::default()]
}

fn default_login() -> String {
    "group-sync".to_owned()
}

fn default_password() -> String {
    "sandbox-password".to_owned()
}

fn default_technical_account() -> String {
    "group-sync@techacct.adobe.com".to_owned()
}

/// A row of `xtk:operator` with `@type = 0`.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// `@id`; assigned from 1001 up when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// `@name`, the login.
    pub name: String,
    /// `@label`.
    #[serde(default)]
    pub label: String,
    /// `@email`.
    #[serde(default)]
    pub email: String,
    /// `access/@authenticationType`: `ims`, or nothing for a native operator.
    #[serde(default)]
    pub authentication: String,
    /// `access/@disabled`.
    #[serde(default)]
    pub disabled: bool,
}

/// A row of `xtk:group`.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct OperatorGroup {
    /// `@id`, in one sequence with the operators; assigned from 1001 up when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// `@name`, the internal name.
    pub name: String,
    /// `@label`.
    #[serde(default)]
    pub label: String,
}
