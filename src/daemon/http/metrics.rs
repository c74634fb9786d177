//! The metrics of the daemon, computed for each response from `DaemonFacts`, which also counts what happened since the
//! daemon started, and from the journal for what survives a restart.

use std::{
    collections::BTreeMap,
    fmt,
    sync::atomic::{AtomicI64, AtomicU64},
};

use chrono::{DateTime, Utc};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::{Registry, Unit},
};

use crate::{
    daemon::{DaemonFacts, ServiceState, Status},
    domain::{ChangeKind, ChangeOutcome, InstanceReport, Outcome, all_variants},
    journal::NotificationTargetState,
};

/// The prefix of all metric names.
const PREFIX: &str = "campaign_group_sync";

/// The outcomes that a run of the daemon can have. Each has a series from the start, so that the first occurrence is an
/// increase.
const RUN_OUTCOMES: [Outcome; 12] = all_variants!(
    Outcome: InSync, ChangesPending, Applied, Partial, Held, Incomplete, Throttled, Unavailable, Locked, Refused, Failed,
    Interrupted; without Misconfigured
);

const CHANGE_KINDS: [ChangeKind; 5] = all_variants!(
    ChangeKind: CreateGroup, CreateOperator, Add, Remove, DisableOperator
);

const CHANGE_OUTCOMES: [ChangeOutcome; 6] = all_variants!(
    ChangeOutcome: Pending, Applied, Already, Held, Failed, Unconfirmed
);

type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter<u64, AtomicU64>>;
type Gauges = Family<Labels, Gauge<i64, AtomicI64>>;
type Seconds = Gauge<f64, AtomicU64>;

/// All metrics in the text format of `OpenMetrics`.
pub(super) fn open_metrics(facts: &DaemonFacts) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix(PREFIX);
    register_times(&mut registry, facts);
    register_counts(&mut registry, facts);
    register_state(&mut registry, facts);
    register_notifications(&mut registry, &facts.status.notifications);
    register_instances(&mut registry, facts);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

/// Times are seconds since 1970; 0 means never or none, as in the metrics of Prometheus itself.
fn register_times(registry: &mut Registry, facts: &DaemonFacts) {
    let status = &facts.status;
    let times = [
        (
            "last_success_timestamp",
            "When a run last read the Admin Console and Campaign completely and made all changes that it was allowed to make; 0 before the first",
            status.last_success,
        ),
        (
            "last_clean_timestamp",
            "When a run last succeeded with nothing held and nothing failed; 0 before the first",
            status.last_clean,
        ),
        (
            "last_run_timestamp",
            "When the last ended run began; 0 before the first",
            status.last_run.as_ref().map(|run| run.started_at),
        ),
        ("next_run_timestamp", "When the next run is due; 0 when the schedule is off", status.next_run),
        ("throttled_until_timestamp", "Until when Adobe asked for a pause; 0 without a pause", status.throttled_until),
    ];
    for (name, help, time) in times {
        register_seconds(registry, name, help, time.map_or(0.0, since_1970));
    }
    let duration = facts.last_report.as_ref().map_or(0, |report| report.duration_ms);
    register_seconds(registry, "last_run_duration", "How long the last run took", milliseconds(duration));
    register_seconds(
        registry,
        "ready_within",
        "How old the last success may be for the daemon to count as ready",
        facts.ready_within.as_secs_f64(),
    );
}

fn register_seconds(registry: &mut Registry, name: &str, help: &str, value: f64) {
    let gauge = Seconds::default();
    gauge.set(value);
    registry.register_with_unit(name, help, Unit::Seconds, gauge);
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact in a double for 285,000 years")]
fn since_1970(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "a run does not take 285,000 years")]
fn milliseconds(duration: u64) -> f64 {
    duration as f64 / 1000.0
}

fn register_counts(registry: &mut Registry, facts: &DaemonFacts) {
    let runs = Counters::default();
    for outcome in RUN_OUTCOMES.map(Outcome::as_str) {
        runs.get_or_create(&vec![("outcome", outcome.to_owned())]).inc_by(0);
    }
    for (outcome, count) in &facts.runs {
        runs.get_or_create(&vec![("outcome", (*outcome).to_owned())]).inc_by(*count);
    }
    registry.register("runs", "Runs that ended since the start", runs);

    let changes = Counters::default();
    let labels = |op: &str, outcome: &str| vec![("op", op.to_owned()), ("outcome", outcome.to_owned())];
    for op in CHANGE_KINDS {
        for outcome in CHANGE_OUTCOMES {
            changes.get_or_create(&labels(op.as_str(), outcome.as_str())).inc_by(0);
        }
    }
    for ((op, outcome), count) in &facts.changes {
        changes.get_or_create(&labels(op, outcome)).inc_by(*count);
    }
    registry.register("changes", "Changes of runs since the start, counted when their outcome is recorded", changes);

    let calls = Counter::<u64, AtomicU64>::default();
    calls.inc_by(facts.calls);
    registry.register("umapi_calls", "Calls to UMAPI since the start, without requests for tokens", calls);
}

