//! An invalid response ends the read with an error that names it, and nothing is concluded from earlier pages.

use campaign_group_sync::{
    domain::Failure,
    experience_cloud::{ReadChoice, UmapiOptions},
    sandbox::{Effect, Fault},
};

use super::harness::{Harness, chain, people};

/// Lists ten users on four pages with one permanent fault. Wrong counts must not lead to a read by profiles here.
async fn check(fault: Fault, expected: &[&str]) {
    let whole = |options: &mut UmapiOptions| options.read = ReadChoice::Organization;
    let harness = Harness::with(people(10), whole).await.disturbed(fault.clone().forever());
    let error = harness.fetch().await.expect_err("an incomplete read");
    let text = chain(&error);
    assert_eq!(error.failure(), Failure::Incomplete, "{fault:?}: {text}");
    for part in expected {
        assert!(text.contains(part), "{fault:?}: {part:?} is not in {text:?}");
    }
    assert!(text.chars().count() < 1000, "{fault:?}: {} characters", text.chars().count());
}

fn users(page: u64, effect: Effect) -> Fault {
    Fault::new("users", effect).page(page)
}

fn not_found() -> Effect {
    let body = r#"{"lastPage":false,"result":"error.group.not_found","message":"Not found"}"#.to_owned();
    Effect::Status { status: 404, headers: Vec::new(), body }
}

#[tokio::test]
async fn a_page_that_is_missing_empty_or_repeated_is_an_incomplete_read() {
    check(
        users(2, Effect::RepeatPage { page: 1 }),
        &["incomplete read: 2 of 4 pages", "GET users page 2: the page has no new entries"],
    )
    .await;
    check(users(2, Effect::EmptyPage), &["incomplete read: 2 of 4 pages", "GET users page 2: the page has no users"])
        .await;
    check(users(0, Effect::EmptyPage), &["GET users page 0: the page has no users"]).await;
    check(users(2, not_found()), &["incomplete read: 2 of 4 pages", "GET users page 2: not found (status 404)"]).await;
    check(users(0, not_found()), &["GET users page 0: not found (status 404)"]).await;
}

#[tokio::test]
async fn a_last_page_that_comes_early_late_or_never_is_an_incomplete_read() {
    check(users(0, Effect::LastPage { value: true }), &["incomplete read: 1 of 4 pages"]).await;
    check(users(2, Effect::LastPage { value: true }), &["incomplete read: 3 of 4 pages"]).await;
    check(users(3, Effect::LastPage { value: false }), &["incomplete read: 5 of 4 pages"]).await;
    check(
        Fault::new("users", Effect::LastPage { value: false }),
        &["no page said lastPage", "GET users page 4: the page has no new entries"],
    )
    .await;
    check(Fault::new("users", Effect::omit_key("/lastPage")), &["no page said lastPage"]).await;
    check(users(0, Effect::set_header("X-Page-Count", "9")), &["incomplete read: 4 of 9 pages"]).await;
}

#[tokio::test]
async fn contradicting_counts_are_an_incomplete_read() {
    check(
        users(3, Effect::set_header("X-Total-Count", "11")),
        &["10 users announced on the first page, 11 on a later one"],
    )
    .await;
    check(Fault::new("users", Effect::set_header("X-Total-Count", "21")), &["10 users received, 21 announced"]).await;
    check(Fault::new("users", Effect::set_header("X-Total-Count", "9")), &["only 9 announced"]).await;
}

#[tokio::test]
async fn a_body_that_is_not_a_page_is_an_incomplete_read_and_its_beginning_is_shown() {
    let excerpt = "{\"lastPage\":";
    check(
        users(1, Effect::omit_key("/users")),
        &["1 of 4 pages", "GET users page 1", "status 200", "no \"users\"", excerpt],
    )
    .await;
    check(users(1, Effect::omit_key("/result")), &["GET users page 1", "no \"result\""]).await;
    check(users(1, Effect::set_value("/result", "error.internal")), &["the result is \"error.internal\""]).await;
    check(users(1, Effect::Html), &["GET users page 1", "not JSON", "(status 200): <!DOCTYPE html>"]).await;
    check(users(1, Effect::Truncate { bytes: None }), &["GET users page 1", "EOF", excerpt]).await;
    check(users(1, Effect::CutOff { after: None }), &["GET users page 1", "incomplete response"]).await;
    check(users(1, Effect::set_value("/users", 7)), &["invalid type: integer `7`"]).await;
    check(users(1, Effect::set_value("/lastPage", "no")), &["invalid type: string"]).await;
}

