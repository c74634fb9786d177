//! Which elements and attributes of Campaign's XML stay, and the kind of each value. What is not listed here is replaced.

use super::{
    values::ValueKind,
    vocabulary::{METHODS, NAMED_RIGHTS, PACKAGES, PRESCRIBED, TYPES},
};

/// Elements whose names stay.
const ELEMENTS: &[&str] = &[
    "Envelope",
    "Header",
    "Body",
    "Fault",
    "faultcode",
    "faultstring",
    "detail",
    "sessiontoken",
    "login",
    "password",
    "parameters",
    "bearerToken",
    "document",
    "domDoc",
    "pk",
    "md5",
    "mustExist",
    "name",
    "pstrSessionToken",
    "pstrSecurityToken",
    "pSessionInfo",
    "pUserInfo",
    "pdomOutput",
    "pdomDoc",
    "pstrValue",
    "pbtType",
    "sessionInfo",
    "serverInfo",
    "userInfo",
    "login-group",
    "login-right",
    "installed-package",
    "queryDef",
    "select",
    "where",
    "orderBy",
    "groupBy",
    "having",
    "node",
    "condition",
    "operator",
    "operator-collection",
    "group",
    "group-collection",
    "operatorGroup",
    "operatorGroup-collection",
    "extAccount",
    "extAccount-collection",
    "option",
    "access",
    "redir",
];

/// Elements of a compiled schema; everything else in it is omitted.
pub(super) const SCHEMA_ELEMENTS: &[&str] =
    &["schema", "element", "attribute", "key", "keyfield", "join", "compute-string"];

/// Values of attributes of the envelope.
const NAMESPACES: &[&str] = &[
    "http://www.w3.org/2001/XMLSchema",
    "http://www.w3.org/2001/XMLSchema-instance",
    "http://schemas.xmlsoap.org/soap/envelope/",
    "http://schemas.xmlsoap.org/soap/encoding/",
    "http://xml.apache.org/xml-soap",
    "http://xml.apache.org/xml-soap/literalxml",
    "urn:",
    "urn:wpp:default",
    "urn:xtk:persist",
    "urn:xtk:persist|xtk:session",
    "urn:xtk:queryDef",
    "urn:xtk:session",
];

const WIRE_TYPES: &[&str] = &[
    "xsd:string",
    "xsd:boolean",
    "xsd:byte",
    "xsd:short",
    "xsd:int",
    "xsd:long",
    "xsd:float",
    "xsd:double",
    "xsd:dateTime",
    "xsd:date",
    "ns:Element",
];

/// Attributes with values that a reader does not need: dates, addresses and what else is known of every instance. They are
/// dropped like secrets, because a reader who knows an original would know the pseudonyms of its words.
const NOT_NEEDED: &[&str] = &[
    "created",
    "lastModified",
    "locale",
    "timezone",
    "commitId",
    "databaseId",
    "date",
    "homeDir",
    "instanceLocale",
    "loginCS",
    "serverDate",
    "sha1",
    "sourceIP",
    "theme",
];

/// Whether the name of this element stays.
pub(super) fn is_known_element(name: &str) -> bool {
    ELEMENTS.contains(&name) || METHODS.contains(&name.strip_suffix("Response").unwrap_or(name))
}

/// The kind of an attribute of the envelope; `None` where it is none of them, and omitted where its value is another.
pub(super) fn envelope_attribute(name: &str) -> Option<ValueKind> {
    match name {
        "encodingStyle" => Some(ValueKind::OneOf(NAMESPACES)),
        _ if name == "xmlns" || name.starts_with("xmlns:") => Some(ValueKind::OneOf(NAMESPACES)),
        "xsi:type" => Some(ValueKind::OneOf(WIRE_TYPES)),
        _ => None,
    }
}

