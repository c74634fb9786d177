//! How long the hold of an undo lasts, and which approval each change that is sent rests on.

use std::time::Duration;

use campaign_group_sync::{
    domain::{Outcome, RunMode, RunReport, Watcher},
    sandbox::{Change, Effect, Fault, campaign::InstanceChange},
    sync::{self, Stop},
};
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::support::Stage;

const DELIVERY: &str = "Campaign - acme - delivery";

async fn undo(stage: &Stage, run: &str) -> RunReport {
    let undone =
        sync::undo(&stage.options, &stage.journal, run, RunMode::Apply, &Stop::never(), &Watcher::none()).await;
    undone.expect("a known run")
}

async fn held(stage: &Stage) -> Vec<String> {
    stage.journal.holds().await.expect("readable").into_iter().map(|hold| hold.digest.to_string()).collect()
}

/// A held undo of the first run, and the digest under which it is held.
async fn held_undo(stage: &Stage) -> (String, String) {
    let first = stage.sync().await;
    assert_eq!(first.outcome, Outcome::Applied, "{first:#?}");
    let report = undo(stage, &first.run).await;
    assert_eq!(report.outcome, Outcome::Held, "{report:#?}");
    (first.run, report.instances[0].held.clone().expect("a digest"))
}

#[tokio::test]
async fn the_hold_of_an_undo_is_over_with_the_time_of_an_approval_and_not_before() {
    for (ttl, is_kept) in [(Duration::ZERO, false), (Duration::from_secs(3600), true)] {
        let mut stage = Stage::of("first_day").await;
        stage.options.approval_ttl = ttl;
        let (_, digest) = held_undo(&stage).await;
        stage.sync().await;
        assert_eq!(held(&stage).await.contains(&digest), is_kept, "{ttl:?}: {:?}", held(&stage).await);
    }
}

#[tokio::test]
async fn an_undo_that_finds_nothing_to_take_back_any_more_holds_nothing_any_more() {
    let stage = Stage::of("first_day").await;
    let (run, digest) = held_undo(&stage).await;
    // By hand, everything is as it was before the run.
    let (before, after) = (Stage::of("first_day").await.memberships("production"), stage.memberships("production"));
    let join = |(login, group): &(String, String)| InstanceChange::Join { login: login.clone(), group: group.clone() };
    let leave =
        |(login, group): &(String, String)| InstanceChange::Leave { login: login.clone(), group: group.clone() };
    let joined = before.iter().filter(|one| !after.contains(one)).map(join);
    let left = after.iter().filter(|one| !before.contains(one)).map(leave);
    let by_hand: Vec<_> = joined.chain(left).map(|change| Change::instance("production", change)).collect();
    stage.sandbox.world().apply(&by_hand).expect("applied");
    let report = undo(&stage, &run).await;
    assert_eq!(report.outcome, Outcome::InSync, "{report:#?}");
    assert!(!held(&stage).await.contains(&digest), "{:?}", held(&stage).await);
}

/// What the events of kind `sending` say, in order.
async fn sending(stage: &Stage) -> Vec<Value> {
    let options = SqliteConnectOptions::new().filename(stage.state()).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("a connection");
    let sql = "select body from events where kind = 'sending' order by position";
    let bodies: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut connection).await.expect("readable");
    bodies.iter().map(|body| serde_json::from_str(body).expect("JSON")).collect()
}

#[tokio::test]
async fn each_change_that_is_sent_names_the_approval_it_rests_on_also_when_a_later_run_continues() {
    let stage = Stage::of("first_day").await;
    assert_eq!(stage.sync().await.outcome, Outcome::Applied);
    assert!(sending(&stage).await.iter().all(|event| event.get("approvals").is_none()), "no approval was needed");
    let leave = ["ann@acme.com", "bob@acme.com"].map(|user| Change::unassign(user, DELIVERY));
    stage.sandbox.world().apply(&leave).expect("applied");
    let digest = stage.sync().await.instances[0].held.clone().expect("held");
    let before = sending(&stage).await.len();
    // Campaign refuses the collection, and then the first of its rows.
    let refused = || Effect::SoapFault {
        code: "SOAP-ENV:Server".to_owned(),
        string: "XTK-170019 The row is refused".to_owned(),
        detail: String::new(),
    };
    stage.sandbox.inject(Fault::new("write", refused()).times(2));
    let report = stage.sync_approving(&digest).await;
    assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
    let first = sending(&stage).await.split_off(before);
    let next = stage.sync().await;
    assert_eq!(next.outcome, Outcome::Applied, "{next:#?}");
    let second = sending(&stage).await.split_off(before + first.len());
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
