//! Retries: of which calls, when, and how often; and the renewal of an expired token during a read.

use std::time::Duration;

use campaign_group_sync::{
    domain::{Failure, ProfileRead, RunStep},
    sandbox::{Effect, Fault},
    transport::BaseUrl,
};

use super::harness::{Harness, chain, client, memberships, memberships_of_people, people};

fn users(page: u64, effect: Effect) -> Fault {
    Fault::new("users", effect).page(page)
}

#[tokio::test]
async fn after_a_fault_the_read_resumes_at_the_same_page_and_never_at_page_0() {
    for effect in [
        Effect::status(500),
        Effect::status(503),
        Effect::status(504),
        Effect::Reset,
        Effect::LoseAnswer,
        Effect::CutOff { after: None },
        Effect::Truncate { bytes: None },
        Effect::Html,
    ] {
        let harness = Harness::of(people(10)).await.disturbed(users(2, effect.clone()).times(2));
        let snapshot = harness.fetch().await.unwrap_or_else(|error| panic!("{effect:?}: {}", chain(&error)));
        assert_eq!(memberships(&snapshot), memberships_of_people(10), "{effect:?}");
        assert_eq!(harness.sorted_pages("users"), [0, 1, 2, 2, 2, 3], "{effect:?}");
        assert_eq!(harness.pages("groups"), [0], "{effect:?}");
        assert_eq!(harness.client.calls(), 7, "{effect:?}");
    }
}

#[tokio::test]
async fn retries_end_after_the_configured_attempts() {
    let harness = Harness::of(people(10)).await.disturbed(users(2, Effect::status(503)).forever());
    let error = harness.fetch().await.expect_err("unavailable");
    assert_eq!(error.failure(), Failure::Unavailable);
    assert!(chain(&error).contains("GET users page 2: temporarily unavailable (status 503)"), "{}", chain(&error));
    // Page 3 is requested together with page 2.
    assert_eq!(harness.sorted_pages("users"), [0, 1, 2, 2, 2, 3]);
}

#[tokio::test]
async fn page_0_of_the_organization_is_not_retried_once_it_was_sent() {
    for call in ["groups", "users"] {
        for (effect, failure) in [
            (Effect::status(500), Failure::Unavailable),
            (Effect::status(504), Failure::Unavailable),
            (Effect::Reset, Failure::Unavailable),
            (Effect::LoseAnswer, Failure::Unavailable),
            (Effect::CutOff { after: None }, Failure::Incomplete),
            (Effect::Truncate { bytes: None }, Failure::Incomplete),
            (Effect::Html, Failure::Incomplete),
            (Effect::status(404), Failure::Incomplete),
            (Effect::status(403), Failure::Refused),
        ] {
            let harness = Harness::of(people(10)).await.disturbed(Fault::new(call, effect.clone()).page(0));
            let error = harness.fetch().await.expect_err("a failure");
            assert_eq!(error.failure(), failure, "{call} {effect:?}: {}", chain(&error));
            assert_eq!(harness.pages(call), [0], "{call} {effect:?}");
        }
    }
}

#[tokio::test]
async fn page_0_is_not_retried_after_a_timeout() {
    let impatient = |options: &mut campaign_group_sync::experience_cloud::UmapiOptions| {
        options.http.read_timeout = Duration::from_secs(2);
    };
    let harness = Harness::with(people(10), impatient).await.disturbed(users(0, Effect::Delay { ms: 600_000 }));
    let error = harness.fetch().await.expect_err("a timeout");
    assert_eq!(error.failure(), Failure::Unavailable);
    assert!(chain(&error).contains("GET users page 0 failed: 127.0.0.1:"), "{}", chain(&error));
    assert_eq!(harness.pages("users"), [0]);
}

#[tokio::test]
async fn a_refused_connection_is_retried_even_for_page_0() {
    // Port 1 is reserved: connections to it are refused.
    let unreachable = |options: &mut campaign_group_sync::experience_cloud::UmapiOptions| {
        options.umapi_url = BaseUrl::parse("http://127.0.0.1:1").expect("an address");
    };
    let harness = Harness::with(people(10), unreachable).await;
    let error = harness.fetch().await.expect_err("no connection");
    assert_eq!(error.failure(), Failure::Unavailable);
    assert!(chain(&error).contains("GET groups page 0 failed: connection refused by 127.0.0.1:1"), "{}", chain(&error));
    assert_eq!(harness.client.calls(), 3);
}

