//! The client: one call with its retries and one renewal of the session.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::header::CONTENT_TYPE;
use tokio::sync::Mutex;

use super::columns::InstanceShape;
use super::error::CampaignError;
use super::options::{CampaignAuthentication, CampaignOptions};
use super::session::{Session, begin_with_ims};
use super::snapshot_age::SnapshotAge;
use super::soap_call::SoapCall;
use super::soap_response::{SoapResponse, interpret};
use super::xml_reader::{XmlError, XmlReader};
use crate::domain::Watcher;
use crate::transport::{
    ConnectionReuse, Credential, HttpClient, IdentityService, RetryPolicy, SecretString, TransportError, with_retries,
};

/// The client of one Campaign instance.
pub struct Campaign {
    pub(super) http: HttpClient,
    pub(super) endpoint: String,
    credentials: Credentials,
    retry: RetryPolicy,
    pub(super) page_rows: usize,
    sessions: Mutex<Sessions>,
    /// Held by the one writer: concurrent writes of the same rows would deadlock.
    pub(super) writing: Mutex<()>,
    /// What the answers so far have shown of the instance.
    pub(super) shape: InstanceShape,
    /// How old the last snapshot is.
    pub(super) snapshot_age: SnapshotAge,
    calls: AtomicU64,
    writes: AtomicU64,
    /// Receives the progress of reads.
    pub(super) watcher: Watcher,
}

/// The current session, and the one before it.
#[derive(Default)]
struct Sessions {
    current: Option<Arc<Session>>,
    over: Option<Arc<Session>>,
}

#[derive(Debug)]
enum Credentials {
    Native { login: String, password: SecretString },
    Ims(IdentityService),
}

impl Credentials {
    fn new(options: &CampaignOptions) -> Result<Self, TransportError> {
        Ok(match options.authentication.clone() {
            CampaignAuthentication::Native { login, password } => Self::Native { login, password },
            CampaignAuthentication::Ims { client_id, client_secret, ims_url, scopes } => {
                let credential = Credential { client_id, client_secret, scopes };
                let http = HttpClient::new(&ims_url, &options.http)?;
                Self::Ims(IdentityService::new(http, &ims_url, credential))
            }
        })
    }

    fn secret(&self) -> &SecretString {
        match self {
            Self::Native { password, .. } => password,
            Self::Ims(service) => service.client_secret(),
        }
    }
}

impl Campaign {
    /// Creates a client. Sends nothing; the first call begins a session.
    pub fn new(options: CampaignOptions) -> Result<Self, CampaignError> {
        let credentials = Credentials::new(&options).map_err(CampaignError::Client)?;
        let CampaignOptions { url, http, retry, page_rows, fresh_for, .. } = options;
        Ok(Self {
            http: HttpClient::new(&url, &http).map_err(CampaignError::Client)?,
            endpoint: url.join("/nl/jsp/soaprouter.jsp"),
            credentials,
            retry,
            page_rows: page_rows.max(1),
            sessions: Mutex::default(),
            writing: Mutex::new(()),
            shape: InstanceShape::default(),
            snapshot_age: SnapshotAge::new(fresh_for),
            calls: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            watcher: Watcher::none(),
        })
    }

    /// The same client, which reports the progress of reads to `watcher`.
    #[must_use]
    pub fn watched_by(self, watcher: Watcher) -> Self {
        Self { watcher, ..self }
    }

