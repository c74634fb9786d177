//! Opening the journal: creating it, migrating it, setting a corrupt one aside.

use std::path::PathBuf;

use secrecy::SecretString;

use super::{JournalError, StepWatch};

/// Where the journal is.
#[derive(Clone, Debug)]
pub enum Location {
    /// A file on this host; an absolute path. Its folder is made with mode 0700, the file with 0600.
    Sqlite(PathBuf),
    /// A database that several nodes share; the whole address, which may hold a password.
    Postgres(SecretString),
}

/// How the journal is opened.
#[derive(Clone)]
pub struct Options {
    /// Where it is.
    pub location: Location,
    /// Called around every transaction that writes.
    pub watch: Option<StepWatch>,
}

/// The journal. Clones share one connection pool.
#[derive(Clone)]
pub struct Journal {
    #[expect(dead_code, reason = "sketch")]
    options: Options,
}

impl Journal {
    /// Opens the journal for a run: creates what is missing and migrates what is old. A corrupt file is set aside beside its
    /// old place, with a warning in [`Self::warnings`], and every instance's memory counts as lost until a read of it is
    /// accepted anew (also after a restart). A file from the future is refused and left as it is.
    pub async fn open(options: &Options) -> Result<Self, JournalError> {
        let _ = options;
        todo!()
    }

    /// Opens what exists, for commands that only look or approve; `None` when there is nothing yet. Creates nothing.
    pub async fn open_existing(options: &Options) -> Result<Option<Self>, JournalError> {
        let _ = options;
        todo!()
    }

    /// What somebody should know about how it was opened, one sentence each.
    pub fn warnings(&self) -> &[String] {
        todo!()
    }
}
