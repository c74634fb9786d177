//! The approvals that events tell of, compared with the list of all that were given.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{JournalError, approver_columns, database::ReadTransaction, encoding::from_json};

/// The approvals by the place of their event.
#[derive(Default)]
pub(super) struct ApprovalReplay(BTreeMap<i64, ApprovalEvent>);

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

impl ApprovalReplay {
    /// Takes an event. One that cannot be read is a fault already where it is found.
    pub(super) fn approved(&mut self, position: i64, at: i64, body: &str) {
        if let Ok(body) = from_json(body, "an event") {
            self.0.insert(position, ApprovalEvent { at, body });
        }
    }

    /// What the list says otherwise, in words. Approvals before the first event, and those whose event was deleted, are not
    /// compared.
    pub(super) async fn compare(
        self,
        reader: &mut ReadTransaction,
        is_deleted: impl Fn(i64) -> bool,
    ) -> Result<Vec<String>, JournalError> {
        let mut missing: BTreeMap<(i64, String), &ApprovalEvent> = BTreeMap::new();
        for (event, told) in &self.0 {
            missing.extend(told.body.instances.iter().map(|instance| ((*event, instance.clone()), told)));
        }
        let sql = "select event, instance, digest, at, approver, approver_uid, approver_user, approver_login_uid,
                       approver_login_user from given_approvals where event > 0 order by event, instance";
        let mut faults = Vec::new();
        for row in reader.rows(sql, []).await? {
            let (event, instance, digest) = (row.number(0)?, row.text(1)?, row.text(2)?);
            if is_deleted(event) {
                continue;
            }
            let (at, approver) = (row.number(3)?, approver_columns::read(&row, 4)?.to_string());
            let is_told = missing
                .remove(&(event, instance.clone()))
                .is_some_and(|told| told.at == at && told.body.digest == digest && told.body.approver == approver);
            if !is_told {
                faults.push(format!(
                    "the approval of {digest} in instance {instance} by {approver} is not what was recorded"
                ));
            }
        }
        let lost = missing.into_iter().map(|((_, instance), told)| {
            let ApprovedBody { digest, approver, .. } = &told.body;
            format!("the approval of {digest} in instance {instance} by {approver} is missing in the list of approvals")
        });
        Ok(lost.chain(faults).collect())
    }
}
