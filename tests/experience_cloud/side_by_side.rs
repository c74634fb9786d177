//! Pages that are requested side by side: how many, in which order they are taken, and what ends it.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use campaign_group_sync::{
    domain::{Failure, RunStep},
    experience_cloud::UmapiOptions,
    sandbox::{Effect, Fault, LoggedRequest},
};

use super::harness::{Harness, chain, memberships, memberships_of_people, people};
use crate::support::captured_log::CapturedLog;

/// Ten pages of three users.
const USERS: usize = 30;

fn users(page: u64, effect: Effect) -> Fault {
    Fault::new("users", effect).page(page)
}

/// Page 1 is answered after pages 2, 3 and 4.
fn late_page_1() -> Fault {
    users(1, Effect::AwaitResponses { others: 3 })
}

fn log() -> CapturedLog {
    CapturedLog::start(|memory| {
        let log = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_ansi(false);
        log.with_writer(move || memory.clone()).finish()
    })
}

async fn harness() -> Harness {
    Harness::of(people(USERS)).await
}

async fn fetch_all(harness: &Harness) {
    let snapshot = harness.fetch().await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(memberships(&snapshot), memberships_of_people(USERS));
}

/// How often each page was requested.
fn counts(harness: &Harness) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    harness.pages("users").into_iter().for_each(|page| *counts.entry(page).or_default() += 1);
    counts
}

/// The number of requests for each of the ten pages, where `repeated` was requested twice.
fn once_but(repeated: &[u64]) -> BTreeMap<u64, usize> {
    (0..10).map(|page| (page, if repeated.contains(&page) { 2 } else { 1 })).collect()
}

/// The nth request for a page.
fn nth(harness: &Harness, page: u64, nth: usize) -> LoggedRequest {
    let mut requests = harness.requests("users").into_iter().filter(|request| request.page == Some(page));
    requests.nth(nth).expect("a request for the page")
}

/// The requests after the second one for this page, that one included.
fn since_retry(harness: &Harness, page: u64) -> Vec<LoggedRequest> {
    let requests = harness.requests("users");
    let at = (0..requests.len()).filter(|at| requests[*at].page == Some(page)).nth(1).expect("a retry");
    requests[at..].to_vec()
}

