//! How a value is shown to people: on one line, not too long, and without a password.

use super::layers::Value;

/// How much of a wrong value a problem repeats, in characters.
const MAX_CHARACTERS: usize = 80;

/// What addresses begin with, even where the slashes are missing.
const SCHEMES: [&str; 5] = ["http", "https", "postgres", "postgresql", "sqlite"];

/// A text in quotes, for a problem.
pub(super) fn redacted(text: &str) -> String {
    let text = without_password(text);
    let cut = if text.chars().nth(MAX_CHARACTERS).is_some() { "…" } else { "" };
    let line: String = text.chars().take(MAX_CHARACTERS).flat_map(char::escape_debug).collect();
    format!("\"{line}{cut}\"")
}

/// Any value, for a problem.
pub(super) fn redacted_value(value: &Value) -> String {
    match value {
        Value::Text(text) => redacted(text.trim()),
        Value::List(_) => "a list".to_owned(),
        other => full_value(other),
    }
}

/// Any value in full but for passwords in addresses, for the list of effective values.
pub(super) fn full_value(value: &Value) -> String {
    match value {
        Value::Text(text) => without_password(text.trim()),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        Value::List(values) => {
            let values: Vec<String> = values.iter().map(|value| format!("{:?}", full_value(value))).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Table => "a table".to_owned(),
    }
}

/// An address without what may hold a password: the part before the host, and the query. Any other text as it is.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once(':') else { return text.to_owned() };
    // Mistyped addresses lack a slash or two, and hold the password all the same.
    if !rest.starts_with('/') && !SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return text.to_owned();
    }
    // The last sign: a password may hold it, and a question mark as well.
    let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, rest)| ("//…@", rest));
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, _)| (rest, "?…"));
    format!("{scheme}:{user}{rest}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_addresses_are_not_shown() {
        for (address, expected) in [
            ("postgres://sync:hunter2@db/state", "postgres://…@db/state"),
            ("postgres://sync:hun@ter2@db/state?password=x", "postgres://…@db/state?…"),
            ("postgres://sync:hunter?2@db/state", "postgres://…@db/state"),
            ("postgres://db/state?password=hunter2", "postgres://db/state?…"),
            ("postgres://db/state?password=hunter@2", "postgres://…@2"),
            ("postgres:/sync:hunter2@db", "postgres://…@db"),
            ("https:sync:hunter2@acme.example", "https://…@acme.example"),
            ("Campaign: at @ home (.*)", "Campaign: at @ home (.*)"),
            ("https://acme.example/path", "https://acme.example/path"),
            ("0123456789ABCDEF01234567@AdobeOrg", "0123456789ABCDEF01234567@AdobeOrg"),
        ] {
            assert_eq!(without_password(address), expected);
        }
    }

    #[test]
    fn a_wrong_value_is_shown_on_one_line_and_cut() {
        assert_eq!(redacted("a\nb"), r#""a\nb""#);
        assert_eq!(redacted(&"é".repeat(100)), format!("\"{}…\"", "é".repeat(80)));
    }
}
