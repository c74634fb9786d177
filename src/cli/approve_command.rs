//! `approve`: somebody's word that a held plan may be made by the next run.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::{
    domain::{ApprovedChange, ChangeKind, Digest},
    journal::{ApproveError, HeldRecord, Journal},
    settings::{self, Settings},
};

use super::{
    CommandError,
    arguments::{ApproveArguments, Arguments, OutputFormat},
    exit_code::Exit,
    layout::{BAD, BOLD, GOOD, harmless, line, table, time},
    report_json::json,
    report_markdown,
    start::start,
    terminal::print,
};

/// Records the approval and shows what it releases.
pub(super) async fn run(arguments: &Arguments, approve: &ApproveArguments) -> Result<Exit, CommandError> {
    let (settings, _) = start(arguments)?;
    let answer = answer(&settings, &approve.digest).await?;
    match arguments.output {
        OutputFormat::Json => print(&json(&answer)?)?,
        // For people this is an error, and names what they could have meant.
        _ if answer.outcome == Verdict::NotHeld => return Err(CommandError::NotHeld(answer.message)),
        OutputFormat::Text => print(&text(&answer))?,
        OutputFormat::Markdown => print(&markdown(&answer))?,
    }
    Ok(if answer.outcome == Verdict::NotHeld { Exit::Held } else { Exit::Done })
}

/// What became of the word. The JSON form is this in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Approved,
    ApprovedBefore,
    NotHeld,
}

/// The whole answer; the JSON form.
#[derive(Serialize)]
struct Answer {
    digest: String,
    outcome: Verdict,
    message: String,
    approver: String,
    /// Until when the approval counts; `null` when none was recorded.
    expires_at: Option<String>,
    instances: Vec<ReleasedInstance>,
    /// All digests that could be approved.
    held: Vec<String>,
}

/// What is released in one instance.
#[derive(Serialize)]
struct ReleasedInstance {
    name: String,
    /// How many changes the approval names.
    changes: usize,
    /// The run that held them.
    run: Option<String>,
    released: Vec<ReleasedChange>,
}

/// One released change, in the words of reports.
#[derive(Serialize)]
struct ReleasedChange {
    op: ChangeKind,
    operator: String,
    group: String,
    profile: String,
}

async fn answer(settings: &Settings, digest: &Digest) -> Result<Answer, CommandError> {
    let (now, approver) = (Utc::now(), settings::approver());
    let Some(journal) = Journal::open_existing(&settings.journal_options()).await? else {
        let error = ApproveError::NotHeld { digest: digest.clone(), held: Vec::new() };
        return Answer::refused(digest, approver, error, &[]);
    };
    // Before the approval: what it releases is what was held then.
    let held = journal.held().await?;
    match journal.approve(digest, &approver, now, expiry(settings, now)).await {
        Ok(recorded) => {
            let instances = recorded.iter().map(|approval| {
                let record = held.iter().find(|held| held.digest == *digest && held.instance == approval.instance);
                ReleasedInstance::new(approval.instance.as_str(), approval.changes, record)
            });
            let instances = instances.collect();
            let expires_at = recorded.iter().map(|approval| time(approval.expires_at)).min();
            Ok(Answer::approved(digest, approver, expires_at, instances, &held))
        }
        Err(error) => Answer::refused(digest, approver, error, &held),
    }
}

