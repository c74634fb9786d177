//! A journal in which one notification waits, and what is known of its target afterwards.

use std::{collections::BTreeSet, time::Duration};

use campaign_group_sync::{
    domain::{Notification, NotificationKind, NotificationTarget, WantedNotifications},
    journal::{Journal, JournalLocation, JournalOptions, NotificationTargetState},
    notify::{NotifyOptions, deliver_due},
};
use chrono::Utc;
use tempfile::TempDir;

/// A journal of its own; it goes with the value.
pub(crate) struct Fixture {
    pub(crate) journal: Journal,
    target: NotificationTarget,
    folder: TempDir,
}

impl Fixture {
    /// One notification waits for this target. It names an operator.
    pub(crate) async fn with_one_for(target: NotificationTarget) -> Self {
        let folder = TempDir::new().expect("a folder");
        let location = JournalLocation::Sqlite(folder.path().join("state.db"));
        let journal = Journal::open(&JournalOptions { location, watch: None }).await.expect("a journal");
        let wanted = WantedNotifications {
            kinds: NotificationKind::EVENTS.into_iter().collect(),
            targets: BTreeSet::from([target]),
            instances: BTreeSet::new(),
        };
        let journal = journal.with_notifications(wanted);
        let overdue = Notification {
            operators: vec!["ann@acme.com".to_owned()],
            ..Notification::overdue(Utc::now(), None, "4h")
        };
        journal.report_outage(&overdue).await.expect("told");
        Self { journal, target, folder }
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Attempts what is due, and answers how the target fares then.
    pub(crate) async fn deliver(&self, options: &NotifyOptions) -> NotificationTargetState {
        deliver_due(&self.journal, options, self.target).await.expect("the journal works");
        self.state().await
    }

    pub(crate) async fn state(&self) -> NotificationTargetState {
        self.journal.notification_targets().await.expect("readable").into_iter().next().expect("the target")
    }
}

/// A state after one failed attempt; its error.
pub(crate) fn failed_once(state: &NotificationTargetState) -> &str {
    assert_eq!((state.waiting, state.delivered, state.failed), (1, 0, 1), "{state:?}");
    state.error.as_deref().expect("an error")
}

/// A state after the delivery.
pub(crate) fn delivered(state: &NotificationTargetState) {
    assert_eq!((state.waiting, state.delivered, state.error.as_deref()), (0, 1, None), "{state:?}");
}

/// A deadline that a test outlives.
pub(crate) const SHORT: Duration = Duration::from_millis(300);
