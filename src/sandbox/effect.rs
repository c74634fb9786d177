//! The effects of faults: what a disturbed call, its response or its connection comes to.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::Change;

/// The effect on a call. An effect that replaces the response prevents the call, unless its description says that the
/// call takes effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Another response.
    Status {
        /// The HTTP status.
        status: u16,
        /// Its headers, as name and value.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// Its body.
        #[serde(default)]
        body: String,
    },
    /// An HTML page with status 200, as a portal or proxy sends it.
    Html,
    /// A SOAP fault, with the HTTP status of the faults of the instance.
    SoapFault {
        /// `SOAP-ENV:Server` or `SOAP-ENV:Client`.
        code: String,
        /// The short text with a code like `SOP-330011`.
        string: String,
        /// The long text; omitted when empty, as with `showErrors="false"`.
        #[serde(default)]
        detail: String,
    },
    /// An XML response nested this deep.
    DeepXml {
        /// Elements inside each other.
        depth: usize,
    },
    /// The connection is reset; no response is sent.
    Reset,
    /// The call takes effect, and the connection is reset; no response is sent.
    LoseAnswer,
    /// The connection is reset if it has carried a call before, as when a server closes an idle connection while the
    /// client uses it again. On a new connection nothing happens.
    ResetReused,
    /// The response, head and body, is sent byte by byte.
    Drip {
        /// Milliseconds between two bytes.
        ms: u64,
    },
    /// Replaces a text in the body, whatever its format: for responses that no server writes.
    ReplaceText {
        /// The text, at every place.
        from: String,
        /// The new value.
        to: String,
    },
    /// The response is delayed.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// The response waits until this number of other requests has been answered since, at most ten seconds: so that
    /// responses arrive in another order than their requests.
    AwaitResponses {
        /// Requests that are answered first.
        others: usize,
    },
    /// The call waits until this number of calls waits likewise, at most ten seconds; then all go on: for tests of
    /// calls that are under way at the same time.
    Together {
        /// How many calls, this one included.
        calls: usize,
    },
    /// The body is truncated in a complete HTTP response.
    Truncate {
        /// To this number of bytes; to half by default.
        #[serde(default)]
        bytes: Option<usize>,
    },
    /// The connection is closed in the middle of the body.
    CutOff {
        /// After this number of sent bytes; after half by default.
        #[serde(default)]
        after: Option<usize>,
    },
    /// The connection is reset in the middle of the body.
    ResetInside {
        /// After this number of sent bytes; after half by default.
        #[serde(default)]
        after: Option<usize>,
    },
    /// The whole response is sent, and the connection is reset right after it.
    ResetAfter,
    /// The connection is closed in the middle of the head of the response.
    CutHead {
        /// After this number of sent bytes.
        after: usize,
    },
    /// `Content-Length` differs from the length of the body: with a longer one the client waits for bytes that never
    /// come, with a shorter one the rest of the body is left on the connection.
    WrongLength {
        /// What is added to the length.
        by: i64,
    },
    /// A listing's page without entries and with `lastPage: false`; the headers stay.
    EmptyPage,
    /// A listing's page omits users; the headers stay.
    MissingUsers {
        /// How many of the page, from its first on.
        count: usize,
    },
    /// A listing or the response to a query omits one entry: the first one that contains this text. The headers stay.
    OmitEntry {
        /// The text, such as a login.
        containing: String,
    },
    /// A listing of the members of a group returns those of another group, under the name of that group.
    OtherGroup {
        /// The id or the name of that group.
        group: String,
    },
    /// `lastPage` has this value.
    LastPage {
        /// The value.
        value: bool,
    },
    /// A listing returns this page instead of the requested one.
    RepeatPage {
        /// The page.
        page: u64,
    },
    /// A JSON value is missing.
    OmitKey {
        /// Its JSON pointer; `*` stands for every entry of an array.
        pointer: String,
    },
    /// A JSON value is replaced.
    SetValue {
        /// Its JSON pointer; `*` stands for every entry of an array.
        pointer: String,
        /// The new value.
        value: Value,
    },
    /// A JSON value is a very long text.
    HugeString {
        /// Its JSON pointer.
        pointer: String,
        /// The length of the text; ten megabytes by default.
        #[serde(default = "ten_megabytes")]
        bytes: usize,
    },
    /// Headers are missing.
    DropHeaders {
        /// Their names.
        names: Vec<String>,
    },
    /// Headers are set.
    SetHeaders {
        /// Names and values.
        headers: Vec<(String, String)>,
    },
    /// The `Content-Encoding` of a compressed response has this name.
    RenameEncoding {
        /// The name, such as `x-gzip`.
        to: String,
    },
    /// An XML response is encoded in ISO-8859-1, as its declaration says.
    Latin1,
    /// An XML response begins with a document type that declares entities, and uses one.
    EntityDeclaration,
    /// The body is encoded in this charset, whatever its headers and its XML declaration say.
    Recode {
        /// The charset.
        charset: Charset,
    },
    /// The body is followed by this number of spaces, which change neither JSON nor XML.
    Pad {
        /// The number.
        bytes: usize,
    },
    /// Only the first rows of a collection are written.
    PartialWrite {
        /// How many.
        rows: usize,
        /// Whether the response is a fault; otherwise it is that of a complete write.
        fault: bool,
    },
    /// A write is answered as if it had taken effect, and takes none.
    IgnoreWrite,
    /// All tokens of IMS expire before the call is checked.
    ExpireTokens,
    /// The world changes before the call is carried out; changes that cannot be applied are ignored.
    Change {
        /// The changes.
        changes: Vec<Change>,
    },
}

