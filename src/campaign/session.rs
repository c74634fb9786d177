//! Sessions: `Logon` with login and password, or a token of Adobe IMS.

use std::borrow::Cow;

use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue};

use super::client::Campaign;
use super::error::CampaignError;
use super::soap_call::SoapCall;
use super::soap_response::SoapResponse;
use super::xml_reader::{Tag, XmlError, XmlReader};
use crate::domain::OperatorLogin;
use crate::transport::SecretString;

/// The security token of a native session, without which the session cookie is not accepted.
const SECURITY_TOKEN_HEADER: HeaderName = HeaderName::from_static("x-security-token");

/// The named right required to write memberships (Adobe's "Filtering schemas": only administrators write
/// `xtk:operatorGroup`).
const ADMINISTRATION_RIGHT: &str = "admin";

/// The operator of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnOperator {
    /// Its login.
    pub login: OperatorLogin,
    /// Its named rights, such as `admin`.
    pub rights: Vec<String>,
}

impl OwnOperator {
    /// Whether it has the named right ADMINISTRATION, which is required to write memberships.
    pub fn is_administrator(&self) -> bool {
        self.rights.iter().any(|right| right == ADMINISTRATION_RIGHT)
    }

    /// Reads the content of `<userInfo>`.
    fn read(reader: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<Self, XmlError> {
        let login = OperatorLogin::new(tag.required("login")?);
        let mut rights = Vec::new();
        reader.children(|_, inner| {
            if inner.is("login-right") {
                rights.extend(inner.attribute("right")?.map(Cow::into_owned));
            }
            Ok(())
        })?;
        Ok(Self { login, rights })
    }
}

/// The tokens and headers of every call.
#[derive(Debug)]
pub(super) struct Session {
    /// The first parameter of every method: the session token; empty with a bearer token.
    pub(super) token: SecretString,
    headers: Vec<(HeaderName, HeaderValue)>,
    secrets: Vec<SecretString>,
    /// The operator of the session, if `Logon` returned it.
    pub(super) own: Option<OwnOperator>,
}

impl Session {
    /// No session: for the call that begins one.
    pub(super) fn none() -> Self {
        Self { token: SecretString::default(), headers: Vec::new(), secrets: Vec::new(), own: None }
    }

    /// A session that `Logon` began.
    fn native(token: String, security_token: String, own: OwnOperator) -> Result<Self, XmlError> {
        let headers = vec![
            (COOKIE, secret_header(&format!("__sessiontoken={token}"))?),
            (SECURITY_TOKEN_HEADER, secret_header(&security_token)?),
        ];
        let token = SecretString::from(token);
        let secrets = vec![token.clone(), SecretString::from(security_token)];
        Ok(Self { token, headers, secrets, own: Some(own) })
    }

    /// A session with a bearer token of IMS.
    pub(super) fn bearer(token: SecretString, header: HeaderValue) -> Self {
        Self { headers: vec![(AUTHORIZATION, header)], secrets: vec![token], ..Self::none() }
    }

    /// The request with the headers of the session.
    pub(super) fn sign(&self, mut request: RequestBuilder) -> RequestBuilder {
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
    }

    /// The same session, which also keeps the secrets of the previous one, because that session may still be valid.
    pub(super) fn following(mut self, before: Option<&Self>) -> Self {
        self.secrets.extend(before.into_iter().flat_map(Self::secrets).cloned());
        self
    }

    /// The secrets that must never be shown.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.secrets.iter()
    }
}

/// A header value that is not shown in the logs of the HTTP library or its `Debug` output.
fn secret_header(value: &str) -> Result<HeaderValue, XmlError> {
    let mut header =
        HeaderValue::try_from(value).map_err(|_| XmlError::new("its token is not valid in an HTTP header"))?;
    header.set_sensitive(true);
    Ok(header)
}

impl Campaign {
    /// Calls `xtk:session#Logon` once, without retries: repeated wrong passwords lock accounts.
    pub(super) async fn sign_in(&self, login: &str, password: &SecretString) -> Result<Session, CampaignError> {
        let call = SoapCall::logon(login, password);
        match self.exchange(&call, &Session::none(), read_logon).await? {
            SoapResponse::Returned(session) => {
                tracing::debug!(operator = login, "signed in to Campaign");
                Ok(session)
            }
            SoapResponse::SessionOver(reason) => Err(CampaignError::Refused { call: call.name(), reason }),
            SoapResponse::Doubtful(fault) => Err(CampaignError::Fault { call: call.name(), fault }),
        }
    }

    /// The operator of the program. Begins a session if there is none.
    pub async fn own_operator(&self) -> Result<OwnOperator, CampaignError> {
        let from_logon = self.begun_session().await?.own.clone();
        match from_logon {
            Some(own) => Ok(own),
            None => self.call(&SoapCall::user_info(), read_user_info).await,
        }
    }

