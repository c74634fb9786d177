//! `probe`: settles with scratch records which forms of a write an instance accepts. Only on a test instance, and only
//! with records that it created itself.
//!
//! | file | what lives there |
//! |---|---|
//! | `refusal` | why an instance is not probed |
//! | `run` | a probe from the lock to the proof that nothing is left |
//! | `context` | what all steps share: client, state, lock, report, stop request |
//! | `creation`, `membership_questions`, `collection_question` | the steps that settle a question each |
//! | `cleanup` | removes scratch records, of this probe and of one that was killed |
//! | `report` | the types of the report |

mod cleanup;
mod collection_question;
mod context;
mod creation;
mod membership_questions;
mod refusal;
mod report;
mod run;

pub use refusal::{ProductionSign, Refusal, refuse_configured};
pub use report::{ProbeOutcome, ProbeReport, ProbeStep, SIGN_IN_STEPS};
pub use run::probe;
