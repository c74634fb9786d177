//! The answers to questions about a person, from the page and from the control socket.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::{journal::Journal, settings::Settings, sync};

use super::Question;

/// Answers one question after the other: each costs calls of the vendor.
pub(super) async fn answer(
    mut questions: mpsc::Receiver<Question>,
    journal: Journal,
    settings: watch::Receiver<Arc<Settings>>,
) {
    while let Some(question) = questions.recv().await {
        // Whoever gave up waiting needs no calls.
        if question.reply.is_closed() {
            continue;
        }
        let options = settings.borrow().sync_options();
        let answer = sync::explain(&options, Some(&journal), &question.person, question.group.as_ref()).await;
        let _ = question.reply.send(answer);
    }
}
