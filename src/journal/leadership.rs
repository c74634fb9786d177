//! Which of several nodes leads: a lock of the database they share, held by a session of its own. The server releases it
//! when the node is gone.

use std::{fmt, io, sync::Arc, time::Duration};

use secrecy::SecretString;
use sqlx::{Connection as _, Either, PgConnection};
use tokio::{sync::Mutex, time::timeout};

use super::{
    Journal, JournalError, JournalLocation,
    database::{connect_error, open_error},
    lock::KEEPALIVE,
    open::server,
    server_lock::{Purpose, ServerLock},
};

/// Where the name of the node that leads is written.
const LEADER: &str = "leader";

/// What the session is called among those of the server (`pg_stat_activity`).
const SESSION: &str = "campaign-group-sync leader";

/// How long one attempt, or one look whether the session is still there, may take. A node that is cut off has given up
/// leading before the server, after 10 s or more, lets another one do it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How an attempt ended.
#[derive(Debug)]
pub enum Election {
    /// This node leads until the leadership is lost or given back.
    Leader(Leadership),
    /// Another node does; its name, as far as it has written it.
    Follower(Option<String>),
}

/// A node that wants to lead.
pub struct Candidate {
    journal: Journal,
    address: SecretString,
    node: String,
    /// Kept between attempts: the server starts a process for each.
    session: Option<PgConnection>,
    is_prepared: bool,
}

impl Journal {
    /// A candidate under this name; `None` for a file, which has no other nodes.
    pub fn candidate(&self, node: &str) -> Option<Candidate> {
        let JournalLocation::Postgres(address) = &self.location else { return None };
        let (journal, address) = (self.clone(), address.clone());
        Some(Candidate { journal, address, node: node.to_owned(), session: None, is_prepared: false })
    }

    /// The journal of the node that leads: a run of it gets no lock without the leadership, and loses its lock with it.
    #[must_use]
    pub fn with_leadership(&self, leadership: &Leadership) -> Self {
        let mut led = self.clone();
        led.leadership = Some(leadership.clone());
        led
    }
}

impl Candidate {
    /// Tries to get the leadership; does not wait for it. The first attempt that reaches the server creates and migrates what
    /// is missing there.
    pub async fn try_to_lead(&mut self) -> Result<Election, JournalError> {
        // Taken out: of a session whose attempt was broken off nobody knows whether it holds the lock. It ends.
        let session = self.session.take();
        let late = || open_error(io::Error::new(io::ErrorKind::TimedOut, "the server does not answer").into());
        timeout(PATIENCE, self.attempt(session)).await.unwrap_or_else(|_elapsed| Err(late()))
    }

    async fn attempt(&mut self, session: Option<PgConnection>) -> Result<Election, JournalError> {
        let session = match session {
            Some(session) => session,
            None => self.connect().await?,
        };
        if !self.is_prepared {
            self.journal.prepare(&self.address).await?;
            self.is_prepared = true;
        }
        match ServerLock::try_take(session, Purpose::Leader).await? {
            Either::Left(session) => {
                self.journal.write_name(LEADER, &self.node).await?;
                Ok(Election::Leader(Leadership(Arc::new(Mutex::new(Some(session))))))
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

    /// The name may be that of the node before for the moment in which the leadership passes on.
    async fn leader(&self) -> Result<Option<String>, JournalError> {
        let mut reader = self.journal.begin_read().await?;
        let rows = reader.rows("select value from meta where name = $1", [LEADER.into()]).await?;
        Ok(rows.first().map(|row| row.optional_text(0)).transpose()?.flatten())
    }
}

/// The leadership, for as long as its session lasts. Clones are the same; with the last one it is given back.
#[derive(Clone)]
pub struct Leadership(Arc<Mutex<Option<ServerLock>>>);

impl Leadership {
    /// Whether this node still leads. A session that does not answer in time is given up for good: whatever it says later,
    /// another node may have led meanwhile.
    pub async fn is_still_held(&self) -> bool {
        let mut held = self.0.lock().await;
        let Some(session) = held.as_mut() else { return false };
        let answers = matches!(timeout(PATIENCE, session.answers()).await, Ok(true));
        if !answers {
            *held = None;
        }
        answers
    }

    /// Gives the leadership back, for all clones.
    pub async fn resign(&self) {
        let session = self.0.lock().await.take();
        if let Some(session) = session {
            let _ = timeout(PATIENCE, session.close()).await;
        }
    }
}

impl fmt::Debug for Leadership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Leadership")
    }
}
