//! How Campaign says no: SOAP faults, in HTTP 200 as well as in HTTP 500, and the codes inside them.

use std::fmt;

use super::xml_reader::{XmlError, XmlReader};
use crate::transport::{SecretString, excerpt};

/// Codes and words that say a session or a token is over. Builds differ in which of them they use.
const SESSION_OVER: [&str; 4] = ["XSV-350008", "XSV-350392", "Access token has expired", "HTTP response code is 401"];

/// Codes and words that say the credentials, or the address the program calls from, are not accepted.
const NOT_ACCEPTED: [&str; 3] = ["XSV-350012", "XSV-350013", "Invalid login or password"];

/// Refusals of a sign-in that say what to correct, by what they contain, with their sense.
const KNOWN_REFUSALS: [(&str, &str); 4] = [
    ("XSV-350012", "XSV-350012 (invalid login or password)"),
    ("XSV-350013", "XSV-350013 (the address of this host is not allowed)"),
    ("XSV-350008", "XSV-350008 (the session has expired or is invalid)"),
    ("XSV-350392", "XSV-350392 (Adobe IMS did not accept the token)"),
];

/// What a refusal in Campaign's words means for the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionRefusal {
    /// A new session may help.
    SessionOver,
    /// Nothing but other credentials or another address helps; trying again may lock the account.
    CredentialsRejected,
}

impl SessionRefusal {
    /// The refusal at the head of a text: what follows it may quote anybody, and what stands before a code quotes it.
    fn at_head_of(text: &str) -> Option<Self> {
        let begins = |signs: &[&str]| signs.iter().any(|sign| text.trim_start().starts_with(sign));
        if begins(&NOT_ACCEPTED) {
            Some(Self::CredentialsRejected)
        } else if begins(&SESSION_OVER) {
            Some(Self::SessionOver)
        } else {
            None
        }
    }

    /// Finds a refusal in the text of an error. Never to be asked about the answer to a query: names may hold anything.
    pub(super) fn in_text(text: &str) -> Option<Self> {
        if NOT_ACCEPTED.iter().any(|sign| text.contains(sign)) {
            Some(Self::CredentialsRejected)
        } else if SESSION_OVER.iter().any(|sign| text.contains(sign)) {
            Some(Self::SessionOver)
        } else {
            None
        }
    }
}

/// A SOAP fault as it came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReceivedFault {
    faultcode: String,
    faultstring: String,
    detail: String,
}

impl ReceivedFault {
    /// Reads what is inside `<Fault>`.
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
            return Err(XmlError::new("it is a fault that says nothing"));
        }
        Ok(fault)
    }

    /// What the fault means for the session, if anything.
    pub(super) fn refusal(&self) -> Option<SessionRefusal> {
        SessionRefusal::in_text(&self.faultstring).or_else(|| SessionRefusal::in_text(&self.detail))
    }

    /// Whether the fault itself, and not something that it quotes, says that the session is over.
    pub(super) fn is_session_over(&self) -> bool {
        SessionRefusal::at_head_of(&self.faultstring) == Some(SessionRefusal::SessionOver)
    }

    /// What may be repeated of a fault whose every word may be a secret: its code, and the sense of a known refusal.
    pub(super) fn outline(&self) -> String {
        outline(&format!("{}\n{}", self.detail, self.faultstring))
    }

    /// The same as a fault.
    pub(super) fn outlined(&self) -> SoapFault {
        SoapFault { message: self.outline(), cause: None, ..self.shown(&[]) }
    }

    /// Whether the fault lies with what was sent, by its SOAP code.
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

    /// Whether the same call may succeed a moment later: the database was busy with somebody else.
    fn is_passing(&self) -> bool {
        let text = format!("{}\n{}", self.faultstring, self.detail).to_lowercase();
        // ODB-240000 is any error of the database. A violated constraint stays violated (SQLSTATE class 23).
        let violated = text.contains("violat") || text.contains("duplicate key") || text.contains("{23");
        // A disk that is full stays so for longer than a call waits (SQLSTATE 53100, ORA-01653 and their kind).
        let full =
            ["disk full", "no space left", "disk is full", "unable to extend"].iter().any(|words| text.contains(words));
        let busy = text.contains("odb-240000") || text.contains("deadlock") || is_sql_state(&text, "40001");
        busy && !violated && !full
    }
}

fn is_sql_state(text: &str, state: &str) -> bool {
    text.contains(&format!("{{{state}}}")) || (text.contains("sqlstate") && text.contains(state))
}

/// The first code of the shape `ABC-123456`.
fn code_in(text: &str) -> Option<String> {
    let is_code = |word: &&[u8]| {
        let (letters, number) = word.split_at(3);
        let digits = number.strip_prefix(b"-").unwrap_or_default();
        letters.iter().all(u8::is_ascii_uppercase) && digits.len() == 6 && digits.iter().all(u8::is_ascii_digit)
    };
    text.as_bytes().windows(10).find(is_code).map(|code| String::from_utf8_lossy(code).into_owned())
}

/// What may be repeated of a text whose every word may be a secret: the codes in it that are known, in this program's words.
pub(super) fn outline(text: &str) -> String {
    let known: Vec<&str> =
        KNOWN_REFUSALS.iter().filter(|(sign, _)| text.contains(sign)).map(|(_, meaning)| *meaning).collect();
    match (known.as_slice(), code_in(text)) {
        ([], Some(code)) => format!("{code} (the rest is not shown because it may hold a secret)"),
        ([], None) => "the answer is not shown because it may hold a secret".to_owned(),
        (known, _) => known.join("; "),
    }
}

/// What Campaign said when it refused a call: one line, shortened, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoapFault {
    code: Option<String>,
    message: String,
    cause: Option<String>,
    passing: bool,
}

impl SoapFault {
    /// The code of the cause, such as `XSV-350023`, or else of the fault itself, which is often the wrapper `SOP-330011`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether the same call may succeed a moment later, as after a deadlock.
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
    fn a_full_disk_does_not_pass_in_a_moment() {
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
    fn a_secret_that_a_fault_repeats_is_not_shown() {
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
    fn a_deadlock_passes_and_a_violated_constraint_does_not() {
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
    fn refusals_are_told_apart_from_sessions_that_are_over() {
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
