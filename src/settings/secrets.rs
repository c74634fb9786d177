//! The source of a secret: the environment, else a file, else a systemd credential.
//!
//! A secret is read from the first source only; the others are not checked, so that an administrator can set the
//! variable for one run and leave the file as it is. Secrets of the environment and of files never become values of a
//! layer, which are shown.

use std::{
    fmt,
    fs::File,
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{
    Problem,
    layers::{Origin, SecretVariable, variable},
    regular_file::{self, FileError},
    section_reader::{SectionReader, text_of},
};
use crate::{
    domain::FoldedName,
    transport::{ExposeSecret as _, SecretString},
};

/// Largest secret that is accepted, in bytes. Those of Adobe have about forty.
const MAX_BYTES: u64 = 64 * 1024;

/// What to do where the file of a secret cannot be read.
const A_FILE: &str = "name a file that holds the secret";

/// The permission for every user of the host to read.
const READ_BY_OTHERS: u32 = 0o004;

/// Where a secret is read from.
pub(super) enum SecretSource<'a> {
    Variable(&'a SecretVariable),
    File { path: PathBuf, named_by: &'a Origin },
    Credential(PathBuf),
}

/// Why a source has no usable secret. Contains no part of the secret.
pub(super) struct UnusableSecret {
    what: String,
    remedy: String,
}

/// Reads the secret `key` of a section. Reports a problem where it is missing or not usable.
pub(super) fn secret(section: &mut SectionReader<'_>, key: &str, credentials: Option<&Path>) -> Option<SecretString> {
    let path = section.path(key);
    let Some(place) = find_secret(section, key, credentials) else {
        let remedy = format!(
            "write {} under [{}], or set {}, or give the service a systemd credential {path}",
            file_key(key),
            section.name(),
            variable(&path)
        );
        section.report_missing(key, remedy);
        return None;
    };
    read_or_report(section, key, &place)
}

/// Reads the secret `key` from its source. Reports a problem where it is not usable.
pub(super) fn read_or_report(
    section: &mut SectionReader<'_>,
    key: &str,
    place: &SecretSource<'_>,
) -> Option<SecretString> {
    match place.read() {
        Ok(secret) => Some(secret),
        Err(UnusableSecret { what, remedy }) => {
            let subject = section.path(key).to_string();
            section.problems.push(Problem { subject, place: Some(place.to_string()), what, remedy });
            None
        }
    }
}

/// The name of the key for the file of a secret.
pub(super) fn file_key(key: &str) -> String {
    format!("{key}_file")
}

/// Finds the source of a secret; `None` where there is none.
pub(super) fn find_secret<'a>(
    section: &SectionReader<'a>,
    key: &str,
    credentials: Option<&Path>,
) -> Option<SecretSource<'a>> {
    let layers = section.layers();
    if let Some(variable) = section.paths(key).find_map(|path| layers.secret(&path)) {
        return Some(SecretSource::Variable(variable));
    }
    if let Some(found) = section.find(&file_key(key)) {
        // A value that is not a string becomes an empty path; reading it reports that.
        let path = text_of(&found.value).unwrap_or_default().trim().into();
        return Some(SecretSource::File { path, named_by: &found.origin });
    }
    // Upper and lower case differ in names of credentials, and not in names of instances.
    let name = section.path(key).to_string();
    let credentials = credentials?;
    [credentials.join(&name), credentials.join(FoldedName::new(&name).as_str())]
        .into_iter()
        .find(|path| path.exists())
        .map(SecretSource::Credential)
}

impl SecretSource<'_> {
    /// The secret itself.
    pub(super) fn read(&self) -> Result<SecretString, UnusableSecret> {
        let secret = match self {
            Self::Variable(variable) => variable.value.clone(),
            Self::File { path, .. } if path.as_os_str().is_empty() => {
                let what = "is not the path of a file".to_owned();
                return Err(UnusableSecret { what, remedy: "write the path in quotes".to_owned() });
            }
            Self::File { path, .. } => {
                let file = regular_file::open(path)?;
                refuse_open_to_all(&file)?;
                read_file(file)?
            }
            // Only the service may enter the folder of credentials: the modes that systemd sets are trusted.
            Self::Credential(path) => read_file(regular_file::open(path)?)?,
        };
        let text = secret.expose_secret();
        if text.is_empty() {
            return Err(UnusableSecret { what: "is empty".to_owned(), remedy: "put the secret there".to_owned() });
        }
        if text.contains(char::is_control) {
            let what = "has more than one line, or control characters".to_owned();
            return Err(UnusableSecret { what, remedy: "put the secret there and nothing else".to_owned() });
        }
        Ok(secret)
    }
}

impl From<FileError> for UnusableSecret {
    fn from(error: FileError) -> Self {
        Self { what: error.to_string(), remedy: error.remedy(A_FILE) }
    }
}

fn refuse_open_to_all(file: &File) -> Result<(), UnusableSecret> {
    let mode = file.metadata().map_err(FileError::Failed)?.mode();
    if mode & READ_BY_OTHERS == 0 {
        return Ok(());
    }
    let what = format!("everyone on this host may read the file (mode {:04o})", mode & 0o7777);
    // The key may name a wrong file, such as /etc/passwd: the remedy contains no command.
    let remedy = "if the file holds this secret and nothing else, give it mode 0600, owned by the user who reads it; \
                otherwise name the right file";
    Err(UnusableSecret { what, remedy: remedy.to_owned() })
}

/// The whole file as text, without the line end that editors add.
fn read_file(file: File) -> Result<SecretString, UnusableSecret> {
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(FileError::Failed)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > MAX_BYTES) {
        let what = format!("is larger than {MAX_BYTES} bytes");
        return Err(UnusableSecret { what, remedy: "name the file that holds the secret and nothing else".to_owned() });
    }
    text.truncate(text.trim_end_matches(['\n', '\r']).len());
    Ok(text.into())
}

impl fmt::Display for SecretSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(variable) => write!(f, "environment variable {}", variable.name),
            Self::File { path, named_by } if path.as_os_str().is_empty() => named_by.fmt(f),
            Self::File { path, named_by } => write!(f, "{}, named by {named_by}", path.display()),
            Self::Credential(path) => write!(f, "systemd credential {}", path.display()),
        }
    }
}
