//! A running sandbox and a run against it, as a test wants them.

use std::{num::NonZeroU32, time::Duration};

use campaign_group_sync::{
    campaign,
    domain::{
        AssociationMask, ChangeOutcome, InstanceMode, InstanceName, Limits, Manage, Missing, OrganizationId,
        OrphanedGroup, Policy, RunMode, RunReport, Tolerance, WithoutGroups,
    },
    experience_cloud::{self, Membership, ReadChoice},
    sandbox::{Connection, InstanceConnection, InstanceCredential, Options, Sandbox, Scenario},
    sync::{self, Confirmation, InstanceOptions},
    transport::{self, BaseUrl, RetryPolicy, SecretString},
};

/// A sandbox and the options of a run against it.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) options: sync::Options,
}

impl Stage {
    pub(crate) async fn of(scenario: &str) -> Self {
        Self::with(Scenario::named(scenario).expect("a built-in scenario")).await
    }

    pub(crate) async fn with(scenario: Scenario) -> Self {
        let listen = "127.0.0.1:0".parse().expect("an address");
        let sandbox = Sandbox::start(Options { listen, scenario }).await.expect("a sandbox");
        let options = options(&sandbox.connection());
        Self { sandbox, options }
    }

    pub(crate) async fn sync(&self) -> RunReport {
        self.run(RunMode::Apply).await
    }

    pub(crate) async fn run(&self, mode: RunMode) -> RunReport {
        self.sandbox.clear_requests();
        let report = sync::run(&self.options, mode, &|_| {}).await;
        for instance in &report.instances {
            let summary = &instance.summary;
            let settled =
                [summary.applied, summary.already, summary.failed, summary.held, summary.unconfirmed, summary.pending];
            assert_eq!(summary.planned(), settled.iter().sum::<usize>(), "{instance:#?}");
        }
        report
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

/// What the options say, with pauses too short to notice.
pub(crate) fn options(connection: &Connection) -> sync::Options {
    let many = NonZeroU32::new(1_000_000).expect("not zero");
    sync::Options {
        experience_cloud: experience_cloud::Options {
            organization_id: OrganizationId::new(&connection.organization_id),
            client_id: connection.client_id.clone(),
            client_secret: SecretString::from(connection.client_secret.clone()),
            ims_url: url(&connection.ims_url),
            umapi_url: url(&connection.umapi_url),
            scopes: "openid,AdobeID,user_management_sdk".to_owned(),
            membership: Membership::Effective,
            read: ReadChoice::Organization,
            users_per_minute: many,
            groups_per_minute: many,
            tolerance: Tolerance { share: 0.01 },
            retry: retry(),
            http: transport::Options::default(),
        },
        instances: connection.instances.iter().map(|instance| one_instance(connection, instance)).collect(),
        limits: Limits {
            max_removals: 50,
            max_removals_percent: 20,
            max_group_removals_percent: 34,
            max_new_operators: 25,
            max_new_groups: 5,
            max_source_shrink_percent: 20,
        },
        confirmation: Confirmation::Reread,
    }
}

fn one_instance(connection: &Connection, instance: &InstanceConnection) -> InstanceOptions {
    let authentication = match &instance.authentication {
        InstanceCredential::Native { login, password } => {
            campaign::Authentication::Native { login: login.clone(), password: SecretString::from(password.clone()) }
        }
        InstanceCredential::Ims { client_id, client_secret } => campaign::Authentication::Ims {
            client_id: client_id.clone(),
            client_secret: SecretString::from(client_secret.clone()),
            ims_url: url(&connection.ims_url),
            scopes: "AdobeID,openid,campaign_sdk".to_owned(),
        },
    };
    InstanceOptions {
        policy: Policy {
            instance: InstanceName::new(&instance.name),
            mask: AssociationMask::parse(&instance.association_mask).expect("a valid mask"),
            missing_operator: Missing::Skip,
            missing_group: Missing::Skip,
            manage: Manage::Ims,
            without_groups: WithoutGroups::Keep,
            orphaned_group: OrphanedGroup::Keep,
            protected_operators: Vec::new(),
            protected_groups: Vec::new(),
        },
        mode: InstanceMode::Apply,
        campaign: campaign::Options {
            url: url(&instance.url),
            authentication,
            retry: retry(),
            http: transport::Options::default(),
            page_rows: campaign::DEFAULT_PAGE_ROWS,
        },
    }
}

fn retry() -> RetryPolicy {
    RetryPolicy { attempts: 3, first_pause: Duration::from_millis(1), max_wait: Duration::from_secs(5) }
}

fn url(text: &str) -> BaseUrl {
    BaseUrl::parse(text).expect("a usable address")
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
