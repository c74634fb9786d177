//! Explains memberships of a user for the page and for clients of the control socket.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::{journal::Journal, settings::Settings, sync};

use super::ExplainRequest;

/// Answers one request after the other, because each costs calls to Adobe.
pub(super) async fn answer_requests(
    mut explain_requests: mpsc::Receiver<ExplainRequest>,
    journal: Journal,
    settings: watch::Receiver<Arc<Settings>>,
) {
    while let Some(request) = explain_requests.recv().await {
        // The requester no longer waits: the calls are saved.
        if request.reply.is_closed() {
            continue;
        }
        let options = settings.borrow().sync_options();
        let answer = sync::explain(&options, Some(&journal), &request.user, request.group.as_ref()).await;
        let _ = request.reply.send(answer);
    }
}
