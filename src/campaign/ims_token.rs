//! The IMS token of a technical account, for calls to Campaign.

use super::error::CampaignError;
use super::session::Session;
use crate::transport::{IdentityService, IssuedToken, TokenError};

/// The name of the request in errors.
const CALL: &str = "IMS token";

/// Begins a session with a new token. Without retries.
pub(super) async fn session(service: &IdentityService) -> Result<Session, CampaignError> {
    let IssuedToken { secret, bearer, .. } = service.issue().await.map_err(failed)?;
    tracing::debug!("IMS issued a token for Campaign");
    Ok(Session::bearer(secret, bearer))
}

fn failed(error: TokenError) -> CampaignError {
    let call = CALL.to_owned();
    match error {
        TokenError::Transport(source) => CampaignError::Transport { call, source },
        TokenError::Refused { .. } => CampaignError::Refused { call, reason: error.to_string() },
        TokenError::RateLimited { retry_after } => CampaignError::RateLimited { call, retry_after },
        TokenError::Unavailable { status, retry_after, text } => {
            CampaignError::Unavailable { call, status, retry_after, excerpt: text.to_string() }
        }
        TokenError::InvalidResponse { status, reason, text } => {
            CampaignError::InvalidResponse { call, what: format!("HTTP {status}, {reason}"), excerpt: text.to_string() }
        }
    }
}
