//! `Write` and `WriteCollection`: finds the rows of a document and changes them.

use super::draft::{Draft, RowOperation, is_instruction, key_paths};
use super::expression::parse_path;
use super::instance_behavior::{
    AbsentDelete, InstanceBehavior, JoinForm, LeaveForm, RelationKey, RepeatedJoin, WriteCollectionMode,
};
use super::query::{read_filter, unknown_path, unknown_schema};
use super::schema::{Entity, Field, Link, OwnerField, Row, Schemas};
use super::soap_fault::Cause;
use super::tables::{Membership, NULL_ID, Owner, OwnerKind, Tables};
use super::xml::Element;

/// What the caller may write.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rights {
    /// The named right `admin`: everything.
    pub(super) administrator: bool,
    /// The named right `operatorWrite`: operators and groups, not their relation.
    pub(super) operator_write: bool,
}

/// Writes documents into the tables.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub(super) tables: &'a mut Tables,
    pub(super) schemas: Schemas<'a>,
    pub(super) rights: Rights,
    pub(super) behavior: &'a InstanceBehavior,
}

impl Writer<'_> {
    /// Writes one document, wholly or not at all.
    pub(super) fn write(&mut self, document: &Element) -> Result<(), Cause> {
        let entity = self.entity(document)?;
        self.tables.begin();
        self.row(entity, document).inspect_err(|_| self.tables.roll_back())
    }

    /// Writes the children of a document; the behavior says what remains after an error.
    pub(super) fn write_collection(&mut self, document: &Element) -> Result<(), Cause> {
        let entity = self.entity(document)?;
        if entity == Entity::Membership && !self.behavior.collections {
            return Err(sandbox_wording("this instance takes no collections of memberships"));
        }
        self.tables.begin();
        for child in &document.children {
            let written = self.row(entity, child).inspect_err(|_| self.tables.roll_back());
            match self.behavior.write_collection {
                WriteCollectionMode::Atomic => written?,
                WriteCollectionMode::StopAtFirstError => {
                    written?;
                    self.tables.begin();
                }
                WriteCollectionMode::SkipBadRows => self.tables.begin(),
            }
        }
        Ok(())
    }

    /// Removes all rows of a schema that fulfill the conditions below an element; none need to.
    pub(super) fn delete_collection(&mut self, schema: &str, condition: &Element) -> Result<(), Cause> {
        let entity = self.written_entity(schema)?;
        self.permit(entity)?;
        let filter = read_filter(entity, condition, self.schemas)?;
        let tables = &*self.tables;
        let owners = tables.owners().filter(|owner| {
            owner.id != NULL_ID
                && match entity {
                    Entity::Operator => tables.is_operator_row(owner),
                    Entity::Group => tables.is_group_row(owner),
                    Entity::Membership | Entity::ExternalAccount => false,
                }
        });
        let owners = owners.filter(|owner| filter.holds(Row::Owner(owner), tables));
        let owners: Vec<i64> = owners.map(|owner| owner.id).collect();
        let memberships = tables.memberships().filter(|row| {
            entity == Entity::Membership && row.operator_id != NULL_ID && filter.holds(Row::Membership(*row), tables)
        });
        let memberships: Vec<Membership> = memberships.collect();
        self.tables.begin();
        for id in owners {
            self.tables.remove_owner(id);
        }
        for membership in memberships {
            self.tables.remove_membership(membership);
        }
        Ok(())
    }

    fn entity(&self, document: &Element) -> Result<Entity, Cause> {
        self.written_entity(document.attribute("xtkschema").unwrap_or_default())
    }

    fn written_entity(&self, schema: &str) -> Result<Entity, Cause> {
        // External accounts are changed in Campaign's console only.
        let entity = self.schemas.entity(schema).filter(|entity| *entity != Entity::ExternalAccount);
        entity.ok_or_else(|| unknown_schema(schema))
    }

    fn row(&mut self, entity: Entity, element: &Element) -> Result<(), Cause> {
        let written = if element.local_name() != entity.name() {
            Err(unknown_element(element, entity))
        } else if entity == Entity::Membership {
            self.membership(element)
        } else {
            self.owner(entity, kind_of(entity), element).map(drop)
        };
        written
            .map_err(|cause| cause.within(format!("XSV-350023 Unable to save document of type '{}'.", entity.title())))
    }

    /// Writes an operator or a group and returns the id of its row, if one exists afterwards.
    fn owner(&mut self, entity: Entity, kind: OwnerKind, element: &Element) -> Result<Option<i64>, Cause> {
        let operation = RowOperation::of(element)?;
        let draft = Draft::read(entity, kind, element, self.schemas)?;
        if operation != RowOperation::None {
            self.permit(entity)?;
        }
        if operation == RowOperation::Insert {
            return self.insert_owner(draft).map(Some);
        }
        let key = self.owner_key(entity, element, &draft)?;
        let found = self.find_owner(&key, &draft);
        match (operation, found) {
            (RowOperation::None, found) => Ok(found.map(|owner| owner.id)),
            (RowOperation::Delete, _) if draft.has_more_than(&key) => {
                Err(sandbox_wording("a document to delete may hold the fields of its key alone"))
            }
            (RowOperation::Delete, Some(owner)) => {
                self.tables.remove_owner(owner.id);
                Ok(None)
            }
            (RowOperation::Delete, None) => self.absent(entity).map(|()| None),
            (RowOperation::Update, None) => Ok(None),
            (RowOperation::Insert | RowOperation::InsertOrUpdate, None) => self.insert_owner(draft).map(Some),
            (_, Some(owner)) => {
                let id = owner.id;
                self.tables.update_owner(draft.applied_to(owner))?;
                Ok(Some(id))
            }
        }
    }

    fn insert_owner(&mut self, draft: Draft) -> Result<i64, Cause> {
        if draft.row.name.is_empty() {
            return Err(sandbox_wording("a new row needs a name"));
        }
        self.tables.insert_owner(draft.row)
    }

    /// The fields that identify the row: those of `_key`, or those of the first key that the document fills.
    fn owner_key(&self, entity: Entity, element: &Element, draft: &Draft) -> Result<Vec<OwnerField>, Cause> {
        let paths = key_paths(element)?;
        let mut key = Vec::with_capacity(paths.len());
        for path in &paths {
            match self.schemas.resolve(entity, path).map_err(|unknown| unknown_path(unknown, path))? {
                Field::Own(field) if draft.given.contains(&field) => key.push(field),
                _ => return Err(no_key_values(element.local_name(), entity)),
            }
        }
        if key.is_empty() {
            let first = [OwnerField::Id, OwnerField::Name].into_iter().find(|field| draft.given.contains(field));
            key.push(first.ok_or_else(|| no_key_values(element.local_name(), entity))?);
        }
        Ok(key)
    }

    fn find_owner(&self, key: &[OwnerField], draft: &Draft) -> Option<Owner> {
        let wanted = &draft.row;
        let matches = |owner: &&Owner| {
            owner.kind == wanted.kind && key.iter().all(|field| field.value(owner) == field.value(wanted))
        };
        let found = match key {
            [OwnerField::Id] => self.tables.owner(wanted.id).filter(matches),
            [OwnerField::Name] => self.tables.id_of(wanted.kind, &wanted.name).and_then(|id| self.tables.owner(id)),
            _ => self.tables.owners().find(matches),
        };
        found.cloned()
    }

    fn membership(&mut self, element: &Element) -> Result<(), Cause> {
        let operation = RowOperation::of(element)?;
        if operation != RowOperation::None {
            self.permit(Entity::Membership)?;
        }
        let Some(membership) = self.ends(element, operation)? else {
            // The row names an id that no membership has.
            return if operation == RowOperation::Delete { self.absent(Entity::Membership) } else { Ok(()) };
        };
        match operation {
            RowOperation::None | RowOperation::Update => Ok(()),
            RowOperation::Insert | RowOperation::InsertOrUpdate => {
                self.check_join_form(element, operation)?;
                let is_repeated = operation == RowOperation::InsertOrUpdate && self.tables.holds(membership);
                if is_repeated && self.behavior.repeated_join == RepeatedJoin::Accepted {
                    return Ok(());
                }
                self.check_ends(membership)?;
                self.tables.insert_membership(membership)
            }
            RowOperation::Delete if self.behavior.leave_form == LeaveForm::DeleteCollection => {
                Err(sandbox_wording("this instance removes memberships by DeleteCollection alone"))
            }
            RowOperation::Delete if self.tables.remove_membership(membership) => Ok(()),
            RowOperation::Delete => self.absent(Entity::Membership),
        }
    }

    fn check_join_form(&self, element: &Element, operation: RowOperation) -> Result<(), Cause> {
        let has_id = |link: &Link| element.attribute(link.foreign_key()).is_some();
        let is_reference = |child: &Element| child.attribute("_operation") == Some("none");
        let (accepted, form) = match self.behavior.join_form {
            JoinForm::Any => return Ok(()),
            JoinForm::Ids => (Link::ALL.iter().all(has_id) && element.attribute("_key").is_some(), "with ids and _key"),
            JoinForm::Links => {
                let has_no_ids = !Link::ALL.iter().any(has_id);
                (has_no_ids && element.children.iter().all(is_reference), "with linked elements that say 'none'")
            }
            JoinForm::Insert => (operation == RowOperation::Insert, "with the operation 'insert'"),
        };
        if accepted { Ok(()) } else { Err(sandbox_wording(&format!("this instance takes memberships {form} alone"))) }
    }

    /// Operator and group of a relation row, given by foreign keys, by linked elements, or by the row's own `@id`,
    /// which may be that of no row.
    fn ends(&mut self, element: &Element, operation: RowOperation) -> Result<Option<Membership>, Cause> {
        if let Some(id) = element.attribute("id").filter(|_| self.behavior.relation_key == RelationKey::Id) {
            if matches!(operation, RowOperation::Insert | RowOperation::InsertOrUpdate) {
                return Err(sandbox_wording("a membership is added without an id"));
            }
            return Ok(id.parse().ok().and_then(|id| self.tables.membership_of(id)));
        }
        let mut ends: [(Link, Option<i64>); 2] = [(Link::Operator, None), (Link::Group, None)];
        for (name, value) in element.attributes.iter().filter(|(name, _)| !is_instruction(name)) {
            let end = ends.iter_mut().find(|(link, _)| link.foreign_key() == name);
            let (_, id) = end.ok_or_else(|| unknown_attribute(name, Entity::Membership))?;
            *id = value.parse().ok();
        }
        for child in &element.children {
            let end =
                ends.iter_mut().find(|(link, _)| link.name() == child.local_name() && self.schemas.has_link(*link));
            let (link, id) = end.ok_or_else(|| unknown_element(child, Entity::Membership))?;
            *id = Some(self.linked(*link, child, operation)?);
        }
        self.check_key(element, operation)?;
        match ends {
            [(_, Some(operator_id)), (_, Some(group_id))] => Ok(Some(Membership { operator_id, group_id })),
            _ => Err(no_key_values(element.local_name(), Entity::Membership)),
        }
    }

    /// The id at the end of a link. Unless it says `_operation="none"`, the linked element is written like any other,
    /// as Campaign does it: what was meant as a reference changes the operator or the group.
    fn linked(&mut self, link: Link, element: &Element, operation: RowOperation) -> Result<i64, Cause> {
        let target = self.schemas.target(link);
        let kind = if link == Link::Group { OwnerKind::Group } else { OwnerKind::Operator };
        let id = if matches!(operation, RowOperation::Delete | RowOperation::None | RowOperation::Update) {
            let draft = Draft::read(target, kind, element, self.schemas)?;
            let key = self.owner_key(target, element, &draft)?;
            self.find_owner(&key, &draft).map(|owner| owner.id)
        } else {
            self.owner(target, kind, element)?
        };
        id.ok_or_else(|| no_key_values(element.local_name(), Entity::Membership))
    }

    /// `_key` of a relation row must name both ends: anything less would pick one of many rows. Without `_key` the row
    /// is found by the key of the schema, which is nothing that the row mentions where memberships have an own id.
    fn check_key(&self, element: &Element, operation: RowOperation) -> Result<(), Cause> {
        let mut links = Vec::new();
        let paths = key_paths(element)?;
        for path in &paths {
            let field =
                self.schemas.resolve(Entity::Membership, path).map_err(|unknown| unknown_path(unknown, path))?;
            match field {
                Field::ForeignKey(link) | Field::Linked(link, _) => links.push(link),
                Field::Own(_) | Field::MembershipId | Field::Account(_) => {}
            }
        }
        let is_complete = if paths.is_empty() {
            self.behavior.relation_key == RelationKey::Pair || operation == RowOperation::Insert
        } else {
            links.contains(&Link::Operator) && links.contains(&Link::Group)
        };
        if is_complete { Ok(()) } else { Err(no_key_values(element.local_name(), Entity::Membership)) }
    }

    fn check_ends(&self, membership: Membership) -> Result<(), Cause> {
        let is = |id, kind| self.tables.owner(id).is_some_and(|owner: &Owner| owner.kind == kind);
        if !is(membership.operator_id, OwnerKind::Operator) {
            return Err(no_key_values(Link::Operator.name(), Entity::Membership));
        }
        if !is(membership.group_id, OwnerKind::Group) {
            return Err(no_key_values(Link::Group.name(), Entity::Membership));
        }
        Ok(())
    }

    fn absent(&self, entity: Entity) -> Result<(), Cause> {
        match self.behavior.absent_delete {
            AbsentDelete::Ignored => Ok(()),
            AbsentDelete::Fault => {
                let line = format!("WDB-200011 The requested database record does not exist ({}).", entity.title());
                Err(Cause::new(line))
            }
        }
    }

    fn permit(&self, entity: Entity) -> Result<(), Cause> {
        let permitted = self.rights.administrator || (self.rights.operator_write && entity != Entity::Membership);
        if permitted {
            return Ok(());
        }
        Err(sandbox_wording(&format!("no right to write documents of type '{}'", entity.title())))
    }
}

