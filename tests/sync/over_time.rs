//! What one run leaves behind decides what the next may do: accepted reads, who is who, approvals, undone changes.

use std::time::Duration;

use campaign_group_sync::{
    domain::{
        AssociationMask, ChangeKind, ChangeOutcome, Digest, OrphanedGroup, Outcome, RunMode, RunReport, SkipReason,
    },
    journal::{FindRunError, LockAttempt, MemberDetail},
    sandbox::{Change, OrganizationChange, campaign::InstanceChange},
};
use chrono::{TimeDelta, Utc};

use super::harness::{Harness, changes, request};

const DELIVERY: &str = "Campaign - acme - delivery";
const CONTENT: &str = "Campaign - acme - content";

/// The first day, after a first run: nothing is left to do.
async fn settled() -> Harness {
    let harness = Harness::of("first_day").await;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    harness
}

fn disturb(harness: &Harness, changes: &[Change]) {
    harness.sandbox.world().apply(changes).expect("applied");
}

fn organization(change: OrganizationChange) -> Change {
    change.into()
}

fn rename_group(group: &str, to: &str) -> Change {
    organization(OrganizationChange::RenameGroup { group: group.to_owned(), to: to.to_owned() })
}

fn rename_user(user: &str, to: &str) -> Change {
    organization(OrganizationChange::RenameUser { user: user.to_owned(), to: to.to_owned() })
}

fn held(report: &RunReport) -> String {
    report.instances.iter().find_map(|instance| instance.held.clone()).expect("something held")
}

/// Why the changes of a report were held, failed or not confirmed.
fn details(report: &RunReport) -> Vec<String> {
    report.instances.iter().flat_map(|instance| &instance.changes).filter_map(|change| change.detail.clone()).collect()
}

fn skipped(report: &RunReport, reason: SkipReason) -> Vec<String> {
    let all = report.instances.iter().flat_map(|instance| &instance.skipped);
    all.filter(|skipped| skipped.reason == reason).map(|skipped| skipped.subject.clone()).collect()
}

fn is_member(harness: &Harness, operator: &str, group: &str) -> bool {
    harness.memberships("production").contains(&(operator.to_owned(), group.to_owned()))
}

#[tokio::test]
async fn incident_04_a_shrunken_source_holds_removals_and_lets_additions_through() {
    let mut harness = settled().await;
    harness.options.limits.max_source_shrink_percent = 10;
    let leaver = OrganizationChange::RemoveUser { user: "ann@acme.com".to_owned() };
    let other = OrganizationChange::RemoveUser { user: "mona@acme.com".to_owned() };
    disturb(&harness, &[leaver.into(), other.into(), Change::assign("grace@acme.com", DELIVERY)]);
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Held, "{report:#?}");
    assert!(changes(&report).contains(&"applied: add grace@acme.com to delivery".to_owned()), "{report:#?}");
    assert!(details(&report).iter().all(|why| why.contains("users") && why.contains('→')), "{:?}", details(&report));
    assert!(is_member(&harness, "ann@acme.com", "delivery"));
    // Nothing is accepted by waiting; the digest stays the same.
    let again = harness.sync().await;
    assert_eq!((held(&again), harness.writes()), (held(&report), 0));
    let approved = harness.sync_approving(&held(&report)).await;
    assert_eq!(approved.outcome, Outcome::Applied, "{approved:#?}");
    assert!(!is_member(&harness, "ann@acme.com", "delivery"));
    assert_eq!(harness.sync().await.outcome, Outcome::InSync);
}

#[tokio::test]
async fn a_changed_mask_is_shown_before_it_takes_anything_away() {
    let mut harness = settled().await;
    disturb(&harness, &[Change::unassign("ann@acme.com", DELIVERY)]);
    for instance in &mut harness.options.instances {
        instance.policy.mask = AssociationMask::parse("Campaign - acme - ([a-z]+)").expect("a mask");
    }
    let report = harness.sync().await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::Held, 0), "{report:#?}");
    assert!(details(&report).iter().any(|why| why.contains("mask")), "{:?}", details(&report));
    assert_eq!(harness.sync_approving(&held(&report)).await.outcome, Outcome::Applied);
    assert_eq!(harness.sync().await.outcome, Outcome::InSync);
}

