//! `access`: the members of every managed group, now or at a past time.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    domain::{RunId, printable, to_the_second},
    journal::{InstanceAccess, Journal, MemberAccess, MemberDetail},
};

use super::{
    CommandError,
    arguments::{AccessArguments, Arguments, OutputFormat},
    bootstrap::bootstrap,
    csv,
    exit_status::ExitStatus,
    json::json,
    markdown,
    styles::{BOLD, line},
    terminal::{print, print_warning},
};

/// Shows the memberships that the runs up to the given time recorded.
pub(super) async fn run(arguments: &Arguments, access: &AccessArguments) -> Result<ExitStatus, CommandError> {
    // clap does not detect the conflict when --output is given before the command.
    if access.csv && arguments.output != OutputFormat::Text {
        return Err(CommandError::Usage("--csv and --output exclude each other".to_owned()));
    }
    let (settings, _) = bootstrap(arguments)?;
    let now = Utc::now();
    let at = access.at.unwrap_or(now);
    let detail = if access.csv { MemberDetail::Cause } else { MemberDetail::Login };
    let (instances, complete_since) = match Journal::open_read_only(&settings.journal_options()).await? {
        Some(journal) => (journal.access(at, now, detail).await?, journal.deleted_before().await?.changes),
        None => (Vec::new(), None),
    };
    if let Some(since) = complete_since.filter(|since| at < *since) {
        return Err(CommandError::DeletedAccess { at, since });
    }
    let access_then = Access { version: VERSION, at, complete_since, instances };
    if access_then.instances.is_empty() && (access.csv || arguments.output == OutputFormat::Json) {
        print_warning(nothing_known(at).trim_end());
    }
    print(&match arguments.output {
        _ if access.csv => access_csv(&access_then),
        OutputFormat::Text => text(&access_then),
        OutputFormat::Json => json(&access_then)?,
        OutputFormat::Markdown => markdown(&access_then),
    })?;
    Ok(ExitStatus::Done)
}

/// Version of this document's form.
const VERSION: u32 = 1;

/// The JSON form.
#[derive(Serialize)]
struct Access {
    version: u32,
    #[serde(serialize_with = "crate::domain::rfc3339")]
    at: DateTime<Utc>,
    /// The time before which the record was deleted; null where nothing was deleted.
    #[serde(serialize_with = "crate::domain::rfc3339_or_null")]
    complete_since: Option<DateTime<Utc>>,
    instances: Vec<InstanceAccess>,
}

fn nothing_known(at: DateTime<Utc>) -> String {
    format!("Nothing is recorded for {}: no run had read Campaign by then.\n", to_the_second(at))
}

fn text(access: &Access) -> String {
    if access.instances.is_empty() {
        return nothing_known(access.at);
    }
    let mut out = String::new();
    line(&mut out, &format!("Access at {}", to_the_second(access.at)));
    for instance in &access.instances {
        line(&mut out, "");
        line(&mut out, &format!("{BOLD}{}{BOLD:#}", printable(&instance.name)));
        if instance.groups.is_empty() {
            line(&mut out, "  no managed group");
        }
        for group in &instance.groups {
            line(&mut out, &format!("  {} ({})", printable(&group.group), members(group.members.len())));
            for login in group.logins() {
                line(&mut out, &format!("    {}", printable(login)));
            }
        }
    }
    out
}

fn members(count: usize) -> String {
    match count {
        0 => "no members".to_owned(),
        1 => "1 member".to_owned(),
        _ => format!("{count} members"),
    }
}

fn markdown(access: &Access) -> String {
    if access.instances.is_empty() {
        return nothing_known(access.at);
    }
    let mut sections = vec![format!("# Access at {}", to_the_second(access.at))];
    for instance in &access.instances {
        sections.push(format!("## {}", markdown::cell(&instance.name)));
        if instance.groups.is_empty() {
            sections.push("No managed group.".to_owned());
            continue;
        }
        let rows = instance.groups.iter().map(|group| {
            let count = group.members.len().to_string();
            [group.group.clone(), count, group.logins().collect::<Vec<_>>().join(", ")]
        });
        sections.push(markdown::table(["Operator group", "Members", "Operators"], rows));
    }
    sections.join("\n\n") + "\n"
}

/// New columns come last, so that scripts which use column numbers keep working.
const CSV_HEAD: &str = "at,instance,group,login,profile,since,granted_by_run,approved_by\r\n";

/// One row for each membership, in the form of RFC 4180; a group without members has no row.
fn access_csv(access: &Access) -> String {
    let at = to_the_second(access.at);
    let mut out = CSV_HEAD.to_owned();
    for instance in &access.instances {
        for group in &instance.groups {
            for member in &group.members {
                let MemberAccess { login, since, granted_by, approved_by } = member;
                let (since, run) = (to_the_second(*since), granted_by.as_ref().map_or("", RunId::as_str));
                let approved_by = approved_by.as_deref().unwrap_or_default();
                let cells = [&at, &instance.name, &group.group, login, &group.profile, &since, run, approved_by];
                csv::row(&mut out, cells);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::GroupAccess;

    fn access() -> Access {
        let member = |login: &&str| MemberAccess {
            login: (*login).to_owned(),
            since: DateTime::from_timestamp(1_795_000_000, 0).expect("a time"),
            granted_by: login.starts_with("ann").then(|| RunId::new("01KB0000000000000000000003")),
            approved_by: login.starts_with("ann").then(|| "root (uid 0, signed in as carol, uid 1004)".to_owned()),
        };
        let group = |group: &str, members: &[&str]| GroupAccess {
            group: group.to_owned(),
            profile: format!("Campaign - acme - {group}"),
            members: members.iter().map(member).collect(),
        };
        Access {
            version: VERSION,
            complete_since: None,
            at: DateTime::from_timestamp(1_795_413_600, 0).expect("a time"),
            instances: vec![
                InstanceAccess {
                    name: "production".to_owned(),
                    groups: vec![
                        group("delivery", &["ann@acme.com", "o'brien@acme.com"]),
                        group("empty", &[]),
                        group("a|b, \"c\"", &["=cmd()", "eve\u{1b}[2J@acme.com"]),
                    ],
                },
                InstanceAccess { name: "stage".to_owned(), groups: Vec::new() },
            ],
        }
    }

    #[test]
    fn access_as_text_lists_groups_with_their_members() {
        insta::assert_snapshot!(anstream::adapter::strip_str(&text(&access())));
    }

    #[test]
    fn access_as_markdown_has_a_table_for_each_instance() {
        insta::assert_snapshot!(markdown(&access()));
    }

    #[test]
    fn access_as_csv_has_a_row_for_each_membership_and_no_formula() {
        insta::assert_snapshot!(access_csv(&access()).replace("\r\n", " CRLF\n"));
    }

    #[test]
    fn before_the_first_run_access_says_that_nothing_is_recorded() {
        let access = Access { instances: Vec::new(), ..access() };
        assert!(text(&access).contains("2026-11-23T06:00:00Z"), "{}", text(&access));
        assert_eq!(text(&access), markdown(&access));
        assert_eq!(access_csv(&access), CSV_HEAD);
    }
}
