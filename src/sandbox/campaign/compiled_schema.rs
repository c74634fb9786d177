//! `GetEntityIfMoreRecent`: the compiled schemas, with the checksums that tell whether they changed.

use sha2::{Digest, Sha256};

use super::instance_behavior::{GroupStorage, RelationKey, SchemaPart};
use super::schema::{Entity, Link, Schemas};
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
    r#"</method><method name="DeleteCollection" static="true"><parameters><param name="schema" type="string"/>"#,
    r#"<param name="where" type="DOMElement"/><param name="ignoreDeleteStatus" type="boolean"/></parameters></method>"#,
    r#"</interface><methods>"#,
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
            let entity = schemas.entity(id)?;
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

impl Schemas<'_> {
    /// The element of the compiled schema, as `GetEntityIfMoreRecent` returns it.
    fn compiled(self, entity: Entity) -> String {
        let mut out = Markup::default();
        let name = entity.name();
        match entity {
            Entity::Operator | Entity::Group => {
                let is_own_table = entity == Entity::Group && self.behavior.groups == GroupStorage::GroupTable;
                let table = if is_own_table { "XtkGroup" } else { "XtkOperator" };
                let attributes = [("name", name), ("label", entity.label()), ("sqltable", table), ("autopk", "true")];
                out.open("element", &attributes);
                self.push_owner(&mut out, entity);
            }
            Entity::Membership => {
                out.open("element", &[("name", name), ("label", entity.label()), ("sqltable", "XtkOperatorGroup")]);
                self.push_relation(&mut out);
            }
            Entity::ExternalAccount => {
                out.open("element", &[("name", name), ("label", entity.label()), ("sqltable", "NmsExtAccount")]);
                push_key(&mut out, &[("internal", "true"), ("name", "id")], &["@id"]);
                for field in self.account_columns() {
                    push_column(&mut out, field.path().trim_start_matches('@'), field.data_type());
                }
            }
        }
        out.close("element");
        out.into_string()
    }

    fn push_owner(self, out: &mut Markup, entity: Entity) {
        push_key(out, &[("internal", "true"), ("name", "id")], &["@id"]);
        if self.column(entity, "@name").is_some() {
            push_key(out, &[("name", "name")], &["@name"]);
        }
        let mut access = Vec::new();
        for field in self.columns(entity) {
            match field.path().split_once("/@") {
                Some((_, name)) => access.push((name, field.data_type())),
                None => push_column(out, field.path().trim_start_matches('@'), field.data_type()),
            }
        }
        if access.is_empty() {
            return;
        }
        if self.behavior.schema_ref {
            // The definition follows the main element, as those of the recorded schema of xtk:session do.
            out.empty("element", &[("name", "access"), ("ref", "accessData")]);
            out.close("element");
            out.open("element", &[("name", "accessData"), ("label", "Access parameters")]);
        } else {
            out.open("element", &[("name", "access"), ("label", "Access parameters")]);
        }
        for (name, data_type) in access {
            push_column(out, name, data_type);
        }
        if !self.behavior.schema_ref {
            out.close("element");
        }
    }

    fn push_relation(self, out: &mut Markup) {
        if !self.lacks(SchemaPart::MembershipKey) {
            match self.behavior.relation_key {
                RelationKey::Pair => {
                    let attributes = [("internal", "true"), ("name", "operatorGroup")];
                    push_key(out, &attributes, &["@operator-id", "@group-id"]);
                }
                RelationKey::Id => push_key(out, &[("internal", "true"), ("name", "id")], &["@id"]),
            }
        }
        if self.behavior.relation_key == RelationKey::Id {
            push_column(out, "id", "long");
        }
        for link in Link::ALL {
            push_column(out, link.foreign_key(), "long");
        }
        for link in Link::ALL.into_iter().filter(|&link| self.has_link(link)) {
            let target = format!("xtk:{}", self.target(link).name());
            out.open("element", &[("name", link.name()), ("type", "link"), ("target", &target)]);
            if self.behavior.link_joins {
                out.empty("join", &[("xpath-src", &format!("@{}", link.foreign_key())), ("xpath-dst", "@id")]);
            }
            out.close("element");
        }
    }
}

fn push_key(out: &mut Markup, attributes: &[(&str, &str)], paths: &[&str]) {
    out.open("key", attributes);
    for path in paths {
        out.empty("keyfield", &[("xpath", path)]);
    }
    out.close("key");
}

fn push_column(out: &mut Markup, name: &str, data_type: &str) {
    out.empty("attribute", &[("name", name), ("type", data_type)]);
}

fn checksum(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.first_chunk::<16>().map(|half| format!("{:032x}", u128::from_be_bytes(*half))).unwrap_or_default()
}
