//! Text as one word of a command that a user pastes into a shell.

use std::borrow::Cow;

/// The text as one word for a POSIX shell: as it is where every character stands for itself, otherwise in single quotes.
///
/// Every value that a remedy puts into a command passes here: paths have spaces, masks have parentheses.
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_-./:=@%+,".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_written() {
        for text in
            ["/etc/a", "", "a b", "it's", "$(exit 1)", "`x`", "a;b", "*", "C - (.*)|\"\\\"", "ä\nb", "~", "[::1]:443"]
        {
            let read = Command::new("sh").arg("-c").arg(format!("printf %s {}", shell_word(text))).output();
            let read = read.expect("a shell").stdout;
            assert_eq!(String::from_utf8(read).expect("text"), text);
        }
        assert_eq!(shell_word("acme.campaign.adobe.com:443"), "acme.campaign.adobe.com:443");
        assert_eq!(shell_word("a b"), "'a b'");
    }
}
