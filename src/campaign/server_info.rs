//! `GET /r/test`: what an instance says of itself to anybody, without a session.

use std::borrow::Cow;
use std::time::SystemTime;

use super::client::Campaign;
use super::error::CampaignError;
use super::xml_reader::{XmlError, XmlReader};
use crate::transport::{Certificate, ConnectionReuse, HttpResponse, excerpt};

/// What errors call the request.
const CALL: &str = "GET /r/test";

/// Below the address of the SOAP router.
const ROUTER: &str = "/nl/jsp/soaprouter.jsp";

/// What the web server of an instance says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerInfo {
    /// Such as `7.4.3`; `None` where the security zone hides it.
    pub version: Option<String>,
    /// Such as `9396`; `None` where the security zone hides it.
    pub build: Option<String>,
    /// What its clock shows, to the second, by the `Date` header.
    pub clock: Option<SystemTime>,
}

/// What came of asking an instance how it is.
#[derive(Debug)]
pub struct ServerInfoResponse {
    /// What the server proved itself with, whatever it answered; `None` without an answer and over plain http.
    pub certificate: Option<Certificate>,
    /// What it says of itself.
    pub info: Result<ServerInfo, CampaignError>,
}

impl Campaign {
    /// Asks the instance how it is. Sent once, without credentials.
    pub async fn fetch_server_info(&self) -> ServerInfoResponse {
        let url = format!("{}/r/test", self.endpoint.trim_end_matches(ROUTER));
        match self.http.send(self.http.get(&url), ConnectionReuse::Allowed, async || Ok(())).await {
            Ok(answer) => ServerInfoResponse { info: interpret(&answer), certificate: answer.certificate },
            Err(source) => ServerInfoResponse {
                certificate: None,
                info: Err(CampaignError::NoAnswer { call: CALL.to_owned(), source }),
            },
        }
    }
}

fn interpret(answer: &HttpResponse) -> Result<ServerInfo, CampaignError> {
    let (status, excerpt) = (answer.status.as_u16(), excerpt(&answer.body, &[]));
    if answer.status.is_server_error() {
        return Err(CampaignError::Unavailable { call: CALL.to_owned(), status, retry_after: None, excerpt });
    }
    let wrong = |what: String| CampaignError::WrongAnswer { call: CALL.to_owned(), what, excerpt: excerpt.clone() };
    if !answer.status.is_success() {
        return Err(wrong(format!("HTTP {status}, is the address right?")));
    }
    let page = String::from_utf8_lossy(&answer.body);
    let found = read(&page).map_err(|xml_error| wrong(xml_error.to_string()))?;
    let clock = answer.header("date").and_then(|date| httpdate::parse_http_date(date).ok());
    Ok(ServerInfo { clock, ..found })
}

fn read(text: &str) -> Result<ServerInfo, XmlError> {
    XmlReader::document(text, |_, tag| {
        if !tag.is("redir") {
            return Err(XmlError::new(format!("it is a <{:.40}>, no <redir>", tag.name())));
        }
        let text = |name| tag.attribute(name).map(|value| value.map(Cow::into_owned).filter(|text| !text.is_empty()));
        Ok(ServerInfo { version: text("version")?, build: text("build")?, clock: None })
    })
}
