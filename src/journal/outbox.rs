//! The outbox of notifications: written in the transaction of the event that they report, one row for each target, and
//! kept until they are delivered or given up.
//!
//! A wrong clock does not delay a notification: an attempt is due at its time, and also if that time was decided in the
//! future. The table stays bounded: attempts and rows are limited.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;
use uuid::Uuid;

use crate::domain::{Notification, NotificationTarget, WantedNotifications};

use super::{
    Journal, JournalError,
    database::{Row, Value, WriteTransaction},
    encoding::{from_json, from_name, to_json, to_optional_time},
};

/// How far the clocks of two nodes may differ: a decision that is later than this from now was made by a wrong clock.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(1);

/// How long an attempt may take before another process or node may repeat it. Longer than any delivery.
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// Most notifications that wait for one target; the oldest ones beyond it are given up.
const MOST_WAITING: i64 = 200;

/// A notification whose delivery is being attempted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedNotification {
    /// The id, which is the same for all targets and attempts.
    pub id: String,
    /// The target.
    pub target: NotificationTarget,
    /// Attempts so far, this one included.
    pub attempts: u32,
    /// The notification.
    pub notification: Notification,
}

/// What happens after an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterFailure {
    /// The next attempt is made at this time.
    RetryAt(DateTime<Utc>),
    /// No further attempt is made.
    GiveUp,
}

/// The state of one target. The field names are part of the JSON form of the status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationTargetState {
    /// The target.
    pub target: NotificationTarget,
    /// Notifications that wait for it.
    pub waiting: u64,
    /// Notifications delivered.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Notifications that were given up.
    pub given_up: u64,
    /// When a notification was last delivered.
    pub last_delivered: Option<DateTime<Utc>>,
    /// Since when attempts fail; `null` if the last attempt delivered.
    pub failing_since: Option<DateTime<Utc>>,
    /// The error of the last attempt; `null` if it delivered.
    pub error: Option<String>,
}

impl NotificationTargetState {
    /// The state of a target without any attempt.
    pub fn new(target: NotificationTarget) -> Self {
        Self {
            target,
            waiting: 0,
            delivered: 0,
            failed: 0,
            given_up: 0,
            last_delivered: None,
            failing_since: None,
            error: None,
        }
    }
}

/// Writes a notification for every target that wants it, in the transaction of what it reports.
pub(super) async fn enqueue(
    writer: &mut WriteTransaction,
    wanted: &WantedNotifications,
    notification: &Notification,
) -> Result<(), JournalError> {
    if !wanted.kinds.contains(&notification.kind) {
        return Ok(());
    }
    let at = notification.time.timestamp_millis();
    let id = Ulid::from_parts(u64::try_from(at).unwrap_or_default(), Uuid::new_v4().as_u128()).to_string();
    let document = to_json(notification, "a notification")?;
    let rows = wanted.targets.iter().map(|target| {
        let (target, kind) = (target.as_str().into(), notification.kind.as_str().into());
        [id.as_str().into(), target, kind, at.into(), document.as_str().into(), 0.into(), at.into(), at.into()]
    });
    let head = "insert into outbox (id, target, kind, at, document, attempts, next_attempt_at, decided_at)";
    writer.insert(head, rows, "").await?;
    for target in &wanted.targets {
        drop_the_oldest(writer, *target).await?;
    }
    Ok(())
}

/// Gives up the oldest notifications of a target that has too many.
async fn drop_the_oldest(writer: &mut WriteTransaction, target: NotificationTarget) -> Result<(), JournalError> {
    let sql = "delete from outbox where target = $1 and id not in (
                   select id from outbox where target = $1 order by id desc limit $2)
               returning id";
    let dropped = writer.returning(sql, [target.as_str().into(), MOST_WAITING.into()]).await?.len();
    if dropped == 0 {
        return Ok(());
    }
    tracing::warn!(
        notify.target = target.as_str(),
        "{dropped} notifications for {} were given up: more than {MOST_WAITING} wait for it",
        target.as_str()
    );
    count(writer, target, "given_up", i64::try_from(dropped).unwrap_or(i64::MAX)).await
}

