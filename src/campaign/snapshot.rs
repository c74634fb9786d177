//! Reads a whole instance, or the few rows that a write concerned.

use super::client::Campaign;
use super::error::CampaignError;
use super::memberships::{MembershipFilter, MembershipRow, is_in_one_of, is_one_of_pairs};
use super::operators::{DisabledColumn, GroupSource, LabelledRow, OperatorOrGroup, is_group, is_operator};
use super::rows::{Rows, UnusableRow};
use super::xml_writer::can_carry;
use super::xtk;
use crate::domain::{
    CampaignSnapshot, Operator, OperatorGroup, OperatorGroupId, OperatorGroupName, OperatorId, OperatorLogin,
    OperatorQuery, RunStep, UnusableOperator,
};

/// Maximum number of names in one condition: with 100 logins it has some 3 KB, which any database accepts.
pub(super) const LISTED_AT_ONCE: usize = 100;

/// Maximum number of keys in one condition: with 200 ids it has some 2 KB.
const KEYS_AT_ONCE: usize = 200;

/// All operators of an instance.
#[derive(Default)]
struct AllOperators {
    usable: Vec<Operator>,
    unusable: Vec<UnusableRow<i64>>,
}

impl Campaign {
    /// Reads all operators, operator groups and memberships, or fails: there is no partial snapshot. Memberships are
    /// read at the same time as operators and groups; each list has to prove by itself that it is complete. Reports
    /// progress to the watcher of the client after each page.
    pub async fn fetch_snapshot(&self) -> Result<CampaignSnapshot, CampaignError> {
        let own = Box::pin(self.own_operator()).await?;
        if !own.is_administrator() {
            // Not an error: reading needs no right, and the session may not show all rights of the operator.
            tracing::warn!(
                operator = %own.login,
                "{} does not seem to have the named right ADMINISTRATION, which Campaign requires to write memberships",
                own.login
            );
        }
        self.snapshot_age.begin();
        let operators = self.operators_and_groups();
        let memberships = self.memberships(&[], |rows| self.watcher.step(RunStep::Memberships(rows)));
        let ((operators, groups), memberships) = tokio::try_join!(Box::pin(operators), Box::pin(memberships))?;
        if operators.usable.is_empty() {
            return Err(CampaignError::InvalidResponse {
                call: "ExecuteQuery xtk:operator".to_owned(),
                what: format!("it lists no operator, not even {}, the operator of this program", own.login),
                excerpt: "(an empty collection)".to_owned(),
            });
        }
        let unusable = operators.unusable.into_iter().map(|row| unusable_operator(row, &memberships)).collect();
        let memberships = memberships.into_iter().map(|membership| (membership.operator, membership.group));
        Ok(CampaignSnapshot::new(operators.usable, groups, memberships, own.login).with_unusable(unusable))
    }

    /// All operators and all operator groups, each in a walk of its own: nothing documents that no operator has the id
    /// of a group.
    async fn operators_and_groups(&self) -> Result<(AllOperators, Vec<OperatorGroup>), CampaignError> {
        let (operators, groups) = self
            .read_by_accepted_form(&self.shape.disabled, &DisabledColumn::ALL, async |form| {
                let (mut operators, mut groups) = (AllOperators::default(), Vec::new());
                let mut keep = |page: Rows<OperatorOrGroup>| {
                    for row in page.usable {
                        match row {
                            OperatorOrGroup::Operator(operator) => operators.usable.push(operator),
                            OperatorOrGroup::Group(group) => groups.push(group),
                            OperatorOrGroup::UnusableGroup(error) => {
                                tracing::debug!(what = %error, "an operator group that cannot be used is skipped");
                            }
                        }
                    }
                    operators.unusable.extend(page.unusable);
                    self.watcher.step(RunStep::Operators(operators.usable.len() + operators.unusable.len()));
                    if !groups.is_empty() {
                        self.watcher.step(RunStep::OperatorGroups(groups.len()));
                    }
                };
                self.walk_pages(&[is_operator()], form.columns(), &mut keep, |_, _| false).await?;
                self.walk_pages(&[is_group()], form.columns(), &mut keep, |_, _| false).await?;
                Ok((operators, groups))
            })
            .await?;
        // Where no row is a group, the instance keeps its groups in a table of their own: every instance has built-in ones.
        let found = || if groups.is_empty() { GroupSource::Groups } else { GroupSource::Operators };
        if *self.shape.groups.get_or_init(found) == GroupSource::Operators {
            return Ok((operators, groups));
        }
        let groups =
            self.groups_from(GroupSource::Groups, &[], |rows| self.watcher.step(RunStep::OperatorGroups(rows)));
        Ok((operators, groups.await?))
    }

    /// The present members of these operator groups.
    pub async fn members(
        &self,
        groups: &[OperatorGroupId],
    ) -> Result<Vec<(OperatorId, OperatorGroupId)>, CampaignError> {
        let mut members = Vec::new();
        for some in distinct(groups).chunks(LISTED_AT_ONCE) {
            let rows = self.memberships(&[is_in_one_of(some.iter().copied())], |_| {}).await?;
            members.extend(rows.into_iter().map(|row| (row.operator, row.group)));
        }
        Ok(members)
    }

    /// The present memberships among these.
    pub async fn memberships_among(
        &self,
        pairs: &[(OperatorId, OperatorGroupId)],
    ) -> Result<Vec<(OperatorId, OperatorGroupId)>, CampaignError> {
        let mut found = Vec::new();
        for some in distinct(pairs).chunks(KEYS_AT_ONCE) {
            let conditions = [is_one_of_pairs(some)];
            let rows = self
                .read_by_accepted_form(&self.shape.membership_filter, &MembershipFilter::ALL, async |filter| {
                    self.walk_listed::<MembershipRow>(&filter.with(&conditions), &[], some.len()).await
                })
                .await?;
            found.extend(rows.usable.into_iter().map(|row| (row.operator, row.group)));
        }
        Ok(found)
    }

