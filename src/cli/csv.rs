//! CSV for spreadsheets, in the form of RFC 4180, in which a name never becomes a formula.

use crate::domain::printable;

/// Appends a row.
pub(super) fn row<'a>(out: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    out.push_str(&cells.join(","));
    out.push_str("\r\n");
}

/// Characters at the beginning of a cell that make it a formula in a spreadsheet, with their full-width forms.
const FORMULA_MARKS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Characters that separate cells: which one a spreadsheet uses depends on the locale of the reader.
const SEPARATORS: [char; 3] = [',', ';', '|'];

/// A cell that a spreadsheet shows as text and never evaluates, with any separator.
///
/// Otherwise the name of an operator or a group could run a formula on the auditor's computer and send data to another
/// host (OWASP, "CSV Injection"). The apostrophe marks the cell as text. A tab is escaped already.
fn cell(text: &str) -> String {
    let text = printable(text);
    let mut cell = String::with_capacity(text.len());
    let mut begins = true;
    for character in text.chars() {
        if begins && FORMULA_MARKS.contains(&character) {
            cell.push('\'');
        }
        begins = SEPARATORS.contains(&character) || (begins && character == ' ') || character == '"';
        cell.push(character);
    }
    if cell.contains(['"']) || cell.contains(SEPARATORS) || cell.starts_with(' ') || cell.ends_with(' ') {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_begins_like_a_formula_becomes_text_and_others_stay_as_they_are() {
        let check = |text: &str, expected: &str| assert_eq!(cell(text), expected);
        check("=1+1", "'=1+1");
        check("+ann@acme.com", "'+ann@acme.com");
        check("-ann", "'-ann");
        check("@ann", "'@ann");
        check("＝1+1", "'＝1+1");
        check("=\"a\",b", "\"'=\"\"a\"\",b\"");
        check("a;=cmd()", "\"a;'=cmd()\"");
        check("a, =cmd()", "\"a, '=cmd()\"");
        check("a\t=cmd()", "a\\t=cmd()");
        check("ann+test@acme.com", "ann+test@acme.com");
        check(" ann", "\" ann\"");
        check("a\r\nb", "a\\r\\nb");
        check("", "");
    }
}
