//! Writes memberships in small collections, row by row if a collection fails, with one writer at a time.

use std::sync::Arc;

use tokio::sync::MutexGuard;

use super::client::Campaign;
use super::columns::{CREATED_GROUP, CREATED_OPERATOR};
use super::error::CampaignError;
use super::membership_forms::{collection_call, join_row, leave_call, leave_row, membership_call};
use super::memberships::MembershipRow;
use super::operators::{DisabledColumn, IMS};
use super::rows::Row;
use super::soap_call::SoapCall;
use super::xml_writer::{Element, can_carry};
use crate::domain::{
    InstanceAnswers, JoinForm, LeaveForm, Operator, OperatorGroup, OperatorGroupId, OperatorGroupName, OperatorId,
    OperatorLogin,
};

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
    forms: MembershipForms,
}

/// The forms in which an instance accepts memberships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MembershipForms {
    join: JoinForm,
    leave: LeaveForm,
    /// Number of memberships written by one call.
    collection_rows: usize,
}

impl Default for MembershipForms {
    fn default() -> Self {
        Self::of(&InstanceAnswers::default())
    }
}

impl MembershipForms {
    fn of(answers: &InstanceAnswers) -> Self {
        let collection_rows = if answers.accepts_collections() { COLLECTION_ROWS } else { 1 };
        Self { join: answers.join_form(), leave: answers.leave_form(), collection_rows }
    }

    /// The writes in their order: consecutive memberships in small collections, every other write separately.
    fn batches(self, writes: &[CampaignWrite]) -> impl Iterator<Item = &[CampaignWrite]> {
        let both_rows = move |one: &CampaignWrite, next: &CampaignWrite| self.is_row(one) && self.is_row(next);
        writes.chunk_by(both_rows).flat_map(move |run| run.chunks(self.collection_rows))
    }

    /// Whether the write is a row that a collection may contain.
    fn is_row(self, write: &CampaignWrite) -> bool {
        self.row(write).is_some()
    }

    /// The row of a membership; `None` for a write that is no row of a membership.
    fn row(self, write: &CampaignWrite) -> Option<Element> {
        match write {
            CampaignWrite::Join { operator, group } => Some(join_row(self.join, *operator, *group)),
            CampaignWrite::Leave { operator, group } => {
                (self.leave == LeaveForm::Delete).then(|| leave_row(*operator, *group))
            }
            CampaignWrite::CreateOperator { .. }
            | CampaignWrite::CreateGroup { .. }
            | CampaignWrite::Disable { .. } => None,
        }
    }
}

impl CampaignWriter<'_> {
    /// The same writer, which uses what `probe` learned about the instance.
    #[must_use]
    pub fn with_answers(self, answers: &InstanceAnswers) -> Self {
        Self { forms: MembershipForms::of(answers), ..self }
    }
}

impl Campaign {
    /// Waits for the previous writer to end. Tries a query of one membership, unless this client has read some already.
    pub async fn writer(&self) -> Result<CampaignWriter<'_>, CampaignError> {
        let turn = self.writing.lock().await;
        self.require(MembershipRow::SCHEMA, MembershipRow::COLUMNS).await?;
        Ok(CampaignWriter { campaign: self, _turn: turn, forms: MembershipForms::default() })
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
        for batch in self.forms.batches(writes) {
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
        let rows = batch.iter().filter_map(|write| self.forms.row(write));
        self.campaign.call(&collection_call(rows), |_| Ok(())).await
    }

    async fn write_one(&self, write: &CampaignWrite) -> Result<(), CampaignError> {
        if let Some(name) = write.texts().into_iter().find(|text| !can_carry(text)) {
            return Err(CampaignError::NotWritable { name: name.to_owned() });
        }
        let call = match write {
            CampaignWrite::Join { operator, group } => membership_call(join_row(self.forms.join, *operator, *group)),
            CampaignWrite::Leave { operator, group } => leave_call(self.forms.leave, *operator, *group),
            CampaignWrite::CreateOperator { login, email, label } => {
                self.campaign.require(Operator::SCHEMA, CREATED_OPERATOR).await?;
                SoapCall::create(Operator::SCHEMA, &of_schema(Operator::SCHEMA, operator_row(login, email, label)))
            }
            CampaignWrite::CreateGroup { name, label } => {
                self.campaign.require(OperatorGroup::SCHEMA, CREATED_GROUP).await?;
                SoapCall::create(OperatorGroup::SCHEMA, &of_schema(OperatorGroup::SCHEMA, group_row(name, label)))
            }
            CampaignWrite::Disable { operator } => {
                let row = disabling_row(*operator, self.campaign.disabled_column().await?)?;
                SoapCall::write(Operator::SCHEMA, &of_schema(Operator::SCHEMA, row))
            }
        };
        self.campaign.call(&call, |_| Ok(())).await
    }
}

/// Adds an outcome with the same cause for `rows` writes.
fn unconfirmed(error: CampaignError, rows: usize, outcomes: &mut Vec<Result<(), CampaignError>>) {
    let source = Arc::new(error);
    outcomes.extend((0..rows).map(|_| Err(CampaignError::Unconfirmed { source: Arc::clone(&source) })));
}

