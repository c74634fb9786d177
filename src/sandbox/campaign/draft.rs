//! An operator or a group as a written element describes it.

use super::instance_behavior::GroupStorage;
use super::schema::{Entity, OwnerField, Schemas};
use super::soap_fault::Cause;
use super::tables::{Owner, OwnerKind};
use super::write::{parsed_key, sandbox_wording, unknown_attribute, unknown_element};
use super::xml::Element;

/// `_operation`: what to do with the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowOperation {
    /// Found by key, or else added; the default.
    InsertOrUpdate,
    /// Added, without looking for it.
    Insert,
    /// Changed if it exists; nothing happens otherwise, without an error.
    Update,
    /// Removed.
    Delete,
    /// Only looked up.
    None,
}

impl RowOperation {
    pub(super) fn of(element: &Element) -> Result<Self, Cause> {
        match element.attribute("_operation").unwrap_or_default() {
            "" | "insertOrUpdate" => Ok(Self::InsertOrUpdate),
            "insert" => Ok(Self::Insert),
            "update" => Ok(Self::Update),
            "delete" => Ok(Self::Delete),
            "none" => Ok(Self::None),
            other => Err(sandbox_wording(&format!("the value '{other}' of '_operation' is unknown"))),
        }
    }
}

/// Whether an attribute instructs the router and is not stored.
pub(super) fn is_instruction(attribute: &str) -> bool {
    attribute.starts_with('_') || attribute == "xtkschema" || attribute == "xmlns" || attribute.contains(':')
}

/// The paths of `_key`, without brackets; empty when the schema's own key is meant.
pub(super) fn key_paths(element: &Element) -> Result<Vec<String>, Cause> {
    parsed_key(element.attribute("_key").unwrap_or_default())
}

/// A row as a document describes it, and which of its fields the document mentions.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) row: Owner,
    pub(super) given: Vec<OwnerField>,
}

impl Draft {
    /// Reads the element of an operator or a group; attributes and elements that the schema lacks are refused.
    /// `kind` is that of a row that does not say its own.
    pub(super) fn read(
        entity: Entity,
        kind: OwnerKind,
        element: &Element,
        schemas: Schemas<'_>,
    ) -> Result<Self, Cause> {
        let mut draft = Self { row: Owner::new(kind, ""), given: Vec::new() };
        for (name, value) in element.attributes.iter().filter(|(name, _)| !is_instruction(name)) {
            draft.take(entity, &format!("@{name}"), value, schemas)?;
        }
        for child in &element.children {
            if child.local_name() != "access" || entity != Entity::Operator || !child.children.is_empty() {
                return Err(unknown_element(child, entity));
            }
            for (name, value) in child.attributes.iter().filter(|(name, _)| !is_instruction(name)) {
                // The sandbox never uses the password hash of an operator.
                if name != "password" {
                    draft.take(entity, &format!("access/@{name}"), value, schemas)?;
                }
            }
        }
        Ok(draft)
    }

    fn take(&mut self, entity: Entity, path: &str, value: &str, schemas: Schemas<'_>) -> Result<(), Cause> {
        let field = schemas.columns(entity).find(|field| field.path() == path);
        let field = field.ok_or_else(|| unknown_attribute(path.trim_start_matches('@'), entity))?;
        let invalid = || sandbox_wording(&format!("the value '{value}' of '{path}' is not of its type"));
        let text = || value.to_owned();
        match field {
            OwnerField::Id => self.row.id = value.parse().map_err(|_| invalid())?,
            OwnerField::Name => self.row.name = text(),
            OwnerField::Label => self.row.label = text(),
            OwnerField::Email => self.row.email = text(),
            OwnerField::AuthenticationType => self.row.authentication = text(),
            OwnerField::Type => {
                let kind = OwnerKind::ALL.into_iter().find(|kind| (*kind as i64).to_string() == value);
                let kind = kind.filter(|kind| may_have(schemas, entity, *kind));
                self.row.kind = kind.ok_or_else(invalid)?;
            }
            OwnerField::AccessDisabled | OwnerField::Disabled => {
                self.row.disabled = match value {
                    "true" | "1" => true,
                    "false" | "0" | "" => false,
                    _ => return Err(invalid()),
                }
            }
        }
        self.given.push(field);
        Ok(())
    }

    /// Whether the document mentions a field that is not part of the key.
    pub(super) fn has_more_than(&self, key: &[OwnerField]) -> bool {
        self.given.iter().any(|field| *field != OwnerField::Type && !key.contains(field))
    }

    /// The row with everything the document mentions; its id and kind stay.
    pub(super) fn applied_to(self, mut owner: Owner) -> Owner {
        for field in self.given {
            match field {
                OwnerField::Id | OwnerField::Type => {}
                OwnerField::Name => owner.name.clone_from(&self.row.name),
                OwnerField::Label => owner.label.clone_from(&self.row.label),
                OwnerField::Email => owner.email.clone_from(&self.row.email),
                OwnerField::AuthenticationType => owner.authentication.clone_from(&self.row.authentication),
                OwnerField::AccessDisabled | OwnerField::Disabled => owner.disabled = self.row.disabled,
            }
        }
        owner
    }
}

/// Whether rows of this kind can be written through the schema.
fn may_have(schemas: Schemas<'_>, entity: Entity, kind: OwnerKind) -> bool {
    match entity {
        Entity::Group => kind == OwnerKind::Group,
        _ => kind != OwnerKind::Group || schemas.behavior.groups != GroupStorage::GroupTable,
    }
}