#[tokio::test]
async fn incident_15_a_renamed_profile_leaves_its_group_orphaned_and_full() {
    let harness = settled().await;
    let before = harness.memberships("production");
    disturb(&harness, &[rename_group(DELIVERY, "Campaign - acme - campaigns")]);
    for _ in 0..2 {
        let report = harness.sync().await;
        let instance = report.instances.first().expect("an instance");
        let orphans: Vec<_> = instance.orphaned.iter().map(|orphan| (&*orphan.group, orphan.members)).collect();
        assert_eq!(orphans, [("delivery", 6)], "{report:#?}");
        assert_eq!(harness.writes(), 0, "{report:#?}");
    }
    assert_eq!(harness.memberships("production"), before);
    disturb(&harness, &[rename_group("Campaign - acme - campaigns", DELIVERY)]);
    let report = harness.sync().await;
    assert!(report.instances.iter().all(|instance| instance.orphaned.is_empty()), "{report:#?}");
}

#[tokio::test]
async fn incident_15_a_profile_renamed_to_another_groups_name_holds_that_groups_removals() {
    let harness = settled().await;
    let swap = [rename_group(CONTENT, "Campaign - acme - spare"), rename_group(DELIVERY, CONTENT)];
    disturb(&harness, &swap);
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Held, "{report:#?}");
    assert!(is_member(&harness, "grace@acme.com", "content"), "{report:#?}");
}

#[tokio::test]
async fn incident_15_a_changed_login_is_one_notice_and_no_removal() {
    let harness = settled().await;
    let before = harness.memberships("production");
    disturb(&harness, &[rename_user("ann@acme.com", "ann.ahlberg@acme.com")]);
    let report = harness.sync().await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::InSync, 0), "{report:#?}");
    assert_eq!(skipped(&report, SkipReason::Renamed), ["ann.ahlberg@acme.com"]);
    assert_eq!(harness.memberships("production"), before);
    // Once an operator with the new login exists, that is the person, and the old one loses its groups like a leaver.
    let login = "ann.ahlberg@acme.com".to_owned();
    let created =
        InstanceChange::AddOperator { login, label: None, email: None, authentication: None, disabled: false };
    disturb(&harness, &[Change::instance("production", created)]);
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    assert!(
        is_member(&harness, "ann.ahlberg@acme.com", "delivery") && !is_member(&harness, "ann@acme.com", "delivery")
    );
}

#[tokio::test]
async fn incident_10_the_members_of_a_deleted_profiles_group_are_removed_only_after_an_approval() {
    let mut harness = settled().await;
    let vanished = OrganizationChange::RemoveGroup { group: "Campaign - acme - workflow".to_owned() };
    disturb(&harness, &[vanished.into()]);
    let report = harness.sync().await;
    let orphaned = |report: &RunReport| {
        let instances = report.instances.iter().flat_map(|instance| &instance.orphaned);
        instances.map(|orphan| orphan.group.clone()).collect::<Vec<_>>()
    };
    assert_eq!((orphaned(&report), harness.writes()), (vec!["workflow".to_owned()], 0), "{report:#?}");
    for instance in &mut harness.options.instances {
        instance.policy.orphaned_group = OrphanedGroup::Empty;
    }
    let report = harness.sync().await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::Held, 0), "{report:#?}");
    let report = harness.sync_approving(&held(&report)).await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    assert!(!is_member(&harness, "farid@acme.com", "workflow"));
    assert!(orphaned(&harness.sync().await).is_empty());
}

