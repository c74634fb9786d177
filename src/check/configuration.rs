//! The configuration itself: each of its problems is a finding, and what cannot be checked without it waits.

use super::{
    board::{Board, Outcome},
    catalogue::{ACCOUNT_MASK, AMBIGUOUS, CERTIFICATE, CONFIGURATION, FIRST_PAGE, IMS, MASK, ORGANIZATION_ID, PRODUCT},
    verdict::Cause,
};
use crate::{
    domain::FoldedName,
    settings::{PartialSettings, Problem},
};

/// Settles what the configuration decides by itself.
pub(super) fn check(board: &mut Board, settings: &PartialSettings) {
    for problem in &settings.problems {
        settle_problem(board, settings, problem);
    }
    // Doubts about masks are findings about names.
    let doubts: Vec<&str> =
        settings.warnings.iter().map(String::as_str).filter(|doubt| !doubt.contains("association_mask")).collect();
    if !doubts.is_empty() {
        let remedy = "change the keys that are named; campaign-group-sync config shows where each value comes from";
        board.settle(CONFIGURATION, Outcome::warning(doubts.join("\n"), remedy));
    } else if let Some(problem) = settings.problems.first() {
        if settings.problems.iter().all(|problem| place_of(settings, problem).1 != CONFIGURATION) {
            board.settle(CONFIGURATION, Outcome::waiting(place_of(settings, problem).1));
        }
    } else {
        board.settle(
            CONFIGURATION,
            Outcome::ok(match settings.instances.len() {
                1 => "one Campaign instance".to_owned(),
                count => format!("{count} Campaign instances"),
            }),
        );
    }
    experience_cloud(board, settings);
    instances(board, settings);
}

fn settle_problem(board: &mut Board, settings: &PartialSettings, problem: &Problem) {
    let evidence = match &problem.place {
        Some(place) => format!("{} ({place}): {}", problem.subject, problem.what),
        None => format!("{}: {}", problem.subject, problem.what),
    };
    let outcome = Outcome::failed(Cause::Configuration, evidence, problem.remedy.clone());
    match place_of(settings, problem) {
        (Some(instance), id) => board.settle_of(instance, id, outcome),
        (None, id) => board.settle(id, outcome),
    }
}

/// The prerequisite that a problem is a finding of, with the instance where it is one of an instance.
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

fn experience_cloud(board: &mut Board, settings: &PartialSettings) {
    let is_of_id = |problem: &Problem| problem.subject == ORGANIZATION_ID;
    let is_of_section = |problem: &&Problem| problem.subject.starts_with("experience_cloud.");
    if let Some(configured) = &settings.experience_cloud {
        board.settle(ORGANIZATION_ID, Outcome::ok(configured.options.organization_id.to_string()));
        return;
    }
    let mut of_section = settings.problems.iter().filter(is_of_section).peekable();
    let is_the_id_alone = of_section.peek().is_some() && of_section.all(is_of_id);
    let root = if is_the_id_alone { ORGANIZATION_ID } else { CONFIGURATION };
    if !settings.problems.iter().any(is_of_id) {
        board.settle(ORGANIZATION_ID, Outcome::waiting(root));
    }
    // A token needs neither the organization nor how it is read.
    let first = if settings.ims_url.is_some() && settings.credential.is_some() { PRODUCT } else { IMS };
    for id in [first, FIRST_PAGE] {
        board.settle(id, Outcome::waiting(root));
    }
}

fn instances(board: &mut Board, settings: &PartialSettings) {
    for one in &settings.instances {
        let name = one.name.as_str();
        if one.access.is_none() {
            board.settle_of(name, CERTIFICATE, Outcome::waiting(CONFIGURATION));
        }
        if one.policy.is_none() {
            let is_of_mask = |problem: &Problem| place_of(settings, problem) == (Some(name), MASK);
            let root = if settings.problems.iter().any(is_of_mask) { MASK } else { CONFIGURATION };
            if root != MASK {
                board.settle_of(name, MASK, Outcome::waiting(root));
            }
            for id in [ACCOUNT_MASK, AMBIGUOUS] {
                board.settle_of(name, id, Outcome::waiting(root));
            }
        }
    }
}
