//! The schemas of operators, groups, memberships and external accounts: which paths they have.

use super::external_account::{AccountField, AccountRow};
use super::instance_behavior::{DisabledColumn, GroupStorage, InstanceBehavior, RelationKey, SchemaPart};
use super::tables::{Membership, Owner, Tables};

/// A schema that can be queried; all but the external accounts can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entity {
    Operator,
    Group,
    Membership,
    ExternalAccount,
}

impl Entity {
    const ALL: [Self; 4] = [Self::Operator, Self::Group, Self::Membership, Self::ExternalAccount];

    /// The schema with this id, as `xtk:operator`.
    pub(super) fn of(schema: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| schema.split_once(':') == Some((entity.namespace(), entity.name())))
    }

    /// The part of the id before the colon.
    pub(super) fn namespace(self) -> &'static str {
        if self == Self::ExternalAccount { "nms" } else { "xtk" }
    }

    /// The name part of the id, which is also the name of its element.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Group => "group",
            Self::Membership => "operatorGroup",
            Self::ExternalAccount => "extAccount",
        }
    }

    /// Label and id, as faults show a schema.
    pub(super) fn title(self) -> String {
        format!("{} ({}:{})", self.label(), self.namespace(), self.name())
    }

    /// The label, as faults and schemas show it.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Operator => "Operators",
            Self::Group => "Operator groups",
            Self::Membership => "Operators of a group",
            Self::ExternalAccount => "External accounts",
        }
    }
}

/// A column of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnerField {
    Id,
    Name,
    Label,
    Email,
    Type,
    AuthenticationType,
    /// Below `access`.
    AccessDisabled,
    /// In the operator itself.
    Disabled,
}

impl OwnerField {
    const OPERATOR: [Self; 8] = [
        Self::Id,
        Self::Name,
        Self::Label,
        Self::Email,
        Self::Type,
        Self::AuthenticationType,
        Self::AccessDisabled,
        Self::Disabled,
    ];
    const GROUP: [Self; 4] = [Self::Id, Self::Name, Self::Label, Self::Type];

    /// The path from the owner's element.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Id => "@id",
            Self::Name => "@name",
            Self::Label => "@label",
            Self::Email => "@email",
            Self::Type => "@type",
            Self::AuthenticationType => "access/@authenticationType",
            Self::AccessDisabled => "access/@disabled",
            Self::Disabled => "@disabled",
        }
    }

    pub(super) fn data_type(self) -> &'static str {
        match self {
            Self::Id => "long",
            Self::Type => "byte",
            Self::AccessDisabled | Self::Disabled => "boolean",
            Self::Name | Self::Label | Self::Email | Self::AuthenticationType => "string",
        }
    }

    pub(super) fn value(self, owner: &Owner) -> Value<'_> {
        match self {
            Self::Id => Value::Number(owner.id),
            Self::Name => Value::Text(&owner.name),
            Self::Label => Value::Text(&owner.label),
            Self::Email => Value::Text(&owner.email),
            Self::Type => Value::Number(owner.kind as i64),
            Self::AuthenticationType => Value::Text(&owner.authentication),
            Self::AccessDisabled | Self::Disabled => Value::Number(i64::from(owner.disabled)),
        }
    }

    fn absent(self) -> Value<'static> {
        if self.data_type() == "string" { Value::Text("") } else { Value::Number(0) }
    }
}

/// A link of `xtk:operatorGroup`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Operator,
    Group,
}

impl Link {
    pub(super) const ALL: [Self; 2] = [Self::Operator, Self::Group];

    /// The name of the link, and of its element.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Group => "group",
        }
    }

    /// The attribute of the relation that holds the other end's id.
    pub(super) fn foreign_key(self) -> &'static str {
        match self {
            Self::Operator => "operator-id",
            Self::Group => "group-id",
        }
    }
}

/// A path that a schema has, resolved once and read from many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A column of the queried owner.
    Own(OwnerField),
    /// The own key of a row of the relation.
    MembershipId,
    /// A foreign key of the relation.
    ForeignKey(Link),
    /// A column at the other end of a link.
    Linked(Link, OwnerField),
    /// A column of an external account.
    Account(AccountField),
}

/// What a field holds; absence is not representable: a missing text is empty, a missing number 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Number(i64),
    Text(&'a str),
}

