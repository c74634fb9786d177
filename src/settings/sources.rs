//! The sources of a configuration: the command line, the environment and the file of the system.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
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
    /// Names and values of variables. Variables of other programs are ignored.
    pub environment: BTreeMap<String, String>,
    /// The file that is read when none is named; it may be missing.
    pub system_file: PathBuf,
}

/// The one file to read.
pub(super) enum ConfigFile<'a> {
    /// Named by `--config` or by a variable; it must exist.
    Named { path: &'a Path, by: &'static str },
    /// The file of the system, which may be missing.
    System(&'a Path),
}

impl Sources {
    /// The sources of this process; `config` is the argument of `--config`.
    pub fn of_process(config: Option<PathBuf>) -> Self {
        let mut environment: BTreeMap<String, String> = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .filter(|(name, _)| {
                name.starts_with(OWN_VARIABLES)
                    || name == CREDENTIALS_VARIABLE
                    || name == JOURNAL_VARIABLE
                    || is_proxy_variable(name)
            })
            .collect();
        if std::fs::read_dir(SYSTEM_CREDENTIALS).is_ok() {
            environment.entry(CREDENTIALS_VARIABLE.to_owned()).or_insert_with(|| SYSTEM_CREDENTIALS.to_owned());
        }
        Self { file: config, environment, system_file: PathBuf::from(SYSTEM_FILE) }
    }

    /// An empty `CAMPAIGN_GROUP_SYNC_CONFIG` counts as unset.
    pub(super) fn config_file(&self) -> ConfigFile<'_> {
        if let Some(path) = &self.file {
            return ConfigFile::Named { path, by: "--config" };
        }
        match self.environment.get(FILE_VARIABLE) {
            Some(path) if !path.is_empty() => ConfigFile::Named { path: Path::new(path), by: FILE_VARIABLE },
            _ => ConfigFile::System(&self.system_file),
        }
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
            .field("environment", &self.environment.keys())
            .field("system_file", &self.system_file)
            .finish()
    }
}