#[tokio::test]
async fn a_result_of_ten_megabytes_is_refused() {
    check(users(1, Effect::huge_string("/result")), &["GET users page 1: a name of 10485760 bytes"]).await;
}

#[tokio::test]
async fn a_groups_listing_that_is_wrong_ends_the_read_as_well() {
    let groups = |effect| Fault::new("groups", effect);
    check(groups(Effect::Html), &["GET groups page 0", "not JSON"]).await;
    check(groups(Effect::omit_key("/groups")), &["GET groups page 0", "no \"groups\""]).await;
    check(groups(Effect::omit_key("/groups/*/groupName")), &["product profiles matches an association mask"]).await;
    check(groups(not_found()), &["GET groups page 0: not found"]).await;
    check(groups(Effect::LastPage { value: false }), &["no page said lastPage after 1 pages", "no new entries"]).await;
    check(groups(Effect::set_value("/groups", serde_json::json!([]))), &["has no product profile"]).await;
    check(groups(Effect::set_value("/groups/*/type", "USER_GROUP")), &["has no product profile"]).await;
}

#[tokio::test]
async fn an_empty_page_of_groups_does_not_end_the_listing() {
    for page in [1, 2] {
        let mut scenario = people(3);
        scenario.pages.groups = 1;
        let empty = Fault::new("groups", Effect::set_value("/groups", serde_json::json!([]))).page(page).forever();
        let harness = Harness::of(scenario).await.disturbed(empty);
        let error = harness.fetch().await.expect_err("an incomplete read");
        let message = chain(&error);
        assert_eq!(error.failure(), Failure::Incomplete, "{message}");
        assert!(message.contains(&format!("GET groups page {page}: the page has no groups")), "{message}");
    }
}

#[tokio::test]
async fn an_organization_of_nobody_is_not_believed() {
    let harness = Harness::of(people(0)).await;
    let error = harness.fetch().await.expect_err("an incomplete read");
    assert_eq!(error.failure(), Failure::Incomplete);
    assert!(chain(&error).contains("has no users"), "{}", chain(&error));
}

#[tokio::test]
async fn when_no_profile_matches_no_user_is_read() {
    let mut scenario = people(10);
    scenario.organization.groups.drain(..2);
    scenario.organization.users.iter_mut().for_each(|user| user.groups.retain(|group| group == "Photoshop"));
    let harness = Harness::of(scenario).await;
    let error = harness.fetch().await.expect_err("no match");
    assert_eq!(error.failure(), Failure::Incomplete);
    assert!(chain(&error).contains("none of the 1 product profiles matches"), "{}", chain(&error));
    assert!(harness.requests("users").is_empty());
}

#[tokio::test]
async fn no_secret_appears_in_any_error() {
    let harness = Harness::of(people(10)).await;
    let secret = harness.sandbox.connection().client_secret;
    harness.fetch().await.expect("a complete read");
    let header = |name: &str| {
        let request = harness.requests("users").pop().expect("a request");
        request.headers.into_iter().find(|(own, _)| own == name).expect(name).1
    };
    let token = header("authorization").trim_start_matches("Bearer ").to_owned();
    for status in [200, 301, 400, 403, 404, 500] {
        let body = format!("{{\"result\": \"{token}\", \"seen\": \"Bearer {token} {secret}\"}}");
        harness.sandbox.inject(Fault::new("groups", Effect::Status { status, headers: Vec::new(), body }));
        let error = harness.fetch().await.expect_err("an invalid response");
        let text = format!("{} {error:?}", chain(&error));
        assert!(text.contains("[REDACTED]"), "{text}");
        assert!(!text.contains(&token) && !text.contains(&secret), "{text}");
    }
}

#[tokio::test]
async fn no_secret_appears_in_an_error_of_ims() {
    let scenario = people(10);
    let secret = scenario.organization.client_secret.clone();
    for (status, body) in [
        (400, format!("{{\"error\": \"invalid_client\", \"sent\": \"{secret}\"}}")),
        (500, format!("client_secret={secret}")),
        (200, "{\"access_token\": \"ey-very-secret\", \"expires_in\": \"soon\"}".to_owned()),
    ] {
        let answer = Effect::Status { status, headers: Vec::new(), body };
        let harness = Harness::of(scenario.clone()).await.disturbed(Fault::new("token", answer).forever());
        let error = harness.fetch().await.expect_err("no token");
        let text = format!("{} {error:?}", chain(&error));
        assert!(text.contains("POST token"), "{text}");
        assert!(!text.contains(&secret) && !text.contains("very-secret"), "{text}");
    }
}
