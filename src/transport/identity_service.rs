//! Tokens of Adobe's identity service (IMS) for OAuth server-to-server credentials: UMAPI and Campaign accept them.
//!
//! Adobe's guide "OAuth server-to-server credentials" describes the request and the response.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use reqwest::{StatusCode, header::HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{
    BaseUrl, CertificateFault, ConnectionReuse, HttpClient, HttpResponse, JsonObject, TransportError, retry_after,
};

/// A larger `expires_in` (ten days in seconds) is in milliseconds: tokens are valid for 24 hours, and older responses
/// of IMS have milliseconds.
const LONGEST_LIFE_IN_SECONDS: f64 = 864_000.0;

/// Validity of a token without `expires_in`, which RFC 6749 allows. If the token expires earlier, the response 401
/// renews it.
const ASSUMED_LIFE: Duration = Duration::from_secs(60 * 60);

/// The credential for a token.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Client id of an OAuth server-to-server credential.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// The scopes of the token, separated by commas, without spaces.
    pub scopes: String,
}

/// Issues tokens for one credential. Stores no token and does not retry: the callers do.
#[derive(Debug)]
pub struct IdentityService {
    http: HttpClient,
    url: String,
    credential: Credential,
}

/// One access token.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token, which errors must not show.
    pub secret: SecretString,
    /// `Bearer …`, marked as sensitive.
    pub bearer: HeaderValue,
    /// How long it is valid from the request on.
    pub life: Duration,
}

/// The part of a token response that a message may repeat. With any status, the body may contain a token or the client
/// secret: this has only words that OAuth and IMS define.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenErrorText {
    error: Option<&'static str>,
    description: Option<&'static str>,
}

/// Values of `error`: RFC 6749, section 5.2 and 4.1.2.1, and Adobe's guide "OAuth server-to-server credentials".
const ERRORS: [&str; 10] = [
    "access_denied",
    "internal_error",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
];

/// Values of `error_description` with which IMS says what to correct.
const DESCRIPTIONS: [&str; 3] =
    ["invalid client_id parameter", "invalid client_secret parameter", "client_id parameter is missing"];

impl TokenErrorText {
    fn of(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct ErrorResponse {
            error: Option<String>,
            error_description: Option<String>,
        }
        let Ok(JsonObject(response)) = serde_json::from_slice::<JsonObject<ErrorResponse>>(body) else {
            return Self::default();
        };
        Self {
            error: known(&ERRORS, response.error.as_deref()),
            description: known(&DESCRIPTIONS, response.error_description.as_deref()),
        }
    }
}

impl fmt::Display for TokenErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.error, self.description) {
            (Some(error), Some(description)) => write!(f, "{error} ({description})"),
            (Some(word), None) | (None, Some(word)) => f.write_str(word),
            (None, None) => f.write_str("the response is not shown because it may contain a secret"),
        }
    }
}

fn known(words: &[&'static str], text: Option<&str>) -> Option<&'static str> {
    words.iter().copied().find(|word| text == Some(word))
}

/// Why there is no token. No variant contains text of the response, so that none can contain a secret.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// There is no complete response.
    #[error("no token was received")]
    Transport(#[source] TransportError),
    /// The credential was refused. A retry does not help.
    #[error("HTTP {status}: {text}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The part of the response that may be shown.
        text: TokenErrorText,
    },
    /// IMS limits the rate of requests.
    #[error("rate limited")]
    RateLimited {
        /// The pause that IMS asked for, if any.
        retry_after: Option<Duration>,
    },
    /// The service is temporarily unavailable.
    #[error("HTTP {status}: {text}")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// The pause that IMS asked for, if any.
        retry_after: Option<Duration>,
        /// The part of the response that may be shown.
        text: TokenErrorText,
    },
    /// A response without a usable token.
    #[error("{reason}: {text}")]
    InvalidResponse {
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        reason: String,
        /// The part of the response that may be shown.
        text: TokenErrorText,
    },
}

impl TokenError {
    /// Whether the configured proxy cannot be used.
    pub fn is_misconfigured(&self) -> bool {
        matches!(self, Self::Transport(source) if source.is_misconfigured())
    }

    /// Why the certificate of the server is not accepted, where that is the cause.
    pub fn certificate_fault(&self) -> Option<&CertificateFault> {
        match self {
            Self::Transport(source) => source.certificate_fault(),
            _ => None,
        }
    }
}

/// The used part of a response; `token_type` is always bearer.
#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    expires_in: Option<f64>,
}

impl IdentityService {
    /// A client of the service at `base`. Sends nothing yet.
    pub fn new(http: HttpClient, base: &BaseUrl, credential: Credential) -> Self {
        Self { http, url: base.join("/ims/token/v3"), credential }
    }

    /// The client secret, which errors must not show.
    pub fn client_secret(&self) -> &SecretString {
        &self.credential.client_secret
    }

    /// Requests a new token, without a retry.
    pub async fn issue(&self) -> Result<IssuedToken, TokenError> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.credential.client_id.as_str()),
            ("client_secret", self.credential.client_secret.expose_secret()),
            ("scope", self.credential.scopes.as_str()),
        ];
        let request = self.http.post(&self.url).form(&form);
        let response =
            self.http.send(request, ConnectionReuse::Allowed, async || Ok(())).await.map_err(TokenError::Transport)?;
        token_of(&response)
    }
}

