//! The election of the leader among nodes that share the state: a task tries to lead, checks the leadership, and
//! informs the loop.

use std::{fs, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, spawn_local},
    time::{sleep, timeout},
};

use crate::{
    journal::{Candidate, Election, Journal, JournalError, Leadership},
    observability::Chain,
    settings::{MissingModeError, Settings},
};

use super::restore_status::{RestoredStatus, restore_status};

/// The pause between two attempts to lead, and between two checks of the leader's session.
///
/// Another node takes over within 15 s: 11 s until the server closes the session of a node that vanished, at most this
/// pause until the next attempt, and 2 s for the attempt and a read of the journal. When a node is stopped, killed or
/// crashes, its session ends at once, and only the pause remains. A node that hangs keeps its session until the service
/// manager ends it. A node that is cut off from the server notices it after this pause and 5 s without a response:
/// before another node leads.
pub(super) const ELECTION_INTERVAL: Duration = Duration::from_secs(2);

/// How many pauses a node that lost the leadership waits before its next attempt: its session ended for a reason, and
/// its run may still be ending. Other nodes have made two attempts by then.
const PAUSES_FOR_OTHERS: u32 = 3;

/// How long a read of the journal may take: in the meantime the schedule does not run, and the session may end.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// How many attempts a follower makes between two reads of what the leader has done.
const ATTEMPTS_PER_READ: u32 = 5;

/// A change of the role of this node.
#[derive(Debug)]
pub(super) enum LeaderChange {
    /// This node is the leader from now on; with the status from the journal.
    Leads(Leadership, RestoredStatus),
    /// Another node is the leader, of this name; with the status from the journal, where it was read.
    Follows(Option<String>, Option<RestoredStatus>),
    /// This node is no longer the leader.
    Lost,
    /// The database cannot be reached, for this reason.
    Unreachable(String),
    /// The state was migrated by a newer version: this node steps aside until it is upgraded, for this reason.
    Outdated(String),
    /// This node may not lead, because its configuration contradicts the state, for this reason.
    Unsuitable(String),
}

/// The running election task.
#[derive(Debug)]
pub(super) struct LeaderElection {
    change: mpsc::Receiver<LeaderChange>,
    task: JoinHandle<()>,
}

impl LeaderElection {
    pub(super) fn start(candidate: Candidate, journal: Journal, settings: watch::Receiver<Arc<Settings>>) -> Self {
        let (send, change) = mpsc::channel(1);
        let task = ElectionTask { candidate, journal, settings, send, attempts: 0, last_reason: None };
        Self { change, task: spawn_local(task.compete()) }
    }

    /// The next change; `None` when the task ended by itself.
    pub(super) async fn next_change(&mut self) -> Option<LeaderChange> {
        self.change.recv().await
    }
}

impl Drop for LeaderElection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
enum ElectionError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    MissingMode(#[from] MissingModeError),
    #[error("the state could not be read within {} s", READ_TIMEOUT.as_secs())]
    Slow,
}

struct ElectionTask {
    candidate: Candidate,
    journal: Journal,
    settings: watch::Receiver<Arc<Settings>>,
    send: mpsc::Sender<LeaderChange>,
    /// Attempts since the last read of the journal.
    attempts: u32,
    /// The reason that was sent last: the same reason is sent once.
    last_reason: Option<String>,
}

impl ElectionTask {
    /// Runs until it is aborted.
    async fn compete(mut self) {
        loop {
            let mut pause = ELECTION_INTERVAL;
            let change =
                self.attempt().await.unwrap_or_else(|error| match &error {
                    ElectionError::MissingMode(MissingModeError::Refused(why)) => {
                        LeaderChange::Unsuitable(why.to_string())
                    }
                    ElectionError::Journal(outdated @ JournalError::NewerSchema { .. })
                    | ElectionError::MissingMode(MissingModeError::Journal(
                        outdated @ JournalError::NewerSchema { .. },
                    )) => LeaderChange::Outdated(outdated.to_string()),
                    ElectionError::MissingMode(MissingModeError::Journal(error)) if error.is_of_configuration() => {
                        LeaderChange::Unsuitable(error.to_string())
                    }
                    _ => LeaderChange::Unreachable(Chain(&error).to_string()),
                });
            let leadership =
                if let LeaderChange::Leads(leadership, _) = &change { Some(leadership.clone()) } else { None };
            self.send(change).await;
            if let Some(leadership) = leadership {
                let end = self.lead(&leadership).await;
                self.send(end).await;
                pause = ELECTION_INTERVAL * PAUSES_FOR_OTHERS;
            }
            sleep(pause).await;
        }
    }

    /// Waits for the end of the leadership. It is given back once another node has migrated the state.
    async fn lead(&self, leadership: &Leadership) -> LeaderChange {
        while leadership.is_still_held().await {
            let checked = timeout(READ_TIMEOUT, self.journal.require_current_schema()).await;
            if let Ok(Err(outdated @ JournalError::NewerSchema { .. })) = checked {
                leadership.resign().await;
                return LeaderChange::Outdated(outdated.to_string());
            }
            sleep(ELECTION_INTERVAL).await;
        }
        LeaderChange::Lost
    }

    async fn send(&mut self, change: LeaderChange) {
        let why = match &change {
            LeaderChange::Unreachable(why) | LeaderChange::Unsuitable(why) | LeaderChange::Outdated(why) => {
                Some(why.clone())
            }
            LeaderChange::Leads(..) | LeaderChange::Follows(..) | LeaderChange::Lost => None,
        };
        if why.is_none() || why != self.last_reason {
            // The receiver is closed only when the daemon ends, which also aborts this task.
            let _ = self.send.send(change).await;
        }
        self.last_reason = why;
    }

    async fn attempt(&mut self) -> Result<LeaderChange, ElectionError> {
        match self.candidate.try_to_lead().await? {
            Election::Leader(leadership) => {
                self.attempts = 0;
                // The status is read before the schedule starts: otherwise a tick could be made twice.
                let restored = self.restore_status().await?;
                Arc::clone(&self.settings.borrow()).require_explicit_modes(&self.journal).await?;
                Ok(LeaderChange::Leads(leadership, restored))
            }
            Election::Follower(leader) => {
                let is_due = self.attempts.is_multiple_of(ATTEMPTS_PER_READ);
                self.attempts = self.attempts.wrapping_add(1);
                let restored = if is_due { Some(self.restore_status().await?) } else { None };
                Ok(LeaderChange::Follows(leader, restored))
            }
        }
    }

    async fn restore_status(&self) -> Result<RestoredStatus, ElectionError> {
        let settings = Arc::clone(&self.settings.borrow());
        let look = timeout(READ_TIMEOUT, restore_status(&self.journal, &settings));
        Ok(look.await.map_err(|_elapsed| ElectionError::Slow)??)
    }
}

/// The name of this node: that of its host.
pub(super) fn node_name() -> String {
    host_name().unwrap_or_else(|| "this node".to_owned())
}

/// The name of this host.
pub(super) fn host_name() -> Option<String> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(host.trim().to_owned()).filter(|host| !host.is_empty())
}
