//! The report of `check` in Markdown.

use crate::check::{CheckReport, Verdict};

use super::{
    check_text::{heading_of, summary},
    markdown::cell,
    styles::line,
};

/// The report, a table for each section.
pub(super) fn markdown(report: &CheckReport) -> String {
    let mut out = format!("# Check\n\n{}\n", summary(report));
    let mut heading = String::new();
    for finding in &report.findings {
        let above = heading_of(finding);
        if above != heading {
            line(
                &mut out,
                &format!(
                    "\n## {}\n\n| Verdict | Prerequisite | Evidence | Remedy |\n| --- | --- | --- | --- |",
                    cell(&above)
                ),
            );
            heading = above;
        }
        let verdict = match finding.verdict {
            Verdict::Ok => "ok",
            Verdict::NotChecked => "not checked",
            Verdict::Warning => "**warning**",
            Verdict::Failed => "**failed**",
        };
        let cells = [verdict.to_owned(), lines(&finding.title), lines(&finding.evidence), lines(&finding.remedy)];
        line(&mut out, &format!("| {} |", cells.join(" | ")));
    }
    out
}

/// Text of several lines in one cell of a table.
fn lines(text: &str) -> String {
    text.lines().map(cell).collect::<Vec<_>>().join("<br>")
}
