//! Serves a transcript over HTTP on loopback: each call that was recorded gets its recorded response, and no other call
//! gets any.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderName, HeaderValue, Request, Response, StatusCode, header},
};
use bytes::Bytes;
use encoding_rs::WINDOWS_1252;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::{
    ConnectionParameters, InstanceCredential, InstanceParameters, Misconfiguration, STOP_DEADLINE, SandboxError,
    connection::Connection,
    listener::SandboxListener,
    replay_file::{RecordedBody, RecordedCall, ReplayConfiguration, ReplayFile, ReplayInstance},
    replay_request::{CLIENT_PREFIX, CallKey},
    request::{HttpResponse, IncomingRequest, typed},
};

/// Hosts of IMS that Adobe's documentation names for Campaign: both serve the same users.
const IMS_HOSTS: [&str; 2] = ["ims-na1.adobelogin.com", "adobeid-na1.services.adobe.com"];

/// The organization in the configuration of a replay where none was recorded.
const NO_ORGANIZATION: &str = "000000000000000000000000@AdobeOrg";

/// The secret in the configuration of a replay, which accepts any.
const ANY_SECRET: &str = "replay";

/// A transcript that is served; dropping it ends the server.
#[derive(Debug)]
pub struct Replay {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    file: ReplayFile,
    /// The positions of the calls with each key, in the order of their recording, and how many of them were served.
    calls: BTreeMap<CallKey, Vec<usize>>,
    served: Mutex<BTreeMap<CallKey, usize>>,
    unrecorded: Mutex<Vec<String>>,
    /// Addresses in recorded responses, and what the replay has in their place.
    addresses: Vec<(String, String)>,
}

impl Replay {
    /// Binds the address and serves the transcript until stopped or dropped.
    ///
    /// # Errors
    ///
    /// [`SandboxError::NotLoopback`] for an address that other machines can connect to, [`SandboxError::Listen`] when it
    /// cannot be bound.
    pub async fn start(file: ReplayFile, listen: SocketAddr) -> Result<Self, SandboxError> {
        if !listen.ip().is_loopback() {
            return Err(SandboxError::NotLoopback { address: listen });
        }
        let unbound = |source| SandboxError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(unbound)?;
        let address = listener.local_addr().map_err(unbound)?;
        let mut calls: BTreeMap<CallKey, Vec<usize>> = BTreeMap::new();
        for (at, call) in file.calls.iter().enumerate() {
            calls.entry(CallKey::recorded(call)).or_default().push(at);
        }
        let addresses = addresses(&file.configuration, address);
        let shared =
            Arc::new(Shared { file, calls, served: Mutex::default(), unrecorded: Mutex::default(), addresses });
        let (stop, mut stopped) = watch::channel(());
        let state = HandlerState { shared: Arc::clone(&shared) };
        let router = Router::new().fallback(handle).with_state(state);
        let service = router.into_make_service_with_connect_info::<Connection>();
        let task = tokio::spawn(async move {
            let until_dropped = async move { while stopped.changed().await.is_ok() {} };
            // Accepting never fails: the listener retries.
            drop(
                axum::serve(SandboxListener::new(listener, None), service).with_graceful_shutdown(until_dropped).await,
            );
        });
        Ok(Self { address, shared, stop, task })
    }

    /// The base URL without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The number of calls in the transcript.
    pub fn calls(&self) -> usize {
        self.shared.file.calls.len()
    }

