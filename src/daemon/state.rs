//! The current state of the daemon. The loop writes it; the control socket, HTTP and the messages to systemd read it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, SubsecRound as _, Utc};
use chrono_tz::Tz;
use tokio::sync::watch;

use crate::{
    domain::{Outcome, Progress, RunEvent, RunReport, Summary, to_the_second},
    journal::HoldEntry,
    settings::{PersonLookup, Settings},
    sync::UNPAUSE,
};

use super::{LastRun, ServiceState, Status};

/// The reason of the state `blocked`.
pub(super) const HELD: &str = "changes are held and wait for an approval";

/// The reason of the state `blocked` where all held changes are approved for the next run.
pub(super) const APPROVED: &str = "changes are held and approved; the next run makes them";

/// The reason of the state `starting`.
const NO_RUN_YET: &str = "no run has ended since the start";

/// The reason of the state `starting` on a node that has just become the leader.
const NO_RUN_AS_LEADER: &str = "no run has ended since this node became the leader";

/// The reason of the state `running`.
const UNDER_WAY: &str = "a run is under way";

/// How long a run may take before the last success counts as too old. A run over a very large organization takes hours,
/// and the gaps in its schedule are long enough for it.
const LENGTH_OF_A_RUN: Duration = Duration::from_secs(15 * 60);

/// What the daemon waits for between runs, read from the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outstanding {
    /// The end of a pause that Adobe asked for.
    pub throttled_until: Option<DateTime<Utc>>,
    /// The held plans that wait for an approval.
    pub holds: Vec<HoldEntry>,
}

/// The role of this node among those that share the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeRole {
    /// The only node: the state is a file.
    #[default]
    Single,
    /// The leader: it makes the scheduled runs.
    Leader,
    /// A follower: another node is the leader.
    Follower,
    /// Not known, because the database did not answer or was not read yet. The node makes no scheduled runs.
    Unknown,
}

impl NodeRole {
    /// Whether this node makes the scheduled runs.
    pub fn keeps_the_schedule(self) -> bool {
        matches!(self, Self::Single | Self::Leader)
    }
}

/// The state of the daemon. Clones share the same state.
#[derive(Clone, Debug)]
pub struct DaemonState {
    facts: Arc<Mutex<DaemonFacts>>,
    changed: watch::Sender<u64>,
}

/// The values of the state. A copy costs little compared to a request.
#[derive(Clone, Debug, Default)]
pub struct DaemonFacts {
    /// The status document.
    pub status: Status,
    /// The role of this node among those that share the state.
    pub role: NodeRole,
    /// The progress of the current run, in words; empty between runs.
    pub progress: String,
    /// The report of the last run that ended.
    pub last_report: Option<Arc<RunReport>>,
    /// The longest time without a success that still counts as ready.
    pub ready_within: Duration,
    /// Whether the page explains memberships of a user.
    pub person_lookup: PersonLookup,
    /// The time zone of the page: that of the schedule.
    pub timezone: Tz,
    /// Whether the credentials of the Admin Console and of Campaign have worked since the start.
    pub credentials_proven: bool,
    /// Runs ended since the start, by outcome.
    pub runs: BTreeMap<&'static str, u64>,
    /// Outcomes of changes since the start, by kind and outcome.
    pub changes: BTreeMap<(&'static str, &'static str), u64>,
    /// Calls to UMAPI since the start.
    pub calls: u64,
    /// Why the last reload failed; `None` when it did not.
    pub reload_problem: Option<String>,
    /// State and reason before the current run; they return after a run that does not change them.
    pub before: (ServiceState, String),
}

impl DaemonState {
    /// The state of a daemon that starts. `ready_within` is the longest time without a success that still counts as
    /// ready.
    pub fn new(ready_within: Duration, leader: Option<String>) -> Self {
        let status =
            Status { version: super::status::VERSION, reason: NO_RUN_YET.to_owned(), leader, ..Status::default() };
        let facts = DaemonFacts { status, ready_within, ..DaemonFacts::default() };
        Self { facts: Arc::new(Mutex::new(facts)), changed: watch::Sender::new(0) }
    }

