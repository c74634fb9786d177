//! A webhook as a target: one POST, a 2xx status, no redirects.

use std::time::SystemTime;

use super::{DeliveryError, WebhookTarget};
use crate::transport::{self, ConnectionReuse, HttpClient, HttpResponse, TransportError, excerpt, retry_after};

/// Largest answer that is read, in bytes: none of it matters but its beginning.
const MOST_ANSWER: usize = 64 * 1024;

/// Sends the document.
pub(super) async fn post(target: &WebhookTarget, document: String) -> Result<(), DeliveryError> {
    let client = client(target)?;
    let request = client.post(target.url.whole()).header("content-type", "application/json").body(document);
    let answer = send(&client, request, target).await?;
    if answer.status.is_success() {
        return Ok(());
    }
    Err(DeliveryError::NotAccepted {
        host: target.url.origin().to_string(),
        status: answer.status.as_u16(),
        excerpt: excerpt(&answer.body, &[target.url.secret()]),
        retry_after: retry_after(&answer, SystemTime::now()),
    })
}

/// Whether the host can be reached. Its own first page is asked for, never the address of the webhook: no message comes of it.
pub(super) async fn probe(target: &WebhookTarget) -> Result<String, DeliveryError> {
    let (client, origin) = (client(target)?, target.url.origin());
    send(&client, client.get(&origin.join("/")), target).await?;
    let how = if origin.is_plain() { "without encryption, on this host" } else { "by TLS" };
    Ok(format!("{} answers {how}; no notification was sent", origin.host_and_port()))
}

fn client(target: &WebhookTarget) -> Result<HttpClient, DeliveryError> {
    let options = transport::HttpOptions { max_body_bytes: MOST_ANSWER, ..target.http.clone() };
    HttpClient::new(target.url.origin(), &options).map_err(|source| transport_error(target, source))
}

async fn send(
    client: &HttpClient,
    request: reqwest::RequestBuilder,
    target: &WebhookTarget,
) -> Result<HttpResponse, DeliveryError> {
    let sending = async || Ok::<(), TransportError>(());
    client.send(request, ConnectionReuse::Forbidden, sending).await.map_err(|source| transport_error(target, source))
}

fn transport_error(target: &WebhookTarget, source: TransportError) -> DeliveryError {
    DeliveryError::Transport { host: target.url.origin().to_string(), source }
}
