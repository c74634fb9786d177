//! The numbers of one instance, and the totals of several.

use serde::{Deserialize, Serialize};

use super::{ChangeKind, ChangeOutcome, ChangeReport};

/// The numbers of one instance.
///
/// The numbers of planned changes by kind and the numbers of changes by outcome have the same total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Planned additions.
    pub add: usize,
    /// Planned removals.
    pub remove: usize,
    /// Planned creations of operators.
    pub create_operator: usize,
    /// Planned creations of operator groups.
    pub create_group: usize,
    /// Planned disablements of operators.
    pub disable_operator: usize,
    /// Changes that were applied and confirmed in Campaign.
    pub applied: usize,
    /// Changes whose wanted state existed before the write.
    pub already: usize,
    /// Changes that were sent and not found in Campaign.
    pub failed: usize,
    /// Changes that wait for an approval.
    pub held: usize,
    /// Removals that a second read did not confirm.
    pub unconfirmed: usize,
    /// Changes that were not tried.
    pub pending: usize,
    /// Skipped items.
    pub skipped: usize,
    /// Memberships that needed no change.
    pub unchanged: usize,
}

impl Summary {
    /// Counts changes.
    pub fn of(changes: &[ChangeReport], skipped: usize, unchanged: usize) -> Self {
        let mut summary = Self { skipped, unchanged, ..Self::default() };
        for change in changes {
            *match change.op {
                ChangeKind::Add => &mut summary.add,
                ChangeKind::Remove => &mut summary.remove,
                ChangeKind::CreateOperator => &mut summary.create_operator,
                ChangeKind::CreateGroup => &mut summary.create_group,
                ChangeKind::DisableOperator => &mut summary.disable_operator,
            } += 1;
            *match change.outcome {
                ChangeOutcome::Applied => &mut summary.applied,
                ChangeOutcome::Already => &mut summary.already,
                ChangeOutcome::Failed => &mut summary.failed,
                ChangeOutcome::Held => &mut summary.held,
                ChangeOutcome::Unconfirmed => &mut summary.unconfirmed,
                ChangeOutcome::Pending => &mut summary.pending,
            } += 1;
        }
        summary
    }

    /// The sums of these numbers and others.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            add: self.add + other.add,
            remove: self.remove + other.remove,
            create_operator: self.create_operator + other.create_operator,
            create_group: self.create_group + other.create_group,
            disable_operator: self.disable_operator + other.disable_operator,
            applied: self.applied + other.applied,
            already: self.already + other.already,
            failed: self.failed + other.failed,
            held: self.held + other.held,
            unconfirmed: self.unconfirmed + other.unconfirmed,
            pending: self.pending + other.pending,
            skipped: self.skipped + other.skipped,
            unchanged: self.unchanged + other.unchanged,
        }
    }

    /// Planned changes of all kinds.
    pub fn planned(&self) -> usize {
        self.add + self.remove + self.create_operator + self.create_group + self.disable_operator
    }
}
