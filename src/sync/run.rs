//! One run over an organization and all its Campaign instances.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use tracing::{Instrument as _, Span};
use ulid::Ulid;
use uuid::Uuid;

use crate::{
    domain::{
        Approver, CallPurpose, Digest, InstanceReport, LONGEST_PAUSE, Limits, Membership, Outcome, RunEvent, RunId,
        RunMode, RunReport, RunStart, Scope, SourceReport, Watcher,
    },
    experience_cloud,
    journal::{Journal, JournalError, LockAttempt, Retention, RunLock},
    observability::Chain,
};

use super::{
    Stop,
    approvals::{RequestedApprovals, UsedApprovals},
    call_ledger::Clients,
    confirm::SharedReads,
    former_logins::FormerLogins,
    pauses::forgotten_described,
    read_source::{SourceError, SourceReader},
    reconcile::{InstanceOptions, RunContext, reconcile},
    recorder::Recorder,
    run_log,
    source::Source,
};

/// Whether a second read confirms removals before they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The members of each profile that removals rest on are read again.
    Reread,
    /// The first read is trusted.
    Off,
}

/// The options of a run.
#[derive(Debug)]
pub struct SyncOptions {
    /// The connection to the Admin Console.
    pub experience_cloud: experience_cloud::UmapiOptions,
    /// The access to the Admin Console that all runs and lookups of this process share.
    pub clients: Clients,
    /// Shortest time between two requests for page 0 of one listing of the organization.
    pub first_page_interval: Duration,
    /// The Campaign instances, by name.
    pub instances: Vec<InstanceOptions>,
    /// Maximum number of instances that are reconciled at the same time.
    pub parallel_instances: NonZeroU32,
    /// How much one run may change.
    pub limits: Limits,
    /// Whether a second read confirms removals.
    pub confirmation: Confirmation,
    /// How long an approval is valid.
    pub approval_ttl: Duration,
    /// How long the journal keeps what is recorded.
    pub retention: Retention,
}

impl SyncOptions {
    pub(super) fn membership(&self) -> Membership {
        self.experience_cloud.membership
    }
}

/// How long a run waits while Adobe's limits forbid a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitPolicy {
    /// As long as one call may wait; if it takes longer, the run ends as throttled.
    #[default]
    #[serde(rename = "leave")]
    Bounded,
    /// As long as it takes.
    #[serde(rename = "wait_out")]
    Unbounded,
    /// As a scheduled run: up to 15 minutes for the end of the interval between two reads, so that the jitter of the
    /// schedule does not cost a read.
    #[serde(skip)]
    Scheduled,
}

/// The request for one run.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// Whether anything is written.
    pub mode: RunMode,
    /// What the run is narrowed to.
    pub scope: Scope,
    /// Digests of held plans that the run approves before it begins; a dry run only shows their effect.
    pub approve: Vec<Digest>,
    /// The requester, recorded with every approval.
    pub approver: Approver,
    /// How long the run waits while Adobe's limits forbid a call.
    pub wait_policy: WaitPolicy,
    /// Stops the run on request.
    pub stop: Stop,
}

impl RunRequest {
    /// A dry run over everything, without approvals, that is never stopped.
    pub(super) fn dry() -> Self {
        Self {
            mode: RunMode::DryRun,
            scope: Scope::default(),
            approve: Vec::new(),
            approver: Approver::claimed(""),
            wait_policy: WaitPolicy::Bounded,
            stop: Stop::never(),
        }
    }
}

impl RunRequest {
    /// The options of the read: a run that waits as long as it takes does so between the calls of a read as well.
    fn source_options(&self, options: &SyncOptions) -> experience_cloud::UmapiOptions {
        let mut source = options.experience_cloud.clone();
        if self.wait_policy == WaitPolicy::Unbounded {
            source.retry.max_wait = source.retry.max_wait.max(LONGEST_PAUSE.to_std().unwrap_or_default());
        }
        source
    }
}

