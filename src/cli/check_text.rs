//! The report of `check` as text.

use std::borrow::Cow;

use textwrap::WordSplitter;

use crate::{
    check::{CheckReport, CheckSection, Finding, Verdict},
    domain::printable,
};

use super::styles::{BAD, BOLD, DIM, DOUBT, GOOD, line, styled};

/// The column in which evidence and remedies begin: after the longest word for a verdict.
const INDENT: usize = 11;

/// The largest width of the column of titles.
const TITLES: usize = 60;

/// The smallest width for wrapped text; narrower text is harder to read than lines that the terminal wraps.
const NARROWEST: usize = 30;

/// The width of lines without a terminal.
const COLUMNS: usize = 80;

/// The report for a terminal of this many columns; `None` without a terminal.
pub(super) fn text(report: &CheckReport, columns: Option<usize>) -> String {
    let titles = report.findings.iter().map(|finding| finding.title.chars().count()).max().unwrap_or_default();
    let layout = Layout { columns: columns.unwrap_or(COLUMNS), titles: titles.min(TITLES) };
    let (mut out, mut heading) = (String::new(), String::new());
    for finding in &report.findings {
        let above = heading_of(finding);
        if above != heading {
            if !heading.is_empty() {
                out.push('\n');
            }
            line(&mut out, &styled(BOLD, &printable(&above)));
            heading = above;
        }
        layout.one_finding(&mut out, finding);
    }
    out.push('\n');
    line(&mut out, &summary(report));
    out
}

#[derive(Clone, Copy)]
struct Layout {
    columns: usize,
    /// The width of the column of titles.
    titles: usize,
}

impl Layout {
    fn one_finding(self, out: &mut String, finding: &Finding) {
        let (style, word) = match finding.verdict {
            Verdict::Ok => (GOOD, "ok"),
            Verdict::NotChecked => (DIM, "-"),
            Verdict::Warning => (DOUBT, "warning"),
            Verdict::Failed => (BAD, "FAILED"),
        };
        let verdict = styled(style, &format!("{word:7}"));
        let is_quiet = matches!(finding.verdict, Verdict::Ok | Verdict::NotChecked) && !finding.evidence.contains('\n');
        let fits = INDENT + finding.title.chars().count() + 2 + finding.evidence.chars().count() <= self.columns;
        if is_quiet && !self.has_column() && fits {
            line(out, &format!("  {verdict}  {}  {}", finding.title, styled(DIM, &printable(&finding.evidence))));
            return;
        }
        if is_quiet && self.has_column() {
            let mut evidence = self.wrapped(&finding.evidence, INDENT + self.titles + 2).into_iter();
            let first = styled(DIM, &evidence.next().unwrap_or_default());
            line(out, &format!("  {verdict}  {:titles$}  {first}", finding.title, titles = self.titles));
            for more in evidence {
                line(out, &format!("{:1$}{2}", "", INDENT + self.titles + 2, styled(DIM, &more)));
            }
            return;
        }
        line(out, &format!("  {verdict}  {}", finding.title));
        // Evidence of several lines has marks below characters and must not be wrapped.
        let evidence = match finding.evidence.lines().count() {
            1 => self.wrapped(&finding.evidence, INDENT),
            _ => finding.evidence.lines().map(|line| printable(line).into_owned()).collect(),
        };
        for evidence in evidence {
            line(out, &format!("{:INDENT$}{evidence}", ""));
        }
        let remedy = if finding.remedy.is_empty() { Vec::new() } else { self.wrapped(&finding.remedy, INDENT + 3) };
        for (at, remedy) in remedy.into_iter().enumerate() {
            let arrow = if at == 0 { styled(BOLD, "->") } else { "  ".to_owned() };
            line(out, &format!("{:INDENT$}{arrow} {remedy}", ""));
        }
    }

    /// Whether evidence fits in a column beside the titles.
    fn has_column(self) -> bool {
        self.columns >= INDENT + self.titles + 2 + NARROWEST
    }

    /// Wraps a text that begins in this column.
    fn wrapped(self, text: &str, column: usize) -> Vec<String> {
        let text = printable(text);
        let width = self.columns.saturating_sub(column);
        if width < NARROWEST {
            return vec![text.into_owned()];
        }
        // Commands, paths and addresses are not broken, so that they can be copied.
        let whole = textwrap::Options::new(width).break_words(false).word_splitter(WordSplitter::NoHyphenation);
        textwrap::wrap(&text, whole).into_iter().map(Cow::into_owned).collect()
    }
}

/// The heading above the finding.
pub(super) fn heading_of(finding: &Finding) -> String {
    let name = match finding.section {
        CheckSection::Configuration => "Configuration",
        CheckSection::ExperienceCloud => "Experience Cloud",
        CheckSection::Campaign => "Campaign",
        CheckSection::Names => "Mask and names",
        CheckSection::Host => "Host",
        CheckSection::Notifications => "Notifications",
    };
    match &finding.instance {
        Some(instance) => format!("{name}: {instance}"),
        None => name.to_owned(),
    }
}

/// The number of findings with each verdict.
pub(super) fn summary(report: &CheckReport) -> String {
    let count = |verdict| report.count(verdict);
    format!(
        "{} failed, {} warnings, {} ok, {} not checked.",
        count(Verdict::Failed),
        count(Verdict::Warning),
        count(Verdict::Ok),
        count(Verdict::NotChecked)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(verdict: Verdict, evidence: &str, remedy: &str) -> Finding {
        Finding {
            section: CheckSection::Host,
            instance: None,
            id: "host.schedule",
            title: "The schedule leaves time between runs".to_owned(),
            verdict,
            cause: None,
            waits_for: None,
            evidence: evidence.to_owned(),
            remedy: remedy.to_owned(),
        }
    }

    fn shown(finding: Finding, columns: usize) -> String {
        let text = text(&CheckReport { version: 1, findings: vec![finding] }, Some(columns));
        let mut lines = anstream::adapter::strip_str(&text).to_string();
        lines.truncate(lines.rfind("\n\n").unwrap_or_default());
        lines
    }

    #[test]
    fn long_lines_are_wrapped_in_their_column() {
        let remedy = "make [schedule] cron as rare as experience_cloud.first_page_interval";
        assert_eq!(
            shown(finding(Verdict::Warning, "runs are 10m apart and page 0 may be requested every 2h", remedy), 60),
            "Host\n  warning  The schedule leaves time between runs\n           runs are 10m apart and page 0 may be requested\n           \
             every 2h\n           -> make [schedule] cron as rare as\n              experience_cloud.first_page_interval"
        );
        assert_eq!(
            shown(finding(Verdict::Ok, "next runs: Mon 00:00, Mon 02:00, Mon 04:00, Mon 06:00", ""), 82),
            "Host\n  ok       The schedule leaves time between runs  next runs: Mon 00:00, Mon 02:00,\n                          \
             \u{20}                       Mon 04:00, Mon 06:00"
        );
    }

    #[test]
    fn marks_stay_below_their_characters_and_long_evidence_gets_its_own_line() {
        let marked = "expected: Campaign - acme - (.*)\nCampaign: Campaign – acme - (.*)\n                   ^";
        let marked = shown(finding(Verdict::Failed, marked, ""), 42);
        assert!(marked.ends_with("                              ^"), "{marked}");
        let narrow = shown(finding(Verdict::Ok, "evidence of that length", ""), 70);
        assert!(narrow.ends_with("runs\n           evidence of that length"), "{narrow}");
    }
}
