//! How text is laid out for people at a terminal: colours, columns, and names that cannot do harm.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Color, Style};
use comfy_table::{ContentArrangement, Table, presets};

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = colour(AnsiColor::Green);
pub(super) const DOUBT: Style = colour(AnsiColor::Yellow);
pub(super) const BAD: Style = colour(AnsiColor::Red);

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

/// Columns without lines, aligned by the width that people see. Each row is painted as a whole: colours within a cell
/// would count as characters.
pub(super) fn table(out: &mut String, indent: &str, rows: impl Iterator<Item = (Style, Vec<String>)>) {
    let (styles, cells): (Vec<_>, Vec<Vec<_>>) =
        rows.map(|(style, row)| (style, row.iter().map(|cell| harmless(cell)).collect())).unzip();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).add_rows(cells);
    for (style, row) in styles.into_iter().zip(table.lines()) {
        line(out, &format!("{indent}{}", painted(style, row.trim())));
    }
}

/// Text that cannot move the cursor, end the line or turn the reading direction: names come from people whom nobody here
/// knows.
pub(super) fn harmless(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || turns(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

pub(super) fn painted(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

pub(super) fn line(out: &mut String, text: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(out, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_draw_on_the_terminal() {
        let name = "ann\u{1b}[2J\r\n\u{202e}@acme.com";
        assert_eq!(harmless(name), "ann\\u{1b}[2J\\u{d}\\u{a}\\u{202e}@acme.com");
        assert_eq!(harmless("zoë 日本語 עברית"), "zoë 日本語 עברית");
    }
}
