//! Shows an error with its causes on one line.

use std::{error::Error, fmt, iter::successors};

use super::printable;

/// Shows an error and, after colons, its causes. The text is printable and on one line, because messages quote names
/// and responses of any origin. A cause whose text is already shown is omitted: some libraries repeat it in their own
/// message.
pub struct Chain<'a>(pub &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = in_words(self.0);
        for error in successors(self.0.source(), |&error| error.source()) {
            let cause = in_words(error);
            if !shown.contains(cause.as_str()) {
                shown.push_str(": ");
                shown.push_str(&cause);
            }
        }
        f.write_str(&shown)
    }
}

/// The message of one error, without the number that the standard library appends to messages of the operating system.
fn in_words(error: &dyn Error) -> String {
    let message = error.to_string();
    let words = match message.rsplit_once(" (os error ") {
        Some((words, number)) if number.trim_start_matches(|c: char| c.is_ascii_digit()) == ")" => words,
        _ => message.as_str(),
    };
    printable(words).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the file could not be read")]
    struct Outer(#[source] std::io::Error);

    /// As the error of a library whose message holds that of its cause.
    #[derive(Debug, thiserror::Error)]
    #[error("error returned from database: {0}")]
    struct Repeating(#[source] std::io::Error);

    #[test]
    fn causes_follow_the_error() {
        let error = Outer(std::io::Error::other("disk on fire"));
        assert_eq!(Chain(&error).to_string(), "the file could not be read: disk on fire");
    }

    #[test]
    fn a_cause_is_shown_once() {
        let error = Repeating(std::io::Error::other("disk on fire"));
        assert_eq!(Chain(&error).to_string(), "error returned from database: disk on fire");
    }

    #[test]
    fn messages_of_the_operating_system_are_shown_without_number() {
        let error = Outer(std::io::Error::from_raw_os_error(13));
        assert_eq!(Chain(&error).to_string(), "the file could not be read: Permission denied");
    }

    #[test]
    fn a_quoted_name_forges_no_line() {
        let error = Outer(std::io::Error::other("no such thing as \"a\nrun ends: in_sync\u{202e}\""));
        let expected = r#"the file could not be read: no such thing as "a\nrun ends: in_sync\u{202e}""#;
        assert_eq!(Chain(&error).to_string(), expected);
    }
}
