//! What can go wrong with the journal, by what a caller does about it.

use std::path::PathBuf;

/// Why the journal could not be used. No text of it holds the address of a database, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder or the file cannot be made or opened.
    #[error("the state file {} cannot be used; check that its folder exists, is writable, and has room", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// A newer version of the program wrote it.
    #[error(
        "the state {place} was written by a newer version of this program (schema {found}, this one knows {known}); \
         install that version again, or point state.url at another place"
    )]
    FromTheFuture {
        /// Where it is.
        place: String,
        /// The schema found.
        found: i64,
        /// The newest schema this version knows.
        known: i64,
    },
    /// An earlier version of the program wrote it, and somebody only looks.
    #[error(
        "the state {place} was written by an earlier version of this program (schema {found}, this one knows {known}); \
         the next run brings it up to date"
    )]
    FromThePast {
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
        source: sqlx::Error,
    },
    /// The session of the database that held the lock is gone: another node may lead now.
    #[error("the lock of this run is lost: the session of the database that held it has ended")]
    LockLost,
    /// Something in it cannot be understood.
    #[error("the journal holds something that cannot be understood: {what}")]
    Unreadable {
        /// What, and where.
        what: String,
    },
}
