//! Collects the approvals, the held plans and the access reviews that the events record, and compares them with the
//! tables.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{
    JournalError,
    chain::EventKind,
    database::ReadTransaction,
    encoding::{self, from_json},
    held_plans::held_record,
    review_replay::ReviewReplay,
};

/// The approvals, the held plans and the access reviews that the events record.
#[derive(Default)]
pub(super) struct ApprovalReplay {
    /// The approvals, by the position of their event.
    approvals: BTreeMap<i64, ApprovalEvent>,
    /// Every plan that was ever held: its instance, its digest and the number of its changes.
    held: BTreeSet<(String, String, usize)>,
    reviews: ReviewReplay,
}

struct ApprovalEvent {
    at: i64,
    body: ApprovedBody,
}

#[derive(Deserialize)]
struct ApprovedBody {
    digest: String,
    instances: Vec<String>,
    approver: String,
}

#[derive(Deserialize)]
struct HeldBody {
    instance: String,
    digest: Option<String>,
    changes: usize,
}

impl ApprovalReplay {
    /// Takes an event, if it is one of these. An invalid one is already reported as a fault by the verification.
    pub(super) fn take(&mut self, kind: &str, position: i64, at: i64, body: &str) {
        if kind == EventKind::Approved.as_str() {
            self.approved(position, at, body);
        } else if kind == EventKind::Held.as_str() {
            self.held(body);
        } else if kind == EventKind::Reviewed.as_str() {
            self.reviews.reviewed(position, at, body);
        }
    }

    fn held(&mut self, body: &str) {
        if let Ok(HeldBody { instance, digest: Some(digest), changes }) = from_json(body, "an event") {
            self.held.insert((instance, digest, changes));
        }
    }

    /// The held plans that no event records, in words. Only complete if no hold is older than the events that are left.
    pub(super) async fn compare_held(&self, reader: &mut ReadTransaction) -> Result<Vec<String>, JournalError> {
        let sql = "select instance, digest, at, record from held";
        let mut faults = Vec::new();
        for row in reader.rows(sql, []).await? {
            let record = held_record(&row)?;
            let (instance, digest) = (record.instance.to_string(), record.digest.to_string());
            if !self.held.contains(&(instance.clone(), digest.clone(), record.changes.len())) {
                faults.push(format!("the held plan {digest} of instance {instance} differs from the events"));
            }
        }
        Ok(faults)
    }

    fn approved(&mut self, position: i64, at: i64, body: &str) {
        if let Ok(body) = from_json(body, "an event") {
            self.approvals.insert(position, ApprovalEvent { at, body });
        }
    }

    /// The differences between the lists and the events, in words. Approvals before the first event, and approvals whose
    /// event was deleted, are not compared.
    pub(super) async fn compare(
        self,
        reader: &mut ReadTransaction,
        is_deleted: impl Fn(i64) -> bool,
    ) -> Result<Vec<String>, JournalError> {
        let reviews = self.reviews.compare(reader).await?;
        let mut missing: BTreeMap<(i64, String), &ApprovalEvent> = BTreeMap::new();
        for (event, recorded) in &self.approvals {
            missing.extend(recorded.body.instances.iter().map(|instance| ((*event, instance.clone()), recorded)));
        }
        let sql = "select event, instance, digest, at, approver, approver_uid, approver_user, approver_login_uid,
                       approver_login_user from given_approvals where event > 0 order by event, instance";
        let mut faults = Vec::new();
        for row in reader.rows(sql, []).await? {
            let (event, instance, digest) = (row.number(0)?, row.text(1)?, row.text(2)?);
            if is_deleted(event) {
                continue;
            }
            let (at, approver) = (row.number(3)?, encoding::approver(&row, 4)?.to_string());
            let is_recorded = missing.remove(&(event, instance.clone())).is_some_and(|recorded| {
                recorded.at == at && recorded.body.digest == digest && recorded.body.approver == approver
            });
            if !is_recorded {
                faults.push(format!(
                    "the approval of {digest} in instance {instance} by {approver} differs from the events"
                ));
            }
        }
        let lost = missing.into_iter().map(|((_, instance), recorded)| {
            let ApprovedBody { digest, approver, .. } = &recorded.body;
            format!("the approval of {digest} in instance {instance} by {approver} is missing in the list of approvals")
        });
        Ok(lost.chain(faults).chain(reviews).collect())
    }
}
