//! The fault matrix: each call of a run, met by each kind of fault. Of each cell it is asserted how the run ended, what it
//! wrote, that its report and the history agree with Campaign, that no secret was written anywhere, and that the runs
//! after the fault bring everything to what an undisturbed run makes of it, and then write nothing.
//!
//! | file | contents |
//! |---|---|
//! | `world` | the world of every cell, and the run that meets it |
//! | `places` | the calls of the run |
//! | `kinds` | the kinds of faults that concern a call as a whole |
//! | `data` | answers that are well formed and wrong |
//! | `cell` | a place and a kind, and what may come of both |
//! | `verdict`, `secrets` | what is asserted |
//! | `runner` | runs the cells of one subject side by side, and prints their number |
//!
//! `FAULT_CELL=NAME` runs the cells whose name contains NAME; `FAULT_MATRIX=full` runs all kinds at all places.

mod cell;
mod data;
mod kinds;
mod places;
mod runner;
mod secrets;
mod verdict;
mod world;

use std::collections::BTreeMap;

use cell::{Cell, cells_of};
pub(crate) use runner::say;

/// The name of a subject, and its cells.
type Subject = (&'static str, fn() -> Vec<Cell>);

/// The subjects, with their cells; each has a test of its own, so that they run side by side.
const SUBJECTS: [Subject; 13] = [
    ("tokens", || cells_of(&places::tokens())),
    ("groups", || [cells_of(&places::groups()), data::groups()].concat()),
    ("users", || cells_of(&places::users())),
    ("wrong users", data::users),
    ("members", || cells_of(&places::members())),
    ("second reads", || [cells_of(&places::second_reads()), data::members()].concat()),
    ("one user", || [cells_of(&places::one_user()), data::one_user()].concat()),
    ("sessions", || cells_of(&places::sessions())),
    ("snapshots", || cells_of(&places::snapshots())),
    ("logins", || [cells_of(&places::logins()), data::rows()].concat()),
    ("writes", || cells_of(&places::writes())),
    ("wrong writes", data::writes),
    ("read-backs", || cells_of(&places::read_backs())),
];

async fn run(subject: &str) {
    let (subject, cells) = SUBJECTS.iter().find(|(name, _)| *name == subject).expect("a subject");
    runner::run(subject, cells()).await;
}

macro_rules! subjects {
    ($($test:ident: $subject:literal),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $test() {
                run($subject).await;
            }
        )*

        #[test]
        fn every_subject_has_a_test() {
            assert_eq!(SUBJECTS.map(|(name, _)| name), [$($subject),*]);
        }
    };
}

subjects! {
    faults_of_requests_for_tokens: "tokens",
    faults_of_the_groups_listing: "groups",
    faults_of_the_users: "users",
    wrong_users: "wrong users",
    faults_of_the_members_of_a_profile: "members",
    faults_of_second_reads: "second reads",
    faults_of_a_single_user: "one user",
    faults_of_sessions: "sessions",
    faults_of_snapshots: "snapshots",
    faults_of_logins_and_wrong_rows: "logins",
    faults_of_writes: "writes",
    wrong_writes: "wrong writes",
    faults_of_read_backs: "read-backs",
}

#[test]
fn the_matrix_has_at_least_600_cells_and_each_has_a_name_of_its_own() {
    let cells: Vec<Cell> = SUBJECTS.iter().flat_map(|(_, cells)| cells()).collect();
    let counted = |of: &dyn Fn(&Cell) -> String| {
        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        for cell in &cells {
            *numbers.entry(of(cell)).or_default() += 1;
        }
        numbers
    };
    let in_lines = |numbers: &BTreeMap<String, usize>| {
        numbers.iter().map(|(name, number)| format!("\n    {number:4} {name}")).collect::<Vec<_>>().concat()
    };
    let (kinds, names) = (counted(&|cell| cell.kind.name.to_owned()), counted(&ToString::to_string));
    say(&format!(
        "fault matrix: {} cells, {} kinds of faults at {} places; the cells of each kind:{}\n",
        cells.len(),
        kinds.len(),
        counted(&|cell| cell.place.to_string()).len(),
        in_lines(&kinds)
    ));
    assert!(cells.len() >= 600, "{}", cells.len());
    let doubled: Vec<_> = names.iter().filter(|(_, number)| **number > 1).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
}