    /// The requests that were not recorded and got no response but an error, in words.
    pub fn unrecorded(&self) -> Vec<String> {
        self.shared.unrecorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a client must be configured with.
    pub fn connection(&self) -> ConnectionParameters {
        let configuration = &self.shared.file.configuration;
        ConnectionParameters {
            ims_url: self.url(),
            umapi_url: format!("{}/v2/usermanagement", self.url()),
            organization_id: configuration.organization_id.clone().unwrap_or_else(|| NO_ORGANIZATION.to_owned()),
            client_id: format!("{CLIENT_PREFIX}experience_cloud"),
            client_secret: ANY_SECRET.to_owned(),
            instances: configuration.instances.iter().map(|instance| self.instance(instance)).collect(),
            authority: None,
        }
    }

    fn instance(&self, instance: &ReplayInstance) -> InstanceParameters {
        let authentication = if instance.authentication == "native" {
            let login = instance.login.clone().unwrap_or_default();
            InstanceCredential::Native { login, password: ANY_SECRET.to_owned() }
        } else {
            let credential = instance.credential.as_deref().unwrap_or(&instance.name);
            let client_id = format!("{CLIENT_PREFIX}{credential}");
            InstanceCredential::Ims { client_id, client_secret: ANY_SECRET.to_owned() }
        };
        InstanceParameters {
            name: instance.name.clone(),
            url: local_address(self.address, &instance.name),
            tenant: instance.tenant.clone().unwrap_or_default(),
            association_mask: instance.association_mask.clone().unwrap_or_default(),
            authentication,
        }
    }

    /// The values of the configuration that differ from those of a sandbox: those that were recorded.
    pub fn recorded_settings(&self) -> Misconfiguration {
        let mut settings = Misconfiguration::default();
        let configuration = &self.shared.file.configuration;
        // Without a usable credential the id of the organization is not known either.
        let missing = match (&configuration.credential, &configuration.organization_id) {
            (None, _) => Some("client_id"),
            (Some(_), None) => Some("organization_id"),
            (Some(_), Some(_)) => None,
        };
        settings.missing_keys.extend(missing.map(|key| format!("experience_cloud.{key}")));
        for instance in &configuration.instances {
            let key = |name: &str| format!("instances.{}.{name}", instance.name);
            let choices = instance.choices.iter().map(|(name, value)| (name.as_str(), value));
            for (name, value) in choices.chain([("mode", &instance.mode)]) {
                settings.configuration.insert(key(name), serde_json::Value::from(value.as_str()));
            }
            for (name, value) in
                [("tenant", &instance.tenant), ("association_mask", &instance.association_mask), ("url", &instance.url)]
            {
                if value.is_none() {
                    settings.missing_keys.push(key(name));
                }
            }
        }
        settings
    }

    /// Stops accepting connections, and returns when the server has stopped, after two seconds at most.
    pub async fn stop(self) {
        let Self { stop, mut task, .. } = self;
        drop(stop);
        if tokio::time::timeout(STOP_DEADLINE, &mut task).await.is_err() {
            task.abort();
        }
    }
}

fn local_address(address: SocketAddr, instance: &str) -> String {
    format!("http://{address}/campaign/{instance}")
}

/// The addresses in recorded responses, and what the replay has in their place.
fn addresses(configuration: &ReplayConfiguration, address: SocketAddr) -> Vec<(String, String)> {
    let mut addresses = Vec::new();
    for instance in &configuration.instances {
        if let Some(url) = &instance.url {
            addresses.push((url.trim_end_matches('/').to_owned(), local_address(address, &instance.name)));
        }
    }
    if let Some(ims_url) = &configuration.ims_url {
        let ims_url = ims_url.trim_end_matches('/');
        let host = ims_url.split_once("://").map_or(ims_url, |(_, host)| host);
        let mut hosts = vec![host];
        if IMS_HOSTS.contains(&host) {
            hosts.extend(IMS_HOSTS.into_iter().filter(|other| *other != host));
        }
        addresses.push((ims_url.to_owned(), format!("http://{address}")));
        for host in hosts {
            addresses.push((format!("https://{host}"), format!("http://{address}")));
            addresses.push((host.to_owned(), format!("http://{address}")));
        }
    }
    addresses.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
    addresses.retain(|(from, _)| !from.is_empty());
    addresses
}

#[derive(Clone, Debug)]
struct HandlerState {
    shared: Arc<Shared>,
}

async fn handle(
    State(state): State<HandlerState>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request<Body>,
) -> Response<Body> {
    let Some(received) = IncomingRequest::read(request).await else {
        connection.reset();
        return Response::new(Body::empty());
    };
    if let Some(response) = state.shared.response(&received) {
        return response.map(Body::from);
    }
    connection.reset();
    Response::new(Body::empty())
}

impl Shared {
    /// The recorded response; `None` where the recorded call had none.
    fn response(&self, received: &IncomingRequest) -> Option<HttpResponse> {
        let key = CallKey::received(received);
        let recorded = key.as_ref().and_then(|key| self.calls.get(key));
        let (Some(key), Some(recorded)) = (&key, recorded) else {
            let call =
                key.map_or_else(|| format!("{} {}", received.method(), received.http.uri().path()), |key| key.shown());
            return Some(self.not_recorded(call));
        };
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = match served.entry(key.clone()) {
            Entry::Occupied(mut turn) => {
                *turn.get_mut() += 1;
                *turn.get()
            }
            Entry::Vacant(vacant) => *vacant.insert(0),
        };
        // A call that is made more often than it was recorded gets the last response again.
        let at = recorded.get(turn).or(recorded.last())?;
        self.recorded_response(self.file.calls.get(*at)?)
    }

