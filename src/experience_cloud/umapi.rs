//! One UMAPI call: waits for its slot, carries the access token, is retried as its kind allows, and checks the HTTP
//! status.

use std::{
    cell::Cell,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use reqwest::{
    StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, PRAGMA},
};
use uuid::Uuid;

use super::{
    RequestedPause, UmapiOptions,
    access_token::{AccessToken, RetryContext, TokenSource},
    call_budget::{BudgetError, CallBudget, CallSlots, pausing},
    error::{ExperienceCloudError, FailedAttempt, PageError, RetryChance, RetryRule},
    lanes::Lanes,
};
use crate::domain::{CallKind, RunStep};
use crate::transport::{
    BaseUrl, ConnectionReuse, HttpClient, HttpResponse, RetryPolicy, TransportError, excerpt, retry_after,
    with_retries_and_sleep,
};

/// Tells Adobe's rate limiter that a run begins. Adobe does not document it but asks for it (user-sync.py issue 813,
/// `make_call` in the `connection.py` of umapi-client).
const RUN_BEGINS: HeaderValue = HeaderValue::from_static("umapi-sync-start");

/// What the administrator can do if UMAPI refuses a call.
const REMEDY: &str = "check experience_cloud.organization_id, and that the project of the credential in the Developer \
                      Console has the User Management API";

/// One call.
#[derive(Debug)]
pub(super) struct Call {
    /// The name of the call in errors and log lines, such as `GET users page 2`.
    pub(super) name: String,
    /// The path below the base address with the query, percent-encoded.
    pub(super) path: String,
    pub(super) kind: CallKind,
    pub(super) retry_rule: RetryRule,
    pub(super) on_not_found: OnNotFound,
}

/// What "not found" (404) means for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnNotFound {
    /// The call fails, as for every listing: a deleted profile differs from a profile without members.
    Fail,
    /// The call reads the response.
    Read,
}

/// What all clients of one credential share in this process: connections, token, and the count of calls of the last
/// minute.
#[derive(Debug)]
pub(super) struct UmapiAccess {
    base: BaseUrl,
    api_key: HeaderValue,
    http: HttpClient,
    tokens: TokenSource,
    slots: CallSlots,
}

impl UmapiAccess {
    pub(super) fn new(
        http: HttpClient,
        tokens: TokenSource,
        options: &UmapiOptions,
    ) -> Result<Self, ExperienceCloudError> {
        let api_key = HeaderValue::try_from(&options.client_id).map_err(|_| ExperienceCloudError::ClientId)?;
        let slots = CallSlots::new(options.users_per_minute, options.groups_per_minute);
        Ok(Self { base: options.umapi_url.clone(), api_key, http, tokens, slots })
    }
}

/// UMAPI of one organization, as one run or one question uses it.
#[derive(Debug)]
pub(super) struct Umapi {
    access: Arc<UmapiAccess>,
    budget: CallBudget,
    retry: RetryPolicy,
    lanes: Arc<Lanes>,
    calls: AtomicU64,
    /// The calls that may have reached Adobe.
    reached: AtomicU64,
    run_announced: AtomicBool,
}

impl Umapi {
    /// At most `parallel_requests` calls are under way at the same time.
    pub(super) fn new(
        access: Arc<UmapiAccess>,
        budget: CallBudget,
        retry: RetryPolicy,
        parallel_requests: NonZeroU32,
    ) -> Self {
        let (calls, reached, run_announced) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        Self { access, budget, retry, lanes: Lanes::new(parallel_requests), calls, reached, run_announced }
    }

    /// How many calls may be under way at the same time from now on: `parallel_requests`, or 1 after
    /// [`Self::narrow`] and after a rate limit.
    pub(super) fn width(&self) -> usize {
        self.lanes.width()
    }

    /// From now on one call at a time, because of what `why` says; `false` if it was so before.
    pub(super) fn narrow(&self, why: &str) -> bool {
        self.lanes.narrow(why)
    }

    /// Calls sent so far, including retries.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Runs `read` and marks its error as [`ExperienceCloudError::Unsent`] if none of its requests can have reached
    /// Adobe. If other reads run at the same time, an error may lack the mark, but no error is marked wrongly.
    pub(super) async fn marking_unsent<T>(
        &self,
        read: impl Future<Output = Result<T, ExperienceCloudError>>,
    ) -> Result<T, ExperienceCloudError> {
        let before = self.reached.load(Ordering::Relaxed);
        let outcome = read.await;
        let unsent = before == self.reached.load(Ordering::Relaxed);
        outcome.map_err(|error| if unsent { ExperienceCloudError::Unsent(Box::new(error)) } else { error })
    }

