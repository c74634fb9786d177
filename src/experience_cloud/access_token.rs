//! The access token of the identity service (IMS), by OAuth server-to-server: obtained once, shared, renewed in time.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use reqwest::{StatusCode, header::HeaderValue};
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

use super::{
    Options,
    error::{Chance, ExperienceCloudError, FailedAttempt},
};
use crate::transport::{Answer, ExposeSecret, HttpClient, RetryPolicy, SecretString, excerpt, retry_after, retrying};

/// What errors and log lines call the request.
const CALL: &str = "POST token";

/// A token is renewed this long before it ends, so that none ends while a request is on its way.
const RENEWAL_MARGIN: Duration = Duration::from_secs(5 * 60);

/// `expires_in` beyond this many seconds (ten days) is in milliseconds: tokens live 24 hours, and older answers of IMS
/// counted in milliseconds.
const LONGEST_LIFE_IN_SECONDS: f64 = 864_000.0;

/// Life of a token whose answer does not tell; RFC 6749 allows that. Ends early at worst, and a 401 renews.
const ASSUMED_LIFE: Duration = Duration::from_secs(60 * 60);

/// One access token.
#[derive(Debug)]
pub(super) struct AccessToken {
    /// What errors must not show.
    pub(super) secret: SecretString,
    /// `Bearer …`, marked as sensitive.
    pub(super) header: HeaderValue,
    renew_at: Instant,
}

/// Obtains the token, and shares it between calls.
#[derive(Debug)]
pub(super) struct TokenSource {
    http: HttpClient,
    url: String,
    client_id: String,
    client_secret: SecretString,
    scopes: String,
    retry: RetryPolicy,
    held: Mutex<Option<Arc<AccessToken>>>,
}

/// The part of the answer that counts; `token_type` is always bearer.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: Option<f64>,
}

impl TokenSource {
    pub(super) fn new(http: HttpClient, options: &Options) -> Self {
        Self {
            http,
            url: options.ims_url.join("/ims/token/v3"),
            client_id: options.client_id.clone(),
            client_secret: options.client_secret.clone(),
            scopes: options.scopes.clone(),
            retry: options.retry.clone(),
            held: Mutex::default(),
        }
    }

    /// What errors must not show.
    pub(super) fn client_secret(&self) -> &SecretString {
        &self.client_secret
    }

    /// The token to use now. Callers at the same time share one request.
    pub(super) async fn current(&self) -> Result<Arc<AccessToken>, ExperienceCloudError> {
        let mut held = self.held.lock().await;
        if let Some(token) = held.as_ref().filter(|token| Instant::now() < token.renew_at) {
            return Ok(Arc::clone(token));
        }
        self.obtain(&mut held).await
    }

    /// A token other than `refused`, which UMAPI did not take. Callers at the same time share one request.
    pub(super) async fn renewed(&self, refused: &Arc<AccessToken>) -> Result<Arc<AccessToken>, ExperienceCloudError> {
        let mut held = self.held.lock().await;
        if let Some(token) = held.as_ref().filter(|token| !Arc::ptr_eq(token, refused)) {
            return Ok(Arc::clone(token));
        }
        self.obtain(&mut held).await
    }

    /// Drops a token that is of no use, so that no later run begins with it.
    pub(super) async fn forget(&self) {
        *self.held.lock().await = None;
    }

    async fn obtain(&self, held: &mut Option<Arc<AccessToken>>) -> Result<Arc<AccessToken>, ExperienceCloudError> {
        *held = None;
        let token = retrying(&self.retry, CALL, || self.request()).await.map_err(|failed| failed.error)?;
        let token = Arc::new(token);
        *held = Some(Arc::clone(&token));
        Ok(token)
    }

    async fn request(&self) -> Result<AccessToken, FailedAttempt> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.expose_secret()),
            ("scope", self.scopes.as_str()),
        ];
        let asked_at = Instant::now();
        let answer = self.http.send(self.http.post(&self.url).form(&form)).await;
        let answer = answer.map_err(|source| FailedAttempt::of_transport(CALL, source))?;
        match answer.status {
            StatusCode::OK => read_token(&answer, asked_at).map_err(FailedAttempt::last),
            _ => Err(self.failed(&answer)),
        }
    }

    fn failed(&self, answer: &Answer) -> FailedAttempt {
        let (call, status) = (CALL.to_owned(), answer.status.as_u16());
        let excerpt = excerpt(&answer.body, &[&self.client_secret]);
        match answer.status {
            // RFC 6749 permits 401 where IMS answers 400. A wrong credential stays wrong: it is tried once.
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let remedy = "check the client id, the client secret and the scopes of experience_cloud";
                FailedAttempt::last(ExperienceCloudError::Refused { call, status, remedy, excerpt })
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let retry_after = retry_after(answer, SystemTime::now());
                let chance = retry_after.map_or(Chance::Unserved, Chance::After);
                FailedAttempt { error: ExperienceCloudError::Throttled { call, retry_after }, chance }
            }
            other if other.is_server_error() => FailedAttempt {
                error: ExperienceCloudError::Unavailable { call, status, excerpt },
                chance: Chance::MaybeServed,
            },
            _ => {
                let reason = "a token was expected".to_owned();
                FailedAttempt::last(ExperienceCloudError::WrongAnswer { call, status, reason, excerpt })
            }
        }
    }
}