#[tokio::test]
async fn incident_24_approving_one_digest_lets_no_other_plan_through() {
    let harness = settled().await;
    disturb(&harness, &["ann@acme.com", "bob@acme.com"].map(|user| Change::unassign(user, DELIVERY)));
    let first = harness.sync().await;
    assert_eq!(first.outcome, Outcome::Held, "two of five are more than 34 %: {first:#?}");
    disturb(&harness, &[Change::unassign("carla@acme.com", DELIVERY)]);
    let second = harness.sync_approving(&held(&first)).await;
    assert_eq!((second.outcome, harness.writes()), (Outcome::Held, 0), "{second:#?}");
    let names = |warning: &String| warning.contains(&held(&first)) && warning.contains(&held(&second));
    assert!(second.instances[0].warnings.iter().any(names), "{second:#?}");
    assert_ne!(held(&first), held(&second));
    assert_eq!(harness.sync_approving(&held(&second)).await.outcome, Outcome::Applied);
}

#[tokio::test]
async fn incident_24_an_approval_counts_for_the_next_run_until_it_expires() {
    let harness = settled().await;
    disturb(&harness, &["ann@acme.com", "bob@acme.com"].map(|user| Change::unassign(user, DELIVERY)));
    let digest = Digest::parse(&held(&harness.sync().await)).expect("a digest");
    let long_ago = Utc::now() - TimeDelta::days(2);
    harness.journal.approve(&digest, &"eve".into(), long_ago, long_ago + TimeDelta::days(1)).await.expect("approved");
    assert_eq!((harness.sync().await.outcome, harness.writes()), (Outcome::Held, 0), "an expired approval");
    let now = Utc::now();
    harness.journal.approve(&digest, &"eve".into(), now, now + TimeDelta::days(1)).await.expect("approved");
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    // What was approved once is not approved for ever.
    disturb(&harness, &["ann@acme.com", "bob@acme.com"].map(|user| Change::assign(user, DELIVERY)));
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    disturb(&harness, &["ann@acme.com", "bob@acme.com"].map(|user| Change::unassign(user, DELIVERY)));
    assert_eq!(harness.sync().await.outcome, Outcome::Held);
}

#[tokio::test]
async fn what_is_held_stays_held_though_additions_raise_what_the_percentages_count() {
    let harness = settled().await;
    disturb(&harness, &["ann@acme.com", "bob@acme.com"].map(|user| Change::unassign(user, DELIVERY)));
    let newcomers = ["farid@acme.com", "grace@acme.com", "hugo@acme.com", "jonas@acme.com"];
    disturb(&harness, &newcomers.map(|user| Change::assign(user, DELIVERY)));
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Held, "{report:#?}");
    // Two of nine are 22 %: a guard without memory would let them go now.
    let again = harness.sync().await;
    assert_eq!((again.outcome, harness.writes()), (Outcome::Held, 0), "{again:#?}");
    assert_eq!(held(&report), held(&again));
}

#[tokio::test]
async fn a_dry_run_leaves_no_trace_in_what_later_runs_decide() {
    let harness = settled().await;
    disturb(&harness, &["ann@acme.com", "bob@acme.com"].map(|user| Change::unassign(user, DELIVERY)));
    let dry = harness.run(RunMode::DryRun).await;
    disturb(&harness, &["farid@acme.com", "grace@acme.com"].map(|user| Change::assign(user, DELIVERY)));
    disturb(&harness, &["ann@acme.com", "bob@acme.com"].map(|user| Change::assign(user, DELIVERY)));
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    disturb(&harness, &["ann@acme.com", "bob@acme.com"].map(|user| Change::unassign(user, DELIVERY)));
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Applied, "2 of 7 are 29 %: {report:#?}");
    assert_eq!(dry.instances.iter().filter(|instance| instance.held.is_some()).count(), 1, "{dry:#?}");
}

