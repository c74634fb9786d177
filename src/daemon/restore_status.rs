//! Restores the status from the journal: at the start of the daemon, and when this node becomes the leader.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use crate::{
    domain::{FoldedName, OrganizationId, Outcome, RunMode, to_the_second},
    journal::{HoldEntry, Journal, JournalError, RunEntry},
    settings::Settings,
    sync::UNPAUSE,
};

use super::{LastRun, Outstanding, ServiceState, Status, is_clean};

/// How many runs are searched for the last success: with a run every two hours, those of a month.
const RUNS: usize = 400;

/// How far the clocks of two nodes may differ: a run that began at most this far in the future counts as made; a run further
/// in the future was recorded by a wrong clock.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(1);

/// The status that is known before the first run.
#[derive(Debug)]
pub(super) struct RestoredStatus {
    /// In the state `starting`, unless something is held or rate limited.
    pub(super) status: Status,
    /// When the last run began that covered everything and could write. It counts as the run of its tick, however it ended: a
    /// run that crashes its node must not be the first that the next node, or the next start, makes.
    last_run: Option<DateTime<Utc>>,
}

impl RestoredStatus {
    /// The time from which on missed ticks count.
    pub(super) fn since(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        // Without a recorded run no tick was missed: the first run is made at the next tick.
        self.last_run.filter(|last| *last <= now + CLOCKS_APART).unwrap_or(now)
    }
}

/// Reads the status for a daemon with these settings.
pub(super) async fn restore_status(journal: &Journal, settings: &Settings) -> Result<RestoredStatus, JournalError> {
    read_status(journal, &settings.experience_cloud.options.organization_id, &names(settings)).await
}

async fn read_status(
    journal: &Journal,
    organization: &OrganizationId,
    instances: &[FoldedName],
) -> Result<RestoredStatus, JournalError> {
    let (mut status, now) = (Status::default(), Utc::now());
    let runs = journal.runs(RUNS).await?;
    let ended = runs.iter().filter_map(|run| Some((run, run.outcome?)));
    status.last_run = ended.clone().next().map(|(run, outcome)| LastRun {
        run: run.run.clone(),
        started_at: run.started_at.trunc_subsecs(0),
        outcome,
    });
    let mut whole = ended.clone().filter(|(run, _)| is_whole(run, instances));
    let good = whole.clone().find(|(_, outcome)| outcome.is_success()).map(|(run, _)| run);
    let clean = whole.find(|(run, outcome)| is_clean(*outcome, &run.summary)).map(|(run, _)| run);
    status.last_success = end_of(journal, good, now).await?;
    status.last_clean = end_of(journal, clean, now).await?;
    let Outstanding { throttled_until, holds } = outstanding(journal, organization, instances).await?;
    status.throttled_until = throttled_until;
    status.hold(holds);
    if let Some(until) = status.throttled_until {
        (status.state, status.reason) = super::state::throttled(Some(until), String::new());
    } else if !status.held.is_empty() && ended.clone().next().is_some_and(|(_, outcome)| outcome == Outcome::Held) {
        let is_approved = journal.are_approved(&status.holds, now).await?;
        let reason = if is_approved { super::state::APPROVED } else { super::state::HELD };
        (status.state, status.reason) = (ServiceState::Blocked, reason.to_owned());
    }
    let last_run = runs.iter().find(|run| is_whole(run, instances)).map(|run| run.started_at);
    Ok(RestoredStatus { status, last_run })
}

