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
    /// What is added to the `Content-Length` of the next response.
    length_change: Option<i64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Flow {
    #[default]
    Open,
    /// The head of the next response passes, then this number of bytes of its body, and the connection ends.
    AfterBody(usize, Ending),
    /// This number of bytes passes, and the connection ends.
    Left(usize, Ending),
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// It is closed as soon as more is to be sent.
    Closed,
    /// The peer gets a reset, as soon as everything that passes was sent.
    Reset,
}

impl Connection {
    /// Resets the connection instead of sending a response.
    pub(super) fn reset(&self) {
        self.state().flow = Flow::Left(0, Ending::Reset);
    }

    /// Resets the connection after this number of bytes of the next response's body.
    pub(super) fn reset_after(&self, bytes: usize) {
        self.state().flow = Flow::AfterBody(bytes, Ending::Reset);
    }

    /// Closes the connection after this number of bytes of the next response's head.
    pub(super) fn close_in_head(&self, bytes: usize) {
        self.state().flow = Flow::Left(bytes, Ending::Closed);
    }

    /// Adds this number to the `Content-Length` of the next response.
    pub(super) fn lie_about_length(&self, by: i64) {
        self.state().length_change = Some(by);
    }

    /// Closes the connection after this number of bytes of the next response's body.
    pub(super) fn close_after(&self, bytes: usize) {
        self.state().flow = Flow::AfterBody(bytes, Ending::Closed);
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
        if let Flow::AfterBody(bytes, ending) = *flow {
            // The server writes the whole head at once, at the start of a buffer.
            let head = buffer.windows(4).position(|end| end == b"\r\n\r\n").map_or(0, |end| end + 4);
            *flow = Flow::Left(head + bytes, ending);
        }
        let most = if drip.is_some() { buffer.len().min(1) } else { buffer.len() };
        match *flow {
            Flow::Left(0, _) => Err(io::ErrorKind::ConnectionReset.into()),
            Flow::Left(left, _) => Ok(left.min(most)),
            Flow::Open | Flow::AfterBody(..) => Ok(most),
        }
    }

    fn sent(&self, bytes: usize) {
        let mut state = self.state();
        if let Flow::Left(left, ending) = state.flow {
            state.flow = Flow::Left(left.saturating_sub(bytes), ending);
        }
    }

    /// Whether the peer is to get a reset now.
    fn is_reset(&self) -> bool {
        self.state().flow == Flow::Left(0, Ending::Reset)
    }

    /// The buffer with another `Content-Length`, where the next response is to lie about it.
    fn with_another_length(&self, buffer: &[u8]) -> Option<Vec<u8>> {
        let by = self.state().length_change.take()?;
        let head = buffer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
        let (head, body) = buffer.split_at_checked(head)?;
        let changed =
            String::from_utf8_lossy(head).split_inclusive("\r\n").map(|line| longer(line, by)).collect::<String>();
        Some([changed.as_bytes(), body].concat())
    }
}

/// A line of a head, where a `Content-Length` has this much more.
fn longer(line: &str, by: i64) -> String {
    let length = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    match length.and_then(|(_, value)| value.trim().parse::<i64>().ok()) {
        Some(length) => format!("content-length: {}\r\n", (length + by).max(0)),
        None => line.to_owned(),
    }
}

/// Bytes that are sent in place of others.
#[derive(Debug)]
struct Substitute {
    bytes: Vec<u8>,
    sent: usize,
    /// How many bytes of the server's buffer they stand for.
    stands_for: usize,
}

/// One accepted connection.
#[derive(Debug)]
pub(super) struct ConnectionStream {
    wire: Wire,
    connection: Connection,
    /// The pause before the next byte, where bytes drip.
    pause: Option<Pin<Box<Sleep>>>,
    /// The rest of a response that was changed on its way.
    substitute: Option<Substitute>,
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
        Self { wire, connection: Connection::default(), pause: None, substitute: None }
    }
}

impl Wire {
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Encrypted(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }
}

impl ConnectionStream {
    /// Sends the changed response, and answers for the bytes that it stands for.
    fn send_substitute(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        while let Some(Substitute { bytes, sent, stands_for }) = &mut self.substitute {
            let rest = bytes.get(*sent..).unwrap_or_default();
            if rest.is_empty() {
                let stands_for = *stands_for;
                self.substitute = None;
                return Poll::Ready(Ok(stands_for));
            }
            *sent += ready!(self.wire.poll_write(cx, rest))?;
        }
        Poll::Ready(Ok(0))
    }
}

impl Drop for ConnectionStream {
    fn drop(&mut self) {
        if self.connection.is_reset() {
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
        if self.substitute.is_none() {
            self.substitute = self.connection.with_another_length(buffer).map(|bytes| Substitute {
                bytes,
                sent: 0,
                stands_for: buffer.len(),
            });
        }
        if self.substitute.is_some() {
            return self.send_substitute(cx);
        }
        let admitted = match self.connection.admit(buffer) {
            Ok(bytes) => buffer.get(..bytes).unwrap_or(buffer),
            Err(cut) => {
                // What was admitted before may wait to be encrypted.
                if !self.connection.is_reset() && self.as_mut().poll_flush(cx).is_pending() {
                    return Poll::Pending;
                }
                return Poll::Ready(Err(cut));
            }
        };
        let written = self.wire.poll_write(cx, admitted);
        if let Poll::Ready(Ok(bytes)) = written {
            self.connection.sent(bytes);
            let drip = self.connection.state().drip;
            self.pause = drip.map(|pause| Box::pin(tokio::time::sleep(pause)));
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Encrypted(stream) => Pin::new(stream).poll_flush(cx),
        };
        match flushed {
            Poll::Ready(Ok(())) if self.connection.is_reset() => {
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
            flushed => flushed,
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
