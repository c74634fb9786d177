//! The client of Experience Cloud against the sandbox, over real HTTP: disturb one thing, read, look at the outcome and
//! at the log of requests.

mod first_pages;
mod harness;
mod patience;
mod profile_members;
mod side_by_side;
mod single_users;
mod snapshots;
mod wrong_answers;

use crate::support::options;
