//! TLS over real handshakes: what the client makes of good and bad certificates, and how the sandbox serves them.

#![expect(clippy::expect_used, reason = "a test stops where its set-up is wrong")]

mod handshakes;
mod serving;
mod stage;
mod tunnels;
