//! `[state]`: where the program keeps what it remembers between runs.

use std::path::{Path, PathBuf};

use super::{
    Problem,
    layers::{Layers, Origin, variable},
    section_reader::SectionReader,
};
use crate::{
    journal::{ConnectionProtection, Retention},
    transport::{ExposeSecret as _, SecretString},
};

/// Where the state is.
#[derive(Clone, Debug)]
pub enum StateLocation {
    /// A file on this host; an absolute path.
    Sqlite(PathBuf),
    /// A database that several nodes share; the whole address, which may hold a password.
    Postgres(SecretString),
}

/// What is remembered between runs.
#[derive(Clone, Debug)]
pub struct State {
    /// Where.
    pub url: StateLocation,
    /// How long.
    pub retention: Retention,
}

impl State {
    pub(super) fn read(layers: &Layers, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut section = SectionReader::new(layers, "state", problems);
        let remedy = "write \"sqlite:///absolute/path\" or \"postgres://user@host/database\"";
        let (runs, changes) = (section.kept("keep_runs"), section.kept("keep_changes"));
        let url = section.parse("url", remedy, location)?;
        let found = section.find("url")?;
        if matches!(found.origin, Origin::File { .. }) && url.has_password() {
            let remedy = format!("leave the line out and set {}", variable(&found.path));
            section.report(found, "a password does not belong into the configuration file", remedy);
            return None;
        }
        Some(Self { url, retention: Retention { runs: runs?, changes: changes? } })
    }
}

impl State {
    /// What is valid and less safe than it should be.
    pub(super) fn warning(&self) -> Option<String> {
        let StateLocation::Postgres(address) = &self.url else { return None };
        (ConnectionProtection::of(address)? == ConnectionProtection::Weakened).then(|| {
            "state.url: the address names an sslmode other than verify-full: a host between this one and the database server \
             can pose as that server, read the password, and change what is remembered; take sslmode out of the address, \
             and name the authority of its certificate with sslrootcert where it is your own"
                .to_owned()
        })
    }
}

impl StateLocation {
    fn has_password(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(address) => url::Url::parse(address.expose_secret())
                .is_ok_and(|url| url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password")),
        }
    }
}

/// The errors do not repeat the text: there may be a password in it.
fn location(text: &str) -> Result<StateLocation, String> {
    if let Some(path) = text.strip_prefix("sqlite://") {
        let is_usable = Path::new(path).is_absolute() && !path.ends_with('/') && !path.contains('?');
        return if is_usable {
            Ok(StateLocation::Sqlite(PathBuf::from(path)))
        } else {
            Err("is not sqlite:// followed by the absolute path of a file".to_owned())
        };
    }
    if !text.contains("://") {
        return Err("is no address".to_owned());
    }
    match url::Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "postgres" | "postgresql") => {
            Err("is the address neither of a SQLite file nor of a PostgreSQL database".to_owned())
        }
        Ok(_) => Ok(StateLocation::Postgres(SecretString::from(text))),
        Err(error) => Err(format!("is no address: {error}")),
    }
}
