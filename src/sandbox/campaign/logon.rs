//! The caller: `Logon`, bearer tokens, open sessions, and the rights of an operator.

use std::time::{Duration, SystemTime};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::router::{TokenStatus, now};
use super::soap::{Output, SoapCall};
use super::soap_fault::{CallError, SoapFault, credentials_refused, session_over};
use super::tables::{Owner, OwnerKind};
use super::world::InstanceAuthentication;
use super::write::Rights;
use super::xml::Markup;
use super::{ADMIN_RIGHT, Instance, OPERATOR_WRITE_RIGHT};

/// Operators that may sign in with a password where others may not: those that Campaign's configuration allows by
/// default beside `nonIMSAuthnAPI disableAPI="true"`.
const NATIVE_OPERATORS: [&str; 5] = ["admin", "aemserver", "campaign-loginmonitor", "internal", "monitoring"];

impl Instance {
    /// The operator that makes a call; `None` for an anonymous one.
    pub(super) fn caller(
        &mut self,
        headers: &HeaderMap,
        call: &SoapCall,
        tokens: &dyn Fn(&str) -> TokenStatus,
    ) -> Result<Option<i64>, CallError> {
        if let Some(bearer) = bearer(headers) {
            return self.bearer_operator(bearer, tokens).map(Some);
        }
        if call.session_token.is_empty() {
            return Ok(None);
        }
        let security_token = headers.get("x-security-token").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let required = (!self.definition.behavior.session_token_only).then_some(security_token);
        let operator =
            self.sessions.operator(&call.session_token, required, SystemTime::now()).filter(|&id| self.may_sign_in(id));
        operator.map(Some).ok_or_else(session_over)
    }

    /// The operator of a bearer token; it is created at its first call, as in Campaign.
    fn bearer_operator(&mut self, bearer: &str, tokens: &dyn Fn(&str) -> TokenStatus) -> Result<i64, CallError> {
        if self.definition.authentication != InstanceAuthentication::Ims {
            return Err(session_over());
        }
        match tokens(bearer) {
            TokenStatus::Expired => return Err(CallError::Fault(SoapFault::bearer_expired())),
            TokenStatus::Unknown => return Err(session_over()),
            TokenStatus::Valid { .. } => {}
        }
        let login = self.definition.technical_account.clone();
        let id = match self.tables.id_of(OwnerKind::Operator, &login) {
            Some(id) => id,
            None => self.create_technical_account(login)?,
        };
        if self.may_sign_in(id) { Ok(id) } else { Err(credentials_refused()) }
    }

    fn create_technical_account(&mut self, login: String) -> Result<i64, CallError> {
        let id = self.tables.insert_owner(Owner {
            label: login.clone(),
            email: login.clone(),
            authentication: "ims".to_owned(),
            ..Owner::new(OwnerKind::Operator, login)
        })?;
        if self.definition.behavior.administrator {
            self.grant(id, ADMIN_RIGHT);
        }
        Ok(id)
    }

    fn may_sign_in(&self, id: i64) -> bool {
        self.tables.owner(id).is_some_and(|owner| owner.kind == OwnerKind::Operator && !owner.disabled)
    }

    /// `Logon(login, password, parameters)`. No public source shows the refusal of an operator that may not sign in
    /// with a password: it looks like that of a wrong one.
    pub(super) fn logon(&mut self, call: &SoapCall) -> Result<Vec<Output>, CallError> {
        let is_open = self.definition.behavior.native_sign_in || NATIVE_OPERATORS.contains(&call.text(0)?);
        let accepted = is_open
            && self.definition.authentication == InstanceAuthentication::Native
            && call.text(0)? == self.definition.login
            && call.text(1)? == self.definition.password;
        let id = self.tables.id_of(OwnerKind::Operator, &self.definition.login);
        match id.filter(|&id| accepted && self.may_sign_in(id)) {
            Some(id) => Ok(self.open_session(id)),
            None => Err(credentials_refused()),
        }
    }

