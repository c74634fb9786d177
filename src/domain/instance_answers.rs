//! What `probe` learned about an instance: which forms of a write it accepts. No public source says it, and builds may
//! differ. Where nothing was learned, the writer uses the forms that Adobe's documentation suggests.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{all_variants::all_variants, report::rfc3339};

/// The form of a write that adds an operator to an operator group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinForm {
    /// `_operation="insertOrUpdate"` with both ids, which `_key` names as the key.
    #[default]
    InsertOrUpdateByIds,
    /// `_operation="insert"` with both ids.
    InsertByIds,
    /// `_operation="insert"` with operator and group as linked elements, each with `_operation="none"`.
    InsertByLinks,
}

impl JoinForm {
    /// All forms, in the order in which `probe` tries them.
    pub const ALL: [Self; 3] = all_variants!(JoinForm: InsertOrUpdateByIds, InsertByIds, InsertByLinks);

    /// The form in words.
    pub fn described(self) -> &'static str {
        match self {
            Self::InsertOrUpdateByIds => "insertOrUpdate by ids",
            Self::InsertByIds => "insert by ids",
            Self::InsertByLinks => "insert by linked elements",
        }
    }
}

/// What a write does that adds an operator to a group in which it is already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatedJoin {
    /// Campaign accepts it, and there is still one membership.
    Accepted,
    /// Campaign returns a fault, and there is still one membership.
    Fault,
}

/// What a write does that removes a membership that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbsentRow {
    /// Campaign accepts it.
    Accepted,
    /// Campaign returns a fault.
    Fault,
}

/// The form of a write that removes an operator from an operator group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaveForm {
    /// `_operation="delete"` with both ids.
    #[default]
    Delete,
    /// The method `DeleteCollection` with both ids in its condition.
    DeleteCollection,
}

impl LeaveForm {
    /// All forms, in the order in which `probe` tries them.
    pub const ALL: [Self; 2] = all_variants!(LeaveForm: Delete, DeleteCollection);

    /// The form in words.
    pub fn described(self) -> &'static str {
        match self {
            Self::Delete => "delete by ids",
            Self::DeleteCollection => "DeleteCollection by ids",
        }
    }
}

/// What `WriteCollection` does with memberships of which one cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectionBehavior {
    /// It writes none of them.
    Atomic,
    /// It writes those before the first bad one.
    StopsAtFirstError,
    /// It writes all but the bad one.
    SkipsBadRows,
    /// It writes no membership at all, also without a bad one.
    Refused,
}

impl CollectionBehavior {
    /// The behavior in words.
    pub fn described(self) -> &'static str {
        match self {
            Self::Atomic => "a bad row undoes the whole collection",
            Self::StopsAtFirstError => "a bad row ends the collection; the rows before it stay",
            Self::SkipsBadRows => "a bad row is skipped; the others are written",
            Self::Refused => "collections of memberships are refused",
        }
    }
}

/// One answer, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Learned<T> {
    /// The answer.
    pub answer: T,
    /// When `probe` learned it.
    #[serde(serialize_with = "rfc3339")]
    pub at: DateTime<Utc>,
    /// What was tried and seen, in one sentence.
    pub how: String,
}

impl<T> Learned<T> {
    /// An answer that was learned at this time.
    pub fn new(answer: T, at: DateTime<Utc>, how: impl Into<String>) -> Self {
        Self { answer, at, how: how.into() }
    }
}

/// The answers about one instance; `None` where `probe` did not settle the question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InstanceAnswers {
    /// How an operator is added to a group.
    pub join_form: Option<Learned<JoinForm>>,
    /// What a repeated addition does.
    pub repeated_join: Option<Learned<RepeatedJoin>>,
    /// How an operator is removed from a group.
    pub leave_form: Option<Learned<LeaveForm>>,
    /// What the removal of an absent membership does.
    pub absent_row: Option<Learned<AbsentRow>>,
    /// What a bad row in a collection does.
    pub collection: Option<Learned<CollectionBehavior>>,
}

impl InstanceAnswers {
    /// The form in which memberships are added; the default where none was learned.
    pub fn join_form(&self) -> JoinForm {
        self.join_form.as_ref().map(|learned| learned.answer).unwrap_or_default()
    }

    /// The form in which memberships are removed; the default where none was learned.
    pub fn leave_form(&self) -> LeaveForm {
        self.leave_form.as_ref().map(|learned| learned.answer).unwrap_or_default()
    }

    /// Whether memberships may be written in collections: unless the instance refused them.
    pub fn accepts_collections(&self) -> bool {
        self.collection.as_ref().is_none_or(|learned| learned.answer != CollectionBehavior::Refused)
    }

    /// Whether no question was settled.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These answers, and those of `before` to the questions that they do not settle.
    #[must_use]
    pub fn or(self, before: Self) -> Self {
        Self {
            join_form: self.join_form.or(before.join_form),
            repeated_join: self.repeated_join.or(before.repeated_join),
            leave_form: self.leave_form.or(before.leave_form),
            absent_row: self.absent_row.or(before.absent_row),
            collection: self.collection.or(before.collection),
        }
    }

    /// When the last answer was learned; `None` where no question was settled.
    pub fn learned_at(&self) -> Option<DateTime<Utc>> {
        let times = [
            self.join_form.as_ref().map(|learned| learned.at),
            self.repeated_join.as_ref().map(|learned| learned.at),
            self.leave_form.as_ref().map(|learned| learned.at),
            self.absent_row.as_ref().map(|learned| learned.at),
            self.collection.as_ref().map(|learned| learned.at),
        ];
        times.into_iter().flatten().max()
    }

    /// The settled answers, each in one phrase.
    pub fn described(&self) -> Vec<String> {
        let join = self.join_form.as_ref().map(|learned| format!("joins: {}", learned.answer.described()));
        let repeated = self.repeated_join.as_ref().map(|learned| match learned.answer {
            RepeatedJoin::Accepted => "a repeated join is accepted",
            RepeatedJoin::Fault => "a repeated join is a fault",
        });
        let leave = self.leave_form.as_ref().map(|learned| format!("leaves: {}", learned.answer.described()));
        let absent = self.absent_row.as_ref().map(|learned| match learned.answer {
            AbsentRow::Accepted => "the removal of an absent membership is accepted",
            AbsentRow::Fault => "the removal of an absent membership is a fault",
        });
        let collection = self.collection.as_ref().map(|learned| learned.answer.described());
        let [repeated, absent, collection] = [repeated, absent, collection].map(|phrase| phrase.map(str::to_owned));
        [join, repeated, leave, absent, collection].into_iter().flatten().collect()
    }
}
