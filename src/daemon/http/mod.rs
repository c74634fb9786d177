//! What the daemon shows over HTTP: health for a supervisor, metrics for Prometheus, and a page for people.
//!
//! | file | what lives there |
//! |---|---|
//! | `connection` | connections that end when the peer sends too much or is silent for too long |
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

use std::{future::Future, io, time::Duration};

use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    time::sleep,
};

use crate::{
    domain::{Explanation, OperatorGroupName},
    journal::Journal,
};

use super::Board;
use connection::BoundedListener;

/// How long answers under way may take once the daemon was told to stop. It leaves within 10 s, runs included.
const FAREWELL: Duration = Duration::from_secs(2);

/// What is shown, and who answers questions.
#[derive(Clone)]
pub struct HttpState {
    /// What is known of the daemon at this moment.
    pub board: Board,
    /// What is known of earlier runs; only read here.
    pub journal: Journal,
    /// Where questions about people go; the loop answers them between its other work.
    pub questions: mpsc::Sender<Question>,
}

/// Why is, or is not, this person in this group, or in any?
#[derive(Debug)]
pub struct Question {
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
    let router = router::router(state, listener.local_addr()?);
    let (stopped, mut told) = watch::channel(false);
    let until_stopped = async move {
        stop.await;
        stopped.send_replace(true);
    };
    let serving = axum::serve(BoundedListener::new(listener), router).with_graceful_shutdown(until_stopped);
    let farewell = async {
        // An error means that the server is gone, and its result is there.
        if told.wait_for(|is_stopped| *is_stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
        sleep(FAREWELL).await;
    };
    tokio::select! {
        served = async { serving.await } => served,
        () = farewell => Ok(()),
    }
}
