//! The next run over everything: begins at once after an approval or a forgotten pause where Adobe's limits allow it, and at
//! its scheduled time otherwise.

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
    /// After the current run, which continues.
    AfterTheCurrentRun,
    /// At its scheduled time.
    AsScheduled,
    /// When a run is requested: the schedule is off.
    WhenAskedFor,
    /// On the leader, at its scheduled time: this node is a follower.
    OnTheLeader,
}

/// The next run, in the output of commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextRun {
    /// When it begins.
    pub begins: NextRunBegins,
    /// Its scheduled time; `null` when it begins now, or no run is scheduled.
    pub at: Option<String>,
    /// The same in a sentence.
    pub message: String,
}

/// Why a run is requested before its scheduled time.
#[derive(Clone, Debug)]
pub(super) enum RunReason {
    /// The plan held under this digest was approved.
    Approved(Digest),
    /// The pause that kept runs from reading was forgotten.
    Unpaused,
}

impl NextRun {
    /// The run begins at its scheduled time, for this reason: a sentence, or empty.
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

    /// The run begins after the current run.
    pub(super) fn after_the_current_run(at: Option<DateTime<Utc>>, wanted: &RunReason) -> Self {
        let message = match wanted {
            RunReason::Approved(_) => {
                "A run is under way. If the plan is still held when that run ends, the next run uses the approval, and begins \
                 at once where Adobe's limits allow it."
            }
            RunReason::Unpaused => "A run is under way, and continues.",
        };
        Self { begins: NextRunBegins::AfterTheCurrentRun, at: at.map(to_the_second), message: message.to_owned() }
    }

    fn on_the_leader(at: Option<DateTime<Utc>>, leader: Option<&str>, wanted: &RunReason) -> Self {
        let leader = leader.unwrap_or("the leader");
        let when = at.map_or_else(|| "when a run is requested".to_owned(), |at| format!("at {}", to_the_second(at)));
        let message = match wanted {
            RunReason::Approved(_) => {
                format!("This node is not the leader and begins no run: {leader} makes the next one {when}.")
            }
            RunReason::Unpaused => format!(
                "This node is not the leader and begins no run: if the pause kept {leader} from a run, {leader} begins it \
                 within seconds."
            ),
        };
        Self { begins: NextRunBegins::OnTheLeader, at: at.map(to_the_second), message }
    }
}

impl Daemon {
    /// Begins a run over everything if there is no current run, this node makes the scheduled runs, and Adobe's limits allow it.
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

    /// Whether a run could read the organization; `None` where the journal could not be read in time.
    async fn read_chance(&self) -> Option<ReadChance> {
        let options = self.settings.borrow().sync_options();
        timeout(JOURNAL_TIMEOUT, sync::read_chance(&options, &self.journal)).await.ok()?.ok()
    }

    /// After the end of a run: begins another one if a plan that was approved during the run is still held.
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