/// Makes one run, under the lock of the journal. The report holds every failure.
pub async fn run(options: &SyncOptions, journal: &Journal, request: &RunRequest, watcher: &Watcher) -> RunReport {
    let scope = request.scope.described();
    // The future of a run has many kilobytes: on the heap, it does not fill the stack of the caller.
    Box::pin(make(options, journal, request, Rules::InForce, scope, watcher)).await
}

/// Makes a dry run under rules that are not configured, such as another mask. Only the run itself is recorded, under
/// the name `described`: it affects no later run, no approval and no record of memberships. Held changes have no
/// digest, because they cannot be approved.
pub async fn rehearse(options: &SyncOptions, journal: &Journal, described: String, watcher: &Watcher) -> RunReport {
    Box::pin(make(options, journal, &RunRequest::dry(), Rules::Tried, Some(described), watcher)).await
}

/// The rules of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// The configured rules.
    InForce,
    /// Other rules, whose effect a dry run shows.
    Tried,
}

async fn make(
    options: &SyncOptions,
    journal: &Journal,
    request: &RunRequest,
    rules: Rules,
    scope: Option<String>,
    watcher: &Watcher,
) -> RunReport {
    let session = RunSession::begin(options, journal, request.mode, watcher);
    let run = async {
        // Recorded before the run waits for anything: the approval counts even if the run fails.
        let approvals = match RequestedApprovals::record(journal, options, request).await {
            Ok(approvals) => approvals,
            Err(error) => return session.journal_failed(&error),
        };
        session.run(scope, async |lock| Box::pin(all_instances(lock, request, &approvals, rules, &session)).await).await
    };
    run.instrument(session.span()).await
}

/// The results of a run, from which its report is made.
pub(super) struct RunResults {
    pub(super) source: SourceReport,
    pub(super) error: Option<String>,
    pub(super) warnings: Vec<String>,
    pub(super) outcome: Option<Outcome>,
    pub(super) instances: Vec<InstanceReport>,
    /// The run whose changes are taken back, in an undo.
    pub(super) undo_of: Option<String>,
}

impl RunResults {
    /// Adds the warnings about the digests that the run was asked to approve.
    fn add_approvals(&mut self, approvals: &RequestedApprovals, used: &[UsedApprovals]) {
        let (warnings, is_unused) = approvals.outcome(used, &self.instances);
        self.warnings.extend(warnings);
        if is_unused {
            self.outcome = Some(Outcome::of_all(self.outcome.into_iter().chain([Outcome::Held])));
        }
    }
}

/// The begin and the end that every kind of run shares: its id, the lock, and the events in the record.
pub(super) struct RunSession<'a> {
    options: &'a SyncOptions,
    mode: RunMode,
    begin: Instant,
    started_at: DateTime<Utc>,
    pub(super) recorder: Recorder<'a>,
}

impl<'a> RunSession<'a> {
    pub(super) fn begin(options: &'a SyncOptions, journal: &'a Journal, mode: RunMode, watcher: &'a Watcher) -> Self {
        let (begin, started_at) = (Instant::now(), Utc::now());
        let recorder = Recorder::new(journal, new_run_id(started_at), watcher);
        Self { options, mode, begin, started_at, recorder }
    }

    /// The span of what the run logs.
    pub(super) fn span(&self) -> Span {
        run_log::run_span(self.recorder.run())
    }

    /// Makes the run: takes the lock, records the start, lets `work` do the rest and records the end. The report holds
    /// every failure.
    pub(super) async fn run(
        &self,
        scope: Option<String>,
        work: impl AsyncFnOnce(&RunLock) -> Result<RunResults, JournalError>,
    ) -> RunReport {
        match self.lock(scope).await {
            Ok(lock) => {
                let report = match work(&lock).await {
                    Ok(found) => self.report(found),
                    Err(error) => self.journal_failed(&error),
                };
                let report = self.end(report).await;
                self.recorder.delete_old(&lock, self.options.retention).await;
                report
            }
            Err(report) => {
                run_log::run_ended(&report);
                *report
            }
        }
    }

