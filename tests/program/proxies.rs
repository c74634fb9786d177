//! Runs behind a proxy: the message and the exit status when it cannot be used.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    thread,
};

use super::harness::{Finished, Served, run};

/// A host that is reachable through the proxy only.
const IMS: &str = "ims.acme.example";

/// A proxy on loopback that returns this response to every CONNECT.
fn proxy(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            // The request is a few hundred bytes and arrives in one piece.
            let received = client.read(&mut [0; 4096]).unwrap_or_default();
            if received > 0 {
                let _ = write!(client, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
            }
        }
    });
    address
}

/// A port on which nothing listens.
fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("an address")
}

/// A run or a check that reaches IMS through the proxy of these variables.
fn behind(served: &Served, arguments: &[&str], variables: &[(&str, &str)]) -> Finished {
    let mut command = served.prepared(arguments);
    command.env("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__IMS_URL", format!("https://{IMS}"));
    command.env("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__MAX_WAIT", "0s");
    run(command.envs(variables.iter().copied()))
}

fn assert_names(finished: &Finished, exit: i32, parts: &[&str]) {
    let said = format!("{}{}", finished.stdout, finished.stderr);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(finished.exit, Some(exit), "{said}");
    for part in parts {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
    assert!(!said.contains("proxy-secret"), "{said}");
}

#[test]
fn incident_51_a_proxy_that_cannot_be_used_is_named_with_its_variable_and_is_78() {
    let served = Served::of(&["first_day"]);
    let (refusing, closed) = (proxy("407 Proxy Authentication Required"), closed_port());
    for (variable, address, parts) in [
        ("HTTPS_PROXY", refusing.to_string(), &["407", "set user and password in the variable"][..]),
        ("https_proxy", closed.to_string(), &["refused the connection"]),
        ("ALL_PROXY", format!("http://user:proxy-secret@{refusing}"), &["407", "EnvironmentFile"]),
        ("all_proxy", format!("socks5://user:proxy-secret@{closed}"), &["scheme is not supported"]),
        ("HTTPS_PROXY", "http://".to_owned(), &["not an address"]),
    ] {
        for arguments in [&["--sync-now"][..], &["check"]] {
            let finished = behind(&served, arguments, &[(variable, &address)]);
            let named = format!("environment variable {variable}");
            assert_names(&finished, 78, &[&[named.as_str(), &format!("{IMS}:443")], parts].concat());
            let place = address.rsplit_once('@').map_or(address.as_str(), |(_, place)| place);
            assert_names(&finished, 78, &[place.trim_start_matches("http://")]);
        }
    }
}

#[test]
fn incident_51_the_report_of_a_proxy_that_cannot_be_used_keeps_the_promised_outcomes() {
    let served = Served::of(&["first_day"]);
    let address = proxy("407 Proxy Authentication Required").to_string();
    let finished = behind(&served, &["--sync-now", "--output", "json", "-q"], &[("HTTPS_PROXY", &address)]);
    let report = finished.json();
    assert_eq!((finished.exit, report["outcome"].as_str()), (Some(78), Some("refused")), "{report}");
    assert_eq!((report["misconfigured"].as_bool(), report["source"]["complete"].as_bool()), (Some(true), Some(false)));
}

#[test]
fn incident_51_a_proxy_that_does_not_reach_the_server_is_named_and_is_6() {
    let served = Served::of(&["first_day"]);
    for answer in ["502 Bad Gateway", "503 Service Unavailable"] {
        let address = proxy(answer).to_string();
        for arguments in [&["--sync-now"][..], &["check"]] {
            let finished = behind(&served, arguments, &[("HTTPS_PROXY", &address)]);
            assert_names(&finished, 6, &[&format!("{IMS}:443"), &address, "environment variable HTTPS_PROXY"]);
        }
    }
}

#[test]
fn incident_51_a_run_on_loopback_uses_no_proxy() {
    let served = Served::of(&["first_day"]);
    let mut command = served.prepared(&["--sync-now"]);
    let finished = run(command.env("HTTPS_PROXY", "socks5://nowhere").env("ALL_PROXY", closed_port().to_string()));
    assert_names(&finished, 0, &["8 applied"]);
}

#[test]
fn a_failed_token_request_names_the_identity_service_and_the_proxy() {
    let served = Served::of(&["first_day"]);
    let (proxy, ims) = (closed_port(), closed_port());
    // An address of this host that is not a loopback address: NO_PROXY decides.
    let ims = format!("0.0.0.0:{}", ims.port());
    let run_with = |exceptions: &str| {
        let mut command = served.prepared(&["--sync-now"]);
        command.env("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__IMS_URL", format!("https://{ims}"));
        command.env("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__UMAPI_URL", "https://umapi.acme.example");
        command.env("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__MAX_WAIT", "0s");
        run(command.env("HTTPS_PROXY", proxy.to_string()).env("NO_PROXY", exceptions))
    };
    for (exceptions, exit, expected) in [
        ("", 78, format!("could not connect to {ims} through the proxy http://{proxy}")),
        ("0.0.0.0", 6, format!("connection refused by {ims}")),
    ] {
        let finished = run_with(exceptions);
        assert_names(&finished, exit, &[&expected]);
        assert!(!finished.stderr.contains("umapi.acme.example"), "{}", finished.stderr);
    }
}
