//! `GET /r/test`: the version, build and clock of an instance, without a session.

use std::borrow::Cow;
use std::time::SystemTime;

use super::client::Campaign;
use super::error::CampaignError;
use super::xml_reader::{XmlError, XmlReader};
use crate::transport::{Certificate, ConnectionReuse, HttpResponse, excerpt};

/// The name of the request in errors.
const CALL: &str = "GET /r/test";

/// The path of the SOAP router.
const ROUTER: &str = "/nl/jsp/soaprouter.jsp";

/// The version, build and clock of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerInfo {
    /// The version, such as `7.4.3`; `None` if the security zone hides it.
    pub version: Option<String>,
    /// The build, such as `9396`; `None` if the security zone hides it.
    pub build: Option<String>,
    /// The name by which the instance knows itself, such as `acme_mkt_stage1`; `None` if the security zone hides it.
    pub instance: Option<String>,
    /// The time of its clock, to the second, from the `Date` header.
    pub clock: Option<SystemTime>,
}

/// The response to `GET /r/test`.
#[derive(Debug)]
pub struct ServerInfoResponse {
    /// The certificate of the server, whatever the response; `None` without a response and over plain HTTP.
    pub certificate: Option<Certificate>,
    /// The content of the response.
    pub info: Result<ServerInfo, CampaignError>,
}

impl Campaign {
    /// Requests `/r/test` once, without credentials.
    pub async fn fetch_server_info(&self) -> ServerInfoResponse {
        let url = format!("{}/r/test", self.endpoint.trim_end_matches(ROUTER));
        match self.http.send(self.http.get(&url), ConnectionReuse::Allowed, async || Ok(())).await {
            Ok(response) => ServerInfoResponse { info: interpret(&response), certificate: response.certificate },
            Err(source) => ServerInfoResponse {
                certificate: None,
                info: Err(CampaignError::Transport { call: CALL.to_owned(), source }),
            },
        }
    }
}

fn interpret(response: &HttpResponse) -> Result<ServerInfo, CampaignError> {
    let (status, body) = (response.status.as_u16(), excerpt(&response.body, &[]));
    if response.status.is_server_error() {
        return Err(CampaignError::Unavailable { call: CALL.to_owned(), status, retry_after: None, excerpt: body });
    }
    let wrong = |what: String| CampaignError::InvalidResponse { call: CALL.to_owned(), what, excerpt: body.clone() };
    if !response.status.is_success() {
        return Err(wrong(format!("HTTP {status}; check the address")));
    }
    let page = String::from_utf8_lossy(&response.body);
    let found = read(&page).map_err(|xml_error| wrong(excerpt(xml_error.to_string().as_bytes(), &[])))?;
    let clock = response.header("date").and_then(|date| httpdate::parse_http_date(date).ok());
    Ok(ServerInfo { clock, ..found })
}

fn read(text: &str) -> Result<ServerInfo, XmlError> {
    XmlReader::document(text, |_, tag| {
        if !tag.is("redir") {
            return Err(XmlError::new(format!("it is <{}>, not <redir>", tag.name())));
        }
        let text = |name| tag.attribute(name).map(|value| value.map(Cow::into_owned).filter(|text| !text.is_empty()));
        Ok(ServerInfo { version: text("version")?, build: text("build")?, instance: text("instance")?, clock: None })
    })
}
