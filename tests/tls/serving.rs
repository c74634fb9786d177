//! The sandbox over TLS: faults cut connections as without TLS, and one client does not wait for the handshake of another.

use campaign_group_sync::{
    sandbox::{Effect, Endpoint, Fault, Sandbox, SandboxError, SandboxOptions, Scenario, Tls},
    transport::TransportError,
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::harness::Harness;

#[tokio::test]
async fn named_endpoints_are_served_over_https_and_the_others_over_http_on_the_same_port() {
    let harness = Harness::with(Tls { endpoints: vec![Endpoint::Campaign], ..Tls::default() }).await;
    let connection = harness.sandbox.connection();
    let address = harness.sandbox.address();
    assert_eq!(connection.ims_url, format!("http://{address}"));
    assert_eq!(connection.umapi_url, format!("http://{address}/v2/usermanagement"));
    assert_eq!(connection.instances.first().map(|one| one.url.clone()), Some(harness.campaign().to_string()));
    assert_eq!(harness.campaign().to_string(), format!("https://{address}/campaign/production"));
    assert!(connection.authority.is_some_and(|pem| pem.starts_with("-----BEGIN CERTIFICATE-----")));
}

#[tokio::test]
async fn a_replaced_world_is_served_over_tls_as_before() {
    let harness = Harness::with(Tls::default()).await;
    let (client, url) = (reqwest_client(), harness.sandbox.url());
    let world =
        client.get(format!("{url}/sandbox/world")).send().await.expect("answered").text().await.expect("complete");
    let mut world: serde_json::Value = serde_json::from_str(&world).expect("JSON");
    assert_eq!(world["tls"]["vendors"], serde_json::json!(["ims", "umapi", "campaign"]));
    world.as_object_mut().expect("an object").remove("tls");
    let put = client.put(format!("{url}/sandbox/world")).body(world.to_string()).send().await.expect("answered");
    assert!(put.status().is_success(), "{put:?}");
    assert!(harness.ask().await.expect("an answer").certificate.is_some());
}

fn reqwest_client() -> reqwest::Client {
    campaign_group_sync::transport::install_cryptography();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

#[tokio::test]
async fn an_encrypted_connection_can_be_reset_cut_off_or_lose_the_response() {
    let harness = Harness::with(Tls::default()).await;
    for effect in [Effect::Reset, Effect::LoseAnswer] {
        harness.sandbox.inject(Fault::new("test", effect.clone()));
        let error = harness.ask().await.expect_err("no response");
        assert!(matches!(error, TransportError::ConnectionLost { .. }), "{effect:?}: {error:?}");
    }
    for after in [0, 7] {
        harness.sandbox.inject(Fault::new("test", Effect::CutOff { after: Some(after) }));
        let error = harness.ask().await.expect_err("incomplete");
        assert!(
            matches!(error, TransportError::IncompleteBody { received, .. } if received == after),
            "{after}: {error:?}"
        );
    }
    // More than fits into the buffers between server and client.
    let after = 5_000_000;
    harness.sandbox.inject(Fault::new("test", Effect::DeepXml { depth: 1_000_000 }));
    harness.sandbox.inject(Fault::new("test", Effect::CutOff { after: Some(after) }));
    let error = harness.ask().await.expect_err("incomplete");
    assert!(matches!(error, TransportError::IncompleteBody { received, .. } if received == after), "{error:?}");
    assert!(harness.ask().await.is_ok(), "each fault was used up");
}

#[tokio::test]
async fn a_silent_or_invalid_client_does_not_delay_others() {
    let harness = Harness::with(Tls::default()).await;
    let silent = TcpStream::connect(harness.sandbox.address()).await.expect("accepted");
    let mut half = TcpStream::connect(harness.sandbox.address()).await.expect("accepted");
    half.write_all(&[22, 3, 1, 2]).await.expect("sent");
    let mut nonsense = TcpStream::connect(harness.sandbox.address()).await.expect("accepted");
    nonsense.write_all(&[22; 600]).await.expect("sent");
    assert!(harness.ask().await.is_ok());
    drop((silent, half, nonsense));
    assert!(harness.ask().await.is_ok());
}

#[tokio::test]
async fn an_invalid_host_name_is_refused_at_the_start() {
    let text = "[tls]\nname = \"acmé\"\n";
    let scenario = Scenario::from_toml(text).expect("a scenario");
    let listen = "127.0.0.1:0".parse().expect("an address");
    let refused = Sandbox::start(SandboxOptions { listen, scenario }).await;
    assert!(matches!(refused, Err(SandboxError::Certificate { .. })), "{refused:?}");
}
