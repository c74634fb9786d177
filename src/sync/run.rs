//! One run over one organization and all its Campaign instances.

use std::time::Instant;

use chrono::{DateTime, Utc};
use ulid::Ulid;
use uuid::Uuid;

use crate::{
    campaign,
    domain::{
        AssociationMask, Digest, InstanceName, InstanceReport, Limits, OrganizationSnapshot, Outcome, RunId, RunMode,
        RunReport, Scope, SourceReport,
    },
    experience_cloud::{self, ExperienceCloud, ExperienceCloudError},
    observability::Chain,
};

use super::{
    change_log,
    reconcile::{InstanceOptions, Run, reconcile},
};

/// Version of the report's form.
const REPORT_VERSION: u32 = 1;

/// Whether removals are read a second time before they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The members of each profile that somebody left are read again.
    Reread,
    /// The first read is trusted.
    Off,
}

/// What a run needs to know.
#[derive(Debug)]
pub struct Options {
    /// The source.
    pub experience_cloud: experience_cloud::Options,
    /// The targets, by name.
    pub instances: Vec<InstanceOptions>,
    /// How much one run may change.
    pub limits: Limits,
    /// Whether removals are read a second time.
    pub confirmation: Confirmation,
}

/// How long a run waits where the vendor wants no calls yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patience {
    /// As long as one call may wait; beyond it the run leaves as throttled.
    #[default]
    Bounded,
    /// As long as it takes.
    Unbounded,
    /// As a scheduled run: 15 minutes longer than one call may wait, so that a jitter costs no calls.
    Scheduled,
}

/// What is asked of one run.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whether anything is written.
    pub mode: RunMode,
    /// What the run is narrowed to.
    pub scope: Scope,
    /// Digests of held plans that this run may make.
    pub approve: Vec<Digest>,
    /// Who asks: recorded with every approval.
    pub approver: String,
    /// How long the run waits for the vendor.
    pub patience: Patience,
}

/// How far a run is, for somebody who watches.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Reading the organization.
    Organization(experience_cloud::Progress),
    /// Reading one instance.
    Campaign(InstanceName, campaign::Progress),
    /// Reading the members of a profile a second time.
    Confirming(InstanceName),
    /// Writing: changes done and planned.
    Applying(InstanceName, usize, usize),
}

/// Makes one run. Whatever goes wrong is in the report.
pub async fn run(options: &Options, mode: RunMode, progress: &(dyn Fn(Progress) + Sync)) -> RunReport {
    let (begin, started_at) = (Instant::now(), Utc::now());
    let run_id = new_run_id(started_at);
    tracing::info!(run.id = %run_id, run.mode = mode.as_str(), instances = options.instances.len(), "run begins");
    let (source, error, instances) = match ExperienceCloud::new(options.experience_cloud.clone()) {
        Ok(experience_cloud) => all_instances(options, mode, &run_id, &experience_cloud, progress).await,
        Err(error) => unread(options, &error, 0),
    };
    let report = RunReport {
        version: REPORT_VERSION,
        run: run_id.to_string(),
        mode,
        started_at,
        duration_ms: u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
        outcome: Outcome::of_all(instances.iter().map(|instance| instance.outcome)),
        error,
        warnings: Vec::new(),
        source,
        instances,
    };
    change_log::run_ended(&report);
    report
}

/// A ULID: sorts by time, and no two runs share one.
fn new_run_id(started_at: DateTime<Utc>) -> RunId {
    let milliseconds = u64::try_from(started_at.timestamp_millis()).unwrap_or_default();
    RunId::new(Ulid::from_parts(milliseconds, Uuid::new_v4().as_u128()).to_string())
}

async fn all_instances(
    options: &Options,
    mode: RunMode,
    run_id: &RunId,
    experience_cloud: &ExperienceCloud,
    progress: &(dyn Fn(Progress) + Sync),
) -> (SourceReport, Option<String>, Vec<InstanceReport>) {
    let masks: Vec<AssociationMask> = options.instances.iter().map(|instance| instance.policy.mask.clone()).collect();
    let organization =
        match read_organization(experience_cloud, &masks, &|stage| progress(Progress::Organization(stage))).await {
            Ok(organization) => organization,
            Err(error) => return unread(options, &error, experience_cloud.calls()),
        };
    let run = Run { id: run_id, mode, options, organization: &organization, experience_cloud, progress };
    let mut instances = Vec::with_capacity(options.instances.len());
    for instance in &options.instances {
        instances.push(reconcile(&run, instance).await);
    }
    (read(&organization, experience_cloud.calls()), None, instances)
}

async fn read_organization(
    experience_cloud: &ExperienceCloud,
    masks: &[AssociationMask],
    progress: &dyn Fn(experience_cloud::Progress),
) -> Result<OrganizationSnapshot, ExperienceCloudError> {
    let listing = experience_cloud.fetch_listing(progress).await?;
    let kind = experience_cloud.choose(&listing, masks)?;
    experience_cloud.fetch_memberships(listing, masks, kind, progress).await
}

fn read(organization: &OrganizationSnapshot, calls: u64) -> SourceReport {
    SourceReport {
        organization: organization.organization().to_string(),
        users: organization.proof().users(),
        profiles: organization.profiles().len(),
        calls,
        read: Some(organization.proof().kind()),
        complete: true,
    }
}

/// Without the organization nothing is known of any instance, and nothing is written anywhere.
fn unread(
    options: &Options,
    error: &ExperienceCloudError,
    calls: u64,
) -> (SourceReport, Option<String>, Vec<InstanceReport>) {
    let message = Chain(error).to_string();
    let source = SourceReport {
        organization: options.experience_cloud.organization_id.to_string(),
        users: 0,
        profiles: 0,
        calls,
        read: None,
        complete: false,
    };
    let instances = options.instances.iter().map(|instance| {
        let outcome = Outcome::from(error.failure());
        let why = "the organization was not read; nothing was written".to_owned();
        InstanceReport::failed(instance.policy.instance.as_str(), instance.mode, outcome, why)
    });
    (source, Some(message), instances.collect())
}
