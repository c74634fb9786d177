//! Faults during reads: temporary ones are retried, others are errors, and there is no partial read.

use std::time::Duration;

use campaign_group_sync::domain::Failure;
use campaign_group_sync::sandbox::campaign::{Build, SchemaPart};
use campaign_group_sync::sandbox::{Effect, Fault};

use super::harness::Harness;

on_each_build![
    an_invalid_response_ends_the_read_and_is_not_retried,
    temporary_faults_are_retried,
    a_permanent_fault_is_an_error_after_the_last_attempt,
    a_pause_longer_than_the_longest_wait_is_reported_without_waiting,
    a_fault_of_ims_is_distinguished_from_a_refusal,
    the_error_of_an_instance_that_hides_details_names_the_call,
];

const SCHEMAS: [&str; 2] = ["xtk:operator", "xtk:operatorGroup"];

async fn an_invalid_response_ends_the_read_and_is_not_retried(build: Build) {
    let harness = Harness::native(build).await;
    for schema in SCHEMAS {
        for (effect, part) in [
            (Effect::Html, "document type declaration"),
            (Effect::Truncate { bytes: None }, "invalid response"),
            (Effect::Truncate { bytes: Some(0) }, "it begins with: (empty)"),
            (Effect::DeepXml { depth: 1000 }, "not <ExecuteQueryResponse>"),
            (Effect::EntityDeclaration, "document type declaration"),
            (Effect::status(404), "HTTP 404; check the address"),
            (Effect::status(302), "HTTP 302"),
            (Effect::soap_fault("SOP-330011 Error", "XTK-170036 Unable to parse expression '@x'."), "XTK-170036"),
            (Effect::soap_fault("SOP-330011 Error while executing", ""), "SOP-330011 Error while executing"),
        ] {
            harness.sandbox.clear_requests();
            harness.sandbox.clear_faults();
            // The client knows the columns then: every query is one for a page.
            let client = harness.client_with_pages_of(2);
            client.fetch_snapshot().await.unwrap();
            harness.sandbox.inject(Fault::new("query", effect.clone()).schema(schema).skip(1));
            let error = client.fetch_snapshot().await.unwrap_err();
            assert_eq!(error.failure(), Failure::Incomplete, "{schema} {effect:?}: {error}");
            let message = error.to_string();
            assert!(message.contains(part) && message.contains(schema), "{schema} {effect:?}: {error}");
            let met = harness.sandbox.faults().first().unwrap().matched;
            assert_eq!(met, 2, "{schema} {effect:?} was retried");
        }
    }
}

async fn temporary_faults_are_retried(build: Build) {
    let harness = Harness::native(build).await;
    let whole = harness.read().await.unwrap();
    for call in ["logon", "query"] {
        for effect in [
            Effect::Reset,
            Effect::LoseAnswer,
            Effect::CutOff { after: None },
            Effect::status(500),
            Effect::status(503),
            Effect::status(429),
            Effect::soap_fault("SOP-330011 Error", "ODB-240000 ODBC error: deadlock detected SQLState: 40001"),
        ] {
            harness.sandbox.clear_faults();
            harness.sandbox.inject(Fault::new(call, effect.clone()).times(2));
            assert_eq!(harness.read().await.unwrap(), whole, "{call} {effect:?}");
        }
    }
}

async fn a_permanent_fault_is_an_error_after_the_last_attempt(build: Build) {
    let harness = Harness::native(build).await;
    for (effect, failure) in [
        (Effect::Reset, Failure::Unavailable),
        (Effect::status(503), Failure::Unavailable),
        (Effect::status(429), Failure::Throttled { retry_after: None }),
        (Effect::CutOff { after: None }, Failure::Incomplete),
        (Effect::soap_fault("SOP-330011 Error", "ODB-240000 ODBC error: deadlock detected"), Failure::Unavailable),
    ] {
        harness.sandbox.clear_requests();
        harness.sandbox.clear_faults();
        harness.sandbox.inject(Fault::new("query", effect.clone()).schema("xtk:operatorGroup").forever());
        let error = harness.read().await.unwrap_err();
        assert_eq!(error.failure(), failure, "{effect:?}: {error}");
        assert!(error.to_string().starts_with("ExecuteQuery xtk:operatorGroup"), "{error}");
        // An attempt may use a kept connection: if it breaks, a new one replaces it at once.
        let sent = if effect == Effect::Reset { 4..=6 } else { 3..=3 };
        assert!(sent.contains(&harness.sandbox.faults().first().unwrap().matched), "{effect:?}");
    }
}

async fn a_pause_longer_than_the_longest_wait_is_reported_without_waiting(build: Build) {
    let harness = Harness::native(build).await;
    harness.inject("query", Effect::too_many_requests("3244"));
    let pause = Duration::from_secs(3244);
    assert_eq!(harness.read().await.unwrap_err().failure(), Failure::Throttled { retry_after: Some(pause) });
    assert!(harness.count("query") <= 2, "the other list is read at the same time");
}

async fn a_fault_of_ims_is_distinguished_from_a_refusal(build: Build) {
    let harness = Harness::ims(build).await;
    for (effect, failure, requests) in [
        (Effect::status(503), Failure::Unavailable, 3),
        (Effect::Reset, Failure::Unavailable, 3),
        (Effect::status(401), Failure::Refused, 1),
        (Effect::Html, Failure::Incomplete, 1),
        (Effect::Truncate { bytes: None }, Failure::Incomplete, 1),
        (Effect::status(302), Failure::Incomplete, 1),
    ] {
        harness.sandbox.clear_requests();
        harness.sandbox.clear_faults();
        harness.sandbox.inject(Fault::new("token", effect.clone()).forever());
        let error = harness.read().await.unwrap_err();
        assert_eq!(error.failure(), failure, "{effect:?}: {error}");
        assert!(error.to_string().starts_with("IMS token"), "{error}");
        assert_eq!(harness.sandbox.requests().len(), requests, "{effect:?}");
    }
}

async fn the_error_of_an_instance_that_hides_details_names_the_call(build: Build) {
    let harness = Harness::native(build).await;
    harness.adjust(|behavior| behavior.show_errors = false);
    harness.adjust(|behavior| behavior.schema_without = vec![SchemaPart::OperatorType]);
    let error = harness.read().await.unwrap_err();
    assert_eq!(error.failure(), Failure::Incomplete);
    let message = error.to_string();
    assert!(message.starts_with("ExecuteQuery xtk:operator failed: SOP-330011"), "{message}");
}
