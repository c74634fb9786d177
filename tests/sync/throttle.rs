//! Adobe's limits: every run respects the requests of earlier runs and the time at which a request may be repeated.

use std::{num::NonZeroU32, time::Duration};

use campaign_group_sync::{
    domain::{InstanceName, Outcome, RunId, RunMode, SourceKind, SourceRead},
    experience_cloud::ReadChoice,
    journal::ListingKind,
    sandbox::{Change, Effect, Fault, Scenario, UmapiGroup, User},
    sync::{self, RunRequest, WaitPolicy},
};
use chrono::{DateTime, TimeDelta, Utc};

use super::harness::{Harness, request};

/// How many requests for page 0 of this listing the last run sent.
fn first_pages(harness: &Harness, call: &str) -> usize {
    harness.sandbox.requests().iter().filter(|request| request.call == call && request.page == Some(0)).count()
}

/// Requests of the last run to the user management API.
fn calls(harness: &Harness) -> usize {
    let is_umapi = |call: &str| ["users", "groups", "members", "user"].contains(&call);
    harness.sandbox.requests().iter().filter(|request| is_umapi(&request.call)).count()
}

/// Until when Adobe asked for a pause, as the journal remembers it.
async fn pause(harness: &Harness) -> Option<DateTime<Utc>> {
    let organization = &harness.options.experience_cloud.organization_id;
    harness.journal.call_windows(organization, Utc::now()).await.expect("readable").not_before
}

async fn harness(read: ReadChoice) -> Harness {
    let mut harness = Harness::of("first_day").await;
    harness.options.first_page_interval = Duration::from_secs(2 * 3600);
    harness.options.experience_cloud.read = read;
    harness
}

#[tokio::test]
async fn within_the_interval_a_run_reads_the_profiles_it_knows_and_says_what_it_cannot_see() {
    let mut harness = harness(ReadChoice::Auto).await;
    let first = harness.sync().await;
    assert_eq!((first.outcome, first_pages(&harness, "groups")), (Outcome::Applied, 1), "{first:#?}");
    harness.reopen().await;
    let profile = UmapiGroup::profile(69001, "Campaign - acme - new");
    harness.sandbox.world().organization_mut().groups.push(profile);
    harness.sandbox.world().apply(&[Change::unassign("ann@acme.com", "Campaign - acme - delivery")]).expect("applied");
    let second = harness.sync().await;
    assert_eq!((second.outcome, second.source.read), (Outcome::Applied, Some(SourceKind::Profiles)), "{second:#?}");
    assert_eq!((first_pages(&harness, "groups"), first_pages(&harness, "users")), (0, 0));
    assert!(second.warnings.iter().any(|warning| warning.contains("new and renamed")), "{:?}", second.warnings);
    assert_eq!(second.instances.first().map(|instance| instance.changes.len()), Some(1), "{second:#?}");
}

/// An organization whose walk takes one call and whose profiles take one each, of which one minute allows one; the
/// listings may be read again in so many seconds.
async fn dear_profiles(seconds: i64) -> Harness {
    let mut harness = harness(ReadChoice::Auto).await;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    let rate = NonZeroU32::new(1).expect("not zero");
    harness.options.experience_cloud.users_per_minute = rate;
    harness.options.experience_cloud.retry.max_wait = Duration::from_secs(5);
    harness.reopen().await;
    let organization = &harness.options.experience_cloud.organization_id;
    let interval = TimeDelta::from_std(harness.options.first_page_interval).expect("hours");
    let at = Some(Utc::now() - interval + TimeDelta::seconds(seconds));
    for listing in [ListingKind::Users, ListingKind::Groups] {
        harness.journal.set_first_page(organization, listing, at).await.expect("written");
    }
    harness
}

