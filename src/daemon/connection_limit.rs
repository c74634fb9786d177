//! Places for connections: so many at one time, and one that only waits for its peer gives way to a new one. Silent and
//! slow peers of any number do not block the daemon for the others.

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

/// Whether a connection is being answered at this moment; it waits for its peer otherwise.
#[derive(Clone, Debug, Default)]
pub(super) struct BusyFlag(Arc<AtomicBool>);

impl BusyFlag {
    /// Counts as an answer for as long as the future runs.
    pub(super) async fn during<T>(&self, answer: impl Future<Output = T>) -> T {
        self.0.store(true, Ordering::Relaxed);
        let answered = answer.await;
        self.0.store(false, Ordering::Relaxed);
        answered
    }

    fn is_under_way(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl ConnectionLimit {
    /// `most` connections at one time.
    pub(super) fn new(most: usize) -> Self {
        Self { most, tasks: JoinSet::new(), open: Vec::new() }
    }

    /// Starts a connection. Where no seat is free, the oldest connection that waits for its peer is closed; where all are being
    /// answered, the oldest of all.
    pub(super) fn admit(&mut self, start: impl FnOnce(&mut JoinSet<()>, BusyFlag) -> AbortHandle) {
        self.open.retain(|connection| !connection.task.is_finished());
        if self.open.len() >= self.most {
            let oldest = self.open.iter().position(|connection| !connection.busy.is_under_way()).unwrap_or(0);
            self.open.remove(oldest).task.abort();
        }
        let busy = BusyFlag::default();
        let task = start(&mut self.tasks, busy.clone());
        self.open.push(OpenConnection { task, busy });
    }

    /// Waits for the end of a connection; for ever where there is none.
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
    async fn the_oldest_that_waits_gives_way_and_one_that_is_answered_stays() {
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
    async fn where_all_are_answered_the_oldest_gives_way() {
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
