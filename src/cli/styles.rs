//! Colours and columns of text.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Color, Style};
use comfy_table::{ContentArrangement, Table, presets};
use textwrap::{WordSeparator, WordSplitter};

use crate::domain::printable;

/// The width of text, in columns.
const WIDTH: usize = 80;

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = colour(AnsiColor::Green);
pub(super) const DOUBT: Style = colour(AnsiColor::Yellow);
pub(super) const BAD: Style = colour(AnsiColor::Red);

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

/// Columns without lines, aligned by their visible width. A style applies to a whole row, because escape codes within a
/// cell would count as characters.
pub(super) fn columns(out: &mut String, indent: &str, rows: impl Iterator<Item = (Style, Vec<String>)>) {
    let (styles, cells): (Vec<_>, Vec<Vec<_>>) =
        rows.map(|(style, row)| (style, row.iter().map(|cell| printable(cell).into_owned()).collect())).unzip();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).add_rows(cells);
    for (style, row) in styles.into_iter().zip(table.lines()) {
        line(out, &format!("{indent}{}", styled(style, row.trim())));
    }
}

pub(super) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

pub(super) fn line(out: &mut String, text: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(out, "{text}");
}

/// Wraps the text in its column, which begins after this many characters.
pub(super) fn wrapped(text: &str, column: usize) -> String {
    let text = printable(text);
    let options = textwrap::Options::new(WIDTH.saturating_sub(column).max(20))
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        // A path is copied as a whole.
        .break_words(false);
    textwrap::wrap(&text, options).join(&format!("\n{:column$}", ""))
}
