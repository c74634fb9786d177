//! `history`: past runs, and one run's report.

use anstyle::Style;
use serde::Serialize;

use crate::{
    domain::{InstanceName, Outcome, RunReport, to_the_second},
    journal::{DeletedBefore, FindRunError, Journal, RunEntry, RunFilter},
};

use super::{
    CommandError,
    arguments::{Arguments, HistoryArguments, HistoryFilter, OutputFormat},
    bootstrap::bootstrap,
    exit_status::ExitStatus,
    history_approvals, history_changes, history_verify,
    json::json,
    markdown, report_markdown, report_text,
    styles::{DIM, table},
    terminal::print,
};

/// What there is to say where no run was made yet.
const NO_RUN: &str = "No run has been recorded yet.\n";

/// Ends with 0 whatever became of the runs it shows: the question was answered.
pub(super) async fn run(arguments: &Arguments, history: &HistoryArguments) -> Result<ExitStatus, CommandError> {
    let (settings, _) = bootstrap(arguments)?;
    let journal = Journal::open_read_only(&settings.journal_options()).await?;
    if let Some(head) = &history.verify {
        return history_verify::run(journal.as_ref(), head.as_deref(), arguments.output).await;
    }
    if history.approvals {
        print(&history_approvals::approvals(journal.as_ref(), history.limit, arguments.output).await?)?;
        return Ok(ExitStatus::Done);
    }
    let shown = if let Some(run) = &history.run {
        one_report(arguments.output, &one_run(journal.as_ref(), run).await?)?
    } else {
        listed(journal.as_ref(), history, arguments.output).await?
    };
    print(&shown)?;
    Ok(ExitStatus::Done)
}

/// The runs, or the changes, that fit all that is asked.
async fn listed(
    journal: Option<&Journal>,
    history: &HistoryArguments,
    output: OutputFormat,
) -> Result<String, CommandError> {
    let deleted_before = match journal {
        Some(journal) => journal.deleted_before().await?,
        None => DeletedBefore::default(),
    };
    if let Some(filter) = history_changes::change_filter(&history.filter) {
        return history_changes::matching_changes(journal, &filter, history.limit, deleted_before, output).await;
    }
    let runs = last_runs(journal, history).await?;
    let more = runs.len() >= usize::try_from(history.limit).unwrap_or(usize::MAX);
    Ok(list(output, &runs, deleted_before)? + &deletion_note(output, more, deleted_before))
}

async fn last_runs(journal: Option<&Journal>, history: &HistoryArguments) -> Result<Vec<RunEntry>, CommandError> {
    let HistoryFilter { since, until, instance, .. } = &history.filter;
    let filter = RunFilter { since: *since, until: *until, instance: instance.as_deref().map(InstanceName::new) };
    match journal {
        Some(journal) => Ok(journal.runs_of(&filter, usize::try_from(history.limit).unwrap_or(usize::MAX)).await?),
        None => Ok(Vec::new()),
    }
}

async fn one_run(journal: Option<&Journal>, run: &str) -> Result<RunReport, CommandError> {
    match journal {
        Some(journal) => Ok(journal.find_run(run).await?),
        None => Err(FindRunError::Unknown(run.to_owned()).into()),
    }
}

/// The report of a run in the form that was asked for.
pub(super) fn one_report(output: OutputFormat, report: &RunReport) -> Result<String, serde_json::Error> {
    Ok(match output {
        OutputFormat::Text => report_text::text(report),
        OutputFormat::Json => json(report)?,
        OutputFormat::Markdown => report_markdown::markdown(report),
    })
}

/// Where a list reaches back to what was deleted, it says so; JSON has a field for it.
pub(super) fn deletion_note(output: OutputFormat, more: bool, deleted_before: DeletedBefore) -> String {
    let told = if more { String::new() } else { deleted_before.to_text() };
    match output {
        OutputFormat::Json => String::new(),
        OutputFormat::Text => told,
        OutputFormat::Markdown if told.is_empty() => told,
        OutputFormat::Markdown => format!("\n{told}"),
    }
}

/// Version of this document's form.
const VERSION: u32 = 1;

/// The JSON form.
#[derive(Serialize)]
struct RunsDocument<'a> {
    version: u32,
    runs: &'a [RunEntry],
    /// Before which times runs, and changes, were deleted for their age.
    deleted_before: DeletedBefore,
}

