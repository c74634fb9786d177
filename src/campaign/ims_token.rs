//! The token of Adobe's identity service that a technical account carries to Campaign.

use super::error::CampaignError;
use super::session::Session;
use crate::transport::{IdentityService, IssuedToken, TokenError};

/// What errors call the request.
const CALL: &str = "IMS token";

/// A session with a new token, asked for once.
pub(super) async fn session(service: &IdentityService) -> Result<Session, CampaignError> {
    let IssuedToken { secret, bearer, .. } = service.issue().await.map_err(failed)?;
    tracing::debug!("the identity service issued a token for Campaign");
    Ok(Session::bearer(secret, bearer))
}

fn failed(error: TokenError) -> CampaignError {
    let call = CALL.to_owned();
    match error {
        TokenError::Transport(source) => CampaignError::NoAnswer { call, source },
        TokenError::Refused { .. } => CampaignError::Refused { call, reason: error.to_string() },
        TokenError::RateLimited { retry_after } => CampaignError::Throttled { call, retry_after },
        TokenError::Unavailable { status, retry_after, text } => {
            CampaignError::Unavailable { call, status, retry_after, excerpt: text.to_string() }
        }
        TokenError::InvalidResponse { status, reason, text } => {
            CampaignError::WrongAnswer { call, what: format!("HTTP {status}, {reason}"), excerpt: text.to_string() }
        }
    }
}
