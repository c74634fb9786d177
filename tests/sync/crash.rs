//! A run that dies: at every step of the journal, and at every write it sends. The next run converges, and the history
//! says what the dead run had done (incident 22).
//!
//! The process that dies is this test program, started once more with [`dying_run`] alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use campaign_group_sync::{
    domain::{
        ChangeKind, ChangeOutcome, ChangeReport, Digest, MissingPolicy, Outcome, RunMode, RunReport, SharedText,
        Watcher, WithoutGroups,
    },
    journal::{self, Journal, MemberDetail},
    observability,
    sandbox::{Change, ConnectionParameters, Effect, Fault, LoggedRequest, Scenario, campaign::InstanceChange},
    sync,
};
use chrono::{TimeDelta, Utc};

use super::harness::{Harness, options, request};
use crate::support::process::{dying_at, end, test_process};

/// How long a process that is to die may live.
const DEADLINE: Duration = Duration::from_secs(60);

/// What the dying process is told.
const CONNECTION: &str = "TEST_CRASH_CONNECTION";
const STATE: &str = "TEST_CRASH_STATE";
const STEP: &str = "TEST_CRASH_STEP";

/// 14 changes: 1 group and 1 operator created, 6 additions, 3 removals that pass the guard and 1 that it holds; of
/// those who lose their last group, 1 is disabled and 1 waits with the held removal.
async fn harness() -> Harness {
    let mut harness = Harness::with(Scenario::named("joiners_and_leavers").expect("built in")).await;
    harness.options = create_all(&harness.sandbox.connection());
    let join = |login: &str, group: &str| InstanceChange::Join { login: login.to_owned(), group: group.to_owned() };
    let changes = [
        Change::instance("production", join("nora@acme.com", "content")),
        Change::assign("gita@acme.com", "Campaign - acme - content"),
    ];
    harness.sandbox.world().apply(&changes).expect("joined");
    harness
}

fn create_all(connection: &ConnectionParameters) -> sync::SyncOptions {
    let mut options = options(connection);
    // The removals of a group are judged by its own members here.
    options.limits.max_removals_percent = 100;
    for instance in &mut options.instances {
        instance.policy.missing_operator = MissingPolicy::Create;
        instance.policy.missing_group = MissingPolicy::Create;
        instance.policy.without_groups = WithoutGroups::Disable;
    }
    options
}

/// Starts the process that makes one run and dies at `step`, or lives on to the end of the run without one.
fn start(harness: &Harness, step: Option<usize>) -> Child {
    let connection = serde_json::to_string(&harness.sandbox.connection()).expect("JSON");
    let mut command = test_process(module_path!(), "dying_run");
    command.env(CONNECTION, connection).env(STATE, harness.state());
    if let Some(step) = step {
        command.env(STEP, step.to_string());
    }
    let log = File::options().append(true).create(true).open(log_of(harness)).expect("a log");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("started")
}

/// Where the processes of a harness write their log, one after the other.
fn log_of(harness: &Harness) -> PathBuf {
    Path::new(&harness.state()).with_file_name("log")
}

#[test]
#[ignore = "this is the process that the tests of this file start and kill"]
fn dying_run() {
    let variable = |name| std::env::var(name).ok();
    let connection: ConnectionParameters =
        serde_json::from_str(&variable(CONNECTION).expect("told by the test that starts this")).expect("JSON");
    let last = variable(STEP).map(|step| step.parse::<usize>().expect("a number"));
    let state = variable(STATE).expect("told").into();
    let location = journal::JournalLocation::Sqlite(state);
    let options = observability::LogOptions {
        level: observability::LogLevel::Info,
        format: observability::LogFormat::Json,
        colours: observability::Colours::Plain,
        journal_stream: None,
    };
    observability::start_logging(&options, std::io::stderr).expect("a log");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let report = runtime.block_on(async {
        let journal =
            Journal::open(&journal::JournalOptions { location, watch: Some(dying_at(last)) }).await.expect("a journal");
        sync::run(&create_all(&connection), &journal, &request(RunMode::Apply), &Watcher::none()).await
    });
    assert!([Outcome::Held, Outcome::Applied, Outcome::InSync].contains(&report.outcome), "{report:#?}");
}

/// Operators with whether they are disabled, operator groups, and memberships.
type World = (BTreeSet<(String, bool)>, BTreeSet<String>, Vec<(String, String)>);

