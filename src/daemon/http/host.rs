//! Which names a request may be addressed to. A web site that somebody visits can make its own name lead to this address
//! and then read the answers as its own (DNS rebinding); it cannot make the browser send another name than its own.

use std::net::{IpAddr, SocketAddr};

/// Whether the header `Host` names this server: a loopback name, or a plain address, which no foreign site can be.
///
/// Where the server listens beyond loopback, what holds no names of people (`is_public`) may be asked by any name, so that
/// Prometheus finds it by the name of the host. Without the header (HTTP/1.0) no browser asks.
pub(super) fn is_addressed_here(host: Option<&str>, listening: SocketAddr, is_public: bool) -> bool {
    let Some(host) = host else { return true };
    let name = name_of(host);
    let is_loopback_name = name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
    let beyond_loopback = !listening.ip().is_loopback();
    match name.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || beyond_loopback,
        Err(_) => is_loopback_name || (beyond_loopback && is_public),
    }
}

/// The name without its port, which a tunnel may have changed, and without the dot of the root.
fn name_of(host: &str) -> &str {
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(']') => name,
        _ => host,
    };
    without_port.strip_suffix('.').unwrap_or(without_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, listening: &str, is_public: bool) -> bool {
        is_addressed_here(Some(host), listening.parse().expect("an address"), is_public)
    }

    #[test]
    fn loopback_is_asked_by_its_own_names_only() {
        for host in ["localhost:9464", "LOCALHOST.", "127.0.0.1:9464", "127.0.0.1", "[::1]:9464", "a.localhost:1"] {
            assert!(check(host, "127.0.0.1:9464", false), "{host}");
        }
        for host in ["evil.example:9464", "localhost.evil.example", "", "192.0.2.1", "127.0.0.1.nip.io", ":9464"] {
            assert!(!check(host, "127.0.0.1:9464", true), "{host}");
        }
        assert!(is_addressed_here(None, SocketAddr::from(([127, 0, 0, 1], 1)), false));
    }

    #[test]
    fn beyond_loopback_names_reach_only_what_is_public() {
        assert!(check("192.0.2.1:9464", "0.0.0.0:9464", false));
        assert!(check("sync.acme.com:9464", "0.0.0.0:9464", true));
        assert!(!check("sync.acme.com:9464", "0.0.0.0:9464", false));
    }
}
