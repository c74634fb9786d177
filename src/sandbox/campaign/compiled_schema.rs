//! `GetEntityIfMoreRecent`: the compiled schemas, with the checksums that tell whether they changed.

use sha2::{Digest, Sha256};

use super::schema::{Entity, Schemas};
use super::xml::Markup;

/// What Adobe's JavaScript SDK needs of `xtk:queryDef` before it sends a query.
const QUERY_DEF: &str = concat!(
    r#"<methods><method name="ExecuteQuery" const="true"><parameters>"#,
    r#"<param name="output" type="DOMDocument" inout="out"/>"#,
    r#"</parameters></method></methods><element name="queryDef" label="Queries"/>"#,
);

/// The methods of `xtk:session` that the instance supports, as the SDK reads them.
const SESSION: &str = concat!(
    r#"<interface name="persist">"#,
    r#"<method name="GetEntityIfMoreRecent" static="true"><parameters><param name="pk" type="string"/>"#,
    r#"<param name="md5" type="string"/><param name="mustExist" type="boolean"/>"#,
    r#"<param name="doc" type="DOMDocument" inout="out"/></parameters></method>"#,
    r#"<method name="Write" static="true"><parameters><param name="doc" type="DOMDocument"/></parameters></method>"#,
    r#"<method name="WriteCollection" static="true"><parameters><param name="doc" type="DOMDocument"/></parameters>"#,
    r#"</method></interface><methods>"#,
    r#"<method name="Logoff" static="true"/><method name="TestCnx" static="true"/>"#,
    r#"<method name="GetServerTime" static="true"><parameters><param name="tm" type="datetime" inout="out"/>"#,
    r#"</parameters></method>"#,
    r#"<method name="GetUserInfo" static="true"><parameters>"#,
    r#"<param name="userInfo" type="sessionUserInfo" inout="out"/></parameters></method>"#,
    r#"<method name="GetOption" static="true"><parameters><param name="name" type="string"/>"#,
    r#"<param name="value" type="string" inout="out"/><param name="type" type="byte" inout="out"/></parameters>"#,
    r#"</method></methods><element name="userInfo"/>"#,
);

/// A schema as it is answered.
#[derive(Debug)]
pub(super) struct CompiledSchema {
    /// Thirty-two hexadecimal digits; callers only ever compare them.
    pub(super) md5: String,
    pub(super) xml: String,
}

/// The compiled schema for a key such as `xtk:schema|xtk:operator`; nothing when the instance has none.
pub(super) fn compiled_schema(key: &str, schemas: Schemas<'_>) -> Option<CompiledSchema> {
    let id = key.strip_prefix("xtk:schema|")?;
    let (label, implements, content) = match id {
        "xtk:queryDef" => ("Queries", None, QUERY_DEF.to_owned()),
        "xtk:session" => ("Sessions", Some("xtk:persist"), SESSION.to_owned()),
        _ => {
            let entity = Entity::of(id)?;
            (entity.label(), None, schemas.compiled(entity))
        }
    };
    let md5 = checksum(&content);
    let (namespace, name) = id.split_once(':')?;
    let mut out = Markup::default();
    out.start("schema");
    for (name, value) in [("namespace", namespace), ("name", name), ("label", label), ("md5", &md5)] {
        out.attribute(name, value);
    }
    if let Some(implements) = implements {
        out.attribute("implements", implements);
    }
    out.attribute("xtkschema", "xtk:schema");
    out.content();
    out.raw(&content);
    out.close("schema");
    Some(CompiledSchema { md5, xml: out.into_string() })
}

fn checksum(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.first_chunk::<16>().map(|half| format!("{:032x}", u128::from_be_bytes(*half))).unwrap_or_default()
}