/// A row of any of the schemas.
#[derive(Clone, Copy, Debug)]
pub(super) enum Row<'t> {
    Owner(&'t Owner),
    Membership(Membership),
    Account(&'t AccountRow),
}

impl<'t> Row<'t> {
    /// What the row holds in a field of its schema.
    pub(super) fn value(self, field: Field, tables: &'t Tables) -> Value<'t> {
        match (self, field) {
            (Self::Owner(owner), Field::Own(field)) => field.value(owner),
            (Self::Membership(row), Field::ForeignKey(Link::Operator)) => Value::Number(row.operator_id),
            (Self::Membership(row), Field::ForeignKey(Link::Group)) => Value::Number(row.group_id),
            (Self::Membership(row), Field::MembershipId) => Value::Number(tables.membership_id(row).unwrap_or(0)),
            (Self::Membership(row), Field::Linked(link, field)) => {
                // Nothing is at the end of a link whose schema does not show the row, as a named right in xtk:group.
                let end = match link {
                    Link::Operator => tables.owner(row.operator_id).filter(|owner| tables.is_operator_row(owner)),
                    Link::Group => tables.owner(row.group_id).filter(|owner| tables.is_group_row(owner)),
                };
                end.map_or(field.absent(), |owner| field.value(owner))
            }
            (Self::Account(row), Field::Account(field)) => field.value(row),
            // Never resolved for such a row.
            (Self::Owner(_), Field::MembershipId | Field::ForeignKey(_))
            | (Self::Account(_), _)
            | (_, Field::Account(_)) => Value::Number(0),
            (Self::Owner(_), Field::Linked(_, field)) | (Self::Membership(_), Field::Own(field)) => field.absent(),
        }
    }
}

/// The schemas of an instance, as its behavior has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schemas<'a> {
    pub(super) behavior: &'a InstanceBehavior,
}

impl Schemas<'_> {
    /// The schema with this id, as `xtk:operator`, if the instance has it.
    pub(super) fn entity(self, schema: &str) -> Option<Entity> {
        let has_groups = self.behavior.groups != GroupStorage::AsOperators;
        Entity::of(schema).filter(|entity| has_groups || *entity != Entity::Group)
    }

    /// The schema at the end of a link.
    pub(super) fn target(self, link: Link) -> Entity {
        match link {
            Link::Group if self.behavior.groups != GroupStorage::AsOperators => Entity::Group,
            Link::Operator | Link::Group => Entity::Operator,
        }
    }

    /// The field at the end of a path without brackets; the error is Campaign's line about the unknown part.
    pub(super) fn resolve(self, entity: Entity, path: &str) -> Result<Field, String> {
        let unknown = || format!("'{path}' attribute unknown (see definition of '{}' schema)", entity.title());
        match entity {
            Entity::Operator | Entity::Group => self.column(entity, path).map(Field::Own).ok_or_else(unknown),
            Entity::Membership => self.relation_field(path).ok_or_else(unknown),
            Entity::ExternalAccount => {
                self.account_columns().find(|field| field.path() == path).map(Field::Account).ok_or_else(unknown)
            }
        }
    }

    fn relation_field(self, path: &str) -> Option<Field> {
        if path == "@id" && self.behavior.relation_key == RelationKey::Id {
            return Some(Field::MembershipId);
        }
        let foreign_key = |link: &Link| path.strip_prefix('@') == Some(link.foreign_key());
        if let Some(link) = Link::ALL.into_iter().find(foreign_key) {
            return Some(Field::ForeignKey(link));
        }
        let (step, rest) = path.split_once('/')?;
        let link = Link::ALL.into_iter().filter(|&link| self.has_link(link)).find(|link| link.name() == step)?;
        self.column(self.target(link), rest).map(|field| Field::Linked(link, field))
    }

    pub(super) fn column(self, entity: Entity, path: &str) -> Option<OwnerField> {
        self.columns(entity).find(|field| field.path() == path)
    }

    /// The columns of an owner schema.
    pub(super) fn columns(self, entity: Entity) -> impl Iterator<Item = OwnerField> {
        let all: &[OwnerField] = match entity {
            Entity::Operator => &OwnerField::OPERATOR,
            Entity::Group => &OwnerField::GROUP,
            Entity::Membership | Entity::ExternalAccount => &[],
        };
        all.iter().copied().filter(move |&field| {
            let is_kept = match field {
                OwnerField::AccessDisabled => self.behavior.disabled_column == DisabledColumn::Access,
                OwnerField::Disabled => self.behavior.disabled_column == DisabledColumn::Own,
                // A table of groups needs nothing to tell them apart.
                OwnerField::Type => entity == Entity::Operator || self.behavior.groups != GroupStorage::GroupTable,
                _ => true,
            };
            is_kept && !part(entity, field).is_some_and(|part| self.lacks(part))
        })
    }

    /// The columns of an external account.
    pub(super) fn account_columns(self) -> impl Iterator<Item = AccountField> {
        let has_package = !self.lacks(SchemaPart::ExternalAccountIms);
        AccountField::ALL.into_iter().filter(move |field| has_package || field.is_everywhere())
    }

    /// Whether the relation has the link.
    pub(super) fn has_link(self, link: Link) -> bool {
        !self.lacks(match link {
            Link::Operator => SchemaPart::MembershipOperatorLink,
            Link::Group => SchemaPart::MembershipGroupLink,
        })
    }

    pub(super) fn lacks(self, part: SchemaPart) -> bool {
        self.behavior.schema_without.contains(&part)
    }
}

fn part(entity: Entity, field: OwnerField) -> Option<SchemaPart> {
    match (entity, field) {
        (Entity::Group, OwnerField::Name) => Some(SchemaPart::GroupName),
        (Entity::Operator, OwnerField::Name) => Some(SchemaPart::OperatorName),
        (Entity::Operator, OwnerField::Type) => Some(SchemaPart::OperatorType),
        (Entity::Operator, OwnerField::Email) => Some(SchemaPart::OperatorEmail),
        (Entity::Operator, OwnerField::AuthenticationType) => Some(SchemaPart::OperatorAuthenticationType),
        _ => None,
    }
}
