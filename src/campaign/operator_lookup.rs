//! Reads the operators of one user and their groups, for a question, with as few calls as possible.
//!
//! A run proves that it read every row. A question concerns a few rows and changes nothing, so a page with few rows ends
//! its read, and the names of groups are read together with the memberships.

use super::client::Campaign;
use super::error::CampaignError;
use super::memberships::{MembershipFilter, MembershipRow, MembershipWithGroup, is_of_one_of};
use super::operators::{DisabledColumn, is_operator};
use super::rows::{Rows, UnusableRow};
use super::snapshot::{LISTED_AT_ONCE, conditions_for, unusable_operator};
use crate::domain::{
    CampaignSnapshot, Operator, OperatorGroup, OperatorId, OperatorLogin, OperatorQuery, OperatorSnapshot,
};

/// The operators that may belong to one user, with their memberships.
#[derive(Clone, Debug)]
pub struct FoundOperators {
    operators: Vec<Operator>,
    unusable: Vec<UnusableRow<i64>>,
    memberships: Vec<MembershipRow>,
    groups: Option<Vec<OperatorGroup>>,
}

impl FoundOperators {
    /// The groups of the memberships with their present names, possibly including named rights; `None` if the instance
    /// does not return them together with the memberships.
    pub fn groups(&self) -> Option<&[OperatorGroup]> {
        self.groups.as_deref()
    }

    /// The part of the instance that a question about these operators needs, with these groups.
    pub fn into_snapshot(self, groups: Vec<OperatorGroup>, own: OperatorLogin) -> OperatorSnapshot {
        let Self { operators, unusable, memberships, .. } = self;
        let unusable = unusable.into_iter().map(|row| unusable_operator(row, &memberships)).collect();
        let memberships = memberships.into_iter().map(|membership| (membership.operator, membership.group));
        let campaign = CampaignSnapshot::new(operators, groups, memberships, own).with_unusable(unusable);
        OperatorSnapshot::new(campaign)
    }
}

impl Campaign {
    /// Reads the sought operators and their memberships.
    pub async fn look_up_operators(&self, sought: &OperatorQuery) -> Result<FoundOperators, CampaignError> {
        let (mut operators, mut unusable) = (Vec::new(), Vec::new());
        for condition in conditions_for(sought) {
            let found = self.few_operators(&[is_operator(), condition]).await?;
            operators.extend(found.usable);
            unusable.extend(found.unusable);
        }
        let found = operators.iter().map(|operator| operator.id);
        let mut found: Vec<_> = found.chain(unusable.iter().map(|row| OperatorId(row.key))).collect();
        found.sort_unstable();
        found.dedup();
        let (mut memberships, mut groups) = (Vec::new(), Some(Vec::new()));
        for some in found.chunks(LISTED_AT_ONCE) {
            let (of_some, groups_of_some) = self.memberships_of(some).await?;
            memberships.extend(of_some);
            groups = groups.zip(groups_of_some).map(|(mut all, more)| {
                all.extend(more);
                all
            });
        }
        Ok(FoundOperators { operators, unusable, memberships, groups })
    }

    async fn few_operators(&self, conditions: &[String]) -> Result<Rows<Operator>, CampaignError> {
        self.read_by_accepted_form(&self.shape.disabled, &DisabledColumn::ALL, async |form| {
            self.walk_few(conditions, form.columns()).await
        })
        .await
    }

    /// Reads the memberships of these operators, with the groups if the instance returns both for one query.
    async fn memberships_of(
        &self,
        operators: &[OperatorId],
    ) -> Result<(Vec<MembershipRow>, Option<Vec<OperatorGroup>>), CampaignError> {
        let conditions = [is_of_one_of(operators.iter().copied())];
        let with_groups = MembershipFilter::OperatorType.with(&conditions);
        match self.walk_few::<MembershipWithGroup>(&with_groups, &[]).await {
            Ok(rows) => {
                let memberships = rows.usable.iter().map(|row| row.membership).collect();
                Ok((memberships, Some(rows.usable.into_iter().filter_map(|row| row.group).collect())))
            }
            Err(error) if error.may_be_about_a_path() => {
                let rows = self
                    .read_by_accepted_form(&self.shape.membership_filter, &MembershipFilter::ALL, async |filter| {
                        self.walk_few::<MembershipRow>(&filter.with(&conditions), &[]).await
                    })
                    .await?;
                Ok((rows.usable, None))
            }
            Err(error) => Err(error),
        }
    }
}