/// The world of one instance, in names.
fn world(harness: &Harness) -> World {
    let world = harness.sandbox.world();
    let instance = world.instance("production").expect("an instance").world();
    let operators = instance.operators.iter().map(|operator| (operator.name.clone(), operator.disabled)).collect();
    let groups = instance.groups.iter().map(|group| group.name.clone()).collect();
    drop(world);
    (operators, groups, harness.memberships("production"))
}

/// What an uninterrupted run leaves, and the report of it.
async fn uninterrupted() -> (Harness, RunReport) {
    let harness = harness().await;
    let report = harness.sync().await;
    let [instance] = report.instances.as_slice() else { panic!("not one instance: {report:#?}") };
    assert_eq!(
        (instance.summary.planned(), instance.summary.held, report.outcome),
        (14, 2, Outcome::Held),
        "{report:#?}"
    );
    (harness, report)
}

/// A change of the world: what was done, to which operator, in which group.
type Fact = (String, Option<String>, Option<String>);

/// What changed between two looks at the world.
fn facts(before: &World, after: &World) -> BTreeSet<Fact> {
    // The technical account becomes an operator when it signs in for the first time.
    let logins = |world: &World| {
        let logins = world.0.iter().map(|(login, _)| login.clone());
        logins.filter(|login| !login.ends_with("@techacct.adobe.com")).collect::<BTreeSet<_>>()
    };
    let members = |world: &World| world.2.iter().cloned().collect::<BTreeSet<_>>();
    let (old, new) = (members(before), members(after));
    let mut facts: BTreeSet<Fact> = BTreeSet::new();
    facts.extend(new.difference(&old).cloned().map(|(login, group)| ("add".to_owned(), Some(login), Some(group))));
    facts.extend(old.difference(&new).cloned().map(|(login, group)| ("remove".to_owned(), Some(login), Some(group))));
    facts.extend(after.1.difference(&before.1).map(|group| ("create_group".to_owned(), None, Some(group.clone()))));
    facts.extend(
        logins(after)
            .difference(&logins(before))
            .map(|login| ("create_operator".to_owned(), Some(login.clone()), None)),
    );
    let disabled = after.0.iter().filter(|(login, disabled)| *disabled && before.0.contains(&(login.clone(), false)));
    facts.extend(disabled.map(|(login, _)| ("disable_operator".to_owned(), Some(login.clone()), None)));
    facts
}

/// How often the log says that a change was made, and how often it says so again because a run died.
fn logged(harness: &Harness) -> BTreeMap<Fact, (usize, usize)> {
    let mut logged: BTreeMap<Fact, (usize, usize)> = BTreeMap::new();
    for line in std::fs::read_to_string(log_of(harness)).expect("a log").lines() {
        let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let fields = if line["fields"].is_object() { &line["fields"] } else { &line };
        if fields["outcome"] != "applied" || !fields["op"].is_string() {
            continue;
        }
        let text = |name: &str| fields[name].as_str().map(str::to_owned);
        let count = logged.entry((text("op").expect("a text"), text("operator"), text("operator_group"))).or_default();
        if fields["repeated"] == true { count.1 += 1 } else { count.0 += 1 }
    }
    logged
}

/// Of every change that Campaign shows, log, history and access record say so once, and of no other.
async fn told_once(harness: &Harness, before: &World, what: &str) {
    let facts = facts(before, &world(harness));
    let logged = logged(harness);
    for fact @ (op, operator, group) in &facts {
        let (told, again) = logged.get(fact).copied().unwrap_or_default();
        assert!(told <= 1 && again <= 1 && told + again >= 1, "{what}: {op} {operator:?} {group:?}: {told}, {again}");
    }
    assert_eq!(logged.len(), facts.len(), "{what}: the log tells of what is not so: {logged:?}");
    let mut recorded: Vec<Fact> = Vec::new();
    for run in harness.journal.runs(10).await.expect("a history") {
        let report = harness.journal.run(&run.run).await.expect("a history").expect("the run");
        let changes = report.instances.into_iter().flat_map(|instance| instance.changes);
        let made = changes.filter(|change| change.outcome == ChangeOutcome::Applied);
        let text = |name: Option<SharedText>| name.map(|name| name.to_string());
        recorded.extend(made.map(|change| (change.op.as_str().to_owned(), text(change.operator), text(change.group))));
    }
    recorded.sort();
    assert_eq!(recorded, facts.into_iter().collect::<Vec<_>>(), "{what}: the history");
    let now = Utc::now() + TimeDelta::seconds(1);
    let access = harness.journal.access(now, now, MemberDetail::Cause).await.expect("a record");
    let members = harness.memberships("production");
    for group in access.iter().flat_map(|instance| &instance.groups) {
        let of_group = members.iter().filter(|(_, name)| *name == group.group).map(|(login, _)| login.clone());
        assert_eq!(
            group.logins().collect::<Vec<_>>(),
            of_group.collect::<BTreeSet<_>>().iter().map(String::as_str).collect::<Vec<_>>(),
            "{what}: {group:?}"
        );
    }
    let verification = harness.journal.verify(None).await.expect("a record");
    assert!(verification.is_whole(), "{what}: {:?}", verification.faults);
}