/// Adds to one of the counters of a target.
async fn count(
    writer: &mut WriteTransaction,
    target: NotificationTarget,
    counter: &'static str,
    more: i64,
) -> Result<(), JournalError> {
    let sql = "insert into notification_targets (target, delivered, failed, given_up) values ($1, 0, 0, 0)
               on conflict (target) do nothing";
    writer.execute(sql, [target.as_str().into()]).await?;
    let sql = match counter {
        "given_up" => "update notification_targets set given_up = given_up + $2 where target = $1",
        "failed" => "update notification_targets set failed = failed + $2 where target = $1",
        _ => "update notification_targets set delivered = delivered + $2 where target = $1",
    };
    writer.execute(sql, [target.as_str().into(), more.into()]).await
}

impl Journal {
    /// Returns the journal so that it also writes the notifications about what it records.
    #[must_use]
    pub fn with_notifications(&self, wanted: WantedNotifications) -> Self {
        Self { wanted: std::sync::Arc::new(wanted), ..self.clone() }
    }

    /// Claims the oldest notification that is due for this target, so that no other process attempts it for a minute;
    /// `None` if none is due.
    pub async fn claim_notification(
        &self,
        target: NotificationTarget,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedNotification>, JournalError> {
        let (stamp, latest) = (now.timestamp_millis(), (now + CLOCKS_APART).timestamp_millis());
        let due = "select 1 from outbox where target = $1 and (next_attempt_at <= $2 or decided_at > $3) limit 1";
        let values: [Value; 3] = [target.as_str().into(), stamp.into(), latest.into()];
        // Usually none is due, and nothing is written.
        if self.query().await?.rows(due, values).await?.is_empty() {
            return Ok(None);
        }
        let mut writer = self.begin_write().await?;
        let sql = "update outbox set attempts = attempts + 1, next_attempt_at = $4, decided_at = $2
                   where target = $1 and (next_attempt_at <= $2 or decided_at > $3) and id = (
                       select id from outbox
                       where target = $1 and (next_attempt_at <= $2 or decided_at > $3) order by id limit 1)
                   returning id, attempts, document";
        let lease = (now + LEASE).timestamp_millis();
        let values = [target.as_str().into(), stamp.into(), latest.into(), lease.into()];
        let rows = writer.returning(sql, values).await?;
        writer.commit().await?;
        rows.first().map(|row| claimed(row, target)).transpose()
    }

    /// Writes that a notification was delivered: it is not attempted again.
    pub async fn notification_delivered(
        &self,
        claimed: &ClaimedNotification,
        now: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        let mut writer = self.begin_write().await?;
        remove(&mut writer, claimed).await?;
        count(&mut writer, claimed.target, "delivered", 1).await?;
        let sql = "update notification_targets set last_delivered_at = $2, error = null, failing_since = null
                   where target = $1";
        writer.execute(sql, [claimed.target.as_str().into(), now.timestamp_millis().into()]).await?;
        writer.commit().await
    }

    /// Writes that an attempt failed, its error, and what happens next.
    pub async fn notification_failed(
        &self,
        claimed: &ClaimedNotification,
        error: &str,
        after: AfterFailure,
        now: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        let mut writer = self.begin_write().await?;
        let target = claimed.target;
        count(&mut writer, target, "failed", 1).await?;
        let sql = "update notification_targets set error = $2, failing_since = coalesce(failing_since, $3)
                   where target = $1";
        writer.execute(sql, [target.as_str().into(), error.into(), now.timestamp_millis().into()]).await?;
        match after {
            AfterFailure::RetryAt(at) => {
                let sql = "update outbox set next_attempt_at = $3, decided_at = $4 where id = $1 and target = $2";
                let (at, decided_at) = (at.timestamp_millis().into(), now.timestamp_millis().into());
                let values = [claimed.id.as_str().into(), target.as_str().into(), at, decided_at];
                writer.execute(sql, values).await?;
            }
            AfterFailure::GiveUp => {
                remove(&mut writer, claimed).await?;
                count(&mut writer, target, "given_up", 1).await?;
            }
        }
        writer.commit().await
    }

    /// Deletes what waits for targets other than these: they are not configured any more. If they are configured again
    /// later, what is old by then is not delivered.
    pub async fn forget_other_targets(
        &self,
        targets: impl IntoIterator<Item = NotificationTarget>,
    ) -> Result<(), JournalError> {
        let kept: Vec<NotificationTarget> = targets.into_iter().collect();
        let forgotten: Vec<NotificationTargetState> =
            self.notification_targets().await?.into_iter().filter(|state| !kept.contains(&state.target)).collect();
        if forgotten.is_empty() {
            return Ok(());
        }
        let mut writer = self.begin_write().await?;
        for NotificationTargetState { target, waiting, .. } in forgotten {
            if waiting > 0 {
                tracing::warn!(
                    notify.target = target.as_str(),
                    "{waiting} notifications for {} were given up: notify.{} is not configured any more",
                    target.as_str(),
                    target.as_str()
                );
            }
            for sql in ["delete from outbox where target = $1", "delete from notification_targets where target = $1"] {
                writer.execute(sql, [target.as_str().into()]).await?;
            }
        }
        writer.commit().await
    }

    /// The state of every target that was attempted or has notifications waiting, in the order of the configuration.
    pub async fn notification_targets(&self) -> Result<Vec<NotificationTargetState>, JournalError> {
        let mut reader = self.begin_read().await?;
        let sql = "select target, delivered, failed, given_up, last_delivered_at, failing_since, error
                   from notification_targets";
        let mut states = reader.rows(sql, []).await?.iter().map(target_state).collect::<Result<Vec<_>, _>>()?;
        let waiting = "select target, count(*) from outbox group by target";
        for row in reader.rows(waiting, []).await? {
            let target = from_name(row.text(0)?, "a target of notifications")?;
            let waiting = counter(&row, 1)?;
            match states.iter_mut().find(|state| state.target == target) {
                Some(state) => state.waiting = waiting,
                None => states.push(NotificationTargetState { waiting, ..NotificationTargetState::new(target) }),
            }
        }
        states.sort_by_key(|state| state.target);
        Ok(states)
    }
}

async fn remove(writer: &mut WriteTransaction, claimed: &ClaimedNotification) -> Result<(), JournalError> {
    let sql = "delete from outbox where id = $1 and target = $2";
    writer.execute(sql, [claimed.id.as_str().into(), claimed.target.as_str().into()]).await
}

fn claimed(row: &Row, target: NotificationTarget) -> Result<ClaimedNotification, JournalError> {
    Ok(ClaimedNotification {
        id: row.text(0)?,
        target,
        attempts: u32::try_from(row.number(1)?).unwrap_or(u32::MAX),
        notification: from_json(&row.text(2)?, "a notification")?,
    })
}

fn target_state(row: &Row) -> Result<NotificationTargetState, JournalError> {
    Ok(NotificationTargetState {
        target: from_name(row.text(0)?, "a target of notifications")?,
        waiting: 0,
        delivered: counter(row, 1)?,
        failed: counter(row, 2)?,
        given_up: counter(row, 3)?,
        last_delivered: to_optional_time(row.optional_number(4)?)?.map(|at| at.trunc_subsecs(0)),
        failing_since: to_optional_time(row.optional_number(5)?)?.map(|at| at.trunc_subsecs(0)),
        error: row.optional_text(6)?,
    })
}

fn counter(row: &Row, column: usize) -> Result<u64, JournalError> {
    Ok(u64::try_from(row.number(column)?).unwrap_or_default())
}
