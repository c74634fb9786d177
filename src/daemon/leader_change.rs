//! What the loop does when this node becomes the leader or a follower, or does not know which node is the leader.
//!
//! The leader makes the scheduled runs. Every node serves health, status and the control socket. A node makes the runs
//! that clients request from it, as the leader or not: the lock of runs lets one node run at a time. An approval is
//! written into the shared journal, and counts for the next run on any node.

use chrono::Utc;
use tokio::task::spawn_local;

use crate::journal::{Journal, Leadership};

use super::{
    NodeRole, ServiceState,
    current_run::RunOrigin,
    leadership::{LeaderChange, node_name},
    restore_status::RestoredStatus,
    run_loop::Daemon,
    schedule_task::ScheduleTask,
};

impl Daemon {
    /// Changes the role of this node.
    pub(super) fn apply_leader_change(&mut self, change: LeaderChange) {
        match change {
            LeaderChange::Leads(leadership, restored) => self.lead(leadership, &restored),
            LeaderChange::Follows(leader, restored) => self.follow(leader, restored.as_ref()),
            LeaderChange::Lost => {
                self.stop_leading("this node is no longer the leader: its database session has ended");
            }
            LeaderChange::Outdated(why) => {
                self.stop_leading(&format!("this node makes no runs until it is upgraded: {why}"));
            }
            LeaderChange::Unsuitable(why) => self.stop_leading(&format!("this node cannot become the leader: {why}")),
            LeaderChange::Unreachable(why) => {
                self.stop_leading(&format!("this node cannot reach the database that the nodes share: {why}"));
            }
        }
    }

    /// Becomes the leader: starts the schedule, beginning with a tick that was missed.
    fn lead(&mut self, leadership: Leadership, restored: &RestoredStatus) {
        let settings = self.settings.borrow().clone();
        let (now, name) = (Utc::now(), node_name());
        let since = restored.since(now);
        let next_run = settings.schedule.schedule.next_after(since).map(|next| next.max(now));
        self.leadership = Some(leadership);
        self.schedule_task = Some(ScheduleTask::start(&settings.schedule, since));
        self.state.restore(&restored.status, next_run, Some(&name));
        tracing::info!(leader = name, "{name} is the leader: it makes the scheduled runs");
    }

    fn follow(&mut self, leader: Option<String>, restored: Option<&RestoredStatus>) {
        let before = self.state.facts();
        let leads = leader.as_deref().unwrap_or("a node whose name is not known");
        let why = format!("{} is a follower; {leads} is the leader", node_name());
        if before.role != NodeRole::Follower || before.status.leader != leader {
            tracing::info!(leader = leader.as_deref(), "{why}");
        }
        let next_run = self.settings.borrow().schedule.schedule.next_after(Utc::now());
        self.state.follow(leader, why, restored.map(|restored| (&restored.status, next_run)));
    }

    /// Stops being the leader. Stops a scheduled run, which has no use any more: its lock belonged to the leader, and
    /// allows no write since the session ended. A requested run continues, because it has a lock of its own.
    fn stop_leading(&mut self, why: &str) {
        self.leadership = None;
        if let Some(run) = &self.current {
            run.stop_if_scheduled();
        }
        self.stop_schedule();
        tracing::warn!("{why}; this node makes no scheduled runs until it is the leader");
        self.state.leader_unknown(ServiceState::Failing, why.to_owned());
        self.show_next_run();
    }

    /// Stops the schedule. Does not wait for it: the schedule ends after the run that it began, and the loop handles
    /// that end.
    pub(super) fn stop_schedule(&mut self) {
        let Some(old) = self.schedule_task.take() else { return };
        spawn_local(async move {
            if let Err(error) = old.stop().await {
                tracing::warn!(%error, "the previous schedule ended with an error");
            }
        });
    }

    /// The journal for a run. A run of the schedule or of the daemon itself writes under the leadership, and fails once
    /// that has ended.
    pub(super) fn journal_for(&self, origin: &RunOrigin) -> Journal {
        let journal = self.journal.with_notifications(self.settings.borrow().wanted_notifications());
        match (origin, &self.leadership) {
            (RunOrigin::Schedule(_) | RunOrigin::Daemon, Some(leadership)) => journal.with_leadership(leadership),
            _ => journal,
        }
    }
}
