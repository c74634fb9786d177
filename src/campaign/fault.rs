//! SOAP faults, which come with HTTP status 200 as well as 500, and the codes in them.

use std::fmt;

use super::xml_reader::{XmlError, XmlReader};
use crate::transport::{SecretString, excerpt};

/// Codes and phrases that say that a session or a token has expired. They differ between builds.
const SESSION_OVER: [&str; 4] = ["XSV-350008", "XSV-350392", "Access token has expired", "HTTP response code is 401"];

/// Codes and phrases that say that Campaign rejects the credentials, or the address of the caller.
const NOT_ACCEPTED: [&str; 3] = ["XSV-350012", "XSV-350013", "Invalid login or password"];

/// Refusals of a sign-in that say what to correct: the code, and its meaning.
const KNOWN_REFUSALS: [(&str, &str); 4] = [
    ("XSV-350012", "XSV-350012 (invalid login or password)"),
    ("XSV-350013", "XSV-350013 (the address of this host is not allowed)"),
    ("XSV-350008", "XSV-350008 (the session has expired or is invalid)"),
    ("XSV-350392", "XSV-350392 (Adobe IMS did not accept the token)"),
];

/// What a refusal means for the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionRefusal {
    /// A new session may help.
    SessionOver,
    /// Only other credentials or another address help; a retry may lock the account.
    CredentialsRejected,
}

impl SessionRefusal {
    /// The refusal at the beginning of a text. A code elsewhere in the text may be a quotation.
    fn at_head_of(text: &str) -> Option<Self> {
        let begins = |phrases: &[&str]| phrases.iter().any(|phrase| text.trim_start().starts_with(phrase));
        if begins(&NOT_ACCEPTED) {
            Some(Self::CredentialsRejected)
        } else if begins(&SESSION_OVER) {
            Some(Self::SessionOver)
        } else {
            None
        }
    }

    /// Finds a refusal in the text of an error. Not for the rows of a query, where a name may contain the same text.
    pub(super) fn in_text(text: &str) -> Option<Self> {
        if NOT_ACCEPTED.iter().any(|phrase| text.contains(phrase)) {
            Some(Self::CredentialsRejected)
        } else if SESSION_OVER.iter().any(|phrase| text.contains(phrase)) {
            Some(Self::SessionOver)
        } else {
            None
        }
    }
}

/// A SOAP fault as received.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReceivedFault {
    faultcode: String,
    faultstring: String,
    detail: String,
}

impl ReceivedFault {
    /// Reads the content of `<Fault>`.
    pub(super) fn read(reader: &mut XmlReader<'_>) -> Result<Self, XmlError> {
        let mut fault = Self::default();
        reader.children(|reader, tag| {
            match tag.name() {
                "faultcode" => fault.faultcode = reader.text()?,
                "faultstring" => fault.faultstring = reader.text()?,
                "detail" => fault.detail = reader.text()?,
                _ => {}
            }
            Ok(())
        })?;
        if fault.faultstring.trim().is_empty() && fault.faultcode.trim().is_empty() {
            return Err(XmlError::new("it is a fault without a text"));
        }
        Ok(fault)
    }

    /// What the fault means for the session, if it is a refusal.
    pub(super) fn refusal(&self) -> Option<SessionRefusal> {
        SessionRefusal::in_text(&self.faultstring).or_else(|| SessionRefusal::in_text(&self.detail))
    }

    /// Whether the fault itself, not a quotation in it, says that the session has expired.
    pub(super) fn is_session_over(&self) -> bool {
        SessionRefusal::at_head_of(&self.faultstring) == Some(SessionRefusal::SessionOver)
    }

    /// What errors may show of a fault that may contain a secret: its code, and the meaning of a known refusal.
    pub(super) fn outline(&self) -> String {
        outline(&format!("{}\n{}", self.detail, self.faultstring))
    }

    /// A fault with the outline as its message.
    pub(super) fn outlined(&self) -> SoapFault {
        SoapFault { message: self.outline(), cause: None, ..self.shown(&[]) }
    }

    /// Whether the SOAP code blames the request.
    pub(super) fn blames_the_caller(&self) -> bool {
        self.faultcode.trim().ends_with("Client")
    }

    /// The fault as errors show it: shortened, on one line, without secrets.
    pub(super) fn shown(&self, secrets: &[&SecretString]) -> SoapFault {
        let message = if self.faultstring.trim().is_empty() { &self.faultcode } else { &self.faultstring };
        let wrapper = message.trim();
        let cause = self.detail.lines().map(str::trim).find(|line| !line.is_empty() && *line != wrapper);
        SoapFault {
            code: cause.and_then(code_in).or_else(|| code_in(wrapper)),
            message: excerpt(wrapper.as_bytes(), secrets),
            cause: cause.map(|cause| excerpt(cause.as_bytes(), secrets)),
            passing: self.is_passing(),
        }
    }

    /// Whether a retry may succeed: the database was busy.
    fn is_passing(&self) -> bool {
        let text = format!("{}\n{}", self.faultstring, self.detail).to_lowercase();
        // ODB-240000 is any error of the database. A retry does not help after a violated constraint (SQLSTATE class
        // 23).
        let violated = text.contains("violat") || text.contains("duplicate key") || text.contains("{23");
        // A full disk stays full for longer than a call waits (such as SQLSTATE 53100 and ORA-01653).
        let full =
            ["disk full", "no space left", "disk is full", "unable to extend"].iter().any(|words| text.contains(words));
        let busy = text.contains("odb-240000") || text.contains("deadlock") || is_sql_state(&text, "40001");
        busy && !violated && !full
    }
}

fn is_sql_state(text: &str, state: &str) -> bool {
    text.contains(&format!("{{{state}}}")) || (text.contains("sqlstate") && text.contains(state))
}

