//! The HTTP server: one handler that finds the target of a request, gets its response, and keeps the log.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::uri::PathAndQuery;
use axum::http::{Request, Response, StatusCode, Uri};
use bytes::Bytes;
use tokio::sync::{Notify, watch};

use super::call_limits::CallMeter;
use super::campaign::AccountDefaults;
use super::connection::Connection;
use super::control;
use super::effect::Effect;
use super::fault::InjectedFaults;
use super::fault_effects::{empty_answer, first_rows, partial_write_fault};
use super::ims::{self, IssuedTokens};
use super::listener::SandboxListener;
use super::request::{HttpResponse, IncomingRequest, compress, typed};
use super::request_log::{CallDescription, RequestLog};
use super::tls::Endpoint;
use super::umapi;
use super::world::World;

/// How long a response waits for other requests.
const LONGEST_AWAITING: Duration = Duration::from_secs(10);

/// The shared state of the sandbox.
#[derive(Debug)]
pub(super) struct Shared {
    world: Mutex<World>,
    tokens: Mutex<IssuedTokens>,
    meter: Mutex<CallMeter>,
    faults: Mutex<InjectedFaults>,
    /// Notified when faults act on a call.
    disturbed: Notify,
    log: Mutex<RequestLog>,
    /// Calls that waited for each other so far.
    together: AtomicUsize,
    authority: Option<String>,
}

impl Shared {
    pub(super) fn new(world: World, authority: Option<String>) -> Self {
        Self {
            world: Mutex::new(world),
            tokens: Mutex::new(IssuedTokens::default()),
            meter: Mutex::new(CallMeter::default()),
            faults: Mutex::new(InjectedFaults::default()),
            disturbed: Notify::new(),
            log: Mutex::new(RequestLog::new()),
            together: AtomicUsize::new(0),
            authority,
        }
    }

    /// The certificate authority that clients are to trust, in PEM; `None` without TLS.
    pub(super) fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    pub(super) fn tokens(&self) -> MutexGuard<'_, IssuedTokens> {
        lock(&self.tokens)
    }

    pub(super) fn meter(&self) -> MutexGuard<'_, CallMeter> {
        lock(&self.meter)
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, InjectedFaults> {
        lock(&self.faults)
    }

    pub(super) fn log(&self) -> MutexGuard<'_, RequestLog> {
        lock(&self.log)
    }

    /// The effects of faults on a call; counts it.
    fn effects_on(&self, call: &CallDescription, body: &str) -> Vec<Effect> {
        let effects = self.faults().take(call, body);
        if !effects.is_empty() {
            self.disturbed.notify_waiters();
        }
        effects
    }

    /// Waits until the fault at this position has acted on a call.
    pub(super) async fn until_disturbed(&self, position: usize) {
        loop {
            // Made before the look, so that no call between the two is missed.
            let disturbed = self.disturbed.notified();
            if self.faults().injected().get(position).is_some_and(|injected| injected.disturbed > 0) {
                return;
            }
            disturbed.await;
        }
    }
}

/// A test that panicked while it held the world must not fail other tests of the server.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The state of the handler.
#[derive(Debug, Clone)]
struct HandlerState {
    shared: Arc<Shared>,
    stopped: watch::Receiver<()>,
}

/// Serves until the sender of `stopped` is dropped.
pub(super) async fn serve(listener: SandboxListener, shared: Arc<Shared>, stopped: watch::Receiver<()>) {
    let state = HandlerState { shared, stopped: stopped.clone() };
    let router = Router::new().fallback(handle).with_state(state);
    let service = router.into_make_service_with_connect_info::<Connection>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(until_dropped(stopped));
    // Accepting never fails: the listener retries.
    drop(serving.await);
}

async fn until_dropped(mut sender: watch::Receiver<()>) {
    while sender.changed().await.is_ok() {}
}

async fn handle(
    State(state): State<HandlerState>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request<Body>,
) -> Response<Body> {
    tokio::select! {
        response = answer(&state.shared, &connection, request) => response.map(Body::from),
        () = until_dropped(state.stopped.clone()) => {
            connection.reset();
            Response::new(Body::empty())
        }
    }
}

async fn answer(shared: &Shared, connection: &Connection, request: Request<Body>) -> HttpResponse {
    let Some(received) = IncomingRequest::read(request).await else {
        connection.reset();
        return HttpResponse::default();
    };
    // Requests to the sandbox itself are neither logged nor disturbed.
    if received.parts.first().is_some_and(|part| part == "sandbox") {
        return control::answer(shared, &received);
    }
    let mut target = Target::of(&received, &shared.world());
    let call = target.call(&received);
    let place = shared.log().arrived(&received, &call);
    let _pending = PendingRequest(shared);
    let refusal = target.refusal(shared, &received);
    let effects = match refusal {
        Some(_) => Vec::new(),
        None => shared.effects_on(&call, &String::from_utf8_lossy(received.body())),
    };
    let mut response = match refusal {
        Some(refusal) => refusal,
        None => disturbed(shared, connection, &received, &mut target, &effects).await,
    };
    if target.compresses(shared) {
        compress(&received, &mut response);
    }
    for effect in &effects {
        effect.rename_encoding(&mut response);
    }
    let status = response.status().as_u16();
    let cut = effects.iter().any(|effect| effect.cut(connection, &response));
    connection.serve();
    shared.log().answered(place, if cut { 0 } else { status });
    response
}

