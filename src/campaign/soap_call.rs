//! Requests to Campaign: the methods that the client calls, and the SOAP 1.1 envelope around them.

use super::xml_writer::Element;
use crate::transport::{ExposeSecret, SecretString};

const SOAP_ENCODING: &str = "http://schemas.xmlsoap.org/soap/encoding/";
const LITERAL_XML: &str = "http://xml.apache.org/xml-soap/literalxml";

/// One call, for any session. It may contain a password, so it has no `Debug`.
pub(super) struct SoapCall {
    service: &'static str,
    method: &'static str,
    subject: &'static str,
    parameters: Vec<Element>,
    creates: bool,
}

impl SoapCall {
    /// `xtk:session#Logon`: begins a session with a login and a password.
    pub(super) fn logon(login: &str, password: &SecretString) -> Self {
        let parameters =
            vec![text("login", login), text("password", password.expose_secret()), xml_valued("parameters")];
        Self { service: "xtk:session", method: "Logon", subject: "", parameters, creates: false }
    }

    /// `xtk:session#Logoff`: ends the session. A session that is not ended stays in the database for a day.
    pub(super) fn logoff() -> Self {
        Self { service: "xtk:session", method: "Logoff", subject: "", parameters: Vec::new(), creates: false }
    }

    /// `xtk:session#GetUserInfo`: the operator of the session.
    pub(super) fn user_info() -> Self {
        Self { service: "xtk:session", method: "GetUserInfo", subject: "", parameters: Vec::new(), creates: false }
    }

    /// `xtk:session#GetOption`: the value of an option of the instance.
    pub(super) fn option(name: &str) -> Self {
        let parameters = vec![text("name", name)];
        Self { service: "xtk:session", method: "GetOption", subject: "", parameters, creates: false }
    }

    /// `xtk:queryDef#ExecuteQuery` of a query on `schema`.
    pub(super) fn query(schema: &'static str, query: &Element) -> Self {
        let parameters = vec![xml_valued("document").child(query)];
        Self { service: "xtk:queryDef", method: "ExecuteQuery", subject: schema, parameters, creates: false }
    }

    /// A query for the id of any operator or group: a call that concerns no certain row, to find out whether Campaign
    /// accepts calls of the session.
    pub(super) fn harmless() -> Self {
        Self::select_one("xtk:operator", &["@id"])
    }

    /// A query for these columns of any row.
    pub(super) fn select_one(schema: &'static str, columns: &[&str]) -> Self {
        let select = Element::new("select").children(columns.iter().map(|column| node(column)));
        Self::query(schema, &query_element(schema, "select").attribute("lineCount", "1").child(&select))
    }

    /// `xtk:persist#GetEntityIfMoreRecent`: a compiled schema, in any version.
    pub(super) fn schema(schema: &'static str) -> Self {
        let must_exist = Element::new("mustExist").attribute("xsi:type", "xsd:boolean").text("false");
        let parameters = vec![text("pk", &format!("xtk:schema|{schema}")), text("md5", ""), must_exist];
        Self { service: "xtk:persist", method: "GetEntityIfMoreRecent", subject: schema, parameters, creates: false }
    }

    /// `xtk:persist#Write` of one row.
    ///
    /// Every schema inherits the method, but Campaign accepts it only with the interface that declares it and refuses
    /// `xtk:session#Write` (changelog of acc-js-sdk).
    pub(super) fn write(schema: &'static str, document: &Element) -> Self {
        let parameters = vec![xml_valued("domDoc").child(document)];
        Self { service: "xtk:persist", method: "Write", subject: schema, parameters, creates: false }
    }

    /// As [`Self::write`], for a row that must not exist yet.
    pub(super) fn create(schema: &'static str, document: &Element) -> Self {
        Self { creates: true, ..Self::write(schema, document) }
    }

    /// `xtk:persist#WriteCollection` of several rows.
    pub(super) fn write_collection(schema: &'static str, document: &Element) -> Self {
        let parameters = vec![xml_valued("domDoc").child(document)];
        Self { service: "xtk:persist", method: "WriteCollection", subject: schema, parameters, creates: false }
    }

    /// `xtk:persist#DeleteCollection`: deletes the rows that meet the condition.
    pub(super) fn delete_collection(schema: &'static str, condition: &str) -> Self {
        let condition = Element::new("where").child(&Element::new("condition").attribute("expr", condition));
        let ignore = Element::new("ignoreDeleteStatus").attribute("xsi:type", "xsd:boolean").text("false");
        let parameters = vec![text("strSchema", schema), xml_valued("elemWhere").child(&condition), ignore];
        Self { service: "xtk:persist", method: "DeleteCollection", subject: schema, parameters, creates: false }
    }