#[tokio::test]
async fn a_dry_runs_digest_is_that_of_the_next_run() {
    let harness = settled().await;
    disturb(&harness, &["ann@acme.com", "bob@acme.com"].map(|user| Change::unassign(user, DELIVERY)));
    disturb(&harness, &[Change::assign("grace@acme.com", DELIVERY)]);
    let dry = harness.run(RunMode::DryRun).await;
    let digest = Digest::parse(&held(&dry)).expect("a digest");
    let now = Utc::now();
    harness
        .journal
        .approve(&digest, &"eve".into(), now, now + TimeDelta::days(1))
        .await
        .expect("a dry run's plan can be approved");
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
}

#[tokio::test]
async fn an_undo_takes_one_runs_changes_back_and_later_runs_hold_them() {
    let harness = Harness::of("first_day").await;
    let before = harness.memberships("production");
    let report = harness.sync().await;
    let after = harness.memberships("production");
    let mut harness = harness;
    harness.options.limits.max_removals_percent = 100;
    harness.options.limits.max_group_removals_percent = 100;
    let shown = harness.undo(&report.run, RunMode::DryRun).await.expect("known");
    assert_eq!((shown.outcome, shown.source.calls), (Outcome::ChangesPending, 0), "{shown:#?}");
    assert_eq!(harness.memberships("production"), after);
    let undone = harness.undo(&report.run, RunMode::Apply).await.expect("known");
    assert_eq!(undone.outcome, Outcome::Applied, "{undone:#?}");
    assert_eq!(harness.memberships("production"), before);
    let next = harness.sync().await;
    assert_eq!((next.outcome, harness.writes()), (Outcome::Held, 0), "{next:#?}");
    assert_eq!(harness.memberships("production"), before);
    let again = harness.sync_approving(&held(&next)).await;
    assert_eq!(again.outcome, Outcome::Applied, "{again:#?}");
    assert_eq!(harness.memberships("production"), after);
}

#[tokio::test]
async fn an_undo_is_over_when_the_organization_wants_something_else() {
    let mut harness = Harness::of("first_day").await;
    harness.options.limits.max_removals_percent = 100;
    harness.options.limits.max_group_removals_percent = 100;
    let report = harness.sync().await;
    harness.undo(&report.run, RunMode::Apply).await.expect("known");
    disturb(&harness, &[Change::unassign("dev@acme.com", DELIVERY)]);
    harness.sync().await;
    disturb(&harness, &[Change::assign("dev@acme.com", DELIVERY)]);
    let report = harness.sync().await;
    assert!(changes(&report).contains(&"applied: add dev@acme.com to delivery".to_owned()), "{report:#?}");
}

#[tokio::test]
async fn an_unknown_run_cannot_be_undone() {
    let harness = settled().await;
    let error = harness.undo("01JNEVER", RunMode::Apply).await;
    assert!(matches!(error, Err(FindRunError::Unknown(_))), "{error:?}");
}

