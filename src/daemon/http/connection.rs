//! Connections with bounds in number, time and memory: no client blocks health and metrics for the others.

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

/// How long a peer may take for the address and the headers of a request, and how long it may stay silent between two. Prometheus
/// and supervisors send theirs at once, and open a new connection when they ask once a minute.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes that are kept of a request; more is refused. Browsers and Prometheus send less than 2 KiB.
const MOST_BYTES: usize = 32 * 1024;

/// How long a connection is used; the answer under way is finished first.
const LIFETIME: Duration = Duration::from_secs(60);

/// How long the last answer of a connection may take: longer than a question about a person (30 s).
const LAST_ANSWER: Duration = Duration::from_secs(40);

/// Connections at one time.
const MOST_CONNECTIONS: usize = 64;

/// The pause after a connection that could not be accepted: without a free file handle the next fails at once as well.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Answers until `stopped`, and then until every answer under way is sent.
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
                    tracing::debug!(%error, "a connection to http.listen was lost");
                    sleep(ACCEPT_RETRY_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    connections.all_closed().await;
}

async fn connection(stream: TcpStream, router: Arc<Router>, busy: BusyFlag, mut closing: watch::Receiver<bool>) {
    // Small answers must not wait for more; a connection where this fails still works.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request: Request<Incoming>| {
        let (router, busy) = (Arc::clone(&router), busy.clone());
        async move {
            // No answer depends on a body: what is left of one ends the connection.
            let (head, _body) = request.into_parts();
            Ok::<_, Infallible>(busy.during(router.handle(&head)).await)
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MOST_BYTES);
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // What is wrong with a peer is no business of the log.
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