fn list(output: OutputFormat, runs: &[RunEntry], deleted_before: DeletedBefore) -> Result<String, serde_json::Error> {
    Ok(match output {
        OutputFormat::Json => json(&RunsDocument { version: VERSION, runs, deleted_before })?,
        _ if runs.is_empty() && deleted_before != DeletedBefore::default() => {
            "No run that is kept matches.\n".to_owned()
        }
        _ if runs.is_empty() => NO_RUN.to_owned(),
        OutputFormat::Text => text(runs),
        OutputFormat::Markdown => markdown::table(["Run", "Started", "Mode", "Outcome", "Changes"], rows(runs)) + "\n",
    })
}

fn text(runs: &[RunEntry]) -> String {
    let mut out = String::new();
    let heads = ["Run", "Started", "Mode", "Outcome", "Changes"].map(str::to_owned).into();
    let lines = runs.iter().zip(rows(runs)).map(|(entry, row)| (style_of(entry), row.into()));
    table(&mut out, "", std::iter::once((DIM, heads)).chain(lines));
    out
}

fn rows(runs: &[RunEntry]) -> impl Iterator<Item = [String; 5]> {
    runs.iter().map(|entry| {
        let outcome = entry.outcome.map_or("running", Outcome::as_str);
        [
            entry.run.clone(),
            to_the_second(entry.started_at),
            entry.mode.as_str().to_owned(),
            outcome.to_owned(),
            report_text::numbers(&entry.summary),
        ]
    })
}

fn style_of(entry: &RunEntry) -> Style {
    entry.outcome.map_or(DIM, report_text::style_of)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::{RunMode, Summary};

    fn entry(run: &str, mode: RunMode, outcome: Option<Outcome>, summary: Summary) -> RunEntry {
        let started_at = DateTime::from_timestamp(1_795_413_600, 0).expect("a time");
        RunEntry { run: run.to_owned(), started_at, mode, scope: None, instances: Vec::new(), outcome, summary }
    }

    fn runs() -> Vec<RunEntry> {
        let held = Summary { add: 2, remove: 3, applied: 2, held: 3, unchanged: 140, ..Summary::default() };
        let pending = Summary { add: 1, disable_operator: 1, pending: 2, skipped: 4, ..Summary::default() };
        vec![
            entry("01KB0000000000000000000004", RunMode::Apply, None, Summary::default()),
            entry("01KB0000000000000000000003", RunMode::Apply, Some(Outcome::Held), held),
            entry("01KB0000000000000000000002", RunMode::DryRun, Some(Outcome::ChangesPending), pending),
            entry("01KB0000000000000000000001", RunMode::Apply, Some(Outcome::Interrupted), Summary::default()),
        ]
    }

    fn shown(output: OutputFormat, runs: &[RunEntry]) -> String {
        anstream::adapter::strip_str(&list(output, runs, DeletedBefore::default()).expect("writable")).to_string()
    }

    #[test]
    fn runs_are_listed_with_the_numbers_that_count() {
        insta::assert_snapshot!(shown(OutputFormat::Text, &runs()));
    }

    #[test]
    fn the_list_fits_into_a_ticket() {
        insta::assert_snapshot!(shown(OutputFormat::Markdown, &runs()[1..3]));
    }

    #[test]
    fn programs_get_the_promised_fields() {
        let document: serde_json::Value = serde_json::from_str(&shown(OutputFormat::Json, &runs())).expect("JSON");
        let first = &document["runs"][1];
        assert_eq!(
            (&first["run"], &first["started_at"], &first["mode"], &first["outcome"], &first["summary"]["held"]),
            (
                &"01KB0000000000000000000003".into(),
                &"2026-11-23T06:00:00Z".into(),
                &"apply".into(),
                &"held".into(),
                &3.into()
            )
        );
        assert!(document["runs"][0]["outcome"].is_null(), "it still runs");
    }

    #[test]
    fn without_a_run_there_is_an_answer_all_the_same() {
        assert_eq!(shown(OutputFormat::Text, &[]), NO_RUN);
        assert_eq!(shown(OutputFormat::Markdown, &[]), NO_RUN);
        let document: serde_json::Value = serde_json::from_str(&shown(OutputFormat::Json, &[])).expect("JSON");
        let deleted_before = serde_json::json!({ "runs": null, "changes": null });
        assert_eq!(document, serde_json::json!({ "version": 1, "runs": [], "deleted_before": deleted_before }));
    }
}