#[tokio::test]
async fn profile_reads_that_take_longer_than_waiting_for_the_walk_are_not_made() {
    let harness = dear_profiles(60).await;
    // The next run decides again.
    for wait_policy in [WaitPolicy::Bounded, WaitPolicy::Bounded] {
        let report = harness.ask(&RunRequest { wait_policy, ..request(RunMode::Apply) }).await;
        assert_eq!((report.outcome, calls(&harness)), (Outcome::Throttled, 0), "{report:#?}");
        let error = report.error.as_deref().expect("an error");
        let parts =
            ["4 product profiles would take 4 calls and 4 minutes", "with about 1 calls", "--wait waits for it"];
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}

#[tokio::test]
async fn a_run_that_waits_lists_all_users_instead_of_each_profile() {
    let harness = dear_profiles(2).await;
    let report = harness.sync().await;
    assert_eq!((report.outcome, report.source.read), (Outcome::InSync, Some(SourceKind::Organization)), "{report:#?}");
    assert_eq!((first_pages(&harness, "groups"), first_pages(&harness, "users"), calls(&harness)), (1, 1, 2));
}

#[tokio::test]
async fn profile_reads_that_are_quicker_than_waiting_are_made_and_their_cost_is_reported() {
    let mut harness = dear_profiles(3600).await;
    harness.options.experience_cloud.users_per_minute = NonZeroU32::new(1000).expect("not zero");
    let report = harness.sync().await;
    assert_eq!((report.outcome, report.source.read), (Outcome::InSync, Some(SourceKind::Profiles)), "{report:#?}");
    assert_eq!((first_pages(&harness, "groups"), first_pages(&harness, "users"), calls(&harness)), (0, 0, 4));
    let cost = "about 4 calls for 4 matching product profiles";
    assert!(report.warnings.iter().any(|warning| warning.contains(cost)), "{report:#?}");
}

/// A large organization of which few have a matching profile, three users on a page.
async fn sparse() -> Harness {
    let mut scenario = Scenario::named("first_day").expect("built in");
    scenario.pages.users = 3;
    let strangers = (0..60).map(|number| User::federated(&format!("stranger{number}@acme.com"), &[]));
    scenario.organization.users.extend(strangers);
    let mut harness = Harness::with(scenario).await;
    harness.options.first_page_interval = Duration::from_secs(2 * 3600);
    harness.options.experience_cloud.read = ReadChoice::Auto;
    harness
}

#[tokio::test]
async fn page_0_of_a_walk_that_is_abandoned_counts_as_requested() {
    let mut harness = sparse().await;
    let first = harness.sync().await;
    assert_eq!((first.outcome, first.source.read), (Outcome::Applied, Some(SourceKind::Profiles)), "{first:#?}");
    let pages = |call: &str| harness.sandbox.requests().iter().filter(|request| request.call == call).count();
    assert_eq!(pages("users"), 1, "page 0 and no other");
    let organization = harness.options.experience_cloud.organization_id.clone();
    let windows = harness.journal.call_windows(&organization, Utc::now()).await.expect("readable");
    assert!(windows.users_first_page.is_some(), "{windows:?}");
    harness.options.experience_cloud.read = ReadChoice::Organization;
    harness.reopen().await;
    let second = harness.sync().await;
    assert_eq!((second.outcome, calls(&harness)), (Outcome::Throttled, 0), "{second:#?}");
}

#[tokio::test]
async fn the_size_of_the_organization_is_remembered_and_a_wrong_one_only_costs_calls() {
    let mut harness = sparse().await;
    harness.options.first_page_interval = Duration::ZERO;
    harness.options.experience_cloud.read = ReadChoice::Organization;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    harness.options.experience_cloud.read = ReadChoice::Auto;
    // The size is far below one page of Adobe's: page 0 tells that pages are smaller here.
    let report = harness.sync().await;
    assert_eq!((report.outcome, report.source.read), (Outcome::InSync, Some(SourceKind::Profiles)), "{report:#?}");
    assert_eq!(first_pages(&harness, "users"), 1);

    // Now it believes in a size of a million.
    let mut read = accepted(&harness).await;
    read.users = Some(1_000_000);
    let (run, instance) = (RunId::new("01JD0000000000000000000000"), InstanceName::new("production"));
    harness.journal.accept_read(&instance, &run, Utc::now(), &read).await.expect("written");
    harness.sandbox.world().apply(&[Change::unassign("ann@acme.com", "Campaign - acme - delivery")]).expect("applied");
    let report = harness.sync().await;
    assert_eq!((report.outcome, report.source.read), (Outcome::Applied, Some(SourceKind::Profiles)), "{report:#?}");
    assert_eq!(first_pages(&harness, "users"), 0, "nothing has to be learned");
}

async fn accepted(harness: &Harness) -> SourceRead {
    let instance = InstanceName::new("production");
    harness.journal.history(&instance, Utc::now()).await.expect("readable").accepted.expect("an accepted read")
}

#[tokio::test]
async fn a_read_of_the_organization_that_comes_too_early_ends_without_a_call() {
    let mut harness = harness(ReadChoice::Organization).await;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    harness.reopen().await;
    let report = harness.sync().await;
    assert_eq!((report.outcome, calls(&harness), harness.writes()), (Outcome::Throttled, 0, 0), "{report:#?}");
    assert!(report.error.as_deref().is_some_and(|error| error.contains("--wait")), "{report:#?}");
}

#[tokio::test]
async fn incident_07_a_long_retry_after_is_obeyed_also_after_a_restart() {
    let mut harness = harness(ReadChoice::Organization).await;
    harness.options.first_page_interval = Duration::ZERO;
    harness.sandbox.inject(Fault::new("users", Effect::too_many_requests("3244")).page(0).forever());
    let report = harness.sync().await;
    assert_eq!((report.outcome, first_pages(&harness, "users")), (Outcome::Throttled, 1), "{report:#?}");
    harness.sandbox.clear_faults();
    for _ in 0..2 {
        harness.reopen().await;
        let report = harness.sync().await;
        assert_eq!((report.outcome, calls(&harness)), (Outcome::Throttled, 0), "{report:#?}");
    }
    let left = pause(&harness).await.expect("remembered") - Utc::now();
    assert!((3000..3300).contains(&left.num_seconds()), "{left}");
}

#[tokio::test]
async fn incident_07_a_short_pause_is_remembered_before_it_is_waited_out() {
    let harness = harness(ReadChoice::Organization).await;
    harness.sandbox.inject(Fault::new("users", Effect::too_many_requests("1")).page(0).times(1));
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    assert!(pause(&harness).await.is_some());
}

#[tokio::test]
async fn incident_07_a_pause_that_a_call_for_one_user_brings_is_obeyed_by_every_later_run() {
    let mut harness = harness(ReadChoice::Organization).await;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    harness.sandbox.inject(Fault::new("user", Effect::too_many_requests("3244")).forever());
    let report = harness.sync_user("ann@acme.com").await;
    assert_eq!((report.outcome, calls(&harness)), (Outcome::Throttled, 1), "{report:#?}");
    harness.sandbox.clear_faults();
    harness.reopen().await;
    let report = harness.sync_user("ann@acme.com").await;
    assert_eq!((report.outcome, calls(&harness)), (Outcome::Throttled, 0), "{report:#?}");
}

#[tokio::test]
async fn incident_07_a_pause_that_a_second_read_brings_is_remembered_whatever_came_with_it() {
    for status in [429, 503] {
        let harness = harness(ReadChoice::Organization).await;
        let headers = vec![("retry-after".to_owned(), "3244".to_owned())];
        harness
            .sandbox
            .inject(Fault::new("members", Effect::Status { status, headers, body: String::new() }).forever());
        assert_eq!(harness.sync().await.outcome, Outcome::Partial, "{status}");
        assert!(pause(&harness).await.is_some(), "{status}");
    }
}

#[tokio::test]
async fn incident_07_a_pause_that_an_explanation_brings_is_remembered() {
    let harness = harness(ReadChoice::Organization).await;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    harness.sandbox.inject(Fault::new("user", Effect::too_many_requests("3244")).forever());
    sync::explain(&harness.options, Some(&harness.journal), "ann@acme.com", None).await;
    assert!(pause(&harness).await.is_some());
}

#[tokio::test]
async fn page_0_that_failed_after_it_was_sent_counts_and_one_that_was_never_sent_does_not() {
    let mut failed = harness(ReadChoice::Organization).await;
    failed.sandbox.inject(Fault::new("users", Effect::status(503)).page(0).forever());
    assert_eq!(failed.sync().await.outcome, Outcome::Unavailable);
    assert_eq!(first_pages(&failed, "users"), 1);
    failed.sandbox.clear_faults();
    failed.reopen().await;
    assert_eq!((failed.sync().await.outcome, calls(&failed)), (Outcome::Throttled, 0));

    let unsent = harness(ReadChoice::Organization).await;
    unsent.sandbox.inject(Fault::new("token", Effect::status(500)).forever());
    assert_eq!(unsent.sync().await.outcome, Outcome::Unavailable);
    unsent.sandbox.clear_faults();
    assert_eq!(unsent.sync().await.outcome, Outcome::Applied);
}

#[tokio::test]
async fn a_user_costs_no_page_0_when_a_listing_is_remembered() {
    let harness = harness(ReadChoice::Organization).await;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    let report = harness.sync_user("ann@acme.com").await;
    assert_eq!((report.outcome, report.source.read), (Outcome::InSync, Some(SourceKind::Users)), "{report:#?}");
    assert_eq!(calls(&harness), 1);
}

#[tokio::test]
async fn a_run_that_may_wait_begins_after_the_interval() {
    let mut harness = harness(ReadChoice::Organization).await;
    harness.options.first_page_interval = Duration::from_secs(1);
    harness.options.experience_cloud.retry.max_wait = Duration::ZERO;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    assert_eq!(harness.sync().await.outcome, Outcome::Throttled);
    let patient = RunRequest { wait_policy: WaitPolicy::Unbounded, ..request(RunMode::Apply) };
    assert_eq!(harness.ask(&patient).await.outcome, Outcome::InSync);
    let scheduled = RunRequest { wait_policy: WaitPolicy::Scheduled, ..request(RunMode::Apply) };
    assert_eq!(harness.ask(&scheduled).await.outcome, Outcome::InSync);
}
