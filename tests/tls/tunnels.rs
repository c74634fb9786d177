//! A server that is reached through the tunnel of a proxy.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use campaign_group_sync::{
    sandbox::Tls,
    transport::{Answer, BaseUrl, Connection, HttpClient, Options, Proxies, TransportError},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::stage::Stage;

/// A name that no resolver needs to know: only the proxy is connected to.
const HOST: &str = "acme.campaign.example";

/// A proxy that opens every tunnel to `server`; what it was asked for is kept.
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
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.expect("sent");
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut behind).await });
        }
    });
    (address, heads)
}

async fn ask(stage: &Stage, variables: &[(&str, &str)]) -> Result<Answer, TransportError> {
    let environment: BTreeMap<_, _> = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let (proxies, authority) = (Proxies::of_environment(&environment), stage.sandbox.connection().authority);
    let options = Options { proxies, trusted_authorities: authority, ..Options::default() };
    let base = BaseUrl::parse(&format!("https://{HOST}")).expect("an address");
    let client = HttpClient::new(&base, &options)?;
    client.send(client.get(&base.join("/r/test")), Connection::Kept, async || Ok(())).await
}

#[tokio::test]
async fn incident_51_a_server_is_reached_through_a_proxy_with_its_credentials() {
    let stage = Stage::with(Tls { name: Some(HOST.to_owned()), ..Tls::default() }).await;
    let (proxy, heads) = proxy(stage.sandbox.address()).await;
    ask(&stage, &[("HTTPS_PROXY", &format!("http://user:pass@{proxy}"))]).await.expect("an answer");
    let heads = heads.lock().expect("not poisoned").clone();
    let [head] = &heads[..] else { panic!("{heads:?}") };
    assert!(head.starts_with(&format!("CONNECT {HOST}:443 ")), "{head}");
    assert!(head.to_lowercase().contains("proxy-authorization: basic dxnlcjpwyxnz"), "{head}");
}

#[tokio::test]
async fn incident_51_a_certificate_that_is_refused_behind_a_proxy_is_still_a_certificate() {
    let stage = Stage::with(Tls { name: Some("other.example".to_owned()), ..Tls::default() }).await;
    let (proxy, _) = proxy(stage.sandbox.address()).await;
    let error = ask(&stage, &[("https_proxy", &proxy.to_string())]).await.expect_err("refused");
    assert!(error.certificate_fault().is_some() && !error.is_misconfigured(), "{error}");
}

#[test]
fn incident_51_no_proxy_exempts_a_host_from_a_proxy_that_cannot_be_used() {
    let base = BaseUrl::parse(&format!("https://{HOST}")).expect("an address");
    let client = |exceptions: &str| {
        let variables = [("HTTPS_PROXY", "socks5://127.0.0.1:1"), ("NO_PROXY", exceptions)];
        let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let proxies = Proxies::of_environment(&environment);
        HttpClient::new(&base, &Options { proxies, ..Options::default() })
    };
    for exceptions in [HOST, ".campaign.example", "other.example, campaign.example", "*"] {
        assert!(client(exceptions).is_ok(), "{exceptions}");
    }
    for exceptions in ["", "other.example", "example.com"] {
        assert!(client(exceptions).is_err_and(|error| error.is_misconfigured()), "{exceptions}");
    }
}
