//! Collects the access reviews that the events record, and compares them with the table.

use std::collections::BTreeMap;

use super::{
    JournalError,
    database::{ReadTransaction, Row},
    encoding::{self, from_json},
    reviews::ReviewedBody,
};

/// A review: the position of its event and the instance.
type ReviewKey = (i64, String);

/// What is recorded of a review, in the event and in the table.
#[derive(PartialEq, Eq)]
struct Reviewed {
    at: i64,
    reviewer: String,
    digest: String,
    since: Option<i64>,
    run: Option<String>,
}

/// The reviews that the events record.
#[derive(Default)]
pub(super) struct ReviewReplay(BTreeMap<ReviewKey, Reviewed>);

impl ReviewReplay {
    /// Takes the event of a review. An invalid one is already reported as a fault by the verification.
    pub(super) fn reviewed(&mut self, position: i64, at: i64, body: &str) {
        let Ok(ReviewedBody { reviewer, instances }) = from_json(body, "an event") else { return };
        for reviewed in instances {
            let (digest, since, run) = (reviewed.digest, reviewed.since, reviewed.run);
            let recorded = Reviewed { at, reviewer: reviewer.clone(), digest, since, run };
            self.0.insert((position, reviewed.instance), recorded);
        }
    }

    /// The differences between the table and the events, in words.
    pub(super) async fn compare(self, reader: &mut ReadTransaction) -> Result<Vec<String>, JournalError> {
        let mut missing = self.0;
        let sql = "select event, instance, at, digest, since, run, reviewer, reviewer_uid, reviewer_user,
                       reviewer_login_uid, reviewer_login_user from reviews order by event, instance";
        let mut faults = Vec::new();
        for row in reader.rows(sql, []).await? {
            let (key, stored) = ((row.number(0)?, row.text(1)?), stored(&row)?);
            if missing.remove(&key).is_none_or(|recorded| recorded != stored) {
                faults.push(format!("the review of instance {} by {} differs from the events", key.1, stored.reviewer));
            }
        }
        let lost = missing.into_iter().map(|((_, instance), recorded)| {
            format!("the review of instance {instance} by {} is missing in the list of reviews", recorded.reviewer)
        });
        Ok(lost.chain(faults).collect())
    }
}

fn stored(row: &Row) -> Result<Reviewed, JournalError> {
    Ok(Reviewed {
        at: row.number(2)?,
        digest: row.text(3)?,
        since: row.optional_number(4)?,
        run: row.optional_text(5)?,
        reviewer: encoding::approver(row, 6)?.to_string(),
    })
}
