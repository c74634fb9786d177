//! TCP connections that faults can cut: before the response, or in the middle of its body.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;

use super::listener::SandboxListener;

/// The state of one connection, and the controls that faults use.
#[derive(Debug, Clone, Default)]
pub(super) struct Connection(Arc<Mutex<State>>);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    flow: Flow,
    /// Whether it has carried a call.
    has_served: bool,
    /// The pause between two bytes.
    drip: Option<Duration>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Flow {
    #[default]
    Open,
    /// The head of the next response passes, then this number of bytes of its body.
    AfterBody(usize),
    /// This number of bytes passes.
    Left(usize),
    /// Nothing passes, and the peer gets a reset.
    Reset,
}

impl Connection {
    /// Resets the connection instead of sending a response.
    pub(super) fn reset(&self) {
        self.state().flow = Flow::Reset;
    }

    /// Closes the connection after this number of bytes of the next response's body.
    pub(super) fn close_after(&self, bytes: usize) {
        self.state().flow = Flow::AfterBody(bytes);
    }

    /// Sends single bytes from now on, with a pause between two.
    pub(super) fn drip(&self, pause: Duration) {
        self.state().drip = Some(pause);
    }

    /// Records that a call was carried.
    pub(super) fn serve(&self) {
        self.state().has_served = true;
    }

    /// Whether it has carried a call.
    pub(super) fn has_served(&self) -> bool {
        self.state().has_served
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many bytes of the buffer may be sent now; an error when the connection is cut.
    fn admit(&self, buffer: &[u8]) -> io::Result<usize> {
        let State { flow, drip, .. } = &mut *self.state();
        if let Flow::AfterBody(bytes) = *flow {
            // The server writes the whole head at once, at the start of a buffer.
            let head = buffer.windows(4).position(|end| end == b"\r\n\r\n").map_or(0, |end| end + 4);
            *flow = Flow::Left(head + bytes);
        }
        let most = if drip.is_some() { buffer.len().min(1) } else { buffer.len() };
        match *flow {
            Flow::Left(0) | Flow::Reset => Err(io::ErrorKind::ConnectionReset.into()),
            Flow::Left(left) => Ok(left.min(most)),
            Flow::Open | Flow::AfterBody(_) => Ok(most),
        }
    }

    fn sent(&self, bytes: usize) {
        let mut state = self.state();
        if let Flow::Left(left) = state.flow {
            state.flow = Flow::Left(left.saturating_sub(bytes));
        }
    }
}

/// One accepted connection.
#[derive(Debug)]
pub(super) struct ConnectionStream {
    wire: Wire,
    connection: Connection,
    /// The pause before the next byte, where bytes drip.
    pause: Option<Pin<Box<Sleep>>>,
}

/// The transport below HTTP. Connections are cut above it, so that bytes of responses are counted and not of TLS
/// records.
#[derive(Debug)]
pub(super) enum Wire {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

impl ConnectionStream {
    pub(super) fn new(wire: Wire) -> Self {
        Self { wire, connection: Connection::default(), pause: None }
    }
}

impl Drop for ConnectionStream {
    fn drop(&mut self) {
        if self.connection.state().flow == Flow::Reset {
            let stream = match &self.wire {
                Wire::Plain(stream) => stream,
                Wire::Encrypted(stream) => stream.get_ref().0,
            };
            // Without lingering the system sends a reset; if that cannot be set, the peer sees a close instead.
            drop(stream.set_zero_linger());
        }
    }
}

impl AsyncRead for ConnectionStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Wire::Encrypted(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for ConnectionStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let admitted = match self.connection.admit(buffer) {
            Ok(bytes) => buffer.get(..bytes).unwrap_or(buffer),
            Err(cut) => {
                // What was admitted before may wait to be encrypted.
                let reset = self.connection.state().flow == Flow::Reset;
                if !reset && self.as_mut().poll_flush(cx).is_pending() {
                    return Poll::Pending;
                }
                return Poll::Ready(Err(cut));
            }
        };
        let written = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_write(cx, admitted),
            Wire::Encrypted(stream) => Pin::new(stream).poll_write(cx, admitted),
        };
        if let Poll::Ready(Ok(bytes)) = written {
            self.connection.sent(bytes);
            let drip = self.connection.state().drip;
            self.pause = drip.map(|pause| Box::pin(tokio::time::sleep(pause)));
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Encrypted(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Encrypted(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl Connected<IncomingStream<'_, SandboxListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, SandboxListener>) -> Self {
        stream.io().connection.clone()
    }
}
