//! What a scenario gets wrong on the side of whoever uses the sandbox, to show what is said of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Slips in the configuration and its files. The simulated vendors take no notice of them: whoever writes the configuration
/// of a sandbox puts them in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Misconfiguration {
    /// Values in place of the right ones, by key: `"experience_cloud.scopes" = "openid"`.
    pub configuration: BTreeMap<String, serde_json::Value>,
    /// Keys that are not written.
    #[serde(alias = "left_out")]
    pub missing_keys: Vec<String>,
    /// Files of the folder that holds the configuration, by name.
    pub files: BTreeMap<String, MisconfiguredFile>,
}

/// A file or folder that is not as it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MisconfiguredFile {
    /// What is in the file; what is there already when absent.
    pub text: Option<String>,
    /// Whether it is a folder.
    pub folder: bool,
    /// Its mode, such as `0o660`; 0600, or 0700 for a folder, when absent.
    pub mode: Option<u32>,
}

impl Misconfiguration {
    /// Whether nothing is misconfigured.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
