//! The address of a mail server: `smtps://`, `smtp+starttls://`, or `smtp://` on this host alone.

use std::fmt;

use url::Url;

use crate::{domain::all_variants, transport::is_loopback};

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpEncryption {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// STARTTLS, which the server must offer (RFC 3207).
    StartTls,
    /// None: the server is on this host.
    None,
}

impl SmtpEncryption {
    fn default_port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::StartTls => 587,
            Self::None => 25,
        }
    }

    fn scheme(self) -> &'static str {
        match self {
            Self::Tls => "smtps",
            Self::StartTls => "smtp+starttls",
            Self::None => "smtp",
        }
    }
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: SmtpEncryption,
    /// The user that the program signs in as; the password is a separate key.
    pub user: Option<String>,
}

/// Why a text is not a usable address of a mail server. Contains no part of the text, which may have a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmtpServerError {
    /// The text has none of the three forms.
    #[error("is not the address of a mail server")]
    Unreadable,
    /// The address contains a password.
    #[error("has a password")]
    Password,
    /// Mail and password would be sent unencrypted.
    #[error("would send mail unencrypted to another host")]
    InTheClear,
    /// The address has a path, a query or a fragment.
    #[error("has more than a user, a host and a port")]
    Decorated,
}

impl SmtpServer {
    /// Parses `smtps://user@host:465`, `smtp+starttls://user@host:587` or `smtp://localhost:25`; user and port may be
    /// absent.
    pub fn parse(text: &str) -> Result<Self, SmtpServerError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(SmtpServerError::Unreadable)?;
        let known = all_variants!(SmtpEncryption: Tls, StartTls, None);
        let encryption = known.into_iter().find(|one| one.scheme().eq_ignore_ascii_case(scheme));
        let encryption = encryption.ok_or(SmtpServerError::Unreadable)?;
        // The URL standard parses hosts only for schemes that it knows: `ftp` is one, and its default port, which the
        // parser drops, is not the port of a mail server.
        let url = Url::parse(&format!("ftp://{rest}")).map_err(|_| SmtpServerError::Unreadable)?;
        if url.password().is_some() {
            return Err(SmtpServerError::Password);
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(SmtpServerError::Decorated);
        }
        if encryption == SmtpEncryption::None && !is_loopback(&url) {
            return Err(SmtpServerError::InTheClear);
        }
        let user = percent_decoded(url.username()).ok_or(SmtpServerError::Unreadable)?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        Ok(Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(encryption.default_port()),
            encryption,
            user: Some(user).filter(|user| !user.is_empty()),
        })
    }
}

/// Decodes like the query of a URL, but keeps a plus sign.
fn percent_decoded(text: &str) -> Option<String> {
    let pair = format!("user={}", text.replace('+', "%2B"));
    let (_, decoded) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
    Some(decoded.into_owned())
}

impl fmt::Display for SmtpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_has_one_of_three_forms() {
        let check = |text: &str, expected: Result<(&str, u16, SmtpEncryption, Option<&str>), SmtpServerError>| {
            let read = SmtpServer::parse(text);
            let read = read.as_ref().map(|one| (one.host.as_str(), one.port, one.encryption, one.user.as_deref()));
            assert_eq!(read, expected.as_ref().map(|expected| *expected), "{text}");
        };
        let tls = SmtpEncryption::Tls;
        check("smtps://sync@mail.acme.com:465", Ok(("mail.acme.com", 465, tls, Some("sync"))));
        check("smtps://mail.acme.com", Ok(("mail.acme.com", 465, tls, None)));
        check("smtps://sync%40acme.com@mail.acme.com/", Ok(("mail.acme.com", 465, tls, Some("sync@acme.com"))));
        check("SMTPS://a+b@mail.acme.com:8465", Ok(("mail.acme.com", 8465, tls, Some("a+b"))));
        check("smtp+starttls://mail.acme.com", Ok(("mail.acme.com", 587, SmtpEncryption::StartTls, None)));
        for host in ["localhost", "127.0.0.1"] {
            check(&format!("smtp://{host}:25"), Ok((host, 25, SmtpEncryption::None, None)));
        }
        check("smtp://[::1]", Ok(("::1", 25, SmtpEncryption::None, None)));
        check("smtp://mail.acme.com", Err(SmtpServerError::InTheClear));
        check("smtp://10.0.0.1", Err(SmtpServerError::InTheClear));
        check("smtps://sync:hunter2@mail.acme.com", Err(SmtpServerError::Password));
        check("smtps://mail.acme.com/x", Err(SmtpServerError::Decorated));
        check("smtps://mail.acme.com?tls=off", Err(SmtpServerError::Decorated));
        for wrong in ["mail.acme.com", "https://mail.acme.com", "smtps://", "smtps://:465", "smtps:mail"] {
            check(wrong, Err(SmtpServerError::Unreadable));
        }
    }
}
