//! Writes memberships in small collections, row by row if a collection fails, with one writer at a time.

use std::sync::Arc;

use tokio::sync::MutexGuard;

use super::client::Campaign;
use super::columns::{CREATED_GROUP, CREATED_OPERATOR, WRITTEN_GROUP};
use super::error::CampaignError;
use super::memberships::{KEY_COLUMNS, MembershipRow};
use super::operators::{DisabledColumn, IMS};
use super::rows::Row;
use super::soap_call::SoapCall;
use super::xml_writer::{Element, can_carry};
use crate::domain::{Operator, OperatorGroup, OperatorGroupId, OperatorGroupName, OperatorId, OperatorLogin};

/// Number of memberships written by one call.
///
/// Adobe documents no limit. The number is small because large transactions deadlock with operators at work. A
/// collection that fails is written again row by row: with 0.1 s for each call, this ends within the 10 s that a stop
/// may take.
pub const COLLECTION_ROWS: usize = 50;

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CampaignWrite {
    /// Adds an operator to an operator group.
    Join {
        /// The operator.
        operator: OperatorId,
        /// The group.
        group: OperatorGroupId,
    },
    /// Removes an operator from an operator group.
    Leave {
        /// The operator.
        operator: OperatorId,
        /// The group.
        group: OperatorGroupId,
    },
    /// Creates an operator that signs in through Adobe IMS.
    CreateOperator {
        /// Its login.
        login: OperatorLogin,
        /// Its e-mail address.
        email: String,
        /// Its label.
        label: String,
    },
    /// Creates an operator group.
    CreateGroup {
        /// Its internal name.
        name: OperatorGroupName,
        /// Its label.
        label: String,
    },
    /// Disables an operator; its memberships do not change.
    Disable {
        /// The operator.
        operator: OperatorId,
    },
}

/// The one writer of a client. It exists only for an instance that has the columns of memberships.
#[derive(Debug)]
pub struct CampaignWriter<'a> {
    campaign: &'a Campaign,
    _turn: MutexGuard<'a, ()>,
}

impl Campaign {
    /// Waits for the previous writer to end. Tries a query of one membership, unless this client has read some already.
    pub async fn writer(&self) -> Result<CampaignWriter<'_>, CampaignError> {
        let turn = self.writing.lock().await;
        self.require(MembershipRow::SCHEMA, MembershipRow::COLUMNS).await?;
        Ok(CampaignWriter { campaign: self, _turn: turn })
    }
}

impl CampaignWriter<'_> {
    /// Writes in the given order, and returns an outcome for each write in the same order.
    ///
    /// `Ok` means that Campaign accepted the write. After an error the write may have taken effect nevertheless; the
    /// caller must read it back. A fault concerns its own rows, and the other writes go on. If the instance is
    /// unavailable, refuses the session or limits the rate, the remaining writes are not sent.
    pub async fn write(&mut self, writes: &[CampaignWrite]) -> Vec<Result<(), CampaignError>> {
        let mut outcomes = Vec::with_capacity(writes.len());
        for batch in batches(writes) {
            if let Err(end) = self.write_batch(batch, &mut outcomes).await {
                unconfirmed(end, writes.len() - outcomes.len(), &mut outcomes);
                break;
            }
        }
        outcomes
    }

    /// Writes one batch. An error is one that would also affect every later call; the remaining rows have no outcome
    /// then.
    async fn write_batch(
        &self,
        batch: &[CampaignWrite],
        outcomes: &mut Vec<Result<(), CampaignError>>,
    ) -> Result<(), CampaignError> {
        if batch.len() > 1 {
            match self.write_collection(batch).await {
                Ok(()) => {
                    outcomes.extend(batch.iter().map(|_| Ok(())));
                    return Ok(());
                }
                Err(error) if error.is_fault() => {
                    // Adobe does not document whether a part of the collection was written; writing memberships again
                    // by their ids changes nothing.
                    tracing::warn!(campaign.rows = batch.len(), error = %error, "writing a collection row by row");
                }
                Err(error) if error.concerns_every_call() => return Err(error),
                Err(error) => {
                    unconfirmed(error, batch.len(), outcomes);
                    return Ok(());
                }
            }
        }
        for write in batch {
            match self.write_one(write).await {
                Err(error) if error.concerns_every_call() => return Err(error),
                outcome => outcomes.push(outcome),
            }
        }
        Ok(())
    }

    async fn write_collection(&self, batch: &[CampaignWrite]) -> Result<(), CampaignError> {
        let rows = batch.iter().filter_map(membership_row);
        let collection =
            Element::new("operatorGroup-collection").attribute("xtkschema", MembershipRow::SCHEMA).children(rows);
        self.campaign.call(&SoapCall::write_collection(MembershipRow::SCHEMA, &collection), |_| Ok(())).await
    }

    async fn write_one(&self, write: &CampaignWrite) -> Result<(), CampaignError> {
        if let Some(name) = write.texts().into_iter().find(|text| !can_carry(text)) {
            return Err(CampaignError::NotWritable { name: name.to_owned() });
        }
        let disabling = self.require_columns(write).await?;
        let (schema, row) = single_row(write, disabling);
        let row = row.attribute("xtkschema", schema);
        let call = match write {
            CampaignWrite::CreateOperator { .. } | CampaignWrite::CreateGroup { .. } => SoapCall::create(schema, &row),
            CampaignWrite::Join { .. } | CampaignWrite::Leave { .. } | CampaignWrite::Disable { .. } => {
                SoapCall::write(schema, &row)
            }
        };
        self.campaign.call(&call, |_| Ok(())).await
    }

    /// Makes sure that the instance has the columns that a write needs beyond those of memberships. Returns where it has
    /// the attribute that disables an operator, if the write needs that.
    async fn require_columns(&self, write: &CampaignWrite) -> Result<DisabledColumn, CampaignError> {
        match write {
            CampaignWrite::Join { .. } | CampaignWrite::Leave { .. } => {}
            CampaignWrite::CreateOperator { .. } => self.campaign.require(Operator::SCHEMA, CREATED_OPERATOR).await?,
            CampaignWrite::CreateGroup { .. } => self.campaign.require(WRITTEN_GROUP, CREATED_GROUP).await?,
            CampaignWrite::Disable { .. } => {
                let column = self.campaign.disabled_column().await?;
                if column == DisabledColumn::Absent {
                    return Err(CampaignError::CannotDisable { attributes: DisabledColumn::ATTRIBUTES });
                }
                return Ok(column);
            }
        }
        Ok(DisabledColumn::Absent)
    }
}