    /// A copy of the current values.
    pub fn facts(&self) -> DaemonFacts {
        let mut facts = self.lock().clone();
        if let Some(problem) = &facts.reload_problem {
            facts.status.reason =
                format!("{}; reload failed, the previous configuration stays active: {problem}", facts.status.reason);
        }
        facts
    }

    /// Changes its value whenever the state changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Changes the values.
    pub fn update(&self, change: impl FnOnce(&mut DaemonFacts)) {
        change(&mut self.lock());
        self.changed.send_modify(|version| *version += 1);
    }

    /// Restores the state from the journal: at the start of the daemon, or when this node, named `leads`, becomes the
    /// leader.
    pub(super) fn restore(&self, remembered: &Status, next_run: Option<DateTime<Utc>>, leads: Option<&str>) {
        self.update(|facts| {
            facts.status.restore(remembered, next_run);
            let mut reason = NO_RUN_YET;
            if let Some(name) = leads {
                (facts.role, facts.status.leader) = (NodeRole::Leader, Some(name.to_owned()));
                reason = NO_RUN_AS_LEADER;
            }
            if remembered.reason.is_empty() {
                facts.set_state_between_runs(ServiceState::Starting, reason.to_owned());
            } else {
                facts.set_state_between_runs(remembered.state, remembered.reason.clone());
            }
        });
    }

    /// Another node is the leader. `leader` is its name, if it is known; `news` is what the journal says about its
    /// runs.
    pub(super) fn follow(&self, leader: Option<String>, why: String, news: Option<(&Status, Option<DateTime<Utc>>)>) {
        self.update(|facts| {
            if let Some((remembered, next_run)) = news {
                facts.status.restore(remembered, next_run);
                let newest = remembered.last_run.as_ref().map(|last| last.run.as_str());
                // The report of an older run of this node is outdated: only the leader has the current numbers.
                facts.last_report = facts.last_report.take().filter(|report| Some(report.run.as_str()) == newest);
            }
            (facts.role, facts.status.leader) = (NodeRole::Follower, leader);
            facts.set_state_between_runs(ServiceState::Idle, why);
        });
    }

    /// It is not known which node leads, for this reason.
    pub(super) fn leader_unknown(&self, state: ServiceState, why: String) {
        self.update(|facts| {
            (facts.role, facts.status.leader) = (NodeRole::Unknown, None);
            facts.set_state_between_runs(state, why);
        });
    }

    /// All held plans are approved: nothing waits for an administrator any more.
    pub(super) fn all_holds_approved(&self) {
        self.update(|facts| {
            if facts.status.state == ServiceState::Blocked {
                APPROVED.clone_into(&mut facts.status.reason);
            }
        });
    }

    /// An administrator had a pause forgotten, as `why` says: the state `throttled` ends. Answers the state before.
    pub(super) fn pause_forgotten(&self, why: &str) -> ServiceState {
        let mut before = ServiceState::default();
        self.update(|facts| {
            before = facts.status.state;
            facts.status.throttled_until = None;
            for (state, reason) in
                [(&mut facts.status.state, &mut facts.status.reason), (&mut facts.before.0, &mut facts.before.1)]
            {
                if *state == ServiceState::Throttled {
                    (*state, *reason) = (ServiceState::Idle, why.to_owned());
                }
            }
        });
        before
    }

    /// A run begins.
    pub fn run_started(&self) {
        self.update(|facts| {
            let status = &mut facts.status;
            facts.before = (status.state, std::mem::replace(&mut status.reason, UNDER_WAY.to_owned()));
            status.state = ServiceState::Running;
        });
    }

    /// The current run made progress, or waits for Adobe.
    pub fn run_progressed(&self, progress: &Progress) {
        self.update(|facts| {
            facts.status.state = if progress.pause().is_some() { ServiceState::Waiting } else { ServiceState::Running };
            facts.progress = progress.to_string();
            // An administrator who sees `waiting` needs to know what for and until when.
            facts.status.reason = match facts.status.state {
                ServiceState::Waiting => format!("{UNDER_WAY}: {}", facts.progress),
                _ => UNDER_WAY.to_owned(),
            };
        });
    }

