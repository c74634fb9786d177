//! The history on the page: read from the journal at most once a second, however often the page is requested.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use tokio::{sync::Mutex, time::timeout};

use crate::{
    domain::{Approval, ApprovalNote, ChangeKind, ChangeOutcome, ChangeReport, HeldRecord, Outcome, RunReport},
    journal::{GivenApproval, Journal, JournalError, ManualChange, ManualChanges, RunEntry},
    observability::Chain,
};

/// The number of runs in the table and in the chart.
const RUNS: usize = 50;

/// The number of approvals in the table.
const APPROVALS: usize = 10;

/// The number of changes in the table that were made in Campaign without a run.
const MANUAL_CHANGES: usize = 50;

/// How long the read of the journal may take; then the page is shown without the history.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long a read of the journal is used: a page that is requested often costs one read a second.
const FRESH: Duration = Duration::from_secs(1);

/// The changes of one run in the chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bars {
    pub(super) added: usize,
    pub(super) removed: usize,
    pub(super) held: usize,
}

/// One run.
#[derive(Clone, Debug)]
pub(super) struct PastRun {
    pub(super) entry: RunEntry,
    pub(super) bars: Bars,
}

/// A held plan that waits for an approval.
#[derive(Clone, Debug)]
pub(super) struct HeldPlan {
    pub(super) record: HeldRecord,
    /// The changes of the plan from the report of the run.
    pub(super) changes: Vec<ChangeReport>,
    /// When the digest was first held; `None` where only a dry run or an observed instance showed the plan.
    pub(super) since: Option<DateTime<Utc>>,
    /// The approval that the next run uses, if one was given.
    pub(super) approval: Option<ApprovalNote>,
}

/// The history.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Newest first.
    pub(super) runs: Vec<PastRun>,
    pub(super) held: Vec<HeldPlan>,
    /// The last approvals that were given, newest first.
    pub(super) approvals: Vec<GivenApproval>,
    /// The last changes made in Campaign without a run, newest first.
    pub(super) manual_changes: Vec<ManualChange>,
    /// The last run that ended and read something.
    pub(super) latest: Option<Arc<RunReport>>,
    /// Why the history is missing or incomplete.
    pub(super) error: Option<String>,
}

/// Reads the history when its copy is too old.
#[derive(Default)]
pub(super) struct HistoryReader {
    cache: Mutex<HistoryCache>,
}

#[derive(Default)]
struct HistoryCache {
    /// When the history was read, and which run had ended last.
    read: Option<(Instant, Option<String>)>,
    history: Arc<History>,
    /// The changes of ended runs, which do not change any more.
    bars: BTreeMap<String, Bars>,
    /// Changes made in Campaign without a run; their record does not change, so that only newer ones are read.
    manual: ManualChanges,
}

impl HistoryReader {
    /// The history, a second old at most, and read again after the end of a run. Concurrent requests wait for the same
    /// read. If the journal is slow or unreachable, the history says so after the deadline.
    pub(super) async fn history(&self, journal: &Journal, last_report: Option<&Arc<RunReport>>) -> Arc<History> {
        let reading = timeout(DEADLINE, self.cached_or_read(journal, last_report));
        reading.await.unwrap_or_else(|_| {
            let waited = DEADLINE.as_secs();
            Arc::new(History::unread(last_report, &format!("the read of the state timed out after {waited} s")))
        })
    }

    async fn cached_or_read(&self, journal: &Journal, last_report: Option<&Arc<RunReport>>) -> Arc<History> {
        let mut cache = self.cache.lock().await;
        let last_run = last_report.map(|report| report.run.clone());
        let is_fresh = cache.read.as_ref().is_some_and(|(at, run)| at.elapsed() < FRESH && *run == last_run);
        if !is_fresh {
            let read = cache.read(journal, last_report).await;
            cache.history =
                Arc::new(read.unwrap_or_else(|error| History::unread(last_report, &Chain(&error).to_string())));
            cache.read = Some((Instant::now(), last_run));
        }
        Arc::clone(&cache.history)
    }
}

impl History {
    /// The history without the journal, and the reason.
    fn unread(last_report: Option<&Arc<RunReport>>, why: &str) -> Self {
        let error = Some(format!("the history cannot be read: {why}"));
        Self { latest: last_report.cloned(), error, ..Self::default() }
    }
}

