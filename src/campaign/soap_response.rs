//! Interprets the HTTP response to a SOAP call.
//!
//! The HTTP status alone is not enough: faults come with status 200, refusals of a session as plain text with status
//! 403.

use std::time::SystemTime;

use super::charset::decode;
use super::error::CampaignError;
use super::fault::{ReceivedFault, SessionRefusal, SoapFault, outline};
use super::soap_call::SoapCall;
use super::xml_reader::{XmlError, XmlReader};
use crate::transport::{HttpResponse, SecretString, excerpt, retry_after};

/// The result of a call that has a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SoapResponse<T> {
    /// The value that the method returns.
    Returned(T),
    /// Campaign does not accept the session or the token, or no longer, with its reason.
    SessionOver(String),
    /// A fault that mentions the end of the session, perhaps as a quotation from a row. Another call shows which.
    Doubtful(SoapFault),
}

enum EnvelopeContent<T> {
    Returned(T),
    Fault(ReceivedFault),
}

/// Interprets a response. `read` receives the content of the method's response element.
///
/// `secrets` are removed from all text of the response that an error repeats.
pub(super) fn interpret<T>(
    call: &SoapCall,
    response: &HttpResponse,
    secrets: &[&SecretString],
    read: impl FnOnce(&mut XmlReader<'_>) -> Result<T, XmlError>,
) -> Result<SoapResponse<T>, CampaignError> {
    ResponseContext { call, response, secrets }.interpret(read)
}

struct ResponseContext<'a> {
    call: &'a SoapCall,
    response: &'a HttpResponse,
    secrets: &'a [&'a SecretString],
}

impl ResponseContext<'_> {
    fn interpret<T>(
        &self,
        read: impl FnOnce(&mut XmlReader<'_>) -> Result<T, XmlError>,
    ) -> Result<SoapResponse<T>, CampaignError> {
        let status = self.response.status.as_u16();
        if status == 429 {
            return Err(CampaignError::RateLimited { call: self.call.name(), retry_after: self.retry_after() });
        }
        let text = decode(self.response);
        if !self.response.status.is_success() {
            return self.interpret_error(status, text.as_deref().unwrap_or_default());
        }
        let text = text.map_err(|xml_error| self.invalid_response(&xml_error))?;
        // Builds before 19.1.4 send the plain text of an expired session with status 200 (NEO-16826).
        if !text.trim_start().starts_with('<')
            && let Some(refusal) = SessionRefusal::in_text(&text)
        {
            return self.interpret_refusal(refusal, &text);
        }
        match envelope(&text, &self.call.response(), read) {
            Ok(EnvelopeContent::Returned(returned)) => Ok(SoapResponse::Returned(returned)),
            Ok(EnvelopeContent::Fault(fault)) => self.interpret_fault(&fault),
            Err(xml_error) => Err(self.invalid_response(&xml_error)),
        }
    }

    /// A response with a status other than success: a fault, a refusal in plain text, or an unavailable server.
    fn interpret_error<T>(&self, status: u16, text: &str) -> Result<SoapResponse<T>, CampaignError> {
        let fault = envelope(text, &self.call.response(), |_| Ok(()));
        if let Ok(EnvelopeContent::Fault(fault)) = fault {
            return self.interpret_fault(&fault);
        }
        match (SessionRefusal::in_text(text), status) {
            (Some(refusal), _) => self.interpret_refusal(refusal, text),
            (None, 401 | 403) => Ok(SoapResponse::SessionOver(format!("HTTP {status}: {}", self.repeatable(text)))),
            (None, 408 | 500..) => Err(CampaignError::Unavailable {
                call: self.call.name(),
                status,
                retry_after: self.retry_after(),
                excerpt: self.excerpt(),
            }),
            (None, _) => Err(self.invalid_response(&XmlError::new(format!("HTTP {status}; check the address")))),
        }
    }

    fn interpret_refusal<T>(&self, refusal: SessionRefusal, text: &str) -> Result<SoapResponse<T>, CampaignError> {
        let reason = self.repeatable(text);
        match refusal {
            SessionRefusal::SessionOver => Ok(SoapResponse::SessionOver(reason)),
            SessionRefusal::CredentialsRejected => Err(CampaignError::Refused { call: self.call.name(), reason }),
        }
    }

    fn interpret_fault<T>(&self, fault: &ReceivedFault) -> Result<SoapResponse<T>, CampaignError> {
        if self.call.returns_a_session() {
            return self.interpret_sign_in_fault(fault);
        }
        let shown = fault.shown(self.secrets);
        match fault.refusal() {
            Some(_) if fault.is_session_over() => Ok(SoapResponse::SessionOver(shown.to_string())),
            // A write may be refused because of one of its rows, and the fault may quote that row.
            Some(_) if self.call.is_write() => Ok(SoapResponse::Doubtful(shown)),
            Some(refusal) => self.interpret_refusal(refusal, &shown.to_string()),
            None => Err(CampaignError::Fault { call: self.call.name(), fault: shown }),
        }
    }

    /// A fault of a sign-in. The texts vary, and an instance may hide details, so any fault that blames the caller
    /// counts as a refusal of the credentials.
    fn interpret_sign_in_fault<T>(&self, fault: &ReceivedFault) -> Result<SoapResponse<T>, CampaignError> {
        let call = self.call.name();
        match fault.refusal() {
            Some(SessionRefusal::SessionOver) => Ok(SoapResponse::SessionOver(fault.outline())),
            Some(SessionRefusal::CredentialsRejected) => Err(CampaignError::Refused { call, reason: fault.outline() }),
            None if fault.blames_the_caller() => Err(CampaignError::Refused { call, reason: fault.outline() }),
            None => Err(CampaignError::Fault { call, fault: fault.outlined() }),
        }
    }

    fn invalid_response(&self, xml_error: &XmlError) -> CampaignError {
        // The message of the parser quotes the response, which may contain a secret.
        let what = if self.call.returns_a_session() {
            format!("HTTP {}, not a response to a sign-in; check the address", self.response.status.as_u16())
        } else {
            self.repeatable(&xml_error.to_string())
        };
        CampaignError::InvalidResponse { call: self.call.name(), what, excerpt: self.excerpt() }
    }

    /// The beginning of the response.
    fn excerpt(&self) -> String {
        self.repeatable(&decode(self.response).unwrap_or_default())
    }

    /// What an error may show of a text from Campaign. The response to a sign-in may contain a session token or repeat
    /// the password, so none of it is shown.
    fn repeatable(&self, text: &str) -> String {
        if self.call.returns_a_session() { outline(text) } else { excerpt(text.as_bytes(), self.secrets) }
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        retry_after(self.response, SystemTime::now())
    }
}