/// The charset of a body that says something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Charset {
    /// One byte for each character of Western Europe.
    #[serde(rename = "iso-8859-1")]
    Latin1,
    /// Two bytes for almost every character, without a byte order mark.
    #[serde(rename = "utf-16le")]
    Utf16,
}

fn ten_megabytes() -> usize {
    10 << 20
}

impl Effect {
    /// A response with this status and no body.
    pub fn status(status: u16) -> Self {
        Self::Status { status, headers: Vec::new(), body: String::new() }
    }

    /// A response in plain text, as Campaign refuses sessions and sign-ins.
    pub fn plain_text(status: u16, text: &str) -> Self {
        let headers = vec![("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())];
        Self::Status { status, headers, body: text.to_owned() }
    }

    /// Adobe's 429 with this `Retry-After`.
    pub fn too_many_requests(retry_after: &str) -> Self {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Self::Status {
            status: 429,
            headers: vec![header("content-type", "application/json"), header("retry-after", retry_after)],
            body: super::call_limits::TOO_MANY_REQUESTS.to_owned(),
        }
    }

    /// A fault as a server sends it.
    pub fn soap_fault(string: &str, detail: &str) -> Self {
        Self::SoapFault { code: "SOAP-ENV:Server".to_owned(), string: string.to_owned(), detail: detail.to_owned() }
    }

    /// Removes the value at a JSON pointer.
    pub fn omit_key(pointer: &str) -> Self {
        Self::OmitKey { pointer: pointer.to_owned() }
    }

    /// Replaces the value at a JSON pointer.
    pub fn set_value(pointer: &str, value: impl Into<Value>) -> Self {
        Self::SetValue { pointer: pointer.to_owned(), value: value.into() }
    }

    /// Ten megabytes of text at a JSON pointer.
    pub fn huge_string(pointer: &str) -> Self {
        Self::HugeString { pointer: pointer.to_owned(), bytes: ten_megabytes() }
    }

    /// Replaces a text in the body.
    pub fn replace_text(from: &str, to: &str) -> Self {
        Self::ReplaceText { from: from.to_owned(), to: to.to_owned() }
    }

    /// Removes headers.
    pub fn drop_headers(names: &[&str]) -> Self {
        Self::DropHeaders { names: names.iter().map(|&name| name.to_owned()).collect() }
    }

    /// Sets one header.
    pub fn set_header(name: &str, value: &str) -> Self {
        Self::SetHeaders { headers: vec![(name.to_owned(), value.to_owned())] }
    }
}
