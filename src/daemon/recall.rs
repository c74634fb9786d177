//! What the journal remembers of the time before the daemon started.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use crate::{
    domain::{Digest, OrganizationId, Outcome, RunMode},
    journal::{Journal, JournalError},
};

use super::{LastRun, State, Status, is_success};

/// So many runs are looked through for the last one that ended well: with one every two hours, those of a month.
const RUNS: usize = 400;

/// The status as the journal alone knows it, in the state `starting`; and when the last run that could write began.
pub(super) async fn recalled(
    journal: &Journal,
    organization: &OrganizationId,
) -> Result<(Status, Option<DateTime<Utc>>), JournalError> {
    let mut status = Status::default();
    let runs = journal.runs(RUNS).await?;
    let ended = runs.iter().filter_map(|run| Some((run, run.outcome?)));
    status.last_run = ended.clone().next().map(|(run, outcome)| LastRun {
        run: run.run.clone(),
        started_at: run.started_at.trunc_subsecs(0),
        outcome,
    });
    let good = ended.clone().find(|(run, outcome)| run.mode == RunMode::Apply && is_success(*outcome));
    if let Some((run, _)) = good {
        let length = journal.run(&run.run).await?.map_or(0, |report| report.duration_ms);
        let length = i64::try_from(length).ok().and_then(TimeDelta::try_milliseconds).unwrap_or_default();
        status.last_success = Some((run.started_at + length).trunc_subsecs(0));
    }
    status.held = held(journal).await?.iter().map(ToString::to_string).collect();
    status.throttled_until = throttled_until(journal, organization).await?;
    if let Some(until) = status.throttled_until {
        (status.state, status.reason) = super::board::throttled(Some(until), String::new());
    } else if !status.held.is_empty() && ended.clone().next().is_some_and(|(_, outcome)| outcome == Outcome::Held) {
        (status.state, status.reason) = (State::Blocked, super::board::HELD.to_owned());
    }
    let last = runs.iter().find(|run| run.mode == RunMode::Apply).map(|run| run.started_at);
    Ok((status, last))
}

/// Until when the vendor wants no calls; `None` when it may be asked.
pub(super) async fn throttled_until(
    journal: &Journal,
    organization: &OrganizationId,
) -> Result<Option<DateTime<Utc>>, JournalError> {
    let until = journal.call_windows(organization).await?.not_before.filter(|until| *until > Utc::now());
    Ok(until.map(|until| until.trunc_subsecs(0)))
}

/// What waits for somebody's word. A plan that only a dry run made holds nothing.
async fn held(journal: &Journal) -> Result<Vec<Digest>, JournalError> {
    let held = journal.held().await?.into_iter().filter(|held| !held.is_dry_run);
    let mut digests: Vec<_> = held.map(|held| held.digest).collect();
    digests.sort();
    digests.dedup();
    Ok(digests)
}

/// The status where no daemon answers: health comes from runs, and nobody makes any.
pub async fn status_without_daemon(
    journal: Option<&Journal>,
    organization: &OrganizationId,
    why: String,
) -> Result<Status, JournalError> {
    let mut status = match journal {
        Some(journal) => recalled(journal, organization).await?.0,
        None => Status::default(),
    };
    status.version = super::status::VERSION;
    (status.state, status.reason) = (State::Failing, why);
    Ok(status)
}
