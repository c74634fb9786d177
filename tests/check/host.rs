//! This host: the status of the daemon, credentials, and the state.

use std::env;

use campaign_group_sync::{
    check::{DaemonHealth, DaemonStatus, FailureCause, Finding, HostScope, Verdict},
    domain::{Outcome, RunMode},
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{
    harness::{Checked, Harness},
    options::request,
};

fn finding<'a>(checked: &'a Checked, id: &str) -> &'a Finding {
    checked.report.findings.iter().find(|one| one.id == id).expect(id)
}

async fn with_daemon(said: Result<DaemonStatus, String>) -> Finding {
    let checked = Harness { daemon: Some(said), host: HostScope::Service, ..Harness::sound() }.check().await;
    finding(&checked, "host.daemon").clone()
}

#[tokio::test]
async fn a_daemon_that_is_not_healthy_is_reported_with_a_remedy() {
    for (health, verdict, cause, remedy) in [
        (DaemonHealth::Healthy, Verdict::Ok, None, ""),
        (DaemonHealth::Starting, Verdict::Warning, None, "--sync-now"),
        (DaemonHealth::Throttled, Verdict::Warning, None, "another program"),
        (DaemonHealth::Blocked, Verdict::Warning, None, "campaign-group-sync approve 0123456789abcdef"),
        (DaemonHealth::Failing(None), Verdict::Failed, Some(FailureCause::Unavailable), "journalctl"),
        (DaemonHealth::Failing(Some(Outcome::Refused)), Verdict::Failed, Some(FailureCause::Refused), "journalctl"),
        (
            DaemonHealth::Failing(Some(Outcome::Incomplete)),
            Verdict::Failed,
            Some(FailureCause::Incomplete),
            "journalctl",
        ),
    ] {
        let (described, held) = ("so it is".to_owned(), vec!["0123456789abcdef".to_owned()]);
        let found = with_daemon(Ok(DaemonStatus { health, described, held })).await;
        assert_eq!((found.verdict, found.cause), (verdict, cause), "{found:#?}");
        assert_eq!(found.evidence, "so it is");
        assert!(found.remedy.contains(remedy), "{found:#?}");
    }
}

#[tokio::test]
async fn without_a_daemon_its_status_is_not_checked() {
    let found = with_daemon(Err("no daemon answers at /x".to_owned())).await;
    assert_eq!((found.verdict, found.evidence.as_str()), (Verdict::NotChecked, "no daemon answers at /x"));
    let checked = Harness::sound().check().await;
    assert_eq!(finding(&checked, "host.daemon").verdict, Verdict::NotChecked);
}

#[tokio::test]
async fn a_credential_that_other_users_can_read_is_a_warning() {
    let with_folder = |mode: u32| {
        let mut harness = Harness::sound();
        harness.edit("client_secret_file = \"", "#client_secret_file = \"");
        harness.environment.push(("CREDENTIALS_DIRECTORY", "FOLDER/credentials"));
        harness.files.push(("credentials", None, mode));
        harness.files.push(("credentials/experience_cloud.client_secret", Some("sandbox-client-secret"), 0o644));
        harness
    };
    let open = with_folder(0o755).check().await;
    let found = finding(&open, "host.secrets");
    assert_eq!(found.verdict, Verdict::Warning, "{found:#?}");
    assert!(found.evidence.ends_with("/credentials/experience_cloud.client_secret (mode 0644)"), "{found:#?}");
    assert!(found.remedy.contains("mode 0600"), "{found:#?}");
    let closed = with_folder(0o700).check().await;
    let found = finding(&closed, "host.secrets");
    assert_eq!((found.verdict, found.evidence.as_str()), (Verdict::Ok, "2 secret files"), "{found:#?}");
}

#[tokio::test]
async fn a_state_on_a_server_is_ok_when_it_responds_and_a_failure_when_it_does_not() {
    let Ok(address) = env::var("TEST_POSTGRES_URL") else {
        println!("skipped: TEST_POSTGRES_URL is not set (tests/journal/with_postgres sets it)");
        return;
    };
    let schema = format!("check_{}", std::process::id());
    let mut connection = PgConnection::connect(&address).await.expect("a server");
    let sql = AssertSqlSafe(format!("create schema {schema}"));
    sqlx::query(sql).execute(&mut connection).await.expect("a schema");
    let on = |address: &str| {
        let mut harness = Harness::sound();
        harness.edit("[state]\nurl = \"sqlite:", &format!("[state]\nurl = \"{address}\"\n#"));
        harness
    };
    let own = format!("{address}?options=-c%20search_path%3D{schema}");
    let checked = on(&own).check().await;
    assert!(
        finding(&checked, "host.state").evidence.contains("the first run creates its tables"),
        "{:#?}",
        checked.report
    );
    let mut current = on(&own);
    current.earlier = vec![request(RunMode::DryRun)];
    let checked = current.check().await;
    let found = finding(&checked, "host.state");
    assert_eq!(found.verdict, Verdict::Ok, "{found:#?}");
    assert!(finding(&checked, "experience_cloud.first_page").evidence.starts_with("again at "), "it is not read");

    let (server, database) = address.rsplit_once('/').expect("a database");
    for unreachable in
        [format!("{server}/{database}_of_somebody_else"), "postgres://test@127.0.0.1:9/postgres".to_owned()]
    {
        let checked = on(&unreachable).check().await;
        let found = finding(&checked, "host.state");
        assert_eq!((found.verdict, found.cause), (Verdict::Failed, Some(FailureCause::Unavailable)), "{found:#?}");
        assert!(found.remedy.contains("that the server runs"), "{found:#?}");
        assert_eq!(finding(&checked, "experience_cloud.profiles").waits_for, Some("host.state"));
    }
}
