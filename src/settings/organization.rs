//! One of several organizations that this host serves: each has a configuration file, a state, a socket and secrets of
//! its own.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use config::ValueKind;

use super::{
    KeyPath,
    layers::{Layers, Origin, is_plain_name},
};

/// The variable that names the organization, as `--organization` does.
pub(super) const ORGANIZATION_VARIABLE: &str = "CAMPAIGN_GROUP_SYNC_ORGANIZATION";

/// Maximum length of a name in bytes: the unit runs as the user `cgs-NAME`, and systemd accepts names of 31 bytes.
const LONGEST: usize = 27;

/// The name of one organization on this host, as in `campaign-group-sync@NAME.service`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationName(String);

/// Why a text is not the name of an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrganizationNameError {
    /// It would not fit into the names of files, of the unit and of its user.
    #[error(
        "a name of an organization has at most {LONGEST} ASCII letters, digits, \"-\" and \"_\", and begins with a letter or \
         a digit"
    )]
    Characters,
    /// The file of that name belongs to the service without an organization.
    #[error("config.toml is the file of the service without an organization; use another name")]
    Reserved,
}

impl OrganizationName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its configuration file, beside the one of the system.
    pub(super) fn configuration_file(&self, system_file: &Path) -> PathBuf {
        system_file.with_file_name(format!("{self}.toml"))
    }

    /// The folder of its secrets, in the folder of all secrets.
    pub(super) fn credentials(&self, folder: &Path) -> PathBuf {
        folder.join(&self.0)
    }

    /// Puts the defaults that must differ between organizations above the other defaults.
    pub(super) fn add_defaults(&self, layers: &mut Layers) {
        let defaults = [
            ("state", "url", format!("sqlite:///var/lib/campaign-group-sync-{self}/state.db")),
            ("control", "socket", format!("/run/campaign-group-sync-{self}/control.sock")),
        ];
        for (section, key, value) in defaults {
            let path = KeyPath::root().with(section).with(key);
            layers.put(path, ValueKind::String(value), Origin::Organization(self.clone()));
        }
    }
}

impl FromStr for OrganizationName {
    type Err = OrganizationNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > LONGEST || !is_plain_name(text) {
            return Err(OrganizationNameError::Characters);
        }
        if text.eq_ignore_ascii_case("config") {
            return Err(OrganizationNameError::Reserved);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for OrganizationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_into_files_units_and_users() {
        for name in ["acme", "Acme-EU_2", "0", &"a".repeat(LONGEST)] {
            assert_eq!(name.parse::<OrganizationName>().map(|name| name.to_string()).as_deref(), Ok(name));
        }
        let wrong = ["", "-acme", "_a", "a.b", "a/b", "..", "a b", "Ünï", "a@b", "a\n", &"a".repeat(LONGEST + 1)];
        for name in wrong {
            assert_eq!(name.parse::<OrganizationName>(), Err(OrganizationNameError::Characters), "{name:?}");
        }
        assert_eq!("Config".parse::<OrganizationName>(), Err(OrganizationNameError::Reserved));
    }
}
