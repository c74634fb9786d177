//! A view on the steps of the journal, so that a test can end the process between any two of them.

use std::sync::Arc;

/// One transaction of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteStep {
    /// It is about to begin.
    Before,
    /// It is durable.
    After,
}

/// Called around every transaction that writes.
pub type StepWatch = Arc<dyn Fn(WriteStep) + Send + Sync>;