/// When a run ended, `now` at the latest.
async fn end_of(
    journal: &Journal,
    run: Option<&RunEntry>,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, JournalError> {
    let Some(run) = run else { return Ok(None) };
    let report = journal.run(&run.run).await?;
    Ok(report.map(|report| report.ended_at(now).trunc_subsecs(0)))
}

/// Whether a run covered everything in all of these instances, and could write: only such a run counts as that of a tick.
fn is_whole(run: &RunEntry, instances: &[FoldedName]) -> bool {
    let has = |instance: &FoldedName| run.instances.iter().any(|name| FoldedName::new(name) == *instance);
    run.mode == RunMode::Apply && run.scope.is_none() && instances.iter().all(has)
}

/// The end of a pause that Adobe asked for; `None` when no pause is in force.
pub(super) async fn throttled_until(
    journal: &Journal,
    organization: &OrganizationId,
) -> Result<Option<DateTime<Utc>>, JournalError> {
    let now = Utc::now();
    let until = journal.call_windows(organization, now).await?.not_before.filter(|until| *until > now);
    Ok(until.map(|until| until.trunc_subsecs(0)))
}

/// The pause and the held plans with these settings.
pub(super) async fn outstanding_now(journal: &Journal, settings: &Settings) -> Result<Outstanding, JournalError> {
    outstanding(journal, &settings.experience_cloud.options.organization_id, &names(settings)).await
}

/// The pause, and the held plans of these instances; of all instances where none is named.
async fn outstanding(
    journal: &Journal,
    organization: &OrganizationId,
    instances: &[FoldedName],
) -> Result<Outstanding, JournalError> {
    let is_ours = |hold: &HoldEntry| instances.is_empty() || instances.contains(&FoldedName::new(&hold.instance));
    let holds = journal.holds().await?.into_iter().filter(is_ours).collect();
    Ok(Outstanding { throttled_until: throttled_until(journal, organization).await?, holds })
}

fn names(settings: &Settings) -> Vec<FoldedName> {
    settings.instances.iter().map(|instance| instance.name().folded()).collect()
}

/// The status where no daemon runs: it is failing, because no runs are made.
pub async fn status_without_daemon(
    journal: Option<&Journal>,
    organization: &OrganizationId,
    why: String,
) -> Result<Status, JournalError> {
    let mut status = match journal {
        Some(journal) => {
            let notifications = journal.notification_targets().await?;
            Status { notifications, ..read_status(journal, organization, &[]).await?.status }
        }
        None => Status::default(),
    };
    status.version = super::status::VERSION;
    (status.state, status.reason) = match journal {
        Some(journal) => (ServiceState::Failing, why + &other_run(journal, status.throttled_until).await?),
        None => (ServiceState::Failing, why),
    };
    Ok(status)
}

/// The part of the reason about a run that another process makes now; empty where none does.
async fn other_run(journal: &Journal, paused_until: Option<DateTime<Utc>>) -> Result<String, JournalError> {
    let Some(holder) = journal.lock_holder().await? else { return Ok(String::new()) };
    Ok(match paused_until {
        Some(until) => {
            let until = to_the_second(until);
            format!("; {holder} is under way, and waits until {until}: Adobe asked for a pause; {UNPAUSE}")
        }
        None => format!("; {holder} is under way"),
    })
}

#[cfg(test)]
mod tests {
    use crate::domain::Summary;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_413_600, 0).expect("a time")
    }

    #[test]
    fn missed_ticks_count_from_the_last_run_even_if_its_clock_was_slightly_ahead() {
        let since = |last_run| RestoredStatus { status: Status::default(), last_run }.since(now());
        let at = |seconds| now() + TimeDelta::seconds(seconds);
        for (last_run, expected) in [(None, 0), (Some(-7200), -7200), (Some(2), 2), (Some(61), 0)] {
            assert_eq!(since(last_run.map(at)), at(expected), "{last_run:?}");
        }
    }

    #[test]
    fn only_a_run_over_everything_that_could_write_counts_for_a_tick() {
        let run = |mode, scope: Option<&str>, instances: &[&str]| RunEntry {
            run: "01KB".to_owned(),
            started_at: now(),
            mode,
            scope: scope.map(str::to_owned),
            instances: instances.iter().map(|name| (*name).to_owned()).collect(),
            outcome: None,
            summary: Summary::default(),
        };
        let configured = ["production", "stage"].map(FoldedName::from);
        assert!(is_whole(&run(RunMode::Apply, None, &["Production", "stage"]), &configured));
        assert!(is_whole(&run(RunMode::Apply, None, &["production", "stage", "of old"]), &configured));
        assert!(!is_whole(&run(RunMode::Apply, None, &["production"]), &configured));
        assert!(!is_whole(&run(RunMode::Apply, Some("group report"), &["production", "stage"]), &configured));
        assert!(!is_whole(&run(RunMode::DryRun, None, &["production", "stage"]), &configured));
    }
}
