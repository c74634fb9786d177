//! Where several nodes share the state: one leads. A task competes for it, looks after it, and tells the loop.

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

/// The pause between two attempts to lead, and between two looks of the node that leads at its session.
///
/// Another node takes over within 15 s. These are 11 s until the server gives up the session of a node that vanished without a
/// word, at most this pause until the next attempt, and 2 s for the attempt and a look into the journal. Where a node was told
/// to stop, was killed or crashed, the session ends at once, and only the pause is left. One that hangs keeps its session until
/// the service manager ends it. A node that is cut off from the server knows it after this pause and 5 s without an answer, so
/// before another one leads.
pub(super) const ELECTION_INTERVAL: Duration = Duration::from_secs(2);

/// So many pauses does a node that lost the leadership leave to the others: its session did not end for nothing, and the run it
/// was making may still be ending. Others have made two attempts by then.
const PAUSES_FOR_OTHERS: u32 = 3;

/// How long a look into the journal may take: meanwhile the schedule rests, and the session may end.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// So many attempts come between two looks of a node that follows at what the leader has done.
const ATTEMPTS_PER_READ: u32 = 5;

/// How it stands with the leadership.
#[derive(Debug)]
pub(super) enum LeaderChange {
    /// This node leads from now on, and this is what the journal remembers.
    Leads(Leadership, RestoredStatus),
    /// Another one leads, of this name; with what the journal remembers, where it was looked at.
    Follows(Option<String>, Option<RestoredStatus>),
    /// This node leads no more.
    Lost,
    /// The database does not answer, for this reason.
    Unreachable(String),
    /// This node could lead, and its configuration does not suit what the database remembers, for this reason.
    Unsuitable(String),
}

/// The competition, under way.
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

    /// The next news; `None` when the competition came to an end by itself.
    pub(super) async fn next_change(&mut self) -> Option<LeaderChange> {
        self.change.recv().await
    }
}

impl Drop for LeaderElection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why an attempt came to nothing.
#[derive(Debug, thiserror::Error)]
enum ElectionError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    MissingMode(#[from] MissingModeError),
    #[error("the journal could not be read within {} s", READ_TIMEOUT.as_secs())]
    Slow,
}

struct ElectionTask {
    candidate: Candidate,
    journal: Journal,
    settings: watch::Receiver<Arc<Settings>>,
    send: mpsc::Sender<LeaderChange>,
    /// Since the last look into the journal.
    attempts: u32,
    /// Why the database was not reached, as it was told last; the same reason is told once.
    last_reason: Option<String>,
}

impl ElectionTask {
    /// Goes on until it is aborted.
    async fn compete(mut self) {
        loop {
            let mut pause = ELECTION_INTERVAL;
            let change = self.attempt().await.unwrap_or_else(|error| match &error {
                ElectionError::MissingMode(MissingModeError::Refused(why)) => LeaderChange::Unsuitable(why.to_string()),
                _ => LeaderChange::Unreachable(Chain(&error).to_string()),
            });
            let leadership =
                if let LeaderChange::Leads(leadership, _) = &change { Some(leadership.clone()) } else { None };
            self.send(change).await;
            if let Some(leadership) = leadership {
                while leadership.is_still_held().await {
                    sleep(ELECTION_INTERVAL).await;
                }
                self.send(LeaderChange::Lost).await;
                pause = ELECTION_INTERVAL * PAUSES_FOR_OTHERS;
            }
            sleep(pause).await;
        }
    }

    async fn send(&mut self, change: LeaderChange) {
        let why = if let LeaderChange::Unreachable(why) | LeaderChange::Unsuitable(why) = &change {
            Some(why.clone())
        } else {
            None
        };
        if why.is_none() || why != self.last_reason {
            // Nobody listens to the end of the daemon only, and then this task is aborted.
            let _ = self.send.send(change).await;
        }
        self.last_reason = why;
    }

    async fn attempt(&mut self) -> Result<LeaderChange, ElectionError> {
        match self.candidate.try_to_lead().await? {
            Election::Leader(leadership) => {
                self.attempts = 0;
                // What was done until now is known before anything is done: without it a tick would be made twice.
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

/// What this node is called: the name of its host.
pub(super) fn node_name() -> String {
    host_name().unwrap_or_else(|| "this node".to_owned())
}

/// The name of this host.
pub(super) fn host_name() -> Option<String> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(host.trim().to_owned()).filter(|host| !host.is_empty())
}
