//! Instances side by side: a slow or broken one delays no other, and the report is that of one after the other.

use std::{num::NonZeroU32, sync::Mutex};

use campaign_group_sync::{
    domain::{Outcome, RunEvent, RunMode, RunReport, Watcher, WatcherUpdate},
    sandbox::{Change, Effect, Fault, Scenario},
    sync::{self, RunRequest, StopSwitch},
};

use super::harness::{Harness, request};

/// The first day in three instances, of which so many are reconciled at the same time.
async fn three(at_once: u32) -> Harness {
    let mut scenario = Scenario::named("first_day").expect("built in");
    let production = scenario.campaign.remove("production").expect("an instance");
    scenario.campaign = ["a", "b", "c"].map(|name| (name.to_owned(), production.clone())).into();
    let mut harness = Harness::with(scenario).await;
    harness.options.parallel_instances = NonZeroU32::new(at_once).expect("not zero");
    harness
}

fn of(call: &str, instance: &str, effect: Effect) -> Fault {
    Fault { instance: Some(instance.to_owned()), ..Fault::new(call, effect).forever() }
}

/// What a report says of each instance, without times and addresses.
fn summary(report: &RunReport) -> Vec<(String, Outcome, Vec<String>)> {
    let of_instance = |instance: &campaign_group_sync::domain::InstanceReport| {
        let changes = instance.changes.iter();
        let changes = changes.map(|change| format!("{}: {}", change.outcome.as_str(), change.described())).collect();
        (instance.name.clone(), instance.outcome, changes)
    };
    report.instances.iter().map(of_instance).collect()
}

fn requests_for_members(harness: &Harness) -> usize {
    harness.sandbox.requests().iter().filter(|request| request.call == "members").count()
}

#[tokio::test]
async fn the_other_instances_end_while_a_call_of_one_hangs_and_a_stop_ends_that_one() {
    let harness = three(2).await;
    harness.sandbox.inject(of("query", "a", Effect::Delay { ms: 3_600_000 }));
    let (switch, stop) = StopSwitch::new();
    let ended = Mutex::new(Vec::new());
    let watcher = Watcher::new(move |update| {
        let WatcherUpdate::Event(_, RunEvent::InstanceEnded(report)) = update else { return };
        let mut ended = ended.lock().expect("no panic elsewhere");
        ended.push(report.name.clone());
        if ended.len() == 2 {
            switch.stop();
        }
    });
    let report =
        sync::run(&harness.options, &harness.journal, &RunRequest { stop, ..request(RunMode::Apply) }, &watcher).await;
    let outcomes: Vec<_> = report.instances.iter().map(|one| (one.name.as_str(), one.outcome)).collect();
    assert_eq!(
        outcomes,
        [("a", Outcome::Interrupted), ("b", Outcome::Applied), ("c", Outcome::Applied)],
        "{report:#?}"
    );
    let requests = harness.sandbox.requests();
    let unanswered = requests.iter().position(|one| one.instance.as_deref() == Some("a") && one.status == 0);
    let unanswered = unanswered.expect("the call that hangs");
    for name in ["b", "c"] {
        let last = requests.iter().rposition(|one| one.instance.as_deref() == Some(name)).expect("a call");
        assert!(unanswered < last, "{name}: {requests:#?}");
    }
}

#[tokio::test]
async fn a_broken_instance_affects_no_other_and_the_report_is_that_of_one_after_the_other() {
    let mut summaries = Vec::new();
    for at_once in [1, 3] {
        let harness = three(at_once).await;
        harness.sandbox.inject(of("any", "b", Effect::status(403)));
        // The last instance ends before the first one.
        harness.sandbox.inject(of("query", "a", Effect::Delay { ms: 20 }));
        let report = harness.sync().await;
        assert_eq!(report.instances.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(report.instances[1].error.is_some(), "{report:#?}");
        assert_eq!((report.instances[0].outcome, report.instances[2].outcome), (Outcome::Applied, Outcome::Applied));
        summaries.push((report.outcome, summary(&report), report.warnings.clone()));
    }
    assert_eq!(summaries[0], summaries[1]);
}

#[tokio::test]
async fn one_second_read_of_a_profile_serves_every_instance() {
    for at_once in [1, 3] {
        let harness = three(at_once).await;
        assert_eq!(harness.sync().await.outcome, Outcome::Applied);
        let leaves = Change::unassign("ann@acme.com", "Campaign - acme - delivery");
        harness.sandbox.world().apply(&[leaves]).expect("applied");
        let report = harness.sync().await;
        let changes: Vec<_> = summary(&report).into_iter().map(|(.., changes)| changes).collect();
        assert_eq!(changes, vec![vec!["applied: remove ann@acme.com from delivery"]; 3], "{report:#?}");
        assert_eq!(requests_for_members(&harness), 1, "{at_once} at once");
        // The next run reads again.
        let leaves = Change::unassign("bob@acme.com", "Campaign - acme - delivery");
        harness.sandbox.world().apply(&[leaves]).expect("applied");
        harness.sync().await;
        assert_eq!(requests_for_members(&harness), 1, "{at_once} at once");
    }
}

#[tokio::test]
async fn a_second_read_that_fails_confirms_no_removal_in_any_instance() {
    let harness = three(3).await;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    let leaves = Change::unassign("ann@acme.com", "Campaign - acme - delivery");
    harness.sandbox.world().apply(&[leaves]).expect("applied");
    harness.sandbox.inject(Fault::new("members", Effect::status(404)).forever());
    let report = harness.sync().await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::Partial, 0), "{report:#?}");
    for (name, _, changes) in summary(&report) {
        assert_eq!(changes, ["unconfirmed: remove ann@acme.com from delivery"], "{name}");
    }
    assert_eq!(requests_for_members(&harness), 2, "by id, and by name");
}
