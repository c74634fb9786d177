//! Errors of a database in plain words: the messages of the library name its own types and codes, and repeat their
//! cause.

use std::{error::Error, fmt, io, sync::Arc, time::Duration};

use sqlx::postgres::PgConnectOptions;

use crate::domain::Chain;

/// How long a method waits for a connection of the pool. A run that gets none fails, and a later run repeats its work.
pub(super) const CONNECTION_PATIENCE: Duration = Duration::from_secs(15);

/// Result code of `SQLite`: the file, or its file system, is read-only.
const READ_ONLY: i32 = 8;

/// An error of a database, and which database it is. Clones are for writers that wait for the same commit.
#[derive(Clone, Debug)]
pub struct DatabaseFault(Box<Fault>);

#[derive(Clone, Debug)]
struct Fault {
    /// The state file, or the database and its server; `None` if the error is about no connection.
    place: Option<String>,
    error: Arc<sqlx::Error>,
}

impl DatabaseFault {
    /// The fault of a connection to this state file or server.
    pub(super) fn at(place: impl Into<String>, error: sqlx::Error) -> Self {
        let mut fault = Self::of(error);
        fault.0.place.get_or_insert_with(|| place.into());
        fault
    }

    /// The fault, with the name that [`Self::located`] added.
    pub(super) fn of(error: sqlx::Error) -> Self {
        let made = |error| Self(Box::new(Fault { place: None, error: Arc::new(error) }));
        Self::unwrapped(error).unwrap_or_else(made)
    }

    /// Adds the name of the state file or server to the error, for [`Self::of`].
    pub(super) fn located(place: impl Into<String>, error: sqlx::Error) -> sqlx::Error {
        Self::at(place, error).into_error()
    }

    /// An error of the library that carries this one, for [`Self::of`].
    pub(super) fn into_error(self) -> sqlx::Error {
        sqlx::Error::Io(io::Error::other(self))
    }

    /// The error of the library, without that name.
    pub(super) fn innermost(error: &sqlx::Error) -> &sqlx::Error {
        let noted = match error {
            sqlx::Error::Io(error) => error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()),
            _ => None,
        };
        noted.map_or(error, |fault| &fault.0.error)
    }

    fn unwrapped(error: sqlx::Error) -> Result<Self, sqlx::Error> {
        match error {
            sqlx::Error::Io(error) => error.downcast::<Self>().map_err(sqlx::Error::Io),
            error => Err(error),
        }
    }
}

/// The primary result code of `SQLite` (<https://www.sqlite.org/rescode.html>); the upper bits of an extended code are
/// details.
pub(super) fn primary_code(error: &sqlx::Error) -> Option<i32> {
    extended_code(error).map(|code| code & 0xff)
}

/// The extended result code of `SQLite`.
pub(super) fn extended_code(error: &sqlx::Error) -> Option<i32> {
    DatabaseFault::innermost(error).as_database_error()?.code()?.parse().ok()
}

/// The name of the database and its server, without any password.
pub(super) fn server_name(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or(options.get_username());
    format!("database {database} on {}:{}", options.get_host(), options.get_port())
}

/// The message of an error of the library, in plain words.
pub(super) fn described(error: &sqlx::Error) -> String {
    match DatabaseFault::innermost(error) {
        sqlx::Error::Database(said) => said.message().to_owned(),
        sqlx::Error::Io(error) => Chain(error).to_string(),
        sqlx::Error::PoolTimedOut => {
            format!("timed out: no connection within {} s", CONNECTION_PATIENCE.as_secs())
        }
        sqlx::Error::PoolClosed => "its connections are closed".to_owned(),
        sqlx::Error::Tls(error) => format!("TLS could not be set up: {}", Chain(error.as_ref())),
        sqlx::Error::Configuration(error) => match error.downcast_ref() {
            Some(inner) => described(inner),
            None => format!("the address cannot be used: {}", Chain(error.as_ref())),
        },
        error => Chain(error).to_string(),
    }
}

/// The remedy; empty if the message already says everything.
fn remedy(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => {
            "; check that the database server runs and that the address of the state names it"
        }
        sqlx::Error::Tls(_) => {
            "; check that the server offers TLS, and name its certificate authority in the address of the state (sslrootcert)"
        }
        sqlx::Error::Database(said) => match said.code().as_deref() {
            Some("28000" | "28P01") => {
                "; correct user and password: in the address of the state, in ~/.pgpass or in PGPASSWORD"
            }
            Some("3D000") => "; create the database, or correct the address of the state",
            Some("42501") => "; grant this user rights on the tables of the state",
            Some("25006") => "; the server is read-only: name the primary server in the address of the state",
            _ if primary_code(error) == Some(READ_ONLY) => {
                "; the file or its file system is read-only: mount it writable, or run the command as a user who may \
                 write the file"
            }
            _ => "",
        },
        _ => "",
    }
}

impl Error for DatabaseFault {}

impl fmt::Display for DatabaseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { place, error } = &*self.0;
        if let Some(place) = place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}{}", described(error), remedy(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_error_server_and_remedy_once() {
        let check = |error: sqlx::Error, expected: &str| {
            let fault = DatabaseFault::of(DatabaseFault::located("database state on db.acme.com:5432", error));
            assert_eq!(Chain(&fault).to_string(), expected);
            assert_eq!(fault.to_string(), expected);
        };
        check(
            sqlx::Error::Io(io::Error::from_raw_os_error(111)),
            "database state on db.acme.com:5432: Connection refused; check that the database server runs and that \
             the address of the state names it",
        );
        check(
            sqlx::Error::PoolTimedOut,
            "database state on db.acme.com:5432: timed out: no connection within 15 s; check that the database server \
             runs and that the address of the state names it",
        );
        check(
            sqlx::Error::Tls("server does not support TLS".into()),
            "database state on db.acme.com:5432: TLS could not be set up: server does not support TLS; check that the \
             server offers TLS, and name its certificate authority in the address of the state (sslrootcert)",
        );
        check(sqlx::Error::PoolClosed, "database state on db.acme.com:5432: its connections are closed");
    }

    #[test]
    fn the_name_that_was_added_first_stays() {
        let error = DatabaseFault::located("here", sqlx::Error::PoolClosed);
        let fault = DatabaseFault::at("elsewhere", error);
        assert_eq!(fault.to_string(), "here: its connections are closed");
    }
}
