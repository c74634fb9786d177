//! Values with a syntax of their own: XTK expressions and association masks. The syntax stays, the words in it are
//! replaced.

use regex::Regex;

use super::{
    pseudonyms::{KnownWords, Pseudonyms, is_separator},
    values::ValueKind,
    vocabulary::COLUMNS,
};

/// An XTK expression, such as `[group/@name] = 'delivery' AND @id > 12`: known columns and functions stay, strings are
/// replaced as names, and numbers as ids, except beside a column that holds a flag or a type.
pub(super) fn expression(pseudonyms: &mut Pseudonyms, text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let (mut out, mut at, mut column) = (String::with_capacity(text.len()), 0, String::new());
    while let Some(character) = characters.get(at).copied() {
        let rest = characters.get(at..).unwrap_or_default();
        at += match character {
            '\'' | '"' => {
                let (value, length) = string(rest);
                let shown = pseudonyms.value(string_kind(&column), &value);
                out.push(character);
                for letter in shown.chars() {
                    if matches!(letter, '\\' | '\'' | '"') {
                        out.push('\\');
                    }
                    out.push(letter);
                }
                out.push(character);
                length
            }
            '#' => {
                out.push_str("#2000-01-01#");
                let end = rest.iter().skip(1).position(|letter| *letter == '#');
                end.map_or(rest.len(), |end| end + 2)
            }
            _ if character.is_ascii_digit() => {
                let number: String = rest.iter().take_while(|letter| letter.is_ascii_digit()).collect();
                let is_negative = out.trim_end().ends_with('-') && !column.is_empty();
                out.push_str(&shown_number(pseudonyms, &column, &number, is_negative));
                number.len()
            }
            _ if is_in_identifier(character) => {
                let length = identifier(rest);
                let name: String = rest.iter().take(length).collect();
                out.push_str(&pseudonyms.value(ValueKind::Column, &name));
                if out.chars().rev().nth(name.chars().count()) == Some('@') || !is_operator(&name) {
                    column = name;
                }
                length
            }
            _ => {
                out.push_str(&pseudonyms.words(&character.to_string(), KnownWords::AreReplaced));
                1
            }
        };
    }
    out
}

fn is_in_identifier(character: char) -> bool {
    !is_separator(character) || character == '_'
}

/// The length of a name, which may contain hyphens, as `operator-id` does.
fn identifier(rest: &[char]) -> usize {
    let hyphen = |at: usize| rest.get(at) == Some(&'-') && rest.get(at + 1).is_some_and(char::is_ascii_lowercase);
    (0..rest.len())
        .find(|at| !rest.get(*at).is_some_and(|c| is_in_identifier(*c)) && !hyphen(*at))
        .unwrap_or(rest.len())
}

fn is_operator(name: &str) -> bool {
    COLUMNS.contains(&name) && ["AND", "OR", "NOT", "IN", "LIKE", "IS"].contains(&name.to_uppercase().as_str())
}

/// A string at the beginning of these characters without its escapes, and its length with quotation marks.
fn string(rest: &[char]) -> (String, usize) {
    let (mut value, mut at, quote) = (String::new(), 1, rest.first());
    while let Some(character) = rest.get(at) {
        if Some(character) == quote {
            return (value, at + 1);
        }
        let escaped = (*character == '\\').then(|| rest.get(at + 1)).flatten();
        value.push(*escaped.unwrap_or(character));
        at += 1 + usize::from(escaped.is_some());
    }
    (value, rest.len())
}

fn string_kind(column: &str) -> ValueKind {
    match column {
        "imsOrgId" => ValueKind::Organization,
        "imsRightsMask" => ValueKind::Mask,
        "callbackServer" | "imsServer" | "server" => ValueKind::Url,
        "authenticationType" => ValueKind::OneOf(&["ims", "native", "neolane", "ldap"]),
        _ => ValueKind::Name,
    }
}

fn shown_number(pseudonyms: &mut Pseudonyms, column: &str, number: &str, is_negative: bool) -> String {
    match (column, number.parse::<i64>()) {
        ("type" | "active" | "disabled" | "count", Ok(_)) if number.len() <= 3 => number.to_owned(),
        (_, Ok(id)) if is_negative => pseudonyms.id(-id).unsigned_abs().to_string(),
        (_, Ok(id)) => pseudonyms.id(id).to_string(),
        (_, Err(_)) => pseudonyms.words(number, KnownWords::AreReplaced),
    }
}

