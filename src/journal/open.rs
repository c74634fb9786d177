//! Opening the journal: creating it, migrating it, setting a corrupt one aside.

use std::{net::IpAddr, path::PathBuf, str::FromStr as _, sync::Arc, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};

use crate::domain::WantedNotifications;

use super::{
    JournalError, Leadership, StepWatch,
    database::{Database, connect_error, open_error},
    database_fault::server_name,
    schema::{self, Schema},
    state_file,
};

/// Connections of one process: one writes, the others look.
pub(super) const CONNECTIONS: u32 = 4;

/// How long a method waits for a connection of the pool. A run that finds no database gives up and is made again later.
pub(super) const CONNECTION_PATIENCE: Duration = Duration::from_secs(15);

/// Where the journal is.
#[derive(Clone, Debug)]
pub enum JournalLocation {
    /// A file on this host; an absolute path. Its folder is made with mode 0700, the file with 0600.
    Sqlite(PathBuf),
    /// A database that several nodes share; the whole address, which may hold a password.
    Postgres(SecretString),
}

/// How the journal is opened.
#[derive(Clone)]
pub struct JournalOptions {
    /// Where it is.
    pub location: JournalLocation,
    /// Called around every transaction that writes.
    pub watch: Option<StepWatch>,
}

/// The journal. Clones share one connection pool.
#[derive(Clone)]
pub struct Journal {
    pub(super) database: Database,
    pub(super) location: JournalLocation,
    pub(super) watch: Option<StepWatch>,
    /// Which notifications are written with what is recorded.
    pub(super) wanted: Arc<WantedNotifications>,
    /// What every run of this journal needs beside its own lock; `None` for runs that anybody may make.
    pub(super) leadership: Option<Leadership>,
    /// Whether the connections may write; not those of [`Self::open_read_only`].
    pub(super) is_writable: bool,
}

impl Journal {
    /// Opens the journal for a run: creates what is missing and migrates what is old. A corrupt file is set aside beside its
    /// old place, with a warning in the log, and every instance's memory counts as lost until a read of it is
    /// accepted anew (also after a restart). A file from the future is refused and left as it is.
    pub async fn open(options: &JournalOptions) -> Result<Self, JournalError> {
        let database = match &options.location {
            JournalLocation::Sqlite(path) => state_file::open(path, options.watch.as_ref()).await?,
            JournalLocation::Postgres(address) => {
                let (server, place) = server(address)?;
                let database = connect(server).await?;
                schema::migrate(&database, options.watch.as_ref(), &place, None).await?;
                database
            }
        };
        Ok(Self::over(database, options))
    }

    /// Opens what exists and migrates what is old, for commands that have something to write but make no run; `None` when
    /// there is nothing yet. Creates nothing, and sets nothing aside: a corrupt file is an error here.
    pub async fn open_existing(options: &JournalOptions) -> Result<Option<Self>, JournalError> {
        let database = match &options.location {
            JournalLocation::Sqlite(path) => state_file::open_existing(path, options.watch.as_ref()).await?,
            JournalLocation::Postgres(address) => {
                let (server, place) = server(address)?;
                let database = connect(server).await?;
                let is_there = schema::of_database(&database).await? != Schema::Empty;
                if is_there {
                    schema::migrate(&database, options.watch.as_ref(), &place, None).await?;
                }
                is_there.then_some(database)
            }
        };
        Ok(database.map(|database| Self::over(database, options)))
    }

    /// Opens what exists for commands that only look; `None` when there is nothing yet. Whatever would write through it
    /// fails, and a schema of an earlier version is an error: a daemon of that version may be at work on it.
    pub async fn open_read_only(options: &JournalOptions) -> Result<Option<Self>, JournalError> {
        let database = match &options.location {
            JournalLocation::Sqlite(path) => state_file::open_read_only(path).await?,
            JournalLocation::Postgres(address) => {
                let (server, place) = server(address)?;
                let database = connect(server.options([("default_transaction_read_only", "on")])).await?;
                let schema = schema::of_database(&database).await?;
                if schema != Schema::Empty {
                    schema::is_current(schema, &place)?;
                }
                (schema != Schema::Empty).then_some(database)
            }
        };
        Ok(database.map(|database| Self { is_writable: false, ..Self::over(database, options) }))
    }

    /// Whether something can be recorded through it; not through one that was opened with [`Self::open_read_only`].
    pub fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// The journal on a server that several nodes share, whether or not that answers at this moment: nothing is asked of it
    /// before [`Self::prepare`]. `None` for a file.
    pub fn connect_lazily(options: &JournalOptions) -> Result<Option<Self>, JournalError> {
        let JournalLocation::Postgres(address) = &options.location else { return Ok(None) };
        let (server, _) = server(address)?;
        Ok(Some(Self::over(Database::Postgres(pool().connect_lazy_with(server)), options)))
    }

    /// Creates what is missing on the server, and migrates what is old.
    pub(super) async fn prepare(&self, address: &SecretString) -> Result<(), JournalError> {
        let (_, place) = server(address)?;
        schema::migrate(&self.database, self.watch.as_ref(), &place, None).await
    }

