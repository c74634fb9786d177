//! Stop requests: a run finishes the change in progress and begins nothing more.

use tokio::sync::watch;

/// Sends a stop request to the runs that hold its [`Stop`]s.
#[derive(Debug)]
pub struct StopSwitch(watch::Sender<bool>);

/// Shows a run whether a stop was requested.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl StopSwitch {
    /// A switch, and the [`Stop`] that it controls.
    pub fn new() -> (Self, Stop) {
        let (send, receive) = watch::channel(false);
        (Self(send), Stop(receive))
    }

    /// Requests the stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// A stop that is never requested.
    pub fn never() -> Self {
        StopSwitch::new().1
    }

    /// Whether a stop was requested.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until a stop is requested.
    pub async fn requested(&self) {
        let mut receive = self.0.clone();
        if receive.wait_for(|asked| *asked).await.is_err() {
            // The switch was dropped: no stop can be requested any more.
            std::future::pending::<()>().await;
        }
    }
}
