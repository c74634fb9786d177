//! Tokens of Adobe's identity service (IMS), by OAuth server-to-server: the APIs of both vendors' systems take them.
//!
//! Adobe's guide "OAuth server-to-server credentials" names the request and the answer.

use std::time::{Duration, SystemTime};

use reqwest::{StatusCode, header::HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Answer, BaseUrl, HttpClient, TransportError, excerpt, retry_after};

/// `expires_in` beyond this many seconds (ten days) is in milliseconds: tokens live 24 hours, and older answers of IMS
/// counted in milliseconds.
const LONGEST_LIFE_IN_SECONDS: f64 = 864_000.0;

/// Life of a token whose answer does not tell; RFC 6749 allows that. Ends early at worst, and a 401 renews.
const ASSUMED_LIFE: Duration = Duration::from_secs(60 * 60);

/// What proves to the identity service who asks.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Client id of an OAuth server-to-server credential.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// What the token is asked for, separated by commas, without blanks.
    pub scopes: String,
}

/// Issues tokens for one credential. Keeps none, and asks once: who uses them repeats and remembers.
#[derive(Debug)]
pub struct IdentityService {
    http: HttpClient,
    url: String,
    credential: Credential,
}

/// One access token.
#[derive(Debug)]
pub struct IssuedToken {
    /// What errors must not show.
    pub secret: SecretString,
    /// `Bearer …`, marked as sensitive.
    pub bearer: HeaderValue,
    /// How long it lives from when it was asked for.
    pub life: Duration,
}

/// Why there is no token. No variant holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// No whole answer came.
    #[error("no whole answer")]
    NoAnswer(#[source] TransportError),
    /// The credential was refused; it stays wrong however often it is tried.
    #[error("HTTP {status}: {excerpt}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// How the answer begins.
        excerpt: String,
    },
    /// Too many tokens were asked for.
    #[error("throttled")]
    Throttled {
        /// The pause asked for, when one was named.
        retry_after: Option<Duration>,
    },
    /// The service is out of order for now.
    #[error("HTTP {status}: {excerpt}")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// The pause asked for, when one was named.
        retry_after: Option<Duration>,
        /// How the answer begins.
        excerpt: String,
    },
    /// An answer without a usable token.
    #[error("{reason}: {excerpt}")]
    WrongAnswer {
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        reason: String,
        /// How the answer begins, unless a token may be in it.
        excerpt: String,
    },
}

/// The part of the answer that counts; `token_type` is always bearer.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: Option<f64>,
}

impl IdentityService {
    /// A client of the service at `base`, reached through `http`; nothing is sent yet.
    pub fn new(http: HttpClient, base: &BaseUrl, credential: Credential) -> Self {
        Self { http, url: base.join("/ims/token/v3"), credential }
    }

    /// What errors must not show.
    pub fn client_secret(&self) -> &SecretString {
        &self.credential.client_secret
    }

    /// Asks for a new token, once.
    pub async fn issue(&self) -> Result<IssuedToken, TokenError> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.credential.client_id.as_str()),
            ("client_secret", self.credential.client_secret.expose_secret()),
            ("scope", self.credential.scopes.as_str()),
        ];
        let answer = self.http.send(self.http.post(&self.url).form(&form)).await.map_err(TokenError::NoAnswer)?;
        judge(&answer, self.client_secret())
    }
}

fn judge(answer: &Answer, client_secret: &SecretString) -> Result<IssuedToken, TokenError> {
    let status = answer.status.as_u16();
    let pause = || retry_after(answer, SystemTime::now());
    let excerpt = || excerpt(&answer.body, &[client_secret]);
    match answer.status {
        StatusCode::OK => read_token(answer),
        // RFC 6749 permits 401 where IMS answers 400.
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(TokenError::Refused { status, excerpt: excerpt() })
        }
        StatusCode::TOO_MANY_REQUESTS => Err(TokenError::Throttled { retry_after: pause() }),
        other if other.is_server_error() => {
            Err(TokenError::Unavailable { status, retry_after: pause(), excerpt: excerpt() })
        }
        _ => {
            let reason = "a token was expected, is ims_url right?".to_owned();
            Err(TokenError::WrongAnswer { status, reason, excerpt: excerpt() })
        }
    }
}

fn read_token(answer: &Answer) -> Result<IssuedToken, TokenError> {
    let wrong = |reason: String| TokenError::WrongAnswer {
        status: answer.status.as_u16(),
        reason,
        // Neither the body nor the parser's words about it: both may hold the token.
        excerpt: format!("{} bytes, not shown because a token may be among them", answer.body.len()),
    };
    let read: TokenAnswer = serde_json::from_slice(&answer.body)
        .map_err(|error| wrong(format!("no token could be read at line {} column {}", error.line(), error.column())))?;
    let bearer = HeaderValue::try_from(format!("Bearer {}", read.access_token)).ok();
    let Some(mut bearer) = bearer.filter(|_| !read.access_token.trim().is_empty()) else {
        return Err(wrong("the access token is empty or cannot be sent".to_owned()));
    };
    bearer.set_sensitive(true);
    Ok(IssuedToken { secret: SecretString::from(read.access_token), bearer, life: life(read.expires_in) })
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

    fn judged(status: u16, body: &str) -> Result<IssuedToken, TokenError> {
        let status = StatusCode::from_u16(status).expect("a status");
        let answer = Answer {
            status,
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            certificate: None,
        };
        judge(&answer, &SecretString::from("s3cret"))
    }

    #[test]
    fn expires_in_is_in_seconds_and_in_milliseconds_beyond_ten_days() {
        for (announced, seconds) in [(86_399.0, 86_399), (86_399_000.0, 86_399), (0.0, 0), (300.0, 300), (-1.0, 3600)] {
            assert_eq!(life(Some(announced)), Duration::from_secs(seconds), "{announced}");
        }
        assert_eq!(life(None), ASSUMED_LIFE);
    }

    #[test]
    fn a_token_is_taken_only_from_a_whole_answer_and_never_shown() {
        let token = judged(200, r#"{"access_token": "ey-very-secret", "expires_in": 60}"#).expect("a token");
        assert_eq!((token.secret.expose_secret(), token.life), ("ey-very-secret", Duration::from_secs(60)));
        assert!(!format!("{token:?}").contains("very-secret"), "{token:?}");
        for body in [
            r#"{"token_type": "bearer"}"#,
            r#"{"access_token": "ey-very-secret", "expires_in": "86399"}"#,
            r#"{"access_token": "ey-very-secret"#,
            r#""ey-very-secret""#,
            r#"["ey-very-secret"]"#,
            r#"{"access_token": "ey-very-secret\n"}"#,
            r#"{"access_token": ""}"#,
            "<html>ey-very-secret</html>",
        ] {
            let error = judged(200, body).expect_err(body);
            assert!(matches!(error, TokenError::WrongAnswer { .. }), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("very-secret"), "{error:?}");
        }
    }

    #[test]
    fn refusals_pauses_and_outages_are_told_apart() {
        let echo = r#"{"error": "invalid_client", "error_description": "invalid client_secret parameter s3cret"}"#;
        for status in [400, 401, 403] {
            let error = judged(status, echo).expect_err("refused");
            assert!(matches!(error, TokenError::Refused { .. }) && !error.to_string().contains("s3cret"), "{error}");
        }
        assert!(matches!(judged(429, ""), Err(TokenError::Throttled { retry_after: None })));
        assert!(matches!(judged(503, "<html>"), Err(TokenError::Unavailable { status: 503, .. })));
        assert!(matches!(judged(302, ""), Err(TokenError::WrongAnswer { status: 302, .. })));
    }
}
