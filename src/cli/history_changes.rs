//! `history` with `--user`, `--group`, `--op` or `--outcome`: the matching changes of all runs.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    domain::{ChangeReport, InstanceName, RunMode, to_the_second},
    journal::{ChangeFilter, DeletedBefore, FoundChange, Journal},
};

use super::{
    CommandError,
    arguments::{HistoryFilter, OutputFormat},
    history_command::deletion_note,
    json::json,
    report_text::style_of_change,
    table::Table,
};

/// Version of this document's form.
const VERSION: u32 = 1;

const NOTHING: &str = "No recorded change matches.\n";

const HEADS: [&str; 8] = ["Recorded", "Run", "Instance", "Change", "Operator", "Group", "Outcome", "Approved by"];

/// The filter for changes; `None` where runs are to be listed.
pub(super) fn change_filter(filter: &HistoryFilter) -> Option<ChangeFilter> {
    let HistoryFilter { since, until, instance, user, group, op, outcome } = filter;
    let is_about_changes = user.is_some() || group.is_some() || op.is_some() || outcome.is_some();
    is_about_changes.then(|| ChangeFilter {
        since: *since,
        until: *until,
        instance: instance.as_deref().map(InstanceName::new),
        operator: user.clone(),
        group: group.clone(),
        op: *op,
        outcome: *outcome,
    })
}

/// The matching changes, newest run first, in the given format.
pub(super) async fn matching_changes(
    journal: Option<&Journal>,
    filter: &ChangeFilter,
    limit: u32,
    deleted_before: DeletedBefore,
    output: OutputFormat,
) -> Result<String, CommandError> {
    let found = match journal {
        Some(journal) => journal.found_changes(filter, usize::try_from(limit).unwrap_or(usize::MAX)).await?,
        None => Vec::new(),
    };
    let more = found.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(list(output, &found, deleted_before)? + &deletion_note(output, more, deleted_before))
}

/// The JSON form.
#[derive(Serialize)]
struct ChangesDocument<'a> {
    version: u32,
    changes: Vec<ListedChange<'a>>,
    /// The times before which runs, and changes, were deleted because of their age.
    deleted_before: DeletedBefore,
}

#[derive(Serialize)]
struct ListedChange<'a> {
    run: &'a str,
    mode: RunMode,
    instance: &'a str,
    #[serde(serialize_with = "crate::domain::rfc3339")]
    recorded_at: DateTime<Utc>,
    #[serde(flatten)]
    change: &'a ChangeReport,
}

fn list(
    output: OutputFormat,
    found: &[FoundChange],
    deleted_before: DeletedBefore,
) -> Result<String, serde_json::Error> {
    Ok(match output {
        OutputFormat::Json => {
            json(&ChangesDocument { version: VERSION, changes: found.iter().map(listed).collect(), deleted_before })?
        }
        OutputFormat::Text | OutputFormat::Markdown => {
            let rows = found.iter().map(|one| (style_of_change(&one.change), row(one)));
            Table::new(HEADS, rows).rendered(output, NOTHING)
        }
    })
}

fn listed(found: &FoundChange) -> ListedChange<'_> {
    let FoundChange { run, mode, instance, recorded_at, change } = found;
    ListedChange { run: run.as_str(), mode: *mode, instance, recorded_at: *recorded_at, change }
}

fn row(found: &FoundChange) -> [String; 8] {
    let FoundChange { run, mode, instance, recorded_at, change } = found;
    let dry = match mode {
        RunMode::Apply => "",
        RunMode::DryRun => " (dry run)",
    };
    let text = |name: Option<&str>| name.unwrap_or_default().to_owned();
    [
        to_the_second(*recorded_at),
        run.to_string(),
        instance.clone(),
        change.op.as_str().to_owned(),
        text(change.operator.as_deref()),
        text(change.group.as_deref()),
        format!("{}{dry}", change.outcome.as_str()),
        text(change.approved_by.as_deref()),
    ]
}
