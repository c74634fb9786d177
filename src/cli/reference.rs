//! Exit statuses, reasons for skipping and configuration keys, for the manual pages and `docs/reference.md`.

use std::fmt::Write as _;

use super::exit_status::ExitStatus;
use crate::{
    domain::SkipReason,
    settings::{SchemaKey, schema},
};

/// Every exit status, in ascending order.
pub(super) const EXITS: [ExitStatus; 11] = [
    ExitStatus::Done,
    ExitStatus::Failure,
    ExitStatus::Pending,
    ExitStatus::Partial,
    ExitStatus::Held,
    ExitStatus::Incomplete,
    ExitStatus::Unavailable,
    ExitStatus::Locked,
    ExitStatus::Usage,
    ExitStatus::Refused,
    ExitStatus::Configuration,
];

/// Every reason for skipping; those that need no administrator come first.
const REASONS: [SkipReason; 17] = [
    SkipReason::NoOperator,
    SkipReason::NoGroup,
    SkipReason::NotManaged,
    SkipReason::Protected,
    SkipReason::NotAProfile,
    SkipReason::Renamed,
    SkipReason::NoLogin,
    SkipReason::AmbiguousIdentity,
    SkipReason::AmbiguousProfile,
    SkipReason::AmbiguousGroup,
    SkipReason::RenamedGroup,
    SkipReason::RenamedProfile,
    SkipReason::UnusableRecord,
    SkipReason::EmptyCapture,
    SkipReason::ProtectedMinimum,
    SkipReason::UnknownUser,
    SkipReason::UnknownGroup,
];

/// The meaning of the exit statuses of commands other than a run.
pub(super) const EXITS_OF_COMMANDS: [&str; 9] = [
    "When several statuses apply, the first of 78, 77, 64, 7, 5, 6, 1, 4, 3, 2 wins.",
    "check exits with 0, with 3 when it has a warning, and otherwise with the status that its most serious failure \
     would give a run: 6, 5, 77 or 78.",
    "mask --try exits as a dry run with that mask would. status exits with 3 when no daemon answers.",
    "explain exits with 5, 6, 77 or 78 when Adobe or Campaign could not be asked; it shows the record all the same.",
    "review --done DIGEST exits with 4 when the access is not the one with that digest any more: it records nothing. \
     review --done exits with 64 when no run has recorded anything.",
    "probe exits with 3 when a question was not settled or a scratch record was not removed, and with 78 when the \
     instance must not be probed.",
    "state copy exits with 7 when a run or a daemon uses one of the states, with 64 when an address is invalid, both are one \
     state, FROM holds no state or TO holds one already, with 78 when FROM has the schema of another version, or FROM or TO is \
     of another program or is not a regular file in a folder that only its owner can change, with 1 when a database cannot be \
     reached or opened or the disk is full, and with 3 when the record of FROM was changed before: then the state was copied.",
    "state assign exits with 7 when a run or a daemon uses the state, and with 64 when ID is not the configured organization \
     or there is no state.",
    "The daemon exits with 7 when another daemon uses the same state.",
];

/// The meaning of an exit status.
pub(super) fn exit_meaning(exit: ExitStatus) -> &'static str {
    match exit {
        ExitStatus::Done => "in sync, or all changes applied",
        ExitStatus::Failure => "unexpected failure",
        ExitStatus::Pending => "a dry run, or an observed instance: changes are pending",
        ExitStatus::Partial => "finished, but some items failed or were skipped and need an administrator",
        ExitStatus::Held => "a guard holds changes",
        ExitStatus::Incomplete => {
            "the Admin Console or Campaign could not be read completely; nothing was written where that matters"
        }
        ExitStatus::Unavailable => "rate limited, or temporarily unavailable: retry later",
        ExitStatus::Locked => "another run is in progress",
        ExitStatus::Usage => "wrong usage",
        ExitStatus::Refused => "credentials refused",
        ExitStatus::Configuration => "configuration wrong",
    }
}

