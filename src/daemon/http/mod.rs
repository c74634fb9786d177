//! What the daemon shows over HTTP: health for a supervisor, metrics for Prometheus, and a page for people.
//!
//! | file | what lives there |
//! |---|---|
//! | `connection` | connections with bounds in number, time and memory |
//! | `host` | which names a request may be addressed to |
//! | `router` | what is asked, and the headers of every answer |
//! | `readiness` | whether the daemon does its work |
//! | `metrics` | what is known of the daemon as numbers |
//! | `exposition` | the older of the two text forms of metrics |
//! | `page` | the page |

mod connection;
mod exposition;
mod host;
mod metrics;
mod page;
mod readiness;
mod router;

use std::{future::Future, io, pin::pin, time::Duration};

use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

use crate::{
    domain::{Explanation, OperatorGroupName},
    journal::Journal,
};

use super::DaemonState;
use router::Router;

/// How long answers under way may take once the daemon was told to stop. It leaves within 10 s, runs included.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// What is shown, and who answers questions.
#[derive(Clone)]
pub struct HttpState {
    /// What is known of the daemon at this moment.
    pub daemon_state: DaemonState,
    /// What is known of earlier runs; only read here.
    pub journal: Journal,
    /// Where questions about people go; the loop answers them between its other work.
    pub explain_requests: mpsc::Sender<ExplainRequest>,
}

/// Why is, or is not, this person in this group, or in any?
#[derive(Debug)]
pub struct ExplainRequest {
    /// Whom it is about, as typed.
    pub person: String,
    /// The only group that matters; `None` for all.
    pub group: Option<OperatorGroupName>,
    /// Where the answer goes; dropped when there is none.
    pub reply: oneshot::Sender<Explanation>,
}

/// Serves until `stop` ends, then for two more seconds at most, for answers under way.
pub async fn serve(
    listener: TcpListener,
    state: HttpState,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = Router::new(state, listener.local_addr()?);
    let (stopped, stop_signal) = watch::channel(false);
    let mut serving = pin!(connection::serve(listener, router, stop_signal));
    tokio::select! {
        () = &mut serving => return Ok(()),
        () = stop => {}
    }
    stopped.send_replace(true);
    // What is not sent by then is not waited for.
    let _ = timeout(SHUTDOWN_TIMEOUT, serving).await;
    Ok(())
}
