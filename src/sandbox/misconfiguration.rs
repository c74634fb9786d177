//! Errors in the configuration of the sandbox's client, so that `check` can show what it says about them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Errors in the configuration and its files. The simulated endpoints ignore them: the command that writes the
/// configuration of a sandbox applies them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Misconfiguration {
    /// Values in place of the right ones, by key: `"experience_cloud.scopes" = "openid"`.
    pub configuration: BTreeMap<String, serde_json::Value>,
    /// Keys that are missing.
    #[serde(alias = "left_out")]
    pub missing_keys: Vec<String>,
    /// Files of the folder that holds the configuration, by name.
    pub files: BTreeMap<String, MisconfiguredFile>,
}

/// A file or folder with wrong content or mode.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MisconfiguredFile {
    /// The content of the file; unchanged by default.
    pub text: Option<String>,
    /// Whether it is a folder.
    pub folder: bool,
    /// Its mode, such as `0o660`; 0600, or 0700 for a folder, by default.
    pub mode: Option<u32>,
}

impl Misconfiguration {
    /// Whether nothing is misconfigured.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