    /// Closes all connections and waits for it: a file is left without its side files. Clones are closed as well.
    pub async fn close(&self) {
        match &self.database {
            Database::Sqlite(pool) => pool.close().await,
            Database::Postgres(pool) => pool.close().await,
        }
    }

    fn over(database: Database, options: &JournalOptions) -> Self {
        Self {
            database,
            location: options.location.clone(),
            watch: options.watch.clone(),
            wanted: Arc::default(),
            leadership: None,
            is_writable: true,
        }
    }
}

/// How the connection to a `PostgreSQL` server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionProtection {
    /// The server is on this host.
    OnThisHost,
    /// TLS, and the server must prove that it is the one of the address (`sslmode=verify-full`).
    Verified,
    /// Less than that, because the address says so: whoever stands between may read the password and change the state.
    Weakened,
}

impl ConnectionProtection {
    /// That of the connection to this address; `None` where it is no address.
    pub fn of(address: &SecretString) -> Option<Self> {
        let options = PgConnectOptions::from_str(address.expose_secret()).ok()?;
        Some(match ssl_mode_of(address).as_deref() {
            _ if is_on_this_host(&options) => Self::OnThisHost,
            None | Some("verify-full") => Self::Verified,
            Some(_) => Self::Weakened,
        })
    }
}

/// Whether the server is reached over a Unix socket or the loopback interface.
fn is_on_this_host(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let is_loopback = host.trim_matches(['[', ']']).parse().is_ok_and(|address: IpAddr| address.is_loopback());
    options.get_socket().is_some() || host.starts_with('/') || host.eq_ignore_ascii_case("localhost") || is_loopback
}

/// What the address itself says of how much the server has to prove; the environment does not count.
fn ssl_mode_of(address: &SecretString) -> Option<String> {
    let query = address.expose_secret().split_once('?').map_or("", |(_, query)| query);
    let said = url::form_urlencoded::parse(query.as_bytes());
    said.filter(|(name, _)| matches!(name.as_ref(), "sslmode" | "ssl-mode")).last().map(|(_, mode)| mode.to_lowercase())
}

/// How `PostgreSQL` is reached. The server, and the name that errors may show, without any password.
pub(super) fn server(address: &SecretString) -> Result<(PgConnectOptions, String), JournalError> {
    let options = PgConnectOptions::from_str(address.expose_secret()).map_err(open_error)?;
    let options = options.application_name("campaign-group-sync").disable_statement_logging();
    // A server that answers "no TLS" would get the password in the clear.
    let is_verified = !is_on_this_host(&options) && ssl_mode_of(address).is_none();
    let options = if is_verified { options.ssl_mode(PgSslMode::VerifyFull) } else { options };
    let place = server_name(&options);
    Ok((options, place))
}

/// One connection first: its error says why there is none, and the pool would only say that it waited in vain.
async fn connect(server: PgConnectOptions) -> Result<Database, JournalError> {
    let wrong = connect_error(&server);
    let attempt = tokio::time::timeout(CONNECTION_PATIENCE, PgConnection::connect_with(&server)).await;
    let connection = attempt.map_err(|_elapsed| wrong(sqlx::Error::PoolTimedOut))?.map_err(&wrong)?;
    connection.close().await.map_err(&wrong)?;
    Ok(Database::Postgres(pool().connect_lazy_with(server)))
}

fn pool() -> PgPoolOptions {
    PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(CONNECTION_PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_this_host_the_server_must_prove_who_it_is_unless_the_address_says_otherwise() {
        let check = |address: &str, expected: ConnectionProtection| {
            assert_eq!(ConnectionProtection::of(&address.into()), Some(expected), "{address}");
        };
        check("postgres://sync@db.acme.com/state", ConnectionProtection::Verified);
        check("postgres://sync@db.acme.com/state?sslmode=verify-full", ConnectionProtection::Verified);
        check("postgres://sync@192.0.2.7/state?sslrootcert=/etc/ca.pem", ConnectionProtection::Verified);
        check("postgres://sync@db.acme.com/state?sslmode=verify-ca", ConnectionProtection::Weakened);
        check("postgres://sync@db.acme.com/state?sslmode=require", ConnectionProtection::Weakened);
        check("postgres://sync@db.acme.com/state?ssl-mode=disable", ConnectionProtection::Weakened);
        check("postgres://sync@localhost.acme.com/state?sslmode=prefer", ConnectionProtection::Weakened);
        for host in ["localhost", "127.0.0.1", "127.8.9.1:5433", "[::1]", "%2Frun%2Fpostgresql"] {
            check(&format!("postgres://sync@{host}/state"), ConnectionProtection::OnThisHost);
            check(&format!("postgres://sync@{host}/state?sslmode=disable"), ConnectionProtection::OnThisHost);
        }
        check("postgres:///state?host=/run/postgresql", ConnectionProtection::OnThisHost);
    }
}