    fn not_recorded(&self, call: String) -> HttpResponse {
        tracing::warn!(call, "the call is not in the transcript");
        let text = format!(
            "{call} is not in the transcript {}: nothing is made up in its place. Use the printed configuration and the \
             version of the program that recorded the file, or record it again with check --record DIR.\n",
            self.file.path.display()
        );
        self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        typed(StatusCode::NOT_IMPLEMENTED, "text/plain; charset=utf-8", text)
    }

    fn recorded_response(&self, call: &RecordedCall) -> Option<HttpResponse> {
        let status = StatusCode::from_u16(call.status?).ok()?;
        let content_type = call.response_headers.get("content-type").map(String::as_str).unwrap_or_default();
        let mut response = Response::new(self.body(&call.response, content_type));
        *response.status_mut() = status;
        for (name, value) in &call.response_headers {
            let header = (HeaderName::try_from(name), HeaderValue::try_from(value));
            if let (Ok(name), Ok(value)) = header {
                response.headers_mut().insert(name, value);
            }
        }
        if let Some(offset) = call.clock_offset {
            let apart = Duration::from_secs(offset.unsigned_abs());
            let now = SystemTime::now();
            let clock = if offset < 0 { now.checked_sub(apart) } else { now.checked_add(apart) };
            let date = clock.map(httpdate::fmt_http_date).and_then(|date| HeaderValue::try_from(date).ok());
            if let Some(date) = date {
                response.headers_mut().insert(header::DATE, date);
            }
        }
        Some(response)
    }

    fn body(&self, body: &RecordedBody, content_type: &str) -> Bytes {
        let text = match body {
            RecordedBody::Text(text) => self.with_local_addresses(text),
            // What stands for a body that was not recorded is of its kind, so that a client refuses it likewise.
            RecordedBody::Outline { outline } => match outline.as_str() {
                "html" => "<html><body>This page was not recorded.</body></html>".to_owned(),
                "xml" => "<not-recorded>".to_owned(),
                "json" => "{\"not_recorded\":".to_owned(),
                "binary" => return Bytes::from_static(b"\xff\xfe\x00not recorded"),
                _ => "This text was not recorded.".to_owned(),
            },
        };
        let head = text.get(..100).unwrap_or(&text).to_ascii_lowercase();
        let declares = head.starts_with("<?xml") && head.contains("encoding");
        if declares && head.contains("iso-8859-1") || !declares && content_type.contains("iso-8859-1") {
            let (bytes, ..) = WINDOWS_1252.encode(&text);
            return Bytes::from(bytes.into_owned());
        }
        Bytes::from(text)
    }

    /// The text with the addresses of this replay in place of the recorded ones, where they stand as a whole.
    fn with_local_addresses(&self, text: &str) -> String {
        let is_part = |character: char| character.is_alphanumeric() || matches!(character, '-' | '.' | ':');
        let (mut out, mut rest, mut before) = (String::with_capacity(text.len()), text, ' ');
        while let Some(character) = rest.chars().next() {
            let fits = |from: &str| {
                let after = rest.strip_prefix(from)?.chars().next();
                (!is_part(before) && before != '/' && !after.is_some_and(is_part)).then_some(())
            };
            let found = self.addresses.iter().find(|(from, _)| fits(from).is_some());
            let (shown, length) = match found {
                Some((from, to)) => (to.as_str(), from.len()),
                None => (rest.get(..character.len_utf8()).unwrap_or_default(), character.len_utf8()),
            };
            out.push_str(shown);
            before = rest.get(..length).and_then(|read| read.chars().next_back()).unwrap_or(character);
            rest = rest.get(length..).unwrap_or_default();
        }
        out
    }
}
