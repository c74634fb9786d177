//! A test instance to probe, and what is left in it.

use std::path::{Path, PathBuf};

use campaign_group_sync::{
    domain::{InstanceAnswers, InstanceMode, SCRATCH_GROUP, SCRATCH_OPERATOR},
    journal::{self, Journal},
    probe::{ProbeReport, probe},
    sandbox::{
        ConnectionParameters, Sandbox, Scenario,
        campaign::{InstanceBehavior, InstanceWorld},
    },
    sync::{InstanceOptions, Stop},
};
use tempfile::TempDir;

use super::{
    options::{campaign, policy},
    sandbox,
};

/// The instance that is probed.
pub(crate) const STAGE: &str = "stage";

/// A sandbox with the instance `stage`, and a state.
pub(crate) struct ProbeHarness {
    pub(crate) sandbox: Sandbox,
    pub(crate) journal: Journal,
    pub(crate) instance: InstanceOptions,
    folder: TempDir,
}

impl ProbeHarness {
    pub(crate) async fn new() -> Self {
        Self::behaving(|_| {}).await
    }

    /// An instance that behaves as `change` sets it.
    pub(crate) async fn behaving(change: impl FnOnce(&mut InstanceBehavior)) -> Self {
        Self::with(|stage| change(&mut stage.behavior)).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut InstanceWorld)) -> Self {
        let mut scenario = Scenario::named("two_instances").expect("built in");
        change(scenario.campaign.get_mut(STAGE).expect("there"));
        let sandbox = sandbox::start(scenario).await;
        let instance = stage(&sandbox.connection());
        let folder = tempfile::tempdir().expect("a folder");
        let journal = open(&folder.path().join("state.db"), None).await;
        Self { sandbox, journal, instance, folder }
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    pub(crate) async fn probe(&self) -> ProbeReport {
        self.probe_until(&Stop::never()).await
    }

    pub(crate) async fn probe_until(&self, stop: &Stop) -> ProbeReport {
        Box::pin(probe(&self.instance, &self.journal, stop, &|_| {})).await
    }

    /// The records of the instance, but those of the technical account, which Campaign creates at its first call.
    pub(crate) fn world(&self) -> InstanceWorld {
        let mut world = self.sandbox.world().instance(STAGE).expect("there").world();
        let technical = world.technical_account.clone();
        world.operators.retain(|operator| operator.name != technical);
        world.memberships.retain(|(login, _)| *login != technical);
        world.named_rights.retain(|(holder, _)| *holder != technical);
        world
    }

    /// The names in the instance that a scratch record has, with the memberships.
    pub(crate) fn scratch_left(&self) -> Vec<String> {
        let world = self.world();
        let is_scratch = |name: &str| name == SCRATCH_GROUP || name == SCRATCH_OPERATOR;
        let names = world.operators.iter().map(|operator| operator.name.clone());
        let names = names.chain(world.groups.iter().map(|group| group.name.clone()));
        let mut left: Vec<String> = names.filter(|name| is_scratch(name)).collect();
        let pairs = world.memberships.iter().filter(|(login, group)| is_scratch(login) || is_scratch(group));
        left.extend(pairs.map(|(login, group)| format!("{login} in {group}")));
        left
    }

    /// Number of writing calls that the sandbox has received.
    pub(crate) fn writes(&self) -> usize {
        self.sandbox.requests().iter().filter(|request| is_write(&request.call)).count()
    }

    pub(crate) async fn answers(&self) -> InstanceAnswers {
        let address = self.instance.campaign.url.to_string();
        self.journal.instance_answers(&self.instance.policy.instance, &address).await.expect("readable")
    }

    /// Labels of the scratch records that the state remembers.
    pub(crate) async fn remembered(&self) -> Vec<String> {
        let address = self.instance.campaign.url.to_string();
        let records = self.journal.scratch_records(&address).await.expect("readable");
        records.into_iter().map(|record| record.label).collect()
    }

    /// Nothing of a probe is left, neither in Campaign nor in the state.
    pub(crate) async fn assert_clean(&self, what: &str) {
        assert_eq!(self.scratch_left(), Vec::<String>::new(), "{what}");
        assert_eq!(self.remembered().await, Vec::<String>::new(), "{what}");
    }
}

/// The sandbox has one name for all calls that write.
pub(crate) fn is_write(call: &str) -> bool {
    call == "write"
}

/// The options of the instance `stage`, to which no run writes.
pub(crate) fn stage(connection: &ConnectionParameters) -> InstanceOptions {
    let instance = connection.instances.iter().find(|instance| instance.name == STAGE).expect("there");
    InstanceOptions {
        policy: policy(STAGE, &instance.association_mask),
        mode: InstanceMode::Observe,
        campaign: campaign(connection, instance),
    }
}

pub(crate) async fn open(state: &Path, watch: Option<journal::StepWatch>) -> Journal {
    let location = journal::JournalLocation::Sqlite(state.to_owned());
    Journal::open(&journal::JournalOptions { location, watch }).await.expect("a journal")
}
