//! What an approval releases: the situation that its digest stands for, in the next run or in the same, and nothing
//! else.

use campaign_group_sync::{
    domain::{ApprovalState, Approver, ChangeOutcome, Digest, OperatorGroupName, Outcome, RunMode, RunReport, Scope},
    experience_cloud::ReadChoice,
    sandbox::Change,
    sync::{RunRequest, StopSwitch},
};
use chrono::{TimeDelta, Utc};

use super::harness::{Harness, count, request};

const DELIVERY: &str = "Campaign - acme - delivery";

/// The first day after a first run, and then two of the five members of a group have lost its profile: too many for the
/// guard.
async fn two_leavers() -> Harness {
    let harness = Harness::of("first_day").await;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    disturb(&harness, &["ann@acme.com", "bob@acme.com"].map(|user| Change::unassign(user, DELIVERY)));
    harness
}

fn disturb(harness: &Harness, changes: &[Change]) {
    harness.sandbox.world().apply(changes).expect("applied");
}

fn held(report: &RunReport) -> Digest {
    let held = report.instances.iter().find_map(|instance| instance.held.clone());
    Digest::parse(&held.unwrap_or_else(|| panic!("nothing held: {report:#?}"))).expect("a digest")
}

async fn approve(harness: &Harness, digest: &Digest) {
    let now = Utc::now();
    harness.journal.approve(digest, &"zoe".into(), now, now + TimeDelta::hours(1)).await.expect("approved");
}

async fn states(harness: &Harness) -> Vec<ApprovalState> {
    let instance = &harness.options.instances[0].policy.instance;
    let history = harness.journal.history(instance, Utc::now()).await.expect("a history");
    history.approvals.into_iter().map(|approval| approval.state).collect()
}

/// Nothing was released, and a warning names the digest that was approved beside the one that is held.
fn assert_released_nothing(harness: &Harness, report: &RunReport, approved: &Digest) {
    assert_eq!((report.outcome, harness.writes()), (Outcome::Held, 0), "{report:#?}");
    let now = held(report);
    assert_ne!(*approved, now);
    let names = |warning: &String| warning.contains(approved.as_str()) && warning.contains(now.as_str());
    let warnings = report.instances.iter().flat_map(|instance| &instance.warnings).chain(&report.warnings);
    assert_eq!(warnings.filter(|warning| names(warning)).count(), 1, "{report:#?}");
}

#[tokio::test]
async fn after_one_more_leaver_neither_way_to_approve_releases_anything() {
    for is_in_advance in [true, false] {
        let harness = two_leavers().await;
        let digest = held(&harness.sync().await);
        if is_in_advance {
            approve(&harness, &digest).await;
        }
        disturb(&harness, &[Change::unassign("carla@acme.com", DELIVERY)]);
        let report = if is_in_advance { harness.sync().await } else { harness.sync_approving(digest.as_str()).await };
        assert_released_nothing(&harness, &report, &digest);
        assert_eq!(states(&harness).await, [ApprovalState::Given]);
        // The situation that was approved comes back while the approval is valid.
        disturb(&harness, &[Change::assign("carla@acme.com", DELIVERY)]);
        let report = harness.sync().await;
        assert_eq!((report.outcome, count(&report, ChangeOutcome::Applied)), (Outcome::Applied, 2), "{report:#?}");
        assert!(states(&harness).await.is_empty(), "spent");
    }
}

#[tokio::test]
async fn a_dry_run_shows_what_an_approval_would_release_and_records_nothing() {
    let harness = two_leavers().await;
    let digest = held(&harness.sync().await);
    let dry = harness.ask(&RunRequest { approve: vec![digest.clone()], ..request(RunMode::DryRun) }).await;
    assert_eq!((dry.outcome, count(&dry, ChangeOutcome::Pending)), (Outcome::ChangesPending, 2), "{dry:#?}");
    assert_eq!((states(&harness).await, harness.writes()), (Vec::new(), 0));
    let next = harness.sync().await;
    assert_eq!((next.outcome, held(&next), harness.writes()), (Outcome::Held, digest, 0), "{next:#?}");
}

#[tokio::test]
async fn additions_that_the_run_makes_itself_do_not_change_the_digest() {
    let harness = two_leavers().await;
    disturb(&harness, &[Change::assign("grace@acme.com", DELIVERY)]);
    let dry = held(&harness.run(RunMode::DryRun).await);
    let first = harness.sync().await;
    assert_eq!((held(&first), count(&first, ChangeOutcome::Applied)), (dry.clone(), 1), "{first:#?}");
    assert_eq!(held(&harness.sync().await), dry);
    assert_eq!(harness.sync_approving(dry.as_str()).await.outcome, Outcome::Applied);
}

