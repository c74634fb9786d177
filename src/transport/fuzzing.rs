//! Entrances for the fuzz targets in `fuzz`: compiled with `--cfg fuzzing` alone.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{StatusCode, header::HeaderMap};
use secrecy::ExposeSecret;

use super::{HttpResponse, TokenError, identity_service};

/// Reads the response of the token endpoint: the token, and how long it is valid.
pub fn token(status: u16, body: &[u8]) -> Result<(String, Duration), TokenError> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let body = Bytes::copy_from_slice(body);
    let response = HttpResponse { status, headers: HeaderMap::new(), body, certificate: None };
    identity_service::token_of(&response).map(|token| (token.secret.expose_secret().to_owned(), token.life))
}
