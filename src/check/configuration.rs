//! The configuration itself: each of its problems is a finding, and the prerequisites that need the faulty part wait.

use super::{
    findings::{CheckOutcome, Findings},
    prerequisites::{
        ACCOUNT_MASK, AMBIGUOUS, CERTIFICATE, CONFIGURATION, FIRST_PAGE, IMS, MASK, ORGANIZATION_ID, PRODUCT,
    },
    report::FailureCause,
};
use crate::{
    domain::FoldedName,
    settings::{PartialSettings, Problem},
};

/// Records the outcomes that depend on the configuration alone.
pub(super) fn check(findings: &mut Findings, settings: &PartialSettings) {
    for problem in &settings.problems {
        record_problem(findings, settings, problem);
    }
    // Warnings about masks are reported by the checks of names.
    let doubts: Vec<&str> =
        settings.warnings.iter().map(String::as_str).filter(|doubt| !doubt.contains("association_mask")).collect();
    if !doubts.is_empty() {
        let remedy = "change the keys that are named; campaign-group-sync config shows where each value comes from";
        findings.record(CONFIGURATION, CheckOutcome::warning(doubts.join("\n"), remedy));
    } else if let Some(problem) = settings.problems.first() {
        if settings.problems.iter().all(|problem| place_of(settings, problem).1 != CONFIGURATION) {
            findings.record(CONFIGURATION, CheckOutcome::blocked_by(place_of(settings, problem).1));
        }
    } else {
        findings.record(
            CONFIGURATION,
            CheckOutcome::ok(match settings.instances.len() {
                1 => "one Campaign instance".to_owned(),
                count => format!("{count} Campaign instances"),
            }),
        );
    }
    experience_cloud(findings, settings);
    instances(findings, settings);
}

fn record_problem(findings: &mut Findings, settings: &PartialSettings, problem: &Problem) {
    let evidence = match &problem.place {
        Some(place) => format!("{} ({place}): {}", problem.subject, problem.what),
        None => format!("{}: {}", problem.subject, problem.what),
    };
    let outcome = CheckOutcome::failed(FailureCause::Configuration, evidence, problem.remedy.clone());
    match place_of(settings, problem) {
        (Some(instance), id) => findings.record_for(instance, id, outcome),
        (None, id) => findings.record(id, outcome),
    }
}

/// The prerequisite to which a problem belongs, with the instance where it concerns one instance.
fn place_of<'a>(settings: &'a PartialSettings, problem: &Problem) -> (Option<&'a str>, &'static str) {
    if problem.subject == ORGANIZATION_ID {
        return (None, ORGANIZATION_ID);
    }
    let of_mask = settings.instances.iter().find(|one| {
        let key = format!("instances.{}.association_mask", one.name.as_str());
        FoldedName::new(&problem.subject) == FoldedName::new(&key)
    });
    of_mask.map_or((None, CONFIGURATION), |one| (Some(one.name.as_str()), MASK))
}

fn experience_cloud(findings: &mut Findings, settings: &PartialSettings) {
    let is_of_id = |problem: &Problem| problem.subject == ORGANIZATION_ID;
    let is_of_section = |problem: &&Problem| problem.subject.starts_with("experience_cloud.");
    if let Some(configured) = &settings.experience_cloud {
        findings.record(ORGANIZATION_ID, CheckOutcome::ok(configured.options.organization_id.to_string()));
        return;
    }
    let mut of_section = settings.problems.iter().filter(is_of_section).peekable();
    let is_the_id_alone = of_section.peek().is_some() && of_section.all(is_of_id);
    let root = if is_the_id_alone { ORGANIZATION_ID } else { CONFIGURATION };
    if !settings.problems.iter().any(is_of_id) {
        findings.record(ORGANIZATION_ID, CheckOutcome::blocked_by(root));
    }
    // A token needs neither the organization id nor the keys for reading the organization.
    let first = if settings.ims_url.is_some() && settings.credential.is_some() { PRODUCT } else { IMS };
    for id in [first, FIRST_PAGE] {
        findings.record(id, CheckOutcome::blocked_by(root));
    }
}

fn instances(findings: &mut Findings, settings: &PartialSettings) {
    for one in &settings.instances {
        let name = one.name.as_str();
        if one.access.is_none() {
            findings.record_for(name, CERTIFICATE, CheckOutcome::blocked_by(CONFIGURATION));
        }
        if one.policy.is_none() {
            let is_of_mask = |problem: &Problem| place_of(settings, problem) == (Some(name), MASK);
            let root = if settings.problems.iter().any(is_of_mask) { MASK } else { CONFIGURATION };
            if root != MASK {
                findings.record_for(name, MASK, CheckOutcome::blocked_by(root));
            }
            for id in [ACCOUNT_MASK, AMBIGUOUS] {
                findings.record_for(name, id, CheckOutcome::blocked_by(root));
            }
        }
    }
}
