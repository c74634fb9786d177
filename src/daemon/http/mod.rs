//! The HTTP server of the daemon: health for a supervisor, metrics for Prometheus, and the status page for
//! administrators.
//!
//! | file | what lives there |
//! |---|---|
//! | `connection` | connections, limited in number, time and memory |
//! | `host` | the host names that a request may be addressed to |
//! | `router` | the resources, and the headers of every response |
//! | `readiness` | whether the daemon is ready |
//! | `metrics` | the metrics |
//! | `exposition` | the older text format of the metrics |
//! | `page` | the status page and the pages of runs |

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
pub(crate) use page::PageText;
use router::Router;

/// How long responses that are under way may take after the daemon was stopped. It ends within 10 s, runs included.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// The values that responses need.
#[derive(Clone)]
pub struct HttpState {
    /// The current state of the daemon.
    pub daemon_state: DaemonState,
    /// The journal with earlier runs; it is only read.
    pub journal: Journal,
    /// Receives requests to explain the memberships of a user.
    pub explain_requests: mpsc::Sender<ExplainRequest>,
}

/// A request to explain why a user is, or is not, a member of a group, or of any group.
#[derive(Debug)]
pub struct ExplainRequest {
    /// The user, as typed.
    pub user: String,
    /// The group to explain; `None` for all.
    pub group: Option<OperatorGroupName>,
    /// Receives the answer; dropped when there is none.
    pub reply: oneshot::Sender<Explanation>,
}

/// Serves until `stop` completes, and then for two seconds at most to finish responses that are under way.
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
    // Responses that are not sent by then are dropped.
    let _ = timeout(SHUTDOWN_TIMEOUT, serving).await;
    Ok(())
}
