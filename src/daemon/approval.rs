//! The result of an approval as a document: the output of the command `approve`, whether the command or the daemon
//! records the approval. The field names are fixed.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{ApprovedChange, Approver, ChangeKind, Digest, HeldRecord, to_the_second},
    journal::{ApproveError, Journal, JournalError, RecordedApproval},
};

use super::{ApproverFields, NextRun};

/// Version of the document format.
const VERSION: u32 = 1;

/// The result of the approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalOutcome {
    /// The approval is recorded for the next run.
    Approved,
    /// The approval was given before, and no change of the plan waits any more.
    ApprovedBefore,
    /// No plan with this digest is held.
    NotHeld,
}

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalAnswer {
    /// Version of the document format.
    pub version: u32,
    /// The digest that was to be approved.
    pub digest: String,
    /// The result.
    pub outcome: ApprovalOutcome,
    /// The result in a sentence.
    pub message: String,
    /// The approver.
    #[serde(flatten)]
    pub approver: ApproverFields,
    /// When the approval expires; `null` when none was recorded.
    pub expires_at: Option<String>,
    /// The released changes, by instance.
    pub instances: Vec<ReleasedInstance>,
    /// The run whose undo makes the changes; absent where the next run makes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_of: Option<String>,
    /// All digests that can be approved.
    pub held: Vec<String>,
    /// When the run begins that uses the approval; `null` when none was recorded, or when no daemon recorded it.
    pub next_run: Option<NextRun>,
}

/// The released changes of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasedInstance {
    /// Its name.
    pub name: String,
    /// The number of changes that the approval names.
    pub changes: usize,
    /// The run that held them.
    pub run: String,
    /// The changes.
    pub released: Vec<ReleasedChange>,
}

/// One released change, in the format of reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasedChange {
    /// The operation.
    pub op: ChangeKind,
    /// The operator.
    pub operator: String,
    /// The operator group.
    pub group: String,
    /// The product profile that requires it.
    pub profile: String,
}

/// Records an approval by `approver` that is valid for `ttl`. `journal` is `None` where no run was made yet.
///
/// Fails only if the journal fails: a refused approval is an answer.
pub async fn approve(
    journal: Option<&Journal>,
    digest: &Digest,
    approver: &Approver,
    ttl: Duration,
) -> Result<ApprovalAnswer, JournalError> {
    let Some(journal) = journal else {
        let nothing = ApproveError::NotHeld { digest: digest.clone(), held: Vec::new() };
        return ApprovalAnswer::refused(digest, approver, nothing, &[]);
    };
    let (now, held) = (Utc::now(), journal.held().await?);
    match journal.approve(digest, approver, now, expiry(now, ttl)).await {
        Ok(recorded) => Ok(ApprovalAnswer::approved(digest, approver, &recorded, &held)),
        Err(error) => ApprovalAnswer::refused(digest, approver, error, &held),
    }
}

