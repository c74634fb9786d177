//! Access reviews: what is recorded about the access to an instance, and the reviews that were done.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{AccessReview, Approver, ReviewNote, ReviewRecord, ReviewedInstance, SinceOrigin, access_digest};

use super::{
    Journal, JournalError, KeepSetting, MemberDetail,
    chain::{EventKind, append},
    database::{ReadTransaction, read_error},
    deletions::deletions,
    encoding::{self, approver_values, to_time},
    reviewed_access::{GroupRows, groups_now, last_complete_read, operators, periods},
};

/// What became of a review that was to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewOutcome {
    /// It was recorded.
    Recorded,
    /// The access has changed since it was read: nothing was recorded.
    Changed,
}

/// The body of the event of a review.
#[derive(Serialize, Deserialize)]
pub(super) struct ReviewedBody {
    pub(super) reviewer: String,
    pub(super) instances: Vec<ReviewedBodyInstance>,
}

/// What was reviewed of one instance.
#[derive(Serialize, Deserialize)]
pub(super) struct ReviewedBodyInstance {
    pub(super) instance: String,
    pub(super) digest: String,
    /// The beginning of the period, in milliseconds since 1970; `None` for the beginning of the record.
    pub(super) since: Option<i64>,
    pub(super) run: Option<String>,
    groups: usize,
    memberships: usize,
}

/// A done review in the table.
struct DoneReview {
    event: i64,
    note: ReviewNote,
}

impl Journal {
    /// The instances with groups that are managed now, by name.
    pub async fn instances_with_access(&self) -> Result<Vec<String>, JournalError> {
        let sql = "select distinct instance from managed_groups where until is null";
        let rows = self.query().await?.rows(sql, []).await?;
        let mut names = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
        names.sort();
        Ok(names)
    }

    /// Everything that a review of this instance shows. The changes are those after `given`, or else after the last review,
    /// or else all that are recorded.
    pub async fn review_record(
        &self,
        instance: &str,
        given: Option<DateTime<Utc>>,
    ) -> Result<ReviewRecord, JournalError> {
        let mut reader = self.begin_read().await?;
        let done = last_review(&mut reader, instance).await?;
        let (since, since_origin) = match (given, &done) {
            (Some(given), _) => (Some(given), SinceOrigin::Given),
            (None, Some(done)) => (Some(time_of(&mut reader, done).await?), SinceOrigin::LastReview),
            (None, None) => (None, SinceOrigin::Beginning),
        };
        let rows = GroupRows::read(reader.transaction(), instance).await?;
        let deleted = deletions(&mut reader).await?;
        let of_changes = deleted.iter().filter(|(deletion, _)| deletion.setting == KeepSetting::KeepChanges);
        Ok(ReviewRecord {
            instance: instance.to_owned(),
            since,
            since_origin,
            last_review: done.map(|done| done.note),
            groups: groups_now(reader.transaction(), instance, &rows, MemberDetail::Cause).await?,
            periods: periods(&mut reader, instance, &rows, since).await?,
            former_groups: rows.former(since),
            read: last_complete_read(&mut reader, instance).await?,
            operators: operators(&mut reader, instance).await?,
            deleted_before: of_changes.map(|(deletion, _)| deletion.before).max(),
        })
    }

    /// Records that the access of this document was reviewed, unless it has changed since it was read.
    pub async fn record_review(
        &self,
        review: &AccessReview,
        reviewer: &Approver,
        at: DateTime<Utc>,
    ) -> Result<ReviewOutcome, JournalError> {
        let body = ReviewedBody {
            reviewer: reviewer.to_string(),
            instances: review.instances.iter().map(ReviewedBodyInstance::of).collect(),
        };
        let mut writer = self.begin_write().await?;
        // The event comes first: from here on, another writer of the record waits, and the access cannot change.
        let event = append(&mut writer, None, at, EventKind::Reviewed, &body).await?.position;
        for instance in &review.instances {
            let rows = GroupRows::read(writer.transaction(), &instance.name).await?;
            let groups = groups_now(writer.transaction(), &instance.name, &rows, MemberDetail::Login).await?;
            if access_digest(&groups) != instance.digest {
                return Ok(ReviewOutcome::Changed);
            }
        }
        let rows = body.instances.iter().map(|reviewed| {
            let [name, uid, user, login_uid, login] = approver_values(reviewer);
            [
                event.into(),
                reviewed.instance.as_str().into(),
                reviewed.digest.as_str().into(),
                reviewed.since.into(),
                at.timestamp_millis().into(),
                reviewed.run.clone().into(),
                name,
                uid,
                user,
                login_uid,
                login,
            ]
        });
        let head =
            "insert into reviews (event, instance, digest, since, at, run, reviewer, reviewer_uid, reviewer_user,
                        reviewer_login_uid, reviewer_login_user)";
        writer.insert(head, rows, "").await?;
        writer.commit().await?;
        Ok(ReviewOutcome::Recorded)
    }
}

impl ReviewedBodyInstance {
    fn of(reviewed: &ReviewedInstance) -> Self {
        Self {
            instance: reviewed.name.clone(),
            digest: reviewed.digest.clone(),
            since: reviewed.since.map(|since| since.timestamp_millis()),
            run: reviewed.read.as_ref().map(|read| read.run.clone()),
            groups: reviewed.groups.len(),
            memberships: reviewed.groups.iter().map(|group| group.members.len()).sum(),
        }
    }
}

async fn last_review(reader: &mut ReadTransaction, instance: &str) -> Result<Option<DoneReview>, JournalError> {
    let sql = "select event, digest, at, reviewer, reviewer_uid, reviewer_user, reviewer_login_uid, reviewer_login_user
               from reviews where instance = $1 order by event desc limit 1";
    let rows = reader.rows(sql, [instance.into()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let reviewer = encoding::approver(row, 3)?;
    let note = ReviewNote::new(&row.text(1)?, &reviewer, to_time(row.number(2)?)?);
    Ok(Some(DoneReview { event: row.number(0)?, note }))
}

/// The time after which changes came later than this review. An event that was recorded later and has an earlier time shows
/// that a clock was wrong: its time counts, so that no change after the review is missed.
async fn time_of(reader: &mut ReadTransaction, done: &DoneReview) -> Result<DateTime<Utc>, JournalError> {
    let sql = "select min(at) from events where position > $1";
    let rows = reader.transaction().rows(sql, [done.event.into()]).await.map_err(read_error)?;
    let later = rows.first().map(|row| row.optional_number(0)).transpose()?.flatten().map(to_time).transpose()?;
    let before = later.and_then(|later| later.checked_sub_signed(TimeDelta::milliseconds(1)));
    Ok(before.map_or(done.note.at, |before| before.min(done.note.at)))
}
