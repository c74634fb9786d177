//! The writes of `probe`. The types here can name only the scratch group, the scratch operator and memberships of that
//! operator: the ids of a write come from a lookup by the exact scratch names.

use super::client::Campaign;
use super::error::CampaignError;
use super::membership_forms::{collection_call, join_row, leave_call, membership_call};
use super::memberships::{KEY_COLUMNS, MembershipRow, is_of_one_of};
use super::operators::{LabelledRow, is_operator};
use super::rows::Row;
use super::soap_call::{SoapCall, condition, node, query_element};
use super::writer::{CampaignWrite, CampaignWriter};
use super::xml_reader::{XmlError, XmlReader};
use super::xml_writer::Element;
use super::xtk;
use crate::domain::{
    FoundScratch, JoinForm, LeaveForm, Operator, OperatorGroup, OperatorGroupId, OperatorGroupName, OperatorId,
    OperatorLogin, SCRATCH_GROUP, SCRATCH_OPERATOR, ScratchKind,
};

/// The id of the group in a row that Campaign must not be able to write: no group has it.
pub const ABSENT_GROUP: OperatorGroupId = OperatorGroupId(2_147_483_646);

/// More memberships than a scratch operator can have.
const MOST_MEMBERSHIPS: &str = "100";

/// The scratch group, as a lookup found it.
#[derive(Clone, Debug)]
pub struct ScratchGroup(FoundScratch);

/// The scratch operator, as a lookup found it.
#[derive(Clone, Debug)]
pub struct ScratchOperator(FoundScratch);

impl ScratchGroup {
    /// What the lookup found.
    pub fn found(&self) -> &FoundScratch {
        &self.0
    }

    fn id(&self) -> OperatorGroupId {
        OperatorGroupId(self.0.id)
    }
}

impl ScratchOperator {
    /// What the lookup found.
    pub fn found(&self) -> &FoundScratch {
        &self.0
    }

    fn id(&self) -> OperatorId {
        OperatorId(self.0.id)
    }
}

/// The records of Campaign that have a scratch name.
#[derive(Clone, Debug, Default)]
pub struct ScratchLookup {
    /// The groups with exactly the scratch name.
    pub groups: Vec<ScratchGroup>,
    /// The operators with exactly the scratch login.
    pub operators: Vec<ScratchOperator>,
    /// Records whose name differs from a scratch name in letter case alone; the types of this module cannot write them.
    pub look_alikes: Vec<FoundScratch>,
}

impl ScratchLookup {
    /// All records.
    pub fn all(&self) -> impl Iterator<Item = &FoundScratch> {
        let exact =
            self.groups.iter().map(ScratchGroup::found).chain(self.operators.iter().map(ScratchOperator::found));
        exact.chain(&self.look_alikes)
    }

    /// Whether no record has a scratch name.
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }
}

/// Where a collection has a row that cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRow {
    /// Nowhere.
    None,
    /// After the good row.
    Last,
    /// Before the good row.
    First,
}

/// A way to delete a scratch record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScratchRemoval {
    /// `Write` with `_operation="delete"`.
    Delete,
    /// `DeleteCollection`.
    DeleteCollection,
    /// `DeleteCollection` of `xtk:operator`, whose table also contains the groups.
    DeleteCollectionOfOwners,
}

impl ScratchRemoval {
    /// All ways, in the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::Delete, Self::DeleteCollection, Self::DeleteCollectionOfOwners];
}

/// The writer of the scratch records; no other writer of the client is active meanwhile.
#[derive(Debug)]
pub struct ScratchWriter<'a> {
    campaign: &'a Campaign,
    writer: CampaignWriter<'a>,
}

