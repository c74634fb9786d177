//! Compressed responses: the header `Content-Encoding`, and decompression up to a size limit.

use std::io::{self, Read as _};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use reqwest::header::{AsHeaderName, CONTENT_ENCODING, HeaderMap, HeaderValue};

use super::TransportError;

/// The encoding that requests accept. UMAPI compresses its pages to a tenth.
pub(super) const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// The names of that encoding; a recipient treats `x-gzip` as `gzip` (RFC 9110, section 8.4.1.3).
const GZIP_NAMES: [&str; 2] = ["gzip", "x-gzip"];

/// The name of no encoding, which some gateways send.
const IDENTITY: &str = "identity";

/// The tokens of a header that is a list (RFC 9110, section 5.6.1), in lower case: several lines are one list;
/// whitespace around commas and empty elements are ignored.
pub(super) fn tokens(headers: &HeaderMap, name: impl AsHeaderName) -> Vec<String> {
    let lines = headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).to_ascii_lowercase());
    let tokens = lines.flat_map(|line| line.split(',').map(|token| token.trim().to_owned()).collect::<Vec<_>>());
    tokens.filter(|token| !token.is_empty()).collect()
}

/// Removes the encodings that the headers name from the body, the last one first. An empty body has none.
///
/// Fails where the body has another encoding, is incomplete, or is larger than `limit` bytes.
pub(super) fn decompress(headers: &HeaderMap, mut body: Bytes, limit: usize) -> Result<Bytes, TransportError> {
    if body.is_empty() {
        return Ok(body);
    }
    for encoding in tokens(headers, CONTENT_ENCODING).iter().rev().filter(|encoding| *encoding != IDENTITY) {
        if !GZIP_NAMES.contains(&encoding.as_str()) {
            let what = format!("the encoding \"{encoding:.40}\" was not requested");
            return Err(TransportError::Undecodable { received: body.len(), source: io::Error::other(what) });
        }
        body = gunzip(&body, limit)?;
    }
    Ok(body)
}

fn gunzip(packed: &[u8], limit: usize) -> Result<Bytes, TransportError> {
    let garbled = |source| TransportError::Undecodable { received: packed.len(), source };
    // The last four bytes announce the length modulo 2^32. It may be wrong, and only saves reallocations.
    let announced = packed.last_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
    let mut body = Vec::with_capacity(announced.min(limit) + 1);
    MultiGzDecoder::new(packed).take(limit as u64 + 1).read_to_end(&mut body).map_err(garbled)?;
    if body.len() > limit {
        return Err(TransportError::TooLarge { limit });
    }
    Ok(Bytes::from(body))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).expect("into memory");
        encoder.finish().expect("into memory")
    }

    fn decompressed(encodings: &[&str], body: &[u8], limit: usize) -> Result<Bytes, TransportError> {
        let mut headers = HeaderMap::new();
        for encoding in encodings {
            headers.append(CONTENT_ENCODING, encoding.parse().expect("a header"));
        }
        decompress(&headers, Bytes::copy_from_slice(body), limit)
    }

    #[test]
    fn encodings_are_compared_without_case_and_whitespace() {
        let (page, once) = (b"a page".as_slice(), packed(b"a page"));
        for encodings in [
            ["gzip"].as_slice(),
            &["GZIP"],
            &["x-gzip"],
            &["X-GZip"],
            &[" gzip "],
            &["identity, gzip"],
            &["gzip,identity"],
            &[", gzip ,"],
            &["identity", "Gzip"],
        ] {
            assert_eq!(decompressed(encodings, &once, 100).expect("decompressed"), page, "{encodings:?}");
        }
        assert_eq!(decompressed(&["gzip, x-gzip"], &packed(&once), 100).expect("decompressed"), page);
        for plain in [[].as_slice(), &["identity"], &[""]] {
            assert_eq!(decompressed(plain, page, 100).expect("unchanged"), page, "{plain:?}");
        }
        for other in [["br"].as_slice(), &["deflate, gzip"], &["gzipped"], &["gzip;q=1"]] {
            assert!(matches!(decompressed(other, &once, 100), Err(TransportError::Undecodable { .. })), "{other:?}");
        }
    }

    #[test]
    fn an_empty_body_is_not_decompressed() {
        for encodings in [["gzip"].as_slice(), &["br"], &["gzip, gzip"]] {
            assert_eq!(decompressed(encodings, b"", 100).expect("empty"), b"".as_slice(), "{encodings:?}");
        }
    }

    #[test]
    fn a_compressed_body_is_decompressed_completely_or_refused() {
        let page = b"a page ".repeat(1000);
        let whole = packed(&page);
        assert_eq!(decompressed(&["gzip"], &whole, page.len()).expect("complete"), page);
        let cut = whole.get(..whole.len() - 9).expect("longer");
        assert!(matches!(decompressed(&["gzip"], cut, page.len()), Err(TransportError::Undecodable { .. })));
        assert!(matches!(decompressed(&["gzip"], b"<html>", 100), Err(TransportError::Undecodable { .. })));
    }

    #[test]
    fn a_body_is_not_decompressed_beyond_the_limit() {
        let mut bomb = packed(&vec![0; 10_000_000]);
        let too_large = |bomb: &[u8]| {
            matches!(decompressed(&["gzip"], bomb, 1_000_000), Err(TransportError::TooLarge { limit: 1_000_000 }))
        };
        assert!(too_large(&bomb));
        // A wrong length changes nothing.
        let length = bomb.len();
        bomb.splice(length - 4.., [1, 0, 0, 0]);
        assert!(too_large(&bomb));
    }
}
