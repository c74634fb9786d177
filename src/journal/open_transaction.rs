//! A transaction on a connection, and the fate of the connection after it.

use sqlx::Executor;
use tracing::Instrument as _;

use super::{
    commit_group::{BEGIN_TURN, CommitGroup, END_TURN, Turn, undo_turn},
    connections::{Borrowed, Connections},
};

/// A transaction on a borrowed connection. After an error or a cancellation, the connection is closed: `SQLite` ends a
/// transaction by itself if the disk is full, and the next user of the connection would get the error that a
/// transaction is open (<https://github.com/launchbadge/sqlx/issues/3932>).
pub(super) struct OpenTransaction<D: sqlx::Database>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    connection: Option<Borrowed<D>>,
    state: TransactionState,
    /// The turn in a transaction that the writers of a group share; `None` if this one is alone.
    shared: Option<(CommitGroup<D>, Turn<D>)>,
}

/// What happens to the connection when the value is dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TransactionState {
    /// Every operation so far succeeded: the transaction is rolled back and the connection goes back.
    Open,
    /// An operation is in progress, or failed: the connection is closed.
    Broken,
    /// No transaction is open: the connection goes back.
    Ended,
}

impl<D: sqlx::Database> OpenTransaction<D>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    pub(super) async fn begin(connections: &Connections<D>, statement: &'static str) -> Result<Self, sqlx::Error> {
        Self { connection: Some(connections.borrow().await?), state: TransactionState::Broken, shared: None }
            .begun(statement)
            .await
    }

    /// A connection for one statement, which is a transaction by itself.
    pub(super) async fn for_statement(connections: &Connections<D>) -> Result<Self, sqlx::Error> {
        Ok(Self { connection: Some(connections.borrow().await?), state: TransactionState::Ended, shared: None })
    }

    /// Waits for a turn in the transaction that the writers of the group share; begins it if none is open.
    pub(super) async fn join(
        group: &CommitGroup<D>,
        connections: &Connections<D>,
        statement: &'static str,
    ) -> Result<Self, sqlx::Error> {
        let mut turn = group.turn().await;
        let (connection, statement) = match turn.connection.take() {
            Some(open) => (open, BEGIN_TURN),
            None => (connections.borrow().await?, statement),
        };
        let shared = Some((group.clone(), turn));
        Self { connection: Some(connection), state: TransactionState::Broken, shared }.begun(statement).await
    }

    async fn begun(mut self, statement: &'static str) -> Result<Self, sqlx::Error> {
        self.script(statement).await?;
        self.state = TransactionState::Open;
        Ok(self)
    }

    /// Passes the connection to `operation`; there is no other access to it.
    pub(super) async fn run<T>(
        &mut self,
        operation: impl AsyncFnOnce(&mut D::Connection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let before = std::mem::replace(&mut self.state, TransactionState::Broken);
        let connection = self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let answer = operation(connection.connection()?).await?;
        self.state = before;
        Ok(answer)
    }

    pub(super) async fn script(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        self.run(async |connection| sqlx::raw_sql(sql).execute(connection).await).await.map(drop)
    }

    /// Commits, and returns when that is durable.
    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        match &self.shared {
            None => self.script("commit").await?,
            Some((_, turn)) if turn.is_first() => {}
            Some(_) => self.script(END_TURN).await?,
        }
        self.state = TransactionState::Ended;
        let Some((group, mut turn)) = self.shared.take() else { return Ok(()) };
        turn.connection = self.connection.take();
        group.commit(turn).await
    }
}

impl<D: sqlx::Database> Drop for OpenTransaction<D>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        match (self.state, self.shared.take()) {
            (TransactionState::Ended, _) => {}
            (_, Some((_, turn))) => {
                // After a statement that was abandoned, it may take long until the connection comes back.
                if self.state == TransactionState::Open && turn.is_first() {
                    connection.is_ending();
                }
                drop(tokio::spawn(undo_turn(turn, connection).in_current_span()));
            }
            (TransactionState::Open, None) => {
                connection.is_ending();
                drop(tokio::spawn(roll_back(connection).in_current_span()));
            }
            (TransactionState::Broken, None) => connection.close(),
        }
    }
}

/// Rolls a transaction back; closes the connection if that fails.
async fn roll_back<D: sqlx::Database>(mut connection: Borrowed<D>)
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    if let Err(error) = run_script(&mut connection, "rollback").await {
        tracing::debug!(%error, "a connection to the state is closed: its transaction could not be rolled back");
        connection.close();
    }
}

/// Runs statements without values on a connection.
pub(super) async fn run_script<D: sqlx::Database>(
    connection: &mut Borrowed<D>,
    sql: &'static str,
) -> Result<(), sqlx::Error>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    sqlx::raw_sql(sql).execute(connection.connection()?).await.map(drop)
}
