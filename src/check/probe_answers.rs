//! What `probe` learned about an instance. An instance that was never probed is no problem: the writer then uses the
//! forms that Adobe's documentation suggests, and reads back what it wrote.

use super::{
    findings::{CheckOutcome, Findings},
    prerequisites::WRITE_FORMS,
};
use crate::{
    domain::{InstanceAnswers, InstanceMode, SCRATCH_GROUP, SCRATCH_OPERATOR, shell_word, to_the_second},
    journal::{Journal, JournalError},
    observability::Chain,
    settings::{InstanceAccess, PartialInstance},
};

/// Records what the state knows; `journal` is `None` where there is no state.
pub(super) async fn check(findings: &mut Findings, one: &PartialInstance, journal: Option<&Journal>) {
    let Some(instance) = &one.access else { return };
    let outcome = match journal {
        Some(journal) => remembered(journal, instance).await,
        None => Ok(known(&InstanceAnswers::default(), instance)),
    };
    let outcome = outcome.unwrap_or_else(|error| CheckOutcome::not_checked(Chain(&error).to_string()));
    findings.record_for(instance.name.as_str(), WRITE_FORMS, outcome);
}

async fn remembered(journal: &Journal, instance: &InstanceAccess) -> Result<CheckOutcome, JournalError> {
    let address = instance.url.to_string();
    let left = journal.scratch_records(&address).await?;
    if left.is_empty() {
        return Ok(known(&journal.instance_answers(&instance.name, &address).await?, instance));
    }
    let records: Vec<String> = left.iter().map(|record| record.kind.described()).collect();
    Ok(CheckOutcome::warning(
        format!("a probe did not end, and may have left: {}", records.join(", ")),
        format!(
            "run campaign-group-sync probe {} again, with mode = \"observe\": it removes them first; or delete {SCRATCH_GROUP} \
             and {SCRATCH_OPERATOR} in the Campaign console",
            shell_word(instance.name.as_str())
        ),
    ))
}

fn known(answers: &InstanceAnswers, instance: &InstanceAccess) -> CheckOutcome {
    let Some(at) = answers.learned_at() else {
        return CheckOutcome::not_checked(not_probed(instance));
    };
    CheckOutcome::ok(format!("probed at {}: {}", to_the_second(at), answers.described().join("; ")))
}

fn not_probed(instance: &InstanceAccess) -> String {
    match instance.mode {
        InstanceMode::Observe => {
            let command = format!("campaign-group-sync probe {}", shell_word(instance.name.as_str()));
            format!("not probed; where this is a test instance, find out with: {command}")
        }
        InstanceMode::Apply => {
            "not probed; runs read back what they write. To find out, probe a test instance of the same build"
                .to_owned()
        }
    }
}
