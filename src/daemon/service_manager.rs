//! What systemd is told: that the daemon is ready, what it does, and that it goes on. Without systemd nobody is told.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Instant, sleep_until};

use crate::domain::printable;

/// Three times within the span of the watchdog: two may be late.
const PINGS: u32 = 3;

/// The service manager that started this process, if one did.
#[derive(Debug)]
pub(super) struct ServiceManager {
    shown: String,
    /// How often it is told that the daemon goes on, and when next; `None` when it does not watch.
    pings: Option<(Duration, Instant)>,
}

impl ServiceManager {
    pub(super) fn of_process() -> Self {
        let pings = sd_notify::watchdog_enabled().map(|span| (span / PINGS, Instant::now()));
        Self { shown: String::new(), pings }
    }

    /// The daemon has started, or has read its configuration again.
    pub(super) fn ready() {
        notify(&[NotifyState::Ready]);
    }

    /// The configuration is being read again; the time tells this from an older message (`man 3 sd_notify`).
    pub(super) fn reloading() {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => notify(&[NotifyState::Reloading, now]),
            Err(_) => notify(&[NotifyState::Reloading]),
        }
    }

    /// The daemon ends.
    pub(super) fn stopping() {
        notify(&[NotifyState::Stopping]);
    }

    /// Shows what the daemon does, in words; the same words are sent once.
    pub(super) fn show(&mut self, words: &str) {
        if self.shown != words {
            // A line end would begin another field of the message.
            notify(&[NotifyState::Status(&printable(words))]);
            words.clone_into(&mut self.shown);
        }
    }

    /// Says that the daemon goes on, when it is time to. Called by the loop itself, so that a loop that hangs is found out.
    pub(super) fn ping(&mut self) {
        let now = Instant::now();
        if let Some((span, next)) = &mut self.pings
            && *next <= now
        {
            notify(&[NotifyState::Watchdog]);
            *next = now + *span;
        }
    }

    /// Passes over a ping: whoever does not go on must not say so.
    pub(super) fn keep_silent(&mut self) {
        if let Some((span, next)) = &mut self.pings {
            *next = Instant::now() + *span;
        }
    }

    /// Waits until it is time for a ping; for ever where nobody watches.
    pub(super) async fn ping_is_due(&self) {
        match self.pings {
            Some((_, next)) => sleep_until(next).await,
            None => std::future::pending().await,
        }
    }
}

fn notify(message: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(message) {
        tracing::debug!(%error, "the service manager could not be told");
    }
}
