//! Telling a run to stop: what it has in hand is finished, and nothing more is begun.

use tokio::sync::watch;

/// Tells the runs that hold its [`Stop`]s to stop.
#[derive(Debug)]
pub struct StopSwitch(watch::Sender<bool>);

/// What a run looks at to see whether it was told to stop.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl StopSwitch {
    /// A switch, and what it switches.
    pub fn new() -> (Self, Stop) {
        let (send, receive) = watch::channel(false);
        (Self(send), Stop(receive))
    }

    /// Tells all of them to stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Nobody ever says stop.
    pub fn never() -> Self {
        StopSwitch::new().1
    }

    /// Whether somebody said stop.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until somebody says stop.
    pub async fn requested(&self) {
        let mut receive = self.0.clone();
        if receive.wait_for(|asked| *asked).await.is_err() {
            // The switch is gone, and with it whoever could have used it.
            std::future::pending::<()>().await;
        }
    }
}