/// The kind of the rows that a schema writes, unless they say another.
fn kind_of(entity: Entity) -> OwnerKind {
    if entity == Entity::Group { OwnerKind::Group } else { OwnerKind::Operator }
}

/// No public source shows Campaign's text of this error, so no client may depend on it.
pub(super) fn sandbox_wording(what: &str) -> Cause {
    Cause::new(format!("The sandbox's own wording: {what}."))
}

pub(super) fn unknown_attribute(name: &str, entity: Entity) -> Cause {
    Cause::new(format!("'{name}' attribute unknown (see definition of '{}' schema)", entity.title()))
}

pub(super) fn unknown_element(element: &Element, entity: Entity) -> Cause {
    Cause::new(format!("Element '{}' unknown (see definition of schema '{}')", element.local_name(), entity.title()))
}

fn no_key_values(element: &str, entity: Entity) -> Cause {
    Cause::new(format!("Unable to find key values for element '{element}' (document with schema '{}')", entity.name()))
}

/// Reads `_key` as a list of paths without brackets.
pub(super) fn parsed_key(text: &str) -> Result<Vec<String>, Cause> {
    let paths = text.split(',').filter(|path| !path.trim().is_empty());
    paths
        .map(|path| {
            parse_path(path).map_err(|error| {
                Cause::new(format!("{error}.")).within(format!("XTK-170006 Unable to parse expression '{path}'."))
            })
        })
        .collect()
}
