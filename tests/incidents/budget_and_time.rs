//! Adobe's calls, and clocks that were wrong: one budget for everything that calls, and no time that lasts for years.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use campaign_group_sync::{
    domain::{OrganizationId, Outcome, RunId, RunMode, RunStep, Scope, Watcher},
    experience_cloud::ReadChoice,
    journal::{CallWindows, ListingKind},
    sandbox::{Effect, Fault},
    sync::{self, RunRequest, StopSwitch, WaitPolicy},
};
use chrono::{SubsecRound as _, TimeDelta, Utc};

use super::harness::{Harness, request};
use super::recording::{Recording as _, RunBegin};

const INTERVAL: Duration = Duration::from_secs(2 * 3600);

async fn harness(read: ReadChoice) -> Harness {
    let mut harness = Harness::of("first_day").await;
    harness.options.first_page_interval = INTERVAL;
    harness.options.experience_cloud.read = read;
    harness
}

fn organization(harness: &Harness) -> OrganizationId {
    harness.options.experience_cloud.organization_id.clone()
}

async fn windows(harness: &Harness) -> CallWindows {
    harness.journal.call_windows(&organization(harness), Utc::now()).await.expect("readable")
}

/// Requests that count against the limit of the users endpoints.
fn user_calls(harness: &Harness) -> usize {
    let counts = |call: &str| ["users", "members", "user"].contains(&call);
    harness.sandbox.requests().iter().filter(|request| counts(&request.call)).count()
}

fn first_pages(harness: &Harness, call: &str) -> usize {
    harness.sandbox.requests().iter().filter(|request| request.call == call && request.page == Some(0)).count()
}

/// A run over one user, told to stop as soon as it waits; the requests of earlier runs stay in the log of the sandbox.
async fn ask_for(harness: &Harness, person: &str) -> Outcome {
    let (switch, stop) = StopSwitch::new();
    let scope = Scope { users: vec![person.to_owned()], groups: Vec::new() };
    let request = RunRequest { scope, stop, ..request(RunMode::DryRun) };
    let watcher = Watcher::of_progress(move |progress| {
        if progress.pause().is_some() {
            switch.stop();
        }
    });
    sync::run(&harness.options, &harness.journal, &request, &watcher).await.outcome
}

#[tokio::test]
async fn incident_36_seven_runs_within_a_second_send_no_more_calls_than_one_minute_allows() {
    let mut harness = harness(ReadChoice::Profiles).await;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    harness.sandbox.clear_requests();
    harness.options.experience_cloud.users_per_minute = NonZeroU32::new(3).expect("not zero");
    let mut outcomes = Vec::new();
    for _ in 0..7 {
        // As another process would: nothing but the state is shared.
        harness.reopen().await;
        outcomes.push(ask_for(&harness, "ann@acme.com").await);
    }
    assert_eq!(user_calls(&harness), 3, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Interrupted).count(), 4, "{outcomes:?}");
}

#[tokio::test]
async fn incident_36_lookups_get_a_fifth_of_the_calls_and_name_the_time_of_a_retry() {
    let mut harness = harness(ReadChoice::Profiles).await;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    harness.sandbox.clear_requests();
    harness.options.experience_cloud.users_per_minute = NonZeroU32::new(10).expect("not zero");
    let mut last = String::new();
    for _ in 0..5 {
        harness.reopen().await;
        let explanation = sync::explain(&harness.options, Some(&harness.journal), "ann@acme.com", None).await;
        last = explanation.findings.iter().map(|finding| finding.text.clone()).collect();
    }
    assert_eq!(user_calls(&harness), 2, "{last}");
    assert!(last.contains("retry at 20"), "{last}");
    // What is left is for runs.
    for _ in 0..8 {
        assert_ne!(ask_for(&harness, "ann@acme.com").await, Outcome::Interrupted);
    }
    assert_eq!(user_calls(&harness), 10);
}

