//! Values as messages show them: on one line, shortened, and without passwords.

use config::ValueKind;

/// How many characters of an invalid value a problem repeats.
const MAX_CHARACTERS: usize = 80;

/// The schemes of addresses. With one of them, a text counts as an address even if its slashes are missing.
const SCHEMES: [&str; 5] = ["http", "https", "postgres", "postgresql", "sqlite"];

/// A string in quotes, for a problem.
pub(super) fn redacted(text: &str) -> String {
    let text = without_password(text);
    let cut = if text.chars().nth(MAX_CHARACTERS).is_some() { "…" } else { "" };
    let line: String = text.chars().take(MAX_CHARACTERS).flat_map(char::escape_debug).collect();
    format!("\"{line}{cut}\"")
}

/// Any value, for a problem.
pub(super) fn redacted_value(value: &ValueKind) -> String {
    match value {
        ValueKind::String(text) => redacted(text.trim()),
        ValueKind::Array(_) => "a list".to_owned(),
        other => full_value(other),
    }
}

/// Any value in full but for passwords in addresses, for the list of effective values.
pub(super) fn full_value(value: &ValueKind) -> String {
    match value {
        ValueKind::String(text) => without_password(text.trim()),
        ValueKind::I64(number) => number.to_string(),
        ValueKind::Float(number) => number.to_string(),
        ValueKind::Boolean(flag) => flag.to_string(),
        ValueKind::Array(values) => {
            let values: Vec<String> = values.iter().map(|value| format!("{:?}", full_value(&value.kind))).collect();
            format!("[{}]", values.join(", "))
        }
        ValueKind::Table(_) => "a table".to_owned(),
        other => other.to_string(),
    }
}

/// An address without the parts that may contain a password: the part before the host, and the query. Any other text
/// unchanged.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once(':') else { return text.to_owned() };
    // A mistyped address lacks one or two slashes, and contains the password all the same.
    if !rest.starts_with('/') && !SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return text.to_owned();
    }
    // At the last `@`: a password may contain that character, and a question mark.
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
    fn an_invalid_value_is_shortened_to_one_line() {
        assert_eq!(redacted("a\nb"), r#""a\nb""#);
        assert_eq!(redacted(&"é".repeat(100)), format!("\"{}…\"", "é".repeat(80)));
    }
}
