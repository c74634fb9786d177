//! The style sheet, and its hash in the Content Security Policy: the browser accepts no other style.

use sha2::{Digest as _, Sha256};

/// The style sheet, which is part of the page.
pub(super) const SHEET: &str = include_str!("style.css");

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The source expression of Content Security Policy for [`SHEET`], without quotes.
pub(super) fn source() -> String {
    format!("sha256-{}", base64(&Sha256::digest(SHEET)))
}

/// Encodes as base64 with padding (RFC 4648). One value of 32 bytes does not justify a dependency.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0_usize, |word, at| word << 8 | usize::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let character = ALPHABET.get(word >> (18 - 6 * at) & 63).copied().map_or('=', char::from);
            text.push(if at <= chunk.len() { character } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_follows_the_rfc() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
        for (plain, encoded) in pairs {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
