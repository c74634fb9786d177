//! T6: what `WriteCollection` does with a membership that cannot be written.

use chrono::Utc;

use crate::{
    campaign::{ABSENT_GROUP, BadRow},
    domain::{CollectionBehavior, JoinForm, Learned, LeaveForm},
};

use super::{
    context::{ProbeContext, ProbeError, WriteAnswer},
    creation::ScratchPair,
    membership_questions::rows,
};

/// What a collection left in Campaign.
struct Written {
    answer: WriteAnswer,
    has_good_row: bool,
    has_bad_row: bool,
}

impl Written {
    fn described(&self) -> String {
        let read = match (self.has_good_row, self.has_bad_row) {
            (true, false) => "the good row read back",
            (false, false) => "no row read back",
            (true, true) => "both rows read back",
            (false, true) => "the bad row read back",
        };
        format!("{}; {read}", self.answer.described())
    }
}

/// Writes collections, and removes after each what it left. The operator is in no group before.
pub(super) async fn collection(context: &mut ProbeContext<'_>, pair: &ScratchPair) -> Result<(), ProbeError> {
    let forms = (context.answers.join_form.as_ref(), context.answers.leave_form.as_ref());
    let (Some(join), Some(leave)) = forms else { return Ok(()) };
    let (join, leave) = (join.answer, leave.answer);
    let alone = "write a collection of one membership";
    let written = write(context, pair, (join, leave), BadRow::None, alone).await?;
    if !written.has_good_row {
        return match written.answer {
            WriteAnswer::Fault(_) | WriteAnswer::NotSent(_) => {
                learned(context, &written, alone, CollectionBehavior::Refused);
                Ok(())
            }
            WriteAnswer::Accepted => {
                unsettled(context, &written, alone, "Campaign accepts a collection and ignores it")
            }
        };
    }
    context.step("T6", alone, written.described(), "collections of memberships are accepted");
    if context.read(context.campaign.has_absent_group()).await? {
        let tried = format!("write a collection with a membership in group {ABSENT_GROUP}");
        let why = "not settled: this instance has a record with that id";
        context.step("T6", tried, "not tried", why);
        return Err(ProbeError::Unsettled(format!("an operator or an operator group has the id {ABSENT_GROUP}")));
    }
    let last = format!("write a collection: a good membership, then one in group {ABSENT_GROUP}, which does not exist");
    let written = write(context, pair, (join, leave), BadRow::Last, &last).await?;
    if written.has_bad_row {
        return unsettled(context, &written, &last, "Campaign stores a membership in a group that does not exist");
    }
    if !written.has_good_row {
        learned(context, &written, &last, CollectionBehavior::Atomic);
        return Ok(());
    }
    context.step("T6", last, written.described(), "a bad row does not undo the rows before it");
    let first = format!("write a collection: a membership in group {ABSENT_GROUP}, then a good one");
    let written = write(context, pair, (join, leave), BadRow::First, &first).await?;
    let behavior =
        if written.has_good_row { CollectionBehavior::SkipsBadRows } else { CollectionBehavior::StopsAtFirstError };
    learned(context, &written, &first, behavior);
    Ok(())
}

fn learned(context: &mut ProbeContext<'_>, written: &Written, tried: &str, behavior: CollectionBehavior) {
    context.answers.collection = Some(Learned::new(behavior, Utc::now(), written.described()));
    context.step("T6", tried, written.described(), behavior.described());
}

fn unsettled(context: &mut ProbeContext<'_>, written: &Written, tried: &str, why: &str) -> Result<(), ProbeError> {
    context.step("T6", tried, written.described(), format!("not settled: {why}"));
    Err(ProbeError::Unsettled(why.to_owned()))
}

/// Writes one collection, reads what it left, and removes that.
async fn write(
    context: &mut ProbeContext<'_>,
    pair: &ScratchPair,
    (join, leave): (JoinForm, LeaveForm),
    bad: BadRow,
    tried: &str,
) -> Result<Written, ProbeError> {
    let (operator, group) = (&pair.operator, &pair.group);
    let answer = context.ask(tried, async |writer| writer.join_by_collection(join, operator, group, bad).await).await?;
    let has_good_row = rows(context, pair).await? > 0;
    let groups = context.read(context.campaign.scratch_memberships(operator)).await?;
    let has_bad_row = groups.contains(&ABSENT_GROUP);
    let removing = "remove the membership that the collection wrote";
    if has_good_row {
        context.ask(removing, async |writer| writer.leave(leave, operator, group).await).await?;
    }
    if has_bad_row {
        context.ask(removing, async |writer| writer.leave_absent_group(leave, operator).await).await?;
    }
    if !context.read(context.campaign.scratch_memberships(operator)).await?.is_empty() {
        return Err(ProbeError::Unsettled("a membership that a collection wrote could not be removed".to_owned()));
    }
    Ok(Written { answer, has_good_row, has_bad_row })
}