/// The kind of an attribute of a row, a query or the information about server and user.
pub(super) fn attribute(element: &str, name: &str) -> ValueKind {
    match (element, name) {
        ("queryDef", "schema" | "xtkschema") | (_, "xtkschema") => ValueKind::Schema,
        ("queryDef", "operation") => ValueKind::OneOf(&["select", "get", "getIfExists", "count"]),
        ("node" | "condition", "expr" | "alias") => ValueKind::Expression,
        ("condition", "boolOperator") => ValueKind::OneOf(&["AND", "OR"]),
        ("operator" | "group" | "operatorGroup" | "extAccount" | "folder", "id" | "least" | "greatest")
        | ("operatorGroup", "operator-id" | "group-id")
        | ("login-group", "id")
        | ("userInfo", "loginId" | "orgUnitId") => ValueKind::Id,
        ("operator" | "group" | "extAccount", "name")
        | ("operator", "email")
        | ("userInfo", "login")
        | ("serverInfo", "instanceName")
        | ("redir", "instance")
        | ("extAccount", "tenant") => ValueKind::Name,
        ("operator" | "group" | "operatorGroup" | "extAccount", "type" | "count" | "provider")
        | ("access", "count")
        | ("queryDef", "lineCount" | "startLine")
        | ("serverInfo", "sessionTimeOut" | "securityTimeOut") => ValueKind::Count,
        ("access", "authenticationType") => ValueKind::OneOf(&["ims", "native", "neolane", "ldap"]),
        ("access" | "operator", "disabled")
        | ("extAccount", "active")
        | ("queryDef", "distinct")
        | ("node", "sortDesc" | "groupBy")
        | ("userInfo", "noConsoleCnx" | "datakitInDatabase") => ValueKind::Flag,
        ("extAccount", "imsServer" | "callbackServer" | "server") | ("redir", "host" | "localHost") => ValueKind::Url,
        ("extAccount", "imsOrgId") => ValueKind::Organization,
        ("extAccount", "imsRightsMask") => ValueKind::Mask,
        ("extAccount", "productContext") => ValueKind::OneOf(PRESCRIBED),
        ("extAccount", "clientId" | "clientSecret" | "account" | "password") | ("access", "password") => {
            ValueKind::Secret
        }
        ("serverInfo", "buildNumber" | "majNumber" | "minNumber" | "servicePack" | "releaseName")
        | ("redir", "build" | "version") => ValueKind::Version,
        (_, name) if NOT_NEEDED.contains(&name) => ValueKind::Secret,
        ("redir", "status") => ValueKind::OneOf(&["OK"]),
        ("login-right", "right") => ValueKind::OneOf(NAMED_RIGHTS),
        ("installed-package", "name" | "namespace") | ("serverInfo", "defaultNameSpace") => ValueKind::OneOf(PACKAGES),
        _ => ValueKind::Text,
    }
}

/// The kind of an attribute of a compiled schema; `None` where it is omitted.
pub(super) fn schema_attribute(name: &str) -> Option<ValueKind> {
    match name {
        "name" => Some(ValueKind::Column),
        "ref" | "xpath" | "xlink" | "xpath-src" | "xpath-dst" | "revLink" => Some(ValueKind::Expression),
        "target" | "entitySchema" => Some(ValueKind::Schema),
        "namespace" => Some(ValueKind::OneOf(PACKAGES)),
        "type" => Some(ValueKind::OneOf(TYPES)),
        "revCardinality" => Some(ValueKind::OneOf(&["single", "unbound"])),
        "internal" | "autopk" | "unbound" | "required" | "notNull" | "externalJoin" | "key" | "xml" | "sql" => {
            Some(ValueKind::Flag)
        }
        _ => None,
    }
}

/// The kind of the text of an element.
pub(super) fn text(element: &str) -> ValueKind {
    match element {
        "sessiontoken" | "password" | "bearerToken" | "pstrSessionToken" | "pstrSecurityToken" => ValueKind::Secret,
        "login" => ValueKind::Name,
        "faultcode" => ValueKind::OneOf(&[
            "SOAP-ENV:Server",
            "SOAP-ENV:Client",
            "SOAP-ENV:Error",
            "SOAP-ENV:VersionMismatch",
            "SOAP-ENV:MustUnderstand",
        ]),
        "faultstring" | "detail" => ValueKind::ErrorText,
        "pk" => ValueKind::Schema,
        "name" => ValueKind::OneOf(PRESCRIBED),
        "mustExist" | "pstrValue" => ValueKind::Flag,
        "pbtType" => ValueKind::Count,
        _ => ValueKind::Text,
    }
}
