//! What the loop does when this node begins to lead, follows, or does not know who leads.
//!
//! The node that leads keeps the schedule. All others serve health, status and the control socket: a run that somebody asks
//! for there is made there, under the lock of runs, which lets one node run at a time whoever leads; an approval is written
//! into the journal that all share, and counts for the next run on any node.

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
    /// Takes its place among the nodes.
    pub(super) fn apply_leader_change(&mut self, change: LeaderChange) {
        match change {
            LeaderChange::Leads(leadership, restored) => self.lead(leadership, &restored),
            LeaderChange::Follows(leader, restored) => self.follow(leader, restored.as_ref()),
            LeaderChange::Lost => {
                self.stop_leading("this node leads no more: the session of the database that made it lead has ended");
            }
            LeaderChange::Unsuitable(why) => self.stop_leading(&format!("this node cannot lead: {why}")),
            LeaderChange::Unreachable(why) => {
                self.stop_leading(&format!("this node does not reach the database that the nodes share: {why}"));
            }
        }
    }

    /// Keeps the schedule, beginning with the tick that nobody made a run for.
    fn lead(&mut self, leadership: Leadership, restored: &RestoredStatus) {
        let settings = self.settings.borrow().clone();
        let (now, name) = (Utc::now(), node_name());
        let since = restored.since(now);
        let next_run = settings.schedule.schedule.next_after(since).map(|next| next.max(now));
        self.leadership = Some(leadership);
        self.schedule_task = Some(ScheduleTask::start(&settings.schedule, since));
        self.state.restore(&restored.status, next_run, Some(&name));
        tracing::info!(leader = name, "{name} leads: it keeps the schedule");
    }

    fn follow(&mut self, leader: Option<String>, restored: Option<&RestoredStatus>) {
        let before = self.state.facts();
        let leads = leader.as_deref().unwrap_or("a node that has not said its name");
        let why = format!("{} follows; {leads} leads", node_name());
        if before.role != NodeRole::Follower || before.status.leader != leader {
            tracing::info!(leader = leader.as_deref(), "{why}");
        }
        let next_run = self.settings.borrow().schedule.schedule.next_after(Utc::now());
        self.state.follow(leader, why, restored.map(|restored| (&restored.status, next_run)));
    }

    /// Leads no more. A scheduled run is told to stop, so that it does not go on reading for nothing; its lock, which it had
    /// as the leader, lets it write nothing from the moment the session ended. A run that somebody asked for goes on: it has a
    /// lock of its own.
    fn stop_leading(&mut self, why: &str) {
        self.leadership = None;
        if let Some(run) = &self.current {
            run.stop_if_scheduled();
        }
        self.stop_schedule();
        tracing::warn!("{why}; it makes no scheduled runs until it leads");
        self.state.leader_unknown(ServiceState::Failing, why.to_owned());
        self.show_next_run();
    }

    /// Rings no more. Not waited for: the schedule ends after the run that it began, and the loop has to see that end.
    pub(super) fn stop_schedule(&mut self) {
        let Some(old) = self.schedule_task.take() else { return };
        spawn_local(async move {
            if let Err(error) = old.stop().await {
                tracing::warn!(%error, "the old schedule ended badly");
            }
        });
    }

    /// The journal for a run: what the schedule or the daemon itself asks for is the leader's, and ends with the leadership.
    pub(super) fn journal_for(&self, origin: &RunOrigin) -> Journal {
        let journal = self.journal.with_notifications(self.settings.borrow().wanted_notifications());
        match (origin, &self.leadership) {
            (RunOrigin::Schedule(_) | RunOrigin::Daemon, Some(leadership)) => journal.with_leadership(leadership),
            _ => journal,
        }
    }
}