    /// Reports the progress of a read to the watcher.
    pub(super) fn step(&self, step: RunStep) {
        self.budget.watcher().step(step);
    }

    /// Marks the next call as the first of a run.
    pub(super) fn begin_run(&self) {
        self.run_announced.store(false, Ordering::Relaxed);
    }

    /// Makes a call and reads its response with `read`, which is called again if a retry follows a garbled response.
    ///
    /// While the call pauses before a retry, no other call of this client begins, and the retry is made alone.
    pub(super) async fn get<T>(
        &self,
        call: &Call,
        read: impl Fn(&HttpResponse) -> Result<T, PageError>,
    ) -> Result<T, ExperienceCloudError> {
        let first_of_run = !self.run_announced.swap(true, Ordering::Relaxed);
        let renewed = Cell::new(false);
        let attempt = || async {
            let outcome = Box::pin(self.attempt(call, (first_of_run, &renewed), &read)).await;
            outcome.map_err(|failed| failed.under(call.retry_rule).announced(&self.retry, &self.budget))
        };
        let lane = Arc::new(Arc::clone(&self.lanes).enter().await);
        let pause = pausing(self.budget.ledger());
        let sleep = {
            let lane = Arc::clone(&lane);
            move |length| {
                let (lane, pause) = (Arc::clone(&lane), pause(length));
                async move {
                    tokio::join!(lane.alone(), pause);
                }
            }
        };
        with_retries_and_sleep(&self.retry, &call.name, attempt, sleep).await.map_err(|failed| failed.error)
    }

    async fn attempt<T>(
        &self,
        call: &Call,
        (first_of_run, renewed): (bool, &Cell<bool>),
        read: impl Fn(&HttpResponse) -> Result<T, PageError>,
    ) -> Result<T, FailedAttempt> {
        let context = RetryContext { retry: &self.retry, budget: &self.budget };
        // Requests for tokens have retries of their own.
        let mut token = self.access.tokens.current(&context).await.map_err(FailedAttempt::last)?;
        let (mut response, mut pause) = self.send(call, &token, first_of_run).await?;
        // Page 0 may be requested once more with a new token; the token is not the reason for a second refusal.
        let may_renew = call.retry_rule == RetryRule::Always || !renewed.replace(true);
        if response.status == StatusCode::UNAUTHORIZED && may_renew {
            token = self.access.tokens.renewed(&token, &context).await.map_err(FailedAttempt::last)?;
            (response, pause) = self.send(call, &token, first_of_run).await?;
        }
        let is_readable = match response.status {
            StatusCode::OK => true,
            StatusCode::NOT_FOUND => call.on_not_found == OnNotFound::Read,
            _ => false,
        };
        if !is_readable {
            if response.status == StatusCode::UNAUTHORIZED {
                self.access.tokens.forget(&token).await;
            }
            return Err(self.failed(call, &response, pause, &token));
        }
        read(&response).map_err(|page_error| self.page_error(call, &response, &token, page_error))
    }

    async fn send(
        &self,
        call: &Call,
        token: &Arc<AccessToken>,
        first_of_run: bool,
    ) -> Result<(HttpResponse, Option<RequestedPause>), FailedAttempt> {
        let request_id = Uuid::new_v4().to_string();
        let UmapiAccess { base, api_key, http, slots, .. } = &*self.access;
        let mut request = http
            .get(&base.join(&call.path))
            .header(AUTHORIZATION, &token.header)
            .header("X-Api-Key", api_key)
            .header("X-Request-Id", &request_id)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json");
        if first_of_run {
            request = request.header(PRAGMA, RUN_BEGINS);
        }
        // A request that must not be sent twice needs a new connection: the server may be about to close a kept one.
        let connection = match call.retry_rule {
            RetryRule::Always => ConnectionReuse::Allowed,
            RetryRule::IfNotServed => ConnectionReuse::Forbidden,
        };
        let begin = Cell::new(Instant::now());
        let sending = async || {
            let is_first_page = call.retry_rule == RetryRule::IfNotServed;
            self.budget.ready(slots, (call.kind, is_first_page)).await?;
            self.calls.fetch_add(1, Ordering::Relaxed);
            begin.set(Instant::now());
            Ok::<_, SendError>(())
        };
        let outcome = Box::pin(http.send(request, connection, sending)).await;
        if !matches!(
            outcome,
            Err(SendError::Budget(_) | SendError::Transport(TransportError::Connect(_) | TransportError::Build(_)))
        ) {
            self.reached.fetch_add(1, Ordering::Relaxed);
        }
        let response = outcome.map_err(|error| match error {
            SendError::Budget(refused) => FailedAttempt::last(unsent(&call.name, refused)),
            SendError::Transport(source) => FailedAttempt::of_transport(&call.name, source),
        })?;
        let pause = self.budget.paused(retry_after(&response, SystemTime::now())).await;
        let pause = pause.map_err(|source| FailedAttempt::last(unsent(&call.name, BudgetError::Ledger(source))))?;
        tracing::debug!(
            umapi.call = call.name,
            umapi.request_id = request_id,
            http.status = response.status.as_u16(),
            http.bytes = response.body.len(),
            http.ms = milliseconds(begin.get().elapsed()),
            "{} answered with status {}",
            call.name,
            response.status.as_u16()
        );
        Ok((response, pause))
    }

