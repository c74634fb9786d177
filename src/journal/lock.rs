//! One run at a time. The kernel, or the database, releases the lock when the process dies: nothing to clean up, nothing stale.

use super::{Journal, JournalError};

/// Whether the lock was got.
#[derive(Debug)]
pub enum Lock {
    /// It is held until the value is dropped.
    Got(RunLock),
    /// Somebody else holds it; who, as far as they said: `run 01J… (process 4711 on host, since 06:00:00Z)`.
    Held(String),
}

/// The lock of the one run. Dropping it releases it.
#[derive(Debug)]
pub struct RunLock {}

impl Journal {
    /// Tries to get the lock; does not wait. `holder` is what others are told: who holds it.
    pub async fn lock(&self, holder: &str) -> Result<Lock, JournalError> {
        let _ = holder;
        todo!()
    }

    /// Who holds the lock at this moment; `None` when nobody does.
    pub async fn lock_holder(&self) -> Result<Option<String>, JournalError> {
        todo!()
    }
}