/// A request without a response. Dropped with the response, or with the connection.
struct PendingRequest<'a>(&'a Shared);

impl Drop for PendingRequest<'_> {
    fn drop(&mut self) {
        self.0.log().ended();
    }
}

/// Waits until `is_over` is true, at most [`LONGEST_AWAITING`].
async fn await_others(is_over: impl Fn() -> bool) {
    let waiting = async {
        while !is_over() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    drop(tokio::time::timeout(LONGEST_AWAITING, waiting).await);
}

async fn await_responses(shared: &Shared, others: usize) {
    let enough = shared.log().responses() + others;
    await_others(|| shared.log().responses() >= enough).await;
}

async fn await_together(shared: &Shared, calls: usize) {
    let calls = calls.max(1);
    let before = shared.together.fetch_add(1, Ordering::Relaxed);
    let enough = (before / calls + 1) * calls;
    await_others(|| shared.together.load(Ordering::Relaxed) >= enough).await;
}

/// The response with all effects of faults but those on the connection.
async fn disturbed(
    shared: &Shared,
    connection: &Connection,
    received: &IncomingRequest,
    target: &mut Target,
    effects: &[Effect],
) -> HttpResponse {
    for effect in effects {
        match effect {
            Effect::Delay { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
            Effect::AwaitResponses { others } => await_responses(shared, *others).await,
            Effect::Together { calls } => await_together(shared, *calls).await,
            Effect::ExpireTokens => shared.tokens().expire_all(),
            // A change that cannot be applied, like a second removal, is ignored.
            Effect::Change { changes } => drop(shared.world().apply(changes)),
            Effect::RepeatPage { page } => target.turn_to(*page),
            Effect::OtherGroup { group } => target.turn_to_group(group),
            Effect::Reset => return HttpResponse::default(),
            Effect::ResetReused if connection.has_served() => return HttpResponse::default(),
            _ => {}
        }
    }
    let instead = effects.iter().find_map(|effect| {
        let mut response = effect.instead()?;
        if matches!(effect, Effect::SoapFault { .. }) {
            *response.status_mut() = target.fault_status(shared);
        }
        Some(response)
    });
    let mut response = instead.unwrap_or_else(|| target.carry_out(shared, received, effects));
    for effect in effects {
        effect.disturb(&mut response);
    }
    response
}

/// The target of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    /// IMS.
    Token,
    /// UMAPI.
    Umapi(umapi::UmapiRequest),
    /// A Campaign instance.
    Campaign(String),
    /// None.
    Unknown,
}

impl Target {
    fn of(received: &IncomingRequest, world: &World) -> Self {
        let parts: Vec<&str> = received.parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["ims", "token", "v2" | "v3" | "v4"] | ["ims", "token", "v2" | "v3" | "v4", ""] => Self::Token,
            ["status"] => Self::Umapi(umapi::UmapiRequest::Status),
            ["v2", "usermanagement", rest @ ..] => Self::Umapi(umapi::UmapiRequest::of(rest)),
            ["campaign", instance, ..] if world.instance(instance).is_some() => Self::Campaign((*instance).to_owned()),
            ["nl" | "r", ..] => world.first_instance().map_or(Self::Unknown, |name| Self::Campaign(name.to_owned())),
            _ => Self::Unknown,
        }
    }

    fn call(&self, received: &IncomingRequest) -> CallDescription {
        match self {
            Self::Token => CallDescription::named("token"),
            Self::Umapi(request) => request.call(),
            Self::Campaign(instance) => soap_call(received, instance),
            Self::Unknown => CallDescription::named("unknown"),
        }
    }

    /// Why the gateway refuses the call; counts it where calls are limited.
    fn refusal(&self, shared: &Shared, received: &IncomingRequest) -> Option<HttpResponse> {
        match self {
            Self::Umapi(request) => umapi::refusal(shared, received, request),
            _ => None,
        }
    }

    /// HTTP status of an injected SOAP fault: that of the faults of the instance.
    fn fault_status(&self, shared: &Shared) -> StatusCode {
        let Self::Campaign(name) = self else { return StatusCode::OK };
        let status = shared.world().instance(name).map(|instance| instance.definition().behavior.fault_status);
        status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK)
    }

    /// Makes a listing return another page than the requested one.
    fn turn_to(&mut self, other: u64) {
        if let Self::Umapi(request) = self {
            request.turn_to(other);
        }
    }

    /// Makes a listing of the members of a group return those of another group.
    fn turn_to_group(&mut self, other: &str) {
        if let Self::Umapi(request) = self {
            request.turn_to_group(other);
        }
    }

    /// The response to a call, of which effects may let a part take effect or nothing.
    fn carry_out(&self, shared: &Shared, received: &IncomingRequest, effects: &[Effect]) -> HttpResponse {
        for effect in effects {
            match effect {
                Effect::IgnoreWrite => return empty_answer(&soap_method(received).unwrap_or_default()),
                Effect::PartialWrite { rows, fault } => {
                    let response = self.answer(shared, &received.with_body(|body| first_rows(body, *rows)));
                    if !fault {
                        return response;
                    }
                    let mut response = partial_write_fault();
                    *response.status_mut() = self.fault_status(shared);
                    return response;
                }
                _ => {}
            }
        }
        self.answer(shared, received)
    }

    /// Whether responses are compressed for clients that accept it.
    fn compresses(&self, shared: &Shared) -> bool {
        matches!(self, Self::Umapi(_)) && !shared.world().behavior.quirks.uncompressed
    }

    fn answer(&self, shared: &Shared, received: &IncomingRequest) -> HttpResponse {
        match self {
            Self::Token => ims::answer(shared, received),
            Self::Umapi(request) => umapi::answer(shared, received, request),
            Self::Campaign(name) => {
                let status = |token: &str| shared.tokens().status(token);
                let mut world = shared.world();
                let defaults = account_defaults(received, name, &world);
                match world.instance_mut(name) {
                    Some(instance) => instance.answer(&at_its_root(&received.http, name, defaults), &status),
                    None => not_found(received),
                }
            }
            Self::Unknown => not_found(received),
        }
    }
}

