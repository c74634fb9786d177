//! The access token for UMAPI: obtained once, shared, and renewed before it expires.

use std::{sync::Arc, time::Duration};

use reqwest::header::HeaderValue;
use tokio::{sync::Mutex, time::Instant};

use super::{
    RequestedPause,
    call_budget::{CallBudget, pausing},
    error::{ExperienceCloudError, FailedAttempt, RetryChance},
};
use crate::transport::{IdentityService, IssuedToken, RetryPolicy, SecretString, TokenError, with_retries_and_sleep};

/// The name of the request in errors and log lines.
const CALL: &str = "POST token";

/// A token is renewed this long before it expires, so that it does not expire during a request.
const RENEWAL_MARGIN: Duration = Duration::from_secs(5 * 60);

/// One access token.
#[derive(Debug)]
pub(super) struct AccessToken {
    /// The token, which errors must not show.
    pub(super) secret: SecretString,
    /// The header value `Bearer …`, marked as sensitive.
    pub(super) header: HeaderValue,
    renew_at: Instant,
}

/// How a client retries its requests.
pub(super) struct RetryContext<'a> {
    pub(super) retry: &'a RetryPolicy,
    /// Knows when a pause before a retry ends.
    pub(super) budget: &'a CallBudget,
}

/// Obtains the token and shares it between calls.
#[derive(Debug)]
pub(super) struct TokenSource {
    service: IdentityService,
    held: Mutex<Option<Arc<AccessToken>>>,
}

impl TokenSource {
    pub(super) fn new(service: IdentityService) -> Self {
        Self { service, held: Mutex::default() }
    }

    /// The client secret, which errors must not show.
    pub(super) fn client_secret(&self) -> &SecretString {
        self.service.client_secret()
    }

    /// The current token. Concurrent callers share one request, with the retries of the first caller.
    pub(super) async fn current(&self, context: &RetryContext<'_>) -> Result<Arc<AccessToken>, ExperienceCloudError> {
        let mut held = self.held.lock().await;
        if let Some(token) = held.as_ref().filter(|token| Instant::now() < token.renew_at) {
            return Ok(Arc::clone(token));
        }
        self.obtain(&mut held, context).await
    }

    /// A token other than `refused`, which UMAPI did not accept. Concurrent callers share one request.
    pub(super) async fn renewed(
        &self,
        refused: &Arc<AccessToken>,
        context: &RetryContext<'_>,
    ) -> Result<Arc<AccessToken>, ExperienceCloudError> {
        let mut held = self.held.lock().await;
        if let Some(token) = held.as_ref().filter(|token| !Arc::ptr_eq(token, refused)) {
            return Ok(Arc::clone(token));
        }
        self.obtain(&mut held, context).await
    }

    /// Drops the token if it is the `refused` one, so that no later run uses it.
    pub(super) async fn forget(&self, refused: &Arc<AccessToken>) {
        let mut held = self.held.lock().await;
        held.take_if(|token| Arc::ptr_eq(token, refused));
    }

    async fn obtain(
        &self,
        held: &mut Option<Arc<AccessToken>>,
        context: &RetryContext<'_>,
    ) -> Result<Arc<AccessToken>, ExperienceCloudError> {
        *held = None;
        let sleep = pausing(context.budget.ledger());
        let token = with_retries_and_sleep(context.retry, CALL, || self.request(context), sleep).await;
        let token = token.map_err(|failed| failed.error)?;
        let token = Arc::new(token);
        *held = Some(Arc::clone(&token));
        Ok(token)
    }

    async fn request(&self, context: &RetryContext<'_>) -> Result<AccessToken, FailedAttempt> {
        let asked_at = Instant::now();
        let error = match self.service.issue().await {
            Ok(issued) => return Ok(AccessToken::of(issued, asked_at)),
            Err(error) => error,
        };
        let pause = match error {
            TokenError::RateLimited { retry_after } | TokenError::Unavailable { retry_after, .. } => retry_after,
            _ => None,
        };
        let RetryContext { retry, budget } = context;
        let pause = budget
            .paused(pause)
            .await
            .map_err(|source| FailedAttempt::last(ExperienceCloudError::Uncounted { call: CALL.to_owned(), source }))?;
        Err(failed(error, pause).announced(retry, budget))
    }
}

impl AccessToken {
    fn of(issued: IssuedToken, asked_at: Instant) -> Self {
        // At most half of the lifetime: a short-lived token would otherwise be renewed before every call.
        let margin = RENEWAL_MARGIN.min(issued.life / 2);
        let renew_at = asked_at.checked_add(issued.life.saturating_sub(margin)).unwrap_or(asked_at);
        Self { secret: issued.secret, header: issued.bearer, renew_at }
    }
}

fn failed(error: TokenError, pause: Option<RequestedPause>) -> FailedAttempt {
    let call = CALL.to_owned();
    match error {
        TokenError::Transport(source) => FailedAttempt::of_transport(CALL, source),
        TokenError::Refused { status, text } => {
            let remedy = "check the client id, the client secret and the scopes of experience_cloud";
            FailedAttempt::last(ExperienceCloudError::Refused { call, status, remedy, excerpt: text.to_string() })
        }
        TokenError::RateLimited { .. } => {
            let chance = pause.map_or(RetryChance::RefusedForNow, |pause| RetryChance::After(pause.length));
            FailedAttempt { error: ExperienceCloudError::RateLimited { call, pause }, chance }
        }
        TokenError::Unavailable { status, text, .. } => FailedAttempt {
            error: ExperienceCloudError::Unavailable { call, status, excerpt: text.to_string() },
            chance: pause.map_or(RetryChance::MaybeServed, |pause| RetryChance::MaybeServedAfter(pause.length)),
        },
        TokenError::InvalidResponse { status, reason, text } => {
            let excerpt = text.to_string();
            FailedAttempt::last(ExperienceCloudError::InvalidResponse { call, status, reason, excerpt })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_token_is_renewed_five_minutes_early_or_at_half_of_a_short_lifetime() {
        for (life, renewed_after) in [(86_400, 86_100), (600, 300), (60, 30), (1, 0), (0, 0)] {
            let (asked_at, secret) = (Instant::now(), SecretString::from("ey"));
            let bearer = HeaderValue::from_static("Bearer ey");
            let issued = IssuedToken { secret, bearer, life: Duration::from_secs(life) };
            let token = AccessToken::of(issued, asked_at);
            assert_eq!((token.renew_at - asked_at).as_secs(), renewed_after, "{life}");
        }
    }
}
