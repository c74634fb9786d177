//! Servers that are reached through the tunnel of a proxy.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use campaign_group_sync::{
    sandbox::Tls,
    transport::{BaseUrl, ConnectionReuse, HttpClient, HttpOptions, HttpResponse, Proxies, TransportError},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use super::harness::Harness;

/// A name that is not resolved: the client connects to the proxy only.
const HOST: &str = "acme.campaign.example";

/// A proxy that opens every tunnel to `server`, and the heads of its requests.
async fn proxy(server: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.expect("the head of a request"));
            }
            kept.lock().expect("not poisoned").push(String::from_utf8_lossy(&head).into_owned());
            let mut behind = TcpStream::connect(server).await.expect("the server");
            client.write_all(b"HTTP/1.1 200 ConnectionReuse established\r\n\r\n").await.expect("sent");
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut behind).await });
        }
    });
    (address, heads)
}

async fn ask(harness: &Harness, variables: &[(&str, &str)]) -> Result<HttpResponse, TransportError> {
    let environment: BTreeMap<_, _> = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let (proxies, authority) = (Proxies::of_environment(&environment), harness.sandbox.connection().authority);
    let options = HttpOptions { proxies, trusted_authorities: authority, ..HttpOptions::default() };
    let base = BaseUrl::parse(&format!("https://{HOST}")).expect("an address");
    let client = HttpClient::new(&base, &options)?;
    client.send(client.get(&base.join("/r/test")), ConnectionReuse::Allowed, async || Ok(())).await
}

#[tokio::test]
async fn incident_51_a_server_is_reached_through_a_proxy_with_its_credentials() {
    let harness = Harness::with(Tls { name: Some(HOST.to_owned()), ..Tls::default() }).await;
    let (proxy, heads) = proxy(harness.sandbox.address()).await;
    ask(&harness, &[("HTTPS_PROXY", &format!("http://user:pass@{proxy}"))]).await.expect("an answer");
    let heads = heads.lock().expect("not poisoned").clone();
    let [head] = &heads[..] else { panic!("{heads:?}") };
    assert!(head.starts_with(&format!("CONNECT {HOST}:443 ")), "{head}");
    assert!(head.to_lowercase().contains("proxy-authorization: basic dxnlcjpwyxnz"), "{head}");
}

#[tokio::test]
async fn incident_51_a_certificate_that_is_refused_behind_a_proxy_is_still_a_certificate() {
    let harness = Harness::with(Tls { name: Some("other.example".to_owned()), ..Tls::default() }).await;
    let (proxy, _) = proxy(harness.sandbox.address()).await;
    let error = ask(&harness, &[("https_proxy", &proxy.to_string())]).await.expect_err("refused");
    assert!(error.certificate_fault().is_some() && !error.is_misconfigured(), "{error}");
}

#[test]
fn incident_51_no_proxy_exempts_a_host_from_a_proxy_that_cannot_be_used() {
    let base = BaseUrl::parse(&format!("https://{HOST}")).expect("an address");
    let client = |exceptions: &str| {
        let variables = [("HTTPS_PROXY", "socks5://127.0.0.1:1"), ("NO_PROXY", exceptions)];
        let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let proxies = Proxies::of_environment(&environment);
        HttpClient::new(&base, &HttpOptions { proxies, ..HttpOptions::default() })
    };
    for exceptions in [HOST, ".campaign.example", "other.example, campaign.example", "*"] {
        assert!(client(exceptions).is_ok(), "{exceptions}");
    }
    for exceptions in ["", "other.example", "example.com"] {
        assert!(client(exceptions).is_err_and(|error| error.is_misconfigured()), "{exceptions}");
    }
}

#[tokio::test]
async fn one_client_reaches_each_address_directly_or_through_the_proxy() {
    let harness = Harness::with(Tls::default()).await;
    let (proxy, heads) = proxy(harness.sandbox.address()).await;
    let environment = BTreeMap::from([("HTTPS_PROXY".to_owned(), proxy.to_string())]);
    let (proxies, authority) = (Proxies::of_environment(&environment), harness.sandbox.connection().authority);
    let options = HttpOptions { proxies, trusted_authorities: authority, ..HttpOptions::default() };
    let base = BaseUrl::parse(&format!("https://{HOST}")).expect("an address");
    let client = HttpClient::new(&base, &options).expect("a client");
    let ask = async |url: &str| {
        client.send(client.get(url), ConnectionReuse::Allowed, async || Ok::<_, TransportError>(())).await
    };

    ask(&harness.campaign().join("/r/test")).await.expect("an answer");
    assert_eq!(*heads.lock().expect("not poisoned"), [""; 0], "a loopback address is reached directly");

    let error = ask("https://ims.example:8443/ims/token/v3").await.expect_err("a certificate of another name");
    assert!(error.to_string().contains("https://ims.example:8443"), "{error}");
    let heads = heads.lock().expect("not poisoned").clone();
    assert!(matches!(&heads[..], [head] if head.starts_with("CONNECT ims.example:8443 ")), "{heads:?}");
}

#[tokio::test]
async fn a_failed_connection_names_the_host_of_its_request_and_the_proxy_that_leads_there() {
    let closed = TcpListener::bind("127.0.0.1:0").await.and_then(|listener| listener.local_addr()).expect("an address");
    // It reaches this host and is not a loopback address: NO_PROXY decides.
    let direct = format!("0.0.0.0:{}", closed.port());
    let variables = [("HTTPS_PROXY", closed.to_string()), ("NO_PROXY", "0.0.0.0".to_owned())];
    let environment = variables.map(|(name, value)| (name.to_owned(), value)).into();
    let options = HttpOptions { proxies: Proxies::of_environment(&environment), ..HttpOptions::default() };
    let base = BaseUrl::parse(&format!("https://{HOST}")).expect("an address");
    let client = HttpClient::new(&base, &options).expect("a client");
    for (place, is_misconfigured, expected) in [
        ("ims.example:443", true, format!("could not connect to ims.example:443 through the proxy http://{closed} ")),
        (&direct, false, format!("connection refused by {direct}")),
    ] {
        let request = client.get(&format!("https://{place}/ims/token/v3"));
        let sent = client.send(request, ConnectionReuse::Allowed, async || Ok::<_, TransportError>(())).await;
        let error = sent.expect_err("no listener");
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert_eq!(error.is_misconfigured(), is_misconfigured, "{error}");
    }
}