#[tokio::test]
async fn page_0_counts_from_its_request_and_not_from_the_end_of_the_walk() {
    let harness = harness(ReadChoice::Organization).await;
    let dial = serde_json::from_str(r#"{"op": "dial", "pages": {"users": 3}}"#).expect("a change");
    harness.sandbox.world().apply(&[dial]).expect("applied");
    let second_page = Arc::new(Mutex::new(None));
    let note = Arc::clone(&second_page);
    let watcher = Watcher::of_progress(move |progress| {
        if matches!(progress.step, RunStep::UsersPage { page: 1, .. }) {
            *note.lock().expect("not poisoned") = Some(Utc::now().trunc_subsecs(3));
        }
    });
    let report = sync::run(&harness.options, &harness.journal, &request(RunMode::Apply), &watcher).await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    let received = second_page.lock().expect("not poisoned").expect("a first page");
    let stamped = windows(&harness).await.users_first_page.expect("stamped");
    assert!(stamped <= received, "stamped {stamped}, page 0 received {received}");
}

#[tokio::test]
async fn page_0_refused_without_a_time_is_not_requested_again_within_the_interval() {
    for call in ["users", "groups"] {
        let harness = harness(ReadChoice::Organization).await;
        let refused = Effect::Status { status: 429, headers: Vec::new(), body: String::new() };
        harness.sandbox.inject(Fault::new(call, refused).page(0).times(1));
        assert_eq!(harness.sync().await.outcome, Outcome::Throttled, "{call}");
        assert_eq!(first_pages(&harness, call), 1, "{call}");
        assert_eq!(harness.sync().await.outcome, Outcome::Throttled, "{call}");
        assert_eq!(first_pages(&harness, call), 0, "{call}");
    }
}

#[tokio::test]
async fn incident_28_page_0_requested_by_a_clock_years_ahead_counts_as_requested_now() {
    for ahead in [TimeDelta::days(3), TimeDelta::days(9 * 365)] {
        let mut harness = harness(ReadChoice::Organization).await;
        assert_eq!(harness.sync().await.outcome, Outcome::Applied);
        let wrong = Utc::now() + ahead;
        for listing in [ListingKind::Users, ListingKind::Groups] {
            harness.journal.set_first_page(&organization(&harness), listing, Some(wrong)).await.expect("written");
        }
        let before = Utc::now();
        assert_eq!(harness.sync().await.outcome, Outcome::Throttled);
        let first = windows(&harness).await;
        for listing in [ListingKind::Users, ListingKind::Groups] {
            let allowed = first.first_page_allowed_at(listing, INTERVAL).expect("remembered");
            assert!(allowed <= Utc::now() + INTERVAL, "{listing:?} {allowed}");
            assert!(allowed >= before.trunc_subsecs(3) + INTERVAL, "{listing:?} {allowed}");
        }
        // The time is settled once: it does not move along with the clock.
        assert_eq!(harness.sync().await.outcome, Outcome::Throttled);
        assert_eq!(windows(&harness).await, first);
        harness.options.first_page_interval = Duration::ZERO;
        assert_eq!(harness.sync().await.outcome, Outcome::InSync);
    }
}

#[tokio::test]
async fn incident_28_runs_are_listed_in_the_order_in_which_they_were_recorded() {
    let harness = harness(ReadChoice::Profiles).await;
    let begin = RunBegin {
        run: RunId::new("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"),
        mode: RunMode::Apply,
        scope: None,
        started_at: Utc::now() + TimeDelta::days(9 * 365),
        instances: Vec::new(),
    };
    harness.journal.begin_run(&begin).await.expect("written");
    let report = harness.sync().await;
    let listed: Vec<_> = harness.journal.runs(2).await.expect("readable").into_iter().map(|run| run.run).collect();
    assert_eq!(listed, [report.run, begin.run.to_string()]);
}

#[tokio::test]
async fn incident_35_an_absurd_pause_is_remembered_as_two_hours_at_most() {
    let harness = harness(ReadChoice::Organization).await;
    harness.sandbox.inject(Fault::new("users", Effect::too_many_requests("1000000000")).page(0).forever());
    assert_eq!(harness.sync().await.outcome, Outcome::Throttled);
    let until = windows(&harness).await.not_before.expect("remembered");
    assert!(until <= Utc::now() + TimeDelta::hours(2), "{until}");
}

#[tokio::test]
async fn a_run_that_may_wait_waits_for_a_pause_during_the_run() {
    let mut harness = harness(ReadChoice::Organization).await;
    harness.options.experience_cloud.retry.max_wait = Duration::ZERO;
    let dial = serde_json::from_str(r#"{"op": "dial", "pages": {"users": 3}}"#).expect("a change");
    harness.sandbox.world().apply(&[dial]).expect("applied");
    let throttled = || Fault::new("users", Effect::too_many_requests("1")).page(1).times(1);
    harness.sandbox.inject(throttled());
    let patient = RunRequest { wait_policy: WaitPolicy::Unbounded, ..request(RunMode::Apply) };
    let report = harness.ask(&patient).await;
    assert_eq!((report.outcome, first_pages(&harness, "users")), (Outcome::Applied, 1), "{report:#?}");
    // Without the word of the caller the run gives way, as before.
    harness.options.first_page_interval = Duration::ZERO;
    harness.sandbox.inject(throttled());
    assert_eq!(harness.sync().await.outcome, Outcome::Throttled);
}

#[tokio::test]
async fn a_first_refusal_names_the_time_at_which_the_pause_ends() {
    let harness = harness(ReadChoice::Organization).await;
    harness.sandbox.inject(Fault::new("users", Effect::too_many_requests("3244")).page(0).forever());
    let error = harness.sync().await.error.expect("an error");
    let until = windows(&harness).await.not_before.expect("remembered");
    let named = until.trunc_subsecs(0).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    assert!(error.contains(&named) && !error.contains("3244 s"), "{error}, not {named}");
}
