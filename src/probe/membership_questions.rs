//! T3 to T5: in which form a membership is added and removed, and what a repetition does.

use chrono::Utc;

use crate::domain::{AbsentRow, JoinForm, Learned, LeaveForm, RepeatedJoin};

use super::{
    context::{ProbeContext, ProbeError, WriteAnswer},
    creation::ScratchPair,
};

/// Adds the operator to the group in the first form that Campaign accepts, twice.
pub(super) async fn join(context: &mut ProbeContext<'_>, pair: &ScratchPair) -> Result<(), ProbeError> {
    for form in JoinForm::ALL {
        let tried = format!("add the operator to the group: {}", form.described());
        let answer = ask_to_join(context, pair, form, &tried).await?;
        let rows = rows(context, pair).await?;
        if rows == 0 {
            let settles = "this form does not add a membership";
            context.step("T3", tried, format!("{}; no row read back", answer.described()), settles);
            continue;
        }
        let settles = format!("memberships are added by this form: {}", form.described());
        context.answers.join_form = Some(Learned::new(form, Utc::now(), seen(&answer, rows)));
        context.step("T3", tried, seen(&answer, rows), settles);
        return join_again(context, pair, form).await;
    }
    Err(ProbeError::Unsettled("no form of a write added the operator to the group".to_owned()))
}

async fn join_again(context: &mut ProbeContext<'_>, pair: &ScratchPair, form: JoinForm) -> Result<(), ProbeError> {
    let tried = format!("add the operator to the group a second time: {}", form.described());
    let answer = ask_to_join(context, pair, form, &tried).await?;
    let rows = rows(context, pair).await?;
    let (repeated, settles) = match (&answer, rows) {
        (WriteAnswer::Accepted, 1) => (Some(RepeatedJoin::Accepted), "a repeated addition changes nothing"),
        (WriteAnswer::Fault(_) | WriteAnswer::NotSent(_), 1) => {
            (Some(RepeatedJoin::Fault), "a repeated addition is a fault and changes nothing")
        }
        (_, 0) => (None, "a repeated addition removes the membership: report this to the maintainers"),
        _ => (None, "a repeated addition is stored twice: report this to the maintainers"),
    };
    context.answers.repeated_join = repeated.map(|answered| Learned::new(answered, Utc::now(), seen(&answer, rows)));
    context.step("T3", tried, seen(&answer, rows), settles);
    Ok(())
}

/// Removes the operator from the group in the first form that Campaign accepts, twice.
pub(super) async fn leave(context: &mut ProbeContext<'_>, pair: &ScratchPair) -> Result<(), ProbeError> {
    for form in LeaveForm::ALL {
        let id = step_of(form);
        let tried = format!("remove the operator from the group: {}", form.described());
        let answer = ask_to_leave(context, pair, form, &tried).await?;
        let left = rows(context, pair).await?;
        if left > 0 {
            context.step(id, tried, seen(&answer, left), "this form does not remove a membership");
            continue;
        }
        let settles = format!("memberships are removed by this form: {}", form.described());
        context.answers.leave_form = Some(Learned::new(form, Utc::now(), seen(&answer, left)));
        context.step(id, tried, seen(&answer, left), settles);
        return leave_again(context, pair, form).await;
    }
    Err(ProbeError::Unsettled("no form of a write removed the operator from the group".to_owned()))
}

async fn leave_again(context: &mut ProbeContext<'_>, pair: &ScratchPair, form: LeaveForm) -> Result<(), ProbeError> {
    let tried = format!("remove the operator from the group a second time: {}", form.described());
    let answer = ask_to_leave(context, pair, form, &tried).await?;
    let (absent, settles) = match &answer {
        WriteAnswer::Accepted => (AbsentRow::Accepted, "the removal of an absent membership is accepted"),
        WriteAnswer::Fault(_) | WriteAnswer::NotSent(_) => {
            (AbsentRow::Fault, "the removal of an absent membership is a fault")
        }
    };
    context.answers.absent_row = Some(Learned::new(absent, Utc::now(), answer.described()));
    context.step(step_of(form), tried, answer.described(), settles);
    Ok(())
}

fn step_of(form: LeaveForm) -> &'static str {
    match form {
        LeaveForm::Delete => "T4",
        LeaveForm::DeleteCollection => "T5",
    }
}

async fn ask_to_join(
    context: &mut ProbeContext<'_>,
    pair: &ScratchPair,
    form: JoinForm,
    tried: &str,
) -> Result<WriteAnswer, ProbeError> {
    context.ask_twice(tried, async |writer| writer.join(form, &pair.operator, &pair.group).await).await
}

async fn ask_to_leave(
    context: &mut ProbeContext<'_>,
    pair: &ScratchPair,
    form: LeaveForm,
    tried: &str,
) -> Result<WriteAnswer, ProbeError> {
    context.ask_twice(tried, async |writer| writer.leave(form, &pair.operator, &pair.group).await).await
}

/// Number of rows that make the operator a member of the group.
pub(super) async fn rows(context: &ProbeContext<'_>, pair: &ScratchPair) -> Result<usize, ProbeError> {
    let groups = context.read(context.campaign.scratch_memberships(&pair.operator)).await?;
    Ok(groups.into_iter().filter(|group| group.0 == pair.group.found().id).count())
}

fn seen(answer: &WriteAnswer, rows: usize) -> String {
    match rows {
        0 => format!("{}; no row read back", answer.described()),
        1 => format!("{}; 1 row read back", answer.described()),
        _ => format!("{}; {rows} rows read back", answer.described()),
    }
}
