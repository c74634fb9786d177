//! Silent and slow clients do not delay health and metrics.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::harness::{Answer, Harness};

/// More than the bound on connections.
const MANY: usize = 200;

/// Long before any of the silent connections has been silent for too long.
const AT_ONCE: Duration = Duration::from_secs(4);

/// Connections that have sent this much and send no more.
async fn silent(harness: &Harness, begin: &[u8]) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..MANY {
        let mut stream = TcpStream::connect(harness.address).await.expect("a connection");
        // One that had to give way already takes nothing.
        drop(stream.write_all(begin).await);
        streams.push(stream);
    }
    streams
}

async fn at_once(harness: &Harness, path: &str) -> Answer {
    timeout(AT_ONCE, harness.get(path)).await.expect("answered at once")
}

#[tokio::test]
async fn health_and_metrics_are_answered_beside_many_silent_connections() {
    for begin in
        [&b""[..], b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"]
    {
        let harness = Harness::start().await;
        let streams = silent(&harness, begin).await;
        for path in ["/healthz", "/metrics", "/status", "/"] {
            assert_eq!(at_once(&harness, path).await.status, 200, "{path}");
        }
        drop(streams);
    }
}

#[tokio::test]
async fn a_silent_connection_ends_by_itself() {
    let harness = Harness::start().await;
    for begin in [&b""[..], b"GET / HTTP/1.1\r\n"] {
        let mut stream = TcpStream::connect(harness.address).await.expect("a connection");
        stream.write_all(begin).await.expect("sent");
        let mut rest = Vec::new();
        let ended = timeout(Duration::from_secs(60), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "it is open after a minute");
    }
}
