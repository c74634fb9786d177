//! Which columns and schemas an instance has, as its own answers to queries show.
//!
//! Adobe does not publish the schemas of operators and groups, instances extend them, a compiled schema may keep its
//! parts behind `ref`, and some instances refuse to show it (acc-js-sdk, issue 112). So nothing is concluded from the
//! text of a schema. A column exists if a query with it succeeds. It is absent if a query with it fails with
//! `XTK-170036`, or, where the instance hides the details of faults, if the query fails twice and the same query
//! without the column succeeds. Other faults show nothing.

use std::collections::BTreeSet;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::client::Campaign;
use super::error::CampaignError;
use super::memberships::{MembershipFilter, MembershipRow};
use super::operators::{DisabledColumn, GroupSource};
use super::rows::Row;
use super::soap_call::{SoapCall, query_element};
use crate::domain::{Operator, OperatorGroup};

/// What the answers to one client have shown of its instance. A client exists for one run, so nothing here is old.
#[derive(Debug, Default)]
pub(super) struct InstanceShape {
    /// Where operators have the attribute that disables them.
    pub(super) disabled: OnceLock<DisabledColumn>,
    /// Where operator groups are read from.
    pub(super) groups: OnceLock<GroupSource>,
    /// How the rows of operators are selected among the memberships.
    pub(super) membership_filter: OnceLock<MembershipFilter>,
    /// The columns that successful queries selected, with their schemas.
    proven: Mutex<BTreeSet<(&'static str, &'static str)>>,
}

impl InstanceShape {
    /// Remembers that a query for these columns succeeded.
    pub(super) fn prove(&self, schema: &'static str, columns: impl IntoIterator<Item = &'static str>) {
        let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        proven.extend(columns.into_iter().map(|column| (schema, column)));
    }

    fn unproven(&self, schema: &'static str, columns: &[&'static str]) -> Vec<&'static str> {
        let proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        columns.iter().copied().filter(|column| !proven.contains(&(schema, *column))).collect()
    }
}

/// What the program reads and writes of an instance, as [`Campaign::check_columns`] found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnReport {
    /// The schema that operator groups are read from.
    pub groups_from: &'static str,
    /// Whether operators can be disabled.
    pub can_disable: bool,
    /// What only the creation of operators needs and the instance does not have; `None` if it has everything.
    pub operator_creation: Option<String>,
    /// What only the creation of operator groups needs and the instance does not have; `None` if it has everything.
    pub group_creation: Option<String>,
}

/// The columns that the creation of an operator writes.
pub(super) const CREATED_OPERATOR: &[&str] = &["@name", "@label", "@email", "@type", "[access/@authenticationType]"];

/// The columns that the creation of an operator group writes.
pub(super) const CREATED_GROUP: &[&str] = &["@name", "@label"];

