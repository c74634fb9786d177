//! T9: removes scratch records, and proves by reading that they are gone.
//!
//! It removes what the state has recorded, of this probe and of one that was killed, and nothing else.

use crate::{
    campaign::{ABSENT_GROUP, ScratchGroup, ScratchLookup, ScratchOperator, ScratchRemoval},
    domain::{FoundScratch, LeaveForm, OperatorGroupId, RememberedScratch, ScratchKind},
};

use super::context::{ProbeContext, ProbeError, WriteAnswer};

/// What a removal left.
#[derive(Debug, Default)]
pub(super) struct Removed {
    /// The records that were removed.
    pub(super) records: Vec<String>,
    /// The records that are still there, or may still appear.
    pub(super) left: Vec<String>,
    /// What Campaign answered to the last attempt to remove each record that is still there.
    pub(super) refusals: Vec<String>,
}

/// Removes all scratch records that the state knows. A request to stop does not end it.
pub(super) async fn remove_records(context: &mut ProbeContext<'_>) -> Result<Removed, ProbeError> {
    let remembered = context.remembered().await?;
    let mut removed = Removed::default();
    let found = owned(context.campaign.find_scratch_records().await?, &remembered);
    for operator in &found.operators {
        remove_memberships(context, operator, &found.groups).await?;
        let refusal = remove_operator(context, operator).await?;
        removed.note(operator.found(), refusal);
    }
    for group in &found.groups {
        let refusal = remove_group(context, group).await?;
        removed.note(group.found(), refusal);
    }
    let left = owned(context.campaign.find_scratch_records().await?, &remembered);
    for record in &remembered {
        let is_there = left.all().any(|found| record.is(found));
        let may_appear = record.label == context.label && context.unanswered.contains(&record.kind);
        if may_appear && !is_there {
            let kind = record.kind.described();
            removed.left.push(format!("{kind}: its creation was not answered, so it may appear later"));
        } else if !is_there {
            context.journal.forget_scratch_record(&context.address, record).await?;
        }
    }
    Ok(removed)
}

impl Removed {
    fn note(&mut self, record: &FoundScratch, refusal: Option<WriteAnswer>) {
        let name = format!("{} with id {}", record.kind.described(), record.id);
        match refusal {
            None => self.records.push(name),
            Some(answer) => {
                self.refusals.push(format!("not removed: {name}, {}", answer.described()));
                self.left.push(name);
            }
        }
    }

    /// What was removed and what was not, with the reasons.
    pub(super) fn described(&self) -> String {
        let removed = (!self.records.is_empty()).then(|| format!("removed: {}", self.records.join(", ")));
        let parts: Vec<String> = removed.into_iter().chain(self.refusals.iter().cloned()).collect();
        if parts.is_empty() { "none was there".to_owned() } else { parts.join("; ") }
    }
}

/// The records that the state has recorded as its own.
fn owned(found: ScratchLookup, remembered: &[RememberedScratch]) -> ScratchLookup {
    let is_own = |record: &FoundScratch| remembered.iter().any(|own| own.is(record));
    ScratchLookup {
        groups: found.groups.into_iter().filter(|group| is_own(group.found())).collect(),
        operators: found.operators.into_iter().filter(|operator| is_own(operator.found())).collect(),
        look_alikes: Vec::new(),
    }
}

/// The records that the state has not recorded as its own.
pub(super) fn foreign(found: &ScratchLookup, remembered: &[RememberedScratch]) -> Vec<FoundScratch> {
    found.all().filter(|record| !remembered.iter().any(|own| own.is(record))).cloned().collect()
}

/// Removes the memberships of the operator in scratch groups, which a database without constraints would keep.
async fn remove_memberships(
    context: &mut ProbeContext<'_>,
    operator: &ScratchOperator,
    groups: &[ScratchGroup],
) -> Result<(), ProbeError> {
    for form in forms(context) {
        let memberships = context.campaign.scratch_memberships(operator).await?;
        for group in groups.iter().filter(|group| memberships.contains(&OperatorGroupId(group.found().id))) {
            let what = "remove the operator from the group";
            context.write(what, async |writer| writer.leave(form, operator, group).await).await?;
        }
        if memberships.contains(&ABSENT_GROUP) {
            let what = "remove the membership in a group that does not exist";
            context.write(what, async |writer| writer.leave_absent_group(form, operator).await).await?;
        }
    }
    Ok(())
}

/// The form that was learned, or else all forms.
fn forms(context: &ProbeContext<'_>) -> Vec<LeaveForm> {
    context.answers.leave_form.as_ref().map_or_else(|| LeaveForm::ALL.to_vec(), |learned| vec![learned.answer])
}

/// Deletes the operator. Returns the last answer of Campaign if it or one of its memberships is still there.
async fn remove_operator(
    context: &mut ProbeContext<'_>,
    operator: &ScratchOperator,
) -> Result<Option<WriteAnswer>, ProbeError> {
    let mut last = None;
    for way in ScratchRemoval::ALL {
        let what = "delete the scratch operator";
        let answer = context.write(what, async |writer| writer.remove_operator(operator, way).await).await?;
        let found = context.campaign.find_scratch_records().await?;
        let is_there = found.operators.iter().any(|other| other.found().id == operator.found().id);
        if !is_there && context.campaign.scratch_memberships(operator).await?.is_empty() {
            return Ok(None);
        }
        log(ScratchKind::Operator, &answer);
        last = Some(answer);
    }
    Ok(last)
}

/// Deletes the group. Returns the last answer of Campaign if it or one of its memberships is still there.
async fn remove_group(context: &mut ProbeContext<'_>, group: &ScratchGroup) -> Result<Option<WriteAnswer>, ProbeError> {
    let mut last = None;
    let id = OperatorGroupId(group.found().id);
    for way in ScratchRemoval::ALL {
        let what = "delete the scratch group";
        let answer = context.write(what, async |writer| writer.remove_group(group, way).await).await?;
        let found = context.campaign.find_scratch_records().await?;
        let is_there = found.groups.iter().any(|other| other.found().id == group.found().id);
        if !is_there && context.campaign.members(&[id]).await?.is_empty() {
            return Ok(None);
        }
        log(ScratchKind::Group, &answer);
        last = Some(answer);
    }
    Ok(last)
}

fn log(kind: ScratchKind, answer: &WriteAnswer) {
    tracing::warn!("the {} is still there after its deletion: {}", kind.described(), answer.described());
}
