//! An error with its causes on one line.

use std::{error::Error, fmt};

use crate::domain::printable;

/// Shows an error and, after colons, what caused it, on one line: messages quote names and answers of any origin.
/// Messages of this program never repeat their cause.
pub struct Chain<'a>(pub &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0.to_string()))?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {}", printable(&error.to_string()))?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the file could not be read")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_follow_the_error() {
        let error = Outer(std::io::Error::other("disk on fire"));
        assert_eq!(Chain(&error).to_string(), "the file could not be read: disk on fire");
    }

    #[test]
    fn a_quoted_name_forges_no_line() {
        let error = Outer(std::io::Error::other("no such thing as \"a\nrun ends: in_sync\u{202e}\""));
        let expected = r#"the file could not be read: no such thing as "a\u{a}run ends: in_sync\u{202e}""#;
        assert_eq!(Chain(&error).to_string(), expected);
    }
}
