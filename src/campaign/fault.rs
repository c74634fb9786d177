//! SOAP faults, which come with HTTP status 200 as well as 500, and the codes in them.

use std::fmt;

use super::xml_reader::{XmlError, XmlReader};
use crate::transport::{SecretString, excerpt};

/// Codes and phrases that say that a session or a token has expired. They differ between builds.
const SESSION_OVER: [&str; 4] = ["XSV-350008", "XSV-350392", "Access token has expired", "HTTP response code is 401"];

/// Codes and phrases that say that Campaign rejects the credentials, or the address of the caller.
const NOT_ACCEPTED: [&str; 3] = ["XSV-350012", "XSV-350013", "Invalid login or password"];

/// Refusals of a sign-in that say what to correct: the code, and its meaning.
const KNOWN_REFUSALS: [(&str, &str); 5] = [
    ("XSV-350012", "XSV-350012 (invalid login or password)"),
    ("XSV-350013", "XSV-350013 (the address of this host is not allowed)"),
    ("XSV-350008", "XSV-350008 (the session has expired or is invalid)"),
    ("XSV-350392", "XSV-350392 (Adobe IMS did not accept the token)"),
    ("SOP-330023", "SOP-330023 (the operator does not have the required rights)"),
];

/// The code of a fault of which the operator may not see the cause.
const NO_RIGHT: &str = "SOP-330023";

/// The code of a fault about an expression that cannot be parsed, mostly because a path in it is unknown.
const UNKNOWN_PATH: &str = "XTK-170036";

/// The code of a fault about a call from Campaign to IMS.
const IMS_CALL_FAILED: &str = "XSV-350114";

/// The words before the status with which IMS answered Campaign.
const IMS_STATUS: &str = "HTTP response code is";

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
            kind: self.kind(),
        }
    }

    fn kind(&self) -> FaultKind {
        let has_line = |code: &str| self.lines().any(|line| line.starts_with(code));
        if self.is_busy_database() || self.is_busy_ims() {
            FaultKind::Temporary
        } else if has_line(NO_RIGHT) {
            FaultKind::NoRight
        } else if has_line(UNKNOWN_PATH) {
            FaultKind::UnknownPath
        } else {
            FaultKind::Other
        }
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        self.faultstring.lines().chain(self.detail.lines()).map(str::trim)
    }

    /// Whether Campaign could not ask IMS about the token at this moment. Campaign asks IMS about every token, and
    /// repeats the status of its answer (acc-js-sdk, issue 108).
    fn is_busy_ims(&self) -> bool {
        let text = format!("{}\n{}", self.faultstring, self.detail);
        let status = text.split(IMS_STATUS).nth(1).map(str::trim_start).unwrap_or_default();
        let digits: String = status.chars().take_while(char::is_ascii_digit).collect();
        text.contains(IMS_CALL_FAILED) && digits.parse().is_ok_and(|status: u16| status == 429 || status >= 500)
    }

    /// Whether the database was busy, so that a retry may succeed.
    fn is_busy_database(&self) -> bool {
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
    kind: FaultKind,
}

/// What a fault means for the calls after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FaultKind {
    /// A retry may succeed.
    Temporary,
    /// Campaign does not show the cause to the operator, mostly because the operator has no right to the object of the
    /// call; an instance that hides details may answer any error in this way.
    NoRight,
    /// The call names a path that the schema does not have.
    UnknownPath,
    /// A fault about rows: the same columns were read before.
    OfRows,
    /// Anything else.
    Other,
}

impl SoapFault {
    /// The code of the cause, such as `XSV-350023`, or else of the fault itself, often the general code `SOP-330011`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether a retry may succeed, as after a deadlock.
    pub fn is_temporary(&self) -> bool {
        self.kind == FaultKind::Temporary
    }

    /// Whether Campaign answered `SOP-330023`, mostly because the technical account belongs to no operator, or has no
    /// right to what the call concerns (acc-js-sdk, issue 112).
    pub fn is_without_right(&self) -> bool {
        self.kind == FaultKind::NoRight
    }

    /// The same fault of a call whose columns were read before, so that it is not about them.
    pub(super) fn of_rows(self) -> Self {
        match self.kind {
            FaultKind::UnknownPath | FaultKind::Other => Self { kind: FaultKind::OfRows, ..self },
            FaultKind::NoRight | FaultKind::Temporary | FaultKind::OfRows => self,
        }
    }

    /// Whether a column in the call may have caused the fault.
    pub(super) fn may_be_about_a_path(&self) -> bool {
        matches!(self.kind, FaultKind::UnknownPath | FaultKind::NoRight | FaultKind::Other)
    }

    /// Whether Campaign answered `XTK-170036`: a path in the call is unknown.
    pub(super) fn is_unknown_path(&self) -> bool {
        self.kind == FaultKind::UnknownPath
    }
}

impl fmt::Display for SoapFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(f, "{cause} ({})", self.message)?,
            None => f.write_str(&self.message)?,
        }
        if self.is_without_right() {
            f.write_str(" (Campaign does not show the cause to the operator of this program)")?;
        }
        Ok(())
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
        let passes = |text: &str| fault("SOP-330011", text).shown(&[]).is_temporary();
        assert!(passes("ODB-240000 ODBC error: {40001} deadlock detected"));
        assert!(!passes("ODB-240000 disk full"));
        assert!(!passes("ODB-240000 ORA-01653: unable to extend table"));
    }

    #[test]
    fn a_code_counts_only_at_the_beginning_of_a_line() {
        let shown = |detail: &str| fault(WRAPPER, detail).shown(&[]);
        let unknown = "'x' attribute unknown (see definition of 'Operators (xtk:operator)' schema)\nXTK-170036 Unable to \
                       parse expression '@x'.";
        assert!(shown(unknown).is_unknown_path());
        assert!(!shown("the operator 'XTK-170036' is unknown").is_unknown_path());
        let text = "SOP-330023 The entity could not be read. You don't have the required rights to view the detail";
        assert!(fault(text, "").shown(&[]).is_without_right());
        assert!(shown(text).is_without_right());
        assert!(!shown("the operator 'SOP-330023' is unknown").is_without_right());
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
            ("XSV-350114 Unknown error during '/ims/profile/v1' IMS call, HTTP response code is 429", true),
            ("XSV-350114 Unknown error during '/ims/profile/v1' IMS call, HTTP response code is 503.", true),
            ("XSV-350114 Unknown error during '/ims/profile/v1' IMS call, HTTP response code is 403", false),
            ("the operator 'HTTP response code is 503' is unknown", false),
            ("PostgreSQL error: ERROR: duplicate key violates unique constraint \"x\"\nODB-240000 {23505}", false),
            ("ORA-00001: unique constraint (X) violated\nODB-240000 ODBC error", false),
            ("XTK-170036 Unable to parse expression", false),
            ("", false),
        ] {
            assert_eq!(fault(WRAPPER, detail).shown(&[]).is_temporary(), passing, "{detail}");
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
