//! Reading one person with as few calls as an answer needs: their operators, and the groups that these are in.
//!
//! A run proves that it read every row. A question is about a handful of rows and changes nothing, so that a page with few
//! rows ends its list, and what Campaign says of a group comes with the membership.

use super::client::Campaign;
use super::error::CampaignError;
use super::memberships::{MembershipRow, MembershipWithGroup, is_of_an_operator, is_of_one_of};
use super::operators::{DisablingSupport, is_operator};
use super::rows::{Rows, UnusableRow};
use super::snapshot::{LISTED_AT_ONCE, conditions_for, unusable_operator};
use crate::domain::{
    CampaignSnapshot, Operator, OperatorGroup, OperatorId, OperatorLogin, OperatorQuery, OperatorSnapshot,
};

/// The operators that a person is, or may be, with their memberships.
#[derive(Clone, Debug)]
pub struct FoundOperators {
    operators: Vec<Operator>,
    unusable: Vec<UnusableRow<i64>>,
    memberships: Vec<MembershipRow>,
    groups: Option<Vec<OperatorGroup>>,
}

impl FoundOperators {
    /// The groups of the memberships, as Campaign spells them now, named rights possibly among them; `None` where the
    /// instance does not tell them with the memberships.
    pub fn groups(&self) -> Option<&[OperatorGroup]> {
        self.groups.as_deref()
    }

    /// What the instance holds, as far as a question about these operators may look, with all groups that the answer needs.
    pub fn into_snapshot(self, groups: Vec<OperatorGroup>, own: OperatorLogin) -> OperatorSnapshot {
        let Self { operators, unusable, memberships, .. } = self;
        let unusable = unusable.into_iter().map(|row| unusable_operator(row, &memberships)).collect();
        let memberships = memberships.into_iter().map(|membership| (membership.operator, membership.group));
        let campaign = CampaignSnapshot::new(operators, groups, memberships, own).with_unusable(unusable);
        OperatorSnapshot::new(campaign)
    }
}

impl Campaign {
    /// Reads the operators that are sought, and what they are members of.
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

    /// Operators with the switch that disables them, where the instance has it: asking costs less than reading the schema.
    async fn few_operators(&self, conditions: &[String]) -> Result<Rows<Operator>, CampaignError> {
        let disabling = self.disabling_support.get().copied();
        match self.walk_few(conditions, disabling.unwrap_or(DisablingSupport::Offered).columns()).await {
            Err(error) if error.is_fault() && disabling.is_none() => {
                self.walk_few(conditions, DisablingSupport::NotOffered.columns()).await
            }
            rows => rows,
        }
    }

    /// The memberships of these operators with the groups, as far as the instance tells both in one query.
    async fn memberships_of(
        &self,
        operators: &[OperatorId],
    ) -> Result<(Vec<MembershipRow>, Option<Vec<OperatorGroup>>), CampaignError> {
        let conditions = [is_of_an_operator(), is_of_one_of(operators.iter().copied())];
        match self.walk_few::<MembershipWithGroup>(&conditions, &[]).await {
            Ok(rows) => {
                let memberships = rows.usable.iter().map(|row| row.membership).collect();
                Ok((memberships, Some(rows.usable.into_iter().filter_map(|row| row.group).collect())))
            }
            Err(error) if error.is_fault() => {
                Ok((self.walk_few::<MembershipRow>(&conditions, &[]).await?.usable, None))
            }
            Err(error) => Err(error),
        }
    }
}
