//! A probe from the lock to the proof that nothing is left.

use chrono::{DateTime, Utc};
use ulid::Ulid;
use uuid::Uuid;

use crate::{
    campaign::Campaign,
    domain::{Chain, InstanceAnswers},
    journal::{Journal, LockAttempt, RunLock},
    sync::{InstanceOptions, Stop},
};

use super::{
    cleanup::{foreign, remove_records},
    collection_question::collection,
    context::{ProbeContext, ProbeError},
    creation::create_records,
    membership_questions::{join, leave},
    refusal::{Refusal, refuse_configured, refuse_reported},
    report::{ProbeOutcome, ProbeReport, ProbeStep, SIGN_IN_STEPS},
};

/// What is left where an earlier probe could not be cleaned up.
const LEFT_BY_EARLIER: &str = "scratch records of an earlier probe";

/// Probes one instance, under the lock of the journal. `progress` receives each step before it is made. The report holds
/// every failure. A request to stop ends the questions; the scratch records are removed nevertheless.
pub async fn probe(instance: &InstanceOptions, journal: &Journal, stop: &Stop, progress: &dyn Fn(&str)) -> ProbeReport {
    let mut report = ProbeReport::begin(instance, Utc::now());
    if let Some(refusal) = refuse_configured(instance) {
        report.refuse(&refusal);
        return report;
    }
    let lock = match journal.lock(&format!("probe {}", report.probe)).await {
        Ok(LockAttempt::Acquired(lock)) => lock,
        Ok(LockAttempt::Held(holder)) => {
            report.outcome = ProbeOutcome::Locked;
            report.error = Some(format!("{holder} is in progress; probe the instance when it has ended"));
            return report;
        }
        Err(error) => return report.failed(&error.into()),
    };
    let campaign = match Campaign::new(instance.campaign.clone()) {
        Ok(campaign) => campaign,
        Err(error) => return report.failed(&error.into()),
    };
    let probed = Box::pin(with_client(&mut report, instance, (journal, &lock), &campaign, (stop, progress))).await;
    campaign.sign_out().await;
    match probed {
        Ok(()) => report,
        Err(error) => report.failed(&error),
    }
}

async fn with_client(
    report: &mut ProbeReport,
    instance: &InstanceOptions,
    (journal, lock): (&Journal, &RunLock),
    campaign: &Campaign,
    (stop, progress): (&Stop, &dyn Fn(&str)),
) -> Result<(), ProbeError> {
    let name = &instance.policy.instance;
    progress("read the instance");
    let of_page = until(stop, async { campaign.fetch_server_info().await.info }).await?.instance;
    let of_session = until(stop, campaign.instance_of_session()).await?;
    let mut reported = of_page.iter().chain(&of_session);
    if let Some(refusal) = reported.find_map(|reported| refuse_reported(name, reported)) {
        report.refuse(&refusal);
        return Ok(());
    }
    let found = until(stop, campaign.find_scratch_records()).await?;
    let remembered = journal.scratch_records(&report.address).await?;
    let records = foreign(&found, &remembered);
    if !records.is_empty() {
        report.refuse(&Refusal::ForeignRecords { instance: name.clone(), records });
        return Ok(());
    }
    let mut context = ProbeContext {
        campaign,
        writer: until(stop, campaign.scratch_writer()).await?,
        journal,
        lock,
        stop,
        instance: name,
        address: report.address.clone(),
        label: format!("campaign-group-sync probe {}", report.probe),
        steps: Vec::new(),
        answers: InstanceAnswers::default(),
        unanswered: Vec::new(),
        progress,
    };
    let ended = in_order(&mut context, !remembered.is_empty(), report).await;
    report.steps = context.steps;
    ended
}

/// Reads until a request to stop.
async fn until<T>(
    stop: &Stop,
    reading: impl Future<Output = Result<T, crate::campaign::CampaignError>>,
) -> Result<T, ProbeError> {
    tokio::select! {
        biased;
        () = stop.requested() => Err(ProbeError::Stopped),
        read = Box::pin(reading) => Ok(read?),
    }
}

/// Removes what an earlier probe left, settles the questions, and removes the scratch records whatever happened.
async fn in_order(
    context: &mut ProbeContext<'_>,
    has_earlier: bool,
    report: &mut ProbeReport,
) -> Result<(), ProbeError> {
    if has_earlier {
        remove_earlier(context, report).await?;
    }
    let asked = ask(context).await;
    let may_write = asked.as_ref().err().is_none_or(|error| !error.forbids_writes());
    let removed = remove(context, may_write, report).await;
    let stored = store(context, asked.is_ok()).await;
    report.answers = context.answers.clone();
    asked.and(removed).and(stored)
}

