//! What is not answered: other methods, other paths, other names, too much of everything.

use super::harness::{Harness, ask, send, send_all};

#[tokio::test]
async fn only_get_and_head_are_answered() {
    let harness = Harness::start().await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"] {
        let answer = harness.ask(method, "/status", &[]).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"), "{method}");
    }
    let head = harness.ask("HEAD", "/metrics", &[]).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn unknown_paths_are_not_found() {
    let harness = Harness::start().await;
    for path in ["/favicon.ico", "/metrics/", "//", "/../etc/passwd", "/%00", "/index.html"] {
        assert_eq!(harness.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_foreign_host_name_is_refused() {
    let harness = Harness::start().await;
    for host in ["evil.example", "evil.example:9464", "", "127.0.0.1.evil.example"] {
        for path in ["/", "/status", "/metrics"] {
            let answer = harness.ask("GET", path, &[("Host", host)]).await;
            assert_eq!(answer.status, 421, "{host} {path}");
        }
    }
    for host in ["localhost", "localhost:8080", "[::1]:9464"] {
        assert_eq!(harness.ask("GET", "/status", &[("Host", host)]).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn a_large_head_is_refused_and_a_larger_one_cut_off() {
    let harness = Harness::start().await;
    let cookie = "a".repeat(20_000);
    assert_eq!(harness.ask("GET", "/healthz", &[("Cookie", &cookie)]).await.status, 431);
    let endless = format!("GET / HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\n\r\n", "a".repeat(4_000_000));
    assert_ne!(send(harness.address, endless.as_bytes()).await.status, 200);
    let body = format!("GET /healthz HTTP/1.1\r\nContent-Length: 9000000\r\n\r\n{}", "a".repeat(9_000_000));
    send(harness.address, body.as_bytes()).await;
    assert_eq!(harness.get("/healthz").await.status, 200, "others are served as before");
}

#[tokio::test]
async fn garbage_does_not_disturb_other_clients() {
    let harness = Harness::start().await;
    for garbage in [
        &b"\x16\x03\x01\x02\x00"[..],
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        assert_ne!(send_all(harness.address, &[garbage, b"\r\n\r\n"].concat()).await.status, 200);
    }
    assert_eq!(harness.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn every_response_has_the_protective_headers() {
    let harness = Harness::start().await;
    for path in ["/", "/status", "/metrics", "/healthz", "/readyz", "/nowhere"] {
        let answer = ask(harness.address, "GET", path, &[]).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
    }
}