/// The time of expiry; a time beyond the calendar becomes the last time of it.
fn expiry(now: DateTime<Utc>, ttl: Duration) -> DateTime<Utc> {
    let ttl = TimeDelta::from_std(ttl).unwrap_or(TimeDelta::MAX);
    now.checked_add_signed(ttl).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

impl ApprovalAnswer {
    /// The answer where the approvals `recorded` were recorded now or before; `held` is what was held until now.
    pub fn approved(digest: &Digest, approver: &Approver, recorded: &[RecordedApproval], held: &[HeldRecord]) -> Self {
        let expires_at = recorded.iter().map(|approved| approved.expires_at).min();
        let expires_at = expires_at.map(to_the_second);
        let until = expires_at.as_ref().map(|at| format!(" until {at}")).unwrap_or_default();
        let given_before: Option<Vec<_>> = recorded.iter().map(|approved| approved.given_before).collect();
        let approval = match given_before.and_then(|times| times.into_iter().max()) {
            Some(at) => format!("was already approved by {approver} at {}, valid{until}", to_the_second(at)),
            None => format!("is approved by {approver}{until}"),
        };
        let undo_of = recorded.iter().find_map(|approved| approved.undo_of.as_ref()).map(ToString::to_string);
        let what_makes_them = undo_of
            .as_ref()
            .map_or_else(|| "the next run".to_owned(), |run| format!("campaign-group-sync undo {run} --apply"));
        Self {
            version: VERSION,
            digest: digest.to_string(),
            outcome: ApprovalOutcome::Approved,
            message: format!(
                "{digest} {approval}: {what_makes_them} makes these changes if exactly this situation is still held."
            ),
            undo_of,
            approver: approver.into(),
            expires_at,
            instances: recorded.iter().map(ReleasedInstance::of).collect(),
            held: digests(held),
            next_run: None,
        }
    }

    /// Adds when the run begins that uses the approval.
    pub(super) fn add_next_run(&mut self, next_run: NextRun) {
        self.message = format!("{} {}", self.message, next_run.message);
        self.next_run = Some(next_run);
    }

    fn refused(
        digest: &Digest,
        approver: &Approver,
        error: ApproveError,
        held: &[HeldRecord],
    ) -> Result<Self, JournalError> {
        let message = error.to_string();
        let (outcome, approver) = match error {
            ApproveError::Journal(error) => return Err(error),
            ApproveError::NotHeld { .. } => (ApprovalOutcome::NotHeld, approver.clone()),
            ApproveError::AppliedBefore { approver, .. } => (ApprovalOutcome::ApprovedBefore, approver),
        };
        Ok(Self {
            version: VERSION,
            digest: digest.to_string(),
            outcome,
            message,
            approver: (&approver).into(),
            expires_at: None,
            instances: Vec::new(),
            undo_of: None,
            held: digests(held),
            next_run: None,
        })
    }
}

fn digests(held: &[HeldRecord]) -> Vec<String> {
    let mut digests: Vec<_> = held.iter().map(|held| held.digest.to_string()).collect();
    digests.sort();
    digests.dedup();
    digests
}

impl ReleasedInstance {
    fn of(approved: &RecordedApproval) -> Self {
        Self {
            name: approved.instance.to_string(),
            changes: approved.changes.len(),
            run: approved.run.to_string(),
            released: approved.changes.iter().map(ReleasedChange::of).collect(),
        }
    }
}

impl ReleasedChange {
    fn of(change: &ApprovedChange) -> Self {
        Self {
            op: change.key.kind,
            operator: change.key.operator.as_str().to_owned(),
            group: change.key.group.as_str().to_owned(),
            profile: change.profile.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{InstanceName, RunId};

    fn digest() -> Digest {
        Digest::parse("0123456789abcdef").expect("a digest")
    }

    fn record(instance: &str) -> HeldRecord {
        HeldRecord {
            instance: InstanceName::new(instance),
            digest: digest(),
            run: RunId::new("01KB0000000000000000000003"),
            at: DateTime::from_timestamp(1_795_413_600, 0).expect("a time"),
            is_dry_run: false,
            is_narrowed: false,
            changes: Vec::new(),
            held: Vec::new(),
            undo: None,
        }
    }

    #[test]
    fn a_refusal_names_the_digests_that_are_held() {
        let error = ApproveError::NotHeld { digest: digest(), held: vec![digest()] };
        let held = [record("production"), record("stage")];
        let answer = ApprovalAnswer::refused(&digest(), &"ann".into(), error, &held).expect("an answer");
        assert_eq!((answer.outcome, answer.held.len()), (ApprovalOutcome::NotHeld, 1));
        assert!(answer.message.contains("held plans: 0123456789abcdef"), "{}", answer.message);
    }

    #[test]
    fn an_approval_given_before_names_the_approver() {
        let error = ApproveError::AppliedBefore { digest: digest(), approver: "zoe".into() };
        let answer = ApprovalAnswer::refused(&digest(), &"ann".into(), error, &[]).expect("an answer");
        assert_eq!((answer.outcome, answer.approver.name.as_str()), (ApprovalOutcome::ApprovedBefore, "zoe"));
        assert!(answer.expires_at.is_none() && answer.message.contains("zoe"), "{}", answer.message);
    }

    #[test]
    fn an_approval_of_unlimited_length_never_expires() {
        assert_eq!(expiry(Utc::now(), Duration::MAX), DateTime::<Utc>::MAX_UTC);
    }
}
