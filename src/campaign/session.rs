//! Sessions: `Logon` with login and password, or a token of Adobe IMS.

use std::borrow::Cow;

use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue};

use super::client::Campaign;
use super::error::CampaignError;
use super::operators::is_true;
use super::soap_call::SoapCall;
use super::soap_response::SoapResponse;
use super::xml_reader::{Tag, XmlError, XmlReader};
use crate::domain::{OperatorId, OperatorLogin};
use crate::transport::{IdentityService, IssuedToken, SecretString, TokenError};

/// The name of the request for a token in errors.
const TOKEN_CALL: &str = "IMS token";

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
}

/// What Campaign says of the operator of a session.
struct UserInfo {
    /// Absent in old builds.
    login: Option<OperatorLogin>,
    id: Option<OperatorId>,
    rights: Vec<String>,
}

impl UserInfo {
    /// Reads `<userInfo>` among the children of the current element.
    fn read(reader: &mut XmlReader<'_>) -> Result<Option<Self>, XmlError> {
        let mut found = None;
        reader.children(|reader, tag| {
            if tag.is("userInfo") {
                found = Some(Self::read_content(reader, tag)?);
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn read_content(reader: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<Self, XmlError> {
        let login = tag.attribute("login")?.filter(|login| !login.is_empty()).map(OperatorLogin::new);
        // 0 is the id of no operator.
        let id = tag.attribute("loginId")?.and_then(|id| id.trim().parse().ok()).filter(|id| *id != 0).map(OperatorId);
        let mut rights = Vec::new();
        reader.children(|_, inner| {
            if inner.is("login-right") {
                rights.extend(inner.attribute("right")?.map(Cow::into_owned));
            }
            Ok(())
        })?;
        Ok(Self { login, id, rights })
    }

    /// The operator, with this login if Campaign names none.
    fn into_operator(self, signed_in_as: &str) -> OwnOperator {
        let login = self.login.unwrap_or_else(|| OperatorLogin::new(signed_in_as));
        OwnOperator { login, rights: self.rights }
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
    /// The name by which the instance knows itself, if `Logon` returned it.
    instance: Option<String>,
}

impl Session {
    /// No session: for the call that begins one.
    pub(super) fn none() -> Self {
        Self { token: SecretString::default(), headers: Vec::new(), secrets: Vec::new(), own: None, instance: None }
    }

    /// A session that `Logon` began.
    fn native(
        token: String,
        security_token: String,
        own: OwnOperator,
        instance: Option<String>,
    ) -> Result<Self, XmlError> {
        let headers = vec![
            (COOKIE, secret_header(&format!("__sessiontoken={token}"))?),
            (SECURITY_TOKEN_HEADER, secret_header(&security_token)?),
        ];
        let token = SecretString::from(token);
        let secrets = vec![token.clone(), SecretString::from(security_token)];
        Ok(Self { token, headers, secrets, own: Some(own), instance })
    }

    /// A session with a bearer token of IMS.
    fn bearer(token: SecretString, header: HeaderValue) -> Self {
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
        match self.exchange(&call, &Session::none(), |reader| read_logon(reader, login)).await? {
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
            None => self.operator_of_token().await,
        }
    }

    async fn operator_of_token(&self) -> Result<OwnOperator, CampaignError> {
        let call = SoapCall::user_info();
        let info = self.call(&call, read_user_info).await?;
        if let (None, Some(id)) = (&info.login, info.id)
            && let Some(operator) = self.operators_by_id(&[id]).await?.pop()
        {
            return Ok(info.into_operator(operator.login.as_str()));
        }
        let UserInfo { login: Some(login), rights, .. } = info else {
            let what = "it does not name the operator of the token".to_owned();
            return Err(CampaignError::InvalidResponse { call: call.name(), what, excerpt: "<userInfo>".to_owned() });
        };
        Ok(OwnOperator { login, rights })
    }

    /// The operator of the program, if it is known without another call. Begins a session if there is none.
    pub async fn known_own_operator(&self) -> Result<Option<OwnOperator>, CampaignError> {
        Ok(self.begun_session().await?.own.clone())
    }

    /// The name by which the instance knows itself, if `Logon` returned it. Begins a session if there is none.
    pub async fn instance_of_session(&self) -> Result<Option<String>, CampaignError> {
        Ok(self.begun_session().await?.instance.clone())
    }

    /// Whether an option of the instance is on. An option that does not exist is off.
    pub async fn option_is_on(&self, name: &str) -> Result<bool, CampaignError> {
        self.call(&SoapCall::option(name), read_option).await
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

/// Begins a session with a new IMS token of a technical account. Without retries.
pub(super) async fn begin_with_ims(service: &IdentityService) -> Result<Session, CampaignError> {
    let IssuedToken { secret, bearer, .. } = service.issue().await.map_err(token_error)?;
    tracing::debug!("IMS issued a token for Campaign");
    Ok(Session::bearer(secret, bearer))
}

fn token_error(error: TokenError) -> CampaignError {
    let call = TOKEN_CALL.to_owned();
    match error {
        TokenError::Transport(source) => CampaignError::Transport { call, source },
        TokenError::Refused { .. } => CampaignError::Refused { call, reason: error.to_string() },
        TokenError::RateLimited { retry_after } => CampaignError::RateLimited { call, retry_after },
        TokenError::Unavailable { status, retry_after, text } => {
            CampaignError::Unavailable { call, status, retry_after, excerpt: text.to_string() }
        }
        TokenError::InvalidResponse { status, reason, text } => {
            CampaignError::InvalidResponse { call, what: format!("HTTP {status}, {reason}"), excerpt: text.to_string() }
        }
    }
}

fn read_logon(reader: &mut XmlReader<'_>, login: &str) -> Result<Session, XmlError> {
    let (mut token, mut security_token, mut own, mut instance) = (String::new(), String::new(), None, None);
    reader.children(|reader, output| {
        match output.name() {
            "pstrSessionToken" => token = reader.text()?,
            "pstrSecurityToken" => security_token = reader.text()?,
            "pSessionInfo" => reader.children(|reader, session_info| {
                if session_info.is("sessionInfo") {
                    (own, instance) = read_session_info(reader)?;
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
    let own = own.ok_or_else(|| XmlError::new("it does not name the operator"))?;
    Session::native(token, security_token, own.into_operator(login), instance)
}

/// The operator of the session, and the name by which the instance knows itself.
fn read_session_info(reader: &mut XmlReader<'_>) -> Result<(Option<UserInfo>, Option<String>), XmlError> {
    let (mut own, mut instance) = (None, None);
    reader.children(|reader, tag| {
        if tag.is("userInfo") {
            own = Some(UserInfo::read_content(reader, tag)?);
        } else if tag.is("serverInfo") {
            instance = tag.attribute("instanceName")?.map(Cow::into_owned).filter(|name| !name.is_empty());
        }
        Ok(())
    })?;
    Ok((own, instance))
}

fn read_option(reader: &mut XmlReader<'_>) -> Result<bool, XmlError> {
    let mut is_on = false;
    reader.children(|reader, output| {
        if output.is("pstrValue") {
            is_on = is_true(&reader.text()?)?;
        }
        Ok(())
    })?;
    Ok(is_on)
}

fn read_user_info(reader: &mut XmlReader<'_>) -> Result<UserInfo, XmlError> {
    let mut info = None;
    reader.children(|reader, output| {
        if output.is("pUserInfo") {
            info = UserInfo::read(reader)?;
        }
        Ok(())
    })?;
    info.ok_or_else(|| XmlError::new("it does not name the operator of the token"))
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
        let session = read(LOGON_RESPONSE, |reader| read_logon(reader, "group-sync")).expect("a session");
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
            ("<userInfo", "<otherInfo"),
            ("</userInfo", "</otherInfo"),
        ] {
            let disturbed = LOGON_RESPONSE.replace(part, replacement);
            assert_ne!(disturbed, LOGON_RESPONSE);
            assert!(read(&disturbed, |reader| read_logon(reader, "group-sync")).is_err(), "{part}");
        }
    }

    #[test]
    fn an_old_build_names_no_operator_and_the_sign_in_stands_for_it() {
        for without in
            [LOGON_RESPONSE.replace("login='group-sync'", ""), LOGON_RESPONSE.replace("login='group-sync'", "login=''")]
        {
            assert_ne!(without, LOGON_RESPONSE);
            let session = read(&without, |reader| read_logon(reader, "Group-Sync")).expect("a session");
            let own = session.own.expect("known");
            assert_eq!((own.login.as_str(), own.is_administrator()), ("Group-Sync", true));
        }
    }

    #[test]
    fn get_user_info_names_the_operator_of_a_token() {
        let own = read(include_str!("../../tests/samples/campaign/user_info.xml"), read_user_info).expect("known");
        let own = own.into_operator("");
        assert_eq!(own.login.as_str(), "sync@techacct.adobe.com");
        assert!(!own.is_administrator());
    }
}
