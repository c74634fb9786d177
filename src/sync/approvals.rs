//! The digests that `--approve` names: recorded before the run begins, with a report of what each released.

use chrono::{DateTime, Utc};

use crate::{
    domain::{
        Approval, ApprovalState, Approver, Digest, HeldRecord, InstanceName, InstanceReport, Review, RunMode,
        to_the_second,
    },
    journal::{ApproveError, Journal, JournalError},
};

use super::{pauses::after, run::RunRequest, run::SyncOptions};

/// The approvals that a run was asked for, sorted by what the journal knew of their digests.
pub(super) struct RequestedApprovals {
    mode: RunMode,
    /// The plans that are held under the digests: approved by this run, in a dry run only read.
    accepted: Vec<HeldRecord>,
    /// Digests whose approval an earlier run has begun to apply, with the approver.
    begun_before: Vec<(Digest, Approver)>,
    /// Digests under which nothing is held.
    unknown: Vec<Digest>,
}

/// What one instance used of the approvals.
pub(super) struct UsedApprovals {
    instance: InstanceName,
    released: Option<Digest>,
    /// Digests that a warning of the instance names already.
    unused: Vec<Digest>,
}

impl UsedApprovals {
    pub(super) fn of(instance: &InstanceName, review: &Review) -> Self {
        Self {
            instance: instance.clone(),
            released: review.released.as_ref().map(|released| released.digest.clone()),
            unused: review.unused_approvals.iter().map(|approval| approval.digest.clone()).collect(),
        }
    }

    fn covers(&self, digest: &Digest) -> bool {
        self.released.as_ref() == Some(digest) || self.unused.contains(digest)
    }
}

impl RequestedApprovals {
    /// Records the requested approvals exactly as the command `approve` does. A dry run records nothing.
    pub(super) async fn record(
        journal: &Journal,
        options: &SyncOptions,
        request: &RunRequest,
    ) -> Result<Self, JournalError> {
        if !request.approve.is_empty() {
            journal.require_organization(&options.experience_cloud.organization_id).await?;
        }
        let mode = request.mode;
        let mut requested = Self { mode, accepted: Vec::new(), begun_before: Vec::new(), unknown: Vec::new() };
        for digest in &request.approve {
            let held = journal.approvable(digest).await;
            match held {
                Ok(records) => {
                    if request.mode == RunMode::Apply {
                        approve(journal, options, request, digest).await?;
                    }
                    requested.accepted.extend(records);
                }
                Err(ApproveError::AppliedBefore { digest, approver }) => {
                    requested.begun_before.push((digest, approver));
                }
                Err(ApproveError::NotHeld { digest, .. }) => requested.unknown.push(digest),
                Err(ApproveError::Journal(error)) => return Err(error),
            }
        }
        Ok(requested)
    }

    /// The approvals whose effect a dry run shows, although none was given. Empty in a run that may write.
    pub(super) fn dry_run_approvals(&self, instance: &InstanceName, approver: &Approver) -> Vec<Approval> {
        if self.mode == RunMode::Apply {
            return Vec::new();
        }
        let here = self.accepted.iter().filter(|record| record.instance == *instance);
        let tried = here.map(|record| Approval {
            digest: record.digest.clone(),
            approver: approver.clone(),
            given_at: None,
            state: ApprovalState::Given,
            changes: record.changes.clone(),
        });
        tried.collect()
    }

    /// The warnings about the digests after the run, and whether a requested approval released nothing.
    pub(super) fn outcome(&self, used: &[UsedApprovals], instances: &[InstanceReport]) -> (Vec<String>, bool) {
        let (mut warnings, mut is_unused) = (Vec::new(), !self.unknown.is_empty());
        for (digest, approver) in &self.begun_before {
            warnings.push(format!(
                "{digest} was already approved by {approver}, and nothing held under it waits for an approval now"
            ));
        }
        let held = described(instances);
        for digest in &self.unknown {
            warnings.push(format!("nothing is held under the digest {digest}, so nothing was approved; {held}"));
        }
        for record in &self.accepted {
            let HeldRecord { digest, instance, .. } = record;
            match used.iter().find(|used| used.instance == *instance) {
                Some(used) if used.covers(digest) => {}
                Some(_) if record.undo.is_some() => warnings.extend(record.undo.as_ref().map(|undo| {
                    format!(
                        "the approval of {digest} is recorded for instance {instance}; to make the changes: \
                         campaign-group-sync undo {} --apply",
                        undo.run
                    )
                })),
                Some(_) => {
                    is_unused = true;
                    warnings.push(format!(
                        "the plan {digest} of instance {instance} is not held any more, so its approval released \
                         nothing; {held}"
                    ));
                }
                None if self.mode == RunMode::Apply => warnings.push(format!(
                    "the approval of {digest} is recorded for instance {instance}; this run ended before it could use \
                     the approval, and a later run uses it while it is valid"
                )),
                None => {}
            }
        }
        (warnings, is_unused)
    }
}

/// The warning that the held plan was approved and that the approval expired before a run used it.
pub(super) async fn expired(
    journal: &Journal,
    instance: &InstanceName,
    held: Option<&Digest>,
) -> Result<Option<String>, JournalError> {
    let Some(held) = held else { return Ok(None) };
    let described = |(approver, at): (Approver, DateTime<Utc>)| {
        format!(
            "the approval of {held} by {approver} expired at {}, before a run used it: approve {held} again if its changes \
             are still right",
            to_the_second(at)
        )
    };
    Ok(journal.expired_approval(instance, held, Utc::now()).await?.map(described))
}

async fn approve(
    journal: &Journal,
    options: &SyncOptions,
    request: &RunRequest,
    digest: &Digest,
) -> Result<(), JournalError> {
    let approver = &request.approver;
    match journal.approve(digest, approver, Utc::now(), after(options.approval_ttl)).await {
        Ok(_) => tracing::info!(plan.digest = %digest, %approver, "{digest} was approved by {approver}"),
        // Another process recorded or used the approval in the meantime; the run reports what it finds held.
        Err(ApproveError::NotHeld { .. } | ApproveError::AppliedBefore { .. }) => {}
        Err(ApproveError::Journal(error)) => return Err(error),
    }
    Ok(())
}

fn described(instances: &[InstanceReport]) -> String {
    let held: Vec<&str> = instances.iter().filter_map(|instance| instance.held.as_deref()).collect();
    if held.is_empty() { "nothing is held".to_owned() } else { format!("held is {}", held.join(", ")) }
}