    /// An event of the current run was recorded.
    pub fn event_recorded(&self, event: &RunEvent<'_>) {
        self.update(|facts| {
            for change in event.outcomes() {
                *facts.changes.entry((change.op.as_str(), change.outcome.as_str())).or_default() += 1;
            }
        });
    }

    /// A run over everything ended: its outcome decides the state.
    pub fn run_ended(&self, report: impl Into<Arc<RunReport>>, outstanding: Outstanding) {
        let report = report.into();
        self.update(|facts| {
            (facts.status.state, facts.status.reason) = state_after_run(&report, &outstanding);
            facts.record_whole_run(&report, outstanding);
            facts.count_run(report);
        });
    }

    /// A requested run over everything ended on a follower: the state is as before, because the runs of the leader
    /// decide it.
    pub(super) fn run_on_follower_ended(&self, report: Arc<RunReport>, outstanding: Outstanding) {
        self.update(|facts| {
            (facts.status.state, facts.status.reason) = std::mem::take(&mut facts.before);
            facts.record_whole_run(&report, outstanding);
            facts.count_run(report);
        });
    }

    /// A run ended that was narrowed or wrote nothing: the state is as before.
    pub fn partial_run_ended(&self, report: Arc<RunReport>, outstanding: Outstanding) {
        self.update(|facts| {
            (facts.status.state, facts.status.reason) = std::mem::take(&mut facts.before);
            facts.status.wait_for(outstanding);
            facts.count_run(report);
        });
    }

    /// The clock was ahead and was set back to `now`: times after `now` become `now`, so that their age grows from
    /// here.
    pub(super) fn clock_was_set_back(&self, now: DateTime<Utc>, mut outstanding: Outstanding) {
        let now = now.trunc_subsecs(0);
        outstanding.holds.iter_mut().for_each(|hold| hold.since = hold.since.min(now));
        self.update(|facts| {
            let status = &mut facts.status;
            for time in [&mut status.last_success, &mut status.last_clean] {
                *time = time.map(|time| time.min(now));
            }
            status.wait_for(outstanding);
        });
    }

    /// A run ended without a report, because of a defect of this program.
    pub fn run_crashed(&self, why: &str) {
        self.update(|facts| {
            (facts.status.state, facts.status.reason) = (ServiceState::Failing, why.to_owned());
            facts.progress.clear();
        });
    }

    fn lock(&self) -> MutexGuard<'_, DaemonFacts> {
        // The values are replaced one by one: a thread that panicked left them valid.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DaemonFacts {
    /// Uses these settings from now on.
    pub(super) fn use_settings(&mut self, settings: &Settings) {
        self.ready_within = ready_within(settings);
        self.person_lookup = settings.http.person_lookup;
        self.timezone = settings.schedule.schedule.timezone();
        self.status.organization = settings.organization.as_ref().map(ToString::to_string);
    }

    /// Sets the state between runs. During a run, this is the state to return to after a run that does not change it.
    fn set_state_between_runs(&mut self, state: ServiceState, reason: String) {
        if matches!(self.status.state, ServiceState::Running | ServiceState::Waiting) {
            self.before = (state, reason);
        } else {
            (self.status.state, self.status.reason) = (state, reason);
        }
    }

    /// Takes the times of the last success from a run over everything.
    fn record_whole_run(&mut self, report: &RunReport, outstanding: Outstanding) {
        let (status, ended_at) = (&mut self.status, Some(report.ended_at(Utc::now()).trunc_subsecs(0)));
        if report.outcome.is_success() {
            status.last_success = ended_at;
        }
        if is_clean(report.outcome, &report.total()) {
            status.last_clean = ended_at;
        }
        status.wait_for(outstanding);
    }

    /// Adds the run to the counters since the start.
    fn count_run(&mut self, report: Arc<RunReport>) {
        let started_at = report.started_at.trunc_subsecs(0);
        self.status.last_run = Some(LastRun { run: report.run.clone(), started_at, outcome: report.outcome });
        self.credentials_proven |= report.source.complete
            && report.instances.iter().any(|instance| !matches!(instance.outcome, Outcome::Refused));
        *self.runs.entry(report.outcome.as_str()).or_default() += 1;
        self.calls += report.source.calls;
        self.progress.clear();
        self.last_report = Some(report);
    }
}