/// An association mask. One with a capture is a regular expression, whose syntax stays; one without is a literal prefix.
pub(super) fn mask(pseudonyms: &mut Pseudonyms, text: &str) -> String {
    if !Regex::new(text.trim()).is_ok_and(|pattern| pattern.captures_len() > 1) {
        return pseudonyms.value(ValueKind::Name, text);
    }
    let characters: Vec<char> = text.chars().collect();
    let (mut out, mut literal, mut at) = (String::new(), String::new(), 0);
    while let Some(character) = characters.get(at).copied() {
        let rest = characters.get(at..).unwrap_or_default();
        let length = syntax(rest);
        if length == 0 {
            literal.push(character);
            at += 1;
            continue;
        }
        out.push_str(&pseudonyms.words(&std::mem::take(&mut literal), KnownWords::Stay));
        out.push_str(&shown_syntax(pseudonyms, rest.get(..length).unwrap_or_default()));
        at += length;
    }
    out.push_str(&pseudonyms.words(&literal, KnownWords::Stay));
    out
}

/// The length of the syntax at the beginning of these characters of an expression; 0 for a literal character.
fn syntax(rest: &[char]) -> usize {
    let through = |end: char| rest.iter().position(|character| *character == end).map_or(rest.len(), |at| at + 1);
    match rest {
        ['\\', 'p' | 'P' | 'x' | 'u' | 'U', '{', ..] | ['{', ..] => through('}'),
        ['\\', _, ..] => 2,
        ['[', ']', ..] => 2 + rest.iter().skip(2).position(|character| *character == ']').map_or(0, |at| at + 1),
        ['[', ..] => through(']'),
        ['(', '?', ..] => rest.iter().position(|c| matches!(c, ':' | '>' | ')')).map_or(rest.len(), |at| at + 1),
        ['(' | ')' | '|' | '.' | '*' | '+' | '?' | '^' | '$', ..] => 1,
        _ => 0,
    }
}

/// Syntax as it is shown: the name of a capture and a letter by its number are replaced.
fn shown_syntax(pseudonyms: &mut Pseudonyms, part: &[char]) -> String {
    let text: String = part.iter().collect();
    match part {
        ['(', '?', 'P', '<', ..] | ['(', '?', '<', ..] => {
            let start = if text.starts_with("(?P<") { 4 } else { 3 };
            let (head, name) = text.split_at(start);
            format!("{head}{}", pseudonyms.words(name, KnownWords::AreReplaced))
        }
        ['\\', 'x' | 'u' | 'U', ..] => ".".to_owned(),
        // A class of more than a few letters may spell something.
        ['[', ..] if text.chars().filter(|character| character.is_alphabetic()).count() > 6 => "[^/]".to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &str) -> String {
        let mut pseudonyms = Pseudonyms::new(Vec::new()).expect("random numbers");
        expression(&mut pseudonyms, value);
        pseudonyms.replace();
        expression(&mut pseudonyms, value)
    }

    #[test]
    fn columns_functions_and_types_stay_and_strings_and_ids_do_not() {
        for kept in
            ["@id", "[access/@authenticationType]", "[@operator-id]", "@type = 0", "Count(@id)", "[group/@name]"]
        {
            assert_eq!(shown(kept), kept);
        }
        let name = shown("[group/@name] = 'Nord \\'x\\\\' AND @type=1");
        assert!(name.starts_with("[group/@name] = '") && name.ends_with("' AND @type=1"), "{name}");
        assert!(!name.contains("Nord") && name.contains("\\'") && name.contains("\\\\'"), "{name}");
        let id = shown("[@operator-id] > 4711 OR [@operator-id] = 4711 AND [@group-id] > 12");
        assert!(id.starts_with("[@operator-id] > 10") && !id.contains("4711"), "{id}");
        let negative = shown("@id > -7");
        assert!(negative.starts_with("@id > -10"), "{negative}");
        assert!(!shown("@annsColumn LIKE 'a'").contains("anns"));
    }
}
