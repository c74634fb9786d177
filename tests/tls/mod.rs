//! TLS over real handshakes: what the client makes of good and bad certificates, and how the sandbox serves them.

mod handshakes;
mod serving;
mod stage;
mod tunnels;