/// The longest time without a success that still counts as ready: two gaps of the schedule, so that one failed run
/// raises no alarm, plus the jitter and the length of a run. Unlimited without a schedule.
pub(super) fn ready_within(settings: &Settings) -> Duration {
    let Some((_, longest)) = settings.schedule.schedule.gaps_after(Utc::now()) else { return Duration::MAX };
    let longest = longest.to_std().unwrap_or_default();
    longest.saturating_mul(2).saturating_add(settings.schedule.jitter).saturating_add(LENGTH_OF_A_RUN)
}

/// Whether a run succeeded with nothing held and nothing failed.
pub(super) fn is_clean(outcome: Outcome, total: &Summary) -> bool {
    outcome.is_success() && outcome != Outcome::Held && total.held == 0 && total.failed == 0
}

/// The state after a run, and its reason.
fn state_after_run(report: &RunReport, outstanding: &Outstanding) -> (ServiceState, String) {
    let error = report
        .error
        .clone()
        .or_else(|| report.instances.iter().find_map(|instance| instance.error.clone()))
        .unwrap_or_default();
    match report.outcome {
        Outcome::InSync => (ServiceState::Idle, "in sync".to_owned()),
        Outcome::ChangesPending => (ServiceState::Idle, "changes are pending in an observed instance".to_owned()),
        Outcome::Applied => (ServiceState::Idle, "all changes were applied".to_owned()),
        Outcome::Partial => (ServiceState::Idle, "some items failed or could not be placed".to_owned()),
        Outcome::Held if outstanding.holds.is_empty() => (ServiceState::Idle, nothing_held(report)),
        Outcome::Held => (ServiceState::Blocked, HELD.to_owned()),
        Outcome::Throttled => throttled(outstanding.throttled_until, error),
        Outcome::Refused => (ServiceState::Failing, format!("credentials: {error}")),
        Outcome::Misconfigured => (ServiceState::Failing, format!("configuration: {error}")),
        Outcome::Incomplete | Outcome::Unavailable | Outcome::Locked | Outcome::Failed | Outcome::Interrupted => {
            (ServiceState::Failing, format!("{}: {error}", report.outcome.as_str()))
        }
    }
}

/// The reason after a run with the outcome `held` where nothing waits for an approval.
fn nothing_held(report: &RunReport) -> String {
    let observed = report.instances.iter().filter(|instance| instance.held.is_some());
    let observed: Vec<&str> = observed.map(|instance| instance.name.as_str()).collect();
    if observed.is_empty() {
        return "nothing is held; the run was asked to approve a digest that is not held".to_owned();
    }
    format!("nothing is held; in an observed instance, changes would be held: {}", observed.join(", "))
}

/// The state `throttled`, with the end of the pause or else `why`.
pub(super) fn throttled(until: Option<DateTime<Utc>>, why: String) -> (ServiceState, String) {
    let until = until.map(to_the_second);
    let words = |until| format!("rate limited until {until}: Adobe asked for a pause; {UNPAUSE}");
    (ServiceState::Throttled, until.map_or(why, words))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn incident_28_after_a_clock_is_set_back_the_last_success_ages_from_the_correction_on() {
        let now = DateTime::from_timestamp(1_795_413_600, 0).expect("a time");
        let daemon_state = DaemonState::new(Duration::from_secs(600), None);
        for (success, expected) in [(TimeDelta::days(9 * 365), now), (TimeDelta::hours(-1), now - TimeDelta::hours(1))]
        {
            let success = Some(now + success);
            daemon_state.update(|facts| (facts.status.last_success, facts.status.last_clean) = (success, success));
            daemon_state.clock_was_set_back(now, Outstanding::default());
            assert_eq!(daemon_state.facts().status.last_success, Some(expected));
            assert_eq!(daemon_state.facts().status.last_clean, Some(expected));
        }
    }
}
