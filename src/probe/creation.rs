//! T1 and T2: creates the scratch records, and tries to create each a second time.

use crate::campaign::{ScratchGroup, ScratchOperator};
use crate::domain::{RememberedScratch, ScratchKind};

use super::context::{ProbeContext, ProbeError, WriteAnswer};

/// The scratch records of a probe.
pub(super) struct ScratchPair {
    pub(super) group: ScratchGroup,
    pub(super) operator: ScratchOperator,
}

/// Creates both records; the state knows of each before it is created.
pub(super) async fn create_records(context: &mut ProbeContext<'_>) -> Result<ScratchPair, ProbeError> {
    for kind in ScratchKind::ALL {
        create_one(context, kind).await?;
    }
    for kind in ScratchKind::ALL {
        create_again(context, kind).await?;
    }
    let label = context.label.clone();
    let found = context.lookup().await?;
    let group = found.groups.into_iter().find(|group| group.found().label == label);
    let operator = found.operators.into_iter().find(|operator| operator.found().label == label);
    match group.zip(operator) {
        Some((group, operator)) => Ok(ScratchPair { group, operator }),
        None => Err(ProbeError::Unsettled("a scratch record was created and is not there any more".to_owned())),
    }
}

async fn create_one(context: &mut ProbeContext<'_>, kind: ScratchKind) -> Result<(), ProbeError> {
    let intended = RememberedScratch { kind, label: context.label.clone(), id: None };
    context.remember(&intended).await?;
    let settles = match kind {
        ScratchKind::Group => "runs can create operator groups",
        ScratchKind::Operator => "runs can create operators that sign in through IMS",
    };
    let tried = format!("create the {}", kind.described());
    let label = context.label.clone();
    context.unanswered.push(kind);
    let answer = context.ask(&tried, async |writer| writer.create(kind, &label).await).await?;
    context.unanswered.clear();
    if keep_id(context, &intended, &tried, &answer, settles).await? {
        return Ok(());
    }
    context.step("T1", tried, answer.described(), "runs cannot create it");
    if kind == ScratchKind::Group {
        let tried = "create the group as a row of xtk:operator";
        context.unanswered.push(kind);
        let answer = context.ask(tried, async |writer| writer.create_group_among_operators(&label).await).await?;
        context.unanswered.clear();
        let settles = "only probe creates groups in this way; its memberships can be tried";
        if keep_id(context, &intended, tried, &answer, settles).await? {
            return Ok(());
        }
        context.step("T1", tried, answer.described(), "the memberships of scratch records cannot be tried");
    }
    Err(ProbeError::Unsettled(match answer {
        WriteAnswer::Accepted => format!("Campaign accepted the {} and does not show it", kind.described()),
        WriteAnswer::Fault(why) | WriteAnswer::NotSent(why) => {
            format!("Campaign did not create the {}: {why}", kind.described())
        }
    }))
}

/// Reads back a created record and remembers its id; answers whether it is there.
async fn keep_id(
    context: &mut ProbeContext<'_>,
    intended: &RememberedScratch,
    tried: &str,
    answer: &WriteAnswer,
    settles: &str,
) -> Result<bool, ProbeError> {
    let Some(id) = own_ids(context, intended.kind).await?.first().copied() else { return Ok(false) };
    context.remember(&RememberedScratch { id: Some(id), ..intended.clone() }).await?;
    context.step("T1", tried, format!("{}; read back with id {id}", answer.described()), settles);
    Ok(true)
}

async fn create_again(context: &mut ProbeContext<'_>, kind: ScratchKind) -> Result<(), ProbeError> {
    let tried = format!("create the {} a second time", kind.described());
    let label = context.label.clone();
    let answer = context.ask(&tried, async |writer| writer.create(kind, &label).await).await?;
    let count = own_ids(context, kind).await?.len();
    let settles = match (&answer, count) {
        (_, 2..) => "Campaign has two records with this name: a creation that is sent twice creates two",
        (WriteAnswer::Fault(_) | WriteAnswer::NotSent(_), _) => {
            "a name is unique, and this is the fault of a duplicate"
        }
        (WriteAnswer::Accepted, _) => "a name is unique, and a duplicate is ignored",
    };
    context.step("T2", tried, format!("{}; {count} read back", answer.described()), settles);
    Ok(())
}

/// The ids of the records of this probe.
async fn own_ids(context: &ProbeContext<'_>, kind: ScratchKind) -> Result<Vec<i64>, ProbeError> {
    let found = context.lookup().await?;
    let own = found.all().filter(|record| record.kind == kind && record.label == context.label);
    Ok(own.map(|record| record.id).collect())
}
