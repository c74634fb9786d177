//! Places for connections: so many at one time, and one that only waits for its peer gives way to a new one. Silent and
//! slow peers of any number do not block the daemon for the others.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::task::{AbortHandle, JoinSet};

/// The connections of one listener, each a task.
#[derive(Debug)]
pub(super) struct Seats {
    most: usize,
    tasks: JoinSet<()>,
    /// The oldest first.
    taken: Vec<Seat>,
}

#[derive(Debug)]
struct Seat {
    task: AbortHandle,
    work: Work,
}

/// Whether a connection is being answered at this moment; it waits for its peer otherwise.
#[derive(Clone, Debug, Default)]
pub(super) struct Work(Arc<AtomicBool>);

impl Work {
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

impl Seats {
    /// `most` connections at one time.
    pub(super) fn new(most: usize) -> Self {
        Self { most, tasks: JoinSet::new(), taken: Vec::new() }
    }

    /// Starts a connection. Where no seat is free, the oldest connection that waits for its peer is closed; where all are being
    /// answered, the oldest of all.
    pub(super) fn take(&mut self, start: impl FnOnce(&mut JoinSet<()>, Work) -> AbortHandle) {
        self.taken.retain(|seat| !seat.task.is_finished());
        if self.taken.len() >= self.most {
            let oldest = self.taken.iter().position(|seat| !seat.work.is_under_way()).unwrap_or(0);
            self.taken.remove(oldest).task.abort();
        }
        let work = Work::default();
        let task = start(&mut self.tasks, work.clone());
        self.taken.push(Seat { task, work });
    }

    /// Waits for the end of a connection; for ever where there is none.
    pub(super) async fn one_ends(&mut self) {
        if self.tasks.join_next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for the end of all connections.
    pub(super) async fn all_end(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a seat with a task that ends when the test does.
    fn sit(seats: &mut Seats) -> (AbortHandle, Work) {
        let mut seat = None;
        seats.take(|tasks, work| {
            let task = tasks.spawn(std::future::pending());
            seat = Some((task.clone(), work));
            task
        });
        seat.expect("started")
    }

    #[tokio::test]
    async fn the_oldest_that_waits_gives_way_and_one_that_is_answered_stays() {
        let mut seats = Seats::new(3);
        let (answered, work) = sit(&mut seats);
        work.0.store(true, Ordering::Relaxed);
        let (waiting, _) = sit(&mut seats);
        let (later, _) = sit(&mut seats);
        sit(&mut seats);
        seats.one_ends().await;
        assert_eq!([&answered, &waiting, &later].map(AbortHandle::is_finished), [false, true, false]);
        sit(&mut seats);
        seats.one_ends().await;
        assert_eq!([&answered, &later].map(AbortHandle::is_finished), [false, true]);
    }

    #[tokio::test]
    async fn where_all_are_answered_the_oldest_gives_way() {
        let mut seats = Seats::new(2);
        let both = [sit(&mut seats), sit(&mut seats)];
        for (_, work) in &both {
            work.0.store(true, Ordering::Relaxed);
        }
        sit(&mut seats);
        seats.one_ends().await;
        assert_eq!(both.map(|(task, _)| task.is_finished()), [true, false]);
    }
}
