//! One commit for what several writers of this process finish at the same time. To make a commit durable takes the disk
//! some milliseconds, whatever it contains: instances side by side would wait for each other's.
//!
//! Writers take turns in one transaction of the database. Each has a savepoint of its own, so that what it did can be
//! undone alone, and its commit returns only when the whole transaction is durable. Who finishes queues
//! behind the writers that wait already; the first to come round again commits for all that finished by then.

use std::{mem, sync::Arc};

use sqlx::Executor;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use super::{DatabaseFault, connections::Borrowed, open_transaction::run_script};

/// The part of a writer in the shared transaction, unless it is the first in it.
pub(super) const BEGIN_TURN: &str = "savepoint turn";
pub(super) const END_TURN: &str = "release turn";
const UNDO_TURN: &str = "rollback to turn; release turn";

/// The turn of one writer in the shared transaction.
pub(super) type Turn<D> = OwnedMutexGuard<SharedTransaction<D>>;

/// The writers of one database in this process. Clones share one transaction.
pub(super) struct CommitGroup<D: sqlx::Database>(Arc<Mutex<SharedTransaction<D>>>);

/// The transaction that writers share, between two of them.
pub(super) struct SharedTransaction<D: sqlx::Database> {
    /// Its connection; `None` if no transaction is open.
    pub(super) connection: Option<Borrowed<D>>,
    /// Those who finished and wait until it is durable.
    finished: Vec<oneshot::Sender<Result<(), DatabaseFault>>>,
}

impl<D: sqlx::Database> Clone for CommitGroup<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<D: sqlx::Database> Default for CommitGroup<D> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(SharedTransaction { connection: None, finished: Vec::new() })))
    }
}

impl<D: sqlx::Database> CommitGroup<D>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    /// Waits for the turn of this writer.
    pub(super) async fn turn(&self) -> Turn<D> {
        Arc::clone(&self.0).lock_owned().await
    }

    /// Ends a turn whose changes are to be committed, and waits until they are durable.
    pub(super) async fn commit(&self, turn: Turn<D>) -> Result<(), sqlx::Error> {
        let durable = self.finish(turn);
        let answer = durable.await.unwrap_or_else(|_| Err(DatabaseFault::of(sqlx::Error::PoolClosed)));
        answer.map_err(DatabaseFault::into_error)
    }

    /// Ends a turn. The commit is a task of its own: a writer that is cancelled now takes no other's changes along.
    fn finish(&self, mut turn: Turn<D>) -> oneshot::Receiver<Result<(), DatabaseFault>> {
        let (sender, receiver) = oneshot::channel();
        turn.finished.push(sender);
        drop(turn);
        let group = self.clone();
        tokio::spawn(async move { group.turn().await.commit_all().await });
        receiver
    }
}

/// Undoes what the writer did in its turn, over the connection of the shared transaction.
pub(super) async fn undo_turn<D: sqlx::Database>(mut turn: Turn<D>, connection: Borrowed<D>)
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    turn.undo(connection).await;
}