#[tokio::test]
async fn pages_are_requested_side_by_side_and_taken_in_order() {
    let one_by_one = |options: &mut UmapiOptions| options.parallel_requests = NonZeroU32::MIN;
    let expected = Harness::with(people(USERS), one_by_one).await.fetch().await.expect("a complete read");
    let harness = harness().await.disturbed(late_page_1());
    assert_eq!(harness.fetch().await.expect("a complete read"), expected);
    assert_eq!(counts(&harness), once_but(&[]));
    let answered = |page| nth(&harness, page, 0).answered_after.expect("an answer");
    assert!((2..=4).all(|later| answered(later) < answered(1)), "{:?}", harness.requests("users"));
    let taken = harness.steps().into_iter().filter_map(|step| match step {
        RunStep::UsersPage { page, pages: Some(10) } => Some(page),
        _ => None,
    });
    assert_eq!(taken.collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_first_page_is_requested_alone_and_never_more_pages_at_once_than_configured() {
    for most in [1, 2, 4, 20] {
        let parallel = |options: &mut UmapiOptions| {
            options.parallel_requests = NonZeroU32::new(most).expect("not zero");
        };
        let harness = Harness::with(people(USERS), parallel).await;
        let together = usize::try_from(most.min(9)).expect("a few");
        harness.sandbox.inject(Fault::new("users", Effect::Together { calls: together }).skip(1).times(most.min(9)));
        fetch_all(&harness).await;
        assert_eq!(counts(&harness), once_but(&[]));
        assert_eq!(nth(&harness, 0, 0).pending + nth(&harness, 1, 0).pending, 0, "page 0 is answered first");
        let pending = harness.requests("users").iter().map(|request| request.pending).max();
        assert_eq!(pending, Some(together - 1), "at most {most}");
    }
}

#[tokio::test]
async fn pages_that_were_not_announced_are_requested_one_at_a_time() {
    for (header, announced) in
        [(Effect::drop_headers(&["X-Page-Count"]), 1), (Effect::set_header("X-Page-Count", "6"), 6)]
    {
        let harness = harness().await.disturbed(Fault::new("users", header).forever());
        let outcome = harness.fetch().await;
        // A count that is too low is a contradiction.
        assert_eq!(outcome.is_ok(), announced == 1, "{announced}");
        assert_eq!(counts(&harness), once_but(&[]));
        let not_announced = harness.requests("users").split_off(announced);
        assert!(not_announced.iter().all(|request| request.pending == 0), "{not_announced:?}");
    }
}

#[tokio::test]
async fn a_page_that_says_early_that_it_is_the_last_ends_the_read_whatever_came_before_it() {
    let early = users(2, Effect::LastPage { value: true });
    let harness = harness().await.disturbed(late_page_1()).disturbed(early);
    let error = harness.fetch().await.expect_err("an incomplete read");
    assert!(chain(&error).contains("incomplete read: 3 of 10 pages"), "{}", chain(&error));
    assert!(harness.pages("users").iter().all(|page| *page < 6), "{:?}", harness.pages("users"));
}

#[tokio::test]
async fn a_failed_page_is_retried_alone_and_the_read_goes_on_there() {
    for effect in [Effect::status(503), Effect::Reset, Effect::Html] {
        let harness = harness().await.disturbed(late_page_1()).disturbed(users(2, effect.clone()));
        fetch_all(&harness).await;
        assert_eq!(counts(&harness), once_but(&[2]), "{effect:?}");
        // A request whose connection was lost is sent again at once where the connection may be one of an earlier request.
        let is_alone = nth(&harness, 2, 1).pending == 0;
        assert!(is_alone || matches!(effect, Effect::Reset), "{effect:?}");
    }
    let harness = harness().await.disturbed(users(3, Effect::status(503)).forever());
    let error = harness.fetch().await.expect_err("unavailable");
    assert_eq!(error.failure(), Failure::Unavailable);
    assert!(chain(&error).contains("GET users page 3: temporarily unavailable"), "{}", chain(&error));
    assert_eq!(counts(&harness).get(&0), Some(&1));
}

#[tokio::test]
async fn after_a_rate_limit_nothing_is_requested_during_the_pause_and_one_page_at_a_time_after_it() {
    let captured = log();
    let limited = users(2, Effect::too_many_requests("1"));
    let harness = harness().await.disturbed(late_page_1()).disturbed(limited);
    fetch_all(&harness).await;
    assert_eq!(counts(&harness), once_but(&[2]));
    let (refused, since) = (nth(&harness, 2, 0), since_retry(&harness, 2));
    assert!(since[0].arrival_ms - refused.arrival_ms >= 1000, "{since:?}");
    assert!(since.iter().all(|request| request.pending == 0), "{since:?}");
    assert_eq!(since.len(), 1 + 5, "pages 5 to 9 wait for the retry of page 2: {since:?}");
    let waits = harness.steps().into_iter().filter(|step| matches!(step, RunStep::Waiting { .. }));
    assert_eq!(waits.collect::<Vec<_>>(), [RunStep::Waiting { length: Duration::from_secs(1) }]);
    assert_eq!(captured.text().matches("one page at a time").count(), 1, "{}", captured.text());
}

#[tokio::test]
async fn several_rate_limits_at_once_are_retried_one_after_the_other() {
    let harness = harness().await;
    harness.sandbox.inject(Fault::new("users", Effect::Together { calls: 4 }).skip(1).times(4));
    harness.sandbox.inject(Fault::new("users", Effect::status(429)).skip(1).times(4));
    fetch_all(&harness).await;
    assert_eq!(counts(&harness), once_but(&[1, 2, 3, 4]));
    let after_the_four = harness.requests("users").split_off(5);
    assert!(after_the_four.iter().all(|request| request.pending == 0), "{after_the_four:?}");
}

#[tokio::test]
async fn a_repeated_page_is_requested_once_more_alone_and_the_rest_one_at_a_time() {
    let captured = log();
    let harness = harness().await.disturbed(late_page_1()).disturbed(users(3, Effect::RepeatPage { page: 1 }));
    fetch_all(&harness).await;
    assert_eq!(counts(&harness), once_but(&[3]));
    let since = since_retry(&harness, 3);
    assert!(since.iter().all(|request| request.pending == 0), "{since:?}");
    assert_eq!(captured.text().matches("one page at a time").count(), 1, "{}", captured.text());
}

#[tokio::test]
async fn a_page_that_is_repeated_alone_as_well_is_an_incomplete_read() {
    let harness = harness().await.disturbed(users(3, Effect::RepeatPage { page: 1 }).forever());
    let error = harness.fetch().await.expect_err("an incomplete read");
    let text = chain(&error);
    assert!(text.contains("3 of 10 pages") && text.contains("GET users page 3: the page has no new entries"), "{text}");
    assert_eq!(counts(&harness).get(&3), Some(&2));
}

#[tokio::test]
async fn a_token_refused_to_several_calls_at_once_is_renewed_once() {
    let harness = harness().await;
    harness.sandbox.inject(Fault::new("users", Effect::Together { calls: 4 }).skip(1).times(4));
    harness.sandbox.inject(Fault::new("users", Effect::status(401)).skip(1).times(4));
    fetch_all(&harness).await;
    assert_eq!(harness.requests("token").len(), 2);
    assert_eq!(counts(&harness), once_but(&[1, 2, 3, 4]));
}

#[tokio::test]
async fn a_count_that_changes_on_a_page_in_the_middle_is_an_inconsistent_read() {
    // The last page may have been served before the one in the middle.
    let changed = users(4, Effect::set_header("X-Total-Count", "29"));
    let harness = harness().await.disturbed(changed);
    let error = harness.fetch().await.expect_err("an inconsistent read");
    let text = chain(&error);
    assert!(text.contains("30 users announced on the first page, 29 on a later one"), "{text}");
}
