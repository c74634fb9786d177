//! `[notify]`: valid values, refused values, and secrets that are not shown.

use std::collections::BTreeSet;

use campaign_group_sync::{
    domain::{NotificationKind, NotificationTarget},
    notify::{NotifyOptions, UserNames},
    settings::{SecretFile, SecretFileOrigin, secret_files},
};

use super::world::{LEAST, World};

const CREDENTIALS: (&str, &str) = ("CREDENTIALS_DIRECTORY", "FOLDER/credentials");

const MAIL: &str = "mail = { to = [\"ops@acme.com\", \"Ann <ann@acme.com>\"], from = \"sync@acme.com\", \
                    smtp = \"smtps://sync@mail.acme.com\" }";

/// A configuration with these lines under `[notify]`.
fn world(lines: &str) -> World {
    World::new().config(&format!("{LEAST}\n[notify]\n{lines}\n"))
}

fn options(world: &World) -> NotifyOptions {
    world.settings().notify
}

/// The only problem of a configuration, in full.
fn problem(world: &World) -> String {
    let problems = world.error().problems;
    let [problem] = problems.as_slice() else { panic!("{problems:#?}") };
    problem.to_string().replace(&world.folder_name(), "FOLDER")
}

#[test]
fn without_a_target_no_notification_is_sent() {
    let options = options(&world(""));
    assert_eq!(options.targets(), BTreeSet::new());
    let kinds = [NotificationKind::Held, NotificationKind::Failed, NotificationKind::Recovered];
    assert_eq!(options.events, BTreeSet::from(kinds));
    assert_eq!(options.page.as_deref(), Some("http://127.0.0.1:9464/"));
}

#[test]
fn every_target_is_read() {
    let world = world(&format!(
        "events = [\"applied\", \"finding\"]\ncommand = [\"/usr/bin/tell\", \"\", \" a, b \"]\n\
         webhook = \"https://hooks.acme.com/secret\"\nwebhook_people = true\n{MAIL}\nsmtp_password_file = \"FOLDER/password\""
    ))
    .file("password", "TOPSECRET\n", 0o600);
    let options = options(&world);
    assert_eq!(options.targets().into_iter().collect::<Vec<_>>(), NotificationTarget::ALL);
    assert_eq!(options.events, BTreeSet::from([NotificationKind::Applied, NotificationKind::Finding]));
    let command = options.command.expect("set");
    assert_eq!(
        (command.program.to_str(), command.arguments),
        (Some("/usr/bin/tell"), vec![String::new(), " a, b ".to_owned()])
    );
    let webhook = options.webhook.expect("set");
    assert_eq!(
        (webhook.url.to_string().as_str(), webhook.user_names),
        ("https://hooks.acme.com/…", UserNames::Included)
    );
    let mail = options.mail.expect("set");
    assert_eq!((mail.to.len(), mail.server.to_string().as_str()), (2, "mail.acme.com:465"));
    assert_eq!((mail.server.user.as_deref(), mail.password.is_some()), (Some("sync"), true));
}

#[test]
fn the_environment_sets_every_key() {
    let variable = |key: &str| format!("CAMPAIGN_GROUP_SYNC__NOTIFY__{key}");
    let set = [
        ("EVENTS", "held, finding"),
        ("COMMAND", "/usr/bin/tell,--urgent"),
        ("WEBHOOK", "https://hooks.acme.com/secret"),
        ("WEBHOOK_PEOPLE", "true"),
        ("MAIL__TO", "ops@acme.com,ann@acme.com"),
        ("MAIL__FROM", "sync@acme.com"),
        ("MAIL__SMTP", "smtp+starttls://sync@mail.acme.com:2587"),
        ("SMTP_PASSWORD", "TOPSECRET"),
    ];
    let world = set.iter().fold(world(""), |world, (key, value)| world.set((&variable(key), value)));
    let options = options(&world);
    assert_eq!(options.targets().len(), 3);
    assert_eq!(options.mail.map(|mail| (mail.to.len(), mail.server.port)), Some((2, 2587)));
}

#[test]
fn a_webhook_comes_from_the_environment_a_file_the_configuration_or_a_credential() {
    let shown = |world: &World| options(world).webhook.expect("set").url.to_string();
    let with_file = world("webhook_file = \"FOLDER/hook\"")
        .file("hook", "https://file.acme.com/secret\n", 0o600)
        .set(CREDENTIALS)
        .file("credentials/notify.webhook", "https://credential.acme.com/secret", 0o400);
    assert_eq!(shown(&with_file), "https://file.acme.com/…");
    let with_variable = with_file.set(("CAMPAIGN_GROUP_SYNC__NOTIFY__WEBHOOK", "https://variable.acme.com/secret"));
    assert_eq!(shown(&with_variable), "https://variable.acme.com/…");
    let with_credential =
        world("").set(CREDENTIALS).file("credentials/notify.webhook", "https://credential.acme.com/secret", 0o400);
    assert_eq!(shown(&with_credential), "https://credential.acme.com/…");
    let both = world("webhook = \"https://a.acme.com/secret\"\nwebhook_file = \"FOLDER/hook\"").file(
        "hook",
        "https://file.acme.com/secret\n",
        0o600,
    );
    assert!(problem(&both).contains("is set beside notify.webhook_file"), "{}", problem(&both));
}