impl Campaign {
    /// Tries everything that the program reads and writes of this instance, by queries of one row.
    ///
    /// # Errors
    ///
    /// [`CampaignError::AbsentColumns`] if a column is absent without which the instance cannot be read or its
    /// memberships cannot be written, and any error of a call.
    pub async fn check_columns(&self) -> Result<ColumnReport, CampaignError> {
        self.require(Operator::SCHEMA, Operator::COLUMNS).await?;
        self.require(Operator::SCHEMA, &["@type"]).await?;
        self.require(MembershipRow::SCHEMA, MembershipRow::COLUMNS).await?;
        let optional = async |schema, columns: &'static [&'static str]| match self.require(schema, columns).await {
            Ok(()) => Ok(None),
            Err(error @ (CampaignError::AbsentColumns { .. } | CampaignError::Fault { .. })) => {
                Ok(Some(error.to_string()))
            }
            Err(error) => Err(error),
        };
        Ok(ColumnReport {
            groups_from: self.group_source().await?.schema(),
            can_disable: self.disabled_column().await? != DisabledColumn::Absent,
            operator_creation: optional(Operator::SCHEMA, CREATED_OPERATOR).await?,
            group_creation: optional(OperatorGroup::SCHEMA, CREATED_GROUP).await?,
        })
    }

    /// Makes sure that the instance has these columns. Costs no call if an earlier query of this client showed it.
    ///
    /// # Errors
    ///
    /// [`CampaignError::AbsentColumns`] if a column is proven absent, and any error of a call.
    pub(super) async fn require(&self, schema: &'static str, columns: &[&'static str]) -> Result<(), CampaignError> {
        let absent = self.absent_columns(schema, columns).await?;
        let Some((_, fault)) = absent.first() else { return Ok(()) };
        let fault = fault.clone();
        let columns: Vec<&str> = absent.iter().map(|(column, _)| *column).collect();
        Err(CampaignError::AbsentColumns { schema, columns: columns.join(", "), fault })
    }

    /// The columns among these that the instance is proven not to have, each with the fault that shows it.
    pub(super) async fn absent_columns(
        &self,
        schema: &'static str,
        columns: &[&'static str],
    ) -> Result<Vec<(&'static str, String)>, CampaignError> {
        let columns = self.shape.unproven(schema, columns);
        if columns.is_empty() || self.select_one_row(schema, &columns).await?.is_ok() {
            return Ok(Vec::new());
        }
        let mut absent = Vec::new();
        for column in columns {
            let Err(fault) = self.select_one_row(schema, &[column]).await? else { continue };
            if !fault.is_unknown_path() {
                // The fault does not say what it is about. It is about the column if the rows can be counted, and if
                // it comes again.
                self.call(&count(schema), |_| Ok(())).await?;
                if self.select_one_row(schema, &[column]).await?.is_ok() {
                    continue;
                }
            }
            absent.push((column, fault.to_string()));
        }
        Ok(absent)
    }

    /// Selects these columns of one row. The inner error is a lasting fault, which may be about a column.
    async fn select_one_row(
        &self,
        schema: &'static str,
        columns: &[&'static str],
    ) -> Result<Result<(), CampaignError>, CampaignError> {
        match self.call(&SoapCall::select_one(schema, columns), |_| Ok(())).await {
            Ok(()) => {
                self.shape.prove(schema, columns.iter().copied());
                Ok(Ok(()))
            }
            Err(error) if error.may_be_about_a_path() => Ok(Err(error)),
            Err(error) => Err(error),
        }
    }

    /// Reads with the first of these forms that the instance accepts, and remembers it.
    ///
    /// A form counts as not accepted if its read fails with `XTK-170036`, or if it fails twice with a lasting fault
    /// and the next form succeeds in between. If no form is accepted, the error is that of the first one.
    pub(super) async fn read_by_accepted_form<F: Copy, T>(
        &self,
        accepted: &OnceLock<F>,
        forms: &[F],
        read: impl AsyncFn(F) -> Result<T, CampaignError>,
    ) -> Result<T, CampaignError> {
        if let Some(form) = accepted.get() {
            return read(*form).await;
        }
        let (mut first_error, mut doubted) = (None, None);
        for &form in forms {
            match read(form).await {
                Ok(found) => {
                    if let Some(doubted) = doubted
                        && let Ok(found) = read(doubted).await
                    {
                        // Whatever the first fault was, it was not about this form.
                        accepted.get_or_init(|| doubted);
                        return Ok(found);
                    }
                    accepted.get_or_init(|| form);
                    return Ok(found);
                }
                Err(error) if error.may_be_about_a_path() => {
                    if !error.is_unknown_path() {
                        doubted = doubted.or(Some(form));
                    }
                    first_error = first_error.or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        Err(first_error.unwrap_or(CampaignError::InvalidResponse {
            call: String::new(),
            what: "there is no form to read by".to_owned(),
            excerpt: String::new(),
        }))
    }

    /// Where operators of this instance have the attribute that disables them.
    pub(super) async fn disabled_column(&self) -> Result<DisabledColumn, CampaignError> {
        self.read_by_accepted_form(&self.shape.disabled, &DisabledColumn::ALL, async |form| {
            match form.columns() {
                [] => {}
                columns => self.call(&SoapCall::select_one(Operator::SCHEMA, columns), |_| Ok(())).await?,
            }
            Ok(form)
        })
        .await
    }

    /// Where operator groups of this instance are read from.
    pub(super) async fn group_source(&self) -> Result<GroupSource, CampaignError> {
        if let Some(known) = self.shape.groups.get() {
            return Ok(*known);
        }
        let _groups: Vec<OperatorGroup> = self.fetch_groups().await?;
        Ok(self.shape.groups.get().copied().unwrap_or(GroupSource::Operators))
    }
}

/// A query for the number of rows, which needs no column.
fn count(schema: &'static str) -> SoapCall {
    SoapCall::query(schema, &query_element(schema, "count"))
}
