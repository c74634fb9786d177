//! `[state]`: where the program stores its state, and how long.

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

/// The remedy for an invalid address.
const ADDRESS_REMEDY: &str = "write \"sqlite:///absolute/path\" or \"postgres://user@host/database\"";

/// The location of the state.
#[derive(Clone, Debug)]
pub enum StateLocation {
    /// A file on this host; an absolute path.
    Sqlite(PathBuf),
    /// A database that several nodes share: its address, which may contain a password.
    Postgres(SecretString),
}

/// What is stored between runs.
#[derive(Clone, Debug)]
pub struct State {
    /// The location.
    pub url: StateLocation,
    /// Whether no layer above the defaults names the location.
    pub is_default: bool,
    /// How long each part is kept.
    pub retention: Retention,
}

impl State {
    pub(super) fn read(layers: &Layers, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut section = SectionReader::new(layers, "state", problems);
        let (runs, changes) = (section.kept("keep_runs"), section.kept("keep_changes"));
        let url = section.parse("url", ADDRESS_REMEDY, location)?;
        let found = section.find("url")?;
        if matches!(found.origin, Origin::File { .. }) && url.has_password() {
            let remedy = format!("remove the line and set {}", variable(&found.path));
            section.report(found, "a password must not be in the configuration file", remedy);
            return None;
        }
        let is_default = matches!(found.origin, Origin::Default | Origin::Organization(_));
        Some(Self { url, is_default, retention: Retention { runs: runs?, changes: changes? } })
    }
}

impl State {
    /// A warning where the address is valid and less safe than it should be.
    pub(super) fn warning(&self) -> Option<String> {
        let StateLocation::Postgres(address) = &self.url else { return None };
        (ConnectionProtection::of(address)? == ConnectionProtection::Weakened).then(|| {
            "state.url: the address names an sslmode other than verify-full: a host between this one and the database \
             server can pose as that server, read the password and change the state; remove sslmode from the address, and add \
             sslrootcert if an authority of your own issued the certificate of the server"
                .to_owned()
        })
    }
}

impl StateLocation {
    /// Reads an address of the form of `state.url`. An error does not repeat the text, because it may contain a
    /// password.
    pub fn parse(text: &str) -> Result<Self, String> {
        location(text).map_err(|wrong| format!("{wrong}; {ADDRESS_REMEDY}"))
    }

    /// Whether the address contains a password.
    pub fn has_password(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(address) => url::Url::parse(address.expose_secret())
                .is_ok_and(|url| url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password")),
        }
    }
}

/// Reads the location. An error does not repeat the text, because it may contain a password.
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
        return Err("is not an address".to_owned());
    }
    match url::Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "postgres" | "postgresql") => {
            Err("is neither the address of a SQLite file nor that of a PostgreSQL database".to_owned())
        }
        Ok(_) => Ok(StateLocation::Postgres(SecretString::from(text))),
        Err(error) => Err(format!("is not a valid address: {error}")),
    }
}