impl HistoryCache {
    async fn read(&mut self, journal: &Journal, last_report: Option<&Arc<RunReport>>) -> Result<History, JournalError> {
        let runs = self.runs(journal).await?;
        let mut held = Vec::new();
        for record in journal.held().await? {
            held.push(plan_of(journal, record, last_report).await?);
        }
        let latest = match last_report {
            Some(report) => Some(Arc::clone(report)),
            None => latest_of(journal, &runs).await?.map(Arc::new),
        };
        let approvals = journal.given_approvals(APPROVALS).await?;
        let manual_changes = self.manual_changes(journal).await?;
        Ok(History { runs, held, approvals, manual_changes, latest, error: None })
    }

    async fn runs(&mut self, journal: &Journal) -> Result<Vec<PastRun>, JournalError> {
        let entries = journal.runs(RUNS).await?;
        self.bars.retain(|run, _| entries.iter().any(|entry| entry.run == *run));
        let mut runs = Vec::with_capacity(entries.len());
        for entry in entries {
            let bars = bars_of(journal, &entry, &mut self.bars).await?;
            runs.push(PastRun { entry, bars });
        }
        Ok(runs)
    }

    async fn manual_changes(&mut self, journal: &Journal) -> Result<Vec<ManualChange>, JournalError> {
        let mut newest = journal.manual_changes(self.manual.searched_to, MANUAL_CHANGES).await?;
        newest.changes.append(&mut self.manual.changes);
        newest.changes.truncate(MANUAL_CHANGES);
        self.manual = newest;
        Ok(self.manual.changes.clone())
    }
}

async fn latest_of(journal: &Journal, runs: &[PastRun]) -> Result<Option<RunReport>, JournalError> {
    let has_seen = |outcome| {
        matches!(
            outcome,
            Outcome::InSync | Outcome::ChangesPending | Outcome::Applied | Outcome::Partial | Outcome::Held
        )
    };
    match runs.iter().find(|run| run.entry.outcome.is_some_and(has_seen)) {
        Some(run) => journal.run(&run.entry.run).await,
        None => Ok(None),
    }
}

/// Uses the numbers of the entry where all changes have one direction; otherwise reads the whole report, once.
async fn bars_of(
    journal: &Journal,
    entry: &RunEntry,
    known: &mut BTreeMap<String, Bars>,
) -> Result<Bars, JournalError> {
    let summary = &entry.summary;
    let removals = summary.remove + summary.disable_operator;
    let additions = summary.planned() - removals;
    if let Some(bars) = known.get(&entry.run) {
        return Ok(*bars);
    }
    let bars = match (additions, removals) {
        (_, 0) => Bars { added: summary.applied, removed: 0, held: summary.held },
        (0, _) => Bars { added: 0, removed: summary.applied, held: summary.held },
        _ => journal.run(&entry.run).await?.map_or(Bars::default(), |report| counted(&report)),
    };
    if entry.outcome.is_some() {
        known.insert(entry.run.clone(), bars);
    }
    Ok(bars)
}

fn counted(report: &RunReport) -> Bars {
    let mut bars = Bars::default();
    for change in report.instances.iter().flat_map(|instance| &instance.changes) {
        match (change.outcome, change.op) {
            (ChangeOutcome::Held, _) => bars.held += 1,
            (ChangeOutcome::Applied, ChangeKind::Remove | ChangeKind::DisableOperator) => bars.removed += 1,
            (ChangeOutcome::Applied, _) => bars.added += 1,
            _ => {}
        }
    }
    bars
}

async fn plan_of(
    journal: &Journal,
    record: HeldRecord,
    last_report: Option<&Arc<RunReport>>,
) -> Result<HeldPlan, JournalError> {
    let report = match last_report {
        Some(report) if report.run == record.run.as_str() => Some(Arc::clone(report)),
        _ => journal.run(record.run.as_str()).await?.map(Arc::new),
    };
    let of_instance = report.iter().flat_map(|report| &report.instances);
    let changes = of_instance
        .filter(|instance| instance.name == record.instance.as_str())
        .flat_map(|instance| &instance.changes)
        .filter(|change| change.outcome == ChangeOutcome::Held)
        .cloned()
        .collect();
    let past = journal.history_without_identities(&record.instance, Utc::now()).await?;
    let since = past.held_since.get(&record.digest).copied();
    let approval = past.approvals.iter().rev().find(|approval| approval.digest == record.digest);
    let note = |approval: &Approval| {
        approval.given_at.map(|at| ApprovalNote::new(record.digest.as_str(), &approval.approver, at))
    };
    let approval = approval.and_then(note);
    Ok(HeldPlan { record, changes, since, approval })
}
