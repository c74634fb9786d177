//! How an instance behaves where real instances differ: the table `dials` of a scenario.

use serde::{Deserialize, Serialize};

/// What remains of a `WriteCollection` when one of its rows fails; no public source says.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum WriteCollectionMode {
    /// Nothing.
    #[default]
    Atomic,
    /// The rows before the one that failed.
    StopAtFirstError,
    /// All rows but those that failed, and the call succeeds: the row that is missing is the only trace.
    SkipBadRows,
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

/// The key of `xtk:operatorGroup`; a relation may have either (Campaign documentation, "Database mapping").
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum RelationKey {
    /// Its two ids.
    #[default]
    Pair,
    /// A column `@id` of its own. The pair stays unique, and finds a row only where `_key` names it.
    Id,
}

/// What `GetEntityIfMoreRecent` answers.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum CompiledSchemas {
    /// The compiled schemas.
    #[default]
    Served,
    /// A fault with HTTP status 500 for every entity, also for those that Adobe's SDK needs.
    Refused,
}

/// How groups are stored and read; no public source shows the schema.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum GroupStorage {
    /// Rows of `xtk:operator` with `@type = 1`, which `xtk:group` shows as well.
    #[default]
    Both,
    /// Rows of `xtk:operator` with `@type = 1`; there is no schema `xtk:group`.
    AsOperators,
    /// Rows of a table of their own, which only `xtk:group` shows; it has no column `@type`.
    GroupTable,
    /// Like `both`, and `xtk:group` shows named rights as well: a right and a group may have the same name there.
    Unfiltered,
}

/// Where `xtk:operator` keeps whether an operator may not sign in; no public source names the column.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum DisabledColumn {
    /// `access/@disabled`.
    #[default]
    Access,
    /// `@disabled`.
    Own,
    /// In no column that can be read or written.
    None,
}

/// The documents that add a membership; no public source shows one.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum JoinForm {
    /// All of those below.
    #[default]
    Any,
    /// With `@operator-id`, `@group-id` and `_key`.
    Ids,
    /// With the linked elements `operator` and `group`, each with `_operation="none"`.
    Links,
    /// With `_operation="insert"`, ids or linked elements alike.
    Insert,
}

/// What `insertOrUpdate` of an existing membership does; no public source says.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum RepeatedJoin {
    /// Success without an effect.
    #[default]
    Accepted,
    /// The fault about a duplicate key.
    Fault,
}

/// The call that removes a membership; no public source shows one.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LeaveForm {
    /// `_operation="delete"` or `DeleteCollection`.
    #[default]
    Any,
    /// `DeleteCollection` alone.
    DeleteCollection,
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
    /// HTTP status of SOAP faults: 200, or 500 as SOAP 1.1 has it.
    pub fault_status: u16,
    /// Responses are declared and encoded as ISO-8859-1, as by old builds.
    pub iso_8859_1: bool,
    /// The next write fails with a deadlock; then the key is false again.
    pub deadlock_once: bool,
    /// The version that the instance reports, such as `7.4.3`.
    pub version: String,
    /// The build number that the instance reports.
    pub build_number: String,
    /// The name that the instance reports; the tenant when empty.
    pub instance_name: String,
    /// `userInfo` has the attribute `login`.
    pub user_info_login: bool,
    /// `Logon` is open to every operator; otherwise only to those that Campaign allows by default where
    /// `nonIMSAuthnAPI` has `disableAPI="true"`.
    pub native_sign_in: bool,
    /// The option `XtkLdap_Active` is 1: an LDAP directory gives groups as well.
    pub ldap_active: bool,
    /// The service account and the technical account hold the named right `admin`.
    pub administrator: bool,
    /// What `GetEntityIfMoreRecent` answers.
    pub compiled_schemas: CompiledSchemas,
    /// Compiled schemas name the definition of `access` with `ref`, and keep it beside the main element.
    pub schema_ref: bool,
    /// Links of compiled schemas have their `join`.
    pub link_joins: bool,
    /// What the schemas lack.
    pub schema_without: Vec<SchemaPart>,
    /// The key of the memberships.
    pub relation_key: RelationKey,
    /// How groups are stored and read.
    pub groups: GroupStorage,
    /// Where it is stored that an operator may not sign in.
    pub disabled_column: DisabledColumn,
    /// New records have negative ids, as after `xtkNewId` is exhausted.
    pub negative_ids: bool,
    /// The documents that add a membership.
    pub join_form: JoinForm,
    /// What `insertOrUpdate` of an existing membership does.
    pub repeated_join: RepeatedJoin,
    /// The call that removes a membership.
    pub leave_form: LeaveForm,
    /// What a delete of an absent row does.
    pub absent_delete: AbsentDelete,
    /// `WriteCollection` accepts memberships.
    pub collections: bool,
    /// What remains of a failed `WriteCollection`.
    pub write_collection: WriteCollectionMode,
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
            fault_status: 200,
            iso_8859_1: false,
            deadlock_once: false,
            version: "7.4.3".to_owned(),
            build_number: "9396".to_owned(),
            instance_name: String::new(),
            user_info_login: true,
            native_sign_in: true,
            ldap_active: false,
            administrator: true,
            compiled_schemas: CompiledSchemas::default(),
            schema_ref: false,
            link_joins: true,
            schema_without: Vec::new(),
            relation_key: RelationKey::default(),
            groups: GroupStorage::default(),
            disabled_column: DisabledColumn::default(),
            negative_ids: false,
            join_form: JoinForm::default(),
            repeated_join: RepeatedJoin::default(),
            leave_form: LeaveForm::default(),
            absent_delete: AbsentDelete::default(),
            collections: true,
            write_collection: WriteCollectionMode::default(),
            page_overlap: false,
            omit_empty: false,
            seed: 1,
        }
    }
}
