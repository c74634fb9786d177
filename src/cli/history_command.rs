//! `history`: past runs, and the report of one run.

use std::slice;

use anstyle::Style;
use serde::Serialize;

use crate::{
    domain::{InstanceName, Outcome, RunReport, to_the_second},
    journal::{DeletedBefore, FindRunError, Journal, RunEntry, RunFilter},
    settings::Settings,
};

use super::{
    CommandError,
    arguments::{Arguments, HistoryArguments, HistoryFilter, OutputFormat},
    bootstrap::bootstrap,
    exit_status::ExitStatus,
    history_approvals, history_changes, history_verify,
    json::json,
    report_markdown, report_text,
    styles::DIM,
    table::Table,
    terminal::print,
};

/// The text where no run has been recorded.
const NO_RUN: &str = "No run has been recorded yet.\n";

/// Exits with 0 regardless of the outcome of the runs that it shows.
pub(super) async fn run(arguments: &Arguments, history: &HistoryArguments) -> Result<ExitStatus, CommandError> {
    let (mut settings, _) = bootstrap(arguments)?;
    let journal = Journal::open_read_only(&settings.journal_options()).await?;
    refuse_unknown_instance(&mut settings, journal.as_ref(), &history.filter).await?;
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

/// Refuses an instance that is neither configured nor in the record: its list would be empty, as if nothing had
/// happened.
async fn refuse_unknown_instance(
    settings: &mut Settings,
    journal: Option<&Journal>,
    filter: &HistoryFilter,
) -> Result<(), CommandError> {
    let Some(name) = &filter.instance else { return Ok(()) };
    let runs_of_instance = RunFilter { instance: Some(InstanceName::new(name)), ..RunFilter::default() };
    let is_recorded = match journal {
        Some(journal) => !journal.runs_of(&runs_of_instance, 1).await?.is_empty(),
        None => false,
    };
    if is_recorded { Ok(()) } else { settings.keep_instances(slice::from_ref(name)).map_err(CommandError::Usage) }
}

/// The runs or changes that match the filter.
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

/// The report of a run in the given format.
pub(super) fn one_report(output: OutputFormat, report: &RunReport) -> Result<String, serde_json::Error> {
    Ok(match output {
        OutputFormat::Text => report_text::text(report),
        OutputFormat::Json => json(report)?,
        OutputFormat::Markdown => report_markdown::markdown(report),
    })
}

/// The sentence below a list that reaches back to deleted entries; JSON has a field for it. `more`: the list is cut at
/// its limit, and older entries may exist.
pub(super) fn deletion_note(output: OutputFormat, more: bool, deleted_before: DeletedBefore) -> String {
    let note = if more { String::new() } else { deleted_before.to_text() };
    match output {
        OutputFormat::Json => String::new(),
        OutputFormat::Text => note,
        OutputFormat::Markdown if note.is_empty() => note,
        OutputFormat::Markdown => format!("\n{note}"),
    }
}

/// Version of this document's form.
const VERSION: u32 = 1;

/// The JSON form.
#[derive(Serialize)]
struct RunsDocument<'a> {
    version: u32,
    runs: &'a [RunEntry],
    /// The times before which runs, and changes, were deleted because of their age.
    deleted_before: DeletedBefore,
}

fn list(output: OutputFormat, runs: &[RunEntry], deleted_before: DeletedBefore) -> Result<String, serde_json::Error> {
    Ok(match output {
        OutputFormat::Json => json(&RunsDocument { version: VERSION, runs, deleted_before })?,
        OutputFormat::Text | OutputFormat::Markdown => {
            let nothing =
                if deleted_before == DeletedBefore::default() { NO_RUN } else { "No recorded run matches.\n" };
            Table::new(["Run", "Started", "Mode", "Outcome", "Changes"], runs.iter().map(row)).rendered(output, nothing)
        }
    })
}

fn row(entry: &RunEntry) -> (Style, [String; 5]) {
    let style = entry.outcome.map_or(DIM, report_text::style_of);
    let outcome = entry.outcome.map_or("running", Outcome::as_str);
    let cells = [
        entry.run.clone(),
        to_the_second(entry.started_at),
        entry.mode.as_str().to_owned(),
        outcome.to_owned(),
        report_text::numbers(&entry.summary),
    ];
    (style, cells)
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
    fn runs_as_text_are_listed_with_their_changes() {
        insta::assert_snapshot!(shown(OutputFormat::Text, &runs()));
    }

    #[test]
    fn runs_as_markdown_are_a_table() {
        insta::assert_snapshot!(shown(OutputFormat::Markdown, &runs()[1..3]));
    }

    #[test]
    fn runs_as_json_have_the_documented_fields() {
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
        assert!(document["runs"][0]["outcome"].is_null(), "the run is in progress");
    }

    #[test]
    fn a_list_without_runs_says_so() {
        assert_eq!(shown(OutputFormat::Text, &[]), NO_RUN);
        assert_eq!(shown(OutputFormat::Markdown, &[]), NO_RUN);
        let document: serde_json::Value = serde_json::from_str(&shown(OutputFormat::Json, &[])).expect("JSON");
        let deleted_before = serde_json::json!({ "runs": null, "changes": null });
        assert_eq!(document, serde_json::json!({ "version": 1, "runs": [], "deleted_before": deleted_before }));
    }
}