async fn remove_earlier(context: &mut ProbeContext<'_>, report: &mut ProbeReport) -> Result<(), ProbeError> {
    let tried = "remove what an earlier probe left, which did not end";
    let removed = remove_records(context).await.inspect_err(|_| report.left.push(LEFT_BY_EARLIER.to_owned()))?;
    let answer = removed.described();
    report.left = removed.left;
    if report.left.is_empty() {
        context.step("T9", tried, answer, "nothing of it is left, as read back");
        return Ok(());
    }
    context.step("T9", tried, answer, "not all of it could be removed");
    Err(ProbeError::Unsettled("the scratch records of an earlier probe could not be removed".to_owned()))
}

/// T9, of this probe.
async fn remove(context: &mut ProbeContext<'_>, may_write: bool, report: &mut ProbeReport) -> Result<(), ProbeError> {
    let tried = "remove the scratch records";
    let removed = if may_write { Some(remove_records(context).await) } else { None };
    match removed {
        Some(Ok(removed)) => {
            let answer = removed.described();
            let is_clean = removed.left.is_empty();
            report.left = removed.left;
            let settles = if is_clean { "nothing is left, as read back" } else { "something is left" };
            context.step("T9", tried, answer, settles);
            if is_clean {
                return Ok(());
            }
            Err(ProbeError::Unsettled("a scratch record could not be removed".to_owned()))
        }
        Some(Err(error)) => {
            context.step("T9", tried, Chain(&error).to_string(), "something may be left");
            report.left = still_remembered(context).await;
            Err(error)
        }
        None => {
            report.left = still_remembered(context).await;
            Ok(())
        }
    }
}

async fn still_remembered(context: &ProbeContext<'_>) -> Vec<String> {
    let remembered = context.remembered().await.unwrap_or_default();
    remembered.iter().map(|record| record.kind.described()).collect()
}

/// Settles the questions, in their order.
async fn ask(context: &mut ProbeContext<'_>) -> Result<(), ProbeError> {
    let pair = create_records(context).await?;
    join(context, &pair).await?;
    leave(context, &pair).await?;
    collection(context, &pair).await?;
    context.step(
        "T7",
        "write with the rights of another credential",
        "not tried",
        "not settled: probe uses one credential; which named rights are enough stays open",
    );
    Ok(())
}

/// Stores the answers. Where the questions were not finished, earlier answers to the others stay.
async fn store(context: &mut ProbeContext<'_>, is_finished: bool) -> Result<(), ProbeError> {
    if !is_finished {
        let before = context.journal.instance_answers(context.instance, &context.address).await?;
        context.answers = context.answers.clone().or(before);
    }
    context.journal.remember_instance_answers(context.instance, &context.address, &context.answers).await?;
    Ok(())
}

fn new_id(started_at: DateTime<Utc>) -> String {
    let milliseconds = u64::try_from(started_at.timestamp_millis()).unwrap_or_default();
    Ulid::from_parts(milliseconds, Uuid::new_v4().as_u128()).to_string()
}

impl ProbeReport {
    fn begin(instance: &InstanceOptions, started_at: DateTime<Utc>) -> Self {
        Self {
            version: 1,
            probe: new_id(started_at),
            instance: instance.policy.instance.to_string(),
            address: instance.campaign.url.to_string(),
            started_at,
            outcome: ProbeOutcome::Settled,
            error: None,
            steps: Vec::<ProbeStep>::new(),
            answers: InstanceAnswers::default(),
            left: Vec::new(),
            by_hand: SIGN_IN_STEPS,
        }
    }

    fn refuse(&mut self, refusal: &Refusal) {
        self.outcome = ProbeOutcome::NotAllowed;
        self.error = Some(refusal.to_string());
    }

    /// The report of an instance that must not be probed.
    pub fn not_allowed(instance: &InstanceOptions, refusal: &Refusal) -> Self {
        let mut report = Self::begin(instance, Utc::now());
        report.refuse(refusal);
        report
    }

    /// Whether anything was tried.
    pub fn has_begun(&self) -> bool {
        !self.steps.is_empty()
    }

    fn failed(mut self, error: &ProbeError) -> Self {
        self.outcome = error.outcome();
        self.error = Some(Chain(error).to_string());
        self
    }
}
