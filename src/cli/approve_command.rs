//! `approve`: approves a held plan. A running daemon records the approval and starts a run immediately; without a
//! daemon this process records it for the next run.

use crate::{
    daemon::{
        ApprovalAnswer, ApprovalOutcome, ReleasedChange, ReleasedInstance, approve,
        control::{ControlClient, ControlRequest, ControlResponse, RunAfterApproval},
    },
    domain::{ChangeKind, Digest, printable},
    journal::Journal,
    settings::{self, Settings},
};

use super::{
    CommandError,
    arguments::{ApproveArguments, Arguments, OutputFormat},
    bootstrap::start_log,
    daemon_client::{connect, connect_without_secrets, unexpected_answer},
    exit_status::ExitStatus,
    json::json,
    markdown,
    styles::{BAD, BOLD, GOOD, line},
    table::Table,
    terminal::print,
};

/// Records the approval and shows what it releases.
pub(super) async fn run(arguments: &Arguments, approve: &ApproveArguments) -> Result<ExitStatus, CommandError> {
    let readable = settings::load_partial(&arguments.sources());
    let answer = match readable.complete() {
        Ok(settings) => {
            start_log(arguments, &settings)?;
            match connect(&settings).await {
                Some(daemon) => by_daemon(daemon, approve).await?,
                None => in_place(&settings, &approve.digest).await?,
            }
        }
        Err(error) => by_daemon(connect_without_secrets(&readable, error).await?, approve).await?,
    };
    let is_refused = answer.outcome == ApprovalOutcome::NotHeld;
    match arguments.output {
        OutputFormat::Json => print(&json(&answer)?)?,
        // In text this is an error, and its message lists the digests that are held.
        _ if is_refused => return Err(CommandError::NotHeld(answer.message)),
        OutputFormat::Text => print(&text(&answer))?,
        OutputFormat::Markdown => print(&markdown(&answer))?,
    }
    Ok(if is_refused { ExitStatus::Held } else { ExitStatus::Done })
}

async fn by_daemon(mut daemon: ControlClient, approve: &ApproveArguments) -> Result<ApprovalAnswer, CommandError> {
    let run = if approve.later { RunAfterApproval::AsScheduled } else { RunAfterApproval::AtOnce };
    let approver = settings::approver().name().to_owned();
    let ask = ControlRequest::Approve { digest: approve.digest.to_string(), approver, run };
    daemon.send(&ask).await.map_err(CommandError::Control)?;
    match daemon.receive().await.map_err(CommandError::Control)? {
        ControlResponse::Approval { approval } => Ok(*approval),
        other => Err(unexpected_answer(other)),
    }
}

async fn in_place(settings: &Settings, digest: &Digest) -> Result<ApprovalAnswer, CommandError> {
    Journal::with_existing(&settings.journal_options(), async |journal| {
        if let Some(journal) = journal {
            journal.require_organization(&settings.experience_cloud.options.organization_id).await?;
        }
        Ok(approve(journal, digest, &settings::approver(), settings.guard.approval_ttl).await?)
    })
    .await?
}

fn heading(instance: &ReleasedInstance) -> String {
    let changes = match instance.changes {
        1 => "1 change".to_owned(),
        changes => format!("{changes} changes"),
    };
    format!("{changes}, held by run {}", instance.run)
}

fn table(instance: &ReleasedInstance) -> Table<4> {
    let row = |change: &ReleasedChange| {
        let style = match change.op {
            ChangeKind::Remove | ChangeKind::DisableOperator => BAD,
            ChangeKind::Add | ChangeKind::CreateOperator | ChangeKind::CreateGroup => GOOD,
        };
        let kind = change.op.as_str().to_owned();
        (style, [kind, change.operator.clone(), change.group.clone(), change.profile.clone()])
    };
    Table::new(["Change", "Operator", "Group", "Profile"], instance.released.iter().map(row))
}

fn text(answer: &ApprovalAnswer) -> String {
    let mut out = String::new();
    line(&mut out, &printable(&answer.message));
    for instance in &answer.instances {
        line(&mut out, "");
        line(&mut out, &format!("{BOLD}{}{BOLD:#} ({})", printable(&instance.name), heading(instance)));
        table(instance).text(&mut out, "  ");
    }
    out
}

fn markdown(answer: &ApprovalAnswer) -> String {
    let mut sections = vec![markdown::cell(&answer.message)];
    for instance in &answer.instances {
        sections.push(format!("## {} ({})", markdown::cell(&instance.name), heading(instance)));
        sections.push(table(instance).markdown());
    }
    sections.join("\n\n") + "\n"
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::{
        domain::{ApprovedChange, ChangeKey, FoldedName, InstanceName, ProductProfileName, RunId},
        journal::RecordedApproval,
    };

    fn digest() -> Digest {
        Digest::parse("0123456789abcdef").expect("a digest")
    }

    fn approved() -> ApprovalAnswer {
        let change = |operator: &str| ApprovedChange {
            key: ChangeKey {
                kind: ChangeKind::Remove,
                group: "delivery".into(),
                operator: FoldedName::stored(operator.to_owned()),
            },
            profile: ProductProfileName::new("Campaign - acme - delivery"),
        };
        let recorded = RecordedApproval {
            instance: InstanceName::new("production"),
            run: RunId::new("01KB0000000000000000000003"),
            changes: vec![change("karl@acme.com"), change("eve|\u{1b}[2J@acme.com")],
            expires_at: DateTime::from_timestamp(1_795_500_000, 0).expect("a time"),
            undo_of: None,
            given_before: None,
        };
        let held = vec![digest().to_string()];
        ApprovalAnswer { held, ..ApprovalAnswer::approved(&digest(), &"ann".into(), &[recorded], &[]) }
    }

    #[test]
    fn an_approval_as_text_shows_the_released_changes_and_its_expiry() {
        insta::assert_snapshot!(anstream::adapter::strip_str(&text(&approved())));
    }

    #[test]
    fn an_approval_as_markdown_has_a_table_for_each_instance() {
        insta::assert_snapshot!(markdown(&approved()));
    }

    #[test]
    fn an_approval_as_json_has_the_same_content() {
        insta::assert_snapshot!(json(&approved()).expect("writable"));
    }
}