impl Campaign {
    /// Looks for records with a scratch name, in any letter case that the database finds.
    pub async fn find_scratch_records(&self) -> Result<ScratchLookup, CampaignError> {
        let mut lookup = ScratchLookup::default();
        for group in self.find_groups(&[OperatorGroupName::new(SCRATCH_GROUP)]).await? {
            let OperatorGroup { id, name, label } = group;
            let found = FoundScratch { kind: ScratchKind::Group, id: id.0, name: name.as_str().to_owned(), label };
            if found.name == SCRATCH_GROUP {
                lookup.groups.push(ScratchGroup(found));
            } else {
                lookup.look_alikes.push(found);
            }
        }
        let conditions = [is_operator(), xtk::is_one_of("@name", [SCRATCH_OPERATOR])];
        let operators: Vec<LabelledRow> = self.walk(&conditions, |_| {}).await?;
        for LabelledRow { id, name, label } in operators {
            let found = FoundScratch { kind: ScratchKind::Operator, id, name, label };
            if found.name == SCRATCH_OPERATOR {
                lookup.operators.push(ScratchOperator(found));
            } else {
                lookup.look_alikes.push(found);
            }
        }
        Ok(lookup)
    }

    /// Whether an operator or an operator group has the id of [`ABSENT_GROUP`].
    pub async fn has_absent_group(&self) -> Result<bool, CampaignError> {
        let is_group = self.fetch_groups().await?.iter().any(|group| group.id == ABSENT_GROUP);
        Ok(is_group || !self.operators_by_id(&[OperatorId(ABSENT_GROUP.0)]).await?.is_empty())
    }

    /// The groups of the scratch operator, once for each row: a row that was written twice is returned twice.
    pub async fn scratch_memberships(&self, operator: &ScratchOperator) -> Result<Vec<OperatorGroupId>, CampaignError> {
        let condition = is_of_one_of([operator.id()]);
        let rows = self.call(&memberships_query(&condition), read_memberships).await?;
        // An instance that ignored the condition must not be taken for one whose scratch operator has many groups.
        Ok(rows.into_iter().filter(|(of, _)| *of == operator.id()).map(|(_, group)| group).collect())
    }

    /// Waits for the previous writer to end.
    pub async fn scratch_writer(&self) -> Result<ScratchWriter<'_>, CampaignError> {
        Ok(ScratchWriter { campaign: self, writer: self.writer().await? })
    }
}

