//! Sessions: their beginning, one renewal and their end; and that secrets are not shown.

use campaign_group_sync::campaign::{Campaign, CampaignAuthentication, CampaignOptions};
use campaign_group_sync::domain::Failure;
use campaign_group_sync::sandbox::campaign::{Build, InstanceChange};
use campaign_group_sync::sandbox::{Change, Effect, Fault};
use campaign_group_sync::transport::SecretString;

use super::harness::Harness;

on_each_build![
    a_wrong_client_secret_is_sent_once,
    a_token_that_expires_during_a_read_is_renewed_once,
    every_way_to_report_an_expired_session_is_understood,
    the_refusal_of_a_new_session_is_an_error,
    a_failed_sign_out_is_ignored,
    a_session_shows_whether_the_operator_is_an_administrator,
    a_security_zone_without_security_tokens_is_supported,
    no_secret_is_in_any_error_or_debug_output,
];

with_native_sign_in![
    a_refused_address_is_an_error_without_a_retry,
    a_session_that_expires_during_a_read_is_renewed_once,
    a_wrong_password_is_sent_once,
    concurrent_calls_share_one_session,
    signing_out_ends_the_session_and_the_next_call_begins_another,
];

const SESSION_OVER: &str = "XSV-350008 Session has expired or is invalid. Please reconnect.";

fn with_secret(options: CampaignOptions, wrong: &str) -> Campaign {
    let secret = SecretString::from(wrong);
    let authentication = match options.authentication {
        CampaignAuthentication::Native { login, .. } => CampaignAuthentication::Native { login, password: secret },
        CampaignAuthentication::Ims { client_id, ims_url, scopes, .. } => {
            CampaignAuthentication::Ims { client_id, client_secret: secret, ims_url, scopes }
        }
    };
    Campaign::new(CampaignOptions { authentication, ..options }).unwrap()
}

async fn a_wrong_password_is_sent_once(build: Build) {
    let harness = Harness::native(build).await;
    let error = with_secret(harness.options(), "wrong").fetch_snapshot().await.unwrap_err();
    assert_eq!(error.failure(), Failure::Refused);
    assert!(error.to_string().starts_with("Logon was refused: XSV-350012"), "{error}");
    assert_eq!((harness.count("logon"), harness.sandbox.requests().len()), (1, 1));
}

async fn a_wrong_client_secret_is_sent_once(build: Build) {
    let harness = Harness::ims(build).await;
    let error = with_secret(harness.options(), "wrong").fetch_snapshot().await.unwrap_err();
    assert_eq!(error.failure(), Failure::Refused);
    assert!(error.to_string().contains("invalid client_secret parameter"), "{error}");
    assert_eq!((harness.count("token"), harness.sandbox.requests().len()), (1, 1));
}

async fn a_refused_address_is_an_error_without_a_retry(build: Build) {
    let harness = Harness::native(build).await;
    harness.inject("logon", Effect::plain_text(403, "XSV-350013 The '127.0.0.1' IP address via which you connect"));
    assert_eq!(harness.read().await.unwrap_err().failure(), Failure::Refused);
    assert_eq!(harness.sandbox.requests().len(), 1);
}

async fn a_session_that_expires_during_a_read_is_renewed_once(build: Build) {
    let harness = Harness::native(build).await;
    let whole = harness.read().await.unwrap();
    harness.sandbox.clear_requests();
    let end = Change::instance("production", InstanceChange::ExpireSessions);
    harness.sandbox.inject(Fault::new("query", Effect::Change { changes: vec![end] }).skip(3));
    let client = harness.client_with_pages_of(2);
    assert_eq!(client.fetch_snapshot().await.unwrap(), whole);
    assert_eq!(harness.count("logon"), 2);
    assert_eq!(client.calls(), harness.sandbox.requests().len() as u64);
}

async fn a_token_that_expires_during_a_read_is_renewed_once(build: Build) {
    let harness = Harness::ims(build).await;
    let whole = harness.read().await.unwrap();
    harness.sandbox.clear_requests();
    harness.sandbox.inject(Fault::new("query", Effect::ExpireTokens).skip(3));
    let client = harness.client_with_pages_of(2);
    assert_eq!(client.fetch_snapshot().await.unwrap(), whole);
    assert_eq!(harness.count("token"), 2);
    assert_eq!(client.calls(), (harness.sandbox.requests().len() - 2) as u64, "token requests are not Campaign's");
}