/// Runs until nothing changes any more, and compares the end with that of an uninterrupted run.
async fn converge(harness: &Harness, expected: &Harness, what: &str) {
    for _ in 0..3 {
        harness.sync().await;
    }
    let last = harness.sync().await;
    assert_eq!((last.outcome, harness.writes()), (Outcome::Held, 0), "{what}: {last:#?}");
    assert_eq!(world(harness), world(expected), "{what}");
}

/// What the history says of the dead run is so: `before` and `after` are the memberships around it.
fn history_is_true(dead: &RunReport, before: &[(String, String)], after: &[(String, String)], what: &str) {
    for change in dead.instances.iter().flat_map(|instance| &instance.changes) {
        let Some((operator, group)) = change.operator.clone().zip(change.group.clone()) else { continue };
        let holds = |rows: &[(String, String)]| rows.contains(&(operator.to_string(), group.to_string()));
        let wanted = change.op == ChangeKind::Add;
        match change.outcome {
            ChangeOutcome::Applied | ChangeOutcome::Already => {
                assert_eq!(holds(after), wanted, "{what}: said to be so: {change:?}");
            }
            ChangeOutcome::Held => assert_eq!(holds(before), holds(after), "{what}: said to be held: {change:?}"),
            ChangeOutcome::Pending if was_never_sent(change) => {
                assert_eq!(holds(before), holds(after), "{what}: said to be untouched: {change:?}");
            }
            ChangeOutcome::Pending => {}
            other => panic!("{what}: {other:?} in a run that died: {change:?}"),
        }
    }
}

/// Of a pending change the history says whether it was on its way when the run died.
fn was_never_sent(change: &ChangeReport) -> bool {
    change.detail.as_deref().is_some_and(|detail| detail.starts_with("not tried"))
}

#[tokio::test(flavor = "multi_thread")]
async fn incident_22_killed_at_every_step_of_the_journal_the_next_run_converges() {
    let (expected, _) = uninterrupted().await;
    let mut step = 0;
    loop {
        let harness = harness().await;
        let (before, world_before) = (harness.memberships("production"), world(&harness));
        let status = end(start(&harness, Some(step)));
        if status.success() {
            break;
        }
        let what = format!("killed at step {step}");
        let after = harness.memberships("production");
        let dead = harness.journal.runs(10).await.expect("a history");
        if let [dead] = dead.as_slice() {
            // The very last steps write that the run ended, and may have been durable already.
            let report = harness.journal.run(&dead.run).await.expect("a history").expect("the run");
            if dead.outcome == Some(Outcome::Interrupted) {
                history_is_true(&report, &before, &after, &what);
            }
        } else {
            assert!(dead.is_empty(), "{what}: {dead:?}");
            assert_eq!(before, after, "{what}: a run that nobody knows of changed something");
        }
        assert!(end(start(&harness, None)).success(), "{what}: the next run");
        told_once(&harness, &world_before, &what).await;
        converge(&harness, &expected, &what).await;
        step += 1;
    }
    assert!(step > 20, "only {step} steps: is the watch called?");
}