    /// `BearerTokenLogon(bearerToken)`.
    pub(super) fn bearer_logon(
        &mut self,
        call: &SoapCall,
        tokens: &dyn Fn(&str) -> TokenStatus,
    ) -> Result<Vec<Output>, CallError> {
        let id = self.bearer_operator(call.text(0)?, tokens)?;
        Ok(self.open_session(id))
    }

    fn open_session(&mut self, id: i64) -> Vec<Output> {
        let behavior = &self.definition.behavior;
        let life = Duration::from_secs(behavior.session_seconds);
        let tokens = self.sessions.open(id, behavior.seed, SystemTime::now(), life);
        let info = format!("<sessionInfo>{}{}</sessionInfo>", self.server_info(), self.user_info(Some(id)));
        vec![
            Output::Scalar("pstrSessionToken", "xsd:string", tokens.session),
            Output::Document("pSessionInfo", info),
            Output::Scalar("pstrSecurityToken", "xsd:string", tokens.security),
        ]
    }

    fn server_info(&self) -> String {
        let behavior = &self.definition.behavior;
        let seconds = behavior.session_seconds.to_string();
        let mut numbers = behavior.version.split('.').chain(std::iter::repeat("0"));
        let mut number = || numbers.next().unwrap_or_default();
        let (mut out, now) = (Markup::default(), now());
        let attributes = [
            ("buildNumber", behavior.build_number.as_str()),
            ("commitId", "sandbox"),
            ("databaseId", "sandbox"),
            ("defaultNameSpace", "cus"),
            ("instanceName", self.name()),
            ("majNumber", number()),
            ("minNumber", number()),
            ("servicePack", number()),
            ("releaseName", &behavior.version),
            ("securityTimeOut", &seconds),
            ("sessionTimeOut", &seconds),
            ("serverDate", &now),
        ];
        out.empty("serverInfo", &attributes);
        out.into_string()
    }

    /// The `userInfo` of a caller: its groups and rights.
    pub(super) fn user_info(&self, id: Option<i64>) -> String {
        let owner = id.and_then(|id| self.tables.owner(id));
        let login = owner.map_or("", |owner| owner.name.as_str());
        let label = owner.map_or("", |owner| owner.label.as_str());
        let (name, id_text) = (format!("{label} ({login})"), id.unwrap_or(0).to_string());
        let mut out = Markup::default();
        let mut attributes = vec![
            ("datakitInDatabase", "true"),
            ("homeDir", ""),
            ("instanceLocale", "en"),
            ("locale", "en"),
            ("loginCS", &name),
            ("loginId", &id_text),
            ("noConsoleCnx", "false"),
            ("orgUnitId", "0"),
            ("theme", ""),
            ("timezone", "Etc/UTC"),
        ];
        if self.definition.behavior.user_info_login {
            attributes.push(("login", login));
        }
        out.open("userInfo", &attributes);
        for group in id.into_iter().flat_map(|id| self.held(id, OwnerKind::Group)) {
            out.empty("login-group", &[("id", &group.id.to_string())]);
        }
        for right in id.map(|id| self.named_rights(id)).unwrap_or_default() {
            out.empty("login-right", &[("right", right)]);
        }
        out.empty("installed-package", &[("name", "campaign"), ("namespace", "nms")]);
        out.close("userInfo");
        out.into_string()
    }

    /// What an operator may write, by its own rights and those of its groups.
    pub(super) fn rights(&self, id: i64) -> Rights {
        let rights = self.named_rights(id);
        Rights { administrator: rights.contains(&ADMIN_RIGHT), operator_write: rights.contains(&OPERATOR_WRITE_RIGHT) }
    }

    fn named_rights(&self, id: i64) -> Vec<&str> {
        let holders = std::iter::once(id).chain(self.held(id, OwnerKind::Group).map(|group| group.id));
        let mut rights: Vec<&str> =
            holders.flat_map(|id| self.held(id, OwnerKind::NamedRight)).map(|right| right.name.as_str()).collect();
        rights.sort_unstable();
        rights.dedup();
        rights
    }

    fn held(&self, id: i64, kind: OwnerKind) -> impl Iterator<Item = &Owner> {
        let held = self.tables.held_by(id).filter_map(|row| self.tables.owner(row.group_id));
        held.filter(move |owner| owner.kind == kind)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
