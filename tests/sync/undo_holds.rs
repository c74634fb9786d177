//! How long the hold of an undo lasts, and which approval each change that is sent rests on.

use std::time::Duration;

use campaign_group_sync::{
    domain::{Outcome, RunMode, RunReport},
    sandbox::{Change, Effect, Fault, campaign::InstanceChange},
};
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::harness::Harness;

const DELIVERY: &str = "Campaign - acme - delivery";

async fn undo(harness: &Harness, run: &str) -> RunReport {
    harness.undo(run, RunMode::Apply).await.expect("a known run")
}

async fn held(harness: &Harness) -> Vec<String> {
    harness.journal.holds().await.expect("readable").into_iter().map(|hold| hold.digest.to_string()).collect()
}

/// A held undo of the first run, and the digest under which it is held.
async fn held_undo(harness: &Harness) -> (String, String) {
    let first = harness.sync().await;
    assert_eq!(first.outcome, Outcome::Applied, "{first:#?}");
    let report = undo(harness, &first.run).await;
    assert_eq!(report.outcome, Outcome::Held, "{report:#?}");
    (first.run, report.instances[0].held.clone().expect("a digest"))
}

#[tokio::test]
async fn the_hold_of_an_undo_is_over_with_the_time_of_an_approval_and_not_before() {
    for (ttl, is_kept) in [(Duration::ZERO, false), (Duration::from_secs(3600), true)] {
        let mut harness = Harness::of("first_day").await;
        harness.options.approval_ttl = ttl;
        let (_, digest) = held_undo(&harness).await;
        harness.sync().await;
        assert_eq!(held(&harness).await.contains(&digest), is_kept, "{ttl:?}: {:?}", held(&harness).await);
    }
}

#[tokio::test]
async fn an_undo_that_finds_nothing_to_take_back_any_more_holds_nothing_any_more() {
    let harness = Harness::of("first_day").await;
    let (run, digest) = held_undo(&harness).await;
    // By hand, everything is as it was before the run.
    let (before, after) = (Harness::of("first_day").await.memberships("production"), harness.memberships("production"));
    let join = |(login, group): &(String, String)| InstanceChange::Join { login: login.clone(), group: group.clone() };
    let leave =
        |(login, group): &(String, String)| InstanceChange::Leave { login: login.clone(), group: group.clone() };
    let joined = before.iter().filter(|one| !after.contains(one)).map(join);
    let left = after.iter().filter(|one| !before.contains(one)).map(leave);
    let by_hand: Vec<_> = joined.chain(left).map(|change| Change::instance("production", change)).collect();
    harness.sandbox.world().apply(&by_hand).expect("applied");
    let report = undo(&harness, &run).await;
    assert_eq!(report.outcome, Outcome::InSync, "{report:#?}");
    assert!(!held(&harness).await.contains(&digest), "{:?}", held(&harness).await);
}

/// What the events of kind `sending` say, in order.
async fn sending(harness: &Harness) -> Vec<Value> {
    let options = SqliteConnectOptions::new().filename(harness.state()).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("a connection");
    let sql = "select body from events where kind = 'sending' order by position";
    let bodies: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut connection).await.expect("readable");
    bodies.iter().map(|body| serde_json::from_str(body).expect("JSON")).collect()
}

#[tokio::test]
async fn each_change_that_is_sent_names_the_approval_it_rests_on_also_when_a_later_run_continues() {
    let harness = Harness::of("first_day").await;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    assert!(sending(&harness).await.iter().all(|event| event.get("approvals").is_none()), "no approval was needed");
    let leave = ["ann@acme.com", "bob@acme.com"].map(|user| Change::unassign(user, DELIVERY));
    harness.sandbox.world().apply(&leave).expect("applied");
    let digest = harness.sync().await.instances[0].held.clone().expect("held");
    let before = sending(&harness).await.len();
    // Campaign refuses the collection, and then the first of its rows.
    let refused = || Effect::SoapFault {
        code: "SOAP-ENV:Server".to_owned(),
        string: "XTK-170019 The row is refused".to_owned(),
        detail: String::new(),
    };
    harness.sandbox.inject(Fault::new("write", refused()).times(2));
    let report = harness.sync_approving(&digest).await;
    assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
    let first = sending(&harness).await.split_off(before);
    let next = harness.sync().await;
    assert_eq!(next.outcome, Outcome::Applied, "{next:#?}");
    let second = sending(&harness).await.split_off(before + first.len());
    for events in [&first, &second] {
        assert!(!events.is_empty());
        for event in events {
            assert_eq!(event["approvals"][&digest], json!(places(&event["changes"])), "{event}");
        }
    }
}

/// The places that the record names: a single place, or the first and the last one of a range.
fn places(told: &Value) -> Vec<i64> {
    let place = |value: &Value| value.as_i64().expect("a place");
    let told = told.as_array().expect("a list").iter();
    let of =
        |one: &Value| one.as_array().map_or_else(|| place(one)..=place(one), |ends| place(&ends[0])..=place(&ends[1]));
    told.flat_map(of).collect()
}
