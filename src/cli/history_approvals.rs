//! `history --approvals`: the approvals, with the approver and the run that used each.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    domain::{ApprovalNote, RunId, to_the_second},
    journal::{GivenApproval, Journal},
};

use super::{
    CommandError,
    arguments::OutputFormat,
    json::json,
    styles::{DIM, GOOD},
    table::Table,
};

/// Version of this document's form.
const VERSION: u32 = 1;

const NO_APPROVAL: &str = "No approval has been recorded yet.\n";

const HEADS: [&str; 6] = ["Approved", "Digest", "Instance", "Changes", "By", "Used by run"];

/// The last approvals, newest first, in the given format.
pub(super) async fn approvals(
    journal: Option<&Journal>,
    limit: u32,
    output: OutputFormat,
) -> Result<String, CommandError> {
    let given = match journal {
        Some(journal) => journal.given_approvals(usize::try_from(limit).unwrap_or(usize::MAX)).await?,
        None => Vec::new(),
    };
    Ok(list(output, &given)?)
}

/// The JSON form.
#[derive(Serialize)]
struct Approvals<'a> {
    version: u32,
    approvals: Vec<ListedApproval<'a>>,
}

#[derive(Serialize)]
struct ListedApproval<'a> {
    #[serde(flatten)]
    approval: ApprovalNote,
    instance: &'a str,
    changes: i64,
    #[serde(serialize_with = "crate::domain::rfc3339")]
    expires_at: DateTime<Utc>,
    used_by_run: Option<&'a str>,
}

fn list(output: OutputFormat, given: &[GivenApproval]) -> Result<String, serde_json::Error> {
    Ok(match output {
        OutputFormat::Json => json(&Approvals { version: VERSION, approvals: given.iter().map(listed).collect() })?,
        OutputFormat::Text | OutputFormat::Markdown => {
            let rows = given.iter().map(|one| (if one.used_at.is_some() { GOOD } else { DIM }, row(one)));
            Table::new(HEADS, rows).rendered(output, NO_APPROVAL)
        }
    })
}

fn listed(given: &GivenApproval) -> ListedApproval<'_> {
    ListedApproval {
        approval: ApprovalNote::new(&given.digest, &given.approver, given.at),
        instance: given.instance.as_str(),
        changes: given.changes,
        expires_at: given.expires_at,
        used_by_run: given.used_by.as_ref().map(RunId::as_str),
    }
}

fn row(given: &GivenApproval) -> [String; 6] {
    let used = match (&given.used_by, given.used_at) {
        (Some(run), _) => run.to_string(),
        (None, Some(at)) => format!("used at {}", to_the_second(at)),
        (None, None) => "not used".to_owned(),
    };
    [
        to_the_second(given.at),
        given.digest.clone(),
        given.instance.to_string(),
        given.changes.to_string(),
        given.approver.to_string(),
        used,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Approver, InstanceName, SystemUser};

    fn given(claimed: &str, used_by: Option<&str>) -> GivenApproval {
        let user = |uid, name: &str| Some(SystemUser { uid, name: Some(name.to_owned()) });
        let at = DateTime::from_timestamp(1_795_413_600, 0).expect("a time");
        GivenApproval {
            instance: InstanceName::new("production"),
            digest: "0123456789abcdef".to_owned(),
            approver: Approver::claimed(claimed).as_user(user(0, "root")).signed_in_as(user(1004, "carol")),
            at,
            expires_at: at,
            changes: 3,
            used_by: used_by.map(RunId::new),
            used_at: used_by.map(|_| at),
        }
    }

    fn shown(output: OutputFormat) -> String {
        let all = [given("zoe|\u{1b}[2J", None), given("carol", Some("01KB0000000000000000000003"))];
        anstream::adapter::strip_str(&list(output, &all).expect("writable")).to_string()
    }

    #[test]
    fn approvals_as_text_have_the_system_users_and_the_run_that_used_them() {
        insta::assert_snapshot!(shown(OutputFormat::Text));
    }

    #[test]
    fn approvals_as_markdown_are_a_table() {
        insta::assert_snapshot!(shown(OutputFormat::Markdown));
    }

    #[test]
    fn approvals_as_json_have_each_user_as_a_field() {
        insta::assert_snapshot!(shown(OutputFormat::Json));
    }

    #[test]
    fn a_list_without_approvals_says_so() {
        assert_eq!(list(OutputFormat::Text, &[]).expect("writable"), NO_APPROVAL);
        assert_eq!(list(OutputFormat::Json, &[]).expect("writable"), "{\n  \"version\": 1,\n  \"approvals\": []\n}\n");
    }
}
