//! Markdown for tickets and wikis, in which a name never becomes markup, a link or a mention.

use crate::domain::printable;

/// Punctuation before and after a word that belongs to the sentence, and not to the word.
const OPENING: [char; 3] = ['"', '\'', '('];
const CLOSING: [char; 7] = ['"', '\'', ')', ',', '.', ';', ':'];

/// A table with escaped cells.
pub(super) fn table<const COLUMNS: usize>(
    head: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> String {
    table_of(&head, rows)
}

/// The same, where the number of columns is not known to the compiler.
pub(super) fn table_of(head: &[&str], rows: impl Iterator<Item = impl AsRef<[String]>>) -> String {
    let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let head_cells = head.iter().copied().map(str::to_owned).collect();
    let mut lines = vec![row(head_cells), row(vec!["---".to_owned(); head.len()])];
    lines.extend(rows.map(|cells| row(cells.as_ref().iter().map(|text| cell(text)).collect())));
    lines.join("\n")
}

/// Escaped text for a table or a paragraph: names come from users and must not become markup.
///
/// Words that forges and wikis would turn into links, mentions of users or references to tickets are written as code.
pub(super) fn cell(text: &str) -> String {
    printable(text).split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn word(word: &str) -> String {
    if !is_linked(word) {
        return word.chars().flat_map(|character| escaped(character).into_iter().flatten()).collect();
    }
    // The punctuation of the sentence is not part of the name.
    let core = word.trim_start_matches(OPENING).trim_end_matches(CLOSING);
    let before = word.len() - word.trim_start_matches(OPENING).len();
    let (opening, closing) =
        (word.get(..before).unwrap_or_default(), word.get(before + core.len()..).unwrap_or_default());
    let mut out = String::with_capacity(word.len() + 2);
    out.push_str(opening);
    // A pipe ends a cell even within code, and a backquote ends the code.
    for piece in core.split_inclusive(['|', '`']) {
        let (inside, mark) = match piece.char_indices().next_back() {
            Some((at, mark @ ('|' | '`'))) => (piece.get(..at).unwrap_or_default(), Some(mark)),
            _ => (piece, None),
        };
        if !inside.is_empty() {
            out.extend(["`", inside, "`"]);
        }
        out.extend(mark.into_iter().flat_map(|mark| ['\\', mark]));
    }
    out.push_str(closing);
    out
}

/// Whether a renderer may turn this word into a link, a mention or a reference.
fn is_linked(word: &str) -> bool {
    let has_number = |mark| word.split(mark).skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let lower = word.to_ascii_lowercase();
    word.contains('@') || word.contains("://") || lower.contains("www.") || has_number('#') || has_number('!')
}

/// Escapes ASCII punctuation that can begin markup with a backslash.
fn escaped(character: char) -> [Option<char>; 2] {
    match character {
        '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '&' | '~' | '$' => [Some('\\'), Some(character)],
        _ => [None, Some(character)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(cell(text), expected, "{text:?}");
    }

    #[test]
    fn names_are_escaped_so_that_they_are_not_markup() {
        check("Campaign - acme - delivery", "Campaign - acme - delivery");
        check("*a* _b_ [c](d) <e> #f", "\\*a\\* \\_b\\_ \\[c\\](d) \\<e\\> \\#f");
        check("a|b\\c`d &lt; ~x~ $y$", "a\\|b\\\\c\\`d \\&lt; \\~x\\~ \\$y\\$");
        check("a\nb\u{202e}c", "a\\\\nb\\\\u{202e}c");
    }

    #[test]
    fn words_that_could_become_links_mentions_or_references_are_code() {
        check("ask @everyone about it", "ask `@everyone` about it");
        check("member \"ann@acme.com\".", "member \"`ann@acme.com`\".");
        check("(ann@acme.com, bob@acme.com)", "(`ann@acme.com`, `bob@acme.com`)");
        check("see https://evil.example/x or WWW.evil.example", "see `https://evil.example/x` or `WWW.evil.example`");
        check("fixes #12", "fixes `#12`");
        check("a|b`@c", "`a`\\|`b`\\``@c`");
        check("|@", "\\|`@`");
    }
}
