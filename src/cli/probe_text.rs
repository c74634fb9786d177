//! The report of a probe as text and as Markdown.

use std::borrow::Cow;

use textwrap::WordSplitter;

use crate::{
    domain::printable,
    probe::{ProbeOutcome, ProbeReport, ProbeStep},
};

use super::{
    markdown::{cell, table},
    styles::{BAD, BOLD, DIM, DOUBT, GOOD, line, styled},
};

/// The heading of the answers.
const KNOWN: &str = "Known about this instance, and used by runs";

/// The heading of the steps that `probe` cannot make.
const BY_HAND: &str = "T8, by an administrator with a test user";

/// The width of text, in columns.
const WIDTH: usize = 80;

/// The column in which the text of a step begins.
const INDENT: usize = 4;

pub(super) fn text(report: &ProbeReport) -> String {
    let mut out = String::new();
    line(&mut out, &styled(BOLD, &printable(&format!("Probe of {}", report.instance))));
    line(&mut out, &styled(DIM, &printable(&format!("{}, {}", report.address, report.probe))));
    for step in &report.steps {
        line(&mut out, "");
        wrapped(&mut out, &format!("{:INDENT$}", step.id), &step.tried);
        wrapped(&mut out, "    Campaign: ", &step.answer);
        wrapped(&mut out, "    settles:  ", &step.settles);
    }
    let known = report.answers.described();
    if !known.is_empty() {
        line(&mut out, "");
        line(&mut out, &styled(BOLD, KNOWN));
    }
    for answer in known {
        wrapped(&mut out, "  ", &answer);
    }
    if report.has_begun() {
        line(&mut out, "");
        line(&mut out, &styled(BOLD, BY_HAND));
        for (at, step) in report.by_hand.iter().enumerate() {
            wrapped(&mut out, &format!("  {}. ", at + 1), step);
        }
    }
    line(&mut out, "");
    for left in &report.left {
        wrapped(&mut out, "left: ", left);
    }
    let style = match report.outcome {
        ProbeOutcome::Settled => GOOD,
        ProbeOutcome::Partial | ProbeOutcome::Interrupted => DOUBT,
        _ => BAD,
    };
    for row in rows("", &conclusion(report)) {
        line(&mut out, &styled(style, &row));
    }
    out
}

pub(super) fn markdown(report: &ProbeReport) -> String {
    let mut out = format!("# Probe of {}\n\n{}\n", cell(&report.instance), cell(&conclusion(report)));
    if !report.left.is_empty() {
        list(&mut out, "Left in Campaign", "-", report.left.iter().map(String::as_str));
    }
    if report.has_begun() {
        let row =
            |step: &ProbeStep| [step.id.to_owned(), step.tried.clone(), step.answer.clone(), step.settles.clone()];
        line(&mut out, "\n## Steps\n");
        line(&mut out, &table(["Step", "Tried", "Campaign", "Settles"], report.steps.iter().map(row)));
    }
    let known = report.answers.described();
    if !known.is_empty() {
        list(&mut out, KNOWN, "-", known.iter().map(String::as_str));
    }
    if report.has_begun() {
        list(&mut out, BY_HAND, "1.", report.by_hand);
    }
    out
}

/// A list below a heading.
fn list<'a>(out: &mut String, heading: &str, mark: &str, entries: impl IntoIterator<Item = &'a str>) {
    line(out, &format!("\n## {heading}\n"));
    for entry in entries {
        line(out, &format!("{mark} {}", cell(entry)));
    }
}

/// How the probe ended, in one or two sentences.
fn conclusion(report: &ProbeReport) -> String {
    let error = report.error.as_deref().unwrap_or_default();
    match (report.outcome, report.has_begun()) {
        (ProbeOutcome::Settled, _) => {
            "Every question that probe can settle is settled, and no scratch record is left.".to_owned()
        }
        (ProbeOutcome::NotAllowed, _) => format!("Not probed, and nothing was written: {error}."),
        (_, false) => format!("Nothing was tried: {error}."),
        (_, true) if report.left.is_empty() => format!("Ended early: {error}. No scratch record is left."),
        (_, true) => {
            format!("Ended early: {error}. Scratch records may be left: run probe again, which removes them first.")
        }
    }
}

fn wrapped(out: &mut String, label: &str, text: &str) {
    for row in rows(label, text) {
        line(out, &row);
    }
}

/// The text in lines, the first one after the label. Addresses are not broken, so that they can be copied.
fn rows(label: &str, text: &str) -> Vec<String> {
    let text = printable(text);
    let indent = " ".repeat(label.len());
    let options = textwrap::Options::new(WIDTH)
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation)
        .initial_indent(label)
        .subsequent_indent(&indent);
    textwrap::wrap(&text, options).into_iter().map(Cow::into_owned).collect()
}
