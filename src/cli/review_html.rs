//! The access review as a page to print and to sign. It contains everything that it shows: it loads nothing, and needs no
//! script. Every value passes the escaper of the status page.

use askama::{Template, filters::Safe};

use crate::domain::{AccessReview, ReviewedGroup, ReviewedInstance, ReviewedMember, to_the_second};

use super::{
    CommandError,
    review_command::{organization, record},
    review_sections::{Section, date, facts, members, never_read, remarks, sections},
};

/// The style sheet, which is part of the page.
const STYLE: &str = include_str!("templates/review.css");

/// Everything on the page.
#[derive(Template)]
#[template(path = "review.html", config = "src/cli/askama.toml")]
struct ReviewPage {
    style: Safe<&'static str>,
    version: &'static str,
    organization: String,
    at: String,
    digest: String,
    /// Who recorded the review; `None` where it is not recorded.
    record: Option<String>,
    /// How to record it.
    command: String,
    /// Sentences about configured instances that are not in the review.
    missing: Vec<String>,
    instances: Vec<InstancePart>,
}

struct InstancePart {
    name: String,
    facts: Vec<String>,
    groups: Vec<GroupPart>,
    sections: Vec<Section>,
}

struct GroupPart {
    group: String,
    profile: String,
    count: String,
    members: Vec<MemberPart>,
}

struct MemberPart {
    login: String,
    since: String,
    machine_since: String,
    how: String,
    approved_by: Option<String>,
    remarks: Vec<String>,
}

/// The page; `command` records the review.
pub(super) fn html(review: &AccessReview, command: &str) -> Result<String, CommandError> {
    let page = ReviewPage {
        style: Safe(STYLE),
        version: env!("CARGO_PKG_VERSION"),
        organization: organization(review),
        at: review.at.format("%Y-%m-%d %H:%M UTC").to_string(),
        digest: review.digest.clone(),
        record: record(review),
        command: command.to_owned(),
        missing: review.never_read.iter().map(|instance| never_read(instance)).collect(),
        instances: review.instances.iter().map(InstancePart::new).collect(),
    };
    Ok(page.render()? + "\n")
}

impl InstancePart {
    fn new(instance: &ReviewedInstance) -> Self {
        Self {
            name: instance.name.clone(),
            facts: facts(instance),
            groups: instance.groups.iter().map(GroupPart::new).collect(),
            sections: sections(instance),
        }
    }
}

impl GroupPart {
    fn new(group: &ReviewedGroup) -> Self {
        Self {
            group: group.group.clone(),
            profile: group.profile.clone(),
            count: members(group),
            members: group.members.iter().map(|member| MemberPart::new(member, &group.profile)).collect(),
        }
    }
}

impl MemberPart {
    fn new(member: &ReviewedMember, profile: &str) -> Self {
        Self {
            login: member.login.clone(),
            since: date(member.since),
            machine_since: to_the_second(member.since),
            how: member.cause.began(profile),
            approved_by: member.cause.approved_by.clone(),
            remarks: remarks(member),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::review_sample::{done, review},
        *,
    };

    #[test]
    fn a_review_as_html_has_every_part_and_boxes_to_mark() {
        let page = html(&review(), "campaign-group-sync review --done 0123456789abcdef").expect("a page");
        insta::assert_snapshot!(page.replace(STYLE, "STYLE").replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    }

    #[test]
    fn the_page_loads_nothing_and_runs_no_script() {
        let page = html(&review(), "campaign-group-sync review --done 0123456789abcdef").expect("a page");
        for word in ["<script", "http://", "https://", "src=", "href=", "url(", "@import", "onload", "<form", "<iframe"]
        {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""), "{page}");
        assert!(page.contains("&lt;script&gt;") && !page.contains('\u{202e}'), "{page}");
    }

    #[test]
    fn a_recorded_review_names_the_reviewer_and_no_command() {
        let page = html(&done(), "campaign-group-sync review --done 0123456789abcdef").expect("a page");
        assert!(page.contains("Recorded as reviewed by root (uid 0, who gave the name zoe) at"), "{page}");
        assert!(!page.contains("--done"), "{page}");
    }
}