/// A time beyond all calendars counts as for ever.
fn expiry(settings: &Settings, now: DateTime<Utc>) -> DateTime<Utc> {
    let ttl = TimeDelta::from_std(settings.guard.approval_ttl).unwrap_or(TimeDelta::MAX);
    now.checked_add_signed(ttl).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

impl Answer {
    fn approved(
        digest: &Digest,
        approver: String,
        expires_at: Option<String>,
        instances: Vec<ReleasedInstance>,
        held: &[HeldRecord],
    ) -> Self {
        let until = expires_at.as_ref().map(|at| format!(" until {at}")).unwrap_or_default();
        Self {
            digest: digest.to_string(),
            outcome: Verdict::Approved,
            message: format!(
                "{digest} is approved by {approver}{until}: the next run makes these changes, as far as the \
                 organization still wants them."
            ),
            approver,
            expires_at,
            instances,
            held: digests(held),
        }
    }

    /// Only a failing journal is an error here; the rest is an answer.
    fn refused(
        digest: &Digest,
        approver: String,
        error: ApproveError,
        held: &[HeldRecord],
    ) -> Result<Self, CommandError> {
        let message = error.to_string();
        let (outcome, approver) = match error {
            ApproveError::Journal(error) => return Err(error.into()),
            ApproveError::NotHeld { .. } => (Verdict::NotHeld, approver),
            ApproveError::AppliedBefore { approver, .. } => (Verdict::ApprovedBefore, approver),
        };
        Ok(Self {
            digest: digest.to_string(),
            outcome,
            message,
            approver,
            expires_at: None,
            instances: Vec::new(),
            held: digests(held),
        })
    }
}

fn digests(held: &[HeldRecord]) -> Vec<String> {
    let mut digests: Vec<_> = held.iter().map(|held| held.digest.to_string()).collect();
    digests.sort();
    digests.dedup();
    digests
}

impl ReleasedInstance {
    fn new(instance: &str, changes: usize, record: Option<&HeldRecord>) -> Self {
        Self {
            name: instance.to_owned(),
            changes,
            run: record.map(|record| record.run.to_string()),
            released: record.iter().flat_map(|record| &record.changes).map(ReleasedChange::of).collect(),
        }
    }

    fn heading(&self) -> String {
        let changes = match self.changes {
            1 => "1 change".to_owned(),
            changes => format!("{changes} changes"),
        };
        match &self.run {
            Some(run) => format!("{changes}, held by run {run}"),
            None => changes,
        }
    }
}

impl ReleasedChange {
    fn of(change: &ApprovedChange) -> Self {
        Self {
            op: change.key.kind,
            operator: change.key.operator.clone(),
            group: change.key.group.clone(),
            profile: change.profile.to_string(),
        }
    }

    fn cells(&self) -> [String; 4] {
        [self.op.as_str().to_owned(), self.operator.clone(), self.group.clone(), self.profile.clone()]
    }
}

fn text(answer: &Answer) -> String {
    let mut out = String::new();
    line(&mut out, &harmless(&answer.message));
    for instance in &answer.instances {
        line(&mut out, "");
        line(&mut out, &format!("{BOLD}{}{BOLD:#} ({})", harmless(&instance.name), instance.heading()));
        let rows = instance.released.iter().map(|change| {
            let style = match change.op {
                ChangeKind::Remove | ChangeKind::DisableOperator => BAD,
                ChangeKind::Add | ChangeKind::CreateOperator | ChangeKind::CreateGroup => GOOD,
            };
            (style, change.cells().into())
        });
        table(&mut out, "  ", rows);
    }
    out
}

fn markdown(answer: &Answer) -> String {
    let mut sections = vec![report_markdown::cell(&answer.message)];
    for instance in &answer.instances {
        sections.push(format!("## {} ({})", report_markdown::cell(&instance.name), instance.heading()));
        let rows = instance.released.iter().map(ReleasedChange::cells);
        sections.push(report_markdown::table(["Change", "Operator", "Group", "Profile"], rows));
    }
    sections.join("\n\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ChangeKey, InstanceName, ProductProfileName, RunId};

    fn digest() -> Digest {
        Digest::parse("0123456789abcdef").expect("a digest")
    }

    fn record() -> HeldRecord {
        let change = |operator: &str| ApprovedChange {
            key: ChangeKey { kind: ChangeKind::Remove, group: "delivery".to_owned(), operator: operator.to_owned() },
            profile: ProductProfileName::new("Campaign - acme - delivery"),
        };
        HeldRecord {
            instance: InstanceName::new("production"),
            digest: digest(),
            run: RunId::new("01KB0000000000000000000003"),
            at: DateTime::from_timestamp(1_795_413_600, 0).expect("a time"),
            is_dry_run: false,
            is_narrowed: false,
            changes: vec![change("karl@acme.com"), change("eve|\u{1b}[2J@acme.com")],
            held: Vec::new(),
        }
    }

    fn approved() -> Answer {
        let expires_at = Some("2026-11-24T06:00:00Z".to_owned());
        let instances = vec![ReleasedInstance::new("production", 2, Some(&record()))];
        Answer::approved(&digest(), "ann".to_owned(), expires_at, instances, &[record()])
    }

    #[test]
    fn an_approval_shows_what_it_releases_and_until_when() {
        insta::assert_snapshot!(anstream::adapter::strip_str(&text(&approved())));
    }

    #[test]
    fn an_approval_fits_into_a_ticket() {
        insta::assert_snapshot!(markdown(&approved()));
    }

    #[test]
    fn programs_get_the_same_answer() {
        insta::assert_snapshot!(json(&approved()).expect("writable"));
    }

    #[test]
    fn what_is_not_held_is_told_together_with_what_is() {
        let error = ApproveError::NotHeld { digest: digest(), held: vec![digest()] };
        let answer = Answer::refused(&digest(), "ann".to_owned(), error, &[record(), record()]).expect("an answer");
        assert_eq!((answer.outcome, answer.held.len()), (Verdict::NotHeld, 1));
        assert!(answer.message.contains("held: 0123456789abcdef"), "{}", answer.message);
    }

    #[test]
    fn who_approved_before_is_named() {
        let error = ApproveError::AppliedBefore { digest: digest(), approver: "zoe".to_owned() };
        let answer = Answer::refused(&digest(), "ann".to_owned(), error, &[]).expect("an answer");
        assert_eq!((answer.outcome, answer.approver.as_str()), (Verdict::ApprovedBefore, "zoe"));
        assert!(answer.expires_at.is_none() && answer.message.contains("zoe"), "{}", answer.message);
    }
}