/// The first code of the form `ABC-123456`.
fn code_in(text: &str) -> Option<String> {
    let is_code = |word: &&[u8]| {
        let (letters, number) = word.split_at(3);
        let digits = number.strip_prefix(b"-").unwrap_or_default();
        letters.iter().all(u8::is_ascii_uppercase) && digits.len() == 6 && digits.iter().all(u8::is_ascii_digit)
    };
    text.as_bytes().windows(10).find(is_code).map(|code| String::from_utf8_lossy(code).into_owned())
}

/// What errors may show of a text that may contain a secret: the meanings of the known codes in it.
pub(super) fn outline(text: &str) -> String {
    let known: Vec<&str> =
        KNOWN_REFUSALS.iter().filter(|(code, _)| text.contains(code)).map(|(_, meaning)| *meaning).collect();
    match (known.as_slice(), code_in(text)) {
        ([], Some(code)) => format!("{code} (the rest is not shown because it may contain a secret)"),
        ([], None) => "the response is not shown because it may contain a secret".to_owned(),
        (known, _) => known.join("; "),
    }
}

/// A SOAP fault for errors: one line, shortened, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoapFault {
    code: Option<String>,
    message: String,
    cause: Option<String>,
    passing: bool,
}

impl SoapFault {
    /// The code of the cause, such as `XSV-350023`, or else of the fault itself, often the general code `SOP-330011`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether a retry may succeed, as after a deadlock.
    pub fn is_passing(&self) -> bool {
        self.passing
    }
}

impl fmt::Display for SoapFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(f, "{cause} ({})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(faultstring: &str, detail: &str) -> ReceivedFault {
        ReceivedFault {
            faultcode: "SOAP-ENV:Server".to_owned(),
            faultstring: faultstring.to_owned(),
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn a_full_disk_is_not_a_temporary_fault() {
        let passes = |text: &str| fault("SOP-330011", text).is_passing();
        assert!(passes("ODB-240000 ODBC error: {40001} deadlock detected"));
        assert!(!passes("ODB-240000 disk full"));
        assert!(!passes("ODB-240000 ORA-01653: unable to extend table"));
    }

    const WRAPPER: &str = "SOP-330011 Error while executing the method 'Write' of service 'xtk:persist|xtk:session'.";

    #[test]
    fn the_cause_is_the_first_line_of_the_detail() {
        let detail =
            format!("\n  Unable to find key values for element 'operator'\nXSV-350023 Unable to save.\n{WRAPPER}");
        let shown = fault(WRAPPER, &detail).shown(&[]);
        assert_eq!(shown.to_string(), format!("Unable to find key values for element 'operator' ({WRAPPER})"));
        assert_eq!(shown.code(), Some("SOP-330011"));
        let shown = fault(WRAPPER, "XSV-350023 Unable to save.").shown(&[]);
        assert_eq!(shown.code(), Some("XSV-350023"));
        let hidden = fault(WRAPPER, "").shown(&[]);
        assert_eq!(hidden.to_string(), WRAPPER);
        assert_eq!(fault(WRAPPER, WRAPPER).shown(&[]).to_string(), WRAPPER);
        assert_eq!(fault("", "").shown(&[]).to_string(), "SOAP-ENV:Server");
    }

    #[test]
    fn a_secret_in_a_fault_is_not_shown() {
        let secret = SecretString::from("___token-1");
        let shown = fault("no session ___token-1", "it was ___token-1").shown(&[&secret]);
        assert_eq!(shown.to_string(), "it was [REDACTED] (no session [REDACTED])");
    }

    #[test]
    fn a_code_is_three_letters_and_six_digits() {
        for (text, expected) in [
            ("XSV-350008 Session", Some("XSV-350008")),
            ("see (ODB-240000)", Some("ODB-240000")),
            ("ABCD-123456", Some("BCD-123456")),
            ("abc-123456", None),
            ("ABC-12345", None),
            ("é", None),
        ] {
            assert_eq!(code_in(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_deadlock_is_a_temporary_fault_and_a_violated_constraint_is_not() {
        for (detail, passing) in [
            ("ODB-240000 ODBC error: ERROR: deadlock detected SQLState: 40P01", true),
            ("ODB-240000 ODBC error: {40001} could not serialize access (iRc=-1)", true),
            ("PostgreSQL error: deadlock detected", true),
            ("SQLState: 40001", true),
            ("operator 40001 is unknown", false),
            ("PostgreSQL error: ERROR: duplicate key violates unique constraint \"x\"\nODB-240000 {23505}", false),
            ("ORA-00001: unique constraint (X) violated\nODB-240000 ODBC error", false),
            ("XTK-170036 Unable to parse expression", false),
            ("", false),
        ] {
            assert_eq!(fault(WRAPPER, detail).shown(&[]).is_passing(), passing, "{detail}");
        }
    }

    #[test]
    fn rejected_credentials_are_distinguished_from_expired_sessions() {
        for (text, expected) in [
            ("XSV-350008 Session has expired or is invalid. Please reconnect.", Some(SessionRefusal::SessionOver)),
            ("XSV-350392 Access token has expired", Some(SessionRefusal::SessionOver)),
            ("the HTTP response code is 401", Some(SessionRefusal::SessionOver)),
            ("XSV-350012 Invalid login or password. Connection denied.", Some(SessionRefusal::CredentialsRejected)),
            ("XSV-350013 The '10.0.0.1' IP address via which", Some(SessionRefusal::CredentialsRejected)),
            ("XTK-170036 Unable to parse", None),
        ] {
            assert_eq!(SessionRefusal::in_text(text), expected, "{text}");
            assert_eq!(fault("something", text).refusal(), expected, "{text}");
        }
    }
}
