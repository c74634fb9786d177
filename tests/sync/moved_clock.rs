//! Approvals that were given while the clock of the host was wrong.

use campaign_group_sync::{
    domain::{Digest, Outcome, RunReport},
    sandbox::Change,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::harness::Harness;

const DELIVERY: &str = "Campaign - acme - delivery";

/// Two of the five members of a group have lost its profile, which is held under the digest.
async fn held_removals() -> (Harness, Digest) {
    let harness = Harness::of("first_day").await;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    let leavers = ["ann@acme.com", "bob@acme.com"].map(|user| Change::unassign(user, DELIVERY));
    harness.sandbox.world().apply(&leavers).expect("applied");
    let report = harness.sync().await;
    let held = report.instances[0].held.as_deref().expect("held");
    (harness, Digest::parse(held).expect("a digest"))
}

/// Approves for an hour by a clock that shows `now`.
async fn approve(harness: &Harness, digest: &Digest, now: DateTime<Utc>) {
    harness.journal.approve(digest, &"zoe".into(), now, now + TimeDelta::hours(1)).await.expect("approved");
}

fn warnings(report: &RunReport) -> Vec<&str> {
    report.instances.iter().flat_map(|instance| &instance.warnings).map(String::as_str).collect()
}

#[tokio::test]
async fn incident_28_an_approval_given_by_a_clock_that_was_ahead_is_used_once_and_does_not_stay() {
    for ahead in [TimeDelta::days(3), TimeDelta::days(9 * 365)] {
        let (harness, digest) = held_removals().await;
        approve(&harness, &digest, Utc::now() + ahead).await;
        assert_eq!(harness.sync().await.outcome, Outcome::Applied);
        // The same situation once more, which nobody has approved.
        let users = ["ann@acme.com", "bob@acme.com"];
        harness.sandbox.world().apply(&users.map(|user| Change::assign(user, DELIVERY))).expect("applied");
        assert_eq!(harness.sync().await.outcome, Outcome::Applied);
        harness.sandbox.world().apply(&users.map(|user| Change::unassign(user, DELIVERY))).expect("applied");
        assert_eq!((harness.sync().await.outcome, harness.writes()), (Outcome::Held, 0));
    }
}

#[tokio::test]
async fn incident_28_an_unused_approval_of_a_clock_that_was_ahead_ends_with_its_time_to_live() {
    let (harness, digest) = held_removals().await;
    approve(&harness, &digest, Utc::now() + TimeDelta::days(9 * 365)).await;
    // A run that is about something else corrects the time, and uses nothing.
    assert_eq!(harness.sync_group("content").await.outcome, Outcome::InSync);
    let corrected = Utc::now();
    let instance = &harness.options.instances[0].policy.instance;
    let approvals = async |at| harness.journal.history(instance, at).await.expect("readable").approvals.len();
    assert_eq!(approvals(corrected + TimeDelta::minutes(50)).await, 1);
    assert_eq!(approvals(corrected + TimeDelta::hours(1)).await, 0);
}

#[tokio::test]
async fn incident_28_an_approval_given_by_a_clock_that_was_behind_is_refused_with_its_time() {
    let (harness, digest) = held_removals().await;
    let behind = Utc::now() - TimeDelta::days(1);
    approve(&harness, &digest, behind).await;
    let report = harness.sync().await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::Held, 0), "{report:#?}");
    let expired = (behind + TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let says =
        |warning: &&str| [digest.as_str(), "zoe", "expired at", &expired].iter().all(|part| warning.contains(part));
    assert!(warnings(&report).iter().any(says), "{report:#?}");
    // Approved again by the right clock, it is used, and nothing is said of the first time.
    approve(&harness, &digest, Utc::now()).await;
    let report = harness.sync().await;
    assert_eq!((report.outcome, warnings(&report).len()), (Outcome::Applied, 0), "{report:#?}");
}
