//! The access review as text of 80 columns, and as Markdown.

use textwrap::core::display_width;

use crate::domain::{AccessReview, ReviewedGroup, ReviewedInstance, printable, to_the_second};

use super::{
    markdown::{cell, table, table_of},
    review_command::{organization, record},
    review_sections::{APPROVED_BY, Section, counted, date, facts, members, never_read, remarks, sections},
    styles::{BOLD, DIM, DOUBT, line, styled, wrapped},
};

/// Widest column of logins, so that a usual row has at most 80 columns. A longer login has a line of its own.
const LONGEST_LOGIN: usize = 38;

/// What `--done` recorded.
pub(super) fn recorded(review: &AccessReview) -> String {
    let mut out = String::new();
    if let Some(record) = record(review) {
        line(&mut out, &wrapped(&record, 0));
    }
    for instance in &review.never_read {
        line(&mut out, &format!("  {}", wrapped(&format!("Not reviewed: {}", never_read(instance)), 2)));
    }
    for instance in &review.instances {
        let memberships: usize = instance.groups.iter().map(|group| group.members.len()).sum();
        let about = format!(
            "{}: {} in {}; digest {}",
            instance.name,
            counted(memberships, "membership"),
            counted(instance.groups.len(), "group"),
            instance.digest.get(..AccessReview::SHORT_DIGEST).unwrap_or_default()
        );
        line(&mut out, &format!("  {}", wrapped(&about, 2)));
        for fact in facts(instance) {
            line(&mut out, &format!("    {}", wrapped(&fact, 4)));
        }
    }
    out
}

/// The review for a terminal; `command` records it.
pub(super) fn text(review: &AccessReview, command: &str) -> String {
    let mut out = String::new();
    line(&mut out, &format!("{BOLD}Access review at {}{BOLD:#}", to_the_second(review.at)));
    line(&mut out, &format!("organization {}", printable(&organization(review))));
    line(&mut out, &format!("digest {}", review.digest));
    for instance in &review.never_read {
        line(&mut out, &styled(DOUBT, &wrapped(&never_read(instance), 0)));
    }
    for instance in &review.instances {
        line(&mut out, "");
        line(&mut out, &format!("{BOLD}Instance {}{BOLD:#}", printable(&instance.name)));
        for fact in facts(instance) {
            line(&mut out, &format!("  {}", wrapped(&fact, 2)));
        }
        if instance.groups.is_empty() {
            line(&mut out, "  no managed group");
        }
        for group in &instance.groups {
            group_text(&mut out, group);
        }
        for section in sections(instance) {
            section_text(&mut out, &section);
        }
    }
    line(&mut out, "");
    line(&mut out, "To record that exactly this access was reviewed:");
    line(&mut out, &format!("  {}", printable(command)));
    out
}

fn group_text(out: &mut String, group: &ReviewedGroup) {
    line(out, "");
    let about = format!("{} ({}), profile {}", group.group, members(group), group.profile);
    line(out, &format!("  {}", styled(BOLD, &wrapped(&about, 4))));
    let width = group.members.iter().map(|member| display_width(&printable(&member.login))).max().unwrap_or_default();
    let width = width.min(LONGEST_LOGIN);
    for member in &group.members {
        let login = printable(&member.login);
        let rest = format!("{}  {}", date(member.since), member.cause.began(&group.profile));
        if let Some(padding) = width.checked_sub(display_width(&login)) {
            let column = 4 + width + 2;
            line(out, &format!("    {login}{:padding$}  {}", "", wrapped(&rest, column)));
        } else {
            line(out, &format!("    {login}"));
            line(out, &format!("      {}", wrapped(&rest, 6)));
        }
        if let Some(approver) = &member.cause.approved_by {
            line(out, &format!("      {}", styled(DIM, &wrapped(&format!("approved by {approver}"), 8))));
        }
        for remark in remarks(member) {
            line(out, &format!("      {}", styled(DOUBT, &wrapped(&remark, 8))));
        }
    }
}