impl CampaignWrite {
    /// The names and texts of the write.
    fn texts(&self) -> Vec<&str> {
        match self {
            Self::Join { .. } | Self::Leave { .. } | Self::Disable { .. } => Vec::new(),
            Self::CreateOperator { login, email, label } => vec![login.as_str(), email, label],
            Self::CreateGroup { name, label } => vec![name.as_str(), label],
        }
    }
}

/// Creations use `insert`, so that an existing operator with that name, perhaps with a password, is never changed.
fn created(element: &'static str, name: &str, label: &str) -> Element {
    Element::new(element).attribute("_operation", "insert").attribute("name", name).attribute("label", label)
}

fn operator_row(login: &OperatorLogin, email: &str, label: &str) -> Element {
    let access = Element::new("access").attribute("authenticationType", IMS);
    let operator = created(Operator::ELEMENT, login.as_str(), label).attribute("email", email);
    operator.attribute("type", "0").child(&access)
}

fn group_row(name: &OperatorGroupName, label: &str) -> Element {
    created(OperatorGroup::ELEMENT, name.as_str(), label)
}

/// `update` instead of the default, so that an operator that was deleted meanwhile is not created again.
fn disabling_row(operator: OperatorId, column: DisabledColumn) -> Result<Element, CampaignError> {
    let found = Element::new(Operator::ELEMENT).attribute("_operation", "update").attribute("_key", "@id");
    let found = found.attribute("id", &operator.to_string());
    match column {
        DisabledColumn::InAccess => Ok(found.child(&Element::new("access").attribute("disabled", "true"))),
        DisabledColumn::OfOperator => Ok(found.attribute("disabled", "true")),
        DisabledColumn::Absent => Err(CampaignError::CannotDisable { attributes: DisabledColumn::ATTRIBUTES }),
    }
}

fn of_schema(schema: &'static str, row: Element) -> Element {
    row.attribute("xtkschema", schema)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::{CollectionBehavior, Learned};

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
        let forms = MembershipForms::default();
        assert_eq!(sizes(forms, &writes), [50, 10, 1, 1, 1]);
        assert_eq!(forms.batches(&writes).flatten().cloned().collect::<Vec<_>>(), writes);
        assert_eq!(forms.batches(&[]).count(), 0);
    }

    fn sizes(forms: MembershipForms, writes: &[CampaignWrite]) -> Vec<usize> {
        forms.batches(writes).map(<[CampaignWrite]>::len).collect()
    }

    fn leave(operator: i64) -> CampaignWrite {
        CampaignWrite::Leave { operator: OperatorId(operator), group: OperatorGroupId(-7) }
    }

    #[test]
    fn no_collection_is_sent_to_an_instance_that_refuses_them() {
        let answers = InstanceAnswers {
            collection: Some(Learned::new(CollectionBehavior::Refused, DateTime::UNIX_EPOCH, "refused")),
            ..InstanceAnswers::default()
        };
        assert_eq!(sizes(MembershipForms::of(&answers), &[join(1), join(2), leave(3)]), [1, 1, 1]);
        let answers = InstanceAnswers {
            collection: Some(Learned::new(CollectionBehavior::Atomic, DateTime::UNIX_EPOCH, "atomic")),
            ..InstanceAnswers::default()
        };
        assert_eq!(sizes(MembershipForms::of(&answers), &[join(1), join(2), leave(3)]), [3]);
    }

    #[test]
    fn a_method_of_its_own_is_no_row_of_a_collection() {
        let forms = MembershipForms { leave: LeaveForm::DeleteCollection, ..MembershipForms::default() };
        assert_eq!(sizes(forms, &[join(1), join(2), leave(3), leave(4), join(5)]), [2, 1, 1, 1]);
    }

    #[test]
    fn disabling_changes_one_attribute_of_an_existing_operator() {
        let row = |column| disabling_row(OperatorId(5), column).map(|row| row.to_xml());
        let expected = "<operator _operation=\"update\" _key=\"@id\" id=\"5\"><access disabled=\"true\"/></operator>";
        assert_eq!(row(DisabledColumn::InAccess).expect("a row"), expected);
        let expected = "<operator _operation=\"update\" _key=\"@id\" id=\"5\" disabled=\"true\"/>";
        assert_eq!(row(DisabledColumn::OfOperator).expect("a row"), expected);
        assert!(matches!(row(DisabledColumn::Absent), Err(CampaignError::CannotDisable { .. })));
    }

    #[test]
    fn creations_never_change_existing_rows() {
        let group = group_row(&OperatorGroupName::new("o'b"), "A \"label\"");
        assert_eq!(group.to_xml(), "<group _operation=\"insert\" name=\"o&apos;b\" label=\"A &quot;label&quot;\"/>");
        let ann = operator_row(&OperatorLogin::new("Ann@acme.com"), "ann@acme.com", "Ann");
        assert_eq!(
            ann.to_xml(),
            "<operator _operation=\"insert\" name=\"Ann@acme.com\" label=\"Ann\" email=\"ann@acme.com\" type=\"0\">\
             <access authenticationType=\"ims\"/></operator>"
        );
    }
}
