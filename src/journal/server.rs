//! The `PostgreSQL` server that several nodes share: its address, and how connections to it are made and protected.

use std::{net::IpAddr, str::FromStr as _};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};

use super::{
    JournalError,
    database::{CONNECTIONS, Database, connect_error, open_error},
    database_fault::{CONNECTION_PATIENCE, server_name},
    server_lock::NO_LIMITS,
};

/// The keepalive settings by which the database server detects a lost node. It probes after 5 s of silence and every 3
/// s, and ends the session after 11 s; it ends it after 10 s if data that it sent is not acknowledged. Another node
/// takes over within 15 s.
pub(super) const KEEPALIVE: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "3"),
    ("tcp_keepalives_count", "2"),
    ("tcp_user_timeout", "10000"),
];

/// How the connection to a `PostgreSQL` server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionProtection {
    /// The server is on this host.
    OnThisHost,
    /// TLS, and the server must prove that it is the host of the address (`sslmode=verify-full`).
    Verified,
    /// Less than that, because the address says so: an attacker on the network path may read the password and change
    /// the state.
    Weakened,
}

impl ConnectionProtection {
    /// The protection of the connection to this address; `None` if the address is invalid.
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

/// The SSL mode that the address names. The environment does not count.
fn ssl_mode_of(address: &SecretString) -> Option<String> {
    let query = address.expose_secret().split_once('?').map_or("", |(_, query)| query);
    let said = url::form_urlencoded::parse(query.as_bytes());
    said.filter(|(name, _)| matches!(name.as_ref(), "sslmode" | "ssl-mode")).last().map(|(_, mode)| mode.to_lowercase())
}

/// The connection options of the address, and the name of the server for errors, without any password.
pub(super) fn server(address: &SecretString) -> Result<(PgConnectOptions, String), JournalError> {
    let options = PgConnectOptions::from_str(address.expose_secret()).map_err(open_error)?;
    let options = options.application_name("campaign-group-sync").disable_statement_logging();
    // Without this, a server that refuses TLS would receive the password unencrypted.
    let is_verified = !is_on_this_host(&options) && ssl_mode_of(address).is_none();
    let options = if is_verified { options.ssl_mode(PgSslMode::VerifyFull) } else { options };
    let place = server_name(&options);
    Ok((options, place))
}

/// Connects once before it makes the pool: the error of a single connection gives the reason, and that of the pool only
/// says that it timed out.
pub(super) async fn connect(server: PgConnectOptions) -> Result<Database, JournalError> {
    let wrong = connect_error(&server);
    let attempt = tokio::time::timeout(CONNECTION_PATIENCE, PgConnection::connect_with(&server)).await;
    let connection = attempt.map_err(|_elapsed| wrong(sqlx::Error::PoolTimedOut))?.map_err(&wrong)?;
    connection.close().await.map_err(&wrong)?;
    Ok(Database::Postgres(pool().connect_lazy_with(server)))
}

/// Connects for one long transaction: without the limits that would end a session which waits for another database.
pub(super) async fn connect_without_limits(server: PgConnectOptions) -> Result<PgPool, JournalError> {
    let wrong = connect_error(&server);
    let pool = pool().after_connect(|connection, _| {
        Box::pin(async move { sqlx::raw_sql(NO_LIMITS).execute(connection).await.map(drop) })
    });
    // The error of a single connection gives the reason.
    drop(connect(server.clone()).await?);
    pool.connect_with(server).await.map_err(wrong)
}

pub(super) fn pool() -> PgPoolOptions {
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