/// The writes in their order: consecutive memberships in small collections, every other write separately.
fn batches(writes: &[CampaignWrite]) -> impl Iterator<Item = &[CampaignWrite]> {
    let both_memberships = |one: &CampaignWrite, next: &CampaignWrite| one.is_membership() && next.is_membership();
    writes.chunk_by(both_memberships).flat_map(|run| run.chunks(COLLECTION_ROWS))
}

/// Adds an outcome with the same cause for `rows` writes.
fn unconfirmed(error: CampaignError, rows: usize, outcomes: &mut Vec<Result<(), CampaignError>>) {
    let source = Arc::new(error);
    outcomes.extend((0..rows).map(|_| Err(CampaignError::Unconfirmed { source: Arc::clone(&source) })));
}

impl CampaignWrite {
    fn is_membership(&self) -> bool {
        matches!(self, Self::Join { .. } | Self::Leave { .. })
    }

    /// The names and texts of the write.
    fn texts(&self) -> Vec<&str> {
        match self {
            Self::Join { .. } | Self::Leave { .. } | Self::Disable { .. } => Vec::new(),
            Self::CreateOperator { login, email, label } => vec![login.as_str(), email, label],
            Self::CreateGroup { name, label } => vec![name.as_str(), label],
        }
    }
}

/// The row of a membership: its ids and nothing else, so that the write cannot change the operator or the group.
fn membership_row(write: &CampaignWrite) -> Option<Element> {
    let (operation, operator, group) = match write {
        // If the membership exists already, this changes nothing; `insert` would be a fault.
        CampaignWrite::Join { operator, group } => ("insertOrUpdate", operator, group),
        CampaignWrite::Leave { operator, group } => ("delete", operator, group),
        CampaignWrite::CreateOperator { .. } | CampaignWrite::CreateGroup { .. } | CampaignWrite::Disable { .. } => {
            return None;
        }
    };
    Some(
        Element::new(MembershipRow::ELEMENT)
            .attribute("_operation", operation)
            .attribute("_key", &KEY_COLUMNS.join(","))
            .attribute("operator-id", &operator.to_string())
            .attribute("group-id", &group.to_string()),
    )
}