    /// SOAP requests sent so far, including retries.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The writing requests among [`Self::calls`].
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Makes a call: begins a session if there is none, retries after temporary faults, and renews an expired session
    /// once.
    pub(super) async fn call<T>(
        &self,
        call: &SoapCall,
        read: impl Fn(&mut XmlReader<'_>) -> Result<T, XmlError>,
    ) -> Result<T, CampaignError> {
        let renewed = Cell::new(false);
        with_retries(&self.retry, &call.name(), || async {
            loop {
                let session = self.session().await?;
                let over = match Box::pin(self.exchange(call, &session, &read)).await? {
                    SoapResponse::Returned(returned) => return Ok(returned),
                    SoapResponse::SessionOver(reason) => reason,
                    SoapResponse::Doubtful(fault) => match Box::pin(self.refusal_of_any_call(&session)).await? {
                        Some(reason) => reason,
                        None => return Err(CampaignError::Fault { call: call.name(), fault }),
                    },
                };
                if renewed.replace(true) {
                    return Err(CampaignError::Refused { call: call.name(), reason: over });
                }
                tracing::info!(
                    campaign.call = call.name(),
                    reason = over,
                    "the session has expired, beginning another"
                );
                self.forget(&session).await;
            }
        })
        .await
    }

    /// Tries a call that concerns no row, and returns why it is refused; `None` if it is not. A fault alone does not
    /// show that the session is refused, because it may quote the name of an operator or the error of another system.
    async fn refusal_of_any_call(&self, session: &Session) -> Result<Option<String>, CampaignError> {
        Ok(match self.exchange(&SoapCall::harmless(), session, |_| Ok(())).await? {
            SoapResponse::Returned(()) => None,
            SoapResponse::SessionOver(reason) => Some(reason),
            SoapResponse::Doubtful(fault) => Some(fault.to_string()),
        })
    }

    /// Sends one request and interprets its response.
    pub(super) async fn exchange<T>(
        &self,
        call: &SoapCall,
        session: &Session,
        read: impl FnOnce(&mut XmlReader<'_>) -> Result<T, XmlError>,
    ) -> Result<SoapResponse<T>, CampaignError> {
        let request = session
            .sign(self.http.post(&self.endpoint))
            .header(CONTENT_TYPE, "text/xml; charset=utf-8")
            .header("SOAPAction", call.action())
            .body(call.envelope(&session.token));
        // If a creation is sent twice, the second request may be refused because the first one succeeded.
        let connection = if call.creates() { ConnectionReuse::Forbidden } else { ConnectionReuse::Allowed };
        let sending = async || {
            self.calls.fetch_add(1, Ordering::Relaxed);
            self.writes.fetch_add(u64::from(call.is_write()), Ordering::Relaxed);
            Ok(())
        };
        let response = Box::pin(self.http.send(request, connection, sending)).await;
        let response = response.map_err(|source| CampaignError::Transport { call: call.name(), source })?;
        let bytes = response.body.len();
        tracing::debug!(
            campaign.call = call.name(),
            http.status = response.status.as_u16(),
            http.bytes = bytes,
            "{} answered with status {}",
            call.name(),
            response.status.as_u16()
        );
        let secrets: Vec<_> = session.secrets().chain([self.credentials.secret()]).collect();
        interpret(call, &response, &secrets, read)
    }

    /// The session. Begins one if there is none, with the retries of any other call.
    pub(super) async fn begun_session(&self) -> Result<Arc<Session>, CampaignError> {
        with_retries(&self.retry, "beginning a session", || self.session()).await
    }

    /// Removes the session; the next call begins another.
    pub(super) async fn take_session(&self) -> Option<Arc<Session>> {
        let mut sessions = self.sessions.lock().await;
        let session = sessions.current.take()?;
        sessions.over = Some(Arc::clone(&session));
        Some(session)
    }

    async fn session(&self) -> Result<Arc<Session>, CampaignError> {
        // Locked while a session begins, so that concurrent calls begin only one.
        let mut sessions = self.sessions.lock().await;
        if let Some(session) = &sessions.current {
            return Ok(Arc::clone(session));
        }
        let session = match &self.credentials {
            Credentials::Native { login, password } => self.sign_in(login, password).await?,
            Credentials::Ims(service) => begin_with_ims(service).await?,
        };
        let session = Arc::new(session.following(sessions.over.as_deref()));
        sessions.current = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Forgets an expired session, unless another call has renewed it already.
    async fn forget(&self, over: &Arc<Session>) {
        let mut sessions = self.sessions.lock().await;
        if sessions.current.as_ref().is_some_and(|current| Arc::ptr_eq(current, over)) {
            sessions.over = sessions.current.take();
        }
    }
}

impl fmt::Debug for Campaign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Campaign")
            .field("endpoint", &self.endpoint)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}
