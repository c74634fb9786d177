//! The answers to questions about a person, from the page and from the control socket.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::{journal::Journal, settings::Settings, sync};

use super::ExplainRequest;

/// Answers one question after the other: each costs calls of the vendor.
pub(super) async fn answer_requests(
    mut explain_requests: mpsc::Receiver<ExplainRequest>,
    journal: Journal,
    settings: watch::Receiver<Arc<Settings>>,
) {
    while let Some(request) = explain_requests.recv().await {
        // Whoever gave up waiting needs no calls.
        if request.reply.is_closed() {
            continue;
        }
        let options = settings.borrow().sync_options();
        let answer = sync::explain(&options, Some(&journal), &request.person, request.group.as_ref()).await;
        let _ = request.reply.send(answer);
    }
}
