//! Decodes the bytes of a response: old builds send ISO-8859-1.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};

use super::xml_reader::XmlError;
use crate::transport::HttpResponse;

/// Maximum length of an XML declaration, in bytes.
const DECLARATION_BYTES: usize = 200;

/// The body as text. The encoding is that of the byte order mark, else of the XML declaration, else of `Content-Type`,
/// else UTF-8.
///
/// The declaration has precedence over the header because Campaign writes it together with the document, while a
/// gateway may write the header. Bytes that are invalid in the encoding are an error: a name must not be read as
/// another one.
pub(super) fn decode(response: &HttpResponse) -> Result<Cow<'_, str>, XmlError> {
    let body: &[u8] = &response.body;
    let (encoding, body) = match Encoding::for_bom(body) {
        Some((encoding, mark)) => (encoding, body.get(mark..).unwrap_or_default()),
        None => match declared(body).or_else(|| named(response.header("content-type")?)) {
            Some(label) => (by_label(label)?, body),
            None => (UTF_8, body),
        },
    };
    encoding
        .decode_without_bom_handling_and_without_replacement(body)
        .ok_or_else(|| XmlError::new(format!("it is not in {}, the encoding that it names", encoding.name())))
}

fn by_label(label: &str) -> Result<&'static Encoding, XmlError> {
    Encoding::for_label(label.as_bytes()).ok_or_else(|| XmlError::new(format!("its encoding {label:?} is unknown")))
}

/// The label in `<?xml version='1.0' encoding='…'?>`.
fn declared(body: &[u8]) -> Option<&str> {
    let head = body.get(..DECLARATION_BYTES).unwrap_or(body);
    let head = head.strip_prefix(b"<?xml")?;
    let end = head.windows(2).position(|two| two == b"?>")?;
    let (_, value) = std::str::from_utf8(head.get(..end)?).ok()?.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|character| matches!(character, '"' | '\''))?;
    value.get(1..)?.split(quote).next()
}

/// The label in `text/xml; charset=…`.
fn named(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1);
    let mut pairs = parameters.filter_map(|parameter| parameter.split_once('='));
    let (_, label) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Some(label.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::{StatusCode, header::HeaderMap};

    use super::*;

    fn check(content_type: Option<&str>, body: &[u8], expected: Result<&str, &str>) {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert("content-type", content_type.parse().expect("a header"));
        }
        let response =
            HttpResponse { status: StatusCode::OK, headers, body: Bytes::copy_from_slice(body), certificate: None };
        match (decode(&response), expected) {
            (Ok(text), Ok(expected)) => assert!(text.ends_with(expected), "{text}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (outcome, _) => panic!("{body:?}: {outcome:?}"),
        }
    }

    #[test]
    fn the_declaration_has_precedence_over_the_header_and_utf_8_is_the_default() {
        check(None, "é".as_bytes(), Ok("é"));
        check(None, b"\xef\xbb\xbf<r/>", Ok("<r/>"));
        check(Some("text/xml; charset=ISO-8859-1"), b"<r>\xe9</r>", Ok("<r>é</r>"));
        check(Some("text/xml;Charset=\"iso-8859-1\""), b"<r>\xe9</r>", Ok("<r>é</r>"));
        check(None, b"<?xml version='1.0' encoding='ISO-8859-1'?><r>\xe9</r>", Ok("<r>é</r>"));
        check(Some("text/xml; charset=utf-8"), b"<?xml version=\"1.0\" encoding = \"iso-8859-1\" ?>\xe9", Ok("é"));
        check(Some("text/xml; charset=iso-8859-1"), "<?xml version='1.0' encoding='utf-8'?>é".as_bytes(), Ok("é"));
        check(Some("text/xml"), "<?xml version='1.0'?>é".as_bytes(), Ok("é"));
    }

    #[test]
    fn a_name_is_never_read_as_another_one() {
        check(None, b"<r>\xe9</r>", Err("not in UTF-8"));
        check(Some("text/xml; charset=klingon"), b"<r/>", Err("\"klingon\" is unknown"));
    }
}
