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
