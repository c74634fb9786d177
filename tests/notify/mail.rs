//! Mail: one message to all recipients by a server on this host, and by aiosmtpd with TLS, STARTTLS and a password.

use std::{collections::HashMap, env, fs};

use campaign_group_sync::{
    domain::NotificationTarget,
    notify::{MailTarget, Mailbox, NotifyOptions, SmtpServer, probe, send_test},
    observability::Chain,
};

use super::{
    fixture::{Fixture, SHORT, delivered, failed_once},
    receivers::{Behavior, mail_server},
};

const OK: Behavior = Behavior::Answers("250 ok");

fn options(smtp: &str, to: &[&str]) -> NotifyOptions {
    let mailbox = |text: &str| text.parse::<Mailbox>().expect("an address");
    let mail = MailTarget {
        to: to.iter().map(|to| mailbox(to)).collect(),
        from: mailbox("Campaign sync <sync@acme.com>"),
        server: SmtpServer::parse(smtp).expect("an address"),
        password: None,
        trusted_authorities: None,
    };
    NotifyOptions { mail: Some(mail), ..NotifyOptions::default() }
}

async fn prepared() -> Fixture {
    Fixture::with_one_for(NotificationTarget::Mail).await
}

#[tokio::test]
async fn all_recipients_get_one_plain_message_that_says_who_sent_it_and_why() {
    let (url, log) = mail_server(OK);
    delivered(&prepared().await.deliver(&options(&url, &["ops@acme.com", "Ann <ann@acme.com>"])).await);
    let [message] = &log.all()[..] else { panic!("{:?}", log.all()) };
    assert!(message.path.contains("ops@acme.com") && message.path.contains("ann@acme.com"), "{message:?}");
    let header = |name: &str| message.headers.get(name).cloned().unwrap_or_default();
    assert!(header("subject").starts_with("[campaign-group-sync] failed: no run has succeeded"), "{message:?}");
    assert!(header("message-id").ends_with("@acme.com>") && header("from").contains("sync@acme.com"), "{message:?}");
    assert_eq!(header("auto-submitted"), "auto-generated");
    assert!(header("content-type").starts_with("text/plain") && !header("date").is_empty(), "{message:?}");
    let body = message.body.replace("=\n", "");
    assert!(
        body.contains("What to do: campaign-group-sync status") && body.contains("operators: ann@acme.com"),
        "{body}"
    );
}

#[tokio::test]
async fn a_refused_recipient_does_not_keep_mail_from_the_others() {
    let (url, log) = mail_server(OK);
    delivered(&prepared().await.deliver(&options(&url, &["nobody@acme.com", "ops@acme.com"])).await);
    let [message] = &log.taken()[..] else { panic!("{:?}", log.all()) };
    assert!(message.path.contains("ops@acme.com") && !message.path.contains("nobody"), "{message:?}");
    let state = prepared().await.deliver(&options(&url, &["nobody@acme.com", "nobody.else@acme.com"])).await;
    assert!(failed_once(&state).contains("no such user"), "{state:?}");
}

#[tokio::test]
async fn a_server_that_refuses_or_hangs_or_is_down_is_retried_later() {
    let (url, log) = mail_server(Behavior::Answers("451 4.7.1 greylisted"));
    let fixture = prepared().await;
    let state = fixture.deliver(&options(&url, &["ops@acme.com"])).await;
    let error = failed_once(&state);
    assert!(error.contains("127.0.0.1:") && error.contains("greylisted"), "{error}");
    log.behave(Behavior::Hangs);
    let state = prepared().await.deliver(&NotifyOptions { deadline: SHORT, ..options(&url, &["ops@acme.com"]) }).await;
    assert!(failed_once(&state).contains("timed out after 0.3 s"), "{state:?}");
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("bound").local_addr().expect("an address");
    let state = prepared().await.deliver(&options(&format!("smtp://{gone}"), &["ops@acme.com"])).await;
    assert!(failed_once(&state).to_lowercase().contains("connection refused"), "{state:?}");
}

