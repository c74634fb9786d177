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

use super::recall::{Recalled, recalled};

/// The pause between two attempts to lead, and between two looks of the node that leads at its session.
///
/// Another node takes over within 15 s. These are 11 s until the server gives up the session of a node that vanished without a
/// word, at most this pause until the next attempt, and 2 s for the attempt and a look into the journal. Where a node was told
/// to stop, was killed or crashed, the session ends at once, and only the pause is left. One that hangs keeps its session until
/// the service manager ends it. A node that is cut off from the server knows it after this pause and 5 s without an answer, so
/// before another one leads.
pub(super) const PAUSE: Duration = Duration::from_secs(2);

/// So many pauses does a node that lost the leadership leave to the others: its session did not end for nothing, and the run it
/// was making may still be ending. Others have made two attempts by then.
const PAUSES_FOR_OTHERS: u32 = 3;

/// How long a look into the journal may take: meanwhile the schedule rests, and the session may end.
const LOOK_PATIENCE: Duration = Duration::from_secs(10);

/// So many attempts come between two looks of a node that follows at what the leader has done.
const ATTEMPTS_PER_LOOK: u32 = 5;

/// How it stands with the leadership.
#[derive(Debug)]
pub(super) enum News {
    /// This node leads from now on, and this is what the journal remembers.
    Leads(Leadership, Recalled),
    /// Another one leads, of this name; with what the journal remembers, where it was looked at.
    Follows(Option<String>, Option<Recalled>),
    /// This node leads no more.
    Lost,
    /// The database does not answer, for this reason.
    OutOfReach(String),
    /// This node could lead, and its configuration does not suit what the database remembers, for this reason.
    Unsuited(String),
}

/// The competition, under way.
#[derive(Debug)]
pub(super) struct Competition {
    news: mpsc::Receiver<News>,
    task: JoinHandle<()>,
}

impl Competition {
    pub(super) fn start(candidate: Candidate, journal: Journal, settings: watch::Receiver<Arc<Settings>>) -> Self {
        let (tell, news) = mpsc::channel(1);
        let competitor = Competitor { candidate, journal, settings, tell, attempts: 0, told: None };
        Self { news, task: spawn_local(competitor.compete()) }
    }

    /// The next news; `None` when the competition came to an end by itself.
    pub(super) async fn news(&mut self) -> Option<News> {
        self.news.recv().await
    }
}

impl Drop for Competition {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why an attempt came to nothing.
#[derive(Debug, thiserror::Error)]
enum NoAttempt {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    MissingMode(#[from] MissingModeError),
    #[error("the journal could not be read within {} s", LOOK_PATIENCE.as_secs())]
    Slow,
}

struct Competitor {
    candidate: Candidate,
    journal: Journal,
    settings: watch::Receiver<Arc<Settings>>,
    tell: mpsc::Sender<News>,
    /// Since the last look into the journal.
    attempts: u32,
    /// Why the database was not reached, as it was told last; the same reason is told once.
    told: Option<String>,
}

impl Competitor {
    /// Goes on until it is aborted.
    async fn compete(mut self) {
        loop {
            let mut pause = PAUSE;
            let news = self.attempt().await.unwrap_or_else(|error| match &error {
                NoAttempt::MissingMode(MissingModeError::Refused(why)) => News::Unsuited(why.to_string()),
                _ => News::OutOfReach(Chain(&error).to_string()),
            });
            let leadership = if let News::Leads(leadership, _) = &news { Some(leadership.clone()) } else { None };
            self.tell(news).await;
            if let Some(leadership) = leadership {
                while leadership.is_still_held().await {
                    sleep(PAUSE).await;
                }
                self.tell(News::Lost).await;
                pause = PAUSE * PAUSES_FOR_OTHERS;
            }
            sleep(pause).await;
        }
    }

    async fn tell(&mut self, news: News) {
        let why = if let News::OutOfReach(why) | News::Unsuited(why) = &news { Some(why.clone()) } else { None };
        if why.is_none() || why != self.told {
            // Nobody listens to the end of the daemon only, and then this task is aborted.
            let _ = self.tell.send(news).await;
        }
        self.told = why;
    }

    async fn attempt(&mut self) -> Result<News, NoAttempt> {
        match self.candidate.try_to_lead().await? {
            Election::Leader(leadership) => {
                self.attempts = 0;
                // What was done until now is known before anything is done: without it a tick would be made twice.
                let recalled = self.recall().await?;
                Arc::clone(&self.settings.borrow()).require_explicit_modes(&self.journal).await?;
                Ok(News::Leads(leadership, recalled))
            }
            Election::Follower(leader) => {
                let is_due = self.attempts.is_multiple_of(ATTEMPTS_PER_LOOK);
                self.attempts = self.attempts.wrapping_add(1);
                let recalled = if is_due { Some(self.recall().await?) } else { None };
                Ok(News::Follows(leader, recalled))
            }
        }
    }

    async fn recall(&self) -> Result<Recalled, NoAttempt> {
        let settings = Arc::clone(&self.settings.borrow());
        let look = timeout(LOOK_PATIENCE, recalled(&self.journal, &settings));
        Ok(look.await.map_err(|_elapsed| NoAttempt::Slow)??)
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