fn section_text(out: &mut String, section: &Section) {
    line(out, "");
    if let Some(word) = section.without_rows() {
        line(out, &format!("  {BOLD}{}{BOLD:#}: {word}", section.heading()));
        return;
    }
    line(out, &format!("  {BOLD}{}{BOLD:#}", section.heading()));
    for row in section.rows.iter().flatten() {
        let named = section.heads.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        let cells: Vec<String> = named
            .map(|(head, cell)| if *head == APPROVED_BY { format!("approved by {cell}") } else { cell.clone() })
            .collect();
        line(out, &format!("    {}", wrapped(&cells.join("; "), 6)));
    }
}

/// The review for tickets and wikis; `command` records it.
pub(super) fn markdown(review: &AccessReview, command: &str) -> String {
    let mut parts = vec![
        format!("# Access review at {}", to_the_second(review.at)),
        format!("Organization {}. Digest of the access: `{}`", cell(&organization(review)), review.digest),
    ];
    parts.extend(review.never_read.iter().map(|instance| cell(&never_read(instance))));
    for instance in &review.instances {
        instance_markdown(&mut parts, instance);
    }
    if let Some(record) = record(review) {
        parts.push(cell(&record));
    } else {
        parts.push(table(["Name", "Date", "Signature"], std::iter::once([const { String::new() }; 3])));
        let command = cell(command);
        parts.push(format!("To record that exactly this access was reviewed: {command}"));
    }
    parts.join("\n\n") + "\n"
}

fn instance_markdown(parts: &mut Vec<String>, instance: &ReviewedInstance) {
    parts.push(format!("## Instance {}", cell(&instance.name)));
    parts.extend(facts(instance).iter().map(|fact| cell(fact)));
    if instance.groups.is_empty() {
        parts.push("No managed group.".to_owned());
    }
    for group in &instance.groups {
        parts.push(format!("### {} ({})", cell(&group.group), members(group)));
        parts.push(format!("Product profile {}", cell(&group.profile)));
        if group.members.is_empty() {
            continue;
        }
        let rows = group.members.iter().map(|member| {
            let mut how = vec![member.cause.began(&group.profile)];
            how.extend(remarks(member));
            let approver = member.cause.approved_by.clone().unwrap_or_default();
            [member.login.clone(), date(member.since), how.join("; "), approver, String::new()]
        });
        parts.push(table(["Operator", "Since", "How", "Approved by", "Keep or remove"], rows));
    }
    for section in sections(instance) {
        parts.push(format!("### {}", cell(&section.heading())));
        match section.without_rows() {
            Some(word) => parts.push(word.to_owned()),
            None => parts.push(table_of(section.heads, section.rows.iter().flatten())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::review_sample::{done, review},
        *,
    };

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_review_as_text_has_every_part_and_lines_of_at_most_80_columns() {
        let text = plain(&text(&review(), "campaign-group-sync review --done 0123456789abcdef"));
        let long: Vec<&str> = text.lines().filter(|line| display_width(line) > 80).collect();
        assert!(long.is_empty(), "{long:#?}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_recorded_review_as_text_says_who_recorded_what() {
        insta::assert_snapshot!(plain(&recorded(&done())));
    }

    #[test]
    fn a_review_as_markdown_has_a_table_for_each_group_and_list() {
        insta::assert_snapshot!(markdown(&review(), "campaign-group-sync review --done 0123456789abcdef"));
    }

    #[test]
    fn a_recorded_review_as_markdown_names_the_reviewer_and_has_no_line_to_sign() {
        let text = markdown(&done(), "campaign-group-sync review --done 0123456789abcdef");
        assert!(
            text.ends_with(
                "\n\nRecorded as reviewed by root (uid 0, who gave the name zoe) at 2026-08-30T09:00:00Z.\n"
            )
        );
        assert!(!text.contains("Signature") && !text.contains("--done"), "{text}");
    }
}
