//! TLS with real handshakes: certificates, proxies, and the TLS server of the sandbox.

mod handshakes;
mod harness;
mod serving;
mod tunnels;