async fn every_way_to_report_an_expired_session_is_understood(build: Build) {
    for harness in [Harness::native(build).await, Harness::ims(build).await] {
        let whole = harness.read().await.unwrap();
        for over in [
            Effect::plain_text(403, SESSION_OVER),
            Effect::plain_text(200, SESSION_OVER),
            Effect::plain_text(403, ""),
            Effect::status(401),
            Effect::soap_fault("SOP-330011 Error", SESSION_OVER),
            Effect::soap_fault("Error", "XSV-350392 Access token has expired"),
            Effect::soap_fault("Error", "the HTTP response code is 401"),
        ] {
            harness.sandbox.clear_requests();
            harness.inject("query", over.clone());
            assert_eq!(harness.read().await.unwrap(), whole, "{over:?}");
            assert_eq!(harness.count("logon") + harness.count("token"), 2, "{over:?}");
        }
    }
}

async fn the_refusal_of_a_new_session_is_an_error(build: Build) {
    for harness in [Harness::native(build).await, Harness::ims(build).await] {
        harness.sandbox.inject(Fault::new("query", Effect::plain_text(403, SESSION_OVER)).forever());
        let error = harness.read().await.unwrap_err();
        assert_eq!(error.failure(), Failure::Refused);
        assert!(error.to_string().contains(" was refused: XSV-350008"), "{error}");
        // Operators and memberships are read at the same time, and the first refusal ends both.
        assert!((2..=4).contains(&harness.count("query")));
        assert_eq!(harness.count("logon") + harness.count("token"), 2);
    }
}

async fn concurrent_calls_share_one_session(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client();
    let (one, other) = tokio::join!(client.fetch_snapshot(), client.fetch_snapshot());
    assert_eq!(one.unwrap(), other.unwrap());
    assert_eq!(harness.count("logon"), 1);
}

async fn signing_out_ends_the_session_and_the_next_call_begins_another(build: Build) {
    let harness = Harness::native(build).await;
    let client = harness.client();
    client.sign_out().await;
    assert_eq!(harness.sandbox.requests().len(), 0, "there was no session to end");
    client.fetch_snapshot().await.unwrap();
    client.sign_out().await;
    client.sign_out().await;
    let ended: Vec<_> =
        harness.sandbox.requests().into_iter().filter(|request| request.call == "Logoff").map(|r| r.status).collect();
    assert_eq!(ended, [200]);
    client.fetch_snapshot().await.unwrap();
    assert_eq!(harness.count("logon"), 2);
}

async fn a_failed_sign_out_is_ignored(build: Build) {
    let harness = Harness::ims(build).await;
    let client = harness.client();
    for effect in [Effect::Reset, Effect::status(500), Effect::Html, Effect::plain_text(403, SESSION_OVER)] {
        client.fetch_snapshot().await.unwrap();
        harness.inject("Logoff", effect);
        client.sign_out().await;
    }
    assert_eq!(harness.count("Logoff"), 5, "after the reset of a kept connection the call uses a new one");
}

async fn a_session_shows_whether_the_operator_is_an_administrator(build: Build) {
    for harness in [Harness::native(build).await, Harness::ims(build).await] {
        assert!(harness.client().own_operator().await.unwrap().is_administrator());
        harness.adjust(|behavior| behavior.administrator = false);
        assert!(!harness.client().own_operator().await.unwrap().is_administrator());
    }
}

async fn a_security_zone_without_security_tokens_is_supported(build: Build) {
    let harness = Harness::native(build).await;
    harness.adjust(|behavior| behavior.session_token_only = true);
    harness.read().await.unwrap();
}

async fn no_secret_is_in_any_error_or_debug_output(build: Build) {
    // The end of every test checks that no log line contains a secret.
    for harness in [Harness::native(build).await, Harness::ims(build).await] {
        let client = harness.client();
        client.fetch_snapshot().await.unwrap();
        let echo = harness.secrets().join(" ");
        for effect in [
            Effect::plain_text(404, &echo),
            Effect::plain_text(200, &echo),
            Effect::plain_text(401, &echo),
            Effect::soap_fault(&echo, &echo),
            Effect::plain_text(500, &echo),
        ] {
            harness.sandbox.inject(Fault::new("query", effect.clone()).forever());
            let error = client.fetch_snapshot().await.unwrap_err();
            let shown = format!("{error} {error:?} {client:?} {:?}", harness.options());
            for secret in harness.secrets() {
                assert!(!shown.contains(&secret), "{effect:?}: {shown}");
            }
            harness.sandbox.clear_faults();
        }
        client.sign_out().await;
    }
}
