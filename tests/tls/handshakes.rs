//! Certificates that are accepted, and the errors about those that are not.

use std::{
    error::Error,
    iter::successors,
    time::{Duration, SystemTime},
};

use campaign_group_sync::{
    sandbox::{Endpoint, Tls},
    transport::{BaseUrl, CertificateFault, ConnectionReuse, HttpClient, HttpOptions, TransportError},
};

use super::harness::Harness;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What is wrong with the certificate of a sandbox, and all that the error says.
async fn refused(tls: Tls) -> (CertificateFault, String) {
    let harness = Harness::with(tls).await;
    let error = harness.ask().await.expect_err("refused");
    assert!(matches!(error, TransportError::Connect(_)), "{error:?}");
    assert!(harness.sandbox.requests().is_empty(), "nothing is sent to a server that is not trusted");
    let causes = successors(Some(&error as &dyn Error), |error: &&dyn Error| (*error).source());
    let said = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let host = harness.sandbox.address().to_string();
    assert!(said.starts_with(&format!("the certificate of https://{host} is not accepted: ")), "{said}");
    (error.certificate_fault().expect("a fault").clone(), said)
}

#[tokio::test]
async fn a_good_certificate_is_accepted_and_tells_for_whom_until_when_and_by_whom() {
    let harness = Harness::with(Tls { days_left: 41, ..Tls::default() }).await;
    let answer = harness.ask().await.expect("an answer");
    let said = answer.certificate.expect("encrypted").read().expect("readable");
    assert_eq!(
        (said.names.as_slice(), said.issuer.as_str()),
        (["127.0.0.1".to_owned()].as_slice(), "CN=Sandbox authority")
    );
    let left = said.not_after.duration_since(SystemTime::now()).expect("later");
    assert_eq!(left.as_secs() / DAY.as_secs(), 41);
}

#[tokio::test]
async fn over_plain_http_there_is_no_certificate() {
    let harness = Harness::with(Tls { endpoints: vec![Endpoint::Ims], ..Tls::default() }).await;
    assert!(harness.campaign().is_plain());
    assert_eq!(harness.ask().await.expect("an answer").certificate, None);
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_refused_with_the_day() {
    let (fault, said) = refused(Tls { days_left: -3, ..Tls::default() }).await;
    let CertificateFault::Expired { since: Some(since) } = fault else { panic!("{fault:?}") };
    let ago = SystemTime::now().duration_since(since).expect("earlier");
    assert!(ago >= 3 * DAY && ago < 4 * DAY, "{ago:?}");
    assert!(said.contains(": it expired on 2"), "{said}");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused_with_its_names() {
    for name in ["acme.campaign.adobe.com", "127.0.0.2"] {
        let (fault, _) = refused(Tls { name: Some(name.to_owned()), ..Tls::default() }).await;
        assert_eq!(fault, CertificateFault::OtherName { names: vec![name.to_owned()] });
    }
}

#[tokio::test]
async fn a_certificate_by_an_unknown_authority_is_refused() {
    let (fault, _) = refused(Tls { trusted: false, ..Tls::default() }).await;
    assert_eq!(fault, CertificateFault::UnknownAuthority);
}

#[tokio::test]
async fn every_certificate_is_refused_on_a_host_without_authorities() {
    let harness = Harness::with(Tls::default()).await;
    let options = HttpOptions { trusted_authorities: Some(String::new()), ..HttpOptions::default() };
    let client = HttpClient::new(&harness.campaign(), &options).expect("a client");
    let error = client
        .send(client.get(&harness.campaign().join("/r/test")), ConnectionReuse::Allowed, async || {
            Ok::<_, TransportError>(())
        })
        .await
        .expect_err("refused");
    assert_eq!(error.certificate_fault(), Some(&CertificateFault::UnknownAuthority));
}

#[tokio::test]
async fn authorities_that_cannot_be_read_are_an_error() {
    let base = BaseUrl::parse("https://127.0.0.1:1").expect("an address");
    let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned();
    let options = HttpOptions { trusted_authorities: Some(garbled), ..HttpOptions::default() };
    assert!(matches!(HttpClient::new(&base, &options), Err(TransportError::Build(_))));
}

#[tokio::test]
async fn a_refused_connection_has_no_certificate_fault() {
    let harness = Harness::with(Tls::default()).await;
    let (client, url) = (harness.client(), harness.campaign().join("/r/test"));
    harness.sandbox.stop().await;
    let error = client
        .send(client.get(&url), ConnectionReuse::Allowed, async || Ok::<_, TransportError>(()))
        .await
        .expect_err("no listener");
    assert!(matches!(error, TransportError::Connect(_)) && error.certificate_fault().is_none(), "{error:?}");
}
