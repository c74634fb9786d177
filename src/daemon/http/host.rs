//! Checks which host name a request is addressed to. A web site can resolve its own name to this address and then read the
//! responses as its own (DNS rebinding), but the browser still sends the name of that web site in the header `Host`.

use std::net::{IpAddr, SocketAddr};

/// Whether the header `Host` names this server: a loopback name, or an IP address, which cannot be the name of a web site.
///
/// Where the server listens beyond loopback, resources without names of users (`is_public`) accept every name, so that
/// Prometheus can use the name of the host. No browser sends a request without the header (HTTP/1.0).
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

/// The name without the port, which a tunnel may have changed, and without a trailing dot.
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
    fn on_loopback_only_loopback_names_are_accepted() {
        for host in ["localhost:9464", "LOCALHOST.", "127.0.0.1:9464", "127.0.0.1", "[::1]:9464", "a.localhost:1"] {
            assert!(check(host, "127.0.0.1:9464", false), "{host}");
        }
        for host in ["evil.example:9464", "localhost.evil.example", "", "192.0.2.1", "127.0.0.1.nip.io", ":9464"] {
            assert!(!check(host, "127.0.0.1:9464", true), "{host}");
        }
        assert!(is_addressed_here(None, SocketAddr::from(([127, 0, 0, 1], 1)), false));
    }

    #[test]
    fn beyond_loopback_other_names_are_accepted_for_public_resources_only() {
        assert!(check("192.0.2.1:9464", "0.0.0.0:9464", false));
        assert!(check("sync.acme.com:9464", "0.0.0.0:9464", true));
        assert!(!check("sync.acme.com:9464", "0.0.0.0:9464", false));
    }
}
