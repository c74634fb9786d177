//! A webhook as a target: one POST request, which must be answered with a 2xx status; redirects are not followed.

use std::time::SystemTime;

use super::{DeliveryError, WebhookTarget};
use crate::transport::{self, ConnectionReuse, HttpClient, HttpResponse, TransportError, excerpt, retry_after};

/// The longest response that is read, in bytes: only its beginning matters.
const MOST_ANSWER: usize = 64 * 1024;

/// Sends the document.
pub(super) async fn post(target: &WebhookTarget, document: String) -> Result<(), DeliveryError> {
    let client = client(target)?;
    let request = client.post(target.url.complete()).header("content-type", "application/json").body(document);
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

/// Checks whether the host can be reached: requests its root, never the URL of the webhook, so that no message is posted.
pub(super) async fn probe(target: &WebhookTarget) -> Result<String, DeliveryError> {
    let (client, origin) = (client(target)?, target.url.origin());
    send(&client, client.get(&origin.join("/")), target).await?;
    let how = if origin.is_plain() { "without encryption, on this host" } else { "by TLS" };
    Ok(format!("{} responds {how}; no notification was sent", origin.host_and_port()))
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
