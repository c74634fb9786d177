//! Held plans, and the word of somebody that they may be made.

use chrono::{DateTime, Utc};

use crate::domain::{ApprovedChange, ChangeKey, Digest, HeldBefore, InstanceName, RunId};

use super::{Journal, JournalError};

/// A plan that waits for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRecord {
    /// The instance.
    pub instance: InstanceName,
    /// Names it.
    pub digest: Digest,
    /// The run that held it.
    pub run: RunId,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether that was a dry run: such a plan can be approved, and holds nothing in later runs.
    pub is_dry_run: bool,
    /// Whether that run was narrowed: it says nothing of what else is held.
    pub is_narrowed: bool,
    /// The held changes.
    pub changes: Vec<ApprovedChange>,
    /// The same with reason and limits, for the guard of later runs.
    pub held: Vec<HeldBefore>,
}

/// An approval that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// The instance.
    pub instance: InstanceName,
    /// What was approved.
    pub digest: Digest,
    /// How many changes it names.
    pub changes: usize,
    /// Until when it counts.
    pub expires_at: DateTime<Utc>,
}

/// Why nothing was approved.
#[derive(Debug, thiserror::Error)]
pub enum ApproveError {
    /// No plan of that digest is held.
    #[error("nothing held has the digest {digest}{}", held_in_words(held))]
    NotHeld {
        /// What was asked for.
        digest: Digest,
        /// What is held.
        held: Vec<Digest>,
    },
    /// It was approved before, and nothing of it is left to be approved.
    #[error("{digest} was approved before by {approver}, and nothing of it waits any more")]
    AppliedBefore {
        /// What was asked for.
        digest: Digest,
        /// Who approved it.
        approver: String,
    },
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

fn held_in_words(held: &[Digest]) -> String {
    match held {
        [] => "; nothing is held".to_owned(),
        held => format!("; held: {}", held.iter().map(Digest::as_str).collect::<Vec<_>>().join(", ")),
    }
}

impl Journal {
    /// Writes what an instance's plan holds now. A run over everything replaces what was held in that instance before
    /// (`held` is `None` when nothing is); a narrowed one, and a dry run, adds to it or replaces the record of the same digest.
    pub async fn record_held(
        &self,
        instance: &InstanceName,
        held: Option<&HeldRecord>,
        replaces_all: bool,
    ) -> Result<(), JournalError> {
        let _ = (instance, held, replaces_all);
        todo!()
    }

    /// Everything that is held, by instance.
    pub async fn held(&self) -> Result<Vec<HeldRecord>, JournalError> {
        todo!()
    }

    /// Records the approval of what is held under `digest`, in every instance that holds it.
    pub async fn approve(
        &self,
        digest: &Digest,
        approver: &str,
        at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<Vec<Approved>, ApproveError> {
        let _ = (digest, approver, at, expires_at);
        todo!()
    }

    /// Who approved this digest before, expired or spent or not; the latest.
    pub async fn approver_of(&self, digest: &Digest) -> Result<Option<String>, JournalError> {
        let _ = digest;
        todo!()
    }

    /// Ends what approvals and undone changes say about these changes: they were made, or nobody wants them any more.
    pub async fn spend(&self, instance: &InstanceName, changes: &[ChangeKey]) -> Result<(), JournalError> {
        let _ = (instance, changes);
        todo!()
    }

    /// Remembers what an undo took back: changes that would do again what a person undid.
    pub async fn remember_undone(
        &self,
        instance: &InstanceName,
        run: &RunId,
        changes: &[ChangeKey],
    ) -> Result<(), JournalError> {
        let _ = (instance, run, changes);
        todo!()
    }
}
