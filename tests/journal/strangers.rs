//! A role of the same server that has no right on the tables of the journal.

use campaign_group_sync::journal::{Election, JournalLocation, LockAttempt};
use secrecy::ExposeSecret as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgAdvisoryLock};

use super::fixture::JournalFixture;

/// A session of a role that may only sign in, and the schema of the journal.
async fn stranger(fixture: &JournalFixture) -> (PgConnection, String) {
    let JournalLocation::Postgres(address) = &fixture.options.location else { panic!("a server") };
    let address = address.expose_secret().to_owned();
    let mut owner = PgConnection::connect(&address).await.expect("a server");
    let schema: String =
        sqlx::query_scalar("select current_schema()::text").fetch_one(&mut owner).await.expect("a name");
    let role = format!("stranger_of_{schema}");
    // It may use the schema, as `public` of older servers, but has no rights on the tables of the journal.
    let role_of_stranger = format!("create role {role} login; grant usage on schema {schema} to {role}");
    sqlx::raw_sql(AssertSqlSafe(role_of_stranger)).execute(&mut owner).await.expect("a role");
    let address = address.replacen("test@", &format!("{role}@"), 1);
    (PgConnection::connect(&address).await.expect("it may sign in"), schema)
}

#[tokio::test]
async fn incident_40_a_role_without_rights_keeps_no_run_from_beginning_and_no_node_from_leading() {
    let Some(fixture) = JournalFixture::shared().await else { return };
    let journal = fixture.open().await;
    let (session, schema) = stranger(&fixture).await;
    // The advisory locks of earlier versions, which any role can take.
    let run = PgAdvisoryLock::new(format!("campaign-group-sync run {schema}"));
    let held = run.acquire(session).await.expect("any role can");
    let (session, _) = stranger_again(&fixture, &schema).await;
    let leader = PgAdvisoryLock::new(format!("campaign-group-sync leader {schema}"));
    let also_held = leader.acquire(session).await.expect("any role can");
    assert!(matches!(journal.lock("run 01JA").await.expect("an answer"), LockAttempt::Acquired(_)));
    let mut candidate = journal.candidate("node-a").expect("a candidate");
    assert!(matches!(candidate.try_to_lead().await.expect("an answer"), Election::Leader(_)));
    drop((held, also_held));
}

#[tokio::test]
async fn incident_40_a_role_without_rights_cannot_take_the_locks() {
    let Some(fixture) = JournalFixture::shared().await else { return };
    let _journal = fixture.open().await;
    let (mut session, schema) = stranger(&fixture).await;
    for view in ["run_lock", "leader_lock"] {
        for mode in ["access share", "exclusive", "access exclusive"] {
            let sql = format!("begin; lock table {schema}.{view} in {mode} mode nowait");
            let error = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut session).await.expect_err("no right");
            let code =
                error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(std::borrow::Cow::into_owned);
            assert_eq!(code.as_deref(), Some("42501"), "{view}, {mode}: {error}");
            sqlx::raw_sql("rollback").execute(&mut session).await.expect("rolled back");
        }
    }
}

/// Another session of the same role.
async fn stranger_again(fixture: &JournalFixture, schema: &str) -> (PgConnection, String) {
    let JournalLocation::Postgres(address) = &fixture.options.location else { panic!("a server") };
    let address = address.expose_secret().replacen("test@", &format!("stranger_of_{schema}@"), 1);
    (PgConnection::connect(&address).await.expect("it may sign in"), schema.to_owned())
}