fn register_state(registry: &mut Registry, facts: &DaemonFacts) {
    let states = Gauges::default();
    for state in ServiceState::ALL {
        let value = i64::from(state == facts.status.state);
        states.get_or_create(&vec![("state", state.as_str().to_owned())]).set(value);
    }
    registry.register("state", "The state of the daemon: 1 for the current state, 0 for the others", states);
    let leader = Gauge::<i64, AtomicI64>::default();
    leader.set(i64::from(facts.role.keeps_the_schedule()));
    registry.register(
        "leader",
        "Whether this node makes the scheduled runs: 1 for the leader or a single node, 0 otherwise",
        leader,
    );
    let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "The version of the program", build);
}

/// A counter of a notification target: name, help and value.
type TargetCounter = (&'static str, &'static str, fn(&NotificationTargetState) -> u64);

/// Each configured target has a series from the start.
fn register_notifications(registry: &mut Registry, targets: &[NotificationTargetState]) {
    let label = |state: &NotificationTargetState| vec![("target", state.target.as_str().to_owned())];
    let (waiting, since) = (Gauges::default(), Family::<Labels, Seconds>::default());
    for state in targets {
        waiting.get_or_create(&label(state)).set(i64::try_from(state.waiting).unwrap_or(i64::MAX));
        since.get_or_create(&label(state)).set(state.failing_since.map_or(0.0, since_1970));
    }
    registry.register("notifications_waiting", "Notifications that are not delivered yet", waiting);
    registry.register_with_unit(
        "notifications_failing_since_timestamp",
        "Since when attempts to deliver notifications fail; 0 if the last attempt succeeded",
        Unit::Seconds,
        since,
    );
    let counters: [TargetCounter; 3] = [
        ("notifications_delivered", "Notifications that were delivered, restarts included", |state| state.delivered),
        ("notifications_failed", "Failed attempts to deliver a notification, restarts included", |state| state.failed),
        ("notifications_given_up", "Notifications that were given up, restarts included", |state| state.given_up),
    ];
    for (name, help, count) in counters {
        let family = Counters::default();
        for state in targets {
            family.get_or_create(&label(state)).inc_by(count(state));
        }
        registry.register(name, help, family);
    }
}

/// A gauge of an instance from the last run: name, help and value.
type Measure = (&'static str, &'static str, fn(&InstanceReport) -> usize);

const MEASURES: [Measure; 6] = [
    ("held_changes", "Changes that wait for an approval", |instance| instance.summary.held),
    ("pending_changes", "Changes that an observed instance needs", |instance| instance.summary.pending),
    ("matched_profiles", "Product profiles that the association mask matches", |instance| {
        instance.matched_profiles.len()
    }),
    ("managed_members", "Members of the matched product profiles, counted once for each profile", |instance| {
        instance.matched_profiles.iter().map(|matched| matched.members).sum()
    }),
    ("orphaned_groups", "Operator groups whose product profile does not exist any more", |instance| {
        instance.orphaned.len()
    }),
    (
        "misplaced",
        "Users, operators, groups and product profiles that could not be placed and that an administrator has to correct",
        |instance| instance.skipped.iter().filter(|skipped| skipped.reason.could_not_be_placed()).count(),
    ),
];

fn register_instances(registry: &mut Registry, facts: &DaemonFacts) {
    let instances = facts.last_report.as_ref().map_or(&[][..], |report| report.instances.as_slice());
    for (name, help, measure) in MEASURES {
        let gauges = Gauges::default();
        for instance in instances {
            let value = i64::try_from(measure(instance)).unwrap_or(i64::MAX);
            gauges.get_or_create(&vec![("instance", instance.name.clone())]).set(value);
        }
        registry.register(name, help, gauges);
    }
    register_holds(registry, &facts.status, instances);
}

/// Instances of the last run have a series with 0 where nothing is held, so that an alert ends with the hold.
fn register_holds(registry: &mut Registry, status: &Status, instances: &[InstanceReport]) {
    let mut since: BTreeMap<&str, f64> = instances.iter().map(|instance| (instance.name.as_str(), 0.0)).collect();
    // The oldest hold of an instance is listed first: inserted last, it replaces the others.
    since.extend(status.holds.iter().rev().map(|hold| (hold.instance.as_str(), since_1970(hold.since))));
    let gauges = Family::<Labels, Seconds>::default();
    for (name, since) in since {
        gauges.get_or_create(&vec![("instance", name.to_owned())]).set(since);
    }
    registry.register_with_unit(
        "held_since_timestamp",
        "When the oldest held plan was first held; 0 if nothing is held",
        Unit::Seconds,
        gauges,
    );
}