fn read_token(answer: &Answer, asked_at: Instant) -> Result<AccessToken, ExperienceCloudError> {
    let wrong = |reason: String| ExperienceCloudError::WrongAnswer {
        call: CALL.to_owned(),
        status: answer.status.as_u16(),
        reason,
        // Neither the body nor the parser's words about it: both may hold the token.
        excerpt: format!("{} bytes, not shown because a token may be among them", answer.body.len()),
    };
    let read: TokenAnswer = serde_json::from_slice(&answer.body)
        .map_err(|error| wrong(format!("no token could be read at line {} column {}", error.line(), error.column())))?;
    let header = HeaderValue::try_from(format!("Bearer {}", read.access_token)).ok();
    let Some(mut header) = header.filter(|_| !read.access_token.trim().is_empty()) else {
        return Err(wrong("the access token is empty or cannot be sent".to_owned()));
    };
    header.set_sensitive(true);
    let life = life(read.expires_in);
    // Half of a short life: a token that is always about to end would be renewed before every call.
    let renew_at = asked_at.checked_add(life.saturating_sub(RENEWAL_MARGIN.min(life / 2))).unwrap_or(asked_at);
    Ok(AccessToken { secret: SecretString::from(read.access_token), header, renew_at })
}

/// How long a token lives that was announced with this `expires_in`.
fn life(expires_in: Option<f64>) -> Duration {
    let Some(announced) = expires_in else { return ASSUMED_LIFE };
    let seconds = if announced > LONGEST_LIFE_IN_SECONDS { announced / 1000.0 } else { announced };
    Duration::try_from_secs_f64(seconds).unwrap_or(ASSUMED_LIFE)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::HeaderMap;

    use super::*;

    fn answer(body: &str) -> Answer {
        Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    #[test]
    fn expires_in_is_in_seconds_and_in_milliseconds_beyond_ten_days() {
        for (announced, seconds) in [(86_399.0, 86_399), (86_399_000.0, 86_399), (0.0, 0), (300.0, 300), (-1.0, 3600)] {
            assert_eq!(life(Some(announced)), Duration::from_secs(seconds), "{announced}");
        }
        assert_eq!(life(None), ASSUMED_LIFE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_renewed_five_minutes_early_or_at_half_of_a_short_life() {
        for (expires_in, renewed_after) in [(86_400, 86_100), (600, 300), (60, 30), (1, 0), (0, 0)] {
            let asked_at = Instant::now();
            let body = format!(r#"{{"access_token": "ey", "token_type": "bearer", "expires_in": {expires_in}}}"#);
            let token = read_token(&answer(&body), asked_at).expect("a token");
            assert_eq!((token.renew_at - asked_at).as_secs(), renewed_after, "{expires_in}");
        }
    }

    #[test]
    fn a_token_that_cannot_be_read_is_not_shown() {
        for body in [
            r#"{"access_token": "ey-very-secret", "expires_in": "86399"}"#,
            r#"{"access_token": "ey-very-secret"#,
            r#""ey-very-secret""#,
            r#"["ey-very-secret"]"#,
            r#"{"access_token": "ey-very-secret\n"}"#,
            r#"{"access_token": ""}"#,
            "<html>ey-very-secret</html>",
        ] {
            let error = read_token(&answer(body), Instant::now()).expect_err(body);
            assert!(!format!("{error} {error:?}").contains("very-secret"), "{error:?}");
            assert!(error.to_string().starts_with("POST token: "), "{error}");
        }
    }

    #[test]
    fn debug_shows_neither_token_nor_secret() {
        let token = read_token(&answer(r#"{"access_token": "ey-very-secret"}"#), Instant::now()).expect("a token");
        assert!(!format!("{token:?}").contains("very-secret"), "{token:?}");
    }
}
