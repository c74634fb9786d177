//! The access review as a page to print and to sign. It contains everything that it shows: it loads nothing, and needs no
//! script. Every value passes the escaper of the status page.

use askama::{Template, filters::Safe};

use crate::domain::{AccessReview, ReviewedGroup, ReviewedInstance, ReviewedMember, to_the_second};

use super::{
    CommandError,
    review_command::how_to_record,
    review_sections::{Section, date, facts, members, remarks, sections},
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
    /// How to record the review, or by whom it was recorded.
    record: String,
    is_recorded: bool,
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

/// The page; `instance` is the one that it was narrowed to.
pub(super) fn html(review: &AccessReview, instance: Option<&str>) -> Result<String, CommandError> {
    let page = ReviewPage {
        style: Safe(STYLE),
        version: env!("CARGO_PKG_VERSION"),
        organization: review.organization.clone(),
        at: review.at.format("%Y-%m-%d %H:%M UTC").to_string(),
        digest: review.digest.clone(),
        record: how_to_record(review, instance),
        is_recorded: review.recorded.is_some(),
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
            how: member.cause.described(Some(profile)),
            approved_by: member.cause.approved_by.clone(),
            remarks: remarks(member),
        }
    }
}
