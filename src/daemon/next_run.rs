//! The run over everything that the schedule would make next: begun at once after an approval or a
//! forgotten pause, where Adobe's limits allow it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    domain::{Digest, to_the_second},
    sync::{self, ReadChance, UNPAUSE, WaitPolicy},
};

use super::{
    NodeRole,
    current_run::RunOrigin,
    run_loop::{Daemon, JOURNAL_TIMEOUT},
};

/// When the next run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextRunBegins {
    /// The daemon has begun it.
    Now,
    /// A run is under way, and goes on.
    AfterTheCurrentRun,
    /// At its scheduled time.
    AsScheduled,
    /// The schedule is off: when a run is requested.
    WhenAskedFor,
    /// This node follows: the node that leads makes it at its scheduled time.
    OnTheLeader,
}

/// The next run, as answers tell of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextRun {
    /// When it begins.
    pub begins: NextRunBegins,
    /// Its scheduled time; `null` when it begins now, or no run is scheduled.
    pub at: Option<String>,
    /// The same in a sentence.
    pub message: String,
}

/// Why a run is wanted before its scheduled time.
#[derive(Clone, Debug)]
pub(super) enum RunReason {
    /// What is held under this digest was approved.
    Approved(Digest),
    /// The pause that kept runs from reading was forgotten.
    Unpaused,
}

impl NextRun {
    /// It begins at its scheduled time, for this reason, a sentence or nothing.
    pub(super) fn scheduled(at: Option<DateTime<Utc>>, why: &str) -> Self {
        let (begins, sentence) = match at {
            Some(at) => (NextRunBegins::AsScheduled, format!("The next run is scheduled for {}.", to_the_second(at))),
            None => (
                NextRunBegins::WhenAskedFor,
                "No run is scheduled: make one with campaign-group-sync --sync-now.".to_owned(),
            ),
        };
        let message = if why.is_empty() { sentence } else { format!("{why} {sentence}") };
        Self { begins, at: at.map(to_the_second), message }
    }

    fn now() -> Self {
        Self { begins: NextRunBegins::Now, at: None, message: "The daemon begins the run now.".to_owned() }
    }

    /// A run is under way.
    pub(super) fn after_the_current_run(at: Option<DateTime<Utc>>, wanted: &RunReason) -> Self {
        let message = match wanted {
            RunReason::Approved(_) => {
                "A run is under way. If the plan is still held when it ends, the approval counts for the run after it, which \
                 begins at once where Adobe's limits allow it."
            }
            RunReason::Unpaused => "A run is under way, and goes on.",
        };
        Self { begins: NextRunBegins::AfterTheCurrentRun, at: at.map(to_the_second), message: message.to_owned() }
    }

    fn on_the_leader(at: Option<DateTime<Utc>>, leader: Option<&str>, wanted: &RunReason) -> Self {
        let leader = leader.unwrap_or("the node that leads");
        let when = at.map_or_else(|| "when a run is requested".to_owned(), |at| format!("at {}", to_the_second(at)));
        let message = match wanted {
            RunReason::Approved(_) => {
                format!("This daemon does not lead, and begins no run: {leader} makes the next one {when}.")
            }
            RunReason::Unpaused => format!(
                "This daemon does not lead, and begins no run: if the pause kept {leader} from a run, it begins that run \
                 within seconds."
            ),
        };
        Self { begins: NextRunBegins::OnTheLeader, at: at.map(to_the_second), message }
    }
}

impl Daemon {
    /// Begins a run over everything if none is under way, this node keeps the schedule, and Adobe's limits allow it.
    pub(super) async fn run_at_once(&mut self, wanted: RunReason) -> NextRun {
        let at = self.settings.borrow().schedule.schedule.next_after(Utc::now());
        if self.current.is_some() {
            let next = NextRun::after_the_current_run(at, &wanted);
            if let RunReason::Approved(digest) = wanted {
                self.approved_meanwhile.push(digest);
            }
            return next;
        }
        let facts = self.state.facts();
        if !facts.role.keeps_the_schedule() {
            let leader = facts.status.leader.filter(|_| facts.role == NodeRole::Follower);
            return NextRun::on_the_leader(at, leader.as_deref(), &wanted);
        }
        let why = match self.read_chance().await {
            Some(ReadChance::Now) => {
                self.begin_whole_run(WaitPolicy::Bounded, RunOrigin::Daemon);
                return NextRun::now();
            }
            Some(ReadChance::Paused { until }) => {
                format!("Adobe asked for a pause until {}; {UNPAUSE}.", to_the_second(until))
            }
            Some(ReadChance::TooEarly { until }) => format!(
                "The organization may be read again at {} (experience_cloud.first_page_interval).",
                to_the_second(until)
            ),
            None => "The state could not be read in time to begin a run at once.".to_owned(),
        };
        NextRun::scheduled(at, &why)
    }

    /// Whether a run could read the organization; `None` where the journal does not say so in time.
    async fn read_chance(&self) -> Option<ReadChance> {
        let options = self.settings.borrow().sync_options();
        timeout(JOURNAL_TIMEOUT, sync::read_chance(&options, &self.journal)).await.ok()?.ok()
    }

    /// A run has ended. Begins another one where a plan that was approved meanwhile is still held.
    pub(super) async fn follow_up_approvals(&mut self) {
        let approved = std::mem::take(&mut self.approved_meanwhile);
        let held = self.state.facts().status.held;
        let Some(digest) = approved.into_iter().find(|digest| held.iter().any(|held| held == digest.as_str())) else {
            return;
        };
        let next = self.run_at_once(RunReason::Approved(digest.clone())).await;
        tracing::info!(plan.digest = %digest, "{digest} was approved during the last run: {}", next.message);
    }
}
