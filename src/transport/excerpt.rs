//! The part of an unexpected response that an error shows.

use secrecy::{ExposeSecret, SecretString};

/// How many characters of a response an error repeats: enough to recognise a login page or a gateway, and few enough
/// for a log.
pub const EXCERPT_CHARACTERS: usize = 200;

/// How many bytes of the body are processed. Secrets are replaced before the text is shortened, so that no part of one
/// is shown.
const WINDOW_BYTES: usize = 4096;

/// The first [`EXCERPT_CHARACTERS`] characters of `body` on one line, with all `secrets` replaced.
pub fn excerpt(body: &[u8], secrets: &[&SecretString]) -> String {
    let window = body.get(..WINDOW_BYTES).unwrap_or(body);
    let mut text = String::from_utf8_lossy(window).into_owned();
    for secret in secrets.iter().map(|secret| secret.expose_secret()).filter(|secret| !secret.is_empty()) {
        for form in [secret.to_owned(), form_encoded(secret), json_escaped(secret), xml_escaped(secret)] {
            text = text.replace(&form, "[REDACTED]");
        }
    }
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.chars().count() > EXCERPT_CHARACTERS {
        line = line.chars().take(EXCERPT_CHARACTERS).chain(std::iter::once('…')).collect();
    }
    if line.is_empty() { "(empty)".to_owned() } else { line }
}

fn form_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn json_escaped(text: &str) -> String {
    serde_json::Value::from(text).to_string().trim_matches('"').to_owned()
}

fn xml_escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_body_is_shortened_to_one_line_of_two_hundred_characters() {
        let shown = excerpt(format!("<html>\n  <body>{}", "é".repeat(5000)).as_bytes(), &[]);
        assert!(shown.starts_with("<html> <body>é"), "{shown}");
        assert_eq!(shown.chars().count(), EXCERPT_CHARACTERS + 1);
        assert_eq!(excerpt(b" \r\n", &[]), "(empty)");
    }

    #[test]
    fn a_secret_is_never_shown_plain_or_encoded() {
        let secret = SecretString::from("p&ss \"wörd/1");
        let body = "a p&ss \"wörd/1 b p%26ss+%22w%C3%B6rd%2F1 c p&amp;ss &quot;wörd/1 d p&ss \\\"wörd/1";
        let shown = excerpt(body.as_bytes(), &[&secret]);
        assert_eq!(shown, "a [REDACTED] b [REDACTED] c [REDACTED] d [REDACTED]");
    }

    #[test]
    fn no_part_of_a_secret_at_the_end_of_the_excerpt_is_shown() {
        let secret = SecretString::from("TOPSECRETVALUE");
        let shown = excerpt(format!("{}TOPSECRETVALUE", "x".repeat(EXCERPT_CHARACTERS - 5)).as_bytes(), &[&secret]);
        assert!(!shown.contains("TOP"), "{shown}");
    }
}