/// Reads a SOAP envelope that contains either a fault or the element `response`, and nothing else.
fn envelope<T>(
    text: &str,
    response: &str,
    read: impl FnOnce(&mut XmlReader<'_>) -> Result<T, XmlError>,
) -> Result<EnvelopeContent<T>, XmlError> {
    let mut read = Some(read);
    let mut content = None;
    XmlReader::document(text, |reader, root| {
        if !root.is("Envelope") {
            return Err(XmlError::new(format!("it is <{}>, not a SOAP envelope", root.name())));
        }
        reader.children(|reader, part| {
            if !part.is("Body") {
                return Ok(());
            }
            reader.children(|reader, element| {
                content = Some(match read.take() {
                    Some(_) if element.is("Fault") => EnvelopeContent::Fault(ReceivedFault::read(reader)?),
                    Some(read) if element.is(response) => EnvelopeContent::Returned(read(reader)?),
                    Some(_) => return Err(XmlError::new(format!("it is <{}>, not <{response}>", element.name()))),
                    None => return Err(XmlError::new("it contains more than one response")),
                });
                Ok(())
            })
        })
    })?;
    content.ok_or_else(|| XmlError::new(format!("it contains no <{response}>")))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::{StatusCode, header::HeaderMap};

    use super::*;
    use crate::campaign::xml_writer::Element;
    use crate::domain::Failure;
    use crate::transport::{RetryAdvice, Retryable};

    macro_rules! sample {
        ($name:literal) => {
            include_bytes!(concat!("../../tests/samples/campaign/", $name)).as_slice()
        };
    }

    const OPERATORS: &[u8] = sample!("query_operators.xml");

    /// Names of the rows in the response to a query.
    fn names(reader: &mut XmlReader<'_>) -> Result<Vec<String>, XmlError> {
        let mut names = Vec::new();
        reader.children(|reader, _| {
            reader.children(|reader, _| {
                reader.children(|_, row| {
                    names.push(row.required("name")?.into_owned());
                    Ok(())
                })
            })
        })?;
        Ok(names)
    }

    fn response_of(status: u16, body: &[u8]) -> HttpResponse {
        let status = StatusCode::from_u16(status).expect("a status");
        HttpResponse { status, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body), certificate: None }
    }

    fn query(status: u16, body: &[u8]) -> Result<SoapResponse<Vec<String>>, CampaignError> {
        let call = SoapCall::query("xtk:operator", &Element::new("queryDef"));
        interpret(&call, &response_of(status, body), &[&SecretString::from("___token")], names)
    }

    fn failure(outcome: Result<SoapResponse<Vec<String>>, CampaignError>, part: &str) -> (Failure, RetryAdvice) {
        let error = outcome.expect_err(part);
        assert!(error.to_string().contains(part), "{error}");
        (error.failure(), error.retry_advice())
    }

    #[test]
    fn rows_are_read_with_any_quotes_prefixes_and_encoding() {
        for (body, expected) in [
            (OPERATORS, vec!["admin", "Ann.O'Brien@acme.com", "XSV-350008 Session has expired"]),
            (sample!("query_prefixed.xml"), vec!["ann"]),
            (sample!("query_latin1.xml"), vec!["renée@acme.com"]),
        ] {
            let Ok(SoapResponse::Returned(names)) = query(200, body) else {
                panic!("{}", String::from_utf8_lossy(body))
            };
            assert_eq!(names, expected);
        }
    }

    #[test]
    fn no_name_in_an_invalid_response_shows_a_secret() {
        let long = "x".repeat(300);
        for body in [
            "<Envelope><Body></___token></Envelope>".to_owned(),
            "<___token/>".to_owned(),
            format!("<{long}/>"),
            "<Envelope><Body><___token/></Body></Envelope>".to_owned(),
            "<?xml version='1.0' encoding='___token'?><Envelope/>".to_owned(),
            "<Envelope>&___token;</Envelope>".to_owned(),
            "<Envelope/><___token/>".to_owned(),
        ] {
            let error = query(200, body.as_bytes()).expect_err(&body).to_string();
            assert!(!error.contains("___token") && error.len() < 600, "{error}");
        }
    }

    #[test]
    fn a_fault_is_recognized_with_any_status() {
        let detailed = "Unable to find key values for element 'operatorGroup' & its links (SOP-330011";
        for status in [200, 500, 400] {
            let no = failure(query(status, sample!("fault_with_detail.xml")), detailed);
            assert_eq!(no, (Failure::Incomplete, RetryAdvice::Final), "{status}");
            let no = failure(query(status, sample!("fault_without_detail.xml")), "SOP-330006 The method 'Wrote'");
            assert_eq!(no, (Failure::Incomplete, RetryAdvice::Final), "{status}");
            let busy = failure(query(status, sample!("fault_cdata.xml")), "{40001} deadlock with <another> & more");
            assert_eq!(busy, (Failure::Unavailable, RetryAdvice::Retry), "{status}");
        }
    }

    #[test]
    fn every_way_to_report_an_expired_session_is_recognized() {
        for (status, body) in [
            (403, sample!("session_expired.txt")),
            (200, sample!("session_expired.txt")),
            (500, sample!("session_expired.txt")),
            (200, sample!("fault_token_expired.xml")),
            (500, sample!("fault_token_expired.xml")),
            (403, b"no"),
            (403, sample!("login_page.html")),
            (401, b""),
        ] {
            let outcome = query(status, body);
            assert!(matches!(outcome, Ok(SoapResponse::SessionOver(_))), "{status}: {outcome:?}");
        }
        let head = b"<Envelope><Body><Fault><faultcode>Client</faultcode><faultstring> XSV-350008 Session has \
                     expired</faultstring></Fault></Body></Envelope>";
        assert!(matches!(query(200, head), Ok(SoapResponse::SessionOver(_))));
    }

    #[test]
    fn a_fault_of_a_write_that_may_quote_the_end_of_a_session_is_doubtful() {
        let call = SoapCall::write("xtk:group", &Element::new("group"));
        for status in [200, 500] {
            let outcome = interpret(&call, &response_of(status, sample!("fault_token_expired.xml")), &[], |_| Ok(()));
            assert!(matches!(outcome, Ok(SoapResponse::Doubtful(_))), "{status}: {outcome:?}");
        }
    }

    #[test]
    fn rejected_credentials_are_not_retried() {
        for (status, body) in [
            (403, sample!("login_refused.txt")),
            (200, sample!("login_refused.txt")),
            (403, b"XSV-350013 The '192.0.2.1' IP address via which you are trying to connect is not allowed."),
        ] {
            assert_eq!(failure(query(status, body), "was refused"), (Failure::Refused, RetryAdvice::Final), "{status}");
        }
        let call = SoapCall::logon("svc", &SecretString::from("pw"));
        let outcome = interpret(&call, &response_of(200, sample!("fault_login_refused.xml")), &[], |_| Ok(()));
        assert_eq!(outcome.expect_err("refused").failure(), Failure::Refused);
    }

    #[test]
    fn a_response_that_does_not_fit_the_call_is_invalid_and_its_beginning_is_shown() {
        let deep = format!("<Envelope><Body><ExecuteQueryResponse><a><b><d name='x'>{}", "<d>".repeat(100));
        for (status, body, part) in [
            (200, sample!("login_page.html"), "document type declaration; it begins with: <!DOCTYPE html> <html>"),
            (200, b"<html><body>Sign in</body></html>".as_slice(), "it is <html>, not a SOAP envelope"),
            (302, b"", "HTTP 302; check the address; it begins with: (empty)"),
            (404, b"not here", "HTTP 404"),
            (200, b"", "it is not XML"),
            (200, sample!("entity_declarations.xml"), "document type declaration"),
            (200, deep.as_bytes(), "more than 64 levels"),
            (200, sample!("write.xml"), "it is <WriteResponse>, not <ExecuteQueryResponse>"),
            (200, b"<Envelope><Body/></Envelope>", "it contains no <ExecuteQueryResponse>"),
            (200, b"<Envelope><Body><Fault/></Body></Envelope>", "a fault without a text"),
            (200, b"<?xml version='1.0' encoding='utf-8'?><a>\xe9</a>", "not in UTF-8"),
        ] {
            assert_eq!(failure(query(status, body), part), (Failure::Incomplete, RetryAdvice::Final), "{part}");
            assert!(query(status, body).expect_err(part).to_string().starts_with("ExecuteQuery xtk:operator got"));
        }
    }

    #[test]
    fn a_response_cut_at_any_position_is_invalid() {
        let whole = OPERATORS.trim_ascii_end();
        for end in 0..whole.len() {
            let outcome = query(200, whole.get(..end).expect("shorter"));
            assert_eq!(outcome.expect_err("cut").failure(), Failure::Incomplete, "cut after {end} bytes");
        }
    }

    #[test]
    fn an_unavailable_server_and_a_rate_limit_are_retried() {
        assert_eq!(
            failure(query(503, sample!("login_page.html")), "HTTP 503"),
            (Failure::Unavailable, RetryAdvice::Retry)
        );
        let throttled = (Failure::Throttled { retry_after: None }, RetryAdvice::Retry);
        assert_eq!(failure(query(429, b""), "rate limited"), throttled);
    }

    #[test]
    fn errors_show_no_tokens() {
        let error = query(200, b"<html>___token</html>").expect_err("wrong");
        assert!(error.to_string().ends_with("it begins with: <html>[REDACTED]</html>"), "{error}");
        let logon = sample!("logon.xml");
        let call = SoapCall::logon("svc", &SecretString::from("pw"));
        for (status, body) in [
            (200, logon.get(..logon.len() - 30).expect("shorter")),
            (200, logon.get(..logon.len() / 2).expect("shorter")),
            (201, b"___0b2c4f6e".as_slice()),
            (403, b"XSV-350012 Invalid login or password ___0b2c4f6e"),
            (403, b"no ___0b2c4f6e"),
            (503, b"___0b2c4f6e"),
            (
                200,
                b"<Envelope><Body><Fault><faultstring>ABC-123456 ___0b2c4f6e</faultstring></Fault></Body></Envelope>",
            ),
        ] {
            let shown = match interpret(&call, &response_of(status, body), &[], |_| Ok(())) {
                Ok(reply) => format!("{reply:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(!shown.contains("0b2c4f6e"), "{status}: {shown}");
        }
    }
}
