//! Mail as a target: one message by SMTP. The certificate of a server on another host is always verified.

use std::time::{Duration, SystemTime};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::header::{ContentType, HeaderName, HeaderValue},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};

use super::{DeliveryError, MailTarget, Mailbox, SmtpEncryption, document::Document};
use crate::transport::{ExposeSecret as _, install_cryptography};

/// How long the server may take for a response.
const SILENCE: Duration = Duration::from_secs(10);

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Sends one message to all recipients. If the server permanently refuses one of several, each recipient gets a message of
/// its own: a wrong address must not keep a notification from the others.
pub(super) async fn send(target: &MailTarget, id: &str, document: &Document<'_>) -> Result<(), DeliveryError> {
    let transport = transport(target)?;
    let together = submit(&transport, target, &message(target, &target.to, id, document)?).await;
    match together {
        Err(DeliveryError::Smtp { source, server }) if source.is_permanent() && target.to.len() > 1 => {
            let refused = DeliveryError::Smtp { source, server };
            submit_to_each(&transport, target, id, document, refused).await
        }
        outcome => outcome,
    }
}

async fn submit_to_each(
    transport: &Transport,
    target: &MailTarget,
    id: &str,
    document: &Document<'_>,
    refused: DeliveryError,
) -> Result<(), DeliveryError> {
    let mut taken = 0;
    for recipient in &target.to {
        let message = message(target, std::slice::from_ref(recipient), id, document)?;
        match submit(transport, target, &message).await {
            Ok(()) => taken += 1,
            Err(DeliveryError::Smtp { source, .. }) => {
                tracing::warn!(
                    notify.target = "mail",
                    notification.id = id,
                    "the mail server {} refuses {}: {source}",
                    target.server,
                    recipient.email
                );
            }
            Err(error) => return Err(error),
        }
    }
    if taken > 0 { Ok(()) } else { Err(refused) }
}

async fn submit(transport: &Transport, target: &MailTarget, message: &Message) -> Result<(), DeliveryError> {
    transport.send(message.clone()).await.map(drop).map_err(|source| failed(target, source))
}

/// Connects, starts TLS and signs in as for a message, without sending one.
pub(super) async fn probe(target: &MailTarget) -> Result<String, DeliveryError> {
    let is_open = transport(target)?.test_connection().await.map_err(|source| failed(target, source))?;
    if !is_open {
        return Err(DeliveryError::Closed { server: target.server.to_string() });
    }
    let how = match target.server.encryption {
        SmtpEncryption::Tls => "by TLS",
        SmtpEncryption::StartTls => "by STARTTLS",
        SmtpEncryption::None => "without encryption, on this host",
    };
    let user =
        target.server.user.as_ref().map_or("without signing in".to_owned(), |user| format!("signed in as {user}"));
    Ok(format!("{} responds {how}, {user}; no mail was sent", target.server))
}

fn failed(target: &MailTarget, source: lettre::transport::smtp::Error) -> DeliveryError {
    DeliveryError::Smtp { server: target.server.to_string(), source }
}

fn transport(target: &MailTarget) -> Result<Transport, DeliveryError> {
    install_cryptography();
    let server = &target.server;
    let tls = match server.encryption {
        SmtpEncryption::Tls => Tls::Wrapper(tls_parameters(target)?),
        SmtpEncryption::StartTls => Tls::Required(tls_parameters(target)?),
        SmtpEncryption::None => Tls::None,
    };
    let builder = Transport::builder_dangerous(&server.host).port(server.port).timeout(Some(SILENCE)).tls(tls);
    let builder = match (&server.user, &target.password) {
        (Some(user), Some(password)) => {
            builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()))
        }
        _ => builder,
    };
    Ok(builder.build())
}

/// The TLS parameters: with the certificate authorities of the host, or with the configured ones.
fn tls_parameters(target: &MailTarget) -> Result<TlsParameters, DeliveryError> {
    let mut builder = TlsParameters::builder(target.server.host.clone());
    if let Some(authorities) = &target.trusted_authorities {
        let authority = Certificate::from_pem(authorities.as_bytes()).map_err(|source| failed(target, source))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(authority);
    }
    builder.build().map_err(|source| failed(target, source))
}

fn message(target: &MailTarget, to: &[Mailbox], id: &str, document: &Document<'_>) -> Result<Message, DeliveryError> {
    let message_id = format!("<{id}@{}>", target.from.email.domain());
    let builder = Message::builder()
        .from(target.from.clone())
        .subject(document.subject())
        .message_id(Some(message_id))
        .date(SystemTime::now())
        .header(ContentType::TEXT_PLAIN);
    let builder = to.iter().fold(builder, |builder, recipient| builder.to(recipient.clone()));
    let mut message = builder.body(document.plain_text()).map_err(DeliveryError::Message)?;
    // Prevents automatic replies (RFC 3834).
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    message.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
    Ok(message)
}
