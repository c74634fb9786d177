//! The style sheet, and the hash by which the browser knows that it is ours: nothing else can be styled, or loaded.

use sha2::{Digest as _, Sha256};

/// The style sheet; it stands in the page itself, unchanged.
pub(super) const SHEET: &str = include_str!("style.css");

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The source expression of Content Security Policy for [`SHEET`], without quotes.
pub(super) fn source() -> String {
    format!("sha256-{}", base64(&Sha256::digest(SHEET)))
}

/// RFC 4648, with padding: one value of 32 bytes is not worth a dependency.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0_usize, |word, at| word << 8 | usize::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let sign = ALPHABET.get(word >> (18 - 6 * at) & 63).copied().map_or('=', char::from);
            text.push(if at <= chunk.len() { sign } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
        for (plain, encoded) in pairs {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
