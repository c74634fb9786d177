//! Runs over https: they do all they do without it, and never for a certificate that is not good.

use std::time::Duration;

use campaign_group_sync::{
    domain::{ChangeOutcome, Outcome},
    sandbox::{Effect, Endpoint, Fault, Scenario, Tls},
    transport::RetryPolicy,
};

use super::harness::{Harness, count};

/// Longest wait for a run that must not wait for anything.
const DEADLINE: Duration = Duration::from_secs(60);

async fn harness(tls: Tls) -> Harness {
    let mut scenario = Scenario::named("first_day").expect("built in");
    scenario.tls = Some(tls);
    Harness::with(scenario).await
}

#[tokio::test]
async fn a_whole_run_over_https_applies_reads_back_and_is_then_in_sync() {
    let harness = harness(Tls::default()).await;
    assert!(
        !harness.options.experience_cloud.ims_url.is_plain() && !harness.options.experience_cloud.umapi_url.is_plain()
    );
    assert!(harness.options.instances.iter().all(|instance| !instance.campaign.url.is_plain()));
    let report = harness.sync().await;
    assert_eq!((report.outcome, count(&report, ChangeOutcome::Applied)), (Outcome::Applied, 8), "{report:#?}");
    assert_eq!(harness.sync().await.outcome, Outcome::InSync);
}

#[tokio::test]
async fn answers_that_are_lost_over_https_are_asked_for_again_as_without() {
    let harness = harness(Tls::default()).await;
    for (call, effect) in
        [("token", Effect::Reset), ("query", Effect::CutOff { after: None }), ("write", Effect::LoseAnswer)]
    {
        harness.sandbox.inject(Fault::new(call, effect));
    }
    let report = harness.sync().await;
    assert_eq!((report.outcome, count(&report, ChangeOutcome::Applied)), (Outcome::Applied, 8), "{report:#?}");
    assert!(harness.sandbox.faults().iter().all(|fault| fault.disturbed > 0), "a fault was never met");
}

#[tokio::test]
async fn a_bad_certificate_ends_a_run_at_once_with_exit_status_6_and_names_the_host_and_the_problem() {
    let bad = [
        (Tls { days_left: -1, ..Tls::default() }, "it expired on 2"),
        (
            Tls { name: Some("acme.campaign.adobe.com".to_owned()), ..Tls::default() },
            "it is valid for acme.campaign.adobe.com only",
        ),
        (Tls { trusted: false, ..Tls::default() }, "it was issued by an authority that this host does not trust"),
    ];
    for (tls, words) in bad {
        for vendor in [Endpoint::Ims, Endpoint::Umapi, Endpoint::Campaign] {
            let mut harness = harness(Tls { endpoints: vec![vendor], ..tls.clone() }).await;
            // Whoever asked again would wait beyond the deadline.
            let patient = RetryPolicy { attempts: 2, first_pause: 60 * DEADLINE, max_wait: Duration::MAX };
            harness.options.experience_cloud.retry = patient.clone();
            harness.options.instances.iter_mut().for_each(|instance| instance.campaign.retry = patient.clone());
            let report = tokio::time::timeout(DEADLINE, harness.sync()).await.expect("no second attempt");
            assert_eq!((report.outcome, harness.writes()), (Outcome::Unavailable, 0), "{vendor:?}: {report:#?}");
            let host = harness.sandbox.address();
            let said = format!("the certificate of https://{host} is not accepted: {words}");
            let mut errors = report.error.iter().chain(report.instances.iter().filter_map(|one| one.error.as_ref()));
            assert!(errors.any(|error| error.contains(&said)), "{vendor:?}: {said}: {report:#?}");
        }
    }
}

#[tokio::test]
async fn a_request_for_page_0_that_a_bad_certificate_kept_back_does_not_count() {
    let mut harness = harness(Tls { endpoints: vec![Endpoint::Umapi], days_left: -1, ..Tls::default() }).await;
    harness.options.first_page_interval = 2 * 60 * DEADLINE;
    assert_eq!(harness.sync().await.outcome, Outcome::Unavailable);
    let organization = &harness.options.experience_cloud.organization_id;
    let windows = harness.journal.call_windows(organization, chrono::Utc::now()).await.expect("readable");
    assert_eq!((windows.groups_first_page, windows.users_first_page), (None, None));
}