    /// Takes the lock and records the start. Earlier runs without an end have died: the kernel has released their lock.
    async fn lock(&self, scope: Option<String>) -> Result<RunLock, Box<RunReport>> {
        let journal = self.recorder.journal();
        let holder = format!("run {} ({})", self.recorder.run(), self.mode.as_str());
        let lock = match journal.lock(&holder).await {
            Ok(LockAttempt::Acquired(lock)) => lock,
            Ok(LockAttempt::Held(holder)) => {
                let error = format!("another run holds the lock: {holder}");
                return Err(Box::new(self.report(self.not_started(Outcome::Locked, error))));
            }
            Err(error) => return Err(Box::new(self.journal_failed(&error))),
        };
        let instances = self.options.instances.iter().map(|instance| instance.policy.instance.clone()).collect();
        let start = RunStart { mode: self.mode, scope, started_at: self.started_at, instances };
        match self.start(&start).await {
            Ok(()) => Ok(lock),
            Err(error) => Err(Box::new(self.journal_failed(&error))),
        }
    }

    async fn start(&self, start: &RunStart) -> Result<(), JournalError> {
        let journal = self.recorder.journal();
        journal.require_organization(&self.options.experience_cloud.organization_id).await?;
        for dead in journal.runs_without_end().await? {
            if let Some((instance, changes)) = journal.last_settled(&dead).await? {
                run_log::repeat_last_results(&dead, &instance, &changes);
            }
            self.recorder.record_of(&dead, &RunEvent::Interrupted).await?;
        }
        self.recorder.record(&RunEvent::Started(start)).await
    }

    /// Records the end of the run. Where that fails, the report says so.
    async fn end(&self, mut report: RunReport) -> RunReport {
        match self.recorder.end(&report).await {
            Ok(head) => report.record = head.map(|head| head.to_string()),
            Err(error) => {
                report.outcome = Outcome::of_all([report.outcome, Outcome::Failed]);
                report.error = Some(format!("the end of the run could not be recorded: {}", Chain(&error)));
                run_log::run_ended(&report);
            }
        }
        report
    }

    pub(super) fn report(&self, found: RunResults) -> RunReport {
        let outcomes = found.instances.iter().map(|instance| instance.outcome);
        let outcome = Outcome::of_all(outcomes.chain(found.outcome));
        RunReport {
            version: RunReport::VERSION,
            run: self.recorder.run().to_string(),
            mode: self.mode,
            started_at: self.started_at,
            duration_ms: u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX),
            outcome,
            misconfigured: outcome == Outcome::Misconfigured,
            error: found.error,
            warnings: found.warnings,
            source: found.source,
            approvals: RunReport::approvals_in(&found.instances),
            instances: found.instances,
            record: None,
            undo_of: found.undo_of,
        }
    }

    /// The report of a run whose journal failed: nothing is written, because it could not be explained later.
    pub(super) fn journal_failed(&self, error: &JournalError) -> RunReport {
        let outcome = if error.is_of_configuration() { Outcome::Misconfigured } else { Outcome::Failed };
        self.report(self.not_started(outcome, Chain(error).to_string()))
    }

    /// The results of a run that read nothing and wrote nothing.
    fn not_started(&self, outcome: Outcome, error: String) -> RunResults {
        let instances = self.options.instances.iter().map(|instance| {
            let why = "the organization was not read; nothing was written".to_owned();
            InstanceReport::failed(instance.policy.instance.as_str(), instance.mode, outcome, why)
        });
        RunResults {
            source: self.source_unread(0),
            error: Some(error),
            warnings: Vec::new(),
            outcome: Some(outcome),
            instances: instances.collect(),
            undo_of: None,
        }
    }

    pub(super) fn mode(&self) -> RunMode {
        self.mode
    }

    /// The part of the report about an organization that was not read.
    pub(super) fn source_unread(&self, calls: u64) -> SourceReport {
        SourceReport::unread(self.options.experience_cloud.organization_id.to_string(), calls)
    }

    /// The part of the report about an organization that was read.
    fn source_read(&self, source: &Source, calls: u64) -> SourceReport {
        SourceReport {
            users: source.users(),
            profiles: source.profiles(),
            read: Some(source.kind()),
            complete: true,
            ..self.source_unread(calls)
        }
    }
}