    /// The operator of the program, if it is known without another call. Begins a session if there is none.
    pub async fn known_own_operator(&self) -> Result<Option<OwnOperator>, CampaignError> {
        Ok(self.begun_session().await?.own.clone())
    }

    /// Ends the session if `Logon` began it. A bearer token needs no sign-out, so a question saves the call.
    pub async fn sign_out_after_logon(&self) {
        match self.take_session().await {
            Some(session) if session.own.is_some() => self.end(&session).await,
            Some(_) | None => {}
        }
    }

    /// Ends the session, if there is one. A failure is only logged: Campaign ends sessions by itself.
    pub async fn sign_out(&self) {
        if let Some(session) = self.take_session().await {
            self.end(&session).await;
        }
    }

    async fn end(&self, session: &Session) {
        match self.exchange(&SoapCall::logoff(), session, |_| Ok(())).await {
            Ok(SoapResponse::Returned(())) => tracing::debug!("signed out of Campaign"),
            Ok(SoapResponse::SessionOver(reason)) => tracing::debug!(reason, "the session expired before the sign-out"),
            Ok(SoapResponse::Doubtful(fault)) => tracing::debug!(%fault, "signing out of Campaign failed"),
            Err(error) => tracing::debug!(error = %error, "signing out of Campaign failed"),
        }
    }
}

fn read_logon(reader: &mut XmlReader<'_>) -> Result<Session, XmlError> {
    let (mut token, mut security_token, mut own) = (String::new(), String::new(), None);
    reader.children(|reader, output| {
        match output.name() {
            "pstrSessionToken" => token = reader.text()?,
            "pstrSecurityToken" => security_token = reader.text()?,
            "pSessionInfo" => reader.children(|reader, session_info| {
                if session_info.is("sessionInfo") {
                    own = read_own_operator(reader)?;
                }
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    })?;
    if token.is_empty() {
        return Err(XmlError::new("it has no session token"));
    }
    Session::native(token, security_token, own.ok_or_else(|| XmlError::new("it does not name the operator"))?)
}

fn read_user_info(reader: &mut XmlReader<'_>) -> Result<OwnOperator, XmlError> {
    let mut own = None;
    reader.children(|reader, output| {
        if output.is("pUserInfo") {
            own = read_own_operator(reader)?;
        }
        Ok(())
    })?;
    own.ok_or_else(|| XmlError::new("it does not name the operator of the token"))
}

fn read_own_operator(reader: &mut XmlReader<'_>) -> Result<Option<OwnOperator>, XmlError> {
    let mut own = None;
    reader.children(|reader, tag| {
        if tag.is("userInfo") {
            own = Some(OwnOperator::read(reader, tag)?);
        }
        Ok(())
    })?;
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::ExposeSecret;

    const LOGON_RESPONSE: &str = include_str!("../../tests/samples/campaign/logon.xml");

    fn read<T>(text: &str, output: impl Fn(&mut XmlReader<'_>) -> Result<T, XmlError>) -> Result<T, XmlError> {
        let mut found = Err(XmlError::new("no body"));
        XmlReader::document(text, |reader, _| {
            reader.children(|reader, _| {
                reader.children(|reader, _| {
                    found = output(reader);
                    Ok(())
                })
            })
        })?;
        found
    }

    #[test]
    fn the_response_to_logon_has_two_tokens_and_names_the_operator() {
        let session = read(LOGON_RESPONSE, read_logon).expect("a session");
        assert_eq!(session.token.expose_secret(), "___0b2c4f6e-1111-4222-8333-444455556666");
        let own = session.own.clone().expect("known");
        assert_eq!(own.login.as_str(), "group-sync");
        assert!(own.is_administrator());
        let shown = format!("{session:?}");
        assert!(!shown.contains("0b2c4f6e") && !shown.contains("c2VjdXJpdHk"), "{shown}");
    }

    #[test]
    fn a_response_to_logon_without_its_parts_is_an_error() {
        for (part, replacement) in [
            ("___0b2c4f6e-1111-4222-8333-444455556666", ""),
            ("___0b2c4f6e", "line&#10;break"),
            ("login='group-sync'", "login=''"),
            ("<userInfo", "<otherInfo"),
            ("</userInfo", "</otherInfo"),
        ] {
            let disturbed = LOGON_RESPONSE.replace(part, replacement);
            assert_ne!(disturbed, LOGON_RESPONSE);
            assert!(read(&disturbed, read_logon).is_err(), "{part}");
        }
    }

    #[test]
    fn get_user_info_names_the_operator_of_a_token() {
        let own = read(include_str!("../../tests/samples/campaign/user_info.xml"), read_user_info).expect("known");
        assert_eq!(own.login.as_str(), "sync@techacct.adobe.com");
        assert!(!own.is_administrator());
    }
}
