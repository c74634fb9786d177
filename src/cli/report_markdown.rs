//! The report of a run in Markdown.

use crate::domain::{InstanceReport, RunMode, RunReport, to_the_second};

use super::{
    markdown::{cell, table},
    report_text::{approval_of, mode_of, sentence_of, source_line, summary_line},
};

/// The report.
pub(super) fn markdown(report: &RunReport) -> String {
    let mode = match report.mode {
        RunMode::Apply => "",
        RunMode::DryRun => ", dry run",
    };
    let began = to_the_second(report.started_at);
    let title = format!("# Run {}, {began}{mode}", report.run);
    let mut sections = vec![title, sentence_of(report).to_owned(), cell(&source_line(report))];
    sections.extend(report.error.as_deref().map(cell));
    sections.extend(report.warnings.iter().map(|warning| note(warning)));
    for instance in &report.instances {
        instance_sections(&mut sections, instance, report.undo_of.as_deref());
    }
    sections.join("\n\n") + "\n"
}

fn instance_sections(sections: &mut Vec<String>, instance: &InstanceReport, undo_of: Option<&str>) {
    sections.push(format!("## {} ({})", cell(&instance.name), mode_of(instance.mode)));
    sections.extend(instance.error.as_deref().map(cell));
    sections.extend(instance.warnings.iter().map(|warning| note(warning)));
    sections.push(format!("{}.", summary_line(&instance.summary)));
    sections.extend(instance.held.as_ref().map(|digest| {
        let approve = format!("Held as `{digest}`. If these changes are right: `campaign-group-sync approve {digest}`");
        match undo_of {
            Some(run) => format!("{approve}, and then `campaign-group-sync undo {run} --apply`."),
            None => format!("{approve}, or `--sync-now --approve {digest}`."),
        }
    }));
    let approvals = instance.approvals.iter();
    sections.extend(approvals.map(|approval| cell(&format!("{}.", approval_of(approval, &instance.changes)))));
    if !instance.orphaned.is_empty() {
        let rows = instance
            .orphaned
            .iter()
            .map(|orphan| [orphan.group.clone(), orphan.profile.clone(), orphan.members.to_string()]);
        sections.push(table(["Orphaned", "Missing profile", "Members"], rows));
    }
    if !instance.changes.is_empty() {
        let rows = instance.changes.iter().map(|change| {
            let text = |name: Option<&str>| name.unwrap_or_default().to_owned();
            let approved = change.approved_by.as_ref().map(|by| format!(", approved by {by}")).unwrap_or_default();
            let detail = change.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
            let outcome = format!("{}{approved}{detail}", change.outcome.as_str());
            let (operator, group) = (text(change.operator.as_deref()), text(change.group.as_deref()));
            [change.op.as_str().to_owned(), operator, group, change.reason.to_string(), outcome]
        });
        sections.push(table(["Change", "Operator", "Group", "Reason", "Outcome"], rows));
    }
    if !instance.skipped.is_empty() {
        let rows = instance
            .skipped
            .iter()
            .map(|skipped| [skipped.reason.as_str().to_owned(), skipped.subject.clone(), skipped.detail.clone()]);
        sections.push(table(["Skipped", "Subject", "Detail"], rows));
    }
}

fn note(warning: &str) -> String {
    format!("Note: {}", cell(warning))
}