    /// The operators with these logins; a database that ignores letter case may return other spellings as well.
    pub async fn find_operators(&self, logins: &[OperatorLogin]) -> Result<Vec<Operator>, CampaignError> {
        let mut found = Vec::new();
        for some in listed(logins.iter().map(OperatorLogin::as_str)).chunks(LISTED_AT_ONCE) {
            let condition = xtk::is_one_of("@name", some.iter().copied());
            found.extend(self.operators(&[is_operator(), condition]).await?);
        }
        Ok(found)
    }

    /// The present operators with these ids; an id without an operator is ignored.
    pub async fn operators_by_id(&self, ids: &[OperatorId]) -> Result<Vec<Operator>, CampaignError> {
        let mut found = Vec::new();
        for some in distinct(ids).chunks(KEYS_AT_ONCE) {
            let conditions = [is_operator(), xtk::is_one_of_numbers("@id", some.iter().map(|id| id.0))];
            let rows = self
                .read_by_accepted_form(&self.shape.disabled, &DisabledColumn::ALL, async |form| {
                    self.walk_listed(&conditions, form.columns(), some.len()).await
                })
                .await?;
            found.extend(rows.usable);
        }
        Ok(found)
    }

    /// Reads operators that meet every condition, with all columns that the instance has.
    async fn operators(&self, conditions: &[String]) -> Result<Vec<Operator>, CampaignError> {
        let rows = self.read_by_accepted_form(&self.shape.disabled, &DisabledColumn::ALL, async |form| {
            self.walk_with(conditions, form.columns(), |_| {}).await
        });
        Ok(rows.await?.usable)
    }

    /// Reads the memberships of operators that meet every condition.
    async fn memberships(
        &self,
        conditions: &[String],
        progress: impl Fn(usize),
    ) -> Result<Vec<MembershipRow>, CampaignError> {
        self.read_by_accepted_form(&self.shape.membership_filter, &MembershipFilter::ALL, async |filter| {
            self.walk(&filter.with(conditions), &progress).await
        })
        .await
    }

    /// All operator groups.
    pub async fn fetch_groups(&self) -> Result<Vec<OperatorGroup>, CampaignError> {
        if let Some(source) = self.shape.groups.get() {
            return self.groups_from(*source, &[], |_| {}).await;
        }
        let among_operators = self.groups_from(GroupSource::Operators, &[], |_| {}).await?;
        if !among_operators.is_empty() {
            self.shape.groups.get_or_init(|| GroupSource::Operators);
            return Ok(among_operators);
        }
        // No row is a group, and every instance has built-in groups: this one keeps them in a table of their own.
        let groups = self.groups_from(GroupSource::Groups, &[], |_| {}).await?;
        self.shape.groups.get_or_init(|| GroupSource::Groups);
        Ok(groups)
    }

    async fn groups_from(
        &self,
        source: GroupSource,
        conditions: &[String],
        progress: impl Fn(usize),
    ) -> Result<Vec<OperatorGroup>, CampaignError> {
        match source {
            GroupSource::Operators => {
                let conditions: Vec<String> = [is_group()].into_iter().chain(conditions.iter().cloned()).collect();
                let rows: Vec<LabelledRow> = self.walk(&conditions, progress).await?;
                Ok(rows.into_iter().map(OperatorGroup::from).collect())
            }
            GroupSource::Groups => self.walk(conditions, progress).await,
        }
    }

    /// The operator groups with these internal names; a database that ignores letter case may return other spellings as
    /// well.
    pub async fn find_groups(&self, names: &[OperatorGroupName]) -> Result<Vec<OperatorGroup>, CampaignError> {
        let source = self.group_source().await?;
        let mut found = Vec::new();
        for some in listed(names.iter().map(OperatorGroupName::as_str)).chunks(LISTED_AT_ONCE) {
            let condition = xtk::is_one_of("@name", some.iter().copied());
            found.extend(self.groups_from(source, &[condition], |_| {}).await?);
        }
        Ok(found)
    }
}

/// The conditions for these operators, each for one query.
pub(super) fn conditions_for(sought: &OperatorQuery) -> Vec<String> {
    let logins = listed(sought.logins.iter().map(OperatorLogin::as_str));
    let by_login = logins.chunks(LISTED_AT_ONCE).map(|some| xtk::is_one_of("@name", some.iter().copied()));
    let by_id = sought.ids.chunks(LISTED_AT_ONCE).map(|some| xtk::is_one_of_numbers("@id", some.iter().map(|id| id.0)));
    let conditions: Vec<String> = by_login.chain(by_id).collect();
    // The usual question has a few spellings and at most one id, which fit in one query.
    if sought.logins.len() + sought.ids.len() <= LISTED_AT_ONCE && conditions.len() > 1 {
        return vec![xtk::any_of(conditions)];
    }
    conditions
}

pub(super) fn unusable_operator(row: UnusableRow<i64>, memberships: &[MembershipRow]) -> UnusableOperator {
    let id = OperatorId(row.key);
    let held = memberships.iter().filter(|membership| membership.operator == id);
    UnusableOperator {
        id,
        login: row.name.map(OperatorLogin::new),
        what: row.what,
        groups: held.map(|membership| membership.group).collect(),
    }
}

/// The keys in their order, each once.
fn distinct<K: Copy + Ord>(keys: &[K]) -> Vec<K> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The names without duplicates, and without those with characters that XML does not allow: Campaign has no such names.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.filter(|name| can_carry(name)).collect();
    names.sort_unstable();
    names.dedup();
    names
}