#[tokio::test]
async fn after_the_pause_of_a_rate_limit_the_same_page_is_requested_again() {
    for (call, page, expected) in
        [("users", 2, vec![0, 1, 2, 2, 3]), ("users", 0, vec![0, 0, 1, 2, 3]), ("groups", 0, vec![0, 0])]
    {
        let throttled = Fault::new(call, Effect::too_many_requests("1")).page(page);
        let harness = Harness::of(people(10)).await.disturbed(throttled);
        let snapshot = harness.fetch().await.expect("a complete read");
        assert_eq!(memberships(&snapshot), memberships_of_people(10));
        assert_eq!(harness.sorted_pages(call), expected);
        let steps = harness.steps();
        let waits: Vec<_> = steps.iter().filter(|step| matches!(step, RunStep::Waiting { .. })).collect();
        assert_eq!(waits, [&RunStep::Waiting { length: Duration::from_secs(1) }]);
        let log = harness.requests(call);
        let asked = |nth: usize| {
            log.iter().filter(|request| request.page == Some(page)).nth(nth).expect("two requests").arrival_ms
        };
        assert!(asked(1) - asked(0) >= 1000, "{call} page {page} came back after {} ms", asked(1) - asked(0));
    }
}

#[tokio::test]
async fn a_rate_limit_without_a_pause_is_retried_with_backoff() {
    let harness = Harness::of(people(10)).await.disturbed(users(2, Effect::status(429)));
    harness.fetch().await.expect("a complete read");
    assert_eq!(harness.sorted_pages("users"), [0, 1, 2, 2, 3]);
}

#[tokio::test]
async fn a_pause_longer_than_the_longest_wait_is_an_error_with_the_pause() {
    let pause = Failure::Throttled { retry_after: Some(Duration::from_secs(3244)) };
    for (call, page) in [("groups", 0), ("users", 0), ("users", 2)] {
        let throttled = Fault::new(call, Effect::too_many_requests("3244")).page(page);
        let harness = Harness::of(people(10)).await.disturbed(throttled);
        let error = harness.fetch().await.expect_err("throttled");
        assert_eq!(error.failure(), pause, "{}", chain(&error));
        assert_eq!(harness.requests(call).iter().filter(|request| request.page == Some(page)).count(), 1);
    }
    let unnamed = Harness::of(people(10)).await.disturbed(users(2, Effect::status(429)).forever());
    assert_eq!(unnamed.fetch().await.expect_err("throttled").failure(), Failure::Throttled { retry_after: None });
}

#[tokio::test]
async fn a_token_that_expires_during_a_read_is_renewed_once() {
    let harness = Harness::of(people(10)).await.disturbed(users(1, Effect::ExpireTokens));
    let snapshot = harness.fetch().await.expect("a complete read");
    assert_eq!(memberships(&snapshot), memberships_of_people(10));
    assert_eq!(harness.requests("token").len(), 2);
    let pages = harness.pages("users");
    // Pages 1 to 3 are requested together, and are refused if the token has expired when they arrive.
    assert!((5..=7).contains(&pages.len()), "{pages:?}");
    assert_eq!(pages.iter().filter(|page| **page == 0).count(), 1, "{pages:?}");
}

#[tokio::test]
async fn the_refusal_of_a_new_token_is_final() {
    let harness = Harness::of(people(10)).await.disturbed(users(1, Effect::status(401)).forever());
    let error = harness.fetch().await.expect_err("refused");
    assert_eq!(error.failure(), Failure::Refused);
    assert!(chain(&error).contains("GET users page 1: refused with status 401"), "{}", chain(&error));
    assert_eq!(harness.pages("users").into_iter().filter(|page| *page == 1).count(), 2);
    assert_eq!(harness.requests("token").len(), 2);
}

#[tokio::test]
async fn a_token_refused_before_page_0_is_renewed_as_well() {
    for call in ["groups", "users"] {
        let harness = Harness::of(people(10)).await.disturbed(Fault::new(call, Effect::status(401)).page(0));
        harness.fetch().await.unwrap_or_else(|error| panic!("{call}: {}", chain(&error)));
        assert_eq!(harness.pages(call).iter().filter(|page| **page == 0).count(), 2, "{call}");
        assert_eq!(harness.requests("token").len(), 2, "{call}");
    }
}