/// What the first run holds was approved: 1 removal, and 1 operator who is disabled after it.
async fn approved_stage() -> Harness {
    let harness = harness().await;
    let report = harness.sync().await;
    let digest = report.instances.first().and_then(|instance| instance.held.clone()).expect("something held");
    let digest = Digest::parse(&digest).expect("a digest");
    let now = Utc::now();
    harness.journal.approve(&digest, &"zoe".into(), now, now + TimeDelta::hours(1)).await.expect("approved");
    harness
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_run_that_is_killed_at_any_step_is_continued_by_the_next_one() {
    let expected = approved_stage().await;
    assert_eq!(expected.sync().await.outcome, Outcome::Applied);
    let (mut before_the_first_write, mut in_the_middle, mut after_the_last) = (0, 0, 0);
    for step in 0.. {
        let harness = approved_stage().await;
        let before = world(&harness);
        if end(start(&harness, Some(step))).success() {
            break;
        }
        let what = format!("killed at step {step}");
        let left = world(&harness);
        if left == before {
            before_the_first_write += 1;
        } else if left == world(&expected) {
            after_the_last += 1;
        } else {
            in_the_middle += 1;
        }
        let next = harness.sync().await;
        assert!([Outcome::Applied, Outcome::InSync].contains(&next.outcome), "{what}: {next:#?}");
        assert_eq!(world(&harness), world(&expected), "{what}");
        let last = harness.sync().await;
        assert_eq!((last.outcome, harness.writes()), (Outcome::InSync, 0), "{what}: {last:#?}");
    }
    let seen = [before_the_first_write, in_the_middle, after_the_last];
    assert!(seen.iter().all(|kills| *kills > 0), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn incident_22_killed_at_every_write_it_sends_the_next_run_converges() {
    let (expected, _) = uninterrupted().await;
    let is_write = |call: &str| call.eq_ignore_ascii_case("write") || call.eq_ignore_ascii_case("writecollection");
    let writes: Vec<String> =
        expected.sandbox.requests().into_iter().map(|request| request.call).filter(|call| is_write(call)).collect();
    assert!(writes.len() >= 4, "{writes:?}");
    let kills = writes.iter().enumerate().flat_map(|(at, call)| [(at, call, false), (at, call, true)]);
    for (at, call, is_carried_out) in kills {
        let harness = harness().await;
        let (before, world_before) = (harness.memberships("production"), world(&harness));
        // The answer never reaches the process; a delayed call is carried out after the delay.
        let skipped = writes.get(..at).expect("in range").iter().filter(|other| *other == call).count();
        let ms = 10 * 60 * 1000;
        let never = if is_carried_out { Effect::Drip { ms } } else { Effect::Delay { ms } };
        harness.sandbox.inject(Fault::new(call, never).skip(skipped.try_into().expect("small")));
        let mut child = start(&harness, None);
        let begin = Instant::now();
        let is_sent = |request: &LoggedRequest| is_write(&request.call) && (!is_carried_out || request.status != 0);
        while harness.sandbox.requests().iter().filter(|request| is_sent(request)).count() <= at {
            assert!(begin.elapsed() < DEADLINE, "write {at} was never sent");
            assert!(child.try_wait().expect("a child of ours").is_none(), "the run ended before write {at}");
            tokio::task::yield_now().await;
        }
        child.kill().expect("killed");
        end(child);
        harness.sandbox.clear_faults();
        let what = format!("killed at write {at}, carried out: {is_carried_out}");
        let [dead] = harness.journal.runs(10).await.expect("a history").try_into().expect("one run");
        assert_eq!(dead.outcome, Some(Outcome::Interrupted), "{what}");
        let report = harness.journal.run(&dead.run).await.expect("a history").expect("the run");
        history_is_true(&report, &before, &harness.memberships("production"), &what);
        assert!(end(start(&harness, None)).success(), "{what}: the next run");
        told_once(&harness, &world_before, &what).await;
        converge(&harness, &expected, &what).await;
    }
}

#[tokio::test]
async fn incident_22_a_state_file_that_is_garbage_is_set_aside_and_holds_removals() {
    let mut harness = Harness::of("first_day").await;
    harness.run(RunMode::DryRun).await;
    harness.journal.close().await;
    std::fs::write(harness.state(), b"not a database at all").expect("written");
    harness.reopen().await;
    let report = harness.sync().await;
    let removals: Vec<_> = report
        .instances
        .iter()
        .flat_map(|instance| &instance.changes)
        .filter(|change| change.op == ChangeKind::Remove)
        .map(|change| change.outcome)
        .collect();
    assert!(!removals.is_empty() && removals.iter().all(|outcome| *outcome == ChangeOutcome::Held), "{report:#?}");
    assert_eq!(report.outcome, Outcome::Held);
    // It stays so after a restart, until somebody approves it.
    harness.reopen().await;
    let again = harness.sync().await;
    assert_eq!((again.outcome, harness.writes()), (Outcome::Held, 0), "{again:#?}");
    let digest = again.instances.first().and_then(|instance| instance.held.clone()).expect("a digest");
    let approved = harness.sync_approving(&digest).await;
    assert_eq!(approved.outcome, Outcome::Applied, "{approved:#?}");
    let aside = Path::new(&harness.state()).parent().expect("a folder").read_dir().expect("readable");
    let names: Vec<_> = aside.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    assert!(names.iter().any(|name| name.contains("corrupt")), "{names:?}");
}
