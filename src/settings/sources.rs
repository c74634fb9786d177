//! The sources of a configuration: the command line, the environment and the file of the system.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use super::{
    Problem,
    organization::{ORGANIZATION_VARIABLE, OrganizationName},
};
use crate::transport::{Proxies, is_proxy_variable};

/// The variable that names the configuration file, as `--config` does.
pub(super) const FILE_VARIABLE: &str = "CAMPAIGN_GROUP_SYNC_CONFIG";

/// The beginning of the names of this program's variables.
const OWN_VARIABLES: &str = "CAMPAIGN_GROUP_SYNC";

/// The file that is read when no other is named.
const SYSTEM_FILE: &str = "/etc/campaign-group-sync/config.toml";

/// The variable with the folder in which systemd puts the credentials of a service (`man systemd.exec`).
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// The folder from which the units of the package load their credentials. A user who may read it, that is root, has the
/// secrets of the service on the command line as well.
const SYSTEM_CREDENTIALS: &str = "/etc/campaign-group-sync/credentials";

/// systemd sets it when it connects standard output or standard error to its journal (`man systemd.exec`).
const JOURNAL_VARIABLE: &str = "JOURNAL_STREAM";

/// All sources of a configuration, with the environment as a value: the layers read no variable themselves.
#[derive(Clone)]
pub struct Sources {
    /// The file of `--config`, which must exist.
    pub file: Option<PathBuf>,
    /// The organization of `--organization`, whose file must exist.
    pub organization: Option<OrganizationName>,
    /// Names and values of variables. Variables of other programs are ignored.
    pub environment: BTreeMap<String, String>,
    /// The file that is read when none is named; it may be missing.
    pub system_file: PathBuf,
}

/// The one file to read.
pub(super) enum ConfigFile {
    /// Named by an option or a variable; it must exist.
    Named { path: PathBuf, by: &'static str },
    /// The file of the system, which may be missing.
    System(PathBuf),
}

impl Sources {
    /// The sources of this process; `file` and `organization` are the arguments of `--config` and `--organization`.
    pub fn of_process(file: Option<PathBuf>, organization: Option<OrganizationName>) -> Self {
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .filter(|(name, _)| {
                name.starts_with(OWN_VARIABLES)
                    || name == CREDENTIALS_VARIABLE
                    || name == JOURNAL_VARIABLE
                    || is_proxy_variable(name)
            })
            .collect();
        let mut sources = Self { file, organization, environment, system_file: PathBuf::from(SYSTEM_FILE) };
        let folder = Path::new(SYSTEM_CREDENTIALS);
        let folder = sources.organization().map_or_else(|| folder.to_owned(), |name| name.credentials(folder));
        if std::fs::read_dir(&folder).is_ok() {
            let folder = folder.to_string_lossy().into_owned();
            sources.environment.entry(CREDENTIALS_VARIABLE.to_owned()).or_insert(folder);
        }
        sources
    }

    /// The organization that an option or, where no option names a file, a variable names. A variable with an unusable
    /// value counts as unset here: [`Self::config_file`] reports it.
    pub fn organization(&self) -> Option<OrganizationName> {
        let named = || self.organization_variable().and_then(|name| name.parse().ok());
        self.organization.clone().or_else(|| if self.file.is_none() { named() } else { None })
    }

    /// The file to read. An empty variable counts as unset.
    pub(super) fn config_file(&self) -> Result<ConfigFile, Problem> {
        if let Some(path) = &self.file {
            return Ok(ConfigFile::Named { path: path.clone(), by: "--config" });
        }
        let of_organization = |name: &OrganizationName, by| {
            let path = name.configuration_file(&self.system_file);
            Ok(ConfigFile::Named { path, by })
        };
        if let Some(name) = &self.organization {
            return of_organization(name, "--organization");
        }
        match (self.set_variable(FILE_VARIABLE), self.organization_variable()) {
            (Some(_), Some(_)) => {
                Err(variable_problem(format!("is set beside {FILE_VARIABLE}"), "keep one of the two"))
            }
            (Some(path), None) => Ok(ConfigFile::Named { path: PathBuf::from(path), by: FILE_VARIABLE }),
            (None, Some(name)) => match name.parse() {
                Ok(name) => of_organization(&name, ORGANIZATION_VARIABLE),
                Err(error) => Err(variable_problem(
                    error.to_string(),
                    "name an organization that has a file in /etc/campaign-group-sync",
                )),
            },
            (None, None) => Ok(ConfigFile::System(self.system_file.clone())),
        }
    }

    fn organization_variable(&self) -> Option<&str> {
        self.set_variable(ORGANIZATION_VARIABLE)
    }

    fn set_variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn credentials_folder(&self) -> Option<&Path> {
        self.environment.get(CREDENTIALS_VARIABLE).map(Path::new)
    }

    /// The proxies of this host.
    pub(super) fn proxies(&self) -> Proxies {
        Proxies::of_environment(&self.environment)
    }

    pub(super) fn journal_stream(&self) -> Option<&str> {
        self.environment.get(JOURNAL_VARIABLE).map(String::as_str)
    }
}

/// Shows the names of the variables and not their values: secrets are among them.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("organization", &self.organization)
            .field("environment", &self.environment.keys())
            .field("system_file", &self.system_file)
            .finish()
    }
}

/// A problem of the variable that names the organization.
fn variable_problem(what: String, remedy: &str) -> Problem {
    let subject = format!("environment variable {ORGANIZATION_VARIABLE}");
    Problem { subject, place: None, what, remedy: remedy.to_owned() }
}
