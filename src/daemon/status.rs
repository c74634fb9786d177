//! The status document of the daemon: the response of `/status` and the output of the command `status`. The field names
//! are fixed.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{Outcome, all_variants, to_the_second},
    journal::{HoldEntry, NotificationTargetState},
};

use super::Outstanding;

/// Version of the document format.
pub(super) const VERSION: u32 = 1;

/// The state of the daemon, in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// No run has ended since the start, or since this node became the leader.
    #[default]
    Starting,
    /// The last run succeeded and held nothing, and the daemon waits for the next one; or this node is a follower.
    Idle,
    /// A run is under way.
    Running,
    /// A run is under way and waits until Adobe's limits allow a call.
    Waiting,
    /// Adobe asked for a longer pause than a run may wait.
    Throttled,
    /// The guard holds changes until an administrator approves them.
    Blocked,
    /// The last run failed, or the database that the nodes share cannot be reached.
    Failing,
}

impl ServiceState {
    /// The word in documents, in metrics and in the status that systemd shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Throttled => "throttled",
            Self::Blocked => "blocked",
            Self::Failing => "failing",
        }
    }

    /// All words, in the order of the enum.
    pub const ALL: [Self; 7] =
        all_variants!(ServiceState: Starting, Idle, Running, Waiting, Throttled, Blocked, Failing);
}

/// The last run that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// The run.
    pub run: String,
    /// When it began.
    #[serde(serialize_with = "crate::domain::rfc3339")]
    pub started_at: DateTime<Utc>,
    /// How it ended.
    pub outcome: Outcome,
}

/// The status document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the document format.
    pub version: u32,
    /// The state, in one word.
    pub state: ServiceState,
    /// The reason, in one sentence.
    pub reason: String,
    /// The last run that ended.
    pub last_run: Option<LastRun>,
    /// When a run last read the Admin Console and Campaign completely and made all changes that it was allowed to make.
    /// A held change is not allowed yet: a run that holds changes is a success.
    pub last_success: Option<DateTime<Utc>>,
    /// When a run last was a success with nothing held and nothing failed.
    #[serde(default)]
    pub last_clean: Option<DateTime<Utc>>,
    /// When the next run is due, on the node that is the leader then; `null` when the schedule is off.
    pub next_run: Option<DateTime<Utc>>,
    /// The end of a pause that Adobe asked for.
    pub throttled_until: Option<DateTime<Utc>>,
    /// The digests of the held plans, each once.
    pub held: Vec<String>,
    /// The held plans with instance, age and number of changes: by instance, the oldest first.
    #[serde(default)]
    pub holds: Vec<HoldEntry>,
    /// The state of each target of notifications.
    #[serde(default)]
    pub notifications: Vec<NotificationTargetState>,
    /// The organization on this host, where it serves several.
    #[serde(default)]
    pub organization: Option<String>,
    /// The leader, where several nodes share the state: `null` while it is not known. Otherwise this host.
    pub leader: Option<String>,
}

impl Status {
    /// In words, as systemd shows it: `idle: in sync; next run 2026-11-22T08:00:00Z; last success
    /// 2026-11-22T06:00:04Z`.
    pub fn described(&self) -> String {
        let mut words = format!("{}: {}", self.state.as_str(), self.reason);
        if let Some(since) = self.held_since() {
            words = format!("{words}; held since {}", to_the_second(since));
        }
        if let Some(next) = self.next_run {
            words = format!("{words}; next run {}", to_the_second(next));
        }
        match self.last_success {
            Some(last) => format!("{words}; last success {}", to_the_second(last)),
            None => format!("{words}; no success yet"),
        }
    }

    /// When the oldest held plan was first held.
    pub fn held_since(&self) -> Option<DateTime<Utc>> {
        self.holds.iter().map(|hold| hold.since).min()
    }

    /// Sets the pause and the held plans.
    pub(super) fn wait_for(&mut self, outstanding: Outstanding) {
        self.throttled_until = outstanding.throttled_until;
        self.hold(outstanding.holds);
    }

    /// Sets the held plans.
    pub(super) fn hold(&mut self, holds: Vec<HoldEntry>) {
        let digests: BTreeSet<String> = holds.iter().map(|hold| hold.digest.to_string()).collect();
        self.held = digests.into_iter().collect();
        self.holds = holds;
    }

    /// Takes the times, the pause and the holds over from the journal.
    pub(super) fn restore(&mut self, remembered: &Self, next_run: Option<DateTime<Utc>>) {
        self.last_run.clone_from(&remembered.last_run);
        (self.last_success, self.last_clean) = (remembered.last_success, remembered.last_clean);
        self.throttled_until = remembered.throttled_until;
        self.hold(remembered.holds.clone());
        self.next_run = next_run;
    }
}