/// The meaning of a reason for skipping.
fn reason_meaning(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::NoOperator => {
            "a user with a profile has no operator; the first sign-in creates it, or `missing_operator = \"create\"`"
        }
        SkipReason::NoGroup => "a profile has no operator group; create it, or write `missing_group = \"create\"`",
        SkipReason::NotManaged => "the operator signs in with a password, and `manage = \"ims\"`",
        SkipReason::Protected => "the operator is never changed",
        SkipReason::NotAProfile => "a name that users have and that is missing from the list of profiles",
        SkipReason::Renamed => {
            "a known user has a new login; the old operator is kept until an operator with the new login exists"
        }
        SkipReason::NoLogin => "a user has neither e-mail address nor user name",
        SkipReason::AmbiguousIdentity => "one user and two operators, or names that only look alike",
        SkipReason::AmbiguousProfile => {
            "two profiles for one group, or for groups with similar names; both are refused"
        }
        SkipReason::AmbiguousGroup => {
            "two operator groups of one name, or one with a name similar to that of the profile"
        }
        SkipReason::RenamedGroup => {
            "the operator group of a profile has another name in Campaign now; no group is created beside it"
        }
        SkipReason::RenamedProfile => {
            "the members of a profile came under another name than the one in the list of profiles"
        }
        SkipReason::UnusableRecord => {
            "a record that concerns the mask cannot be used; nothing is added to or removed from its group"
        }
        SkipReason::EmptyCapture => "the mask matches a profile and captures nothing",
        SkipReason::ProtectedMinimum => "a protected group would lose a member that it must keep",
        SkipReason::UnknownUser => "no user has the address given with `--user`",
        SkipReason::UnknownGroup => "no profile stands for the group given with `--group`",
    }
}

/// `docs/reference.md`.
pub(super) fn markdown() -> String {
    let mut page = String::from(
        "<!-- Generated from the code by the hidden command \"generate reference docs\"; do not edit. -->\n\n\
         # Reference\n\n\
         [commands.md](commands.md) has the options and commands.\n\n## Exit status\n\n\
         | status | meaning |\n|---|---|\n",
    );
    for exit in EXITS {
        let _ = writeln!(page, "| {} | {} |", exit as u8, exit_meaning(exit));
    }
    for text in EXITS_OF_COMMANDS {
        let _ = write!(page, "\n{text}\n");
    }
    page.push_str("\n## Reasons for skipping\n\n| reason | meaning | exit status |\n|---|---|---|\n");
    for reason in REASONS {
        let status = if reason.could_not_be_placed() { ExitStatus::Partial } else { ExitStatus::Done } as u8;
        let _ = writeln!(page, "| `{}` | {} | {status} |", reason.as_str(), reason_meaning(reason));
    }
    let _ = write!(page, "\n## Configuration keys\n\n{}\n", schema().introduction);
    for section in &schema().sections {
        let _ = write!(page, "\n### `{}`\n\n{}\n", section.heading, section.text);
        page.push_str("\n| key | default | meaning |\n|---|---|---|\n");
        for SchemaKey { name, default, text } in &section.keys {
            let default = default.map_or_else(String::new, |value| format!("`{}`", value.replace('|', "\\|")));
            let _ = writeln!(page, "| `{name}` | {default} | {} |", text.replace('|', "\\|"));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_in_docs_is_generated_from_this_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference.md");
        let written = std::fs::read_to_string(path).expect("docs/reference.md");
        assert!(written == markdown(), "docs/reference.md is out of date: campaign-group-sync generate reference docs");
    }

    #[test]
    fn every_exit_status_is_listed_once_in_ascending_order() {
        assert!(EXITS.windows(2).all(|pair| (pair[0] as u8) < pair[1] as u8));
        assert!(REASONS.is_sorted_by_key(|reason| reason.could_not_be_placed()));
    }
}
