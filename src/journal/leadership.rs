//! The election of the leader among several nodes: the leader holds a lock of the database that they share. The server
//! releases the lock when the session of the leader ends.

use std::io;

use secrecy::SecretString;
use sqlx::{Connection as _, Either, PgConnection};
use tokio::time::timeout;

use super::{
    Journal, JournalError, JournalLocation, Leadership,
    database::{connect_error, open_error},
    server::{KEEPALIVE, server},
    server_lock::{PATIENCE, Purpose, ServerLock},
};

/// The row of the table `meta` in which the leader writes its name.
pub(super) const LEADER: &str = "leader";

/// The application name of the session on the server (`pg_stat_activity`).
const SESSION: &str = "campaign-group-sync leader";

/// The result of an attempt to lead.
#[derive(Debug)]
pub enum Election {
    /// This node leads until the leadership is lost or given back.
    Leader(Leadership),
    /// Another node leads: its name, if it has written it.
    Follower(Option<String>),
}

/// A node that wants to lead.
pub struct Candidate {
    journal: Journal,
    address: SecretString,
    node: String,
    /// Kept between attempts, because the server starts a process for each session.
    session: Option<PgConnection>,
    is_prepared: bool,
}

impl Journal {
    /// Makes a candidate with this name; `None` for a file, which only one node uses.
    pub fn candidate(&self, node: &str) -> Option<Candidate> {
        let JournalLocation::Postgres(address) = &self.location else { return None };
        let (journal, address) = (self.clone(), address.clone());
        Some(Candidate { journal, address, node: node.to_owned(), session: None, is_prepared: false })
    }

    /// Returns the journal for runs of the leader: such a run gets no lock without the leadership, and loses its lock
    /// with it.
    #[must_use]
    pub fn with_leadership(&self, leadership: &Leadership) -> Self {
        let mut led = self.clone();
        led.leadership = Some(leadership.clone());
        led
    }
}

impl Candidate {
    /// Tries to become the leader; does not wait. The first attempt that reaches the server creates and migrates the
    /// tables.
    pub async fn try_to_lead(&mut self) -> Result<Election, JournalError> {
        // Taken out of the candidate: if this attempt is cancelled, the session may hold the lock or not, and dropping
        // it ends it.
        let session = self.session.take();
        let late = || open_error(io::Error::new(io::ErrorKind::TimedOut, "the server does not answer").into());
        timeout(PATIENCE, self.attempt(session)).await.unwrap_or_else(|_elapsed| Err(late()))
    }

    async fn attempt(&mut self, session: Option<PgConnection>) -> Result<Election, JournalError> {
        let session = match session {
            Some(session) => session,
            None => self.connect().await?,
        };
        if self.is_prepared {
            self.journal.require_current_schema().await?;
        } else {
            self.journal.prepare(&self.address).await?;
            self.is_prepared = true;
        }
        match ServerLock::try_take(session, Purpose::Leader).await? {
            Either::Left(session) => {
                self.journal.write_name(LEADER, &self.node).await?;
                Ok(Election::Leader(Leadership::new(session)))
            }
            Either::Right(session) => {
                self.session = Some(session);
                self.leader().await.map(Election::Follower)
            }
        }
    }

    async fn connect(&self) -> Result<PgConnection, JournalError> {
        let (options, _) = server(&self.address)?;
        let options = options.options(KEEPALIVE).application_name(SESSION);
        PgConnection::connect_with(&options).await.map_err(connect_error(&options))
    }

    /// For a moment after a change of the leader, this may still be the name of the previous one.
    async fn leader(&self) -> Result<Option<String>, JournalError> {
        let rows = self.journal.query().await?.rows("select value from meta where name = $1", [LEADER.into()]).await?;
        Ok(rows.first().map(|row| row.optional_text(0)).transpose()?.flatten())
    }
}
