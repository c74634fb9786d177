//! What counts as done: what Campaign shows afterwards, and nothing else.

use campaign_group_sync::{
    domain::{ChangeOutcome, MissingPolicy, Outcome},
    sandbox::{Change, Effect, Fault, campaign::InstanceChange},
};

use super::harness::{Harness, changes, count};

/// What a server answers to a write.
const WRITTEN: &str = include_str!("../samples/campaign/write.xml");

#[tokio::test]
async fn incident_18_a_write_that_was_answered_and_not_made_does_not_count() {
    let harness = Harness::of("first_day").await;
    let before = harness.memberships("production");
    let headers = vec![("content-type".to_owned(), "text/xml; charset=utf-8".to_owned())];
    let lie = Effect::Status { status: 200, headers, body: WRITTEN.to_owned() };
    harness.sandbox.inject(Fault::new("write", lie).forever());
    let report = harness.sync().await;
    assert!(harness.writes() > 0);
    assert_eq!((report.outcome, harness.memberships("production")), (Outcome::Partial, before), "{report:#?}");
    assert_eq!(count(&report, ChangeOutcome::Applied), 0, "{report:#?}");
    assert_eq!(count(&report, ChangeOutcome::Failed), changes(&report).len(), "{report:#?}");
}

#[tokio::test]
async fn incident_25_applying_twice_writes_nothing_the_second_time() {
    for scenario in ["first_day", "joiners_and_leavers", "two_instances", "hostile_names"] {
        let harness = Harness::of(scenario).await;
        harness.sync().await;
        let before = harness.sandbox.world().describe().campaign;
        let second = harness.sync().await;
        assert_eq!(harness.writes(), 0, "{scenario}: {second:#?}");
        assert_eq!(count(&second, ChangeOutcome::Applied), 0, "{scenario}: {second:#?}");
        assert_eq!(harness.sandbox.world().describe().campaign, before, "{scenario}");
    }
}

#[tokio::test]
async fn incident_25_a_creation_whose_answer_was_lost_is_recognised_as_done() {
    // Each write in turn loses its answer.
    for skip in 0..4 {
        let mut harness = Harness::of("joiners_and_leavers").await;
        for instance in &mut harness.options.instances {
            instance.policy.missing_operator = MissingPolicy::Create;
            instance.policy.missing_group = MissingPolicy::Create;
        }
        harness.sandbox.inject(Fault::new("write", Effect::LoseAnswer).skip(skip));
        let report = harness.sync().await;
        assert!(harness.sandbox.faults().iter().all(|fault| fault.disturbed > 0), "write {skip} was never sent");
        assert_eq!(count(&report, ChangeOutcome::Failed), 0, "write {skip}: {report:#?}");
        let world = harness.sandbox.world().describe();
        let instance = world.campaign.get("production").expect("an instance");
        let otto = instance.operators.iter().filter(|operator| operator.name == "otto@acme.com").count();
        let push = instance.groups.iter().filter(|group| group.name == "push").count();
        assert_eq!((otto, push), (1, 1), "write {skip}: {report:#?}");
        let second = harness.sync().await;
        assert_eq!(harness.writes(), 0, "write {skip}: {second:#?}");
    }
}

#[tokio::test]
async fn incident_25_a_removal_of_somebody_who_is_gone_counts_as_already() {
    let harness = Harness::of("first_day").await.with_another_look();
    let leave = InstanceChange::Leave { login: "karl@acme.com".to_owned(), group: "delivery".to_owned() };
    // Between reading and writing: the second read of the profiles stands there.
    let change = Effect::Change { changes: vec![Change::instance("production", leave)] };
    harness.sandbox.inject(Fault::new("members", change));
    let report = harness.sync().await;
    assert!(changes(&report).contains(&"already: remove karl@acme.com from delivery".to_owned()), "{report:#?}");
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    assert_eq!(harness.sync().await.outcome, Outcome::InSync);
}