#[tokio::test]
async fn the_journal_knows_who_had_access_when() {
    let harness = Harness::of("first_day").await;
    let before = Utc::now();
    harness.sync().await;
    let between = Utc::now();
    disturb(&harness, &[Change::unassign("ann@acme.com", DELIVERY)]);
    harness.sync().await;
    let members = async |at| {
        let access = harness.journal.access(at, Utc::now(), MemberDetail::Cause).await.expect("readable");
        let groups = access.into_iter().flat_map(|instance| instance.groups);
        groups
            .filter(|group| group.group == "delivery")
            .flat_map(|group| group.logins().map(str::to_owned).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    assert_eq!(members(before).await, Vec::<String>::new());
    let all = ["ann@acme.com", "bob@acme.com", "carla@acme.com", "dev@acme.com", "elena@acme.com", "night.batch"];
    assert_eq!(members(between).await, all);
    assert_eq!(members(Utc::now()).await, all[1..]);
}

#[tokio::test]
async fn incident_23_two_runs_at_once_are_one_run_and_a_refusal_that_names_the_holder() {
    let harness = settled().await;
    let LockAttempt::Acquired(_lock) = harness.journal.lock("run 01OTHER").await.expect("a lock") else {
        panic!("nobody else is there");
    };
    let report = harness.sync().await;
    assert_eq!((report.outcome, harness.sandbox.requests().len()), (Outcome::Locked, 0));
    assert!(report.error.as_deref().is_some_and(|error| error.contains("run 01OTHER")), "{report:#?}");
}

#[tokio::test]
async fn incident_13_a_narrowed_run_changes_no_other_user() {
    let harness = Harness::of("first_day").await;
    let report = harness.sync_user("DEV@acme.com").await;
    assert_eq!(changes(&report).len(), 2, "{report:#?}");
    assert!(changes(&report).iter().all(|line| line.starts_with("applied: add dev@acme.com")), "{report:#?}");
    let report = harness.sync_group("Content").await;
    assert!(!changes(&report).is_empty(), "{report:#?}");
    assert!(changes(&report).iter().all(|line| line.ends_with(" content")), "{report:#?}");
    assert!(is_member(&harness, "karl@acme.com", "delivery"), "a leaver of another group");
}

#[tokio::test]
async fn a_single_user_loses_a_group_only_if_a_second_read_confirms_it() {
    let harness = settled().await;
    disturb(
        &harness,
        &[Change::unassign("ann@acme.com", DELIVERY), Change::unassign("bob@acme.com", "Campaign - acme - report")],
    );
    let report = harness.sync_user("ann@acme.com").await;
    assert_eq!(changes(&report), ["applied: remove ann@acme.com from delivery"], "{report:#?}");
    let calls: Vec<_> = harness.sandbox.requests().iter().map(|request| request.call.clone()).collect();
    assert!(calls.iter().any(|call| call == "members"), "{calls:?}");
    assert!(is_member(&harness, "bob@acme.com", "report"));
}

#[tokio::test]
async fn an_unknown_user_and_a_group_without_a_profile_are_reported() {
    let harness = settled().await;
    let report = harness.sync_user("karl@acme.com").await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::Partial, 0), "{report:#?}");
    assert_eq!(skipped(&report, SkipReason::UnknownUser), ["karl@acme.com"]);
    let report = harness.sync_group("no such group").await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::Partial, 0), "{report:#?}");
    assert_eq!(skipped(&report, SkipReason::UnknownGroup), ["no such group"]);
}

#[tokio::test]
async fn incident_12_an_unconfirmed_removal_and_a_held_one_stop_nothing_else() {
    let harness = settled().await;
    disturb(&harness, &[Change::unassign("ann@acme.com", DELIVERY), Change::assign("farid@acme.com", CONTENT)]);
    harness.sandbox.inject(
        campaign_group_sync::sandbox::Fault::new("members", campaign_group_sync::sandbox::Effect::status(404))
            .forever(),
    );
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
    let outcomes: Vec<_> = changes(&report);
    assert!(outcomes.contains(&"applied: add farid@acme.com to content".to_owned()), "{outcomes:?}");
    assert!(outcomes.contains(&"unconfirmed: remove ann@acme.com from delivery".to_owned()), "{outcomes:?}");
}

#[tokio::test]
async fn the_wait_of_a_run_is_limited_by_its_wait_policy() {
    let mut harness = settled().await;
    harness.options.first_page_interval = Duration::from_millis(300);
    harness.options.experience_cloud.retry.max_wait = Duration::from_secs(5);
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::InSync, "{report:#?}");
    let kinds: Vec<_> =
        report.instances.iter().flat_map(|instance| &instance.changes).map(|change| change.op).collect();
    assert!(!kinds.contains(&ChangeKind::Remove) && details(&report).is_empty());
    assert_eq!(super::harness::count(&report, ChangeOutcome::Failed), 0);
    let _ = request(RunMode::Apply);
}
