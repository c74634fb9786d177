//! The token of Adobe's identity service that a technical account carries to Campaign.

use std::time::SystemTime;

use serde::Deserialize;

use super::error::CampaignError;
use super::session::Session;
use crate::transport::{
    Answer, BaseUrl, ExposeSecret, HttpClient, Options, SecretString, TransportError, excerpt, retry_after,
};

const CALL: &str = "IMS token";

/// Where tokens come from.
#[derive(Debug)]
pub(super) struct IdentityService {
    http: HttpClient,
    endpoint: String,
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
}

impl IdentityService {
    pub(super) fn new(url: &BaseUrl, options: &Options) -> Result<Self, TransportError> {
        Ok(Self { http: HttpClient::new(url, options)?, endpoint: url.join("/ims/token/v3") })
    }

    /// A new token, asked for once.
    pub(super) async fn session(
        &self,
        client_id: &str,
        client_secret: &SecretString,
        scopes: &str,
    ) -> Result<Session, CampaignError> {
        let request = self.http.post(&self.endpoint).form(&[
            ("client_id", client_id),
            ("client_secret", client_secret.expose_secret()),
            ("grant_type", "client_credentials"),
            ("scope", scopes),
        ]);
        let answer = self.http.send(request).await;
        let answer = answer.map_err(|source| CampaignError::NoAnswer { call: CALL.to_owned(), source })?;
        let session = judge(&answer, client_secret)?;
        tracing::debug!("the identity service issued a token for Campaign");
        Ok(session)
    }
}

fn judge(answer: &Answer, client_secret: &SecretString) -> Result<Session, CampaignError> {
    let call = CALL.to_owned();
    let status = answer.status.as_u16();
    let excerpt = || excerpt(&answer.body, &[client_secret]);
    match status {
        200 => {}
        400 | 401 | 403 => {
            return Err(CampaignError::Refused { call, reason: format!("HTTP {status}: {}", excerpt()) });
        }
        429 => return Err(CampaignError::Throttled { call, retry_after: retry_after(answer, SystemTime::now()) }),
        500.. => {
            let retry_after = retry_after(answer, SystemTime::now());
            return Err(CampaignError::Unavailable { call, status, retry_after, excerpt: excerpt() });
        }
        _ => {
            let what = format!("HTTP {status}, is ims_url right?");
            return Err(CampaignError::WrongAnswer { call, what, excerpt: excerpt() });
        }
    }
    // The answer itself is not shown: half a token is half a secret.
    let wrong = |what: &str| CampaignError::WrongAnswer {
        call: CALL.to_owned(),
        what: what.to_owned(),
        excerpt: "(not shown, it may hold a token)".to_owned(),
    };
    let issued: Issued = serde_json::from_slice(&answer.body).map_err(|_| wrong("it holds no access_token"))?;
    if issued.access_token.is_empty() {
        return Err(wrong("its access_token is empty"));
    }
    Session::bearer(SecretString::from(issued.access_token)).map_err(|misread| wrong(&misread.to_string()))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::{StatusCode, header::HeaderMap};

    use super::*;
    use crate::domain::Failure;

    fn check(status: u16, body: &'static str, failure: Option<Failure>) {
        let status = StatusCode::from_u16(status).expect("a status");
        let answer = Answer { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) };
        let outcome = judge(&answer, &SecretString::from("s3cret"));
        if let Err(error) = &outcome {
            assert!(!error.to_string().contains("s3cret") && !error.to_string().contains("eyJ"), "{error}");
        }
        assert_eq!(outcome.err().map(|error| error.failure()), failure, "{body}");
    }

    #[test]
    fn a_token_is_taken_only_from_a_whole_answer() {
        check(200, r#"{"access_token":"eyJ.a.b","token_type":"bearer","expires_in":86399}"#, None);
        for wrong in [
            r#"{"token_type":"bearer"}"#,
            r#"{"access_token":"eyJ.a"#,
            r#"{"access_token":""}"#,
            r#"{"access_token":"eyJ\n"}"#,
            "<html>eyJ</html>",
        ] {
            check(200, wrong, Some(Failure::Incomplete));
        }
        check(302, "", Some(Failure::Incomplete));
    }

    #[test]
    fn refusals_pauses_and_outages_are_told_apart() {
        check(400, r#"{"error_description":"invalid client_secret parameter s3cret"}"#, Some(Failure::Refused));
        check(401, "", Some(Failure::Refused));
        check(429, "", Some(Failure::Throttled { retry_after: None }));
        check(503, "<html>", Some(Failure::Unavailable));
    }
}
