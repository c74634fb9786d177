//! What is wrong, and how to mend it: every prerequisite with its evidence, and what an association mask matches and nearly
//! matches. Writes nothing anywhere.

mod mask;
mod mask_outline;
mod mask_report;
mod near;
mod near_signs;
mod verdict;

pub use mask::{Compared, InCampaign, Matching, NameVerdict, UnderTried, compared, verdicts};
pub use mask_report::{InstanceNames, ListingOrigin, MaskError, MaskReport, Network, Question, Tried, mask_report};
pub use near::{Difference, NearMatch};
pub use near_signs::name_of;
pub use verdict::{CheckReport, Finding, Section, Verdict};