#[tokio::test]
async fn an_approval_given_for_a_narrowed_run_releases_the_same_narrowed_situation() {
    let harness = two_leavers().await;
    let digest = held(&harness.sync_group("delivery").await);
    let scope = || Scope { users: Vec::new(), groups: vec![OperatorGroupName::new("delivery")] };
    let narrowed = RunRequest { scope: scope(), approve: vec![digest], ..request(RunMode::Apply) };
    let report = harness.ask(&narrowed).await;
    assert_eq!((report.outcome, count(&report, ChangeOutcome::Applied)), (Outcome::Applied, 2), "{report:#?}");
    assert_eq!(harness.sync().await.outcome, Outcome::InSync);
}

#[tokio::test]
async fn a_digest_that_is_not_held_releases_nothing_and_one_that_was_applied_is_only_mentioned() {
    let harness = two_leavers().await;
    let digest = held(&harness.sync().await);
    let report = harness.sync_approving("0123456789abcdef").await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::Held, 0), "{report:#?}");
    let names = |warning: &String| warning.contains("0123456789abcdef") && warning.contains(digest.as_str());
    assert!(report.warnings.iter().any(names), "{:?}", report.warnings);
    assert_eq!(harness.sync_approving(digest.as_str()).await.outcome, Outcome::Applied);
    let again = harness.sync_approving(digest.as_str()).await;
    assert_eq!(again.outcome, Outcome::InSync, "{again:#?}");
    assert!(again.warnings.iter().any(|warning| warning.contains("was already approved by eve")), "{again:#?}");
}

#[tokio::test]
async fn an_approval_of_a_plan_that_is_not_held_any_more_is_reported_and_the_outcome_is_held() {
    let harness = two_leavers().await;
    let digest = held(&harness.sync().await);
    disturb(&harness, &["ann@acme.com", "bob@acme.com"].map(|user| Change::assign(user, DELIVERY)));
    let report = harness.sync_approving(digest.as_str()).await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::Held, 0), "{report:#?}");
    assert!(report.warnings.iter().any(|warning| warning.contains("not held any more")), "{:?}", report.warnings);
}

#[tokio::test]
async fn the_approval_is_recorded_although_the_run_is_stopped_before_it_reads() {
    let harness = two_leavers().await;
    let digest = held(&harness.sync().await);
    let mut unreadable = request(RunMode::Apply);
    unreadable.approve = vec![digest];
    unreadable.approver = Approver::claimed("zoe");
    let (switch, stop) = StopSwitch::new();
    switch.stop();
    unreadable.stop = stop;
    let report = harness.ask(&unreadable).await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::Interrupted, 0), "{report:#?}");
    assert_eq!(states(&harness).await, [ApprovalState::Given]);
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
}

#[tokio::test]
async fn a_profile_whose_group_is_missing_counts_among_those_that_the_mask_matches() {
    let harness = Harness::of("joiners_and_leavers").await;
    let report = harness.sync().await;
    let [instance] = report.instances.as_slice() else { panic!("not one instance: {report:#?}") };
    let missing = instance.skipped.iter().find(|skipped| skipped.reason.as_str() == "no-group");
    let missing = missing.unwrap_or_else(|| panic!("every group is there: {report:#?}"));
    let matched = instance.matched_profiles.iter().find(|matched| matched.group == missing.subject);
    assert!(matched.is_some_and(|matched| matched.members > 0), "{missing:?} {:#?}", instance.matched_profiles);
}

#[tokio::test]
async fn a_run_for_one_user_counts_the_members_of_a_profile_as_the_listing_does() {
    let mut harness = Harness::of("first_day").await;
    let whole = harness.run(RunMode::DryRun).await;
    harness.options.experience_cloud.read = ReadChoice::Auto;
    for user in ["ann@acme.com", "nobody@acme.com"] {
        let scope = Scope { users: vec![user.to_owned()], groups: Vec::new() };
        let narrowed = harness.ask(&RunRequest { scope, ..request(RunMode::DryRun) }).await;
        assert_eq!(narrowed.instances[0].matched_profiles, whole.instances[0].matched_profiles, "{user}");
    }
}
