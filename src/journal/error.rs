//! What can go wrong with the journal, by what a caller does about it.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{DatabaseFault, DiskSpace, FileFault, StorageFault};

/// Why the journal could not be used. No text of it holds the address of a database, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder or the file cannot be made or opened.
    #[error("the state file {} cannot be used; {}", path.display(), file_remedy(source))]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The file, one beside it, or their folder could lead to what another user chose.
    #[error(transparent)]
    Untrusted(FileFault),
    /// The file, or database, belongs to something else. It was only looked at.
    #[error(
        "{place} is not a state of campaign-group-sync, and was left as it is; name a path in state.url where no other file is"
    )]
    NotOurs {
        /// Where it is.
        place: String,
    },
    /// A newer version of the program wrote it.
    #[error(
        "the state {place} was written by a newer version of this program (schema {found}, this one knows {known}); \
         install that version or a newer one; do not name another place in state.url or move the state away, because an \
         empty state has no history, no approvals and no held changes"
    )]
    NewerSchema {
        /// Where it is.
        place: String,
        /// The schema found.
        found: i64,
        /// The newest schema this version knows.
        known: i64,
    },
    /// An earlier version of the program wrote it, and it is only to be read.
    #[error(
        "the state {place} was written by an earlier version of this program (schema {found}, this one knows {known}); \
         the next run brings it up to date"
    )]
    OlderSchema {
        /// Where it is.
        place: String,
        /// The schema found.
        found: i64,
        /// The newest schema this version knows.
        known: i64,
    },
    /// The database refused something.
    #[error("the journal could not be {doing}")]
    Database {
        /// What was tried: `read`, `written`, `opened`.
        doing: &'static str,
        /// What went wrong.
        source: DatabaseFault,
    },
    /// The file system of the state file did not take it, or did not give it.
    #[error("the journal could not be {doing}")]
    Storage {
        /// What was tried: `read`, `written`, `opened`.
        doing: &'static str,
        /// What went wrong.
        source: StorageFault,
    },
    /// The session of the database that held the lock is gone: another node may lead now.
    #[error("the lock of this run is lost: the database session that held it has ended")]
    LockLost,
    /// Something in it cannot be understood.
    #[error("the journal has a value that cannot be read: {what}")]
    Unreadable {
        /// What, and where.
        what: String,
    },
}

impl JournalError {
    /// What the operating system said about a file of the state.
    pub(super) fn of_file(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                let source = StorageFault::Full { path: path.to_owned(), space: DiskSpace::of(path) };
                Self::Storage { doing: "written", source }
            }
            _ => Self::File { path: path.to_owned(), source },
        }
    }
}

/// What can be done about a file that the operating system does not give.
fn file_remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "run the command as root, or as a user who may read and write this file and its folder"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "its file system is mounted read-only: mount it writable, or name another path in state.url"
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
    fn the_remedy_for_a_file_depends_on_what_the_operating_system_said() {
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
