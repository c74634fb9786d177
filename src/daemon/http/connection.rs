//! Connections that end when the peer sends too much or is silent for too long: nobody can fill the memory of the daemon,
//! or its table of files, by asking.

use std::{
    future::Future as _,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::serve::Listener;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep},
};

/// Bytes of one request, its body included, after which the connection ends. Browsers and Prometheus send less than 2 KiB.
const MOST_BYTES: usize = 32 * 1024;

/// How long a connection may be silent in both directions; longer than a question about a person takes (30 s), and
/// longer than the minute after which Prometheus asks again.
const PATIENCE: Duration = Duration::from_secs(75);

/// Connections at one time; more wait to be accepted.
const MOST_CONNECTIONS: usize = 64;

/// Accepts connections with bounds.
#[derive(Debug)]
pub(super) struct BoundedListener {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl BoundedListener {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(MOST_CONNECTIONS)) }
    }
}

impl Listener for BoundedListener {
    type Io = BoundedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        // Nobody closes the semaphore, so that there is always a place in the end.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Small answers must not wait for more; a connection where this fails still works.
        drop(stream.set_nodelay(true));
        (BoundedStream { stream, received: 0, silence: Box::pin(sleep(PATIENCE)), _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// One connection with bounds.
#[derive(Debug)]
pub(super) struct BoundedStream {
    stream: TcpStream,
    /// Bytes received since the last answer.
    received: usize,
    silence: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl BoundedStream {
    fn is_heard(&mut self) {
        self.silence.as_mut().reset(Instant::now() + PATIENCE);
    }
}

impl AsyncRead for BoundedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let Poll::Ready(result) = Pin::new(&mut self.stream).poll_read(cx, buffer) else {
            return self.silence.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()));
        };
        self.received += buffer.filled().len() - before;
        if self.received > MOST_BYTES {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        // Bytes alone do not count as being heard: who sends one a minute would stay for ever.
        Poll::Ready(result)
    }
}

impl AsyncWrite for BoundedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buffer);
        if matches!(written, Poll::Ready(Ok(_))) {
            self.received = 0;
            self.is_heard();
        } else if self.silence.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