/// The request as the instance would get it on a server of its own.
fn at_its_root(request: &Request<Bytes>, instance: &str, defaults: AccountDefaults) -> Request<Bytes> {
    let mut request = request.clone();
    request.extensions_mut().insert(defaults);
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let stripped = path.strip_prefix("/campaign/").and_then(|path| path.strip_prefix(instance));
    if let Some(uri) = stripped.and_then(|path| path.parse::<Uri>().ok()) {
        *request.uri_mut() = uri;
    }
    request
}

/// The defaults of an external account: this server, as the caller addresses it.
fn account_defaults(received: &IncomingRequest, instance: &str, world: &World) -> AccountDefaults {
    let host = received.header("host").unwrap_or_default();
    let ims_url = world.address_of(Endpoint::Ims, host);
    let access_url = format!("{}/campaign/{instance}", world.address_of(Endpoint::Campaign, host));
    AccountDefaults { access_url, ims_url, organization_id: world.organization().id.clone() }
}

fn not_found(received: &IncomingRequest) -> HttpResponse {
    let text = format!("the sandbox serves nothing at {}\n", received.http.uri().path());
    typed(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", text)
}

/// The description of a SOAP call, by its `SOAPAction` header (`schema#Method`, with or without quotes).
fn soap_call(received: &IncomingRequest, instance: &str) -> CallDescription {
    if received.http.uri().path().ends_with("/r/test") {
        return CallDescription { instance: Some(instance.to_owned()), ..CallDescription::named("test") };
    }
    let method = soap_method(received);
    let name = match method.as_deref() {
        Some("Logon" | "BearerTokenLogon") => "logon",
        Some("ExecuteQuery") => "query",
        Some("Write" | "WriteCollection" | "DeleteCollection") => "write",
        Some("GetEntityIfMoreRecent") => "schema",
        Some(other) => other,
        None => "unknown",
    };
    CallDescription {
        name: name.to_owned(),
        soap_method: method.clone(),
        page: None,
        group: None,
        instance: Some(instance.to_owned()),
        schema: addressed_schema(&String::from_utf8_lossy(received.body())),
    }
}

/// The method that the header `SOAPAction` names.
fn soap_method(received: &IncomingRequest) -> Option<String> {
    let action = received.header("soapaction").unwrap_or_default().trim_matches('"');
    action.rsplit_once('#').map(|(_, method)| method.to_owned())
}

/// The schema in `schema="…"`, `xtkschema="…"`, the key `xtk:schema|…` or, as `DeleteCollection` has it, the text of an
/// element, other than that of the query itself.
fn addressed_schema(body: &str) -> Option<String> {
    let quoted = ["schema=\"", "schema='"].into_iter().flat_map(|start| body.split(start).skip(1));
    let keyed = body.split("xtk:schema|").skip(1);
    let is_name = |text: &&str| {
        text.split_once(':').is_some_and(|(namespace, name)| {
            [namespace, name].iter().all(|part| !part.is_empty() && part.chars().all(char::is_alphanumeric))
        })
    };
    let texts = body.split('>').filter_map(|rest| rest.split('<').next()).filter(is_name);
    let ends = ['"', '\'', '<', '&'];
    keyed
        .chain(quoted)
        .filter_map(|rest| rest.split(ends).next())
        .chain(texts)
        .find(|name| *name != "xtk:queryDef" && name.contains(':'))
        .map(str::to_owned)
}
