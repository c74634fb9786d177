//! One cell: a place of the run, a kind of fault, and what may come of it.

use std::fmt;

use campaign_group_sync::{
    domain::Outcome,
    sandbox::{Fault, Times},
};

use super::{
    kinds::{Kind, Lasts, Nature, Wire, kinds},
    world::Setup,
};

/// A call of the run that a fault meets.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) setup: Setup,
    pub(super) name: &'static str,
    pub(super) wire: Wire,
    pub(super) role: Role,
    pub(super) depth: Depth,
    /// Selects the call; its effect is replaced.
    pub(super) call: Fault,
}

/// What depends on a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Everything: without it nothing is known of the organization.
    Organization,
    /// Likewise; a request for page 0 of a listing of the organization, which Adobe counts.
    FirstPage,
    /// The removals of one group: a second read proves them.
    SecondRead,
    /// Everything in one instance: without it nothing is known of it.
    Instance,
    /// Likewise; a call that shows a credential.
    SignIn,
    /// All changes of operators that exist: their logins are read again.
    Logins,
    /// What one write needs: a query of one row shows that it can be made.
    Proof,
    /// What one write is to make.
    Write,
    /// Likewise; a collection of rows, which are written one by one where it fails.
    WriteRows,
    /// The knowledge of what one write made.
    ReadBack,
    /// Nothing.
    Nothing,
}

/// How much was written in an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Everything that an undisturbed run writes.
    All,
    /// Nothing, and nothing was sent.
    Nothing,
    /// Some of what an undisturbed run writes.
    Some,
}

/// What may come of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) production: Written,
    pub(super) stage: Written,
    /// Whether the read-back shows something else than what is so: the report repeats it.
    pub(super) is_deceived: bool,
}

impl Expected {
    fn of(outcomes: &[Outcome], production: Written, stage: Written) -> Self {
        Self { outcomes: outcomes.to_vec(), production, stage, is_deceived: false }
    }

    /// Some of these outcomes, and some of the changes.
    pub(super) fn some(outcomes: &[Outcome]) -> Self {
        Self::of(outcomes, Written::Some, Written::All)
    }

    /// The same, where the read-back shows something else than what is so.
    pub(super) fn deceived(self) -> Self {
        Self { is_deceived: true, ..self }
    }

    /// As without the fault.
    pub(super) fn undisturbed() -> Self {
        Self::of(&[Outcome::Applied], Written::All, Written::All)
    }

    /// Nothing was written anywhere.
    pub(super) fn nothing(outcome: Outcome) -> Self {
        Self::of(&[outcome], Written::Nothing, Written::Nothing)
    }

    /// Nothing was written to production, and everything to the other instance.
    pub(super) fn without_production(outcome: Outcome) -> Self {
        Self::of(&[outcome], Written::Nothing, Written::All)
    }

    /// Some changes in production were not made.
    pub(super) fn partial() -> Self {
        Self::some(&[Outcome::Partial])
    }
}

/// One cell of the matrix.
#[derive(Clone)]
pub(super) struct Cell {
    pub(super) place: Place,
    pub(super) kind: Kind,
    pub(super) expected: Expected,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.kind.name)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setup.name(), self.name)
    }
}

impl Cell {
    /// The fault to inject.
    pub(super) fn fault(&self) -> Fault {
        let fault = Fault { effect: (self.kind.effect)(), ..self.place.call.clone() };
        match self.kind.lasts {
            Lasts::Once => Fault { times: Times::Count(1), ..fault },
            Lasts::On => fault.forever(),
        }
    }
}

/// Which kinds of faults meet a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// All.
    AllKinds,
    /// Those that meet every place, and one in [`STRIDE`] of the others: another one at each place of a subject.
    Selection,
}

/// Every place is met by one in so many of the kinds.
const STRIDE: usize = 20;

/// Where its value is `full`, all kinds meet all places: three times as many cells.
const FULL: &str = "FAULT_MATRIX";

/// The cells of places, each with the kinds of faults that can meet it.
pub(super) fn cells_of(places: &[Place]) -> Vec<Cell> {
    let is_full = std::env::var(FULL).is_ok_and(|value| value == "full");
    let of_place = |(at, place): (usize, &Place)| {
        let kinds = kinds().into_iter().filter(|kind| kind.meets(place.wire)).enumerate();
        let is_selected = |number: usize, kind: &Kind| kind.is_everywhere() || (number + at).is_multiple_of(STRIDE);
        let selected = kinds
            .filter(|(number, kind)| is_full || place.depth == Depth::AllKinds || is_selected(*number, kind))
            .map(|(_, kind)| Cell { place: place.clone(), expected: expected(place, &kind), kind });
        selected.collect::<Vec<_>>()
    };
    places.iter().enumerate().flat_map(of_place).collect()
}

/// What a fault makes of the call that it meets, after retries.
enum Met {
    /// The call succeeds.
    Over,
    /// The call fails, and what needs it has this outcome.
    Fails(Outcome),
}

fn met(place: &Place, kind: &Kind) -> Met {
    use Met::{Fails, Over};
    let is_retried = place.role != Role::FirstPage && kind.lasts == Lasts::Once;
    let retried = |outcome| if is_retried { Over } else { Fails(outcome) };
    // What a write made is read back, whatever became of its answer.
    let is_write = matches!(place.role, Role::Write | Role::WriteRows);
    if is_write && kind.lets_it_pass() {
        return Over;
    }
    match kind.nature {
        Nature::Harmless | Nature::ShortPause => Over,
        Nature::ServedPause | Nature::NoAnswer => retried(Outcome::Unavailable),
        Nature::Overdue => Fails(Outcome::Unavailable),
        Nature::Limited => retried(Outcome::Throttled),
        Nature::LongPause => Fails(Outcome::Throttled),
        // A credential that is refused is refused again, and an account may be locked.
        Nature::Stale | Nature::StaleInside if place.role == Role::SignIn || place.wire == Wire::Token => {
            Fails(Outcome::Refused)
        }
        // The fault may quote the row, so that a single write is not repeated.
        Nature::StaleInside if place.role == Role::Write => Fails(Outcome::Partial),
        Nature::Stale | Nature::StaleInside if kind.lasts == Lasts::Once => Over,
        Nature::Stale | Nature::StaleInside | Nature::Refused => Fails(Outcome::Refused),
        Nature::Garbled => retried(Outcome::Incomplete),
        Nature::Absent | Nature::Wrong | Nature::Huge => Fails(Outcome::Incomplete),
    }
}

/// What may come of a kind of fault at a place.
fn expected(place: &Place, kind: &Kind) -> Expected {
    let outcome = match met(place, kind) {
        Met::Over => return Expected::undisturbed(),
        Met::Fails(outcome) => outcome,
    };
    match place.role {
        Role::Organization | Role::FirstPage => Expected::nothing(outcome),
        Role::Instance | Role::SignIn => Expected::without_production(outcome),
        Role::SecondRead | Role::Logins | Role::Proof | Role::Write | Role::WriteRows | Role::ReadBack => {
            Expected::partial()
        }
        Role::Nothing => Expected::undisturbed(),
    }
}