impl<D: sqlx::Database> SharedTransaction<D>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    /// Commits the open transaction, if there is one, and tells all who finished.
    async fn commit_all(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let answer = run_script(&mut connection, "commit").await.map_err(DatabaseFault::of);
        // It has come back when the next writer asks for it.
        match answer {
            Ok(()) => drop(connection),
            Err(_) => connection.close(),
        }
        self.tell(&answer);
    }

    /// Whether no other writer has finished in the open transaction.
    pub(super) fn is_first(&self) -> bool {
        self.finished.is_empty()
    }

    /// Undoes what the writer of this turn did, and leaves what others finished. After some errors `SQLite` has undone
    /// the whole transaction by itself (<https://www.sqlite.org/lang_transaction.html>): then none has committed.
    async fn undo(&mut self, mut connection: Borrowed<D>) {
        let undo = if self.is_first() { "rollback" } else { UNDO_TURN };
        match run_script(&mut connection, undo).await {
            Ok(()) if self.is_first() => {}
            Ok(()) => self.connection = Some(connection),
            Err(error) => {
                tracing::debug!(%error, "a connection to the state is closed: its transaction could not be rolled back");
                connection.close();
                self.tell(&Err(DatabaseFault::of(error)));
            }
        }
    }

    fn tell(&mut self, answer: &Result<(), DatabaseFault>) {
        for waiting in mem::take(&mut self.finished) {
            // No receiver waits if the writer was cancelled.
            let _ = waiting.send(answer.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Poll};

    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
    use tokio::task::JoinHandle;

    use super::{
        super::{connections::Connections, open_transaction::OpenTransaction},
        *,
    };

    /// A state file with one table, and the writers of one process.
    struct World {
        connections: Connections<sqlx::Sqlite>,
        group: CommitGroup<sqlx::Sqlite>,
        #[expect(dead_code, reason = "deleted when it is dropped")]
        folder: tempfile::TempDir,
    }

    impl World {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let options = SqliteConnectOptions::new().filename(folder.path().join("state.db")).create_if_missing(true);
            let options = options.journal_mode(SqliteJournalMode::Wal).foreign_keys(true);
            let pool = SqlitePoolOptions::new().max_connections(3).connect_with(options).await.unwrap();
            let tables = "create table seen (writer text not null unique); create table owner (id integer primary key);
                          create table owned (owner integer references owner (id) deferrable initially deferred)";
            sqlx::raw_sql(tables).execute(&pool).await.unwrap();
            Self { connections: Connections::to_file(pool), group: CommitGroup::default(), folder }
        }

        async fn join(&self) -> OpenTransaction<sqlx::Sqlite> {
            OpenTransaction::join(&self.group, &self.connections, "begin immediate").await.unwrap()
        }

        /// A writer that waits for its turn behind those that wait already, runs the statement and commits.
        async fn queued(&self, statement: &'static str) -> JoinHandle<Result<(), sqlx::Error>> {
            let (group, connections) = (self.group.clone(), self.connections.clone());
            let writer = tokio::spawn(async move {
                let mut open = OpenTransaction::join(&group, &connections, "begin immediate").await?;
                open.script(statement).await?;
                open.commit().await
            });
            tokio::task::yield_now().await;
            writer
        }

        /// What another process would see.
        async fn durable(&self) -> Vec<String> {
            sqlx::query_scalar("select writer from seen order by writer")
                .fetch_all(self.connections.pool())
                .await
                .unwrap()
        }
    }

    #[tokio::test]
    async fn who_finishes_while_others_wait_commits_with_them() {
        let world = World::new().await;
        let mut first = world.join().await;
        let second = world.queued("insert into seen values ('second')").await;
        let (group, connections) = (world.group.clone(), world.connections.clone());
        let last = tokio::spawn(async move { OpenTransaction::join(&group, &connections, "begin immediate").await });
        tokio::task::yield_now().await;
        first.script("insert into seen values ('first')").await.unwrap();
        let first = tokio::spawn(first.commit());
        let mut last = last.await.unwrap().unwrap();
        assert_eq!(world.durable().await, Vec::<String>::new(), "nothing is durable before the last has finished");
        assert!(!first.is_finished() && !second.is_finished(), "no commit returns before");
        last.script("insert into seen values ('third')").await.unwrap();
        last.commit().await.unwrap();
        first.await.unwrap().unwrap();
        second.await.unwrap().unwrap();
        assert_eq!(world.durable().await, ["first", "second", "third"]);
    }

    #[tokio::test]
    async fn a_writer_that_fails_or_gives_up_takes_no_other_along() {
        let world = World::new().await;
        let mut first = world.join().await;
        let twice = world.queued("insert into seen values ('second'); insert into seen values ('first')").await;
        let third = world.queued("insert into seen values ('third')").await;
        first.script("insert into seen values ('first')").await.unwrap();
        first.commit().await.unwrap();
        assert!(twice.await.unwrap().unwrap_err().to_string().contains("UNIQUE constraint failed"));
        third.await.unwrap().unwrap();
        let mut given_up = world.join().await;
        given_up.script("insert into seen values ('fourth')").await.unwrap();
        drop(given_up);
        drop(world.join().await);
        assert_eq!(world.durable().await, ["first", "third"]);
    }

    #[tokio::test]
    async fn a_commit_that_fails_fails_for_all_who_wait_for_it() {
        let world = World::new().await;
        let mut first = world.join().await;
        let orphan = world.queued("insert into owned values (7)").await;
        first.script("insert into seen values ('first')").await.unwrap();
        let error = first.commit().await.unwrap_err();
        assert!(format!("{error:?}").contains("FOREIGN KEY constraint failed"), "{error:?}");
        assert!(orphan.await.unwrap().is_err());
        assert_eq!(world.durable().await, Vec::<String>::new());
        let next = world.queued("insert into seen values ('next')").await;
        next.await.unwrap().unwrap();
        assert_eq!(world.durable().await, ["next"]);
    }

    #[tokio::test]
    async fn a_writer_that_is_cancelled_while_it_commits_blocks_no_other() {
        let world = World::new().await;
        let mut first = world.join().await;
        first.script("insert into seen values ('first')").await.unwrap();
        let mut commit = Box::pin(first.commit());
        let is_pending = poll_fn(|context| Poll::Ready(commit.as_mut().poll(context).is_pending())).await;
        assert!(is_pending, "the commit is cancelled before it returns");
        drop(commit);
        let next = world.queued("insert into seen values ('next')").await;
        next.await.unwrap().unwrap();
        assert_eq!(world.durable().await, ["first", "next"]);
    }
}
