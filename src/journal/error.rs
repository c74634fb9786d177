//! Errors of the journal: a variant for each thing that a caller does differently.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
};

use super::{DiskSpace, FileFault, StorageFault};

/// Why the journal could not be used. No message contains the address of a database, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder or the file cannot be created or opened.
    #[error("the state file {} cannot be used; {}", path.display(), file_remedy(source))]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// Another user could have changed where the path of the file, of one beside it, or of their folder leads.
    #[error(transparent)]
    Untrusted(FileFault),
    /// The file, or the database, belongs to another program. It was only read.
    #[error(
        "{place} is not a state of campaign-group-sync and was not changed; \
         give the state a path at which no other file exists"
    )]
    NotOurs {
        /// Its path, or the name of the database and its server.
        place: String,
    },
    /// A newer version of the program wrote it.
    #[error(
        "the state {place} was written by a newer version of this program (schema {found}; this one, {}, knows {known}) and \
         this one writes nothing to it; install that version or a newer one on this host; do not set state.url to another path or move the state away, because an \
         empty state has no history, no approvals and no held changes",
        env!("CARGO_PKG_VERSION")
    )]
    NewerSchema {
        /// Its path, or the name of the database and its server.
        place: String,
        /// The schema found.
        found: i64,
        /// The newest schema this version knows.
        known: i64,
    },
    /// Another process does not let this one use it.
    #[error(
        "the state {place} is in use by {holder}, and could not be used for several seconds; wait until that process ends"
    )]
    InUse {
        /// Its path.
        place: String,
        /// The process, the host and the time.
        holder: String,
    },
    /// The state belongs to another organization.
    #[error(
        "the state {place} belongs to organization {state}, and this configuration names {configured}; each organization \
         needs a state of its own: correct experience_cloud.organization_id, or set state.url to another file or database; \
         if the id of this organization has changed, campaign-group-sync state assign {configured}, with the --config or --organization of this command, assigns the state \
         to it"
    )]
    OtherOrganization {
        /// Its path, or the name of the database and its server.
        place: String,
        /// The id of the organization to which it belongs.
        state: String,
        /// The configured id.
        configured: String,
    },
    /// An earlier version of the program wrote it, and this process only reads.
    #[error(
        "the state {place} was written by an earlier version of this program (schema {found}, this one knows {known}); \
         the next run brings it up to date"
    )]
    OlderSchema {
        /// Its path, or the name of the database and its server.
        place: String,
        /// The schema found.
        found: i64,
        /// The newest schema this version knows.
        known: i64,
    },
    /// The database, or the file system of the state file, reported an error.
    #[error("the state could not be {doing}")]
    Database {
        /// The operation: `read`, `written`, `opened`.
        doing: &'static str,
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database session that held the lock has ended: another node may lead now.
    #[error("this run has lost its lock: the database session that held it has ended")]
    LockLost,
    /// A stored value is invalid.
    #[error("the state has an invalid value: {what}")]
    Unreadable {
        /// The value, and where it is.
        what: String,
    },
}

impl JournalError {
    /// Whether the configuration names a state that this version must not use: only an administrator can correct that.
    pub fn is_of_configuration(&self) -> bool {
        matches!(
            self,
            Self::Untrusted(_) | Self::NotOurs { .. } | Self::NewerSchema { .. } | Self::OtherOrganization { .. }
        )
    }

    /// An error of the operating system about a file of the state.
    pub(super) fn of_file(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                let source = StorageFault::Full { path: path.to_owned(), space: DiskSpace::of(path) };
                Self::Database { doing: "written", source: source.into() }
            }
            _ => Self::File { path: path.to_owned(), source },
        }
    }
}

/// The remedy for an error of the operating system.
fn file_remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "run the command as root, or as a user who may read and write this file and its folder"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "its file system is mounted read-only: mount it writable, or give the state another path"
        }
        _ => "check that its folder exists and that this user may write there",
    }
}

impl From<FileFault> for JournalError {
    fn from(fault: FileFault) -> Self {
        match fault {
            FileFault::Io { path, source } => Self::of_file(&path, source),
            fault => Self::Untrusted(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_for_a_file_depends_on_the_error_of_the_operating_system() {
        let check = |kind: io::ErrorKind, expected: &str| {
            let error = JournalError::of_file(Path::new("/var/lib/state.db"), kind.into()).to_string();
            assert!(error.starts_with("the state file /var/lib/state.db cannot be used; "), "{error}");
            assert!(error.contains(expected), "{error}");
        };
        check(
            io::ErrorKind::PermissionDenied,
            "run the command as root, or as a user who may read and write this file",
        );
        check(io::ErrorKind::ReadOnlyFilesystem, "mounted read-only");
        check(io::ErrorKind::NotFound, "check that its folder exists");
    }
}
