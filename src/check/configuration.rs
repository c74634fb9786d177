//! The configuration itself: each of its problems is a finding.

use super::{
    board::{Board, Outcome, Reach},
    catalogue::{CONFIGURATION, MASK, ORGANIZATION_ID},
    verdict::{Cause, CheckReport},
};
use crate::settings::{Problem, Settings, SettingsError};

/// The report where no configuration can be used: its problems, and all else waits.
pub(super) fn refused(error: &SettingsError, reach: Reach) -> CheckReport {
    let mut instances: Vec<String> = error.problems.iter().filter_map(instance_of).map(str::to_owned).collect();
    instances.sort();
    instances.dedup();
    let mut board = Board::new(reach, instances);
    for problem in &error.problems {
        let evidence = match &problem.place {
            Some(place) => format!("{} ({place}): {}", problem.subject, problem.what),
            None => format!("{}: {}", problem.subject, problem.what),
        };
        let outcome = Outcome::failed(Cause::Configuration, evidence, problem.mend.clone());
        match instance_of(problem) {
            Some(instance) if problem.subject.ends_with(".association_mask") => {
                board.settle_of(instance, MASK, outcome);
            }
            _ if problem.subject == ORGANIZATION_ID => board.settle(ORGANIZATION_ID, outcome),
            _ => board.settle(CONFIGURATION, outcome),
        }
    }
    board.report()
}

/// Notes that the configuration can be used, with its doubts.
pub(super) fn accepted(board: &mut Board, settings: &Settings) {
    let doubts: Vec<&str> =
        settings.warnings.iter().map(String::as_str).filter(|doubt| !doubt.contains("association_mask")).collect();
    board.settle(
        CONFIGURATION,
        if doubts.is_empty() {
            Outcome::ok(match settings.instances.len() {
                1 => "one Campaign instance".to_owned(),
                count => format!("{count} Campaign instances"),
            })
        } else {
            Outcome::warning(doubts.join("\n"), "change the lines that are named; see config/default.toml")
        },
    );
    board.settle(ORGANIZATION_ID, Outcome::ok(settings.experience_cloud.options.organization_id.to_string()));
}

fn instance_of(problem: &Problem) -> Option<&str> {
    problem.subject.strip_prefix("instances.")?.split('.').next()
}
