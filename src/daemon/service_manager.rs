//! Messages to systemd: that the daemon is ready, what it does, and the watchdog ping. Without systemd nothing is sent.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Instant, sleep_until};

use crate::domain::printable;

/// Pings within the interval of the watchdog: two of three may be late.
const PINGS: u32 = 3;

/// The service manager that started this process, if one did.
#[derive(Debug)]
pub(super) struct ServiceManager {
    shown: String,
    /// The interval of pings, and the time of the next one; `None` where the watchdog is off.
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

    /// The daemon reads the configuration again; the time distinguishes this message from an older one (`man 3 sd_notify`).
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

    /// Sends what the daemon does, in words; the same words are sent once.
    pub(super) fn show(&mut self, words: &str) {
        if self.shown != words {
            // A line break would begin another field of the message.
            notify(&[NotifyState::Status(&printable(words))]);
            words.clone_into(&mut self.shown);
        }
    }

    /// Sends a ping when it is due. The loop itself calls this, so that the watchdog notices a loop that hangs.
    pub(super) fn ping(&mut self) {
        let now = Instant::now();
        if let Some((span, next)) = &mut self.pings
            && *next <= now
        {
            notify(&[NotifyState::Watchdog]);
            *next = now + *span;
        }
    }

    /// Skips a ping: the current run makes no progress, and the watchdog has to notice it.
    pub(super) fn skip_ping(&mut self) {
        if let Some((span, next)) = &mut self.pings {
            *next = Instant::now() + *span;
        }
    }

    /// Waits until a ping is due; without end where the watchdog is off.
    pub(super) async fn ping_is_due(&self) {
        match self.pings {
            Some((_, next)) => sleep_until(next).await,
            None => std::future::pending().await,
        }
    }
}

fn notify(message: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(message) {
        tracing::debug!(%error, "the message to systemd could not be sent");
    }
}
