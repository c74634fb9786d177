//! `status`: the state of the daemon; without a daemon, what the journal recorded.

use chrono::{DateTime, Utc};

use crate::{
    daemon::{ServiceState, Status, status_without_daemon},
    domain::{printable, to_the_second},
    journal::{Journal, NotificationTargetState},
    settings::{self, Settings},
};

use super::{
    CommandError,
    arguments::{Arguments, OutputFormat},
    bootstrap::start_log,
    daemon_client::{connect, connect_for_status, fetch_status},
    exit_status::ExitStatus,
    json::json,
    markdown,
    report_text::counted,
    styles::{BAD, DOUBT, GOOD, line, styled},
    table::Table,
    terminal::print,
};

/// Exits with 0 when a daemon responds, in any state, and with 3 when none does.
pub(super) async fn run(arguments: &Arguments) -> Result<ExitStatus, CommandError> {
    let readable = settings::load_partial(&arguments.sources());
    let (status, exit) = match readable.complete() {
        Ok(settings) => {
            start_log(arguments, &settings)?;
            match connect(&settings).await {
                Some(daemon) => (fetch_status(daemon).await?, ExitStatus::Done),
                None => (remembered(&settings).await?, ExitStatus::Partial),
            }
        }
        Err(error) => (fetch_status(connect_for_status(&readable, error).await?).await?, ExitStatus::Done),
    };
    print(&match arguments.output {
        OutputFormat::Text => text(&status),
        OutputFormat::Json => json(&status)?,
        OutputFormat::Markdown => markdown(&status),
    })?;
    Ok(exit)
}

async fn remembered(settings: &Settings) -> Result<Status, CommandError> {
    let journal = Journal::open_read_only(&settings.journal_options()).await?;
    let why = format!("no daemon answers at {}", settings.control.socket.display());
    let organization = &settings.experience_cloud.options.organization_id;
    let status = status_without_daemon(journal.as_ref(), organization, why).await?;
    Ok(Status { organization: settings.organization.as_ref().map(ToString::to_string), ..status })
}

fn text(status: &Status) -> String {
    let style = match status.state {
        ServiceState::Idle | ServiceState::Running => GOOD,
        ServiceState::Starting | ServiceState::Waiting | ServiceState::Throttled => DOUBT,
        ServiceState::Blocked | ServiceState::Failing => BAD,
    };
    let mut out = String::new();
    line(&mut out, &format!("{}: {}", styled(style, status.state.as_str()), printable(&status.reason)));
    table(status).text(&mut out, "");
    out
}

fn markdown(status: &Status) -> String {
    let heading = markdown::cell(&format!("{}: {}", status.state.as_str(), status.reason));
    format!("{heading}\n\n{}\n", table(status).markdown())
}

fn table(status: &Status) -> Table<2> {
    Table::new(["What", "Value"], rows(status).into_iter().map(|row| (anstyle::Style::new(), row)))
}

fn rows(status: &Status) -> Vec<[String; 2]> {
    let shown = |at: Option<DateTime<Utc>>, otherwise: &str| at.map_or_else(|| otherwise.to_owned(), to_the_second);
    let last_run = status.last_run.as_ref().map_or_else(
        || "none".to_owned(),
        |last| format!("{} {}, {}", to_the_second(last.started_at), last.outcome.as_str(), last.run),
    );
    let mut rows = vec![
        ["last run", last_run.as_str()].map(str::to_owned),
        ["last success".to_owned(), shown(status.last_success, "none")],
        ["last clean".to_owned(), shown(status.last_clean, "none")],
        ["next run".to_owned(), shown(status.next_run, "not planned")],
    ];
    if status.throttled_until.is_some() {
        rows.push(["rate limited until".to_owned(), shown(status.throttled_until, "")]);
    }
    for hold in &status.holds {
        let (since, changes) = (to_the_second(hold.since), counted(hold.changes as u64, "change"));
        rows.push(["held".to_owned(), format!("{} since {since}: {}, {changes}", hold.digest, hold.instance)]);
    }
    rows.extend(status.notifications.iter().map(|state| ["notifications".to_owned(), target(state)]));
    if let Some(organization) = &status.organization {
        rows.push(["organization".to_owned(), organization.clone()]);
    }
    if let Some(leader) = &status.leader {
        rows.push(["leader".to_owned(), leader.clone()]);
    }
    rows
}

/// The state of a notification target; problems come first.
fn target(state: &NotificationTargetState) -> String {
    let name = state.target.as_str();
    let mut words = match (&state.error, state.failing_since) {
        (Some(error), Some(since)) => format!("{name}: not delivered since {}: {error}", to_the_second(since)),
        _ => match state.last_delivered {
            Some(last) => format!("{name}: last delivered {}", to_the_second(last)),
            None => format!("{name}: none yet"),
        },
    };
    if state.waiting > 0 {
        words = format!("{words}; {} waiting", state.waiting);
    }
    if state.given_up > 0 {
        words = format!("{words}; {} given up", state.given_up);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        daemon::LastRun,
        domain::{Digest, NotificationTarget, Outcome},
        journal::HoldEntry,
    };

    fn status() -> Status {
        let at = |seconds: i64| DateTime::from_timestamp(1_795_413_600 + seconds, 0);
        Status {
            version: 1,
            state: ServiceState::Blocked,
            reason: "changes are held and wait for an approval".to_owned(),
            last_run: at(0).map(|started_at| LastRun {
                run: "01KB0000000000000000000003".to_owned(),
                started_at,
                outcome: Outcome::Held,
            }),
            last_success: at(0),
            last_clean: at(-7200),
            next_run: at(7200),
            throttled_until: at(3244),
            held: vec!["0123456789abcdef".to_owned()],
            holds: vec![HoldEntry {
                digest: Digest::parse("0123456789abcdef").expect("a digest"),
                instance: "production".to_owned(),
                since: at(-3600).expect("a time"),
                changes: 3,
            }],
            notifications: vec![
                NotificationTargetState {
                    delivered: 4,
                    last_delivered: at(-60),
                    ..NotificationTargetState::new(NotificationTarget::Command)
                },
                NotificationTargetState {
                    waiting: 2,
                    failed: 7,
                    failing_since: at(-3600),
                    error: Some(
                        "notify.webhook: https://hooks.acme.com answered with HTTP status 503: (empty)".to_owned(),
                    ),
                    ..NotificationTargetState::new(NotificationTarget::Webhook)
                },
                NotificationTargetState::new(NotificationTarget::Mail),
            ],
            organization: Some("acme".to_owned()),
            leader: Some("acme-sync-1".to_owned()),
        }
    }

    #[test]
    fn status_as_text_begins_with_the_state() {
        insta::assert_snapshot!(anstream::adapter::strip_str(&text(&status())));
    }

    #[test]
    fn status_as_markdown_is_a_table() {
        insta::assert_snapshot!(markdown(&status()));
    }

    #[test]
    fn status_as_json_has_the_documented_fields() {
        insta::assert_snapshot!(json(&status()).expect("writable"));
    }
}