pub(super) fn token_of(response: &HttpResponse) -> Result<IssuedToken, TokenError> {
    let status = response.status.as_u16();
    let pause = || retry_after(response, SystemTime::now());
    let text = TokenErrorText::of(&response.body);
    match response.status {
        StatusCode::OK => read_token(response),
        // RFC 6749 allows 401 where IMS responds with 400.
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(TokenError::Refused { status, text })
        }
        StatusCode::TOO_MANY_REQUESTS => Err(TokenError::RateLimited { retry_after: pause() }),
        other if other.is_server_error() => Err(TokenError::Unavailable { status, retry_after: pause(), text }),
        _ => {
            let reason = "the response is not a token, check ims_url".to_owned();
            Err(TokenError::InvalidResponse { status, reason, text })
        }
    }
}

fn read_token(response: &HttpResponse) -> Result<IssuedToken, TokenError> {
    let wrong = |reason: String| TokenError::InvalidResponse {
        status: response.status.as_u16(),
        reason,
        text: TokenErrorText::of(&response.body),
    };
    // The message of the parser may contain the token.
    let JsonObject::<TokenResponse>(read) = serde_json::from_slice(&response.body)
        .map_err(|error| wrong(format!("no token could be read at line {} column {}", error.line(), error.column())))?;
    let bearer = HeaderValue::try_from(format!("Bearer {}", read.access_token)).ok();
    let Some(mut bearer) = bearer.filter(|_| !read.access_token.trim().is_empty()) else {
        return Err(wrong("the access token is empty or cannot be sent".to_owned()));
    };
    bearer.set_sensitive(true);
    Ok(IssuedToken { secret: SecretString::from(read.access_token), bearer, life: life(read.expires_in) })
}

/// The validity of a token with this `expires_in`.
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

    fn token_from(status: u16, body: &str) -> Result<IssuedToken, TokenError> {
        let status = StatusCode::from_u16(status).expect("a status");
        let response = HttpResponse {
            status,
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            certificate: None,
        };
        token_of(&response)
    }

    #[test]
    fn expires_in_is_in_seconds_and_in_milliseconds_beyond_ten_days() {
        for (announced, seconds) in [(86_399.0, 86_399), (86_399_000.0, 86_399), (0.0, 0), (300.0, 300), (-1.0, 3600)] {
            assert_eq!(life(Some(announced)), Duration::from_secs(seconds), "{announced}");
        }
        assert_eq!(life(None), ASSUMED_LIFE);
    }

    #[test]
    fn a_token_is_read_only_from_a_complete_response_and_never_shown() {
        let token = token_from(200, r#"{"access_token": "ey-very-secret", "expires_in": 60}"#).expect("a token");
        assert_eq!((token.secret.expose_secret(), token.life), ("ey-very-secret", Duration::from_secs(60)));
        assert!(!format!("{token:?}").contains("very-secret"), "{token:?}");
        for body in [
            r#"{"token_type": "bearer"}"#,
            r#"{"access_token": "ey-very-secret", "expires_in": "86399"}"#,
            r#"{"access_token": "ey-very-secret"#,
            r#""ey-very-secret""#,
            r#"["ey-very-secret"]"#,
            r#" ["ey-very-secret", 60]"#,
            r#"{"access_token": "ey-very-secret\n"}"#,
            r#"{"access_token": ""}"#,
            "<html>ey-very-secret</html>",
        ] {
            let error = token_from(200, body).expect_err(body);
            assert!(matches!(error, TokenError::InvalidResponse { .. }), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("very-secret"), "{error:?}");
        }
    }

    #[test]
    fn refusals_rate_limits_and_outages_are_different_errors() {
        for status in [400, 401, 403] {
            assert!(matches!(token_from(status, ""), Err(TokenError::Refused { .. })), "{status}");
        }
        assert!(matches!(token_from(429, ""), Err(TokenError::RateLimited { retry_after: None })));
        assert!(matches!(token_from(503, "<html>"), Err(TokenError::Unavailable { status: 503, .. })));
        assert!(matches!(token_from(302, ""), Err(TokenError::InvalidResponse { status: 302, .. })));
    }

    #[test]
    fn incident_38_no_text_of_a_response_is_shown_with_any_status() {
        let secret = "ey-very-secret";
        for status in [200, 201, 203, 206, 302, 307, 400, 401, 403, 404, 418, 429, 500, 503, 599] {
            for body in [
                format!(r#"{{"access_token": "{secret}"}}x"#),
                format!(r#"{{"error": "{secret}", "error_description": "invalid client_secret parameter {secret}"}}"#),
                format!(r#"{{"error": "invalid_client", "error_description": "{secret}"}}"#),
                secret.to_owned(),
            ] {
                let error = token_from(status, &body).expect_err("no token");
                assert!(!format!("{error} {error:?}").contains("very-secret"), "{status} {body}: {error:?}");
            }
        }
    }

    #[test]
    fn words_that_ims_defines_are_shown() {
        for (body, shown) in [
            (
                r#"{"error": "invalid_client", "error_description": "invalid client_secret parameter"}"#,
                "HTTP 400: invalid_client (invalid client_secret parameter)",
            ),
            (r#"{"error": "invalid_scope", "error_description": "other"}"#, "HTTP 400: invalid_scope"),
            (r#"{"error": "other"}"#, "HTTP 400: the response is not shown because it may contain a secret"),
        ] {
            assert_eq!(token_from(400, body).expect_err("refused").to_string(), shown);
        }
    }
}
