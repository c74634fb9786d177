//! Approvals that were given while the clock of the host was wrong.

use campaign_group_sync::{
    domain::{Digest, Outcome, RunReport},
    sandbox::Change,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::support::Stage;

const DELIVERY: &str = "Campaign - acme - delivery";

/// Two of the five members of a group have lost its profile, which is held under the digest.
async fn held_removals() -> (Stage, Digest) {
    let stage = Stage::of("first_day").await;
    assert_eq!(stage.sync().await.outcome, Outcome::Applied);
    let leavers = ["ann@acme.com", "bob@acme.com"].map(|user| Change::unassign(user, DELIVERY));
    stage.sandbox.world().apply(&leavers).expect("applied");
    let report = stage.sync().await;
    let held = report.instances[0].held.as_deref().expect("held");
    (stage, Digest::parse(held).expect("a digest"))
}

/// Approves for an hour by a clock that shows `now`.
async fn approve(stage: &Stage, digest: &Digest, now: DateTime<Utc>) {
    stage.journal.approve(digest, &"zoe".into(), now, now + TimeDelta::hours(1)).await.expect("approved");
}

fn warnings(report: &RunReport) -> Vec<&str> {
    report.instances.iter().flat_map(|instance| &instance.warnings).map(String::as_str).collect()
}

#[tokio::test]
async fn incident_28_an_approval_given_by_a_clock_that_was_ahead_is_used_once_and_does_not_stay() {
    for ahead in [TimeDelta::days(3), TimeDelta::days(9 * 365)] {
        let (stage, digest) = held_removals().await;
        approve(&stage, &digest, Utc::now() + ahead).await;
        assert_eq!(stage.sync().await.outcome, Outcome::Applied);
        // The same situation once more, which nobody has approved.
        let users = ["ann@acme.com", "bob@acme.com"];
        stage.sandbox.world().apply(&users.map(|user| Change::assign(user, DELIVERY))).expect("applied");
        assert_eq!(stage.sync().await.outcome, Outcome::Applied);
        stage.sandbox.world().apply(&users.map(|user| Change::unassign(user, DELIVERY))).expect("applied");
        assert_eq!((stage.sync().await.outcome, stage.writes()), (Outcome::Held, 0));
    }
}

#[tokio::test]
async fn incident_28_an_unused_approval_of_a_clock_that_was_ahead_ends_with_its_time_to_live() {
    let (stage, digest) = held_removals().await;
    approve(&stage, &digest, Utc::now() + TimeDelta::days(9 * 365)).await;
    // A run that is about something else corrects the time, and uses nothing.
    assert_eq!(stage.sync_group("content").await.outcome, Outcome::InSync);
    let corrected = Utc::now();
    let instance = &stage.options.instances[0].policy.instance;
    let approvals = async |at| stage.journal.history(instance, at).await.expect("readable").approvals.len();
    assert_eq!(approvals(corrected + TimeDelta::minutes(50)).await, 1);
    assert_eq!(approvals(corrected + TimeDelta::hours(1)).await, 0);
}

#[tokio::test]
async fn incident_28_an_approval_given_by_a_clock_that_was_behind_is_refused_with_its_time() {
    let (stage, digest) = held_removals().await;
    let behind = Utc::now() - TimeDelta::days(1);
    approve(&stage, &digest, behind).await;
    let report = stage.sync().await;
    assert_eq!((report.outcome, stage.writes()), (Outcome::Held, 0), "{report:#?}");
    let expired = (behind + TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let says =
        |warning: &&str| [digest.as_str(), "zoe", "expired at", &expired].iter().all(|part| warning.contains(part));
    assert!(warnings(&report).iter().any(says), "{report:#?}");
    // Approved again by the right clock, it is used, and nothing is said of the first time.
    approve(&stage, &digest, Utc::now()).await;
    let report = stage.sync().await;
    assert_eq!((report.outcome, warnings(&report).len()), (Outcome::Applied, 0), "{report:#?}");
}