/// A ULID: sorts by time, and no two runs share one.
fn new_run_id(started_at: DateTime<Utc>) -> RunId {
    let milliseconds = u64::try_from(started_at.timestamp_millis()).unwrap_or_default();
    RunId::new(Ulid::from_parts(milliseconds, Uuid::new_v4().as_u128()).to_string())
}

async fn all_instances(
    lock: &RunLock,
    request: &RunRequest,
    approvals: &RequestedApprovals,
    rules: Rules,
    session: &RunSession<'_>,
) -> Result<RunResults, JournalError> {
    let (options, recorder) = (session.options, &session.recorder);
    let (journal, watcher) = (recorder.journal(), recorder.watcher());
    let experience_cloud =
        match options.clients.client(request.source_options(options), Some(journal), CallPurpose::Run, watcher) {
            Ok(client) => client,
            Err(error) => return source_failed(session, approvals, error.into(), 0),
        };
    let reader = SourceReader { options, journal, request, experience_cloud: &experience_cloud, watcher };
    let read = reader.read().await;
    // Read afterwards, to include a pause that was forgotten while the run waited for it.
    let forgotten = forgotten_described(journal, &options.experience_cloud.organization_id).await?;
    if let Some(forgotten) = &forgotten {
        tracing::info!("{forgotten}");
    }
    let source = match read {
        Ok(source) => source,
        Err(error) => {
            let mut found = source_failed(session, approvals, error, experience_cloud.calls())?;
            found.warnings.extend(forgotten);
            return Ok(found);
        }
    };
    recorder.record(&RunEvent::SourceRead(&session.source_read(&source, experience_cloud.calls()))).await?;
    let run = RunContext {
        recorder,
        options,
        lock,
        request,
        approvals,
        rules,
        source: &source,
        experience_cloud: &experience_cloud,
        former_logins: FormerLogins::default(),
        second_reads: SharedReads::default(),
    };
    let (instances, used) = reconcile_instances(&run).await;
    let mut found = RunResults {
        source: session.source_read(&source, experience_cloud.calls()),
        error: None,
        warnings: source.notes,
        outcome: None,
        instances,
        undo_of: None,
    };
    found.warnings.extend(forgotten);
    found.add_approvals(approvals, &used);
    Ok(found)
}

/// Reconciles the instances, several at the same time; answers the reports and the approvals that each instance used, in
/// the order of the configuration.
async fn reconcile_instances(run: &RunContext<'_>) -> (Vec<InstanceReport>, Vec<UsedApprovals>) {
    let at_once = usize::try_from(run.options.parallel_instances.get()).unwrap_or(usize::MAX);
    let work = run.options.instances.iter().enumerate().map(async |(position, instance)| {
        let mut used = Vec::new();
        // The future of an instance has many kilobytes.
        let mut report = Box::pin(reconcile(run, instance, &mut used)).await;
        if run.rules == Rules::Tried {
            (report.held, report.held_since) = (None, None);
        }
        (position, (report, used))
    });
    // Not `buffered`, which begins no further instance while the first one of its buffer is slow.
    let mut ended: Vec<_> = stream::iter(work).buffer_unordered(at_once).collect().await;
    ended.sort_by_key(|(position, _)| *position);
    let (instances, used): (Vec<_>, Vec<_>) = ended.into_iter().map(|(_, results)| results).unzip();
    (instances, used.into_iter().flatten().collect())
}

/// The results of a run that could not read the organization: it wrote nothing to any instance.
fn source_failed(
    session: &RunSession<'_>,
    approvals: &RequestedApprovals,
    error: SourceError,
    calls: u64,
) -> Result<RunResults, JournalError> {
    if let SourceError::Journal(error) = error {
        return Err(error);
    }
    let mut found = session.not_started(error.outcome(), Chain(&error).to_string());
    found.source.calls = calls;
    found.add_approvals(approvals, &[]);
    Ok(found)
}