/// The schema and the row of a single write.
///
/// Creations use `insert`, so that an existing operator with that name, perhaps with a password, is never changed.
fn single_row(write: &CampaignWrite, disabling: DisabledColumn) -> (&'static str, Element) {
    let created = |element: &'static str, name: &str, label: &str| {
        Element::new(element).attribute("_operation", "insert").attribute("name", name).attribute("label", label)
    };
    match write {
        CampaignWrite::Join { .. } | CampaignWrite::Leave { .. } => {
            (MembershipRow::SCHEMA, membership_row(write).unwrap_or_else(|| Element::new(MembershipRow::ELEMENT)))
        }
        CampaignWrite::CreateOperator { login, email, label } => {
            let access = Element::new("access").attribute("authenticationType", IMS);
            let operator = created(Operator::ELEMENT, login.as_str(), label).attribute("email", email);
            (Operator::SCHEMA, operator.attribute("type", "0").child(&access))
        }
        CampaignWrite::CreateGroup { name, label } => {
            (WRITTEN_GROUP, created(OperatorGroup::ELEMENT, name.as_str(), label))
        }
        CampaignWrite::Disable { operator } => {
            // `update` instead of the default, so that an operator that was deleted meanwhile is not created again.
            let found = Element::new(Operator::ELEMENT).attribute("_operation", "update").attribute("_key", "@id");
            let found = found.attribute("id", &operator.to_string());
            let row = match disabling {
                DisabledColumn::InAccess => found.child(&Element::new("access").attribute("disabled", "true")),
                DisabledColumn::OfOperator => found.attribute("disabled", "true"),
                DisabledColumn::Absent => found,
            };
            (Operator::SCHEMA, row)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(operator: i64) -> CampaignWrite {
        CampaignWrite::Join { operator: OperatorId(operator), group: OperatorGroupId(-7) }
    }

    fn create(name: &str) -> CampaignWrite {
        CampaignWrite::CreateGroup { name: OperatorGroupName::new(name), label: "A \"label\"".to_owned() }
    }

    #[test]
    fn memberships_are_written_in_small_collections_and_creations_separately_in_the_given_order() {
        let mut writes: Vec<CampaignWrite> = (0..60).map(join).collect();
        writes.extend([create("a"), create("b"), join(60)]);
        let sizes: Vec<usize> = batches(&writes).map(<[CampaignWrite]>::len).collect();
        assert_eq!(sizes, [50, 10, 1, 1, 1]);
        assert_eq!(batches(&writes).flatten().cloned().collect::<Vec<_>>(), writes);
        assert_eq!(batches(&[]).count(), 0);
    }

    #[test]
    fn a_membership_is_written_with_its_ids_alone() {
        let row = |write: &CampaignWrite| membership_row(write).map(|row| row.to_xml());
        let expected = "<operatorGroup _operation=\"insertOrUpdate\" _key=\"[@operator-id],[@group-id]\" \
                        operator-id=\"5\" group-id=\"-7\"/>";
        assert_eq!(row(&join(5)).as_deref(), Some(expected));
        let leave = CampaignWrite::Leave { operator: OperatorId(5), group: OperatorGroupId(-7) };
        assert_eq!(row(&leave), Some(expected.replace("insertOrUpdate", "delete")));
        assert_eq!(row(&create("a")), None);
    }

    #[test]
    fn disabling_changes_one_attribute_of_an_existing_operator() {
        let row = |column| single_row(&CampaignWrite::Disable { operator: OperatorId(5) }, column);
        let (schema, in_access) = row(DisabledColumn::InAccess);
        assert_eq!(schema, "xtk:operator");
        let expected = "<operator _operation=\"update\" _key=\"@id\" id=\"5\"><access disabled=\"true\"/></operator>";
        assert_eq!(in_access.to_xml(), expected);
        let expected = "<operator _operation=\"update\" _key=\"@id\" id=\"5\" disabled=\"true\"/>";
        assert_eq!(row(DisabledColumn::OfOperator).1.to_xml(), expected);
    }

    #[test]
    fn creations_never_change_existing_rows() {
        let (schema, group) = single_row(&create("o'b"), DisabledColumn::Absent);
        assert_eq!(schema, "xtk:group");
        assert_eq!(group.to_xml(), "<group _operation=\"insert\" name=\"o&apos;b\" label=\"A &quot;label&quot;\"/>");
        let ann = CampaignWrite::CreateOperator {
            login: OperatorLogin::new("Ann@acme.com"),
            email: "ann@acme.com".to_owned(),
            label: "Ann".to_owned(),
        };
        assert_eq!(
            single_row(&ann, DisabledColumn::Absent).1.to_xml(),
            "<operator _operation=\"insert\" name=\"Ann@acme.com\" label=\"Ann\" email=\"ann@acme.com\" type=\"0\">\
             <access authenticationType=\"ims\"/></operator>"
        );
    }
}
