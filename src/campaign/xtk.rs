//! Builds XTK expressions. This is the only place that escapes values in them.

/// A text as an XTK literal: in single quotes, with a `\` before each `\` and `'` (acc-js-sdk, `escapeXtk`).
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for character in text.chars() {
        if matches!(character, '\\' | '\'') {
            literal.push('\\');
        }
        literal.push(character);
    }
    literal.push('\'');
    literal
}

/// The condition that the field equals the number.
pub(super) fn equals(field: &str, number: i64) -> String {
    format!("{field} = {number}")
}

/// The condition that the field equals one of the texts.
pub(super) fn is_one_of<'a>(field: &str, texts: impl IntoIterator<Item = &'a str>) -> String {
    list(field, texts.into_iter().map(literal))
}

/// The condition that the field equals one of the numbers.
pub(super) fn is_one_of_numbers(field: &str, numbers: impl IntoIterator<Item = i64>) -> String {
    list(field, numbers.into_iter().map(|number| number.to_string()))
}

/// The condition that at least one of the conditions is true.
pub(super) fn any_of(conditions: impl IntoIterator<Item = String>) -> String {
    conditions.into_iter().collect::<Vec<_>>().join(" OR ")
}

/// The condition that all of the conditions are true.
pub(super) fn all_of(conditions: impl IntoIterator<Item = String>) -> String {
    conditions.into_iter().collect::<Vec<_>>().join(" AND ")
}

/// The condition that the field equals the text.
pub(super) fn is_text(field: &str, text: &str) -> String {
    format!("{field} = {}", literal(text))
}

/// The condition that the key of the row is greater than this key.
pub(super) fn is_after(field: &str, number: i64) -> String {
    format!("{field} > {number}")
}

/// The condition that the key of the row is greater than this key of two fields, compared by the first and then the
/// second.
pub(super) fn is_after_pair([first, second]: [&str; 2], (one, two): (i64, i64)) -> String {
    format!("{first} > {one} OR ({first} = {one} AND {second} > {two})")
}

fn list(field: &str, values: impl Iterator<Item = String>) -> String {
    format!("{field} IN ({})", values.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::xtk_reader::literals, *};

    #[test]
    fn a_quote_or_a_backslash_cannot_end_a_literal() {
        for (text, expected) in [
            ("ann@acme.com", "'ann@acme.com'"),
            ("o'brien", r"'o\'brien'"),
            (r"acme\ann", r"'acme\\ann'"),
            (r"\", r"'\\'"),
            (r"\'", r"'\\\''"),
            ("') OR 1=1 --", r"'\') OR 1=1 --'"),
            ("", "''"),
        ] {
            assert_eq!(literal(text), expected);
        }
    }

    #[test]
    fn conditions_are_valid_xtk() {
        assert_eq!(equals("@type", 0), "@type = 0");
        assert_eq!(is_one_of("@name", ["a", "b'c"]), r"@name IN ('a', 'b\'c')");
        assert_eq!(is_one_of_numbers("[@group-id]", [-1, 7]), "[@group-id] IN (-1, 7)");
        assert_eq!(any_of([is_one_of("@name", ["a"]), equals("@id", 7)]), "@name IN ('a') OR @id = 7");
        assert_eq!(all_of([is_text("@name", "b'c"), equals("@id", 7)]), r"@name = 'b\'c' AND @id = 7");
        assert_eq!(is_after("@id", -5), "@id > -5");
        assert_eq!(is_after_pair(["[@a]", "[@b]"], (1, 2)), "[@a] > 1 OR ([@a] = 1 AND [@b] > 2)");
    }

    proptest! {
        #[test]
        fn a_list_keeps_any_texts_unchanged(texts in prop::collection::vec(r"(\PC|['\\, ()]){0,12}", 1..5)) {
            let expression = is_one_of("@name", texts.iter().map(String::as_str));
            let inside = expression.strip_prefix("@name IN (").and_then(|rest| rest.strip_suffix(')'));
            prop_assert_eq!(inside.and_then(literals), Some(texts));
        }
    }
}
