//! What is wrong, and how to mend it: every prerequisite with its evidence, and what an association mask matches and nearly
//! matches. Writes nothing anywhere.

mod verdict;

pub use verdict::{CheckReport, Finding, Section, Verdict};