    fn failed(
        &self,
        call: &Call,
        response: &HttpResponse,
        pause: Option<RequestedPause>,
        token: &AccessToken,
    ) -> FailedAttempt {
        let Call { name, retry_rule, .. } = call;
        let (call, status, excerpt) = (name.clone(), response.status.as_u16(), self.excerpt(&response.body, token));
        match response.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                FailedAttempt::last(ExperienceCloudError::Refused { call, status, remedy: REMEDY, excerpt })
            }
            StatusCode::TOO_MANY_REQUESTS => {
                // The limit of page 0 of the organization's listings counts hours, whatever else is under way.
                if *retry_rule == RetryRule::Always {
                    self.narrow(&format!("{call}: Adobe limits the rate"));
                }
                let chance = pause.map_or(RetryChance::RefusedForNow, |pause| RetryChance::After(pause.length));
                FailedAttempt { error: ExperienceCloudError::RateLimited { call, pause }, chance }
            }
            other if other.is_server_error() => FailedAttempt {
                error: ExperienceCloudError::Unavailable { call, status, excerpt },
                chance: pause.map_or(RetryChance::MaybeServed, |pause| RetryChance::MaybeServedAfter(pause.length)),
            },
            other => {
                // "Not found" does not mean "no members": a deleted profile differs from a profile without members.
                let reason = other.canonical_reason().unwrap_or("an unknown status").to_lowercase();
                FailedAttempt::last(ExperienceCloudError::InvalidResponse { call, status, reason, excerpt })
            }
        }
    }

    fn page_error(
        &self,
        call: &Call,
        response: &HttpResponse,
        token: &AccessToken,
        page_error: PageError,
    ) -> FailedAttempt {
        let (reason, chance) = match page_error {
            PageError::Garbled(reason) => (reason, RetryChance::MaybeServed),
            PageError::Unusable(reason) => (reason, RetryChance::None),
        };
        let error = ExperienceCloudError::InvalidResponse {
            call: call.name.clone(),
            status: response.status.as_u16(),
            // The message of the parser repeats unexpected text of the response.
            reason: self.excerpt(reason.as_bytes(), token),
            excerpt: self.excerpt(&response.body, token),
        };
        FailedAttempt { error, chance }
    }

    fn excerpt(&self, text: &[u8], token: &AccessToken) -> String {
        excerpt(text, &[self.access.tokens.client_secret(), &token.secret])
    }
}

/// Why a call has no response.
enum SendError {
    /// It was not sent.
    Budget(BudgetError),
    /// Sending it, or receiving the response, failed.
    Transport(TransportError),
}

impl From<BudgetError> for SendError {
    fn from(refused: BudgetError) -> Self {
        Self::Budget(refused)
    }
}

impl From<TransportError> for SendError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

/// The error of a call that was not sent.
fn unsent(call: &str, refused: BudgetError) -> ExperienceCloudError {
    let call = call.to_owned();
    match refused {
        BudgetError::UsedUp { until } => ExperienceCloudError::UsedUp { call, until },
        BudgetError::Ledger(source) => ExperienceCloudError::Uncounted { call, source },
    }
}

/// Whole milliseconds, for log fields.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Encodes a value as one segment of a path: all characters but the unreserved ones of RFC 3986 and `@` are
/// percent-encoded, including the slash. Adobe's own clients send the `@` of organization ids unencoded.
pub(super) fn path_segment(value: &str) -> String {
    let encoded = |byte: u8| {
        let plain = byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte);
        if plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    value.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_one_segment_of_a_path() {
        for (name, segment) in [
            ("0123456789ABCDEF01234567@AdobeOrg", "0123456789ABCDEF01234567@AdobeOrg"),
            ("Profile A", "Profile%20A"),
            ("Dev/Ops", "Dev%2FOps"),
            ("100% + more", "100%25%20%2B%20more"),
            ("q?a#b&c=d", "q%3Fa%23b%26c%3Dd"),
            ("Übung", "%C3%9Cbung"),
        ] {
            assert_eq!(path_segment(name), segment, "{name}");
        }
    }
}
