//! A running sandbox and a run against it, as a test wants them.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use campaign_group_sync::{
    domain::{ChangeOutcome, Digest, InstanceMode, OperatorGroupName, RunMode, RunReport, Scope, Watcher},
    experience_cloud::{ReadChoice, UmapiOptions},
    journal::{self, FindRunError, Journal, Retention, RetentionPeriod},
    sandbox::{ConnectionParameters, InstanceParameters, Sandbox, Scenario},
    sync::{self, Confirmation, InstanceOptions, RunRequest, Stop},
};
use tempfile::TempDir;

pub(crate) use crate::support::options::request;
use crate::support::{
    options::{campaign, experience_cloud, limits, policy},
    sandbox,
};

/// A sandbox and the options of a run against it.
pub(crate) struct Harness {
    pub(crate) sandbox: Sandbox,
    pub(crate) options: sync::SyncOptions,
    pub(crate) journal: Journal,
    folder: TempDir,
}

impl Harness {
    pub(crate) async fn of(scenario: &str) -> Self {
        Self::with(Scenario::named(scenario).expect("a built-in scenario")).await
    }

    pub(crate) async fn with(scenario: Scenario) -> Self {
        let sandbox = sandbox::start(scenario).await;
        let options = options(&sandbox.connection());
        let folder = tempfile::tempdir().expect("a folder");
        let journal = open(&folder.path().join("state.db")).await;
        Self { sandbox, options, journal, folder }
    }

    /// The file of the journal.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    /// Opens the journal again, as after a restart.
    pub(crate) async fn reopen(&mut self) {
        self.journal = open(&self.state()).await;
        self.options.clients = sync::Clients::default();
    }

    pub(crate) async fn sync(&self) -> RunReport {
        self.run(RunMode::Apply).await
    }

    pub(crate) async fn run(&self, mode: RunMode) -> RunReport {
        self.ask(&request(mode)).await
    }

    /// A run over one user.
    pub(crate) async fn sync_user(&self, person: &str) -> RunReport {
        let scope = Scope { users: vec![person.to_owned()], groups: Vec::new() };
        self.ask(&RunRequest { scope, ..request(RunMode::Apply) }).await
    }

    /// A run over one operator group.
    pub(crate) async fn sync_group(&self, group: &str) -> RunReport {
        let scope = Scope { users: Vec::new(), groups: vec![OperatorGroupName::new(group)] };
        self.ask(&RunRequest { scope, ..request(RunMode::Apply) }).await
    }

    /// A run that releases what is held under this digest.
    pub(crate) async fn sync_approving(&self, digest: &str) -> RunReport {
        let approve = vec![Digest::parse(digest).expect("a digest")];
        self.ask(&RunRequest { approve, ..request(RunMode::Apply) }).await
    }

    pub(crate) async fn ask(&self, request: &RunRequest) -> RunReport {
        self.sandbox.clear_requests();
        let report = sync::run(&self.options, &self.journal, request, &Watcher::none()).await;
        for instance in &report.instances {
            let summary = &instance.summary;
            let settled =
                [summary.applied, summary.already, summary.failed, summary.held, summary.unconfirmed, summary.pending];
            assert_eq!(summary.planned(), settled.iter().sum::<usize>(), "{instance:#?}");
        }
        report
    }

    /// Undoes a run.
    pub(crate) async fn undo(&self, run: &str, mode: RunMode) -> Result<RunReport, FindRunError> {
        sync::undo(&self.options, &self.journal, run, mode, &Stop::never(), &Watcher::none()).await
    }

    /// Write calls of the last run.
    pub(crate) fn writes(&self) -> usize {
        let is_write = |call: &str| call.eq_ignore_ascii_case("write") || call.eq_ignore_ascii_case("writecollection");
        self.sandbox.requests().iter().filter(|request| is_write(&request.call)).count()
    }

    /// Who is where in one simulated instance, sorted.
    pub(crate) fn memberships(&self, instance: &str) -> Vec<(String, String)> {
        let mut rows = self.sandbox.world().instance(instance).expect("an instance").world().memberships;
        rows.sort();
        rows
    }
}

/// The journal in this file.
pub(crate) async fn open(state: &Path) -> Journal {
    let options = journal::JournalOptions { location: journal::JournalLocation::Sqlite(state.to_owned()), watch: None };
    Journal::open(&options).await.expect("a journal")
}

/// What the options say, with pauses too short to notice.
pub(crate) fn options(connection: &ConnectionParameters) -> sync::SyncOptions {
    sync::SyncOptions {
        experience_cloud: UmapiOptions { read: ReadChoice::Organization, ..experience_cloud(connection) },
        clients: sync::Clients::default(),
        first_page_interval: Duration::ZERO,
        instances: connection.instances.iter().map(|instance| one_instance(connection, instance)).collect(),
        parallel_instances: NonZeroU32::new(8).expect("not zero"),
        limits: limits(),
        confirmation: Confirmation::Reread,
        approval_ttl: Duration::from_secs(24 * 3600),
        retention: Retention {
            runs: RetentionPeriod::For(Duration::from_secs(90 * 24 * 3600)),
            changes: RetentionPeriod::Forever,
        },
    }
}

fn one_instance(connection: &ConnectionParameters, instance: &InstanceParameters) -> InstanceOptions {
    InstanceOptions {
        policy: policy(&instance.name, &instance.association_mask),
        mode: InstanceMode::Apply,
        campaign: campaign(connection, instance),
    }
}

/// The changes of the only instance, one line each.
pub(crate) fn changes(report: &RunReport) -> Vec<String> {
    let [instance] = report.instances.as_slice() else { panic!("not one instance: {report:#?}") };
    instance.changes.iter().map(|change| format!("{}: {}", change.outcome.as_str(), change.described())).collect()
}

/// How many changes of all instances ended so.
pub(crate) fn count(report: &RunReport, outcome: ChangeOutcome) -> usize {
    report.instances.iter().flat_map(|instance| &instance.changes).filter(|change| change.outcome == outcome).count()
}
