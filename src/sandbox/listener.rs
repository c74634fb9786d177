//! Accepts connections: plain ones, and encrypted ones on the same port if the scenario has TLS.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::connection::{ConnectionStream, Wire};

/// The first byte of every TLS connection: a record of the handshake (RFC 8446, section 5.1). No method of HTTP begins
/// so.
const HANDSHAKE: u8 = 22;

/// Longest wait for the first byte and the handshake; clients time out after ten seconds.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// Accepts connections that can be cut.
pub(super) struct SandboxListener {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    /// Handshakes in progress: a slow or failed one does not delay other connections.
    handshakes: JoinSet<Option<(ConnectionStream, SocketAddr)>>,
}

impl SandboxListener {
    /// Without an acceptor every connection is plain.
    pub(super) fn new(listener: TcpListener, acceptor: Option<TlsAcceptor>) -> Self {
        Self { listener, acceptor, handshakes: JoinSet::new() }
    }
}

impl Listener for SandboxListener {
    type Io = ConnectionStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                (stream, address) = Listener::accept(&mut self.listener) => {
                    // Small responses must not wait for more; a connection where this fails still works.
                    drop(stream.set_nodelay(true));
                    let Some(acceptor) = self.acceptor.clone() else {
                        return (ConnectionStream::new(Wire::Plain(stream)), address);
                    };
                    self.handshakes.spawn(async move {
                        let wire = tokio::time::timeout(HANDSHAKE_DEADLINE, begun(stream, acceptor)).await;
                        Some((ConnectionStream::new(wire.ok()?.ok()?), address))
                    });
                }
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(accepted)) = done {
                        return accepted;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// The connection, encrypted when its first byte starts a handshake.
async fn begun(stream: TcpStream, acceptor: TlsAcceptor) -> io::Result<Wire> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    if first == [HANDSHAKE] {
        return Ok(Wire::Encrypted(Box::new(acceptor.accept(stream).await?)));
    }
    Ok(Wire::Plain(stream))
}
