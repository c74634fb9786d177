//! The limit of open connections: beyond it, a new connection replaces one that only waits for its peer, so that silent and
//! slow peers do not block the daemon for others.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::task::{AbortHandle, JoinSet};

/// The connections of one listener, each a task.
#[derive(Debug)]
pub(super) struct ConnectionLimit {
    most: usize,
    tasks: JoinSet<()>,
    /// The oldest first.
    open: Vec<OpenConnection>,
}

#[derive(Debug)]
struct OpenConnection {
    task: AbortHandle,
    busy: BusyFlag,
}

/// Whether a request of a connection is being answered now; otherwise the connection waits for its peer.
#[derive(Clone, Debug, Default)]
pub(super) struct BusyFlag(Arc<AtomicBool>);

impl BusyFlag {
    /// Marks the connection as busy while the future runs.
    pub(super) async fn during<T>(&self, answer: impl Future<Output = T>) -> T {
        self.0.store(true, Ordering::Relaxed);
        let answered = answer.await;
        self.0.store(false, Ordering::Relaxed);
        answered
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl ConnectionLimit {
    /// Allows `most` connections at one time.
    pub(super) fn new(most: usize) -> Self {
        Self { most, tasks: JoinSet::new(), open: Vec::new() }
    }

    /// Starts a connection. At the limit, closes the oldest connection that waits for its peer; if all are busy, the oldest of
    /// all.
    pub(super) fn admit(&mut self, start: impl FnOnce(&mut JoinSet<()>, BusyFlag) -> AbortHandle) {
        self.open.retain(|connection| !connection.task.is_finished());
        if self.open.len() >= self.most {
            let oldest = self.open.iter().position(|connection| !connection.busy.is_set()).unwrap_or(0);
            self.open.remove(oldest).task.abort();
        }
        let busy = BusyFlag::default();
        let task = start(&mut self.tasks, busy.clone());
        self.open.push(OpenConnection { task, busy });
    }

    /// Waits for the end of a connection; without end where there is none.
    pub(super) async fn one_closed(&mut self) {
        if self.tasks.join_next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for the end of all connections.
    pub(super) async fn all_closed(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a seat with a task that ends when the test does.
    fn connect(connections: &mut ConnectionLimit) -> (AbortHandle, BusyFlag) {
        let mut connection = None;
        connections.admit(|tasks, busy| {
            let task = tasks.spawn(std::future::pending());
            connection = Some((task.clone(), busy));
            task
        });
        connection.expect("started")
    }

    #[tokio::test]
    async fn the_oldest_waiting_connection_is_closed_and_a_busy_one_stays() {
        let mut connections = ConnectionLimit::new(3);
        let (answered, busy) = connect(&mut connections);
        busy.0.store(true, Ordering::Relaxed);
        let (waiting, _) = connect(&mut connections);
        let (later, _) = connect(&mut connections);
        connect(&mut connections);
        connections.one_closed().await;
        assert_eq!([&answered, &waiting, &later].map(AbortHandle::is_finished), [false, true, false]);
        connect(&mut connections);
        connections.one_closed().await;
        assert_eq!([&answered, &later].map(AbortHandle::is_finished), [false, true]);
    }

    #[tokio::test]
    async fn if_all_connections_are_busy_the_oldest_is_closed() {
        let mut connections = ConnectionLimit::new(2);
        let both = [connect(&mut connections), connect(&mut connections)];
        for (_, busy) in &both {
            busy.0.store(true, Ordering::Relaxed);
        }
        connect(&mut connections);
        connections.one_closed().await;
        assert_eq!(both.map(|(task, _)| task.is_finished()), [true, false]);
    }
}