#[test]
fn an_invalid_value_is_reported_with_a_valid_example() {
    let check = |line: &str, subject: &str, what: &str, remedy: &str| {
        let problem = problem(&world(line));
        let expected = format!("{subject} (FOLDER/config.toml, line 12): {what}\n   ");
        assert!(problem.starts_with(&expected) && problem.contains(remedy), "{line}: {problem}");
    };
    check(
        "events = [\"held\", \"helt\"]",
        "notify.events",
        "\"helt\" is not a valid value",
        "\"held\", \"failed\", \"recovered\"",
    );
    check("command = [\"tell\"]", "notify.command", "\"tell\" is not an absolute path", "the absolute path");
    check("command = [1]", "notify.command", "is not a list of strings", "/usr/local/bin/notify");
    let http = "would send notifications in the clear: it is neither https nor http on this host";
    check("webhook = \"http://hooks.acme.com/TOPSECRET\"", "notify.webhook", http, "https address");
    check("webhook = \"TOPSECRET\"", "notify.webhook", "is not a URL", "https address");
    let user = "https://a:TOPSECRET@hooks.acme.com";
    check(&format!("webhook = \"{user}\""), "notify.webhook", "has a user, a password or a fragment", "https address");
    check("webhook_people = \"yes\"", "notify.webhook_people", "\"yes\" is neither true nor false", "true or false");
    let mail =
        |smtp: &str| format!("mail = {{ to = [\"ops@acme.com\"], from = \"sync@acme.com\", smtp = \"{smtp}\" }}");
    let forms = "smtp+starttls://user@host:587";
    check(&mail("mail.acme.com"), "notify.mail.smtp", "is not the address of a mail server", forms);
    check(&mail("smtps://a:TOPSECRET@mail.acme.com"), "notify.mail.smtp", "has a password", forms);
    check(&mail("smtp://mail.acme.com"), "notify.mail.smtp", "would send mail unencrypted to another host", forms);
    let address = "mail = { to = [\"ops\"], from = \"sync@acme.com\", smtp = \"smtps://mail.acme.com\" }";
    check(address, "notify.mail.to", "\"ops\" is not a mail address", "ops@acme.com");
    check("mail = { form = \"sync@acme.com\" }", "notify.mail.form", "there is no such key", "notify.mail.from");
    check(
        "smtp_password = \"TOPSECRET\"",
        "notify.smtp_password",
        "a secret must not be in the configuration file",
        "notify.smtp_password_file",
    );
}

#[test]
fn mail_needs_its_three_keys_and_a_password_for_its_user_together() {
    let missing = world("mail = { to = [\"ops@acme.com\"] }").error().problems;
    let subjects: Vec<&str> = missing.iter().map(|problem| problem.subject.as_str()).collect();
    assert_eq!(subjects, ["notify.mail.from", "notify.mail.smtp"], "{missing:#?}");
    let without = problem(&world(MAIL));
    assert!(
        without.contains("notify.smtp_password: is required") && without.contains("notify.smtp_password_file"),
        "{without}"
    );
    let password = ("CAMPAIGN_GROUP_SYNC__NOTIFY__SMTP_PASSWORD", "TOPSECRET");
    let no_user = problem(&world(&MAIL.replace("sync@mail", "mail")).set(password));
    assert!(no_user.contains("notify.mail.smtp names no user"), "{no_user}");
    let no_mail = problem(&world("").set(password));
    assert!(no_mail.contains("is set, and notify.mail is not"), "{no_mail}");
}

#[test]
fn all_problems_of_the_section_are_reported_at_once() {
    let lines = "events = [\"a\"]\ncommand = [\"b\"]\nwebhook = \"c\"\nwebhook_people = 1\nmail = { smtp = \"d\" }";
    let subjects: Vec<String> = world(lines).error().problems.into_iter().map(|problem| problem.subject).collect();
    for key in ["events", "command", "webhook", "webhook_people", "mail.smtp"] {
        assert!(subjects.contains(&format!("notify.{key}")), "{key}: {subjects:?}");
    }
}

#[test]
fn a_target_without_events_draws_a_warning() {
    let world = world("events = []\nwebhook = \"https://hooks.acme.com/secret\"");
    let warnings = world.settings().warnings;
    assert!(warnings.iter().any(|warning| warning.contains("notify.events is empty")), "{warnings:?}");
}

#[test]
fn neither_the_webhook_nor_the_password_is_shown_in_full() {
    let world = world(&format!(
        "webhook = \"https://hooks.acme.com/TOPSECRET?sig=TOPSECRET\"\n{MAIL}\nsmtp_password_file = \"FOLDER/password\""
    ))
    .file("password", "TOPSECRET\n", 0o600);
    let settings = format!("{:?}", world.settings());
    assert!(!settings.contains("TOPSECRET"), "{settings}");
    let values = world.effective();
    let shown = |key: &str| {
        let value = values.iter().find(|value| value.key == key);
        value.unwrap_or_else(|| panic!("{key}: {values:#?}")).value.clone()
    };
    assert_eq!(shown("notify.webhook"), "https://hooks.acme.com/…");
    assert_eq!(shown("notify.smtp_password"), "(set)");
    assert_eq!(shown("notify.mail.smtp"), "smtps://…@mail.acme.com");
    let files = secret_files(&world.sources());
    assert!(files.contains(&SecretFile { path: world.path("password"), origin: SecretFileOrigin::Key }), "{files:?}");
}