impl ScratchWriter<'_> {
    /// Creates the scratch record of this kind, in the same form as a run creates groups and operators.
    pub async fn create(&mut self, kind: ScratchKind, label: &str) -> Result<(), CampaignError> {
        let label = label.to_owned();
        let write = match kind {
            ScratchKind::Group => CampaignWrite::CreateGroup { name: OperatorGroupName::new(SCRATCH_GROUP), label },
            ScratchKind::Operator => CampaignWrite::CreateOperator {
                login: OperatorLogin::new(SCRATCH_OPERATOR),
                email: SCRATCH_OPERATOR.to_owned(),
                label,
            },
        };
        self.writer.write(&[write]).await.pop().unwrap_or(Ok(()))
    }

    /// Creates the scratch group as a row of `xtk:operator`, whose table also contains the groups: for an instance
    /// without the schema by which runs create groups.
    pub async fn create_group_among_operators(&mut self, label: &str) -> Result<(), CampaignError> {
        let row = Element::new(Operator::ELEMENT)
            .attribute("_operation", "insert")
            .attribute("name", SCRATCH_GROUP)
            .attribute("label", label)
            .attribute("type", "1")
            .attribute("xtkschema", Operator::SCHEMA);
        self.send(SoapCall::create(Operator::SCHEMA, &row)).await
    }

    /// Adds the scratch operator to the scratch group.
    pub async fn join(
        &mut self,
        form: JoinForm,
        operator: &ScratchOperator,
        group: &ScratchGroup,
    ) -> Result<(), CampaignError> {
        self.send(membership_call(join_row(form, operator.id(), group.id()))).await
    }

    /// Removes the scratch operator from the scratch group.
    pub async fn leave(
        &mut self,
        form: LeaveForm,
        operator: &ScratchOperator,
        group: &ScratchGroup,
    ) -> Result<(), CampaignError> {
        self.send(leave_call(form, operator.id(), group.id())).await
    }

    /// Removes the row that names [`ABSENT_GROUP`], which an instance without constraints may have written.
    pub async fn leave_absent_group(
        &mut self,
        form: LeaveForm,
        operator: &ScratchOperator,
    ) -> Result<(), CampaignError> {
        self.send(leave_call(form, operator.id(), ABSENT_GROUP)).await
    }

    /// Adds the scratch operator to the scratch group by a collection, and to [`ABSENT_GROUP`] where there is a bad row.
    pub async fn join_by_collection(
        &mut self,
        form: JoinForm,
        operator: &ScratchOperator,
        group: &ScratchGroup,
        bad: BadRow,
    ) -> Result<(), CampaignError> {
        let good = join_row(form, operator.id(), group.id());
        let absent = join_row(form, operator.id(), ABSENT_GROUP);
        let rows = match bad {
            BadRow::None => vec![good],
            BadRow::Last => vec![good, absent],
            BadRow::First => vec![absent, good],
        };
        self.send(collection_call(rows)).await
    }

    /// Deletes the scratch group.
    pub async fn remove_group(&mut self, group: &ScratchGroup, way: ScratchRemoval) -> Result<(), CampaignError> {
        let named = xtk::is_text("@name", SCRATCH_GROUP);
        self.send(match way {
            ScratchRemoval::Delete => delete_call(OperatorGroup::SCHEMA, OperatorGroup::ELEMENT, group.0.id),
            ScratchRemoval::DeleteCollection => SoapCall::delete_collection(
                OperatorGroup::SCHEMA,
                &xtk::all_of([xtk::equals("@id", group.0.id), named]),
            ),
            ScratchRemoval::DeleteCollectionOfOwners => {
                let condition = xtk::all_of([xtk::equals("@id", group.0.id), named, xtk::equals("@type", 1)]);
                SoapCall::delete_collection(Operator::SCHEMA, &condition)
            }
        })
        .await
    }

    /// Deletes the scratch operator.
    pub async fn remove_operator(
        &mut self,
        operator: &ScratchOperator,
        way: ScratchRemoval,
    ) -> Result<(), CampaignError> {
        self.send(match way {
            ScratchRemoval::Delete => delete_call(Operator::SCHEMA, Operator::ELEMENT, operator.0.id),
            ScratchRemoval::DeleteCollection | ScratchRemoval::DeleteCollectionOfOwners => {
                let named = xtk::is_text("@name", SCRATCH_OPERATOR);
                let condition = xtk::all_of([xtk::equals("@id", operator.0.id), named, is_operator()]);
                SoapCall::delete_collection(Operator::SCHEMA, &condition)
            }
        })
        .await
    }

    async fn send(&self, call: SoapCall) -> Result<(), CampaignError> {
        self.campaign.call(&call, |_| Ok(())).await
    }
}

/// The call that deletes one record. Adobe's documentation allows nothing but the fields of the key in it.
fn delete_call(schema: &'static str, element: &'static str, id: i64) -> SoapCall {
    let row = Element::new(element).attribute("_operation", "delete").attribute("_key", "@id");
    SoapCall::write(schema, &row.attribute("id", &id.to_string()).attribute("xtkschema", schema))
}

/// A query for memberships that does not rely on a key: a table may have rows twice.
fn memberships_query(held: &str) -> SoapCall {
    let query = query_element(MembershipRow::SCHEMA, "select")
        .attribute("lineCount", MOST_MEMBERSHIPS)
        .child(&Element::new("select").children(KEY_COLUMNS.iter().map(|column| node(column))))
        .child(&Element::new("where").child(&condition(held)));
    SoapCall::query(MembershipRow::SCHEMA, &query)
}

fn read_memberships(reader: &mut XmlReader<'_>) -> Result<Vec<(OperatorId, OperatorGroupId)>, XmlError> {
    let mut rows = None;
    let collection = format!("{}-collection", MembershipRow::ELEMENT);
    reader.children(|reader, output| {
        if !output.is("pdomOutput") {
            return Ok(());
        }
        reader.children(|reader, tag| {
            if !tag.is(&collection) {
                return Err(XmlError::new(format!("<{}> instead of <{collection}>", tag.name())));
            }
            let rows = rows.get_or_insert_with(Vec::new);
            reader.children(|_, tag| {
                rows.push((OperatorId(tag.number("operator-id")?), OperatorGroupId(tag.number("group-id")?)));
                Ok(())
            })
        })
    })?;
    rows.ok_or_else(|| XmlError::new(format!("it contains no <{collection}>")))
}