#[tokio::test]
async fn concurrent_calls_share_one_token_and_one_renewal() {
    let harness = Harness::of(people(10)).await;
    let listing = harness.client.fetch_listing().await.expect("the listing");
    let [delivery, content] = [&listing.profiles()[0], &listing.profiles()[1]];
    let both = async || {
        let walked = ProfileRead::default();
        let (one, other) = tokio::join!(
            harness.client.fetch_profile_members(delivery, &walked),
            harness.client.fetch_profile_members(content, &walked)
        );
        (one.expect("members").users.len(), other.expect("members").users.len())
    };
    assert_eq!(both().await, (5, 4));
    assert_eq!(harness.requests("token").len(), 1);
    // A call of another client expires all tokens.
    harness.sandbox.inject(Fault::new("groups", Effect::ExpireTokens));
    client(&harness.sandbox, |_| {}).fetch_listing().await.expect("the listing");
    let before = harness.requests("token").len();
    assert_eq!(both().await, (5, 4));
    assert_eq!(harness.requests("token").len(), before + 1);
}

#[tokio::test]
async fn a_token_is_used_until_it_is_about_to_expire() {
    let harness = Harness::of(people(10)).await;
    harness.fetch().await.expect("a complete read");
    harness.fetch().await.expect("a complete read");
    assert_eq!(harness.requests("token").len(), 1);

    let mut short_lived = people(10);
    short_lived.tokens.expires_in = 0;
    let harness = Harness::of(short_lived).await;
    let error = harness.fetch().await.expect_err("tokens that expire at once");
    assert_eq!(error.failure(), Failure::Refused);
    assert_eq!(harness.requests("token").len(), 2, "one, and one renewal");
}

#[tokio::test]
async fn a_wrong_credential_is_sent_once() {
    let wrong = |options: &mut campaign_group_sync::experience_cloud::UmapiOptions| {
        options.client_secret = "a-wrong-secret".to_owned().into();
    };
    let harness = Harness::with(people(10), wrong).await;
    let error = harness.fetch().await.expect_err("refused");
    assert_eq!(error.failure(), Failure::Refused);
    let text = chain(&error);
    assert!(text.contains("POST token: refused with status 400") && text.contains("invalid_client"), "{text}");
    assert_eq!(harness.requests("token").len(), 1);
    assert_eq!(harness.client.calls(), 0);
}

#[tokio::test]
async fn requests_for_a_token_are_retried_after_temporary_faults() {
    for effect in [Effect::status(500), Effect::status(503), Effect::Reset, Effect::status(429)] {
        let harness = Harness::of(people(10)).await.disturbed(Fault::new("token", effect.clone()).times(2));
        harness.fetch().await.unwrap_or_else(|error| panic!("{effect:?}: {}", chain(&error)));
        assert_eq!(harness.requests("token").len(), 3, "{effect:?}");
        assert_eq!(harness.pages("groups"), [0], "{effect:?}");
    }
    let harness = Harness::of(people(10)).await.disturbed(Fault::new("token", Effect::status(503)).forever());
    assert_eq!(harness.fetch().await.expect_err("no token").failure(), Failure::Unavailable);
    assert_eq!(harness.requests("token").len(), 3, "no second round of attempts by the call that needed the token");
}

#[tokio::test]
async fn calls_have_the_headers_that_adobe_documents() {
    let harness = Harness::of(people(10)).await;
    harness.fetch().await.expect("a complete read");
    let requests = harness.sandbox.requests();
    let header = |at: usize, name: &str| {
        requests[at].headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    };
    assert_eq!(requests[0].path, "/ims/token/v3");
    assert_eq!(
        requests[0].body,
        "grant_type=client_credentials&client_id=sandbox-client&client_secret=sandbox-client-secret\
         &scope=openid%2CAdobeID%2Cuser_management_sdk"
    );
    let mut ids = std::collections::BTreeSet::new();
    for at in 1..requests.len() {
        assert!(header(at, "authorization").is_some_and(|value| value.starts_with("Bearer ")));
        assert_eq!(header(at, "x-api-key"), Some("sandbox-client"));
        assert_eq!(header(at, "accept"), Some("application/json"));
        assert_eq!(header(at, "content-type"), Some("application/json"));
        assert!(header(at, "accept-encoding").is_some_and(|value| value.contains("gzip")));
        assert!(header(at, "user-agent").is_some_and(|value| value.starts_with("campaign-group-sync/")));
        assert!(ids.insert(header(at, "x-request-id")), "a request id came twice");
        assert_eq!(header(at, "pragma"), (at == 1).then_some("umapi-sync-start"), "request {at}");
    }
    assert_eq!(requests[1].path, "/v2/usermanagement/groups/0123456789ABCDEF01234567@AdobeOrg/0");
    assert_eq!(requests[2].path, "/v2/usermanagement/users/0123456789ABCDEF01234567@AdobeOrg/0");
    assert!(requests[2..].iter().all(|request| request.query == "directOnly=false"));
    assert_eq!(harness.client.calls(), 5);
}
