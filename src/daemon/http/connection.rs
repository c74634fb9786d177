//! HTTP connections, limited in number, time and memory, so that no client blocks health and metrics for others.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use axum::http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    super::connection_limit::{BusyFlag, ConnectionLimit},
    router::Router,
};

/// How long a client may take for the request line and the headers, and how long it may be idle between two requests.
/// Prometheus and supervisors send a request at once, and open a new connection for a request a minute later.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes of a request; more is refused. Browsers and Prometheus send less than 2 KiB.
const MOST_BYTES: usize = 32 * 1024;

/// How long a connection is used; a response that is under way is finished first.
const LIFETIME: Duration = Duration::from_secs(60);

/// How long the last response of a connection may take: longer than an explanation of a user's memberships (30 s).
const LAST_ANSWER: Duration = Duration::from_secs(40);

/// The most connections at one time.
const MOST_CONNECTIONS: usize = 64;

/// The pause after a connection that could not be accepted: without a free file descriptor the next would fail at once.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stopped`, and then until every response that is under way is sent.
pub(super) async fn serve(listener: TcpListener, router: Router, mut stopped: watch::Receiver<bool>) {
    let (router, closing) = (Arc::new(router), stopped.clone());
    let mut connections = ConnectionLimit::new(MOST_CONNECTIONS);
    loop {
        tokio::select! {
            biased;
            () = wait_for_stop(&mut stopped) => break,
            () = connections.one_closed() => {}
            peer = listener.accept() => match peer {
                Ok((stream, _)) => {
                    let (router, closing) = (Arc::clone(&router), closing.clone());
                    connections.admit(|tasks, busy| tasks.spawn(connection(stream, router, busy, closing)));
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection to http.listen could not be accepted");
                    sleep(ACCEPT_RETRY_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    connections.all_closed().await;
}

async fn connection(stream: TcpStream, router: Arc<Router>, busy: BusyFlag, mut closing: watch::Receiver<bool>) {
    // A small response must not wait for more data; a connection where this fails still works.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request: Request<Incoming>| {
        let (router, busy) = (Arc::clone(&router), busy.clone());
        async move {
            // No response depends on a request body: an unread body ends the connection.
            let (head, _body) = request.into_parts();
            Ok::<_, Infallible>(busy.during(router.handle(&head)).await)
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MOST_BYTES);
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // Errors of a client are not logged.
        _ = &mut served => return,
        () = wait_for_stop(&mut closing) => {}
        () = sleep(LIFETIME) => {}
    }
    served.as_mut().graceful_shutdown();
    let _ = timeout(LAST_ANSWER, served).await;
}

/// Waits until the daemon ends.
async fn wait_for_stop(stopped: &mut watch::Receiver<bool>) {
    // An error means that it has ended already.
    let _ = stopped.wait_for(|is_stopped| *is_stopped).await.map(drop);
}
