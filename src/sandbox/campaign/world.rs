//! One Campaign instance in a scenario: its accounts, its tables and its behavior.

use serde::{Deserialize, Serialize};

use super::external_account::ExternalAccount;

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

/// What remains of a `WriteCollection` when one of its rows fails; no public source says.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum WriteCollectionMode {
    /// Nothing.
    #[default]
    Atomic,
    /// The rows before the one that failed.
    StopAtFirstError,
}

/// What a delete of an absent row does; no public source says.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum AbsentDelete {
    /// Success without an effect.
    #[default]
    Ignored,
    /// A fault.
    Fault,
}

/// A part that the schemas of an instance may lack.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum SchemaPart {
    /// `@name` of `xtk:operator`.
    OperatorName,
    /// `@type` of `xtk:operator`.
    OperatorType,
    /// `@email` of `xtk:operator`.
    OperatorEmail,
    /// `access/@authenticationType` of `xtk:operator`.
    OperatorAuthenticationType,
    /// `access/@disabled` of `xtk:operator`.
    OperatorDisabled,
    /// `@name` of `xtk:group`.
    GroupName,
    /// The key of `xtk:operatorGroup`.
    MembershipKey,
    /// The link `operator` of `xtk:operatorGroup`.
    MembershipOperatorLink,
    /// The link `group` of `xtk:operatorGroup`.
    MembershipGroupLink,
    /// The columns that the package for the Experience Cloud adds to `nms:extAccount`.
    ExternalAccountIms,
}

/// How an instance behaves where real instances differ, or as a test needs it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "a scenario sets each key by itself")]
pub struct InstanceBehavior {
    /// Lifetime of a session in seconds; Campaign's default is a day.
    pub session_seconds: u64,
    /// The security token is not required.
    pub session_token_only: bool,
    /// Faults carry their detail; off as in a security zone with `showErrors="false"`.
    pub show_errors: bool,
    /// Responses are declared and encoded as ISO-8859-1, as by old builds.
    pub iso_8859_1: bool,
    /// The next write fails with a deadlock; then the key is false again.
    pub deadlock_once: bool,
    /// The version that the instance reports, such as `7.4.3`.
    pub version: String,
    /// The service account and the technical account hold the named right `admin`.
    pub administrator: bool,
    /// What remains of a failed `WriteCollection`.
    pub write_collection: WriteCollectionMode,
    /// What a delete of an absent row does.
    pub absent_delete: AbsentDelete,
    /// What the schemas lack.
    pub schema_without: Vec<SchemaPart>,
    /// A page with `startLine` repeats the last row of the page before.
    pub page_overlap: bool,
    /// Query responses omit attributes with an empty value.
    pub omit_empty: bool,
    /// Seeds the order of rows without an `orderBy`, and the session tokens.
    pub seed: u64,
}

impl Default for InstanceBehavior {
    fn default() -> Self {
        Self {
            session_seconds: 86_400,
            session_token_only: false,
            show_errors: true,
            iso_8859_1: false,
            deadlock_once: false,
            version: "7.4.3".to_owned(),
            administrator: true,
            write_collection: WriteCollectionMode::default(),
            absent_delete: AbsentDelete::default(),
            schema_without: Vec::new(),
            page_overlap: false,
            omit_empty: false,
            seed: 1,
        }
    }
}
