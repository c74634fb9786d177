//! Shortens a history that breaks a promise, and prints it as a scenario.

use super::{
    on_this_thread,
    player::{Played, Steps, play},
    step::Step,
};

/// How often a history is played to shorten it.
const ATTEMPTS: usize = 200;

/// The shortest history found that breaks the same promise, as a scenario with comments.
pub(super) fn shortened(seed: u64, played: Played, approves: bool) -> String {
    let mut best = played;
    let Err(violation) = best.verdict.clone() else { return String::new() };
    let mut attempts = 0;
    let mut length = best.steps.len().div_ceil(2);
    while length > 0 {
        let mut from = 0;
        while from < best.steps.len() && attempts < ATTEMPTS {
            let steps: Vec<Step> = best.steps.iter().map(|(step, _)| step.clone()).collect();
            let kept = steps.iter().take(from).chain(steps.iter().skip(from + length)).cloned().collect();
            attempts += 1;
            let again = on_this_thread(play(best.first.clone(), Steps::Given(kept), approves));
            if again.verdict.as_ref().is_err_and(|other| other.promise == violation.promise) {
                best = again;
            } else {
                from += length;
            }
        }
        length /= 2;
    }
    format!("seed {seed}: {:#?}\n{:#?}", best.verdict, best.steps)
}