    /// The name of the call in errors and logs, such as `ExecuteQuery xtk:operator`.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.subject).trim_end().to_owned()
    }

    /// The value of the `SOAPAction` header, which selects the method.
    pub(super) fn action(&self) -> String {
        format!("{}#{}", self.service, self.method)
    }

    /// The name of the element in the response.
    pub(super) fn response(&self) -> String {
        format!("{}Response", self.method)
    }

    /// Whether the call may change something in Campaign.
    pub(super) fn is_write(&self) -> bool {
        self.method.starts_with("Write") || self.method == "DeleteCollection"
    }

    /// Whether the call creates a row, so that sending it twice differs from sending it once.
    pub(super) fn creates(&self) -> bool {
        self.creates
    }

    /// Whether the response contains the tokens of a session, so that errors must not show any part of it.
    pub(super) fn returns_a_session(&self) -> bool {
        self.method == "Logon"
    }

    /// The envelope. It has no SOAP header: a header caused server errors in calls that write (Adobe's release notes,
    /// NEO-28737).
    pub(super) fn envelope(&self, session_token: &SecretString) -> String {
        // Campaign reads parameters by position: without the first one, it reads the second as the session token.
        let mut method = Element::new(self.method)
            .attribute("xmlns", &format!("urn:{}", self.service))
            .attribute("SOAP-ENV:encodingStyle", SOAP_ENCODING)
            .child(&text("sessiontoken", session_token.expose_secret()));
        for parameter in &self.parameters {
            method = method.child(parameter);
        }
        Element::new("SOAP-ENV:Envelope")
            .attribute("xmlns:xsd", "http://www.w3.org/2001/XMLSchema")
            .attribute("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
            .attribute("xmlns:SOAP-ENV", "http://schemas.xmlsoap.org/soap/envelope/")
            .attribute("xmlns:ns", "http://xml.apache.org/xml-soap")
            .child(&Element::new("SOAP-ENV:Body").child(&method))
            .to_xml()
    }
}

/// A query on `schema` without its parts.
pub(super) fn query_element(schema: &str, operation: &str) -> Element {
    Element::new("queryDef")
        .attribute("xtkschema", "xtk:queryDef")
        .attribute("schema", schema)
        .attribute("operation", operation)
}

/// An expression in a part of a query.
pub(super) fn node(expression: &str) -> Element {
    Element::new("node").attribute("expr", expression)
}

/// A condition of a query.
pub(super) fn condition(expression: &str) -> Element {
    Element::new("condition").attribute("expr", expression)
}

fn text(name: &'static str, value: &str) -> Element {
    Element::new(name).attribute("xsi:type", "xsd:string").text(value)
}

fn xml_valued(name: &'static str) -> Element {
    Element::new(name).attribute("xsi:type", "ns:Element").attribute("SOAP-ENV:encodingStyle", LITERAL_XML)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_token_always_comes_first_even_when_empty() {
        let call = SoapCall::logon("svc", &SecretString::from("p&ss<\"'é"));
        let envelope = call.envelope(&SecretString::from(""));
        let method = envelope.split_once("<SOAP-ENV:Body>").expect("a body").1;
        assert_eq!(
            method.strip_suffix("</SOAP-ENV:Body></SOAP-ENV:Envelope>").expect("an envelope"),
            "<Logon xmlns=\"urn:xtk:session\" SOAP-ENV:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\">\
             <sessiontoken xsi:type=\"xsd:string\"/><login xsi:type=\"xsd:string\">svc</login>\
             <password xsi:type=\"xsd:string\">p&amp;ss&lt;&quot;&apos;é</password>\
             <parameters xsi:type=\"ns:Element\" \
             SOAP-ENV:encodingStyle=\"http://xml.apache.org/xml-soap/literalxml\"/></Logon>"
        );
        assert!(!envelope.contains("Header"), "{envelope}");
    }

    #[test]
    fn a_write_uses_the_persist_interface() {
        let call = SoapCall::write("xtk:group", &Element::new("group"));
        assert_eq!((call.action().as_str(), call.name().as_str()), ("xtk:persist#Write", "Write xtk:group"));
        let envelope = call.envelope(&SecretString::from("___1"));
        assert!(envelope.contains("<Write xmlns=\"urn:xtk:persist\""), "{envelope}");
        assert!(envelope.contains("<sessiontoken xsi:type=\"xsd:string\">___1</sessiontoken>"), "{envelope}");
    }
}
