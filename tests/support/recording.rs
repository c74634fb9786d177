//! Short ways to record the events of a run that is only an example.

use campaign_group_sync::{
    domain::{
        AfterPlan, BegunApproval, ChangeKey, ChangeOutcome, ChangeReport, EarlierHold, Evidence, GroupObservation,
        HeldRecord, HeldState, InstanceName, InstancePlan, InstanceReport, ObservedGroups, RunEvent, RunId, RunMode,
        RunReport, RunStart, Sending, SentChange, SettledChanges,
    },
    journal::{Journal, JournalError},
};
use chrono::{DateTime, Utc};

/// The beginning of a run.
#[derive(Clone, Debug)]
pub(crate) struct RunBegin {
    pub(crate) run: RunId,
    pub(crate) mode: RunMode,
    pub(crate) scope: Option<String>,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) instances: Vec<InstanceName>,
}

/// What became of a change.
#[derive(Clone, Debug)]
pub(crate) struct Settlement {
    pub(crate) key: ChangeKey,
    pub(crate) outcome: ChangeOutcome,
    pub(crate) detail: Option<String>,
}

/// Records events one by one, as a run does.
#[allow(dead_code, async_fn_in_trait, reason = "each test program uses some of these, on one thread")]
pub(crate) trait Recording {
    async fn begin_run(&self, begin: &RunBegin) -> Result<(), JournalError>;
    async fn end_run(&self, report: &RunReport) -> Result<(), JournalError>;
    async fn record_plan(&self, run: &RunId, at: DateTime<Utc>, plan: &InstanceReport) -> Result<(), JournalError>;
    async fn about_to_write(
        &self,
        run: &RunId,
        instance: &InstanceName,
        at: DateTime<Utc>,
        changes: &[ChangeKey],
        begun: Option<BegunApproval<'_>>,
    ) -> Result<(), JournalError>;
    async fn settled(
        &self,
        run: &RunId,
        instance: &InstanceName,
        at: DateTime<Utc>,
        changes: &[Settlement],
    ) -> Result<(), JournalError>;
    async fn observe(
        &self,
        instance: &InstanceName,
        at: DateTime<Utc>,
        groups: &[GroupObservation],
        is_all: bool,
    ) -> Result<(), JournalError>;
    async fn record_held(
        &self,
        instance: &InstanceName,
        held: Option<&HeldRecord>,
        replaces_all: bool,
    ) -> Result<(), JournalError>;
}

impl Recording for Journal {
    async fn begin_run(&self, begin: &RunBegin) -> Result<(), JournalError> {
        for dead in self.runs_without_end().await? {
            self.record(&dead, begin.started_at, &RunEvent::Interrupted).await?;
        }
        let RunBegin { mode, scope, started_at, instances, .. } = begin.clone();
        let start = RunStart { mode, scope, started_at, instances };
        self.record(&begin.run, started_at, &RunEvent::Started(&start)).await.map(drop)
    }

    async fn end_run(&self, report: &RunReport) -> Result<(), JournalError> {
        self.record(&RunId::new(report.run.as_str()), report.started_at, &RunEvent::Ended(report)).await.map(drop)
    }

    async fn record_plan(&self, run: &RunId, at: DateTime<Utc>, plan: &InstanceReport) -> Result<(), JournalError> {
        let plan = InstancePlan { report: plan, next: AfterPlan::Apply, new_skips: &[] };
        self.record(run, at, &RunEvent::Planned(&plan)).await.map(drop)
    }

    async fn about_to_write(
        &self,
        run: &RunId,
        instance: &InstanceName,
        at: DateTime<Utc>,
        changes: &[ChangeKey],
        begun: Option<BegunApproval<'_>>,
    ) -> Result<(), JournalError> {
        let changes: Vec<_> = changes.iter().map(|key| SentChange { key: key.clone(), approval: None }).collect();
        self.record(run, at, &RunEvent::Sending(&Sending { instance, changes: &changes, begun })).await.map(drop)
    }

    async fn settled(
        &self,
        run: &RunId,
        instance: &InstanceName,
        at: DateTime<Utc>,
        changes: &[Settlement],
    ) -> Result<(), JournalError> {
        let name = |text: &str| (!text.is_empty()).then(|| text.into());
        let report = |change: &Settlement| ChangeReport {
            op: change.key.kind,
            operator: name(change.key.operator.as_str()),
            group: name(change.key.group.as_str()),
            profile: "".into(),
            reason: "".into(),
            outcome: change.outcome,
            detail: change.detail.clone(),
            at: None,
            approved_by: None,
        };
        let changes: Vec<_> = changes.iter().map(report).collect();
        let settled = SettledChanges { instance, changes: &changes, evidence: Evidence::ReadBack };
        self.record(run, at, &RunEvent::Settled(&settled)).await.map(drop)
    }

    async fn observe(
        &self,
        instance: &InstanceName,
        at: DateTime<Utc>,
        groups: &[GroupObservation],
        is_all: bool,
    ) -> Result<(), JournalError> {
        let run = RunId::new("01JOBSERVER");
        self.record(&run, at, &RunEvent::Observed(&ObservedGroups { instance, groups, is_all })).await.map(drop)
    }

    async fn record_held(
        &self,
        instance: &InstanceName,
        held: Option<&HeldRecord>,
        replaces_all: bool,
    ) -> Result<(), JournalError> {
        let nothing: &[EarlierHold] = &[];
        let run = held.map_or_else(|| RunId::new("01JHOLDER"), |held| held.run.clone());
        let at = held.map_or_else(Utc::now, |held| held.at);
        let held = HeldState { instance, record: held, dormant: replaces_all.then_some(nothing), undo_of: None };
        self.record(&run, at, &RunEvent::Held(&held)).await.map(drop)
    }
}