#[tokio::test]
async fn a_check_greets_the_server_and_sends_no_mail() {
    let (url, log) = mail_server(OK);
    let options = options(&url, &["ops@acme.com"]);
    let seen = probe(&options, NotificationTarget::Mail).await.expect("reached");
    assert!(seen.contains("no mail was sent") && log.all().is_empty(), "{seen}");
    send_test(&options, NotificationTarget::Mail).await.expect("taken");
    assert!(log.taken()[0].headers["subject"].starts_with("[campaign-group-sync] test: "), "{:?}", log.taken());
}

/// What `tests/notify/with_smtp` says of the server that it started; `None`, with a printed word, without it.
fn server() -> Option<HashMap<String, String>> {
    let Ok(folder) = env::var("TEST_SMTP_FOLDER") else {
        println!("skipped: TEST_SMTP_FOLDER is not set (tests/notify/with_smtp sets it, and starts aiosmtpd)");
        return None;
    };
    let said = fs::read_to_string(format!("{folder}/ready")).expect("a server");
    let mut server: HashMap<String, String> = said
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    server.insert("folder".to_owned(), folder);
    Some(server)
}

fn with_password(smtp: &str, password: &str, server: &HashMap<String, String>) -> NotifyOptions {
    let mut options = options(smtp, &["ops@acme.com"]);
    let mail = options.mail.as_mut().expect("configured");
    mail.password = Some(password.into());
    mail.trusted_authorities =
        Some(fs::read_to_string(format!("{}/authority.pem", server["folder"])).expect("readable"));
    options
}

/// The messages that aiosmtpd took for this test, by the id in their text.
fn taken(server: &HashMap<String, String>, id: &str) -> usize {
    let files = fs::read_dir(format!("{}/mail", server["folder"])).expect("a folder");
    let texts = files.map(|file| fs::read_to_string(file.expect("a file").path()).expect("readable"));
    texts.filter(|text| text.contains(id)).count()
}

#[tokio::test]
async fn a_real_server_takes_mail_over_tls_and_starttls_with_a_password() {
    let Some(server) = server() else { return };
    for (scheme, port) in [("smtps", &server["tls"]), ("smtp+starttls", &server["starttls"])] {
        let fixture = prepared().await;
        let options = with_password(&format!("{scheme}://sync@localhost:{port}"), "sandbox-password", &server);
        let seen = probe(&options, NotificationTarget::Mail).await.unwrap_or_else(|error| panic!("{}", Chain(&error)));
        assert!(seen.contains("signed in as sync"), "{seen}");
        let waiting =
            fixture.journal.claim_notification(NotificationTarget::Mail, chrono::Utc::now()).await.expect("read");
        let claimed = waiting.expect("due");
        let again = campaign_group_sync::journal::AfterFailure::RetryAt(chrono::Utc::now());
        fixture.journal.notification_failed(&claimed, "first", again, chrono::Utc::now()).await.expect("written");
        delivered(&fixture.deliver(&options).await);
        assert_eq!(taken(&server, &claimed.id), 1, "{scheme}");
    }
}

#[tokio::test]
async fn a_server_must_prove_who_it_is_and_offer_starttls_and_a_wrong_password_is_named() {
    let Some(server) = server() else { return };
    let refused = async |options: &NotifyOptions| {
        let state = prepared().await.deliver(options).await;
        failed_once(&state).to_lowercase()
    };
    let tls = format!("smtps://sync@localhost:{}", server["tls"]);
    let mut of_the_host = with_password(&tls, "sandbox-password", &server);
    of_the_host.mail.as_mut().expect("configured").trusted_authorities = None;
    let error = refused(&of_the_host).await;
    assert!(error.contains("certificate"), "an authority that this host does not know: {error}");
    let other_name = with_password(&tls.replace("localhost", "127.0.0.1"), "sandbox-password", &server);
    let error = refused(&other_name).await;
    assert!(error.contains("certificate"), "a certificate for another name: {error}");
    let plain = with_password(&format!("smtp+starttls://sync@localhost:{}", server["plain"]), "x", &server);
    let error = refused(&plain).await;
    assert!(error.contains("starttls"), "a server that does not offer it gets no password: {error}");
    let wrong = with_password(&tls, "wrong-password", &server);
    let error = refused(&wrong).await;
    assert!(error.contains("authentication") && !error.contains("wrong-password"), "{error}");
}
